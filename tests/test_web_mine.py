"""The page "My course" in the browser: opening it changes nothing, its buttons do, and it gives nothing away."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import pytest
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from course.content.help_lines import HelpLine
from course.journeys import privacy, resources
from course.web import create_app, wishes

SITE = "http://127.0.0.1:8000"
TABLES = (
    *("subscribers", "enrolments", "deliveries", "consents", "suppressions", "history", "limits", "skips"),
    *("completions", "fresh_links"),
)


@pytest.fixture
def database(tmp_path):
    """Return an SQLite database: what the web room does is the same on both."""
    return f"sqlite:///{tmp_path / 'course.db'}"


@pytest.fixture
def browser(world):
    """Return a visitor's browser."""
    return TestClient(create_app(world.app), base_url=SITE, headers={"Accept-Language": "en-GB"})


@pytest.fixture
def alice(world):
    """Alice has had the letters of two days: the path of her page."""
    world.join()
    world.pass_hours(24 * 2)
    return f"/mine/{world.link(world.box.last('day-2'), 'mine')}"


def state(world):
    """Return all rows that a page could change."""
    return {table: world.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in TABLES}  # noqa: S608


def said(answer):
    """Return a page's text as one reads it."""
    bare = re.sub(r"<(title|option|span class=\"unseen\")[^>]*>.*?</\1?[a-z]*>", " ", answer.text, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", bare)).split())


def test_opening_the_page_changes_nothing(world, browser, alice):
    """A scanner may GET and HEAD it, its letters too, a hundred times."""
    before = state(world)
    for _ in range(25):
        pages = [browser.get(alice), browser.head(alice), browser.get(f"{alice}/day/1"), browser.head(f"{alice}/day/1")]

    assert {page.status_code for page in pages} == {200}
    assert state(world) == before


def test_it_says_in_one_sentence_where_the_course_stands(world, browser, alice):
    """When the next letter comes, by her clock and in her words; and which have come."""
    page = said(browser.get(alice))

    assert "The next letter is planned for Thursday 4 March at 08:00." in page
    assert "Day 1: two ways of saying it open" in page
    assert "Day 2: " in page
    assert "Day 3" not in page


def test_a_forwarded_letter_hands_over_neither_name_nor_address_nor_words(world, browser, alice):
    """What is hers alone is behind a link to the address on file, and none of it is on these pages."""
    world.reply(world.box.last("day-2"), "A very private sentence.")
    pages = [browser.get(alice), browser.get(f"{alice}/day/2"), browser.post(alice, data={"do": "own"})]

    for page in pages:
        assert page.status_code == 200
        for private in ("Alice", "alice", "private sentence"):
            assert private not in page.text


def test_every_useless_link_shows_one_and_the_same_page(world, browser, alice):
    """Forged, cut short, of another purpose, a letter that was not sent: 404 and the same bytes; nothing changes."""
    token = alice.removeprefix("/mine/")
    flipped = [token[:at] + ("a" if token[at] != "a" else "b") + token[at + 1 :] for at in range(0, len(token), 5)]
    useless = [f"/mine/{one}" for one in (*flipped, token[:-1], token + "a", world.leave_token(), "A" * 300, "ä")]
    before = state(world)
    answers = [browser.get(f"{alice}/day/{day}") for day in ("3", "0", "99", "-1", "01", "1.0", "x", "²")]
    answers += [browser.get(path + more) for path in useless for more in ("", "/day/1")]
    answers += [browser.post(path, data={"do": do}) for path in useless for do in ("leave", "own", "restart", "x")]
    answers += [browser.post(f"{path}/day/1", data={"do": "done"}) for path in useless]

    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert state(world) == before


def test_whoever_was_erased_has_no_page(world, browser, alice):
    """Their links are like any other that is of no use."""
    forged = browser.get("/mine/aaaa")
    privacy.erase(world.app.service, "alice@example.org", world.clock.now())
    after = [browser.get(alice), browser.get(f"{alice}/day/1"), browser.post(alice, data={"do": "everything"})]

    assert {answer.status_code for answer in after} == {404}
    assert {answer.content for answer in after} == {forged.content}


WISHES = {
    "done": ({"day": "1"}, "Day 1 is marked as done."),
    "open": ({"day": "1"}, "Day 1 is marked as open."),
    "again": ({"day": "2"}, "The letter of day 2 is on its way to you once more."),
    "when": ({"send_hour": "21", "timezone": "Asia/Tokyo"}, "letters to come keep to your hour and place"),
    "pace": ({"pace": "weekdays"}, "letters to come keep to this pace"),
    "pause": ({"until": "2027-03-20"}, "Letters come again from Saturday 20 March at 08:00."),
    "resume": ({}, "The course goes on from where it was."),
    "plain": ({}, "Letters to come are plain text."),
    "not_plain": ({}, "Letters to come have their links again."),
    "country": ({"country": "IE"}, "letters to come, and pages, name these help lines"),
    "own": ({}, "the link is on its way to the address on file"),
    "restart": ({"round": "1", "consent": "yes"}, "The course begins again."),
    "locale": ({"locale": "en-US"}, "Saved: letters to come are in this language."),
    "leave": ({}, "You have left this course"),
    "everything": ({}, "You have left everything."),
}


@pytest.mark.parametrize("wish", WISHES)
def test_each_button_does_what_it_says(world, browser, alice, wish):
    """Pressed once it says so on the page, and something has changed (but for what was so already)."""
    if wish == "resume":
        browser.post(alice, data={"do": "pause"})
    before = state(world)
    data, told = WISHES[wish]
    page = browser.post(alice, data={"do": wish, **data}, follow_redirects=False)

    assert page.status_code == 200
    assert told in said(page)
    assert "set-cookie" not in page.headers
    assert (state(world) != before) == (wish not in {"open", "not_plain"})


def test_who_sets_their_own_pace_has_more_buttons(world, browser, alice):
    """That they are ready, and that they write on paper."""
    browser.post(alice, data={"do": "pace", "pace": "self-paced"})
    world.pass_hours(24 * 3)
    waiting = said(browser.get(alice))
    told = [said(browser.post(alice, data={"do": do})) for do in ("on_paper", "checked_on", "ready")]

    assert "Nothing is due. The next letter waits until you are ready." in waiting
    assert "No note comes when you are quiet." in told[0]
    assert "A short note may come when you are quiet." in told[1]
    assert "The next letter is planned for Sunday 7 March at 08:00." in told[2]


@pytest.mark.parametrize(
    ("hours", "told"),
    [
        (0, "The next letter comes tomorrow, at your hour."),
        (24 * 3 - 2, "The next letter comes at your hour, on the first day that it can."),
    ],
)
def test_who_is_ready_on_a_day_that_had_a_letter_is_told_that_it_comes_tomorrow(world, browser, alice, hours, told):
    """Never two on one date, and the page says so; asked for before one's hour of a later day it is that day's."""
    browser.post(alice, data={"do": "pace", "pace": "self-paced"})
    world.pass_hours(20 + hours)  # the planned one comes; it is eight, or six on a later day
    page = said(browser.post(alice, data={"do": "ready"}))

    assert told in page


def test_the_button_to_be_ready_is_there_only_where_it_brings_the_letter_sooner(world, browser, alice):
    """Not for a letter that is planned for the next day anyway; pressed twice, the page still says when it comes."""
    browser.post(alice, data={"do": "pace", "pace": "self-paced"})
    planned = browser.get(alice).text
    world.pass_hours(24 * 3)
    waiting = browser.get(alice).text
    pressed, again = (browser.post(alice, data={"do": "ready"}) for _ in range(2))

    button = 'value="ready"'
    assert [button in text for text in (planned, waiting, pressed.text, again.text)] == [False, True, False, False]
    assert said(again) == said(pressed)


def test_who_comes_from_weekdays_to_their_own_pace_may_have_mondays_letter_sooner(world, browser, alice):
    """On Friday it is planned for Monday; at their own pace it could come on Saturday, so there is a button."""
    browser.post(alice, data={"do": "pace", "pace": "weekdays"})
    world.pass_hours(24 * 2)
    browser.post(alice, data={"do": "pace", "pace": "self-paced"})
    before = browser.get(alice)
    browser.post(alice, data={"do": "ready"})

    assert "The next letter is planned for Monday 8 March" in said(before)
    assert 'value="ready"' in before.text
    assert "The next letter is planned for Saturday 6 March" in said(browser.get(alice))


def test_every_wish_has_a_test():
    """Whoever adds one adds it here."""
    assert set(wishes.WISHES) == {*WISHES, "on_paper", "checked_on", "ready"}


def test_a_fresh_link_goes_to_the_address_on_file(world, browser, alice):
    """One mail; the page says the same when it is asked for too often."""
    pages = [browser.post(alice, data={"do": "own"}) for _ in range(5)]
    world.app.tick()

    assert len({page.content for page in pages}) == 1
    assert {mail.to for mail in world.box.sent if mail.mailing.name == "fresh"} == {"alice@example.org"}


BAD = [
    ({"do": "when", "send_hour": "24", "timezone": "Asia/Tokyo"}, "Choose an hour from the list."),
    ({"do": "when", "send_hour": "9", "timezone": "Tokyo"}, "Choose the city nearest to you."),
    ({"do": "locale", "locale": "de"}, "Choose a language from the list."),
    ({"do": "pace", "pace": "hourly"}, "Choose one of the paces."),
    ({"do": "pace", "pace": "weekly"}, "Choose one of the paces."),
    ({"do": "pause", "until": "2027-03-03"}, "Choose a day from tomorrow on"),
    ({"do": "pause", "until": "soon"}, "Choose a day from tomorrow on"),
    ({"do": "country", "country": "Ireland"}, "Choose a country from the list."),
    ({"do": "country"}, "Choose a country from the list."),
    ({"do": "restart", "round": "1"}, "Tick the box if you agree."),
]


@pytest.mark.parametrize(("data", "told"), BAD, ids=[f"{data['do']}-{place}" for place, (data, _) in enumerate(BAD)])
def test_what_is_wrong_is_said_at_its_place_and_changes_nothing(world, browser, alice, data, told):
    """At the head of the page, with a link to its field, in a section that is open; what was chosen is still there."""
    before = state(world)
    page = browser.post(alice, data=data)
    field = re.search(r'class="summary".*?<a href="#([^"]+)">', page.text, re.DOTALL)[1]

    assert page.status_code == 422
    assert said(page).count(told) == 2
    assert re.search(rf'<(?:input|select) id="{field}"[^>]* aria-invalid="true"', page.text)
    assert f'id="{data["do"]}" open' in page.text
    assert page.text.count(" open>") == 1
    assert 'value="21" selected' not in page.text
    assert state(world) == before


def test_a_form_that_asks_for_nothing_shows_the_page(world, browser, alice):
    """An empty one, an unknown wish, a day that is none."""
    before = state(world)
    for data in ({}, {"do": "delete"}, {"do": "done"}, {"do": "done", "day": "-1"}, {"do": "again", "day": "9" * 9}):
        assert browser.post(alice, data=data).status_code == 200

    assert state(world) == before


def lines_of(browser, *paths):
    """Return which help lines these pages name."""
    return {name for path in paths for name in ("Listeners", "Neighbours") if name in browser.get(path).text}


def test_help_lines_are_those_of_the_country_that_was_chosen(world, browser, alice):
    """In letters and on pages; else those of the country that she lives by, and so again when she says that."""
    checked = world.clock.at.date()
    rows = tuple(
        HelpLine(country, name, "call", "116 123", "", "everyone", checked)
        for country, name in (("GB", "Listeners"), ("IE", "Neighbours"))
    )
    texts = replace(world.app.catalogue, help_lines=rows, _said={})
    world.app.service = world.app.ticker.service = replace(world.app.service, catalogue=texts)
    token = alice.removeprefix("/mine/")
    pages = (alice, f"{alice}/day/1", f"/checkin/{token}")
    mailed, shown = [], [lines_of(browser, *pages)]
    for country in ("IE", ""):
        assert browser.post(alice, data={"do": "country", "country": country}).status_code == 200
        world.pass_hours(24)
        mail = world.box.sent[-1]
        mailed.append(mail.values["help_lines"])
        shown.append(lines_of(browser, *pages))

    assert ["Neighbours" in said for said in mailed] == ["Listeners" not in said for said in mailed] == [True, False]
    assert shown == [{"Listeners"}, {"Neighbours"}, {"Listeners"}]


def test_the_chosen_country_is_in_a_copy_and_erased_with_the_rest(world, browser, alice):
    """It is one more thing that is known of her: an export has it, and erasing leaves nothing of it."""
    browser.post(alice, data={"do": "country", "country": "IE"})
    kept = privacy.export(world.app.service, "alice@example.org")["subscriber"][0]["country"]
    page = browser.get(alice)
    privacy.erase(world.app.service, "alice@example.org", world.clock.now())

    assert kept == "IE"
    assert '<option value="IE" selected>' in page.text
    assert world.rows("SELECT country FROM subscribers") == []


def test_a_letter_can_be_read_again(world, browser, alice):
    """The whole of it: what it is called, why, what is needed, its steps and its prompt; it greets nobody by name."""
    page = said(browser.get(f"{alice}/day/1"))

    for part in ("Day 1: two ways of saying it", "About 10 minutes", "Why", "Hello, Much of what", "The small version"):
        assert part in page
    assert "{" not in page


def test_a_letter_s_page_leads_to_its_exercise_as_the_mail_does(world, browser, alice):
    """Day 1 has one and day 2 none; what was revoked is not offered until a new letter opens it again."""
    opened = re.findall(r'<a href="(/r/[0-9a-f]+)">([^<]+)</a>', browser.get(f"{alice}/day/1").text)
    opens, none = browser.get(opened[0][0]).status_code, browser.get(f"{alice}/day/2").text
    resources.revoke(world.app.service, "alice@example.org", "feet-on-the-floor", world.clock.real())
    revoked = browser.get(f"{alice}/day/1").text
    world.clock.go(hours=1)
    browser.post(f"{alice}/day/1", data={"do": "again"})
    world.app.tick()

    assert [title for _, title in opened] == ["Feet on the floor, an exercise to follow"]
    assert (opens, browser.get(opened[0][0]).status_code) == (200, 404)
    assert "/r/" not in none + revoked
    assert "/r/" in browser.get(f"{alice}/day/1").text


def test_a_letter_s_page_marks_its_day_and_sends_it_again(world, browser, alice):
    """And shows the letter as before."""
    told = [said(browser.post(f"{alice}/day/1", data={"do": do})) for do in ("done", "again", "again", "open")]

    assert "Day 1 is marked as done." in told[0]
    assert "The letter of day 1 is on its way to you once more." in told[1]
    assert "The letter of day 1 was sent again today already." in told[2]
    assert "Day 1 is marked as open." in told[3]
    assert all("Much of what we say to ourselves" in page for page in told)


@pytest.mark.parametrize(
    ("ended", "sentence", "offered"),
    [
        ("finished", "The last letter of this course has come your way.", {"restart", "everything", "own", "when"}),
        ("left", "You have left this course, and no further letter comes.", {"restart", "everything", "own"}),
        ("bounced", "This course has ended, and no further letter comes.", {"restart", "everything", "own"}),
        ("paused", "The course is paused. No letter comes until you ask for one.", {"resume", "pause", "leave"}),
    ],
)
def test_the_page_shows_what_still_makes_sense(world, browser, alice, ended, sentence, offered):
    """Of a round that is over, or rests."""
    if ended == "finished":
        world.pass_hours(24 * 5)
    elif ended == "paused":
        browser.post(alice, data={"do": "pause"})
    else:
        browser.post(alice, data={"do": "leave"})
    if ended == "bounced":
        with world.app.service.store.transaction() as tx:
            tx.exec_driver_sql("UPDATE enrolments SET ended_reason = 'bounced'")
    page = browser.get(alice)
    buttons = set(re.findall(r'name="do" value="([a-z_]+)"', page.text))

    assert sentence in said(page)
    assert offered <= buttons
    assert ("pace" in buttons) == ("leave" in buttons) == (ended == "paused")


def test_it_works_when_the_course_s_folder_is_gone(world, browser, alice):
    """The owner took the course away: what can be changed is there, and its letters are no more to be read."""
    gone = world.app.catalogue.courses.pop("self-compassion")
    world.app.catalogue.courses["another"] = gone
    page, letter = browser.get(alice), browser.get(f"{alice}/day/1")
    left = browser.post(alice, data={"do": "leave"})

    assert (page.status_code, letter.status_code, left.status_code) == (200, 404, 200)
    assert "self-compassion" in page.text
    assert world.rows("SELECT status FROM enrolments") == [("stopped",)]


def test_no_page_of_a_person_is_kept_or_told_of(world, browser, alice):
    """No cache, no referrer, no index, no cookie; the log holds the route and never the token."""
    with capture_logs() as lines:
        answers = [browser.get(alice), browser.get(f"{alice}/day/1"), browser.post(alice, data={"do": "pause"})]

    for answer in answers:
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "noindex" in answer.headers["x-robots-tag"]
        assert "set-cookie" not in answer.headers
    assert [line["route"] for line in lines] == ["/mine/{token}", "/mine/{token}/day/{day}", "/mine/{token}"]
    assert alice.removeprefix("/mine/") not in str(lines)
