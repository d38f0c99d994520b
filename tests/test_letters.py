"""Promises of the letter that comes back: locked, in no mail unless asked for, theirs to open, put off or erase."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from html import unescape

import pytest
from conftest import ON_SQLITE, make_settings
from sqlalchemy import delete, select
from sqlalchemy import text as sql
from starlette.testclient import TestClient

from course import links
from course.app import App
from course.journeys import letter_ends, letters, people, person_keys, privacy
from course.settings import SettingsError
from course.store.key_store import person_keys as keys_table
from course.store.states import EndedReason
from course.store.tables import subscribers
from course.web import create_app

SITE = "http://127.0.0.1:8000"
OLD, NEW = "journal-key-of-the-tests-0123456789abcdef", "journal-key-that-is-newer-0123456789abcdef"
CANARY = "heron-canary"
TEXT = f"Dear me, no wonder it was <hard>.\n\n{CANARY} & yours — ø"
FORM = {"choice": "keep", "text": TEXT, "months": "3", "consent": "yes"}


@pytest.fixture
def settings(tmp_path, database):
    """Load the settings of a service that can lock what people write."""
    return make_settings(data_dir=tmp_path / "var", database_url=database, spread_minutes=1, journal_keys=OLD)


@pytest.fixture
def browser(world):
    """Return a visitor's browser."""
    return TestClient(create_app(world.app), base_url=SITE, headers={"Accept-Language": "en-GB"})


def day(world, number=1, who="alice"):
    """Let somebody get the lesson of a day; return it."""
    if not world.box.names(f"{who}@example.org"):
        world.join(who)
    while f"day-{number}" not in world.box.names(f"{who}@example.org"):
        to_eight(world)
    return next(mail for mail in world.box.sent if mail.mailing.name == f"day-{number}" and mail.to.startswith(who))


def to_eight(world):
    """Let time go on to the next eight o'clock."""
    world.clock.go(hours=(8 - world.clock.at.hour) % 24 or 24)
    world.app.tick()


def pass_days(world, days):
    """Let days go by, with a tick at noon and one at eight."""
    for _ in range(days):
        to_eight(world)


def page_of(world, mail):
    """Return the path of the letter's page of a mail."""
    return f"/letter/{world.link(mail, 'mine')}"


def kept(world, browser, **changed):
    """Let Alice keep a letter on the page of day 1: its path."""
    path = page_of(world, day(world))
    answer = browser.post(path, data=FORM | changed)
    assert answer.status_code == 200
    return path


def until_told(world, notice="letter"):
    """Let time go by until the letter's mail has come."""
    for _ in range(200):
        if notice in world.box.names():
            return world.box.last(notice)
        to_eight(world)
    pytest.fail("it never came")
    return None


def text(page):
    """Return a page as it is read."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


def title(page):
    """Return a page's heading."""
    return re.search(r"<h1>(.*?)</h1>", page.text)[1]


def count(world):
    """Return how many letters are kept."""
    return len(world.rows("SELECT id FROM letters"))


def visit(world, browser, path):
    """Press "Open it" and follow the fresh link: Alice's own pages are open in her browser."""
    browser.post(path, data={"choice": "open"})
    world.app.tick()
    opening = f"/open/{world.link(world.box.last('fresh'), 'open')}"
    return browser.post(opening, headers={"Origin": SITE})


def open_it(browser):
    """Press the button on the page of the letter."""
    number = re.search(r'name="letter" value="(\d+)"', browser.get("/own/letter").text)[1]
    return browser.post("/own/letter", data={"letter": number}, headers={"Origin": SITE})


# Asking for it.


def test_a_letter_is_kept_locked_with_its_consent(world, browser):
    """It is in no file as it was written; its key is Alice's own; the consent is kept word for word as it was shown."""
    path = page_of(world, day(world))
    shown = text(browser.get(path))
    browser.post(path, data=FORM)
    what, wording, how = world.rows("SELECT what, wording, how FROM consents ORDER BY id")[-1]

    assert (what, how) == ("letter-given", "page")
    assert wording in shown
    assert world.rows("SELECT months, in_mail FROM letters") in ([(3, False)], [(3, 0)])
    assert world.rows("SELECT level FROM journals") == []
    folder = world.app.settings.data_dir
    assert [path.name for path in folder.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()] == []


@ON_SQLITE
def test_opening_the_page_keeps_nothing_and_ticks_nothing(world, browser):
    """GET and HEAD change nothing; neither box is ticked and no time is chosen."""
    path = page_of(world, day(world))
    page = browser.get(path)
    browser.head(path)

    assert (page.status_code, count(world)) == (200, 0)
    assert " checked" not in page.text
    assert " selected" not in page.text


@ON_SQLITE
@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"consent": ""}, "consent"),
        ({"months": "2"}, "months"),
        ({"months": ""}, "months"),
        ({"text": " \n"}, "text"),
        ({"text": "x" * (letters.LONGEST + 1)}, "text"),
    ],
)
def test_what_is_lacking_is_said_and_nothing_that_was_typed_is_lost(world, browser, changed, field):
    """Without a yes nothing is kept; the page comes back with the words in it."""
    path = page_of(world, day(world))
    page = browser.post(path, data=FORM | changed)

    assert (page.status_code, count(world)) == (422, 0)
    assert f'id="{field}-error"' in page.text
    assert (changed.get("text", TEXT)).strip() in unescape(page.text)


@ON_SQLITE
@pytest.mark.parametrize("letter", ["x", "ש", "慈", "💛"])
def test_a_letter_may_be_as_long_as_is_said_in_any_script(world, browser, letter):
    """Without scripts and in an old browser, too, that writes each byte as three; a longer one is shown again."""
    path = page_of(world, day(world))
    longer = browser.post(path, data=FORM | {"text": letter * (letters.LONGEST + 1)})
    page = browser.post(path, data=FORM | {"text": letter * letters.LONGEST})

    assert (longer.status_code, longer.text.count(letter) > letters.LONGEST) == (422, True)
    assert (page.status_code, count(world)) == (200, 1)


@ON_SQLITE
@pytest.mark.parametrize("choice", ["later", "cancel", "open"])
def test_choices_about_a_letter_that_is_not_there_change_nothing(world, browser, choice):
    """The page shows what is so."""
    path = page_of(world, day(world))

    assert title(browser.post(path, data={"choice": choice})) == "Have your letter come back"
    assert world.rows("SELECT what FROM consents") == [("given",)]


@ON_SQLITE
def test_no_link_of_another_kind_opens_the_page(world, browser):
    """Forged, cut short, of another purpose: the one page for old links."""
    path = kept(world, browser)
    answers = [browser.get(path[:-1]), browser.get("/letter/a"), browser.get(f"/letter/{world.leave_token()}")]
    answers += [browser.post(path[:-1], data={"choice": "cancel"})]

    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert count(world) == 1


@ON_SQLITE
def test_no_page_behind_a_mails_own_link_shows_a_word_of_it(world, browser):
    """Whoever holds the mail holds the link: whatever is pressed, the letter's words are not there."""
    path = kept(world, browser)
    until_told(world)
    answers = [browser.get(path)]
    answers += [browser.post(path, data={"choice": choice}) for choice in ("open", "later", "cancel")]

    assert {answer.status_code for answer in answers} == {200}
    assert all(CANARY not in answer.text for answer in answers)


def test_the_check_in_of_days_four_and_five_offers_it(world, browser):
    """And that of the other days does not; the farewell does."""
    day(world, 5)
    pass_days(world, 2)
    lessons = [next(mail for mail in world.box.sent if mail.mailing.name == f"day-{number}") for number in (3, 4, 5)]
    pages = [browser.post(f"/checkin/{world.link(mail, 'checkin')}", data={"answer": "same"}).text for mail in lessons]
    farewell = world.box.last("farewell")

    assert ["/letter/" in page for page in pages] == [False, True, True]
    assert f"{SITE}/letter/" in farewell.mailing.text_for(farewell.values)


# By reply.


def test_a_reply_that_asks_for_it_keeps_what_stands_below(world, browser):
    """Asking is the consent; the day counts; a mail says what is kept and until when, and quotes nothing."""
    lesson = day(world)
    decided = world.reply(lesson, f"Letter 3 months\n\n{TEXT}")
    world.app.tick()
    mail = world.box.last("kept")
    said = mail.mailing.text_for(mail.values)
    with world.app.service.store.reading() as tx:
        row = tx.execute(letters.select(letters.letters)).one()

    assert decided == ["command"]
    assert letters.opened(world.app.service, row) == TEXT
    assert world.rows("SELECT what, how FROM consents ORDER BY id")[-1] == ("letter-given", "reply")
    assert "On 2 June 2027" in said
    assert CANARY not in said
    assert world.rows("SELECT day FROM completions") == [(1,)]


@ON_SQLITE
@pytest.mark.parametrize(
    "line", ["LETTER 1 month", "letter in six months", "Please send my letter back in 3 months", "letter: 3 months"]
)
def test_it_can_be_said_in_several_ways(world, line):
    """One, three and six, in figures or words."""
    found = world.app.catalogue.command("self-compassion", "en-GB", line)

    assert (found.name if found else None, found.months if found else None) == (
        ("LETTER", {"1": 1, "s": 6, "3": 3}[re.search(r"1|six|3", line)[0][0]]) if ":" not in line else (None, None)
    )


@ON_SQLITE
@pytest.mark.parametrize("line", ["letter", "A letter in three months of silence", "Letter", "letter: to my mother"])
def test_other_lines_are_words_like_any_other(world, line):
    """What is no such time is an answer to the lesson, so nothing below it gets lost."""
    assert world.app.catalogue.command("self-compassion", "en-GB", line) is None


@ON_SQLITE
@pytest.mark.parametrize("words", [f"LETTER 2 MONTHS\n\n{TEXT}", f"Letter three months: {TEXT}", "letter in 12 months"])
def test_a_letter_that_cannot_come_back_is_an_answer_and_its_writer_hears_so(world, words):
    """Nothing is kept to come back, nobody believes that it is, and the day counts."""
    decided = world.reply(day(world), words)
    world.app.tick()
    mail = world.box.last("months")
    said = mail.mailing.text_for(mail.values)

    assert (decided, count(world)) == (["command"], 0)
    assert "one, three or six months" in said
    assert CANARY not in said
    assert world.rows("SELECT day FROM completions") == [(1,)]


def test_asking_without_a_letter_is_answered_with_the_way_to_write_it(world, browser):
    """Nothing is kept, and that is said."""
    world.reply(day(world), "letter 3 months")
    world.app.tick()
    mail = world.box.last("unwritten")

    assert count(world) == 0
    assert title(browser.get(page_of(world, mail))) == "Have your letter come back"


def test_another_letter_takes_the_place_of_the_first(world):
    """One for each round."""
    lesson = day(world)
    world.reply(lesson, "letter 3 months\n\nthe first")
    world.reply(lesson, "letter 1 month\n\nthe second")
    with world.app.service.store.reading() as tx:
        rows = tx.execute(letters.select(letters.letters)).all()

    assert [(row.months, letters.opened(world.app.service, row)) for row in rows] == [(1, "the second")]


def told(world):
    """Let a month go by in one step; return the mail that says that the letter is ready."""
    world.clock.go(days=31)
    to_eight(world)
    return world.box.last("letter")


def said(world, mail, words, **headers):
    """Reply to a mail; return the answers that leave at once."""
    before = len(world.box.sent)
    world.reply(mail, words, **headers)
    world.app.tick()
    return [one.mailing.name for one in world.box.sent[before:]]


def test_a_reply_opens_it_in_a_mail_to_the_address_on_file(world, browser):
    """The consent is recorded, and thirty days after the first time our copy is erased."""
    kept(world, browser, months="1")
    answers = said(world, told(world), "OPEN LETTER")
    mail = world.box.last("returned")
    pass_days(world, 1)
    again = said(world, mail, "open letter")
    opened_at, asked = world.rows("SELECT erase_at FROM letters")[0][0], world.rows("SELECT what, how FROM consents")
    world.clock.go(days=30)
    world.app.tidy()

    assert answers == again == ["returned"]
    assert mail.to == "alice@example.org"
    assert TEXT in mail.mailing.text_for(mail.values)
    assert b"Auto-Submitted: auto-replied" in mail.as_bytes()
    assert asked[-2:] == [("letter-given", "reply")] * 2
    assert opened_at is not None
    assert count(world) == 0


def test_a_letter_that_waits_is_not_opened_by_a_reply(world):
    """The answer says when it comes, and nothing changes."""
    lesson = day(world)
    said(world, lesson, f"Letter 3 months\n\n{TEXT}")
    before = world.rows("SELECT due_at, told_at, erase_at FROM letters")
    answers = [said(world, lesson, words) for words in ("open letter", "letter later")]

    assert answers == [["kept"], ["kept"]]
    assert CANARY not in "".join(mail.mailing.text_for(mail.values) for mail in world.box.sent)
    assert world.rows("SELECT due_at, told_at, erase_at FROM letters") == before


def test_a_reply_lets_it_wait_another_month(world, browser):
    """The answer says until when; then word of it comes once more."""
    kept(world, browser, months="1")
    answers = said(world, told(world), "Letter later, please")
    mail = world.box.last("kept")
    told(world)

    assert answers == ["kept"]
    assert "May 2027, a short email says that it is ready" in mail.mailing.text_for(mail.values)
    assert world.box.names().count("letter") == 2


@pytest.mark.parametrize("when", ["waiting", "ready", "opened"])
def test_a_reply_erases_it(world, browser, when):
    """Before its time, unread or read: it is gone, the consent is taken back, and the answer says that none is kept."""
    kept(world, browser, months="1")
    mail = day(world) if when == "waiting" else told(world)
    if when == "opened":
        said(world, mail, "open letter")
    answers = said(world, mail, "ERASE LETTER")
    nothing_left = said(world, mail, "OPEN LETTER")
    world.clock.go(days=40)
    to_eight(world)

    assert (answers, nothing_left) == (["unkept"], ["unkept"])
    assert count(world) == 0
    assert world.rows("SELECT what, how FROM consents ORDER BY id")[-1] == ("letter-withdrawn", "reply")
    assert world.box.names().count("letter") == (when != "waiting")


@ON_SQLITE
def test_what_a_reply_erases_is_in_no_file(world, browser, tmp_path):
    """Neither in the database nor in what it has yet to take over."""
    kept(world, browser)
    (locked,) = world.rows("SELECT locked FROM letters")[0]
    there = [any(locked in file.read_bytes() for file in tmp_path.glob("course.db*"))]
    said(world, day(world), "ERASE LETTER")
    there.append(any(locked in file.read_bytes() for file in tmp_path.glob("course.db*")))

    assert there == [True, False]


@ON_SQLITE
@pytest.mark.parametrize("how", ["taken back", "thirty days after it was read"])
def test_what_a_page_or_time_erases_is_in_no_file(world, ready, tmp_path, how):
    """The same holds for what is taken back on a page, and for what has had its time."""
    (locked,) = world.rows("SELECT locked FROM letters")[0]
    if how == "taken back":
        letters.cancel(world.app.service, *ready, world.clock.real())
    else:
        letters.open_one(world.app.service, *ready, world.clock.real())
        world.clock.go(days=31)
        letter_ends.purge(world.app.service, world.clock.real())

    assert count(world) == 0
    assert not any(locked in file.read_bytes() for file in tmp_path.glob("course.db*"))


def test_a_reply_finds_the_letter_of_the_round_before(world, browser):
    """It outlived "Start again": the mail that speaks of it means it, and so does any mail of the new round."""
    kept(world, browser, months="1")
    restarted(world, browser, day(world))
    welcome = world.box.last("welcome")
    rounds = world.rows("SELECT status, ended_reason FROM enrolments ORDER BY id")
    later = [said(world, told(world), "letter later"), said(world, welcome, "ERASE LETTER")]

    assert rounds == [("stopped", "restarted"), ("active", None)]
    assert later == [["kept"], ["unkept"]]
    assert count(world) == 0


@pytest.mark.parametrize("words", [f"Letter 3 months\n\n{TEXT}", "OPEN LETTER", "LETTER LATER", "ERASE LETTER"])
def test_whoever_has_left_hears_what_became_of_their_letter(world, browser, words):
    """Nothing is kept of somebody who has left, and the answer says so, what was erased, and how to come back."""
    kept(world, browser)
    lesson = day(world)
    said(world, lesson, "STOP")
    pass_days(world, 1)
    answers = [said(world, lesson, words) for _ in range(2)]
    mail = world.box.last("closed")
    text_of_it = mail.mailing.text_for(mail.values)

    assert answers == [["closed"], []]
    assert count(world) == 0
    assert CANARY not in text_of_it
    for told in ("You have left", "is not kept", "was erased as you left", "sign up again"):
        assert told in text_of_it


@ON_SQLITE
@pytest.mark.parametrize("line", ["open", "later", "letter", "no letter", "erase", "open the letter box", "my letter"])
def test_what_only_sounds_like_it_is_an_answer(world, line):
    """A line that somebody may write to a lesson asks nothing of a letter."""
    found = world.app.catalogue.command("self-compassion", "en-GB", line)

    assert found is None or found.name not in {"OPEN", "LATER", "ERASE"}


# When its time comes.


def test_it_comes_at_its_hour_though_the_course_is_over_and_says_only_that_it_is_ready(world, browser):
    """Three months on, at eight in the morning by her clock, summer time or not; not a word of it, once."""
    kept(world, browser)
    mail = until_told(world)
    pass_days(world, 3)

    assert world.box.names().count("letter") == 1
    assert world.rows("SELECT status FROM enrolments") == [("finished",)]
    assert mail.mailing.subject == "The letter you asked us to keep is ready"
    assert CANARY not in mail.as_bytes().decode() + mail.mailing.text_for(mail.values)
    assert world.rows("SELECT told_at FROM letters")[0][0] is not None
    assert str(mail.date.date()) in ("2027-06-02", "2027-06-03")


def test_opening_it_takes_a_fresh_link_and_thirty_days_later_it_is_erased(world, browser):
    """The page mails a link; her own pages show the letter as she wrote it; looking at the page alone opens nothing."""
    kept(world, browser)
    path = page_of(world, until_told(world))
    sent = browser.post(path, data={"choice": "open"})
    visit(world, browser, path)
    browser.get("/own/letter")
    before = world.rows("SELECT erase_at FROM letters")
    shown = open_it(browser)
    world.clock.go(days=29)
    world.app.tidy()
    still = count(world)
    world.clock.go(days=2)
    world.app.tidy()

    assert title(sent) == "Look in your inbox"
    assert before == [(None,)]
    assert TEXT in unescape(shown.text)
    assert (still, count(world)) == (1, 0)


@ON_SQLITE
def test_nobody_opens_anybody_elses(world, browser):
    """Bob's visit shows none of Alice's, whatever number he posts; without a visit there is no page."""
    path = kept(world, browser)
    until_told(world)
    assert browser.get("/own/letter").status_code == 403
    bob = page_of(world, day(world, 1, "bob"))
    browser.post(bob, data=FORM | {"text": "bob's"})
    visit(world, browser, bob)
    for number in range(5):
        answer = browser.post("/own/letter", data={"letter": str(number)}, headers={"Origin": SITE})
        assert CANARY not in answer.text
    assert world.rows("SELECT erase_at FROM letters ORDER BY id")[0] == (None,)
    assert title(browser.get(path)) == "Your letter is ready"


def test_later_is_another_month(world, browser):
    """It is told of again a month on, and not before."""
    kept(world, browser)
    path = page_of(world, until_told(world))
    page = browser.post(path, data={"choice": "later"})
    first = world.clock.at
    world.box.sent.clear()
    until_told(world)

    assert title(page) == "Your letter is kept"
    assert timedelta(days=28) <= world.clock.at - first <= timedelta(days=32)


def on_own_page(browser, choice):
    """Press a button of the letter on Alice's own pages, which are open in her browser."""
    number = re.search(r'name="letter" value="(\d+)"', browser.get("/own/letter").text)[1]
    return browser.post("/own/letter", data={"letter": number, "choice": choice}, headers={"Origin": SITE})


@pytest.mark.parametrize("told", [False, True])
def test_it_can_be_taken_back_before_and_deleted_unread_after(world, browser, told):
    """At once, with proof; nothing comes of it any more. Before its time that takes a fresh link."""
    path = kept(world, browser)
    if told:
        page = browser.post(page_of(world, until_told(world)), data={"choice": "cancel"})
    else:
        visit(world, browser, path)
        page = on_own_page(browser, "cancel")
    world.box.sent.clear()
    pass_days(world, 120)

    assert "Your letter is erased" in text(page)
    assert count(world) == 0
    assert world.rows("SELECT what FROM consents ORDER BY id")[-1] == ("letter-withdrawn",)
    assert "letter" not in world.box.names()


@ON_SQLITE
def test_on_the_own_pages_it_is_put_off_and_deleted_too(world, browser):
    """Another month later it is ready once more; then it is deleted unread."""
    kept(world, browser, months="1")
    path = page_of(world, until_told(world))
    visit(world, browser, path)
    put_off = text(on_own_page(browser, "later"))
    world.box.sent.clear()
    visit(world, browser, page_of(world, until_told(world)))
    gone = text(on_own_page(browser, "cancel"))

    assert "It waits, and comes back to you on" in put_off
    assert "Your letter is erased" in gone
    assert count(world) == 0


@ON_SQLITE
def test_what_was_opened_is_not_called_unread(world, browser):
    """Once Alice has read her letter, both pages offer to erase it, and neither says that nobody has read it."""
    kept(world, browser)
    path = page_of(world, until_told(world))
    visit(world, browser, path)
    before = text(browser.get("/own/letter")), text(browser.get(path))
    after = text(open_it(browser)), text(browser.get(path))

    assert all("Delete it unread" in page for page in before)
    assert not any("unread" in page or "nobody has read it" in page for page in after)
    assert all("Erase it now" in page for page in after)


@ON_SQLITE
def test_where_the_last_letter_is_gone_none_is_promised(world, browser):
    """Taken back before its time, it is erased: the page does not say that we write when its time has come."""
    visit(world, browser, kept(world, browser))
    waiting, gone = text(browser.get("/own/letter")), text(on_own_page(browser, "cancel"))

    assert "When its time has come, we write to you." in waiting
    assert "No letter is kept here." in gone
    assert "When its time has come" not in gone


@ON_SQLITE
def test_whoever_was_passed_a_lesson_changes_nothing_of_a_letter(world, browser):
    """The lesson's link writes one where none is kept; it erases none, puts none off and replaces none."""
    path = kept(world, browser, months="1")
    before = world.rows("SELECT id, locked, due_at FROM letters")
    another = browser.post(path, data=FORM | {"text": "not hers"})
    browser.post(path, data={"choice": "cancel"})
    waiting = world.rows("SELECT id, locked, due_at FROM letters")
    until_told(world)
    for choice in ("cancel", "later"):
        browser.post(path, data={"choice": choice})

    assert waiting == before == world.rows("SELECT id, locked, due_at FROM letters")
    assert (another.status_code, "not hers" in another.text) == (422, True)
    assert "<button" in browser.get(path).text
    assert 'value="cancel"' not in browser.get(path).text


@ON_SQLITE
def test_whoever_holds_a_lesson_leaves_no_letter_unnoticed(world, browser):
    """A lesson's link keeps one where none is kept: a mail says so, and how to have it erased; pressed twice, once."""
    path = kept(world, browser)
    browser.post(path, data=FORM)
    world.app.tick()
    mail = world.box.last("kept")

    assert world.box.names().count("kept") == 1
    assert mail.to == "alice@example.org"
    assert CANARY not in mail.mailing.text_for(mail.values)
    assert said(world, mail, "ERASE LETTER") == ["unkept"]


@pytest.mark.parametrize(
    ("ticked", "says"),
    [
        ({}, "a short email says that it is ready. The letter itself is not in that email."),
        ({"in_mail": "yes"}, "it comes in an email, as was asked. Whoever can read your mail can read it there."),
    ],
)
@ON_SQLITE
def test_the_mail_about_a_letter_that_is_kept_says_how_it_comes(world, browser, ticked, says):
    """With its words in the mail where that was asked for: on the page, and once it is put off by a reply."""
    kept(world, browser, months="1", **ticked)
    world.app.tick()
    first = world.box.last("kept")
    world.clock.go(days=31)
    to_eight(world)
    said(world, world.box.sent[-1], "LETTER LATER")
    later = world.box.last("kept")

    assert later is not first
    for mail in (first, later):
        assert says in mail.mailing.text_for(mail.values)


@ON_SQLITE
def test_a_button_that_is_pressed_twice_keeps_one_letter_and_says_so(world, browser):
    """The second answer is the one that the browser shows."""
    path = kept(world, browser)
    again = browser.post(path, data=FORM | {"text": TEXT.replace("\n", "\r\n")})

    assert (again.status_code, title(again), count(world)) == (200, "Your letter is kept", 1)
    assert "It is locked now" in text(again)


def test_each_mail_leads_to_the_letter_that_it_speaks_of(world, browser):
    """Of two rounds: the one that is ready and the one that waits; each is put off or erased by its own mail alone."""
    kept(world, browser, months="1")
    restarted(world, browser, day(world))
    pass_days(world, 1)
    world.reply(world.box.last("day-1"), "letter 6 months\n\nanother")
    world.app.tick()
    second = page_of(world, world.box.last("kept"))
    first = page_of(world, until_told(world))
    ids = [row[0] for row in world.rows("SELECT id FROM letters ORDER BY id")]
    titles = [title(browser.get(path)) for path in (first, second)]
    browser.post(second, data={"choice": "cancel"})
    browser.post(first, data={"choice": "cancel", "letter": f"{ids[1]}"})
    still = count(world)
    browser.post(first, data={"choice": "cancel", "letter": f"{ids[0]}"})

    assert titles == ["Your letter is ready", "Your letter is kept"]
    assert still == 2
    assert world.rows("SELECT id FROM letters") == [(ids[1],)]


def test_its_words_are_in_the_mail_where_that_was_asked_for(world, browser):
    """Escaped in HTML, as they are in the text; recorded with the consent; erased here after thirty days."""
    kept(world, browser, in_mail="yes")
    mail = until_told(world, "returned")
    world.clock.go(days=31)
    world.app.tidy()
    (wording,) = world.rows("SELECT wording FROM consents WHERE what = 'letter-given'")[0]

    assert TEXT in mail.mailing.text_for(mail.values)
    assert "it was &lt;hard&gt;.<br><br>" in mail.mailing.html_for(mail.values)
    assert "Put the words of my letter into that email." in wording
    assert "letter" not in world.box.names()
    assert count(world) == 0
    assert CANARY not in str(world.rows("SELECT text FROM mailings"))


# When it ends otherwise.


def test_stop_cancels_it_and_the_leave_page_says_so_first(world, browser):
    """The page warns; then it is erased at once, by whichever door."""
    kept(world, browser)
    leave = world.leave_token()
    asked = text(browser.get(f"/leave/{leave}"))
    world.reply(day(world), "STOP")

    assert "A letter of yours is kept here, to come back to you. If you leave, it is erased." in asked
    assert count(world) == 0


@ON_SQLITE
@pytest.mark.parametrize("everything", [False, True])
def test_each_door_to_leave_names_the_letter_before_it_is_erased(world, browser, everything):
    """Leaving on a page that was opened before there was a letter asks once more; the page then says so, and does."""
    lesson = day(world)
    mine, leave = f"/mine/{world.link(lesson, 'mine')}", f"/leave/{world.leave_token(lesson)}"
    before = [browser.get(mine), browser.get(leave)]
    kept(world, browser)
    wish = "everything" if everything else "leave"
    asked = [browser.post(mine, data={"do": wish}), browser.post(leave, data={"choice": wish, "letter": ""})]
    still = count(world)
    named = [
        re.search(r'name="letter" value="(\w+)"', page.text)[1] for page in (browser.get(mine), asked[0], asked[1])
    ]
    browser.post(mine, data={"do": wish, "letter": named[0]})

    assert not any("A letter of yours is kept here" in page.text for page in before)
    assert all("it is erased." in page.text for page in (browser.get(mine), *asked)[1:])
    assert (still, count(world)) == (1, 0)
    assert named == ["here"] * 3


@ON_SQLITE
def test_after_the_course_the_page_names_the_letter_at_the_button_that_erases_it(world, browser):
    """There is no course to leave any more: only leaving everything would erase it, and the page says that."""
    kept(world, browser, months="6")
    pass_days(world, 7)
    page = text(browser.get(f"/leave/{world.leave_token()}"))

    assert "There is nothing to leave." in page
    assert "If you leave everything, it is erased." in page
    assert "If you leave, it is erased." not in page


@ON_SQLITE
def test_leaving_everything_by_a_mail_of_another_course_names_the_letter(world, browser):
    """That course has none, so leaving it alone asks nothing; leaving everything says what it erases."""
    path = kept(world, browser)
    world.join(course="writing-with-self-compassion")
    mail = world.box.last("welcome")
    mine, leave = f"/mine/{world.link(mail, 'mine')}", f"/leave/{world.leave_token(mail)}"
    pages = [text(browser.get(mine)), text(browser.get(leave))]
    browser.post(mine, data={"do": "everything"})
    browser.post(leave, data={"choice": "everything"})
    browser.post(leave, data={"choice": "leave"})
    still = count(world), title(browser.get(path))
    browser.post(leave, data={"choice": "everything", "letter": "elsewhere"})

    assert all(page.count("If you leave everything, it is erased.") == 1 for page in pages)
    assert still == (1, "Your letter is kept")
    assert count(world) == 0


@ON_SQLITE
def test_a_mail_programs_own_button_asks_nothing(world, browser):
    """RFC 8058: one POST, and she has left."""
    kept(world, browser)
    answer = browser.post(f"/leave/{world.leave_token(day(world))}", data={"List-Unsubscribe": "One-Click"})

    assert (answer.status_code, count(world)) == (200, 0)


@ON_SQLITE
def test_a_pause_asks_nothing_and_the_page_still_names_the_letter(world, browser):
    """It erases none; the buttons to leave are on the page that follows."""
    kept(world, browser)
    page = browser.post(f"/leave/{world.leave_token(day(world))}", data={"choice": "pause"})

    assert world.rows("SELECT status FROM enrolments") == [("paused",)]
    assert "If you leave, it is erased." in text(page)


def test_leaving_after_the_course_is_over_cancels_it_too(world, browser):
    """STOP in reply to an old mail means the letter, when nothing else is left."""
    kept(world, browser)
    pass_days(world, 8)
    assert world.rows("SELECT status FROM enrolments") == [("finished",)]
    assert count(world) == 1
    world.reply(day(world), "STOP")
    world.app.tick()
    world.box.sent.clear()
    pass_days(world, 100)

    assert count(world) == 0
    assert world.box.names() == []


@ON_SQLITE
def test_who_has_left_is_offered_none(world, browser):
    """The page says so, and a form that was open keeps nothing."""
    path = page_of(world, day(world))
    world.app.leave(world.leave_token(), "page")

    assert title(browser.get(path)) == "No letter is kept here"
    browser.post(path, data=FORM)
    assert count(world) == 0


@pytest.mark.parametrize("dead", [False, True])
def test_thirty_days_after_its_mail_came_back_it_is_erased(world, browser, dead):
    """Its address may be dead, or only its mailbox full: it is kept so long for whoever asks."""
    kept(world, browser)
    mail = until_told(world)
    reason = "550 5.1.1 no such user" if dead else "452 4.2.2 mailbox full"
    event = {"event": "bounce", "ds_delivery": str(mail.delivery_id), "sg_event_id": "e1", "reason": reason}
    world.app.provider_events([event])
    world.app.tidy()
    world.clock.go(days=29)
    world.app.tidy()
    still = count(world)
    world.clock.go(days=2)
    world.app.tidy()

    assert (still, count(world)) == (1, 0)


def test_erasing_the_person_erases_letter_and_key(world, browser):
    """Whatever copy is left somewhere stays closed."""
    kept(world, browser)
    name = world.rows("SELECT key_id FROM letters")[0][0]
    privacy.erase(world.app.service, "alice@example.org", world.clock.now())

    assert count(world) == 0
    with pytest.raises(letters.LockedError):
        person_keys.find(world.app.service, name)


def test_an_export_shows_its_words_only_for_their_own_copy(world, browser):
    """Whoever runs the service exports that there is one; a person's copy has it opened."""
    kept(world, browser)
    shown, own = (
        privacy.export(world.app.service, "alice@example.org", words=words)["letters"][0] for words in (False, True)
    )

    assert shown["months"] == 3
    assert not {"words", "locked", "key_id"} & set(shown)
    assert own["words"] == TEXT


def copies(browser):
    """Return the copies that she takes along: as text, and as the page to print."""
    return [browser.get("/own/export.md").text, text(browser.get("/own/print"))]


def test_a_copy_says_that_a_letter_waits_and_holds_its_words_once_it_was_opened(world, browser):
    """Before its time: until when. When it is ready: where it is opened, for a copy opens none. Then: its words."""
    path = kept(world, browser)
    visit(world, browser, path)
    waiting = copies(browser)
    until_told(world)
    visit(world, browser, path)
    ready, before = copies(browser), world.rows("SELECT * FROM letters")
    unread = world.rows("SELECT erase_at FROM letters")
    open_it(browser)
    opened = copies(browser)

    assert all("comes back to you on 2 June 2027" in copy and CANARY not in copy for copy in waiting)
    assert all("under “My letter”" in copy and CANARY not in copy for copy in ready)
    assert unread == [(None,)]
    assert before != world.rows("SELECT * FROM letters")
    assert "> Dear me, no wonder it was <hard>." in opened[0]
    assert all(f"{CANARY} & yours — ø" in copy for copy in opened)


def test_what_cannot_be_opened_is_said_in_a_copy(world, browser):
    """Its key is gone: the copy says that it is not lost by that, and whom to write to."""
    path = kept(world, browser)
    until_told(world)
    visit(world, browser, path)
    open_it(browser)
    with world.app.service.key_store.transaction() as tx:
        tx.execute(delete(keys_table))

    assert all("It cannot be opened just now." in copy for copy in copies(browser))


# Keys.


def again(world, **changed):
    """End the service and start it with other settings."""
    world.app.close()
    settings = world.app.settings.model_copy(
        update=make_settings(data_dir=world.app.settings.data_dir, **changed).model_dump(include=set(changed))
    )
    world.app = App.build(settings, transport=world.box, clock=world.clock)


def test_it_outlives_a_change_of_keys(world, browser):
    """After `keys rotate` the newest key alone opens it."""
    kept(world, browser)
    again(world, journal_keys=f"{NEW},{OLD}")
    person_keys.rotate(world.app.service)
    again(world, journal_keys=NEW)
    with world.app.service.store.reading() as tx:
        row = tx.execute(letters.select(letters.letters)).one()

    assert letters.opened(world.app.service, row) == TEXT


@ON_SQLITE
def test_without_its_key_the_service_does_not_start(world, browser):
    """A letter that was promised back must not be forgotten because a line in .env was."""
    kept(world, browser)
    with pytest.raises(SettingsError, match="JOURNAL_KEYS"):
        again(world, journal_keys="")
    again(world, journal_keys=OLD)


@ON_SQLITE
def test_where_nothing_can_be_locked_nothing_is_offered(world, browser):
    """No link, no page; and the command's line is words like any other."""
    lesson = day(world)
    path = page_of(world, lesson)
    again(world, journal_keys="")
    plain = TestClient(create_app(world.app), base_url=SITE)

    assert plain.get(path).status_code == 404
    assert world.reply(lesson, f"letter 3 months\n\n{TEXT}") == ["completed"]
    assert count(world) == 0


def test_months_end_where_they_end():
    """The last of January, a month on, is the last of February; six months from September is March."""
    assert letters.after_months(date(2027, 1, 31), 1) == date(2027, 2, 28)
    assert letters.after_months(date(2028, 1, 31), 1) == date(2028, 2, 29)
    assert letters.after_months(date(2027, 9, 30), 6) == date(2028, 3, 30)
    assert letters.after_months(date(2027, 11, 15), 1) == date(2027, 12, 15)


def test_nobody_is_told_of_a_letter_they_did_not_ask_for(world):
    """The usual tick looks and finds nothing."""
    day(world)

    assert letters.tell(world.app.service, world.clock.now(), world.clock.real()) == 0


def test_the_present_hour_counts(world, browser):
    """Whoever chose another hour since gets word of the letter at that one."""
    kept(world, browser)
    world.reply(day(world), "time 19")
    world.app.tick()
    for _ in range(120):
        to_eight(world)
        if "letter" in world.box.names() or world.clock.at.date() >= date(2027, 6, 2):
            break
    early = "letter" in world.box.names()
    world.clock.go(hours=12)
    world.app.tick()
    with world.app.service.store.reading() as tx:
        hour = people.find(tx, subscribers.c.email == "alice@example.org")[0].send_hour

    assert hour == 19
    assert (early, "letter" in world.box.names()) == (False, True)


# What changes between two steps.


@pytest.fixture
def ready(world, browser):
    """Let a letter's time have come, and word of it be owed; return its writer's number and its own."""
    kept(world, browser, months="1")
    world.clock.go(days=100)
    assert letters.tell(world.app.service, world.clock.now(), world.clock.real()) == 1
    return tuple(world.rows("SELECT subscriber_id, id FROM letters")[0])


def owed(world):
    """Return what becomes of the mails that say that a letter is ready."""
    return [row[0] for row in world.rows("SELECT status FROM deliveries WHERE name LIKE 'letter-%' ORDER BY id")]


@ON_SQLITE
def test_what_was_read_and_put_off_comes_back_all_the_same(world, ready):
    """Its thirty days end with its being put off: it is not erased while it waits, and its writer hears of it again."""
    service = world.app.service
    words = letters.open_one(service, *ready, world.clock.real())
    letters.later(service, *ready, world.clock.now())
    world.clock.go(days=40)
    world.app.tidy()

    assert (words, count(world)) == (TEXT, 1)
    assert letters.tell(service, world.clock.now(), world.clock.real()) == 1


@ON_SQLITE
def test_thirty_days_are_counted_from_the_first_time_that_it_was_read(world, ready):
    """Reading it once more keeps it no longer."""
    first = letters.open_one(world.app.service, *ready, world.clock.real())
    world.clock.go(days=29)
    again = letters.open_one(world.app.service, *ready, world.clock.real())
    world.clock.go(days=2)
    world.app.tidy()

    assert (first, again, count(world)) == (TEXT, TEXT, 0)


@ON_SQLITE
def test_no_number_opens_a_letter_before_its_time(world, browser):
    """A page that was made up, or is old: its writer's own visit opens what is ready, and nothing else."""
    kept(world, browser)
    mine = tuple(world.rows("SELECT subscriber_id, id FROM letters")[0])

    assert letters.open_one(world.app.service, *mine, world.clock.real()) is None
    assert world.rows("SELECT erase_at FROM letters") == [(None,)]


@ON_SQLITE
def test_a_mail_leads_to_the_letter_of_its_own_round_and_else_to_the_present_one(world, browser):
    """While a course that was begun again goes on, and both rounds have a letter; then only the second has."""
    kept(world, browser)
    first = day(world)
    restarted(world, browser, first)
    pass_days(world, 1)
    second = world.box.last("day-1")
    browser.post(page_of(world, second), data=FORM | {"months": "6"})
    service, tokens = world.app.service, [world.link(mail, "mine") for mail in (first, second)]
    both = [letters.look(service, token).letter.months for token in tokens]
    letters.cancel(service, *world.rows("SELECT subscriber_id, id FROM letters ORDER BY id")[0], world.clock.real())

    assert (first.delivery_id != second.delivery_id, both) == (True, [3, 6])
    assert [letters.look(service, token).letter.months for token in tokens] == [6, 6]


@ON_SQLITE
def test_a_mail_about_a_letter_that_is_gone_acts_on_no_other(world, browser, ready):
    """Its link told of the first round's letter; that of the second is read and erased by its own mail alone."""
    mail = world.rows("SELECT id FROM deliveries WHERE name LIKE 'letter-%'")[0][0]
    token, service = links.sign(world.app.keys, links.Purpose.PAGES, mail), world.app.service
    told = letters.look(service, token).told
    restarted(world, browser, day(world))
    letters.cancel(service, *ready, world.clock.real())
    browser.post(page_of(world, day(world)), data=FORM | {"months": "1"})
    world.clock.go(days=100)
    letters.tell(service, world.clock.now(), world.clock.real())
    looked = letters.look(service, token)

    assert told
    assert (looked.letter.told_at is not None, looked.told) == (True, False)


@ON_SQLITE
def test_no_mail_says_that_a_letter_is_ready_which_was_put_off(world, ready):
    """It was put off before the mail about it had left: that one stays."""
    letters.later(world.app.service, *ready, world.clock.now())

    assert owed(world) == ["cancelled"]


@ON_SQLITE
def test_no_mail_says_that_a_letter_is_ready_which_was_erased(world, ready):
    """It was erased before the mail about it had left; what else is owed to its writer leaves as it would."""
    others = "SELECT id FROM deliveries WHERE name NOT LIKE 'letter-%' AND status = 'queued'"
    before = world.rows(others)
    letters.cancel(world.app.service, *ready, world.clock.real())

    assert owed(world) == ["cancelled"]
    assert (len(before) > 0, world.rows(others)) == (True, before)


def let_go(world, reason, **changed):
    """End Alice's course for her letter's sake; return whether the letter was erased, and when it will be."""
    with world.app.service.store.transaction() as tx:
        alice = replace(people.find(tx, subscribers.c.email == "alice@example.org")[0], **changed)
        gone = letter_ends.let_go(tx, alice, reason, world.clock.real())
        return gone, tx.execute(select(letters.letters.c.erase_at)).scalar()


@ON_SQLITE
def test_no_mail_about_a_letter_leaves_for_an_address_that_is_dead(world, ready):
    """Word of it was owed already; the letter is kept for thirty days, for whoever asks."""
    gone, until = let_go(world, EndedReason.BOUNCED)

    assert (gone, until) == (False, world.clock.real() + letter_ends.KEEP)
    assert owed(world) == ["cancelled"]


@ON_SQLITE
def test_what_was_read_goes_when_that_was_said_though_the_address_dies(world, ready):
    """Thirty days from the first reading: a mail that comes back does not begin them anew."""
    letters.open_one(world.app.service, *ready, world.clock.real())
    until = world.clock.real() + letter_ends.KEEP
    world.clock.go(days=20)

    assert let_go(world, EndedReason.BOUNCED) == (False, until)


@ON_SQLITE
@pytest.mark.parametrize("reason", [EndedReason.UNSUBSCRIBED, EndedReason.BOUNCED])
def test_the_end_of_another_course_is_not_the_letter_s(world, ready, reason):
    """It belongs to the course in which it was written."""
    assert let_go(world, reason, course="another") == (False, None)
    assert owed(world) == ["queued"]


@ON_SQLITE
@pytest.mark.parametrize("mail", ["of before it was put off", "about something else"])
def test_only_the_mail_that_tells_of_a_letter_begins_its_last_thirty_days(world, ready, mail):
    """An older one that came back, or another kind of mail, says nothing of this one."""
    service = world.app.service
    if mail == "about something else":
        bounced = "UPDATE deliveries SET status = 'bounced', due_at = '2030-01-01 00:00:00.000000' WHERE name = 'day-1'"
    else:
        letters.later(service, *ready, world.clock.now())
        bounced = "UPDATE deliveries SET status = 'bounced' WHERE name LIKE 'letter-%'"
    with service.store.transaction() as tx:
        assert tx.execute(sql(bounced)).rowcount == 1
    world.clock.go(days=40)
    letters.tell(service, world.clock.now(), world.clock.real())
    letter_ends.purge(service, world.clock.real())

    assert world.rows("SELECT erase_at FROM letters") == [(None,)]


@ON_SQLITE
def test_nobody_is_told_of_a_letter_that_is_somebody_elses(world, ready):
    """Bob's page to leave names Bob's letters alone."""
    world.join("bob")
    with world.app.service.store.reading() as tx:
        who = [people.find(tx, subscribers.c.email == f"{one}@example.org")[0] for one in ("alice", "bob")]
        waits = [letter_ends.waits(tx, one) for one in who]

    assert waits == [letter_ends.Waits.HERE, letter_ends.Waits.NOWHERE]


@ON_SQLITE
def test_another_letter_s_number_puts_nothing_off(world, ready):
    """The button of a page names the letter that stands there: another one is as it was."""
    person, number = ready
    letters.later(world.app.service, person, number + 1, world.clock.now())

    assert owed(world) == ["queued"]
    assert world.rows("SELECT told_at FROM letters") != [(None,)]


@ON_SQLITE
def test_of_two_letters_that_are_left_at_once_the_first_is_kept(world, browser, monkeypatch):
    """What another request did, until this one had its turn, is what counts; it says so and keeps nothing."""
    path, lock = page_of(world, day(world)), people.lock

    def locked(tx, person):
        monkeypatch.setattr(people, "lock", lock)
        wish = letters.Wish(6, in_mail=False, wording="yes", how="page")
        letters.keep(tx, world.app.service, person, "the first", wish, world.clock.now(), world.clock.real())

    monkeypatch.setattr(people, "lock", locked)
    page = browser.post(path, data=FORM)

    assert title(page) == "Your letter is kept"
    assert [tuple(row) for row in world.rows("SELECT months FROM letters")] == [(6,)]
    assert world.rows("SELECT count(*) FROM consents WHERE what = 'letter-given'") == [(1,)]


@ON_SQLITE
def test_each_letter_that_is_left_is_told_of(world, browser):
    """Taken back and left anew on one day: whoever's lesson it is hears of the second letter as well."""
    path = kept(world, browser)
    letters.cancel(world.app.service, *world.rows("SELECT subscriber_id, id FROM letters")[0], world.clock.real())
    browser.post(path, data=FORM)
    world.app.tick()

    assert world.box.names().count("kept") == 2


@ON_SQLITE
def test_a_letter_that_is_gone_is_not_taken_back_once_more(world, browser):
    """Two who press at once: one took it back, and only that is proven."""
    kept(world, browser)
    service, (number, person) = world.app.service, world.rows("SELECT id, enrolment_id FROM letters")[0]
    with service.store.transaction() as tx:
        alice = people.by_id(tx, person)
        said = [letters.take_back(tx, service, alice, number, "page", world.clock.real()) for _ in range(2)]

    assert said == [True, False]
    assert world.rows("SELECT count(*) FROM consents WHERE what = 'letter-withdrawn'") == [(1,)]


@ON_SQLITE
def test_whose_address_is_dead_is_told_of_no_letter(world, browser):
    """It is kept for thirty days, for whoever asks; its time comes without a mail."""
    kept(world, browser)
    event = {"event": "bounce", "ds_delivery": str(day(world).delivery_id), "sg_event_id": "e1"}
    world.app.provider_events([event | {"reason": "550 5.1.1 no such user"}])
    world.clock.go(days=100)

    assert letters.tell(world.app.service, world.clock.now(), world.clock.real()) == 0
    assert world.rows("SELECT told_at FROM letters") == [(None,)]


@ON_SQLITE
def test_a_course_without_days_for_a_letter_offers_none(world):
    """No letter_days: its mails' links lead to no page, and a line that asks for one is words like any other."""
    lesson, service = day(world), world.app.service
    courses = {name: replace(course, letter_days=()) for name, course in service.catalogue.courses.items()}
    world.app.service = replace(service, catalogue=replace(service.catalogue, courses=courses))
    page = TestClient(create_app(world.app), base_url=SITE).get(page_of(world, lesson))

    assert page.status_code == 404
    assert world.reply(lesson, f"letter 3 months\n\n{TEXT}") == ["completed"]
    assert count(world) == 0


# A course that is begun again, and sign-ups that nobody confirmed.


def restarted(world, browser, mail):
    """Press "Start the course again" on the page of a mail."""
    path = f"/mine/{world.link(mail, 'mine')}"
    answer = browser.post(path, data={"do": "restart", "consent": "yes", "round": "1"})
    assert answer.status_code == 200


def test_a_letter_outlives_a_course_that_is_begun_again(world, browser):
    """Its round has ended by that; word of it comes in its time all the same, and leads to it."""
    path = kept(world, browser)
    restarted(world, browser, day(world))
    mail = until_told(world)

    assert title(browser.get(page_of(world, mail))) == "Your letter is ready"
    assert title(browser.get(path)) == "Your letter is ready"


def test_its_words_come_in_the_mail_after_a_course_was_begun_again(world, browser):
    """Where that was asked for."""
    kept(world, browser, in_mail="yes")
    restarted(world, browser, day(world))
    mail = until_told(world, "returned")

    assert TEXT in mail.mailing.text_for(mail.values)


@ON_SQLITE
def test_word_of_a_letter_that_waits_to_leave_is_not_lost_by_beginning_again(world, browser):
    """Its mail was owed already when she pressed the button."""
    kept(world, browser, months="1")
    world.clock.go(days=40)
    letters.tell(world.app.service, world.clock.now(), world.clock.real())
    restarted(world, browser, day(world))
    world.app.tick()

    assert "letter" in world.box.names()


def over(world):
    """Let Alice's course come to its end; return its farewell."""
    day(world, 5)
    pass_days(world, 2)
    assert world.rows("SELECT status FROM enrolments") == [("finished",)]
    return world.box.last("farewell")


def typed_by_a_stranger(world, **changed):
    """Let somebody else type her address into the form."""
    world.sign_up(network="198.51.100.9", **changed)
    world.app.tick()
    assert ("pending",) in world.rows("SELECT status FROM enrolments")


def test_a_sign_up_that_nobody_confirmed_closes_no_page(world, browser):
    """Somebody typed her address again: her letter's page stays, and so does the way to her own words."""
    path = kept(world, browser, months="1")
    over(world)
    typed_by_a_stranger(world)
    mine = f"/mine/{world.link(day(world), 'mine')}"
    asked = browser.post(mine, data={"do": "own"})
    world.app.tick()

    assert title(browser.get(path)) == "Your letter is kept"
    assert "Send me a link to my own words" in asked.text
    assert world.box.names().count("fresh") == 1
    assert title(browser.get(page_of(world, until_told(world)))) == "Your letter is ready"


def test_a_sign_up_that_nobody_confirmed_swallows_no_reply(world, browser):
    """A letter that is asked for is kept, and an answer says so; so it is with letters without links."""
    farewell = over(world)
    typed_by_a_stranger(world)
    decided = [world.reply(farewell, words) for words in (f"letter 1 month\n\n{TEXT}", "no links")]
    world.app.tick()

    assert decided == [["command"], ["command"]]
    assert count(world) == 1
    assert {"kept", "plain"} <= set(world.box.names())


def test_stop_also_ends_a_sign_up_that_nobody_confirmed(world, browser):
    """Whoever leaves wants no more of the course, whoever typed the address."""
    kept(world, browser)
    farewell = over(world)
    typed_by_a_stranger(world)
    world.reply(farewell, "STOP")

    assert count(world) == 0
    assert world.rows("SELECT status FROM enrolments ORDER BY id") == [("finished",), ("stopped",)]
