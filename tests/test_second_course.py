"""Promises of a second course: it is files only, the farewell offers it, one tap enrols, and two never get mixed up."""

from __future__ import annotations

import re
import shutil
import tomllib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from conftest import ON_SQLITE
from sqlalchemy import update
from starlette.testclient import TestClient

from course.app import App
from course.content.courses import lesson_name
from course.content.sources import ContentError
from course.journeys import privacy, suppression
from course.settings import EMAILS
from course.store.tables import subscribers
from course.web import create_app

FIRST, NEXT = "self-compassion", "writing-with-self-compassion"
ROOT = Path(__file__).parents[1]
SITE = "http://127.0.0.1:8000"
WORDS = {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in (EMAILS / "words").glob("en-*.toml")}
TABLES = ("subscribers", "enrolments", "deliveries", "consents", "suppressions", "history", "limits", "skips")


def live(world, days):
    """Let days go by, with a tick at the hour of the letters and one at noon."""
    for _ in range(days):
        for hours in (20, 4):
            world.clock.go(hours=hours)
            world.app.tick()


def finish(world, who="alice", **changed):
    """Let somebody take the first course to its end; return the farewell."""
    world.join(who, **changed)
    live(world, 7)
    return world.box.last("farewell")


def join_token(mail):
    """Return the token of the next course's page in a farewell."""
    return mail.values["offer_url"].removeprefix(f"{SITE}/join/")


def browser(world):
    """Return a visitor's browser."""
    return TestClient(create_app(world.app), base_url=SITE, headers={"Accept-Language": "en-GB"})


def both(world):
    """Let Alice take both courses at once, from the same evening; return when the first lessons have come."""
    for course in (FIRST, NEXT):
        world.join(course=course)
    live(world, 1)


def lesson(world, course, day=1):
    """Return a lesson of a course as Alice got it."""
    name = lesson_name(day)
    return next(mail for mail in world.box.sent if (mail.mailing.course, mail.mailing.name) == (course, name))


def standing(world):
    """Return how each round stands, the oldest first."""
    return world.rows("SELECT course, status FROM enrolments ORDER BY id")


# The series itself.


@ON_SQLITE
def test_the_series_has_four_weekly_parts_in_both_languages(world):
    """As the outline has them, each with steps, a small version, a prompt and a closing."""
    course = world.app.catalogue.courses[NEXT]

    assert (course.days, course.pace, course.locales) == (4, "weekly", ("en-GB", "en-US"))
    for lesson_source in course.lessons.values():
        assert [part.id for part in lesson_source.sections] == ["opening", "steps", "small", "prompt", "closing"]
    assert [str(course.lessons[day, "en-GB"].front["subject"]) for day in range(1, 5)] == [
        "Part 1: everyday noticing",
        "Part 2: a letter between friends",
        "Part 3: told by someone kind",
        "Part 4: keeping it",
    ]


@ON_SQLITE
def test_a_part_comes_each_week_and_is_called_so(world):
    """Four letters, seven dates apart; the welcome says how soon they follow, the receipt says "Part 2"."""
    world.join(course=NEXT)
    began = world.clock.at
    live(world, 9)
    world.reply(world.box.last("day-2"))
    world.app.tick()
    welcome, receipt = world.box.last("welcome"), world.box.last("receipt")
    dates = [row[0] for row in world.rows("SELECT local_date FROM deliveries WHERE kind = 'lesson' ORDER BY day")]

    assert "There are 4 letters, one a week." in welcome.mailing.text_for(welcome.values)
    assert [str(date) for date in dates] == [f"{began + timedelta(days=days):%Y-%m-%d}" for days in (1, 8)]
    assert receipt.mailing.subject_for(receipt.values) == "Part 2 is noted"


@ON_SQLITE
def test_pages_call_a_part_what_its_mails_call_it(world):
    """Writing, the check-in, what follows it, "My course" and the letter on it: nothing there is a day."""
    world.join(course=NEXT)
    live(world, 1)
    token, visitor = world.link(lesson(world, NEXT), "mine"), browser(world)
    pages = {path: visitor.get(f"/{path}/{token}").text for path in ("write", "checkin", "mine")}
    pages["read"] = visitor.get(f"/mine/{token}/day/1").text
    pages["wrote"] = visitor.post(f"/write/{token}", data={"words": "One sentence.", "nonce": "a"}).text
    pages["same"] = visitor.post(f"/checkin/{token}", data={"answer": "same"}).text
    pages["heavier"] = visitor.post(f"/checkin/{token}", data={"answer": "heavier"}).text
    pages["again"] = visitor.post(f"/mine/{token}", data={"do": "again", "day": "1"}).text
    pages["done"] = visitor.post(f"/mine/{token}", data={"do": "done", "day": "1"}).text

    assert [name for name, page in pages.items() if re.search(r"\bday \d", page, re.IGNORECASE)] == []
    assert "<h1>Part 1: write here</h1>" in pages["write"]
    assert "<h1>Part 1 is noted</h1>" in pages["wrote"]
    assert "part 1" in pages["checkin"]
    assert "The letter of part 1 is on its way" in pages["again"]
    assert "Part 1 is marked as done." in pages["done"]
    assert "once more, with part 1." in pages["mine"]


@ON_SQLITE
def test_pages_and_questions_speak_of_the_courses_own_rhythm(world):
    """One a day for the five days, one a week for the series: on its page, and where a sign-up by mail is asked."""
    pages = {course: browser(world).get(f"/courses/{course}").text for course in (FIRST, NEXT)}
    to = f"join-{NEXT}@{world.app.settings.reply_domain}"
    world.deliver(f"From: bob@example.org\nTo: {to}\nMessage-ID: <1@c.example.org>\n\nHello\n".encode())
    world.app.tick()
    asked = world.box.last("joining")

    assert "5 letters, one a day" in pages[FIRST]
    assert "4 letters, one a week" in pages[NEXT]
    assert "one a day" not in pages[NEXT]
    assert "It is 4 letters, one a week." in asked.mailing.text_for(asked.values)


@ON_SQLITE
@pytest.mark.parametrize("locale", sorted(WORDS))
def test_the_words_know_every_unit_and_every_pace(world, locale):
    """Whatever a course.toml may say and a person may choose has its words."""
    for course in world.app.catalogue.courses.values():
        assert world.app.catalogue.called(course.name, 2, locale)["lesson"]
        assert course.unit in WORDS[locale]["units"]
    assert set(WORDS[locale]["rhythm"]) == {"daily", "weekdays", "weekly", "self-paced"}


# The farewell offers it.


def test_a_word_in_a_reply_asks_for_it_and_a_yes_begins_it(world):
    """For whoever has letters without links: the question shows the consent, and holds no link either."""
    farewell = finish(world)
    world.reply(farewell, "NO LINKS")
    world.reply(farewell, "Next course, please")
    world.app.tick()
    asked = world.box.last("joining")
    between = standing(world)
    world.reply(asked, "Yes")
    live(world, 1)
    (wording,) = world.rows("SELECT wording FROM consents ORDER BY id DESC LIMIT 1")[0]

    assert "/confirm/" not in asked.mailing.text_for(asked.values) + asked.mailing.html_for(asked.values)
    assert world.app.catalogue.consent("en-GB") in asked.mailing.text_for(asked.values)
    assert between == [(FIRST, "finished"), (NEXT, "pending")]
    assert standing(world) == [(FIRST, "finished"), (NEXT, "active")]
    assert wording == world.app.catalogue.consent("en-GB")
    assert (NEXT, "day-1") in [(mail.mailing.course, mail.mailing.name) for mail in world.box.sent]


def test_a_yes_to_the_next_course_keeps_what_was_chosen_meanwhile(world):
    """Alice moves her letters to nine in the evening in Tokyo before she says yes; the new course keeps to that."""
    world.reply(finish(world), "next course")
    world.app.tick()
    asked = world.box.last("joining")
    with world.app.service.store.transaction() as tx:
        tx.execute(update(subscribers).values(send_hour=21, timezone="Asia/Tokyo", name="Al"))
    world.reply(asked, "yes")
    live(world, 2)

    assert standing(world)[-1] == (NEXT, "active")
    assert world.rows("SELECT name, send_hour, timezone FROM subscribers") == [("Al", 21, "Asia/Tokyo")]
    assert world.box.last("day-1").date.hour == 12  # nine in the evening in Tokyo


def test_whoever_is_in_it_already_hears_so(world):
    """Nothing begins twice."""
    both(world)
    world.reply(lesson(world, FIRST), "next course")
    world.app.tick()

    assert standing(world) == [(FIRST, "active"), (NEXT, "active")]
    assert world.box.last("again").mailing.course == NEXT


def test_where_no_course_comes_next_the_line_is_an_answer(world):
    """Of the last course, and in a language that the next one is not written in."""
    world.join(course=NEXT)
    world.join("dana", locale="es")
    live(world, 1)
    decided = [
        world.reply(next(one for one in world.box.sent if one.to.startswith(who) and one.mailing.day), words)
        for who, words in (("alice", "next course"), ("dana", "siguiente curso"))
    ]

    assert decided == [["completed"], ["completed"]]


@ON_SQLITE
def test_the_farewell_offers_the_next_course(world):
    """What it is, in one sentence, and one link to its page, in both parts of the mail."""
    farewell = finish(world)
    text, html = farewell.mailing.text_for(farewell.values), farewell.mailing.html_for(farewell.values)

    assert "There is another course, “Writing with self-compassion”. Four short emails, one a week" in text
    assert text.count("/join/") == html.count("/join/") == 1


@ON_SQLITE
def test_whoever_is_in_it_is_not_offered_it(world):
    """Alice takes both: the farewell of the first speaks of no other, and its button leads to the course page."""
    world.join(course=NEXT)
    farewell = finish(world)
    text = farewell.mailing.text_for(farewell.values)

    assert "another course" not in text
    assert farewell.values["offer_url"] == SITE


@ON_SQLITE
def test_the_last_course_offers_none(world):
    """Nothing comes after the series: its farewell says that one may come again."""
    world.join(course=NEXT)
    live(world, 25)
    farewell = world.box.last("farewell")

    assert farewell.mailing.course == NEXT
    assert "you would be welcome" in farewell.mailing.text_for(farewell.values)
    assert "/join/" not in farewell.mailing.text_for(farewell.values)


@ON_SQLITE
def test_a_course_that_is_not_in_their_language_is_not_offered(world):
    """Nobody is offered letters in a language that they did not choose."""
    catalogue = world.app.catalogue

    assert catalogue.next_course(FIRST, "en-US") is catalogue.courses[NEXT]
    assert catalogue.next_course(FIRST, "fr") is None
    assert catalogue.next_course("gone", "en-US") is None


# One tap enrols.


@ON_SQLITE
def test_opening_the_offer_changes_nothing(world):
    """A scanner may GET and HEAD it: it shows what it is, and the consent word for word."""
    token = join_token(finish(world))
    before = {table: world.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in TABLES}  # noqa: S608 (our own names)
    visitor = browser(world)
    page = visitor.get(f"/join/{token}")
    visitor.head(f"/join/{token}")

    assert page.status_code == 200
    assert world.app.catalogue.consent("en-GB") in page.text
    assert "4 letters, one a week" in page.text
    assert page.headers["cache-control"] == "no-store"
    assert "alice" not in page.text.casefold()
    assert {table: world.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in TABLES} == before  # noqa: S608


def test_one_tap_enrols(world):
    """Confirmed at once, same hour, zone and language; the consent stands with its wording; the page says when."""
    farewell = finish(world, locale="en-US", timezone="America/New_York", send_hour=7)
    page = browser(world).post(f"/join/{join_token(farewell)}")
    world.app.tick()
    consent = world.rows("SELECT course, what, wording, locale, how FROM consents ORDER BY id")[-1]

    assert "The first letter is planned for" in page.text
    assert "7:" in page.text
    assert standing(world) == [(FIRST, "finished"), (NEXT, "active")]
    assert consent == (NEXT, "given", world.app.catalogue.consent("en-US"), "en-US", "join")
    assert world.box.last("welcome").mailing.course == NEXT


def test_pressing_in_parallel_makes_one_round(world):
    """Eight POSTs at once: one round, one welcome, one consent; the later ones say that all is well."""
    token = join_token(finish(world))
    visitor = browser(world)
    with ThreadPoolExecutor(8) as pool:
        pages = list(pool.map(lambda _: visitor.post(f"/join/{token}"), range(8)))
    world.app.tick()

    assert {page.status_code for page in pages} == {200}
    assert standing(world) == [(FIRST, "finished"), (NEXT, "active")]
    assert world.rows("SELECT count(*) FROM consents WHERE what = 'given'") == [(2,)]
    assert [mail.mailing.course for mail in world.box.sent if mail.mailing.name == "welcome"] == [FIRST, NEXT]


@ON_SQLITE
def test_a_link_begins_one_round(world):
    """While that goes on it says so; once it is over, the link has had its use."""
    token = join_token(finish(world))
    visitor = browser(world)
    visitor.post(f"/join/{token}")
    world.app.tick()
    during = visitor.get(f"/join/{token}")
    world.app.leave(world.leave_token(), "page")

    assert "You have already said yes" in during.text
    assert (visitor.get(f"/join/{token}").status_code, visitor.post(f"/join/{token}").status_code) == (404, 404)
    assert standing(world) == [(FIRST, "finished"), (NEXT, "stopped")]


@ON_SQLITE
@pytest.mark.parametrize("gone", ["suppressed", "erased", "forged", "another purpose"])
def test_a_link_that_is_of_no_use_is_the_old_link_page(world, gone):
    """Whoever wants no mail, was erased, or holds no token of ours sees the one page for all of them."""
    farewell = finish(world)
    token = join_token(farewell)
    if gone == "suppressed":
        with world.app.service.store.transaction() as tx:
            suppression.suppress(tx, world.app.keys, "alice@example.org", "complained", world.clock.real())
    elif gone == "erased":
        privacy.erase(world.app.service, "alice@example.org", world.clock.now())
    else:
        token = "00" * 30 if gone == "forged" else world.leave_token(farewell)
    rounds = standing(world)
    visitor = browser(world)
    pages = visitor.get(f"/join/{token}"), visitor.post(f"/join/{token}")

    assert [page.status_code for page in pages] == [404, 404]
    assert all("This link does not work any more" in page.text for page in pages)
    assert standing(world) == rounds


@ON_SQLITE
def test_a_sign_up_that_waited_for_its_yes_gets_it(world):
    """Alice typed her address for the series and never confirmed: the tap begins that round, and no second one."""
    token = join_token(finish(world))
    world.sign_up(course=NEXT)
    browser(world).post(f"/join/{token}")

    assert standing(world) == [(FIRST, "finished"), (NEXT, "active")]


# Two courses at once.


def test_two_courses_send_one_lesson_each_a_date(world):
    """Each at the same hour, and neither twice on one date: the constraint is per course."""
    both(world)
    live(world, 8)
    sent = world.rows(
        "SELECT course, local_date, count(*) FROM deliveries WHERE local_date IS NOT NULL GROUP BY course, local_date"
    )

    assert {count for *_, count in sent} == {1}
    assert sorted((course, str(date)) for course, date, _ in sent)[:2] == [(FIRST, "2027-03-02"), (FIRST, "2027-03-03")]
    assert [str(date) for course, date, _ in sorted(sent) if course == NEXT] == ["2027-03-02", "2027-03-09"]


def test_replies_land_in_the_course_that_they_answer(world):
    """Day 1 of one and part 1 of the other are each done by their own reply; each receipt stands below its lesson."""
    both(world)
    answered = {}
    for course in (NEXT, FIRST):
        mail = lesson(world, course)
        world.reply(mail)
        world.app.tick()
        answered[course] = (world.box.sent[-1], mail)
    done = world.rows("SELECT e.course, c.day FROM completions c JOIN enrolments e ON e.id = c.enrolment_id")

    assert sorted(done) == [(FIRST, 1), (NEXT, 1)]
    for course, (receipt, mail) in answered.items():
        assert receipt.mailing.course == course
        assert receipt.in_reply_to == mail.message_id
    assert answered[NEXT][0].mailing.subject_for(answered[NEXT][0].values) == "Part 1 is noted"
    assert answered[FIRST][0].mailing.subject_for(answered[FIRST][0].values) == "Day 1 is noted"


def test_stop_in_a_reply_leaves_that_course_alone(world):
    """The other goes on."""
    both(world)
    world.reply(lesson(world, NEXT), "STOP")

    assert standing(world) == [(FIRST, "active"), (NEXT, "stopped")]


@ON_SQLITE
def test_a_bare_stop_is_about_the_only_course_that_goes_on(world):
    """Without a token it cannot be told which of two is meant, so it is held; of one alone it can."""
    both(world)
    bare = {"To": f"hello@{world.app.settings.reply_domain}", "From": "alice@example.org"}

    def stop():
        raw = "".join(f"{name}: {said}\n" for name, said in bare.items())
        world.app.receive(
            f"{raw}Message-ID: <{world.clock.at.timestamp()}@c.example.org>\n\nSTOP\n".encode(),
            source="test",
            passed=("example.org",),
        )
        return [str(decision) for decision in world.app.read_spool()]

    undecided = stop(), standing(world)
    world.app.leave(world.leave_token(lesson(world, FIRST)), "page")
    world.clock.go(minutes=1)

    assert undecided == (["held"], [(FIRST, "active"), (NEXT, "active")])
    assert stop() == ["command"]
    assert standing(world) == [(FIRST, "stopped"), (NEXT, "stopped")]


@ON_SQLITE
def test_the_links_of_two_courses_differ(world):
    """Their pages and their ways out: what is pressed in one mail is about its course."""
    both(world)
    mails = lesson(world, FIRST), lesson(world, NEXT)

    for what in ("mine", "leave"):
        assert len({world.link(mail, what) for mail in mails}) == 2
    assert len({mail.list_id for mail in mails}) == 2


# The design: a course says it.


@ON_SQLITE
@pytest.mark.parametrize(
    ("line", "say"),
    [('unit = "step"', "unit: write one of day, part"), ("next = 5", "next: write the name of another course")],
)
def test_a_slip_in_a_courses_own_words_is_named(settings, tmp_path, line, say):
    """With what to write there."""
    emails = tmp_path / "emails"
    shutil.copytree(EMAILS, emails)
    path = emails / "courses" / NEXT / "course.toml"
    known = path.read_text(encoding="utf-8").replace('unit = "part"\n', "")
    path.write_text(known.replace("days = 4\n", f"days = 4\n{line}\n"), encoding="utf-8")

    with pytest.raises(ContentError, match=say):
        App.build(settings.model_copy(update={"emails_dir": emails}))


def test_no_part_of_the_program_names_a_course():
    """What a course is called stands in emails/ alone: another one comes by adding files."""
    titles = [tomllib.loads(path.read_text(encoding="utf-8"))["title"] for path in EMAILS.glob("courses/*/course.toml")]
    names = {FIRST, NEXT, *(said for title in titles for said in title.values())}
    kinds = {".py", ".html", ".js", ".css", ".toml", ".mako"}
    files = [path for path in (ROOT / "course").rglob("*") if path.suffix in kinds] + [ROOT / "worker.py"]
    read = {path: path.read_text(encoding="utf-8").casefold() for path in files}

    assert len(files) > 200
    assert [(str(path), name) for path, text in read.items() for name in names if name.casefold() in text] == []
