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
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CHROMIUM = Path("/usr/bin/chromium")
PICTURES = ROOT / "screenshots"
SECONDS_A_DAY = 30  # five days leave time enough for a slow machine to take its pictures
WIDTHS = (360, 1100)
PATIENCE = 90_000  # ms: three days of the course
# Headings, help and running text may hold links of a line's height (WCAG 2.5.8); everything else is for fingers.
SMALL_TARGETS = """() => [...document.querySelectorAll("a, button, select, summary, textarea, input")].filter((e) => {
  const box = e.getBoundingClientRect(), style = getComputedStyle(e);
  if (!e.checkVisibility() || e.closest(".extra") || e.matches(".skip, input[type=checkbox]")) return false;
  return box.height < 44 && style.display !== "inline";
}).map((e) => e.outerHTML.slice(0, 120))"""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="there is no /usr/bin/chromium here"),
    pytest.mark.xdist_group("browser"),
]


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
    for _ in range(150):
        assert worker.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310 (our own address)
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(log.read_text())


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


def look(page, name):
    """Take the page's pictures, and find fault with it: axe in both schemes, overflow, targets too small."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    PICTURES.mkdir(exist_ok=True)
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
        found = axe.run(page)
        faults += [
            f"{name} {scheme}: {fault['id']} {fault['nodes'][0]['html']}" for fault in found.response["violations"]
        ]
    page.emulate_media(color_scheme="light", reduced_motion="no-preference")
    page.set_viewport_size({"width": 1100, "height": 800})

    assert faults == []


def mail(page, subject):
    """Open the mail with this subject in the mailbox, once it is there; the page finds it by itself."""
    page.goto("/mailbox")
    link = page.locator(".letters a").filter(has=page.locator(".subject", has_text=re.compile(f"^{subject}"))).first
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

    mail(page, "Day 1").click()
    look(page, "mail-day-1")
    assert shown(page.frame_locator("iframe").get_by_text("Hello Alice,"))
    page.locator("#words").fill("To myself, I said: typical.\nTo a friend, I would say: it happens.")
    page.get_by_role("button", name="Send the reply").click()
    page.wait_for_url("**/mailbox?replied=1")
    look(page, "mailbox-replied")
    receipt = mail(page, "Day 1 is noted")
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


def open_own_pages(page):
    """Ask for a fresh link from the foot of the newest letter, and open what only the person may see."""
    page.frame_locator("iframe").get_by_role("link", name="My course").click()
    page.wait_for_url("**/mine/*")
    page.get_by_role("button", name="Send me a link to my own words").click()
    mail(page, "The link you asked for").click()
    look(page, "mail-fresh")
    page.frame_locator("iframe").locator("a.button").click()
    page.wait_for_url("**/open/*")
    look(page, "open")
    assert page.context.cookies() == []
    page.get_by_role("button", name="Open my own pages").click()
    page.wait_for_url("**/own")


def test_somebody_reads_what_only_they_may_see(page):
    """By a fresh link to their inbox: choose, write, read, put back what was cut, look at the rest, and close."""
    page.goto("/")
    page.locator("#email").fill("dora@example.org")
    page.locator("#consent").check()
    page.locator("form button").click()
    mail(page, "Please confirm").click()
    page.frame_locator("iframe").locator("a.button").click()
    page.get_by_role("button", name="Yes, send me the course").click()
    mail(page, "Day 1").click()
    open_own_pages(page)
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
    mail(page, "Day 1").click()
    page.locator("#words").fill("To myself: typical.\nTo a friend: it happens.\n\n-- \nDora Heron\nSent from my phone")
    page.get_by_role("button", name="Send the reply").click()
    mail(page, "Day 1 is noted")

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
    """Charlie says how it was by the link in his mail: four equal choices; then grounding, three doors and help."""
    page.goto("/")
    page.locator("#email").fill("charlie@example.org")
    page.locator("#consent").check()
    page.locator("form button").click()
    mail(page, "Please confirm").click()
    page.frame_locator("iframe").locator("a.button").click()
    page.get_by_role("button", name="Yes, send me the course").click()
    mail(page, "Day 1").click()
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
    """Dora keeps a letter from the page, sees that it waits, and takes it back."""
    page.goto("/")
    page.locator("#email").fill("dora@example.org")
    page.locator("#consent").check()
    page.locator("form button").click()
    mail(page, "Please confirm").click()
    page.frame_locator("iframe").locator("a.button").click()
    page.get_by_role("button", name="Yes, send me the course").click()
    mail(page, "Day 1").click()
    page.frame_locator("iframe").get_by_role("link", name="How was it?").click()
    page.wait_for_url("**/checkin/*")
    page.goto(page.url.replace("/checkin/", "/letter/"))
    look(page, "letter")
    page.get_by_label("Your letter").fill("Dear me,\n\nno wonder it was a lot. There is time.")
    page.get_by_label("When would you like it back?").select_option("3")
    page.get_by_label("Keep this letter for me").check()
    page.get_by_role("button", name="Keep my letter").click()
    look(page, "letter-kept")
    page.get_by_role("button", name="Take it back").click()
    look(page, "letter-erased")

    assert shown(page.get_by_role("heading", name="Your letter is erased"))
