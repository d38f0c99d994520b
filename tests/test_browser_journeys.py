"""What a subscriber does by themselves in a real browser: set their own pace, do without links, move, and be forgotten.

The clock of the test stands still until it is moved, so that a day's letter comes when the test says. Leaves pictures
in screenshots/ (git-ignored).
"""

from __future__ import annotations

import re

import pytest
from test_browser import BROWSER, PICTURES, look, served, shown
from test_browser import chromium as chromium  # noqa: PLC0414 (a fixture: the browser)
from test_journal import KEEP, choose

from course.store.tables import metadata

pytestmark = BROWSER

NEW_HOME = "alice@new.example"
OLD_LINK = "This link does not work any more"


@pytest.fixture
def world(tmp_path):
    """Build the service on SQLite, with a journal, and serve its pages at a port of this machine."""
    with served(tmp_path / "var") as world:
        yield world


@pytest.fixture
def visitor(chromium, world):
    """Return a visitor in London with an empty page, as often as one is asked for; what goes wrong fails the test."""
    contexts, wrong, site = [], [], world.app.settings.site

    def visit():
        contexts.append(chromium.new_context(base_url=site, locale="en-GB", timezone_id="Europe/London"))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if "Security Policy" in said.text else None)
        page.on("request", lambda sent: wrong.append(sent.url) if not sent.url.startswith((site, "about:")) else None)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert wrong == []


def mornings(world, number=1):
    """Let so many mornings come; letters are due at eight, and it is nine."""
    for _ in range(number):
        world.clock.go(hours=(9 - world.clock.at.hour) % 24 or 24)
        world.app.tick()


def path(world, mail, room):
    """Return where a mail leads."""
    return f"/{room}/{world.link(mail, room)}"


def letters(world):
    """Return the names of the lessons that have come."""
    return [name for name in world.box.names("alice@example.org") if name.startswith("day-")]


def open_own_pages(world, page, mail):
    """Ask for a fresh link from the foot of a mail, and open what only the person may see."""
    page.goto(path(world, mail, "mine"))
    page.get_by_role("button", name="Send me a link to my own words").click()
    assert shown(page.get_by_role("status").get_by_text("the link is on its way to the address on file"))
    world.app.tick()
    page.goto(path(world, world.box.last("fresh"), "open"))
    page.get_by_role("button", name="Open my own pages").click()
    page.wait_for_url("**/own")


def test_whoever_is_ready_gets_the_next_letter_on_its_day(world, visitor):
    """Alice sets her own pace at sign-up: ready on a day that had a letter, it is tomorrow's, and the page says so."""
    page = visitor()
    page.goto("/")
    page.locator("#email").fill("alice@example.org")
    page.locator("#pace").select_option("self-paced")
    page.locator("#consent").check()
    page.locator("form button").click()
    page.get_by_role("heading", name="Nearly there").wait_for()  # the clock of the test stands still
    page.locator("form button").click()
    page.get_by_role("heading", name="Look in your inbox").wait_for()
    world.app.tick()
    page.goto(f"/confirm/{world.confirm_token()}")
    page.get_by_role("button", name="Yes, send me the course").click()
    page.get_by_role("heading", name="The letters are on their way").wait_for()
    mornings(world)
    mine = path(world, world.box.last("day-1"), "mine")
    page.goto(mine)
    assert shown(page.get_by_text("Nothing is due. The next letter waits until you are ready."))
    page.get_by_role("button", name="I am ready for the next one").click()
    for _ in range(2):  # twice is as good as once: the browser posts again
        assert shown(page.get_by_role("status").get_by_text("The next letter comes tomorrow, at your hour."))
        assert shown(page.get_by_text("The next letter is planned for Wednesday 3 March at 08:00."))
        assert not page.get_by_role("button", name="I am ready for the next one").is_visible()
        page.reload()
    look(page, "mine-ready")
    world.pass_hours(15)  # until midnight
    assert letters(world) == ["day-1"]
    world.pass_hours(9)
    assert letters(world) == ["day-1", "day-2"]

    world.pass_hours(24 * 3 - 2)  # three quiet days; it is six in the morning of the fourth
    page.goto(mine)
    page.get_by_role("button", name="I am ready for the next one").click()
    assert shown(page.get_by_role("status").get_by_text("The next letter comes at your hour"))
    assert shown(page.get_by_text("The next letter is planned for Saturday 6 March at 08:00."))
    world.pass_hours(3)
    assert letters(world) == ["day-1", "day-2", "day-3"]


def test_letters_come_without_links_and_with_them_again(world, visitor):
    """Chosen on "My course": the next letter has all its words and nothing to press; chosen back, links return."""
    world.join()
    mornings(world)
    page, mine = visitor(), path(world, world.box.last("day-1"), "mine")
    page.goto(mine)
    page.locator("#plain summary").click()
    page.get_by_role("button", name="Send me plain letters").click()
    assert shown(page.get_by_role("status").get_by_text("Letters to come are plain text."))
    page.locator("#plain summary").click()
    look(page, "mine-plain")
    mornings(world)
    plain = world.box.last("day-2")
    reader = visitor()
    reader.set_content(plain.mailing.html_for(plain.values))
    reader.screenshot(path=PICTURES / "mail-day-2-plain.png", full_page=True)
    pressed = reader.locator("a, button, input, [onclick]").count()
    said = reader.locator("body").inner_text()
    page.goto(mine)
    page.locator("#plain summary").click()
    page.get_by_role("button", name="Send me letters with links again").click()
    assert shown(page.get_by_role("status").get_by_text("Letters to come have their links again."))
    mornings(world)
    linked = world.box.last("day-3")
    reader.set_content(linked.mailing.html_for(linked.values))

    assert pressed == 0
    assert "Hello Alice," in said
    assert "STOP leaves this course" in said
    assert re.findall(r"https?://", said + plain.mailing.text_for(plain.values)) == []
    assert reader.get_by_role("link", name="My course").count() == 1


def test_another_address_says_yes_before_letters_go_there(world, visitor):
    """Alice types it on her own pages; its button is pressed in another browser; then letters go there."""
    world.join()
    mornings(world)
    first = world.box.last("day-1")
    page = visitor()
    open_own_pages(world, page, first)
    page.get_by_role("link", name="My name and address").click()
    page.locator("#email").fill("alice at new")
    page.get_by_role("button", name="Ask the new address").click()
    assert shown(page.locator("#email-error"))
    assert page.locator("#email-error").evaluate("one => getComputedStyle(one).color") == "rgb(147, 48, 44)"
    look(page, "own-details-wrong")
    page.locator("#email").fill(NEW_HOME)
    page.get_by_role("button", name="Ask the new address").click()
    assert shown(page.get_by_role("status").get_by_text("Nothing changes until it is pressed."))
    look(page, "own-address-asked")
    world.pass_hours(23)
    before = world.box.last("day-2").to

    there, question = visitor(), world.box.last("move")
    link = path(world, question, "address")
    there.goto(link)
    look(there, "address")
    there.get_by_role("button", name="Yes, send them here").click()
    assert shown(there.get_by_role("heading", name="Your letters come here now"))
    look(there, "moved")
    there.goto(link)
    assert shown(there.get_by_role("heading", name=OLD_LINK))
    world.pass_hours(24)
    page.goto("/own/details")

    assert (question.to, before) == (NEW_HOME, "alice@example.org")
    assert shown(page.get_by_role("heading", name="This page is closed for now"))  # what the old address had opened
    assert world.box.last("moved").to == "alice@example.org"
    assert world.box.last("day-3").to == NEW_HOME
    assert there.context.cookies() == []


def test_erasing_goes_to_the_very_end(world, visitor):
    """What remains is said first; then nothing of Alice is left, her links are polite, and she may come anew."""
    world.join()
    choose(world, KEEP)
    mornings(world)
    first = world.box.last("day-1")
    world.reply(first, "To myself: heron-canary.")
    world.app.tick()
    page = visitor()
    open_own_pages(world, page, first)
    page.get_by_role("link", name="Erase everything").click()
    assert shown(page.get_by_role("heading", name="What remains, and why"))
    assert page.get_by_text("The proof that you once said yes stays for three years").count() == 1
    page.get_by_role("button", name="Go on to the last question").click()
    assert shown(page.get_by_text("Nothing has happened yet."))
    assert world.rows("SELECT email FROM subscribers") == [("alice@example.org",)]
    page.get_by_role("button", name="Erase everything").click()
    assert shown(page.get_by_role("heading", name="It is done"))
    look(page, "erased")
    assert page.context.cookies() == []

    page.goto("/own")
    assert shown(page.get_by_role("heading", name="This page is closed for now"))
    links = [path(world, first, room) for room in ("mine", "leave", "write", "checkin")]
    links += [path(world, world.box.last("fresh"), "open"), f"/confirm/{world.confirm_token()}"]
    for link in (*links, f"{links[0]}/day/1"):
        assert page.goto(link).status == 404
        assert shown(page.get_by_role("heading", name=OLD_LINK))
    sent = len(world.box.sent)
    mornings(world, 2)
    assert len(world.box.sent) == sent
    rows = {name: world.rows(f'SELECT * FROM "{name}"') for name in metadata.tables}  # noqa: S608
    assert [name for name, found in rows.items() if re.search("alice|heron", repr(found), re.IGNORECASE)] == []
    assert [name for name in ("subscribers", "enrolments", "replies", "entries", "completions") if rows[name]] == []

    world.sign_up("alice")
    world.app.tick()
    page.goto(f"/confirm/{world.confirm_token()}")
    page.get_by_role("button", name="Yes, send me the course").click()
    assert shown(page.get_by_role("heading", name="The letters are on their way"))
    mornings(world)
    assert world.box.sent[-1].mailing.name == "day-1"
