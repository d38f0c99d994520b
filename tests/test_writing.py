"""Writing on a lesson's page instead of replying: it counts as a reply does, and no word of it is lost or shown."""

from __future__ import annotations

import re
from html import unescape

import pytest
import structlog
from conftest import ON_SQLITE, make_settings
from starlette.testclient import TestClient
from test_journal import kept_of

from course.journeys import journal, people, writing
from course.locking import LockedError
from course.store.states import JournalLevel
from course.store.tables import subscribers
from course.web import create_app

SITE = "http://127.0.0.1:8000"
CANARY = "heron-canary"
KEY = "journal-key-of-the-tests-0123456789abcdef"


@pytest.fixture
def settings(tmp_path, database):
    """Load the settings of a service that offers a journal."""
    return make_settings(data_dir=tmp_path / "var", database_url=database, spread_minutes=1, journal_keys=KEY)


@pytest.fixture
def browser(world):
    """Return a visitor's browser."""
    return TestClient(create_app(world.app), base_url=SITE, headers={"Accept-Language": "en-GB"})


@pytest.fixture
def page(world):
    """Alice has day 1: the address of its page."""
    world.join()
    world.pass_hours(24)
    return f"/write/{world.link(world.box.last('day-1'), 'write')}"


def alice(world):
    """Return Alice's round."""
    with world.app.service.store.reading() as tx:
        return people.find(tx, subscribers.c.email == "alice@example.org")[0]


def choose(world, level):
    """Let Alice choose what becomes of her words."""
    journal.choose(world.app.service, alice(world).id, level, "page", world.clock.real())


def kept(world):
    """Return the words in Alice's journal, with their days."""
    return words_of(world, alice(world).id)


def begin_again(world, browser, page):
    """Press "Start the course again"; return the id of the round before."""
    before = alice(world).id
    done = browser.post(
        page.replace("/write/", "/mine/"), data={"do": "restart", "consent": "yes", "round": f"{before}"}
    )
    assert done.status_code == 200
    assert alice(world).id != before
    return before


def words_of(world, number):
    """Return the words that are kept of a round, with their days."""
    return [(entry.day, entry.words) for entry in kept_of(world, number)]


def test_words_for_an_old_mail_stay_with_its_lesson(world, browser, page):
    """She keeps a journal and began again: by the page or by reply, words are kept where they belong, as it says."""
    choose(world, JournalLevel.KEEP)
    before = begin_again(world, browser, page)
    shown = browser.get(page).text
    send(browser, page, "first")
    world.reply(world.box.last("day-1"), "second")
    world.app.tick()
    unread = world.box.last("unread")

    assert "Your words are kept for you" in shown
    assert words_of(world, before) == [(1, "first"), (1, "second")]
    assert kept(world) == []
    assert world.rows("SELECT enrolment_id, day FROM completions") == [(before, 1)]
    assert "Your words are kept for you" in unread.mailing.text_for(unread.values)


def test_whoever_has_left_is_told_before_they_write(world, browser, page):
    """Nothing new is kept of somebody who began again and then left; the page says so, and the day counts."""
    choose(world, JournalLevel.KEEP)
    before = begin_again(world, browser, page)
    world.app.leave(world.leave_token(world.box.last("day-1")), "page")
    shown = browser.get(page).text
    send(browser, page, "first")

    assert "are not kept" in shown
    assert words_of(world, before) == []
    assert world.rows("SELECT enrolment_id, day FROM completions") == [(before, 1)]


def form_of(answer):
    """Return the hidden fields of a form."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="(\w+)">', answer.text))


def send(browser, page, words, **more):
    """Open the page, write, and press the button."""
    return browser.post(page, data=form_of(browser.get(page)) | {"words": words} | more)


def state(world):
    """Return all rows that writing could change."""
    tables = ("replies", "completions", "entries", "deliveries")
    return {table: world.rows(f"SELECT * FROM {table}") for table in tables}  # noqa: S608 (the test's own)


@ON_SQLITE
def test_opening_the_page_shows_the_prompt_and_changes_nothing(world, browser, page):
    """A scanner may open it a hundred times."""
    before = state(world)
    for _ in range(20):
        shown = browser.get(page)
        browser.head(page)

    assert "Day 1: write here" in shown.text
    assert "To a friend, I would say …" in shown.text
    assert state(world) == before


@ON_SQLITE
@pytest.mark.parametrize("locale", ["en-GB", "en-US", "es", "he"])
def test_whoever_shares_a_device_is_told_to_clear_the_page(world, browser, locale):
    """The word for shared computers stands under the box and names the button below it, which is always there.

    Beside "Send", a slip would cost all that was written.
    """
    world.join(locale=locale)
    world.pass_hours(24)
    text = unescape(browser.get(f"/write/{world.link(world.box.last('day-1'), 'write')}").text)
    hint = re.search(r'<p class="hint" id="device-hint">(.+?)</p>', text)[1]
    clear = re.search(r'id="device-hint">.+?</p>\s*<p><a class="button [^"]+" id="clear"[^>]*>(.+?)</a>', text)[1]

    assert hint == world.app.catalogue.words[locale]["pages"]["write"]["shared"]
    assert clear in hint


def test_what_is_written_counts_the_day_as_a_reply_does(world, browser, page):
    """The day is done, by this page; the row says so; no mail follows, for the page has said it all."""
    answer = send(browser, page, CANARY)
    sent = len(world.box.sent)
    world.app.tick()

    assert answer.status_code == 200
    assert "<h1>Day 1 is noted</h1>" in answer.text
    assert world.rows("SELECT day, via FROM completions") == [(1, "page")]
    assert world.rows("SELECT source, kind FROM replies") == [("page", "completed")]
    assert len(world.box.sent) == sent


@ON_SQLITE
def test_the_page_says_what_a_receipt_says_and_never_quotes(world, browser, page):
    """What became of the words, that nobody reads them as they arrive, and where help is."""
    said = unescape(send(browser, page, CANARY).text)

    for needed in ("Your words were not kept.", "Nobody reads replies as they arrive.", "If you need someone now:"):
        assert needed in said
    assert CANARY not in said


@pytest.mark.parametrize(
    ("level", "words", "said"),
    [
        (JournalLevel.COUNT, [], "Your words were not kept."),
        (JournalLevel.KEEP, [(1, "Dear me,\n\nno wonder — ø, 日本.")], "Your words are kept for you, locked"),
        (JournalLevel.SHARE, [(1, "Dear me,\n\nno wonder — ø, 日本.")], "may read them later"),
    ],
    ids=["count", "keep", "share"],
)
def test_words_are_kept_only_at_their_level_and_as_they_were_written(world, browser, page, level, words, said):
    """The same choice as for a reply, and the page says it before and after."""
    choose(world, level)
    before = unescape(browser.get(page).text)
    after = unescape(send(browser, page, "Dear me,\r\n\r\nno wonder — ø, 日本.\r\n").text)

    assert kept(world) == words
    assert said in after
    assert ("not kept" in before) == (level is JournalLevel.COUNT)


def test_the_same_form_twice_counts_once(world, browser, page):
    """A button pressed twice, or a page that is posted again: one reply, one entry, and the same page."""
    choose(world, JournalLevel.KEEP)
    form = form_of(browser.get(page)) | {"words": "once"}
    first, second = browser.post(page, data=form), browser.post(page, data=form)

    assert kept(world) == [(1, "once")]
    assert first.status_code == second.status_code == 200
    assert world.rows("SELECT count(*) FROM replies") == [(1,)]


def test_other_words_from_the_same_form_are_kept_too(world, browser, page):
    """Send, then more words while the page loads, then Send again: both texts are kept, and the day is done once."""
    choose(world, JournalLevel.KEEP)
    form = form_of(browser.get(page))
    for words in ("one", "one, and more", "one"):
        answer = browser.post(page, data=form | {"words": words})

    assert kept(world) == [(1, "one"), (1, "one, and more")]
    assert answer.status_code == 200
    assert world.rows("SELECT count(*) FROM completions") == [(1,)]


@ON_SQLITE
def test_a_day_may_be_written_about_again(world, browser, page):
    """Another form is another reply; the day is done once."""
    choose(world, JournalLevel.KEEP)
    for words in ("one", "two"):
        send(browser, page, words)

    assert kept(world) == [(1, "one"), (1, "two")]
    assert world.rows("SELECT count(*) FROM completions") == [(1,)]


@ON_SQLITE
def test_a_long_text_is_shown_again_and_nothing_is_lost(world, browser, page):
    """Longer than fits: all of it is in the box again, with what to do; as long as fits is taken."""
    long = "ø 日本 <b>&amp;\n" * 9_000
    refused = send(browser, page, long)
    back = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", refused.text, re.DOTALL)

    assert refused.status_code == 422
    assert "30,000 characters" in refused.text
    assert unescape(back[1]) == long
    assert world.rows("SELECT * FROM completions") == []
    assert send(browser, page, "日" * writing.LONGEST).status_code == 200


@ON_SQLITE
def test_an_empty_box_is_asked_about(world, browser, page):
    """Nothing is noted, and nobody is blamed."""
    answer = send(browser, page, " \r\n ")

    assert answer.status_code == 422
    assert "One is enough." in answer.text
    assert world.rows("SELECT * FROM replies") == []


@ON_SQLITE
@pytest.mark.parametrize("words", ["STOP", "Pause for a week\n\nthanks"])
def test_a_word_like_stop_is_not_swallowed(world, browser, page, words):
    """Here it does nothing, so the page says where it does; pressed once more, it is an answer like any other."""
    asked = send(browser, page, words)
    still = alice(world).status, world.rows("SELECT * FROM completions")
    browser.post(page, data=form_of(asked) | {"words": words})

    assert asked.status_code == 422
    assert "this would change the course" in unescape(asked.text)
    assert words in unescape(asked.text).replace("\r", "")
    assert f'href="{page.replace("write", "mine")}"' in asked.text
    assert still == ("active", [])
    assert world.rows("SELECT day, via FROM completions") == [(1, "page")]


@ON_SQLITE
def test_done_is_an_answer(world, browser, page):
    """It means the same on the page as in a mail."""
    assert send(browser, page, "done").status_code == 200
    assert world.rows("SELECT day FROM completions") == [(1,)]


@ON_SQLITE
def test_words_that_cannot_be_kept_now_are_given_back(world, browser, page, monkeypatch):
    """At keep they are never dropped: the page shows them again, the day is not counted, and no log has them."""
    choose(world, JournalLevel.KEEP)

    def broken(*_):
        raise LockedError(CANARY)

    monkeypatch.setattr(journal, "keep", broken)
    with structlog.testing.capture_logs() as lines:
        answer = send(browser, page, CANARY)

    assert answer.status_code == 503
    assert f">\n{CANARY}</textarea>" in answer.text
    assert world.rows("SELECT * FROM replies") == world.rows("SELECT * FROM completions") == []
    assert CANARY not in str(lines)


@ON_SQLITE
def test_no_word_and_no_token_is_in_a_log_or_an_address(world, browser, page):
    """The log has the route's template; the form is posted, never put into an address."""
    with structlog.testing.capture_logs() as lines:
        shown = send(browser, page, CANARY)
    requests = [(line["method"], line["route"]) for line in lines if line["event"] == "request"]

    assert requests == [("GET", "/write/{token}"), ("POST", "/write/{token}")]
    assert CANARY not in str(lines)
    assert page not in str(lines)
    assert 'method="post"' in browser.get(page).text
    assert (shown.headers["cache-control"], shown.headers["referrer-policy"]) == ("no-store", "no-referrer")


@ON_SQLITE
def test_after_leaving_a_late_word_counts_and_is_not_kept(world, browser, page):
    """As a late reply: the course is over for her, and the page tells the truth."""
    choose(world, JournalLevel.KEEP)
    world.app.leave(world.leave_token(), "page")
    answer = send(browser, page, "late")

    assert "Your words were not kept." in answer.text
    assert kept(world) == []
    assert world.rows("SELECT day FROM completions") == [(1,)]


@ON_SQLITE
def test_the_page_of_a_notice_is_about_the_newest_letter(world, browser):
    """Before the first letter there is nothing to write about; afterwards the welcome's page is a place for it, too."""
    world.join()
    page = f"/write/{world.link(world.box.last('welcome'), 'write')}" if _links(world, "welcome") else _by_hand(world)
    early, kind = browser.get(page), browser.post(page, data={"words": CANARY})
    world.pass_hours(48)
    send(browser, page, "of day 2")

    assert "No letter has come yet" in early.text
    assert "<form" not in early.text
    assert CANARY not in kind.text
    assert world.rows("SELECT day FROM completions") == [(2,)]


def _links(world, name):
    """Whether a mail links to a page to write on."""
    mail = world.box.last(name)
    return "/write/" in mail.mailing.text_for(mail.values)


def _by_hand(world):
    """Return the page of the welcome by the token in its other link."""
    return f"/write/{world.link(world.box.last('welcome'), 'mine')}"


@ON_SQLITE
def test_a_useless_token_gets_the_one_page_for_it(world, browser, page):
    """Forged, cut short, of another purpose: 404, the same bytes, and no trace of what was written."""
    useless = [page[:-1], page + "a", "/write/a", f"/write/{world.leave_token()}"]
    answers = [browser.get(path) for path in useless] + [browser.post(path, data={"words": CANARY}) for path in useless]

    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert CANARY not in answers[-1].text


@ON_SQLITE
def test_whoever_sets_their_own_pace_gets_the_next_letter_by_writing_here(world, browser):
    """As by a reply: day 2 waits until day 1 is done, and then comes."""
    world.join(pace="self-paced")
    world.pass_hours(72)
    waiting = world.box.names("alice@example.org")
    send(browser, f"/write/{world.link(world.box.last('day-1'), 'write')}", "a word")
    world.pass_hours(25)

    assert "day-2" not in waiting
    assert "day-2" in world.box.names("alice@example.org")
