"""A newcomer's day in a real browser, against the real worker: and every page looked at, light and dark.

Leaves pictures of all pages in screenshots/ (git-ignored), at 360 and 1100 pixels.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from conftest import Box, SetClock, World, make_settings

from course.app import App
from course.web import create_app

ROOT = Path(__file__).parents[1]
CHROMIUM = Path("/usr/bin/chromium")
PICTURES = ROOT / "screenshots"
SECONDS_A_DAY = 30  # five days leave time enough for a slow machine to take its pictures
WIDTHS = (360, 1100)
PATIENCE = 90_000  # ms: three days of the course
# Headings, help and running text may hold links of a line's height (WCAG 2.5.8); everything else is for fingers.
SMALL_TARGETS = """() => [...document.querySelectorAll(
  "a, button, select, summary, textarea, input, .tick label"
)].filter((e) => {
  const box = e.getBoundingClientRect(), style = getComputedStyle(e);
  if (!e.checkVisibility() || e.closest(".extra") || e.matches(".skip, .tick input")) return false;
  return Math.min(box.height, box.width) < 44 && style.display !== "inline";
}).map((e) => e.outerHTML.slice(0, 120))"""

# Axe leaves out its only rule of WCAG 2.2 (2.5.8) unless it is asked for.
AXE_OPTIONS = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
AXE_FINDS = "(how) => axe.run(how).then((all) => all.violations.map((one) => `${one.id} ${one.nodes[0].html}`))"

# A machine in a test has no voices: one that notes what it is to say, and never comes to an end.
VOICE = """
window.said = [];
window.SpeechSynthesisUtterance = function (text) { this.text = text; };
Object.defineProperty(window, "speechSynthesis", { value: {
  paused: false, getVoices: () => [{ lang: "en_GB", localService: true }], addEventListener() {}, cancel() {},
  pause() { this.paused = true; }, resume() { this.paused = false; },
  speak(one) { window.said.push(one.text); window.setTimeout(one.onstart, 10); },
} });
"""

# What every file of browser tests is marked with.
BROWSER = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="there is no /usr/bin/chromium here"),
    pytest.mark.xdist_group("browser"),
]
pytestmark = BROWSER


def free_port():
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Run the worker as `make run` does, in time lapse, with nothing configured; return its address."""
    folder, port = tmp_path_factory.mktemp("worker"), free_port()
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environment |= {"PYTHONPATH": str(ROOT), "DATA_DIR": str(folder / "var"), "PORT": str(port)}
    environment |= {"TIMELAPSE": str(SECONDS_A_DAY)}
    environment |= {"JOURNAL_KEYS": "journal-key-of-the-browser-0123456789abcdef"}
    address = f"http://127.0.0.1:{port}"
    with (
        (folder / "worker.log").open("w") as log,
        subprocess.Popen(
            [sys.executable, str(ROOT / "worker.py")], cwd=folder, env=environment, stdout=log, stderr=log
        ) as worker,
    ):
        try:
            wait_for(f"{address}/healthz", worker, folder / "worker.log")
            yield address
        finally:
            worker.send_signal(signal.SIGTERM)
            worker.wait(30)


def wait_for(url, worker, log):
    """Wait until the site answers, or say why it does not."""
    for _ in range(600):
        assert worker.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310 (our own address)
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(log.read_text())


@contextmanager
def serving(app, port):
    """Serve the pages of an app at this port of this machine."""
    server = uvicorn.Server(uvicorn.Config(create_app(app), port=port, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.05)  # the socket opens in its own time
    yield
    server.should_exit = True
    thread.join()


@contextmanager
def served(folder, **more):
    """Build the service on SQLite, with a journal and a list, and serve its pages at a port of this machine."""
    given = {"journal_keys": "journal-key-of-the-tests-0123456789abcdef", "community_list": "the Quiet Lane newsletter"}
    settings = make_settings(data_dir=folder, port=free_port(), spread_minutes=1, **given, **more)
    clock, box = SetClock(), Box()
    app = App.build(settings, transport=box, clock=clock)
    with serving(app, settings.port):
        yield World(app, clock, box)
    app.close()


@pytest.fixture(scope="module")
def chromium():
    """Start the browser."""
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium, site):
    """Return an empty page of a visitor in London; what goes wrong in it fails the test."""
    context = chromium.new_context(base_url=site, locale="en-GB", timezone_id="Europe/London")
    page = context.new_page()
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None)
    page.on("request", lambda sent: wrong.append(sent.url) if not sent.url.startswith((site, "about:")) else None)
    yield page
    cookies = context.cookies()
    context.close()
    assert wrong == []
    assert cookies == []


def found_by_axe(page, scheme):
    """Return what axe finds in a page as it is shown now; all that differs in the dark is colours."""
    script = pytest.importorskip("axe_playwright_python.base").AXE_SCRIPT
    if not page.evaluate("'axe' in window"):
        page.evaluate(script)
    found = page.evaluate(AXE_FINDS, AXE_OPTIONS if scheme == "light" else COLOURS)
    return [f"{scheme}: {fault[:200]}" for fault in found]


def look(page, name):
    """Take the page's pictures, and find fault with it: axe in both schemes, overflow, targets too small."""
    PICTURES.mkdir(exist_ok=True)
    page.wait_for_load_state()  # what a click leads to has no content for a moment
    faults = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            tall = page.evaluate("document.documentElement.scrollHeight")
            # A frame is only painted where it is in view.
            page.set_viewport_size({"width": width, "height": max(800, tall)})
            page.wait_for_timeout(100)
            page.screenshot(path=PICTURES / f"{name}-{width}-{scheme}.png", full_page=True)
            if page.evaluate("document.documentElement.scrollWidth") > width:
                faults.append(f"{name} is wider than {width} px")
            faults += [f"{name} {width}: {target}" for target in page.evaluate(SMALL_TARGETS)]
        faults += [f"{name} {fault}" for fault in found_by_axe(page, scheme)]
    page.emulate_media(color_scheme="light", reduced_motion="no-preference")
    page.set_viewport_size({"width": 1100, "height": 800})

    assert faults == []


def mail(page, subject, to=""):
    """Open the mail with this subject in the mailbox, once it is there; the page finds it by itself."""
    page.goto("/mailbox")
    letters = page.locator(".letters a").filter(has=page.locator(".subject", has_text=re.compile(f"^{subject}")))
    link = letters.filter(has_text=to).first
    link.wait_for(timeout=PATIENCE)
    return link


def shown(place):
    """Wait until the page that a click leads to shows this; a busy machine takes its time."""
    place.wait_for(state="visible")
    return place.is_visible()


def test_a_newcomer_lives_a_day(page):
    """Sign up, confirm through the mailbox, read day 1, reply, see the receipt, leave by the footer link."""
    page.goto("/mailbox")
    look(page, "mailbox-empty")
    page.goto("/")
    look(page, "course")

    assert page.locator("#timezone").input_value() == "Europe/London"
    page.locator("#email").fill("alice@example.org")
    page.locator("#name").fill("Alice")
    page.locator("#consent").check()
    page.locator("form button").click()
    look(page, "sent")

    mail(page, "Please confirm").click()
    look(page, "mail-confirm")
    page.frame_locator("iframe").locator("a.button").click()
    page.wait_for_url("**/confirm/*")
    look(page, "confirm")
    page.get_by_role("button", name="Yes, send me the course").click()
    look(page, "confirmed")
    page.reload()  # the browser posts again
    look(page, "already")

    mail(page, "Day 1", "alice").click()
    look(page, "mail-day-1")
    assert shown(page.frame_locator("iframe").get_by_text("Hello Alice,"))
    page.locator("#words").fill("To myself, I said: typical.\nTo a friend, I would say: it happens.")
    page.get_by_role("button", name="Send the reply").click()
    page.wait_for_url("**/mailbox?replied=1")
    look(page, "mailbox-replied")
    receipt = mail(page, "Day 1 is noted", "alice")
    look(page, "mailbox")
    receipt.click()
    look(page, "mail-receipt")

    page.frame_locator("iframe").get_by_role("link", name="Leave this course").click()
    page.wait_for_url("**/leave/*")
    look(page, "leave")
    for choice, name in (
        ("pause", "paused"),
        ("resume", "resumed"),
        ("leave", "left"),
        ("everything", "left-everything"),
    ):
        page.locator(f"button[value={choice}]").click()
        look(page, name)


def first_letter(page, who):
    """Sign somebody up, say yes, and open their first letter. Who is quicker than a person is asked to press again."""
    page.goto("/")
    page.locator("#email").fill(f"{who}@example.org")
    page.locator("#consent").check()
    page.locator("form button").click()
    page.locator("h1").wait_for()
    if page.get_by_role("heading", name="Nearly there").is_visible():
        page.locator("form button").click()
    mail(page, "Please confirm", who).click()
    page.frame_locator("iframe").locator("a.button").click()
    page.get_by_role("button", name="Yes, send me the course").click()
    mail(page, "Day 1", who).click()


def my_course(page, who):
    """Sign somebody up, wait for their first letter, pause, and return where its page "My course" is."""
    first_letter(page, who)
    address = page.frame_locator("iframe").get_by_role("link", name="My course").get_attribute("href")
    page.goto(address)
    page.locator("#pause summary").click()
    page.get_by_role("button", name="Pause the course").click()
    assert shown(page.get_by_text("The course is paused."))
    return address


def test_my_course_is_good_to_look_at(page):
    """As it is opened, with all that it offers, with a mistake, with a letter, and after leaving."""
    address = my_course(page, "charlie")
    page.goto(address)
    look(page, "mine")
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    look(page, "mine-open")
    page.goto(f"{address}/day/1")
    look(page, "mine-letter")
    page.goto(address)
    page.locator("#pause summary").click()
    page.locator("#until").fill("2020-01-01")
    page.get_by_role("button", name="Change the pause").click()
    assert shown(page.locator("#until-error"))
    look(page, "mine-wrong")
    page.locator("#leave summary").click()
    page.get_by_role("button", name="Leave this course").click()
    assert shown(page.get_by_text("Whatever you wrote stays with you."))
    look(page, "mine-left")


def test_my_course_works_without_scripts(chromium, site, page):
    """Read a letter again and mark its day, move to Tokyo, go on, leave, start again."""
    address = my_course(page, "bobby")
    context = chromium.new_context(base_url=site, locale="en-GB", java_script_enabled=False)
    plain = context.new_page()
    plain.goto(address)
    plain.get_by_role("link", name="Day 1: two ways of saying it").click()
    assert shown(plain.get_by_role("heading", name="The small version"))
    plain.get_by_role("button", name="Mark as done").click()
    assert shown(plain.get_by_text("Day 1 is marked as done."))
    plain.get_by_role("link", name="My course").first.click()
    plain.locator("#when summary").click()
    plain.locator("#timezone").select_option(label="Tokyo")
    plain.locator("#when button").click()
    assert shown(plain.get_by_text("letters to come keep to your hour and place"))
    plain.get_by_role("button", name="Go on with the course").click()
    assert shown(plain.get_by_text("The course goes on from where it was."))
    plain.locator("#leave summary").click()
    plain.get_by_role("button", name="Leave this course").click()
    plain.locator("#restart summary").click()
    plain.locator("#consent").check()
    plain.get_by_role("button", name="Start the course again").click()

    assert shown(plain.get_by_text("The course begins again."))
    context.close()


def test_a_newcomer_reads_from_the_right(page):
    """The whole way in Hebrew: page, question, letter and answer run from the right, on a phone and in the dark."""
    page.goto("/?locale=he")
    look(page, "course-he")
    assert page.evaluate("getComputedStyle(document.body).direction") == "rtl"
    page.locator("#email").fill("dana@example.org")
    page.locator("#consent").check()
    page.locator("form button").click()
    look(page, "sent-he")

    mail(page, "נא לאשר").click()
    page.frame_locator("iframe").locator("a.button").click()
    page.wait_for_url("**/confirm/*")
    look(page, "confirm-he")
    page.get_by_role("button", name="כן, לשלוח לי את הקורס").click()
    mail(page, "יום 1").click()
    letter = page.frame_locator("iframe")
    assert shown(letter.get_by_text("שתי דרכים לומר").first)
    assert letter.locator(".prompt").evaluate("one => getComputedStyle(one).borderRightWidth") == "4px"
    look(page, "mail-day-1-he")
    page.locator("#words").fill("\u200fעשיתי.")  # noqa: RUF001 (Hebrew letters)
    page.get_by_role("button", name="Send the reply").click()
    page.wait_for_url("**/mailbox?replied=1")

    assert mail(page, "יום 1 נרשם").is_visible()


def test_what_is_wrong_is_said_where_the_visitor_is(page):
    """The summary has the focus, its links lead to the fields, and every dead end is a calm page."""
    page.goto("/")
    page.locator("#email").fill("alice")
    page.locator("form button").click()
    look(page, "errors")

    assert page.evaluate("document.activeElement.id") == "summary"
    page.get_by_role("link", name="This does not look like an email address").click()
    assert page.evaluate("document.activeElement.id") == "email"
    assert page.locator("#email").input_value() == "alice"
    for path, name in (("/confirm/aaaa", "old-link"), ("/nothing", "not-found"), ("/privacy", "privacy")):
        page.goto(path)
        look(page, name)


def test_an_exercise_is_opened_from_its_letter(page):
    """Day 1's letter leads to its exercise; without a voice nothing offers to read, with one it reads and stops."""
    first_letter(page, "gus")
    page.frame_locator("iframe").get_by_role("link", name="an exercise to follow").click()
    page.wait_for_url("**/r/*")
    assert shown(page.get_by_role("heading", name="Feet on the floor"))
    assert not page.locator("#speak").is_visible()
    look(page, "exercise")

    page.add_init_script(VOICE)
    page.reload()
    page.get_by_role("button", name="Read it to me").click()
    page.locator(".heard").wait_for()
    look(page, "exercise-read")
    assert page.evaluate("window.said") == ["The exercise"]
    assert not page.get_by_role("button", name="Read it to me").is_visible()
    page.get_by_role("button", name="Stop").click()
    assert page.locator(".heard").count() == 0
    page.get_by_role("link", name="American English").click()
    assert shown(page.get_by_role("heading", name="Feet on the Floor"))


def test_help_is_found_without_a_trace(page):
    """A country is chosen in a form; the page's own `page` fixture holds it to no cookie and nothing foreign."""
    page.goto("/")
    page.get_by_role("link", name="Help: someone to talk to").click()
    page.wait_for_url("**/help*")
    look(page, "help")
    page.locator("#country").select_option(label="Ireland")
    page.get_by_role("button", name="Show help lines").click()
    page.wait_for_url("**country=IE*")
    assert shown(page.get_by_text("Help lines: Ireland"))
    look(page, "help-country")


def test_the_keyboard_is_enough(page):
    """The first stop is the way past the header; every stop can be seen; nothing hidden is stopped at."""
    page.goto("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
    stops = []
    for _ in range(60):
        page.keyboard.press("Tab")
        stop = page.evaluate(
            "() => { const e = document.activeElement; return e === document.body ? null : "
            "[e.id || e.href || e.textContent.trim(), getComputedStyle(e).outlineStyle] }"
        )
        if stop is None:
            break
        stops.append(stop)

    assert {"email", "name", "timezone", "send_hour", "locale", "consent"} <= {name for name, _ in stops}
    assert "website" not in {name for name, _ in stops}
    assert {outline for _, outline in stops} == {"solid"}


def test_everything_works_without_scripts(chromium, site):
    """The zone is chosen by hand, the mailbox is looked at again by hand."""
    context = chromium.new_context(base_url=site, locale="en-US", java_script_enabled=False)
    page = context.new_page()
    page.goto("/")
    page.locator("#email").fill("bob@example.org")
    page.locator("#consent").check()
    page.locator("form button").click()
    assert shown(page.locator("#timezone-error"))
    page.locator("#timezone").select_option(label="Buenos Aires")
    page.locator("form button").click()
    assert shown(page.get_by_role("heading", name="Look in your inbox"))
    page.goto("/mailbox")
    for _ in range(30):
        if page.get_by_text("to bob@example.org").count():
            break
        page.wait_for_timeout(500)
        page.get_by_role("link", name="Look again").click()

    assert page.get_by_text("to bob@example.org").count() == 1
    context.close()


def open_own_pages(page, who):
    """Ask for a fresh link from the foot of the newest letter, and open what only the person may see."""
    page.frame_locator("iframe").get_by_role("link", name="My course").click()
    page.wait_for_url("**/mine/*")
    page.get_by_role("button", name="Send me a link to my own words").click()
    mail(page, "The link you asked for", who).click()
    look(page, "mail-fresh")
    page.frame_locator("iframe").locator("a.button").click()
    page.wait_for_url("**/open/*")
    look(page, "open")
    assert page.context.cookies() == []
    page.get_by_role("button", name="Open my own pages").click()
    page.wait_for_url("**/own")


def test_somebody_reads_what_only_they_may_see(page):
    """By a fresh link to their inbox: choose, write, read, put back what was cut, look at the rest, and close."""
    first_letter(page, "dora")
    open_own_pages(page, "dora")
    look(page, "own")
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/own")

    page.goto("/own/journal")
    look(page, "own-journal")
    page.locator("input[name=keep]").check()
    page.get_by_role("button", name="Yes, from now on").click()
    assert shown(page.get_by_text("Your choice is saved."))
    page.goto("/own/journal")
    look(page, "own-journal-kept")
    mail(page, "Day 1", "dora").click()
    page.locator("#words").fill("To myself: typical.\nTo a friend: it happens.\n\n-- \nDora Heron\nSent from my phone")
    page.get_by_role("button", name="Send the reply").click()
    mail(page, "Day 1 is noted", "dora")

    page.goto("/own/words")
    page.get_by_text("What was cut").click()
    look(page, "own-words")
    page.get_by_role("button", name="Put it back").click()
    assert shown(page.get_by_text("It is put back where it was."))
    assert page.get_by_text("Dora Heron").is_visible()
    look(page, "own-words-whole")
    for path in ("details", "print", "erase"):
        page.goto(f"/own/{path}")
        look(page, f"own-{path}")
    page.goto("/own/erase")
    page.get_by_role("button", name="Go on to the last question").click()
    look(page, "own-erase-sure")
    page.get_by_role("link", name="No, keep it all").click()
    page.get_by_role("button", name="Close my pages").click()
    look(page, "own-closed")
    page.goto("/own")
    look(page, "own-over")


def test_a_check_in_after_a_heavy_day(page):
    """Fern says how it was by the link in his mail: four equal choices; then grounding, three doors and help."""
    first_letter(page, "fern")
    page.frame_locator("iframe").get_by_role("link", name="How was it?").click()
    page.wait_for_url("**/checkin/*")
    look(page, "checkin")
    page.get_by_label("Keep my answers with my course").check()
    page.get_by_role("button", name="Lighter").click()
    look(page, "checkin-noted")
    page.go_back()
    page.reload()
    look(page, "checkin-kept")
    page.get_by_role("button", name="Heavier").click()
    look(page, "checkin-heavier")

    assert shown(page.get_by_role("heading", name="Two minutes to come back to where you are"))
    page.get_by_role("button", name="Take smaller steps").click()
    look(page, "checkin-smaller")
    page.goto(page.url)
    page.get_by_role("button", name="Heavier").click()
    page.get_by_role("button", name="Wait for a while").click()
    assert shown(page.get_by_role("heading", name="The course is paused"))


def test_a_letter_comes_back(page):
    """Erin keeps a letter from the page; by a fresh link she sees that it waits, and takes it back."""
    first_letter(page, "erin")
    page.frame_locator("iframe").get_by_role("link", name="How was it?").click()
    page.wait_for_url("**/checkin/*")
    page.goto(page.url.replace("/checkin/", "/letter/"))
    look(page, "letter")
    page.get_by_label("Your letter").fill("Dear me,\n\nno wonder it was a lot. There is time.")
    page.get_by_label("When would you like it back?").select_option("3")
    page.get_by_label("Keep this letter for me").check()
    page.get_by_role("button", name="Keep my letter").click()
    look(page, "letter-kept")
    mail(page, "Day 1", "erin").click()
    open_own_pages(page, "erin")
    page.get_by_role("link", name="My letter").click()
    look(page, "own-letter")
    page.get_by_role("button", name="Take it back").click()
    look(page, "own-letter-erased")

    assert shown(page.get_by_role("status").get_by_text("Your letter is erased"))
    page.goto("/own")
    page.get_by_role("button", name="Close my pages").click()
    assert shown(page.get_by_role("heading", name="Your own pages are closed"))
