"""Every page in a real browser: its weight, what it is without scripts, what a press answers; and what is taken along.

The clock of the test stands still until it is moved.
"""

from __future__ import annotations

import json
import shutil

import pytest
from test_browser import BROWSER, served, shown
from test_browser import chromium as chromium  # noqa: PLC0414 (a fixture: the browser)
from test_browser_access import BOTH, OWN, SCREEN, SHIFTS, Dana, examine
from test_browser_journeys import mornings, open_own_pages, path
from test_journal import KEEP, choose

from course.settings import EMAILS

pytestmark = BROWSER

LIGHT = 50_000  # bytes of a page with its style and scripts, as they come over the wire
MADE = "courses/self-compassion/resources/feet-on-the-floor"
FRAME = b"\xff\xfb\x90\x00" + bytes(413)  # MPEG-1 layer III, 128 kbit/s, 44.1 kHz, in silence
SECONDS = 20
# Waits until so much has been played; a string to wait for would need what our policy forbids.
PLAYED = """(one, until) => new Promise((done) => {
  const look = () => { if (!one.paused && one.currentTime > until) done(); };
  one.addEventListener("timeupdate", look);
  look();
})"""
# What can be seen and pressed, and does nothing where no script runs.
DEAD = """() => [...document.querySelectorAll("button, input, select, textarea, [role=timer]")].filter(
  (e) => e.checkVisibility() && (e.disabled || !e.form || e.type === "button")
).map((e) => e.outerHTML.slice(0, 120))"""
# How light the words and the ground of a part are, from 0 to 255; where it has no ground, what is below shines through.
PAINTED = """(part) => {
  const light = (colour) => Math.max(...colour.match(/[0-9.]+/g).slice(0, 3).map(Number));
  let below = document.querySelector(part);
  const ink = light(getComputedStyle(below).color);
  while (getComputedStyle(below).backgroundColor === "rgba(0, 0, 0, 0)") below = below.parentElement;
  return [ink, light(getComputedStyle(below).backgroundColor)];
}"""


@pytest.fixture
def world(tmp_path, recorded):
    """Build the service on SQLite with all it can have, and serve its pages at a port of this machine."""
    with served(tmp_path / "var", unreviewed_locales="es, he", emails_dir=recorded) as world:
        yield world


@pytest.fixture
def recorded(tmp_path):
    """Return texts in which an exercise has a recording, in one language: silence of some seconds."""
    emails = tmp_path / "emails"
    shutil.copytree(EMAILS, emails)
    (emails / MADE / "voice.mp3").write_bytes(FRAME * (SECONDS * 38))
    manifest = emails / MADE / "resource.toml"
    manifest.write_text(manifest.read_text().replace("[audio]", '[audio]\nen-GB = "voice.mp3"'))
    return emails


@pytest.fixture
def visit(chromium, world):
    """Return an empty page, as often as one is asked for; what goes wrong in it fails the test."""
    contexts, wrong = [], []

    def open_page(locale="en-GB", **how):
        how = {"base_url": world.app.settings.site, "locale": locale, "timezone_id": "Europe/London", **how}
        contexts.append(chromium.new_context(**how))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if "Security Policy" in said.text else None)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


def every_page(world, page, locale="en-GB"):
    """Let Dana take the whole course; return each page's address by what it is called. Her own pages are open."""
    dana = Dana(world, locale)
    page.goto("/")
    dana.live(page.screenshot(type="jpeg"))
    pages = dana.pages()
    page.goto(pages["open"])
    page.locator("form button").click()
    page.wait_for_url("**/own")
    return dana, pages | {f"own{place}": f"/own{place}" for place in OWN}


# How heavy it is.


@pytest.mark.parametrize("locale", ["en-GB", "he"])
def test_every_page_is_light(world, visit, locale):
    """Under 50 kB each: HTML, style and scripts, as a browser gets them that has nothing of ours yet."""
    page = visit(locale)
    _, pages = every_page(world, page, locale)
    wire = page.context.new_cdp_session(page)
    wire.send("Network.enable")
    wire.send("Network.setCacheDisabled", {"cacheDisabled": True})
    kinds, bytes_of = {}, {}
    wire.on("Network.responseReceived", lambda one: kinds.update({one["requestId"]: one["type"]}))
    wire.on("Network.loadingFinished", lambda one: bytes_of.update({one["requestId"]: one["encodedDataLength"]}))
    weights = {}
    for name, address in pages.items():
        kinds.clear()
        bytes_of.clear()
        page.goto(address)
        page.wait_for_load_state("networkidle")
        counted = {
            kinds[one]: size for one, size in bytes_of.items() if kinds.get(one) in {"Document", "Stylesheet", "Script"}
        }
        assert counted.keys() >= {"Document", "Stylesheet"}, name
        weights[name] = sum(
            size for one, size in bytes_of.items() if kinds.get(one) in {"Document", "Stylesheet", "Script"}
        )

    assert {name: weight for name, weight in weights.items() if weight >= LIGHT} == {}


# Without scripts.


def test_every_page_is_whole_without_scripts(world, visit):
    """It has its heading and its words, and nothing that can be seen and pressed needs a script."""
    page = visit(java_script_enabled=False)
    _, pages = every_page(world, page)
    faults = []
    for name, address in pages.items():
        page.goto(address)
        faults += [f"{name}: no heading"] if page.locator("main h1").count() != 1 else []
        faults += [f"{name}: few words"] if len(page.locator("main").inner_text()) < 60 else []
        faults += [f"{name}: {one}" for one in page.evaluate(DEAD)]

    assert faults == []


def test_own_pages_do_all_without_scripts(world, visit):
    """Dana changes her name, puts back what was cut, opens her letter, and erases everything."""
    page = visit(java_script_enabled=False)
    every_page(world, page)
    page.goto("/own/details")
    page.locator("#name").fill("Robin")
    page.get_by_role("button", name="Save the name").click()
    assert shown(page.get_by_text("The name is saved."))
    page.goto("/own/words")
    page.locator("details summary").first.click()
    page.get_by_role("button", name="Put it back").click()
    assert shown(page.get_by_text("It is put back where it was."))
    page.goto("/own/letter")
    page.get_by_role("button", name="Open the letter").click()
    assert shown(page.get_by_text("Dear me."))
    page.goto("/own/erase")
    page.get_by_role("button", name="Go on to the last question").click()
    page.get_by_role("button", name="Erase everything").click()

    assert shown(page.get_by_role("heading", name="It is done"))
    assert [who for (who,) in world.rows("SELECT email FROM subscribers")] == ["bob@example.org"]


# What a press answers.


def presses(pages):
    """Return what is pressed, in order: a name, where it is, which button, and what is filled in before."""
    write, letter, mine = pages["write"], pages["letter"], pages["mine"]
    letter_again = {"#text": "Dear me", "#months": "1", "#consent": True}
    # The course that is over begins again, so that it can rest and go on; a note when she is quiet is for her own pace.
    wishes = [(one, {}) for one in ("done", "when", "locale", "country", "plain", "not_plain", "own")]
    wishes += [("restart", {"#consent": True}), ("pause", {}), ("resume", {}), ("pace", {"#pace-self-paced": True})]
    wishes += [("on_paper", {}), ("checked_on", {})]
    return [
        ("sign-up, empty", "/", "form button", {}),
        ("sign-up, sent", "/", "form button", {"#email": "eve@example.org", "#consent": True}),
        ("write, empty", write, ".onward button", {}),
        ("write, a word", write, ".onward button", {"#words": "A word."}),
        ("write, a command", write, ".onward button", {"#words": "STOP"}),
        *(
            (f"checkin, {one}", pages["checkin"], f"button[value={one}]", {})
            for one in ("lighter", "same", "heavier", "unsure")
        ),
        ("checkin, smaller", pages["checkin"], "button[value=heavier], button[value=smaller]", {}),
        ("letter, open", letter, "button[value=open]", {}),
        ("mine-letter, again", pages["mine-letter"], "button[value=again]", {}),
        ("mine, no yes", mine, "button[value=restart]", {}),
        *((f"mine, {one}", mine, f"button[value={one}]", filled) for one, filled in wishes),
        ("own, the name", "/own/details", "form[action='/own/name'] button", {"#name": "Robin"}),
        ("own, an address", "/own/details", "form[action='/own/address'] button", {"#email": "none"}),
        ("own, the journal", "/own/journal", "form[novalidate] button", {}),
        ("own, put back", "/own/words", "form[action$=whole] button", {}),
        ("own, erase a word", "/own/words", "form[action$=erase] button", {}),
        ("own, the letter", "/own/letter", ".choices button[value=cancel], .choices button[value=delete]", {}),
        ("own, close", "/own", "form[action='/own/close'] button", {}),
        ("join", pages["join"], "form button", {}),
        ("confirm", pages["confirm"], "form button >> nth=0", {}),
        ("leave, pause", pages["leave"], "button[value=pause]", {}),
        ("leave, resume", pages["leave"], "button[value=resume]", {}),
        ("letter, kept", letter, "button[value=keep]", letter_again),
        ("mine, leave", mine, "button[value=leave]", {}),
        ("address", pages["address"], "form button", {}),  # which closes the pages of older mails
        ("leave, everything", pages["leave"], "button[value=everything]", {}),
    ]


def press(page, button, filled):
    """Fill in and press; of two buttons, one after the other, on the pages that follow."""
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    if any(page.locator(field).count() == 0 for field in filled):
        return  # then nothing is pressed, which is told
    for field, value in filled.items():
        if value is True:
            page.locator(field).check()
        elif page.locator(field).evaluate("one => one.tagName") == "SELECT":
            page.locator(field).select_option(value)
        else:
            page.locator(field).fill(value)
    for one in button.split(", "):
        if page.locator(one).count():
            with page.expect_navigation():
                page.locator(one).first.click()


def test_every_answer_to_a_press_is_for_everybody(world, visit):
    """In Hebrew at 320 pixels, light and dark: nothing that axe finds, too wide, small, shifting, or out of reach."""
    page = visit("he", viewport=SCREEN, reduced_motion="reduce")
    _, pages = every_page(world, page, "he")
    page.add_init_script(SHIFTS)
    faults, seen = [], []
    page.on(
        "response",
        lambda answer: seen.append(answer.request.method) if answer.request.is_navigation_request() else None,
    )
    for name, address, button, filled in presses(pages):
        page.set_viewport_size(SCREEN)
        page.goto(address)
        seen.clear()
        press(page, button, filled)
        faults += examine(page, name, BOTH) if "POST" in seen else [f"{name}: nothing was pressed"]

    assert faults == []


# What is chosen, taken along and listened to.


@pytest.mark.parametrize("scripts", [True, False])
def test_who_writes_on_paper_is_not_asked_after(world, visit, scripts):
    """Alice, at her own pace, says so on "My course": no note comes in three quiet weeks; one does when she likes."""
    world.join(pace="self-paced")
    mornings(world)
    page, mine = visit(java_script_enabled=scripts), path(world, world.box.last("day-1"), "mine")
    page.goto(mine)
    page.locator("details", has=page.get_by_text("A note when you are quiet")).locator("summary").click()
    page.get_by_role("button", name="I write on paper").click()
    assert shown(page.get_by_role("status").get_by_text("No note comes when you are quiet."))
    mornings(world, 21)
    on_paper = world.box.names("alice@example.org")
    page.goto(mine)
    page.locator("details", has=page.get_by_text("A note when you are quiet")).locator("summary").click()
    assert shown(page.get_by_text("You write on paper, so no note comes when you are quiet."))
    page.get_by_role("button", name="A note would be welcome again").click()
    assert shown(page.get_by_role("status").get_by_text("A short note may come when you are quiet."))
    mornings(world, 8)

    assert "quiet" not in on_paper
    assert world.box.names("alice@example.org")[len(on_paper) :] == ["quiet"]


def test_three_copies_are_taken_along(world, visit, tmp_path):
    """A data file, a text file, and a page that prints: each holds what Alice wrote, and the files have their names."""
    world.join()
    choose(world, KEEP)
    mornings(world)
    world.reply(world.box.last("day-1"), "It helped a little.")
    world.app.tick()
    page = visit(accept_downloads=True)
    open_own_pages(world, page, world.box.last("day-1"))
    files = {}
    for name in ("A text file", "A data file"):
        with page.expect_download() as coming:
            page.get_by_role("link", name=name).click()
        files[coming.value.suggested_filename] = tmp_path / coming.value.suggested_filename
        coming.value.save_as(files[coming.value.suggested_filename])
    page.get_by_role("link", name="A page to print").click()
    page.wait_for_url("**/own/print")
    page.emulate_media(media="print")
    printed = page.locator("body").inner_text()
    pdf = page.pdf()

    assert set(files) == {"dear-self.md", "dear-self.json"}
    assert "It helped a little." in files["dear-self.md"].read_text(encoding="utf-8")
    assert "It helped a little." in json.dumps(json.loads(files["dear-self.json"].read_text(encoding="utf-8")))
    assert "It helped a little." in printed
    assert pdf.startswith(b"%PDF")


def test_what_is_printed_from_a_dark_screen_is_dark_on_light(world, visit):
    """A letter on paper: its boxes are light, its words are dark, and it holds no buttons."""
    world.join()
    mornings(world)
    page = visit(color_scheme="dark")
    page.goto(f"{path(world, world.box.last('day-1'), 'mine')}/day/1")
    page.emulate_media(media="print", color_scheme="dark")
    colours = {part: page.evaluate(PAINTED, part) for part in ("body", ".sheet", ".prompt", ".part.small", ".course")}
    buttons = page.locator(".button:visible, .onward:visible").count()

    assert {part: ink < 110 and paper > 220 for part, (ink, paper) in colours.items()} == dict.fromkeys(colours, True)
    assert buttons == 0


def test_a_recording_plays_and_is_kept(world, visit, tmp_path):
    """By a press on the player; a jump ahead asks for that part alone; the link keeps the whole file."""
    world.join()
    mornings(world)
    page = visit(accept_downloads=True)
    parts = []
    page.on("response", lambda answer: parts.append(answer) if "/audio" in answer.url else None)
    page.goto(path(world, world.box.last("day-1"), "r"))
    audio = page.locator("audio")
    audio.scroll_into_view_if_needed()
    audio.focus()
    page.keyboard.press("Space")
    audio.evaluate(PLAYED, 0.2)
    audio.evaluate(f"one => {{ one.currentTime = {SECONDS - 4}; }}")
    audio.evaluate(PLAYED, SECONDS - 3.9)
    error = audio.evaluate("one => one.error && one.error.message")
    length = audio.evaluate("one => one.duration")
    with page.expect_download() as coming:
        page.get_by_role("link", name="Keep the recording (MP3)").click()
    coming.value.save_as(tmp_path / "kept.mp3")

    assert error is None
    assert abs(length - SECONDS) < 1
    assert {answer.status for answer in parts} <= {200, 206}
    assert 206 in {answer.status for answer in parts}
    assert coming.value.suggested_filename == "feet-on-the-floor.en-GB.mp3"
    assert (tmp_path / "kept.mp3").read_bytes() == FRAME * (SECONDS * 38)
