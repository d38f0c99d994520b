"""Letters without links: for people who fear them, with every word of the others and nothing to press."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace

import pytest
from conftest import MONDAY, ON_SQLITE, make_settings
from sqlalchemy import delete, insert, update
from starlette.testclient import TestClient

from course.content import catalogue, markdown, plain, slots
from course.content.catalogue import NOTICES
from course.content.command_words import Phrases
from course.content.courses import lesson_name
from course.journeys import filling, held, letters, notices, people, remaking
from course.journeys.letters import Wish
from course.journeys.owed import OWED, rows
from course.outgoing import RefusedMailing, Sent
from course.settings import EMAILS
from course.store.tables import address_changes, deliveries, subscribers
from course.web import create_app

MAIL = tomllib.loads((EMAILS / "words/en-GB.toml").read_text(encoding="utf-8"))["mail"]
LINK = re.compile(r"https?:|href|<a[\s>]|<img|class=\"button|www\.", re.IGNORECASE)
PATH = re.compile(r"[\w-]+\.[\w.-]*\w(?::\d+)?/\w+")  # an address with something behind its slash
TOKEN = re.compile(r"[0-9a-f]{16,}")
LETTERS = {"journal_keys": "journal-key-of-the-tests-0123456789abcdef"}  # a letter can come back
WRITTEN = [
    ("self-compassion", "en-GB"),
    ("self-compassion", "en-US"),
    ("self-compassion", "es"),
    ("self-compassion", "he"),
    ("writing-with-self-compassion", "en-GB"),
    ("writing-with-self-compassion", "en-US"),
]


@pytest.fixture(scope="module")
def everything():
    """Return the shipped catalogue."""
    return catalogue.load(make_settings())


def tick_hours(world, hours):
    """Let time go by, ticking every four hours."""
    for _ in range(hours // 4):
        world.clock.go(hours=4)
        world.app.tick()


@pytest.fixture
def lesson(world):
    """Alice has had day 1: that letter."""
    world.join()
    tick_hours(world, 20)
    return world.box.last("day-1")


def text_of(mail):
    """Return both parts of a letter as one text."""
    return mail.mailing.text_for(mail.values) + mail.mailing.html_for(mail.values)


def really(world, course):
    """Return each mail of a course that Alice can get without links, as it leaves, with a letter kept for her."""
    service, now = world.app.service, world.clock.now()
    lessons = [lesson_name(day) for day in range(1, service.catalogue.courses[course].days + 1)]
    exercises = bool(service.catalogue.courses[course].resources)
    names = [name for name in NOTICES if name not in plain.LINKED and (exercises or name != "exercise")]
    with service.store.transaction() as tx:
        tx.execute(update(subscribers).values(plain=True))
        alice = people.find(tx)[0]
        letters.keep(tx, service, alice, "Dear me.", Wish(1, in_mail=True, wording="yes", how="page"), now, now)
        moves = {"subscriber_id": alice.subscriber_id, "email": "old@example.org", "confirm_by": now}
        number = tx.execute(insert(address_changes).values(moves)).inserted_primary_key[0]
        owing = [notices.row(alice, name, now, once=f"{number}", day=1) for name in names]
        owing += [notices.row(alice, name, now, day=day) | {"kind": "lesson"} for day, name in enumerate(lessons, 1)]
        tx.execute(delete(deliveries))
        tx.execute(insert(deliveries), owing)
        queued = [row._replace(mailing=digest(service, row)) for row in rows(tx, OWED)]
    found = filling.known(service, queued, now)
    filled = [filling.fill(service, found, row, now, now) for row in queued]
    sent = {mail.mailing.name: text_of(mail) for mail in filled}
    assert sent.keys() == {*names, *lessons}
    return sent


def digest(service, row):
    """Return what a mail is claimed with."""
    name = notices.mailing_name(row.kind, row.name)
    return service.catalogue.mailing(row.course, name, row.locale, plain=row.plain).digest


def named(world, locale, said):
    """Return the commands that a text names, in capitals."""
    phrases = world.app.catalogue.words[locale]["commands"]
    heavier = world.app.catalogue.words[locale]["replies"]["felt"]["heavier"][0]
    return {
        command
        for command in ("LETTER", "OPEN", "LATER", "ERASE", "JOIN", "SETTINGS", "EXERCISE", "CHECKIN")
        if any(slots.say(phrase, months="3", felt=heavier).upper() in said for phrase in phrases[command])
    }


# The texts.


@ON_SQLITE
@pytest.mark.parametrize("settings", [LETTERS], indirect=True)
@pytest.mark.parametrize(("course", "locale"), WRITTEN)
def test_no_letter_without_links_holds_one(world, course, locale):
    """Every mail that Alice can get, as it leaves: nothing to press, no token, and one short address to type.

    What she asked for on a page keeps its button; a sign-up says in its place where her data are explained.
    """
    world.join(course=course, locale=locale)
    host, typed = world.app.settings.site_host, {}
    wrong = []
    for name, both in really(world, course).items():
        found = set(re.findall(rf"{re.escape(host)}/(\w+)", both))
        typed.setdefault(frozenset(found), set()).add(name)
        rest = re.sub(rf"{re.escape(host)}/(help|privacy)\b", "", both)
        wrong += [(name, one) for pattern in (LINK, PATH, TOKEN) for one in pattern.findall(rest)]

    assert wrong == []
    assert typed.pop(frozenset()) == {"moved", "erased"}  # after these there is nothing to leave any more
    assert typed.pop(frozenset({"privacy"})) == {"joining"}
    assert set(typed) == {frozenset({"help"})}


@ON_SQLITE
@pytest.mark.parametrize("settings", [LETTERS], indirect=True)
@pytest.mark.parametrize(("course", "locale"), WRITTEN)
def test_what_a_link_did_has_its_word(world, course, locale):
    """A letter that comes back is asked for, opened, put off and erased by reply; so is the next course asked for.

    So is an exercise, how the course is set, and how a day was is told.
    """
    world.join(course=course, locale=locale)
    known = world.app.catalogue
    words = {name: named(world, locale, both) for name, both in really(world, course).items()}
    back = {"LETTER"} if known.courses[course].letter_days else set()
    after = {"JOIN"} if known.next_course(course, locale) else set()

    assert words["letter"] >= {"OPEN", "LATER", "ERASE"}
    assert "ERASE" in words["kept"] & words["returned"]
    assert words["help"] >= {"LETTER", "JOIN", "SETTINGS", "EXERCISE", "CHECKIN"}
    assert all("SETTINGS" in said for name, said in words.items() if name not in {"joining", "moved", "erased"})
    assert words["farewell"] & {"LETTER", "JOIN"} == back | after
    for day in range(1, known.courses[course].days + 1):
        assert ("LETTER" in words[lesson_name(day)]) == (day in known.courses[course].letter_days)
        has_exercise = known.courses[course].resource_of(day, locale) is not None
        assert ("CHECKIN" in words[lesson_name(day)], "EXERCISE" in words[lesson_name(day)]) == (True, has_exercise)


@ON_SQLITE
@pytest.mark.parametrize("locale", ["en-GB", "en-US", "es", "he"])
def test_what_has_no_word_is_a_word_away(world, locale):
    """The answer to NO LINKS names commands alone; the links that come back lead to one's own pages."""
    phrases = Phrases.of(world.app.catalogue.words[locale])
    client = TestClient(create_app(world.app), base_url="http://127.0.0.1:8000")
    source = (EMAILS / f"notices/{locale}/plain.md").read_text(encoding="utf-8")
    named = re.findall(r"\*\*(.+?)\*\*", source)
    meant = [command.name for command in map(phrases.command, named) if command]
    world.join(locale=locale)
    tick_hours(world, 20)
    for said in (named[-1], named[-2]):
        world.reply(world.box.last("day-1"), said)
        world.app.tick()
    without, back = text_of(world.box.last("plain")), world.box.last("links")
    typed = set(re.findall(rf"{re.escape(world.app.settings.site_host)}(/\w+)", without))
    mine = client.get(f"/mine/{world.link(back, 'mine')}").text

    words = ["PAUSE", "RESUME", "AGAIN", "SETTINGS", "EXERCISE", "STOP", "HELP", "LINKS"]
    assert meant == [*words, "SETTINGS", "LINKS", "PLAIN"]
    assert (without.count(named[-2]), len(named)) == (6, len(meant))  # in the text and its footer, of both parts
    assert 'value="own"' in mine
    assert {path: client.get(path).status_code for path in typed} == {"/help": 200}


@pytest.mark.parametrize("locale", ["en-GB", "en-US", "es", "he"])
def test_no_help_line_is_a_link(everything, locale):
    """Of whichever country: an address is said as one would say it aloud."""
    checked = tuple(replace(line, verified_on=MONDAY.date()) for line in everything.help_lines)
    known = replace(everything, help_lines=checked, _said={})
    countries = {line.country for line in checked}
    said = "\n".join(
        known.help_slots(locale, country, MONDAY.date(), plain=True)["help_lines"] for country in countries
    )

    assert [one for pattern in (LINK, PATH) for one in pattern.findall(said)] == []


@pytest.mark.parametrize("name", sorted(plain.LINKED))
def test_what_was_asked_for_on_a_page_keeps_its_one_link(everything, name):
    """There the link is what the mail is about; around it is none."""
    without = everything.mailing("self-compassion", name, "en-GB", plain=True)

    assert len(set(re.findall(r"zq([a-z_]*url)qz", without.text + without.html))) == 1


@pytest.mark.parametrize("name", [*(lesson_name(day) for day in range(1, 6)), "welcome", "farewell"])
def test_the_text_is_the_whole_one(everything, name):
    """Each of an author's own paragraphs stands in the letter without links, word for word."""
    with_links, without = everything.variants("self-compassion", name, "en-GB").values()
    head, foot = MAIL["footer_not_therapy"], "\n* * *\n"
    own = with_links.text.partition(foot)[0].partition(MAIL["write"])[0]
    said = [line for line in own.splitlines() if not re.search(r"zq[a-z]+_(url|label)qz", line)]  # what is pressed

    assert head in without.text
    assert [line for line in said if line not in without.text.splitlines()] == []


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("Read [this page](https://example.org/a) slowly.", "Read this page slowly."),
        ("Read <https://example.org/a>.", "Read example dot org slash a."),
        ("See https://example.org/a.b/, perhaps.", "See example dot org slash a dot b, perhaps."),
        ("Write to <people@example.org>.", "Write to people@example.org."),
        ("Write to [us](mailto:people@example.org).", "Write to us."),
        ('One.\n\n[Press here](https://example.org "button")\n\nTwo.', "One.\n\nTwo."),
        ('One [Press](https://example.org "button") two.', "One  two."),
        ("![A cup of tea](https://example.org/cup.png)", "A cup of tea"),
        ("A **bold [word](https://example.org)** stays *so*.", "A bold word stays *so*."),
        ("- [one](https://example.org)\n- two", "- one\n- two"),
    ],
)
def test_what_becomes_of_a_link(source, text):
    """What it said stays, its address goes or is said aloud; a button goes; a picture is what is said of it."""
    tokens = plain.tokens(markdown.parse(source), MAIL)

    assert markdown.to_text(tokens) == text
    assert LINK.findall(markdown.to_html(tokens)) == []


# Asking for them.


@pytest.mark.parametrize("said", ["NO LINKS", "please, no links!", "Letters without links"])
@ON_SQLITE
def test_letters_come_without_links_once_somebody_asks(world, lesson, said):
    """The answer is one already; so are the receipt and the next lesson. The headers for leaving stay."""
    world.reply(lesson, said)
    world.app.tick()
    answer = world.box.sent[-1]
    tick_hours(world, 24)
    second = world.box.last("day-2")

    assert answer.mailing.name == "plain"
    for mail in (answer, second):
        assert LINK.findall(text_of(mail)) == []
        headers = mail.extra_headers()
        assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert headers["List-Unsubscribe"].startswith(f"<{world.app.settings.site}/leave/")
    assert LINK.findall(text_of(lesson))


@ON_SQLITE
def test_links_come_back_when_somebody_asks(world, lesson):
    """WITH LINKS is answered with links; what changes nothing is not answered."""
    for said in ("WITH LINKS", "NO LINKS", "NO LINKS", "WITH LINKS"):
        world.reply(lesson, said)
        world.app.tick()

    assert [name for name in world.box.names() if name in {"plain", "links"}] == ["plain", "links"]
    assert f"{world.app.settings.site}/mine/" in text_of(world.box.last("links"))
    assert world.rows("SELECT event, detail FROM history WHERE event = 'letters'") == [
        ("letters", "plain"),
        ("letters", "links"),
    ]


@pytest.mark.parametrize("said", ["plain", "Plain.", "no", "links", "no links between us, only silence"])
@ON_SQLITE
def test_an_answer_that_sounds_alike_is_an_answer(world, lesson, said):
    """Day 1 asks for one word for a tone: "plain" is one."""
    world.reply(lesson, said)

    assert world.rows("SELECT plain FROM subscribers") in ([(0,)], [(False,)])
    assert world.rows("SELECT day FROM completions") == [(1,)]


def test_each_gets_their_own_kind_of_the_same_letter(world):
    """Alice wants no links, Bob does not mind: one tick, two texts, both kept as what was really sent."""
    world.join("alice")
    world.join("bob")
    tick_hours(world, 20)
    world.reply(next(mail for mail in world.box.sent if mail.mailing.name == "day-1"), "NO LINKS")
    tick_hours(world, 24)
    second = {mail.to: mail for mail in world.box.sent if mail.mailing.name == "day-2"}

    assert LINK.findall(text_of(second["alice@example.org"])) == []
    assert LINK.findall(text_of(second["bob@example.org"]))
    assert world.rows("SELECT count(*) FROM mailings WHERE name = 'day-2'") == [(2,)]


def test_who_reads_a_reply_knows_which_kind_was_sent(world, lesson):
    """Though the choice has changed since, each letter is made once more as it left, so its words are told apart."""
    service, now = world.app.service, world.clock.now()
    world.reply(lesson, "NO LINKS")
    world.app.tick()
    world.reply(world.box.last("plain"), "WITH LINKS")
    numbers = [world.rows(f"SELECT id FROM deliveries WHERE name LIKE '{name}%'")[0][0] for name in ("day-1", "plain")]  # noqa: S608
    with service.store.reading() as tx:
        first, answer = (remaking.once_more(tx, service, number, now, now) for number in numbers)

    assert b"/mine/" in first
    assert b"/mine/" not in answer
    assert b"Letters without links" in answer


def test_a_letter_that_is_refused_is_held_for_those_who_would_get_it(world):
    """Of two kinds the one that was refused: only who wants no links waits, and can be let go."""
    world.join("alice")
    world.join("bob")
    tick_hours(world, 20)
    world.reply(next(mail for mail in world.box.sent if mail.mailing.name == "day-1"), "NO LINKS")
    world.app.tick()
    world.box.answer = lambda mail: Sent("1") if LINK.search(text_of(mail)) else RefusedMailing("so plain")
    tick_hours(world, 24)
    shown = [one for one in held.held(world.app.service, world.clock.now()) if one.name == "day-2"]
    world.box.answer = lambda _: Sent("1")
    released = held.release(world.app.service, "self-compassion", "day-2", "en-GB", world.clock.now())
    world.clock.go(hours=16)
    world.app.tick()
    tick_hours(world, 8)
    got = [mail.to for mail in world.box.sent if mail.mailing.name == "day-2"]

    assert [(one.people, one.why) for one in shown] == [(1, "so plain")]
    assert [one.people for one in released] == [1]
    assert sorted(got) == ["alice@example.org", "bob@example.org"]


@pytest.mark.parametrize("settings", [LETTERS], indirect=True)
@pytest.mark.parametrize("said", ["LETTER 3 MONTHS\n\nNot hers.", "ERASE LETTER", "LETTER LATER", "OPEN LETTER"])
def test_a_forwarded_lesson_gives_nobody_a_hold_on_her_letter(world, lesson, said):
    """Whoever else answers a lesson of hers neither replaces nor erases her letter; Alice is told that it is kept."""
    kept = "SELECT id, locked, due_at, erase_at FROM letters"
    world.reply(lesson, "LETTER 3 MONTHS\n\nDear me, these are my own words.")
    before = world.rows(kept)
    world.app.tick()
    tick_hours(world, 24)
    world.reply(world.box.last("day-2"), said, From="mallory@evil.example")
    world.app.tick()

    assert world.rows(kept) == before
    assert before
    told = world.box.last("kept")
    assert (told.to, told.in_reply_to) == ("alice@example.org", world.box.last("day-2").message_id)


@pytest.mark.parametrize("settings", [LETTERS], indirect=True)
def test_nobody_else_leaves_a_letter_for_her(world, lesson):
    """A consent is hers alone: words from another address are kept as no letter, and Alice is told how one would be."""
    world.reply(lesson, "LETTER 1 MONTH\n\nNot hers.", From="mallory@evil.example")
    world.app.tick()
    told = world.box.sent[-1]

    assert world.rows("SELECT id FROM letters") == []
    assert world.rows("SELECT what FROM consents WHERE what = 'letter-given'") == []
    assert (told.to, told.mailing.name) == ("alice@example.org", "unkept")
    assert "only from the address that this email went to" in told.mailing.text_for(told.values)


@pytest.mark.parametrize("settings", [LETTERS], indirect=True)
@pytest.mark.parametrize("said", ["LETTER 3 MONTHS\n\nNot hers.", "ERASE LETTER", "LETTER LATER", "OPEN LETTER"])
def test_nobody_else_opens_her_letter_when_it_is_ready(world, lesson, said):
    """Its words stay out of her mail, and nothing is erased thirty days later; she is told what she can do with it."""
    world.reply(lesson, "LETTER 1 MONTH\n\nDear me, a heron.")
    tick_hours(world, 24 * 30)
    world.clock.go(hours=36)
    world.app.tick()
    before = world.rows("SELECT id, locked, told_at, erase_at FROM letters")
    world.clock.go(hours=24)
    sent = len(world.box.sent)
    world.reply(lesson, said, From="mallory@evil.example")
    world.app.tick()

    assert world.rows("SELECT id, locked, told_at, erase_at FROM letters") == before
    assert [mail.mailing.name for mail in world.box.sent[sent:]] == ["letter"]
    assert world.box.last("letter").to == "alice@example.org"
    assert not any("heron" in mail.mailing.text_for(mail.values) for mail in world.box.sent)


@pytest.mark.parametrize("settings", [LETTERS], indirect=True)
def test_her_own_word_erases_her_letter(world, lesson):
    """From the address on file the word is obeyed at once."""
    world.reply(lesson, "LETTER 3 MONTHS\n\nDear me, these are my own words.")
    world.reply(lesson, "ERASE LETTER")

    assert world.rows("SELECT id FROM letters") == []
