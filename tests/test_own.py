"""Promises of a person's own pages: what they wrote, what was cut, and copies of it, for them and for nobody else."""

from __future__ import annotations

import json
import re
from email.message import EmailMessage
from html import unescape

import pytest
from conftest import ON_SQLITE
from sqlalchemy import update
from starlette.testclient import TestClient
from test_fresh import SITE, a_browser, visiting
from test_journal import COUNT, KEEP, NEW, OLD, SHARE, a_lesson, again, answer, choose, kept, lessons, words
from test_journal import settings as settings  # noqa: PLC0414 (a fixture: a service that offers a journal)
from test_journal_photos import BARE, LADEN, send
from test_restore import world as world  # noqa: PLC0414 (a fixture: it closes the service that a test began anew)

from course.journeys import diary, person_keys, sharing
from course.store.tables import deliveries
from course.web import create_app

SIGNED = "It helped a little.\n\n-- \nAlice Heron\nSent from my phone"
CUT = "--\nAlice Heron\nSent from my phone"
PAGES = ("/own", "/own/words", "/own/print", "/own/export.json", "/own/export.md", "/own/photos/1/0")


def said(page):
    """Return what a page says, without its tags."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


def wrote(world, text=SIGNED, who="alice", level=KEEP):
    """Let somebody answer a lesson, with words that are kept."""
    a_lesson(world, who, level)
    answer(world, text, who)


def entry_of(world, who="alice"):
    """Return somebody's newest entry."""
    return kept(world, who)[-1].id


def cuts(world, who="alice"):
    """Return what was cut of each entry, as its writer sees it."""
    return [one.cut for one in diary.of(world.app.service, person(world, who))]


def person(world, who="alice"):
    """Return somebody's number."""
    return world.rows(f"SELECT id FROM subscribers WHERE email = '{who}@example.org'")[0][0]  # noqa: S608 (our own)


# What they wrote.


def test_they_read_what_they_wrote(world):
    """As it stands, with its day and date, and as text: what looks like HTML is what they typed."""
    wrote(world, "To myself: <b>typical</b>.\n\n  To a friend: it happens.")
    page = visiting(world).get("/own/words")

    assert "Five days of self-compassion, day 1, 2 March 2027" in said(page)
    assert "To myself: &lt;b&gt;typical&lt;/b&gt;.\n\n  To a friend: it happens." in page.text


def test_the_page_is_calm_where_nothing_is_kept(world):
    """Bob keeps no words: he is told so, and where his own copy is."""
    wrote(world, who="bob", level=None)

    assert "Nothing that you wrote is kept here." in said(visiting(world, "bob").get("/own/words"))


def doors(browser):
    """Return where the overview of somebody's own pages leads to."""
    return re.findall('<a href="/own/([a-z.]+)"', browser.get("/own").text)


def test_without_a_journal_there_are_no_doors_to_what_is_not_kept(world):
    """No keys, and nothing of Bob's: his name, a data file and erasing. No page offers what cannot be had."""
    wrote(world, who="bob", level=None)
    before = doors(visiting(world, "bob"))
    again(world, journal_keys="")
    browser = visiting(world, "bob")
    page = said(browser.get("/own/journal"))

    assert before == ["words", "journal", "details", "letter", "print", "export.md", "export.json", "erase"]
    assert doors(browser) == ["details", "export.json", "erase"]
    assert "There is no journal here." in page
    assert "You can ask for more" not in page


def test_all_rounds_are_there(world):
    """Also what was kept in a round that is over."""
    wrote(world, "the first time")
    world.app.leave(world.leave_token(world.box.last("welcome")), "page")
    world.clock.go(days=40)
    wrote(world, "the second time")
    page = said(visiting(world).get("/own/words"))

    assert "the first time" in page
    assert "the second time" in page


def test_they_see_whether_the_owner_has_opened_it(world):
    """Before, and when."""
    wrote(world, level=SHARE)
    browser = visiting(world)
    before = said(browser.get("/own/words"))
    sharing.read(world.app.service, world.clock.real(), again=False)
    after = said(browser.get("/own/words"))

    assert "who has not opened it yet" in before
    assert "who first opened it on 2 March 2027" in after


def test_one_entry_is_erased(world):
    """And the others stay; pressing again is no harm."""
    wrote(world, "one")
    answer(world, "two")
    browser, first = visiting(world), kept(world)[0].id
    pressed = [browser.post(f"/own/words/{first}/erase").headers["location"] for _ in range(2)]

    assert words(world) == ["two"]
    assert pressed == ["/own/words?done=erased", "/own/words"]


def test_photos_come_as_files_of_their_own_kind(world):
    """Never as a page: their kind is fixed, they are attachments, and nothing guesses."""
    a_lesson(world, level=KEEP)
    send(world, (LADEN, "image/jpeg"))
    photo = visiting(world).get(f"/own/photos/{entry_of(world)}/0")

    assert photo.content == BARE
    assert photo.headers["content-type"] == "image/jpeg"
    assert photo.headers["content-disposition"].startswith("attachment; filename=photo-")
    assert photo.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/own/photos/1/7", "/own/photos/x/0", "/own/photos/1/-1", f"/own/photos/{9**30}/0"])
@ON_SQLITE
def test_photos_that_are_not_there_are_no_page(world, path):
    """Whatever stands in the path."""
    wrote(world)

    assert visiting(world).get(path).status_code == 404


# Nobody else.


@pytest.mark.parametrize("path", PAGES)
@ON_SQLITE
def test_without_a_visit_every_page_is_closed(world, path):
    """Looked at, or asked for its headers alone."""
    wrote(world)
    browser = a_browser(world)

    assert (browser.get(path).status_code, browser.head(path).status_code) == (403, 403)
    assert "It helped" not in browser.get(path).text


@ON_SQLITE
def test_a_forwarded_letter_hands_over_no_diary(world):
    """Whoever has every link of Alice's letters reaches no word of hers, and learns not where a link is sent."""
    wrote(world, "heron-canary")
    world.pass_hours(24)
    links = set()
    for mail in world.box.sent:
        links |= set(re.findall(rf"{SITE}(/[a-z]+/[0-9a-f]+)", mail.mailing.text_for(mail.values)))
    browser = TestClient(create_app(world.app), base_url=SITE)
    looked = [browser.get(path).text for path in sorted(links)]
    looked += [browser.post(path).text for path in sorted(links) if not path.startswith("/leave")]
    looked += [browser.get(path).text for path in PAGES]

    assert len(links) > 3
    assert [page for page in looked if "heron-canary" in page or "alice@example.org" in page] == []


@ON_SQLITE
def test_nobody_reaches_into_anothers_pages(world):
    """Bob's visit shows, erases, puts back and exports nothing of Alice's."""
    wrote(world)
    wrote(world, "bob's", "bob")
    browser, hers = visiting(world, "bob"), entry_of(world)
    for what in ("erase", "whole"):
        assert browser.post(f"/own/words/{hers}/{what}").headers["location"] == "/own/words"

    assert browser.get(f"/own/photos/{hers}/0").status_code == 404
    assert all("It helped" not in browser.get(path).text for path in PAGES[:-1])
    assert (words(world), cuts(world)) == (["It helped a little."], [CUT])


@pytest.mark.parametrize("path", PAGES[:-1])
@ON_SQLITE
def test_no_cache_keeps_them_and_looking_changes_nothing(world, path):
    """No store, no index, and no Referer for others."""
    wrote(world)
    browser = visiting(world)
    before = world.rows("SELECT * FROM entries"), world.rows("SELECT * FROM history")
    page = browser.get(path)

    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-robots-tag"] == "noindex"
    assert page.headers["referrer-policy"] in {"no-referrer", "same-origin"}
    assert (world.rows("SELECT * FROM entries"), world.rows("SELECT * FROM history")) == before


@pytest.mark.parametrize("path", ["/own/words/1/erase", "/own/words/1/whole", "/own/close"])
@ON_SQLITE
def test_another_site_changes_nothing(world, path):
    """Even with the cookie: the browser says where it comes from."""
    wrote(world)
    answered = visiting(world).post(path, headers={"Sec-Fetch-Site": "cross-site"})

    assert answered.status_code == 400
    assert (words(world), cuts(world)) == (["It helped a little."], [CUT])


# Copies.


def test_the_data_file_holds_all_that_is_known(world):
    """As a file, with the words and what was cut, and none of the keys."""
    wrote(world)
    file = visiting(world).get("/own/export.json")
    known = json.loads(file.text)

    assert file.headers["content-disposition"] == "attachment; filename=dear-self.json"
    assert known["subscriber"][0]["email"] == "alice@example.org"
    assert [(one["words"], one["cut"]) for one in known["entries"]] == [("It helped a little.", CUT)]
    assert {"locked", "key_id"}.isdisjoint(known["entries"][0])


def test_the_text_file_holds_what_they_wrote(world):
    """Each entry under its day, as a quote: what looks like a heading in it is none."""
    wrote(world, "# not a heading\n\nbut words")
    file = visiting(world).get("/own/export.md")

    assert file.headers["content-disposition"] == "attachment; filename=dear-self.md"
    assert "## Five days of self-compassion, day 1, 2 March 2027\n\n> # not a heading\n>\n> but words\n" in file.text


def test_the_page_to_print_holds_what_they_wrote(world):
    """Without what was cut, and without anything to press."""
    wrote(world)
    page = visiting(world).get("/own/print")

    assert "It helped a little." in page.text
    assert "Alice Heron" not in page.text
    assert "<button" not in page.text


# What was cut.


def test_they_see_what_was_cut(world):
    """The signature, and nothing of our own letter."""
    wrote(world)
    page = visiting(world).get("/own/words")

    assert words(world) == ["It helped a little."]
    assert cuts(world) == [CUT]
    assert "What was cut" in page.text
    assert "Alice Heron" in page.text


@pytest.mark.parametrize(
    ("text", "cut"), [("It helped.", ""), ("It helped.\n\nSent from my phone", "Sent from my phone")]
)
@ON_SQLITE
def test_our_own_letter_is_not_kept(world, text, cut):
    """Alice's mail program quotes the whole lesson: her diary is not full of it."""
    a_lesson(world, level=KEEP)
    lesson = lessons(world)[-1]
    quoted = "\n".join(f"> {line}" for line in lesson.mailing.text_for(lesson.values).splitlines())
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Message-ID"] = lesson.to, lesson.reply_to, "<1@client.example.org>"
    mail.set_content(f"{text}\n\nOn Tuesday, Dear Self wrote:\n{quoted}\n")
    world.deliver(mail.as_bytes())

    assert words(world) == ["It helped."]
    assert cuts(world) == [cut]


def test_somebody_elses_words_in_a_reply_are_what_was_cut(world):
    """What Alice quoted of a friend was taken for an older mail; it is there, where it stood."""
    wrote(world, "Look what she wrote:\n\nOn Monday, Dora wrote:\n> You did what you could.\n> It was a lot.")

    assert "> You did what you could.\n> It was a lot." in cuts(world)[0]


def test_it_is_put_back_where_it_was(world):
    """The words become the whole, nothing is left to put back, and that it was done is written down."""
    wrote(world)
    browser = visiting(world)
    pressed = [browser.post(f"/own/words/{entry_of(world)}/whole").headers["location"] for _ in range(2)]

    assert pressed == ["/own/words?done=whole", "/own/words"]
    assert words(world) == [f"It helped a little.\n\n{CUT}"]
    assert cuts(world) == [""]
    assert world.rows("SELECT event, detail FROM history WHERE event = 'put-back'") == [
        ("put-back", f"entry {entry_of(world)}")
    ]


def test_the_owner_never_sees_what_was_cut(world):
    """Of what is shared they read the words; of what is not, nothing, also when it was put back."""
    wrote(world)
    diary.put_back(world.app.service, person(world), entry_of(world), world.clock.now())
    choose(world, SHARE)
    answer(world, SIGNED)

    assert [one.words for one in sharing.read(world.app.service, world.clock.real(), again=True)] == [
        "It helped a little."
    ]


def test_what_is_put_back_where_it_is_shared_is_shared(world):
    """The page says so before, and it is so after."""
    wrote(world, level=SHARE)
    page = visiting(world).get("/own/words")
    diary.put_back(world.app.service, person(world), entry_of(world), world.clock.now())

    assert "owner may read that, too" in said(page)
    assert [one.words for one in sharing.read(world.app.service, world.clock.real(), again=True)] == words(world)


QUOTED = "> I told myself that it was too little.\n> Then I said what I would say to a friend."


def all_quoted(world, level=KEEP, words=QUOTED, **headers):
    """Let Alice's mail program put what she wrote into a quote; return what was decided."""
    a_lesson(world, level=level)
    lesson = lessons(world)[-1]
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Message-ID"] = lesson.to, lesson.reply_to, "<1@client.example.org>"
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(f"{words}\n")
    return world.deliver(mail.as_bytes())


@pytest.mark.parametrize("level", [KEEP, SHARE])
def test_a_reply_of_which_all_was_cut_can_be_put_back(world, level):
    """It was empty, so nothing counted. The cut is there for Alice alone; put back, it is her words and her day."""
    decided = all_quoted(world, level)
    browser = visiting(world)
    page, copy = said(browser.get("/own/words")), browser.get("/own/export.md").text
    before = words(world), world.rows("SELECT day FROM completions")
    pressed = browser.post(f"/own/words/{entry_of(world)}/whole").headers["location"]
    again = browser.post(f"/own/words/{entry_of(world)}/whole").headers["location"]

    assert (decided, before) == (["empty"], ([""], []))
    assert "We found no words of yours in this email." in page
    assert "We found no words of yours in this email." in copy
    assert (pressed, again) == ("/own/words?done=whole", "/own/words")
    assert words(world) == [QUOTED]
    assert world.rows("SELECT day, via FROM completions") == [(1, "reply")]
    assert sharing.read(world.app.service, world.clock.real(), again=True) == []


@pytest.mark.parametrize(
    ("level", "words", "headers"),
    [
        (None, QUOTED, {}),
        (KEEP, QUOTED, {"Auto_Submitted": "auto-replied"}),
        (KEEP, QUOTED, {"Return_Path": "<>"}),
        (KEEP, QUOTED, {"Precedence": "list"}),
        (KEEP, "", {}),
    ],
    ids=["counting", "automatic", "bounce", "list", "nothing"],
)
@ON_SQLITE
def test_of_what_no_person_keeps_nothing_is_kept(world, level, words, headers):
    """Who only counts days, machines, bounces, lists, and a mail that holds nothing."""
    all_quoted(world, level, words, **headers)

    assert world.rows("SELECT * FROM entries") == []


@ON_SQLITE
def test_our_own_letter_is_not_kept_when_it_cannot_be_made_again(world):
    """Its words are not known any more, so what was cut of a reply without words may be nothing but the lesson."""
    a_lesson(world, level=KEEP)
    lesson = lessons(world)[-1]
    with world.app.service.store.transaction() as tx:
        tx.execute(update(deliveries).values(mailing=None))
    quoted = "\n".join(f"> {line}" for line in lesson.mailing.text_for(lesson.values).splitlines())

    assert world.reply(lesson, f"On Tuesday, Dear Self wrote:\n{quoted}\n") == ["empty"]
    assert world.rows("SELECT * FROM entries") == []


@ON_SQLITE
def test_a_reaction_and_our_own_letter_leave_nothing(world):
    """An emoji is no entry, and neither is the lesson that comes back without a word."""
    a_lesson(world, level=KEEP)
    lesson = lessons(world)[-1]
    quoted = "\n".join(f"> {line}" for line in lesson.mailing.text_for(lesson.values).splitlines())
    decided = world.reply(lesson, f"On Tuesday, Dear Self wrote:\n{quoted}\n", MessageID="<2@client.example.org>")
    reaction = EmailMessage()
    reaction["From"], reaction["To"], reaction["Message-ID"] = lesson.to, lesson.reply_to, "<3@client.example.org>"
    reaction.set_content("❤️")
    reaction.add_alternative('{"version": 1, "emoji": "❤️"}', subtype="vnd.google.email-reaction+json")
    held = world.deliver(reaction.as_bytes())

    assert decided == ["empty"]
    assert held != ["completed"]
    assert world.rows("SELECT * FROM entries") == []


def test_the_cut_goes_where_the_words_go(world):
    """Erased with its entry, and with the level."""
    wrote(world)
    answer(world, SIGNED)
    diary.take_back(world.app.service, person(world), kept(world)[0].id)
    left = cuts(world)
    choose(world, COUNT)

    assert left == [CUT]
    assert world.rows("SELECT cut FROM entries") == []


def test_without_the_key_nobody_opens_the_cut(world):
    """A destroyed key closes the words and the cut; putting back then changes nothing."""
    wrote(world)
    before = world.rows("SELECT locked, cut FROM entries")
    with world.app.service.key_store.transaction() as tx:
        tx.execute(person_keys.person_keys.delete())
    page = visiting(world).get("/own/words")

    assert "This entry cannot be opened now." in said(page)
    assert not diary.put_back(world.app.service, person(world), entry_of(world), world.clock.now())
    assert world.rows("SELECT locked, cut FROM entries") == before


@ON_SQLITE
def test_the_cut_is_bound_to_its_place(world):
    """Passed off as another reply's, or as words, it opens nothing."""
    wrote(world)
    answer(world, "two\n\n-- \nAnother Alice")
    with world.app.service.store.transaction() as tx:
        for line in (
            "UPDATE entries SET cut = (SELECT cut FROM entries e WHERE e.id = 2) WHERE id = 1",
            "UPDATE entries SET locked = cut WHERE id = 2",
        ):
            tx.exec_driver_sql(line)

    assert cuts(world)[0] == ""
    assert words(world) == ["It helped a little.", None]


def test_the_cut_opens_after_a_rotation(world):
    """With the new key alone."""
    wrote(world)
    again(world, journal_keys=f"{NEW},{OLD}")
    person_keys.rotate(world.app.service)
    again(world, journal_keys=NEW)

    assert cuts(world) == [CUT]
