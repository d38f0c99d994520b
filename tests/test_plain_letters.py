"""Letters without links: for people who fear them, with every word of the others and nothing to press."""

from __future__ import annotations

import re
import shutil
import tomllib

import pytest
from conftest import MONDAY, ON_SQLITE, make_settings

from course.content import catalogue, markdown, plain, samples, slots
from course.content.catalogue import NOTICES
from course.content.courses import lesson_name
from course.journeys import filling, held
from course.outgoing import RefusedMailing, Sent
from course.settings import EMAILS

MAIL = tomllib.loads((EMAILS / "words/en-GB.toml").read_text(encoding="utf-8"))["mail"]
NAMES = (*NOTICES, *(lesson_name(day) for day in range(1, 6)))
LINK = re.compile(r"https?:|href|<a[\s>]|<img|class=\"button|www\.", re.IGNORECASE)


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


# The texts.


@pytest.mark.parametrize("locale", ["en-GB", "en-US"])
@pytest.mark.parametrize("name", NAMES)
def test_no_letter_without_links_holds_one(everything, name, locale):
    """Neither part has anything to press; the one address is there to type. What has to ask keeps its button."""
    with_links, without = everything.variants("self-compassion", name, locale).values()
    values = samples.values(everything, without, MONDAY, confirm_url="https://x.example", leave_url="https://l")
    values["help_lines"] = everything.help_for(locale, "GB", MONDAY.date(), plain=True)
    both = without.text_for(values) + without.html_for(values)

    if name in catalogue.ASKING:
        assert without == with_links
        assert "https://x.example" in both
        return
    if plain.keeps_link(name):
        assert set(re.findall(r"zq([a-z_]*url)qz", without.text + without.html)) == slots.NOTICE[name] & plain.NEEDED
        return
    assert (without == with_links) == (LINK.search(with_links.html) is None)
    assert LINK.findall(both) == []
    if without == with_links:
        return  # there was none to take out
    stays = name != "erased"  # after that one there is nothing to leave any more
    typed = {f"{everything.settings.site_host}/help"} if stays else set()
    assert set(re.findall(r"\S+/[a-z]+\b(?!>)", without.text_for(values))) == typed
    assert ("STOP leaves this course" in both) == stays


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


def test_a_mail_that_is_about_a_link_keeps_that_one_alone(tmp_path, monkeypatch):
    """Somebody asked for it on a page; its footer holds none."""
    emails = tmp_path / "emails"
    shutil.copytree(EMAILS, emails)
    with (emails / "notices/en-GB/next.md").open("a", encoding="utf-8") as text:
        text.write('\n[Open]({open_url} "button")\n')
    monkeypatch.setitem(slots.NOTICE, "next", frozenset({"greeting", "next_lesson", "open_url"}))
    known = catalogue.load(make_settings(emails_dir=emails))
    without = known.mailing("self-compassion", "next", "en-GB", plain=True)

    assert re.findall(r'href="([^"]*)"', without.html) == [slots.marker("open_url")]
    assert set(re.findall(r"zq[a-z_]*urlqz", without.text)) == {slots.marker("open_url")}


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
        headers = dict(mail.extra_headers())
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
        first, answer = (filling.once_more(tx, service, number, now, now) for number in numbers)

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
