"""What a sign-up may ask for besides the letters: each by its own yes, in the words that were shown, never unasked."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from html import unescape

import pytest
from conftest import make_settings
from pydantic import SecretStr
from sqlalchemy import update
from starlette.testclient import TestClient
from test_own_details import moved

from course import erasure
from course.content.snippets import mark
from course.journeys import community, consent, extras, moving, people, suppression
from course.store.tables import subscribers
from course.web import create_app

SITE = "http://127.0.0.1:8000"
URL = "/courses/self-compassion?locale=en-GB"
LIST = "the newsletter of Quiet Lane"
FORM = {"email": "alice@example.org", "timezone": "Europe/London", "send_hour": "8", "consent": "yes"}
KEY = "journal-key-of-the-tests-0123456789abcdef"


@pytest.fixture
def database(tmp_path):
    """Return an SQLite database: no engine decides any of this differently."""
    return f"sqlite:///{tmp_path / 'course.db'}"


@pytest.fixture
def settings(tmp_path, database):
    """Load the settings of a service that offers a journal and has a list."""
    given = {"journal_keys": KEY, "community_list": LIST, "spread_minutes": 1}
    return make_settings(data_dir=tmp_path / "var", database_url=database, **given)


@pytest.fixture
def browser(world):
    """Return a visitor's browser."""
    return TestClient(create_app(world.app), base_url=SITE, headers={"Accept-Language": "en-GB"})


def box(world, what):
    """Return the value of a box of the form: the mark of the words beside it."""
    return mark(extras.offered(world.app.service, "en-GB")[what])


def sign_up(world, browser, *whats, who="alice"):
    """Fill the form in, with these boxes ticked besides; return the token of the confirmation."""
    form = FORM | {"email": f"{who}@example.org"} | {what: box(world, what) for what in whats}
    assert browser.post(URL, data=form).status_code == 200
    world.app.tick()
    return world.confirm_token()


def consents(world):
    """Return which consents were recorded, in order."""
    return [row[0] for row in world.rows("SELECT what FROM consents ORDER BY id")]


def level(world):
    """Return the journal levels that were chosen."""
    return [row[0] for row in world.rows("SELECT level FROM journals")]


def test_each_box_stands_for_itself_and_is_empty(world, browser):
    """Course, journal, sharing and the list are four boxes with their whole words, and none is ticked."""
    page = browser.get("/?locale=en-GB").text
    boxes = re.findall(r'<input id="(\w+)" name="\w+" type="checkbox"([^>]*)>', page)

    assert [name for name, _ in boxes] == ["consent", "keep", "share", "list"]
    assert not any("checked" in attributes for _, attributes in boxes)
    for words in extras.offered(world.app.service, "en-GB").values():
        assert words in unescape(page)


def test_what_is_not_offered_is_not_on_the_page(world, browser):
    """Without JOURNAL_KEYS and COMMUNITY_LIST the form asks for the course alone, and takes nothing else."""
    plain = make_settings(data_dir=world.app.settings.data_dir)
    world.app.service = type(world.app.service)(plain, world.app.keys, world.app.catalogue, world.app.service.store)
    page = browser.get("/?locale=en-GB").text

    assert not re.search(r'name="(keep|share|list)"', page)
    assert browser.post(URL, data=FORM | {"keep": "yes", "list": "yes"}).status_code == 200


@pytest.mark.parametrize(
    ("ticked", "recorded", "levels"),
    [
        ((), ["given"], []),
        (("keep",), ["given", "keep-given"], ["keep"]),
        (("keep", "share"), ["given", "keep-given", "share-given"], ["share"]),
        (("list",), ["given", "list-given"], []),
    ],
    ids=["nothing", "keep", "share", "list"],
)
def test_what_was_ticked_counts_with_the_yes_from_the_inbox(world, browser, ticked, recorded, levels):
    """Before it, nothing is recorded: anybody can type anybody's address."""
    token = sign_up(world, browser, *ticked)
    before = consents(world)
    browser.post(f"/confirm/{token}")

    assert before == []
    assert consents(world) == recorded
    assert level(world) == levels


def test_the_proof_holds_the_words_of_the_page_and_when_they_were_ticked(world, browser):
    """The letters may be in another language than the page: what was shown is what counts."""
    shown = extras.offered(world.app.service, "en-GB")
    form = FORM | {"locale": "en-US"} | {what: mark(shown[what]) for what in ("keep", "list")}
    browser.post(URL, data=form)
    world.app.tick()
    asked_at = world.clock.at
    world.clock.go(hours=1)
    browser.post(f"/confirm/{world.confirm_token()}")
    proof = world.rows("SELECT what, wording, how FROM consents WHERE what <> 'given' ORDER BY id")

    assert proof == [("keep-given", shown["keep"], "form"), ("list-given", shown["list"], "form")]
    assert {str(row[0])[:16] for row in world.rows("SELECT asked_at FROM consents")} == {f"{asked_at:%Y-%m-%d %H:%M}"}


def test_the_proof_holds_the_words_of_then_though_others_stand_there_now(world, browser):
    """The owner keeps words for less long since: what was shown when the box was ticked is what counts."""
    shown = extras.offered(world.app.service, "en-GB")["keep"]
    token = sign_up(world, browser, "keep")
    less = world.app.settings.model_copy(update={"keep_words_days": 30})
    world.app.service = replace(world.app.service, settings=less)
    browser.post(f"/confirm/{token}")

    assert extras.offered(world.app.service, "en-GB")["keep"] != shown
    assert world.rows("SELECT wording FROM consents WHERE what = 'keep-given'") == [(shown,)]


def test_whoever_owns_the_inbox_sees_what_was_ticked_and_may_take_the_letters_alone(world, browser):
    """Somebody else ticked it: the page of the confirm link shows the words, and has a button without them."""
    token = sign_up(world, browser, "keep", "share", "list")
    page = unescape(browser.get(f"/confirm/{token}").text)
    browser.post(f"/confirm/{token}", data={"only": "letters"})

    assert all(words in page for words in extras.offered(world.app.service, "en-GB").values())
    assert consents(world) == ["given"]
    assert level(world) == []


def test_a_yes_by_mail_is_one_to_the_letters_alone(world, browser):
    """The mail that asked back has shown one consent; what a form asked for since is not in it."""
    world.app.receive(
        b"From: alice@example.org\r\nTo: join@reply.dearself.example\r\nMessage-ID: <1@example.org>\r\n"
        b"Content-Type: text/plain\r\n\r\nI would like to join.\r\n",
        source="test",
    )
    world.app.read_spool()
    world.app.tick()
    world.clock.go(hours=25)
    sign_up(world, browser, "keep", "list")
    world.reply(world.box.last("joining"), "YES")

    assert consents(world) == ["given"]


def test_sharing_needs_keeping(world, browser):
    """A tick at sharing alone is asked about, beside its box, and nothing is taken."""
    answer = browser.post(URL, data=FORM | {"share": box(world, "share")})

    assert answer.status_code == 422
    assert "Sharing needs your words to be kept." in answer.text
    assert re.search(r'<input id="share"[^>]* checked[^>]*aria-invalid="true"', answer.text)


def test_a_tick_beside_other_words_does_not_count(world, browser):
    """The words were changed while the page was open: they are shown anew, without a tick."""
    answer = browser.post(URL, data=FORM | {"keep": mark("other words")})
    box_there = re.search(r'<input id="keep"[^>]*>', answer.text)

    assert answer.status_code == 422
    assert "The words beside this box have changed." in answer.text
    assert "checked" not in box_there[0]


def test_the_service_begins_a_course_also_where_a_journal_is_no_longer_offered(world, browser):
    """The key was taken away between tick and yes: the letters come, and no words are kept."""
    token = sign_up(world, browser, "keep")
    plain = make_settings(data_dir=world.app.settings.data_dir)
    world.app.service = type(world.app.service)(plain, world.app.keys, world.app.catalogue, world.app.service.store)
    answer = browser.post(f"/confirm/{token}")

    assert "The letters are on their way" in answer.text
    assert consents(world) == ["given"]


# The community list.


def members(world):
    """Return who is on the list."""
    return [one.email for one in community.members(world.app.service)]


def on_the_list(world, browser, who):
    """Let somebody join the course and the list."""
    browser.post(f"/confirm/{sign_up(world, browser, 'list', who=who)}")
    world.app.tick()


def test_the_list_holds_whoever_asked_and_nobody_else(world, browser):
    """Alice asked, Bob did not, and what Charlie ticked he has not confirmed."""
    on_the_list(world, browser, "alice")
    world.join("bob")
    sign_up(world, browser, "list", who="charlie")

    assert members(world) == ["alice@example.org"]


def test_leaving_the_course_is_not_leaving_the_list(world, browser):
    """They are two things; leaving everything is both, and recorded for both."""
    on_the_list(world, browser, "alice")
    token = world.leave_token()
    world.app.leave(token, "page")
    after_the_course = members(world)
    browser.post(f"/leave/{token}", data={"choice": "everything"})

    assert after_the_course == ["alice@example.org"]
    assert members(world) == []
    assert consents(world) == ["given", "list-given", "withdrawn", "list-withdrawn"]


def test_whoever_wants_no_mail_is_on_no_list(world, browser):
    """A suppressed address is left out, whatever it said before."""
    on_the_list(world, browser, "alice")
    world.app.not_me(world.confirm_token())

    assert members(world) == []


def test_whoever_is_erased_and_comes_back_is_on_no_list_unasked(world, browser):
    """Being erased ended it; who signs up again has a box to tick, as everybody has."""
    on_the_list(world, browser, "alice")
    erasure.erase(world.app.service, "alice@example.org", world.clock.now())
    world.join("alice")
    came_back = members(world)
    world.app.leave(world.leave_token(), "page")
    browser.post(f"/confirm/{sign_up(world, browser, 'list', who='alice')}")

    assert came_back == []
    assert members(world) == ["alice@example.org"]


def test_a_place_on_the_list_moves_with_its_person(world, browser):
    """Whoever has the old address afterwards is not on it unasked; and it is kept by one who moves there and back."""
    on_the_list(world, browser, "alice")
    assert moved(world).status_code == 200
    world.clock.go(hours=30)
    world.join("alice")  # somebody else
    after = members(world)
    erasure.erase(world.app.service, "alice@example.org", world.clock.now())
    world.clock.go(hours=30)
    with world.app.service.store.reading() as tx:
        person = people.find(tx, subscribers.c.email == "alice@new.example")[0]
    moving.ask(world.app.service, person.subscriber_id, "alice@example.org", world.clock.now(), world.clock.real())
    world.app.tick()
    token = world.link(world.box.last("move"), "address")
    moving.confirm(world.app.service, token, world.clock.now(), world.clock.real())
    with world.app.service.store.reading() as tx:
        left, here = (
            suppression.mark(world.app.service.keys, f"alice@{home}") for home in ("new.example", "example.org")
        )
        on_it = consent.on_the_list(tx, [left, here])

    assert after == ["alice@new.example"]
    assert members(world) == ["alice@example.org"]
    assert on_it.keys() == {here}


def test_the_privacy_page_tells_of_the_list(world, browser):
    """Where there is one, it says so, and that it can be taken back."""
    assert f"If you ask for a place on {LIST}" in unescape(browser.get("/privacy").text)


def test_the_privacy_page_tells_of_the_journal_at_once(world, browser):
    """In short, nothing is kept: but for whoever asks for that, where it can be asked for."""
    short = "Only if you ask for a journal, your words are kept for you."
    offered = unescape(browser.get("/privacy").text)
    world.app.settings = world.app.settings.model_copy(update={"journal_keys": SecretStr("")})
    not_offered = unescape(browser.get("/privacy").text)

    assert f"We do not keep what you write. {short}" in offered
    assert short not in not_offered


def test_no_name_is_a_formula_in_the_owners_spreadsheet(course, world, browser, monkeypatch):
    """Whoever signs up as a formula is a text in the printed list: nothing is computed, and nothing is fetched."""
    monkeypatch.setenv("COMMUNITY_LIST", LIST)
    monkeypatch.setenv("JOURNAL_KEYS", KEY)
    on_the_list(world, browser, "alice")
    name = '=HYPERLINK("https://evil.example")'
    with world.app.service.store.transaction() as tx:
        tx.execute(update(subscribers).values(name=name))

    (row,) = csv.DictReader(course("community").out.splitlines())
    assert row["name"] == f"'{name}"


def test_the_command_prints_the_list_and_takes_somebody_off(course, world, browser, monkeypatch):
    """CSV, for whatever program the operator uses; a second time there is nothing to take back."""
    monkeypatch.setenv("COMMUNITY_LIST", LIST)
    monkeypatch.setenv("JOURNAL_KEYS", KEY)
    on_the_list(world, browser, "alice")
    printed = course("community").out
    first, second = (course("community", "withdraw", "alice@example.org") for _ in range(2))

    assert printed.splitlines()[0] == "email,name,language,since"
    assert printed.splitlines()[1].startswith("alice@example.org,,en-GB,2027-03-01T12:00:00+00:00")
    assert (first.code, second.code) == (0, 1)
    assert course("community").out.splitlines() == ["email,name,language,since"]
