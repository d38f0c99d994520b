"""What visitors do in a real browser: sign up here and from other sites, and write on a lesson's page.

Other sites are real ones, of another origin. Leaves pictures in screenshots/ (git-ignored).
"""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from test_browser import BROWSER, CHROMIUM, look, served, shown

from course.content import snippets
from course.journeys import reports

BLOG = """<!doctype html><html lang="en"><head><title>A blog</title><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'self'; script-src {site};
form-action {site}">{style}</head><body><main><h1>A blog</h1><p>About writing.</p>{snippet}</main></body></html>"""
HOSTILE = """
* { color: red !important; background: yellow !important; font: 40px/1 Impact !important; text-transform: uppercase
!important; letter-spacing: 1em !important; opacity: .2 !important; }
div, form, input, label, section, button { display: none !important; position: fixed !important; width: 1px
!important; }
body { direction: rtl; visibility: visible; }
"""

pytestmark = BROWSER


@pytest.fixture
def world(tmp_path):
    """Build the service on SQLite, with a journal and a list, and serve its pages at a port of this machine."""
    with served(tmp_path / "var") as world:
        yield world


@pytest.fixture
def blog(world):
    """Return another site: whatever is given to it is its page; it has a style sheet that spares nothing."""
    pages = {"/hostile.css": HOSTILE}

    class Blog(BaseHTTPRequestHandler):
        def do_GET(self):
            found = pages.get(self.path, "")
            self.send_response(200 if found else 404)
            kind = "text/css" if self.path.endswith(".css") else "text/html"
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.end_headers()
            self.wfile.write(found.encode())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Blog)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()

    def show(snippet, *, hostile=False):
        style = '<link rel="stylesheet" href="/hostile.css">' if hostile else ""
        pages["/"] = BLOG.format(site=world.app.settings.site, style=style, snippet=snippet)
        return f"http://localhost:{server.server_port}/"

    yield show
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def visitor():
    """Return a browser's visitor in London, as often as one is asked for; what goes wrong on a page fails the test."""
    playwright = pytest.importorskip("playwright.sync_api")
    wrong = []
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])

        def visit(*, scripts=True):
            context = browser.new_context(locale="en-GB", timezone_id="Europe/London", java_script_enabled=scripts)
            page = context.new_page()
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.on("console", lambda said: wrong.append(said.text) if "Security Policy" in said.text else None)
            return page

        yield visit
        browser.close()
    assert wrong == []


@pytest.fixture
def lesson(world):
    """Alice has day 1: the address of the page on which she can write."""
    world.join()
    world.pass_hours(24)
    return f"{world.app.settings.site}/write/{world.link(world.box.last('day-1'), 'write')}"


def pasted(world, ref=""):
    """Return what `course embed` prints."""
    catalogue = world.app.catalogue
    return snippets.of(catalogue, catalogue.first, "en-GB", ref)


def test_a_sign_up_with_all_that_can_be_asked_for(world, visitor):
    """Course, journal and list are ticked on the page, and shown again behind the link in the inbox."""
    page = visitor()
    page.goto(f"{world.app.settings.site}/?ref=autumn")
    look(page, "course-with-journal")
    page.locator("#email").fill("alice@example.org")
    for box in ("consent", "keep", "share", "list"):
        page.locator(f"#{box}").check()
    page.get_by_role("button", name="Sign up").click()
    assert shown(page.get_by_role("heading", name="Nearly there"))  # the clock of the test stands still
    look(page, "nearly-there")
    page.get_by_role("button", name="Sign up").click()
    assert shown(page.get_by_role("heading", name="Look in your inbox"))
    world.app.tick()
    page.goto(f"{world.app.settings.site}/confirm/{world.confirm_token()}")
    look(page, "confirm-with-journal")
    page.get_by_role("button", name="Yes to the letters alone").click()

    assert shown(page.get_by_role("heading", name="The letters are on their way"))
    assert world.rows("SELECT what FROM consents") == [("given",)]
    page.goto(f"{world.app.settings.site}/young?locale=en-GB")
    look(page, "young")


def sign_up_there(world, page):
    """Fill in the form of another site and press its button; say yes to the mail that comes."""
    page.get_by_label("Your email address").fill("alice@example.org")
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Sign up").click()
    assert shown(page.get_by_role("heading", name="Look in your inbox"))
    world.app.tick()
    world.app.confirm(world.confirm_token())


def test_the_script_builds_a_form_on_another_site(world, blog, visitor):
    """It looks right in light and dark, knows the time zone, and its button leads to our page."""
    page = visitor()
    page.goto(blog(pasted(world, "blog").script))
    page.get_by_label("Your email address").wait_for()
    look(page, "embedded")
    sign_up_there(world, page)

    assert page.url.startswith(world.app.settings.site)
    assert world.rows("SELECT timezone, send_hour, locale FROM subscribers") == [("Europe/London", 8, "en-GB")]
    assert reports.stats(world.app.service)["courses"]["self-compassion"]["came_from"] == {"blog": 1}


def test_another_sites_style_does_not_reach_the_form(world, blog, visitor):
    """Rules that hide and disfigure every form on that page change nothing in ours."""
    page = visitor()
    page.goto(blog(pasted(world).script, hostile=True))
    field = page.get_by_label("Your email address")
    field.wait_for()
    look_of = "e => { const s = getComputedStyle(e); return [s.color, s.opacity, s.textTransform, s.direction] }"
    styles = field.evaluate(look_of)

    assert field.bounding_box()["height"] >= 44
    assert field.bounding_box()["width"] > 200
    assert styles == ["rgb(44, 42, 49)", "1", "none", "ltr"]
    assert "Impact" not in field.evaluate("e => getComputedStyle(e).fontFamily")
    field.fill("alice@example.org")
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Sign up").click()
    assert shown(page.get_by_role("heading", name="Look in your inbox"))


def test_a_script_may_stand_elsewhere_than_its_form(world, blog, visitor):
    """data-target names the place, also one further down; an unknown course is the first."""
    site = world.app.settings.site
    tag = f'<script src="{site}/embed.js" data-target="#here" data-course="no" data-locale="en-US"></script>'
    page = visitor()
    page.goto(blog(f'{tag}<p>Between.</p><div id="here"></div>'))
    page.get_by_label("Your email address").wait_for()

    assert page.locator("#here").get_by_role("heading", name="Five Days of Self-Compassion").count() == 1
    assert page.get_by_role("button").count() == 1


def test_hour_and_language_can_be_chosen_where_the_page_offers_it(world, blog, visitor):
    """data-hour and data-locales: two labelled lists, set as the page says; an hour that is none is ours."""
    page, script = visitor(), pasted(world).script
    page.goto(blog(script.replace(" async", ' data-hour="25" data-locales async')))
    page.get_by_label("The hour of the letters").wait_for()
    ours = page.get_by_label("The hour of the letters").input_value()
    page.goto(blog(script.replace(" async", ' data-hour="07" data-locales async')))
    hour, language = page.get_by_label("The hour of the letters"), page.get_by_label("The language of the letters")
    hour.wait_for()
    look(page, "embedded-choices")
    set_to, languages = hour.input_value(), language.locator("option").all_inner_texts()
    hour.select_option("21")
    language.select_option("en-US")
    sign_up_there(world, page)

    assert (ours, set_to) == ("8", "7")
    assert languages == ["British English", "American English", "español", "עברית"]
    assert world.rows("SELECT send_hour, locale FROM subscribers") == [(21, "en-US")]


def test_the_plain_form_works_without_scripts(world, blog, visitor):
    """From another site, in a browser without scripts: one more press on our page, for the city."""
    page = visitor(scripts=False)
    page.goto(blog(pasted(world, "plain").form))
    page.get_by_label("Your email address").fill("bob@example.org")
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Sign up").click()
    assert shown(page.get_by_role("heading", name="Nearly there"))
    assert page.locator("#email").input_value() == "bob@example.org"
    assert page.locator("#consent").is_checked()
    page.locator("#timezone").select_option(label="London")
    page.get_by_role("button", name="Sign up").click()
    assert shown(page.get_by_role("heading", name="Look in your inbox"))
    page.goto(blog(pasted(world).script))
    page.get_by_role("link", name="Five days of self-compassion").click()

    assert shown(page.get_by_role("heading", name="Five days of self-compassion"))


def stored(page):
    """Return what this browser keeps: in the tab, and on the device."""
    return tuple(page.evaluate(f"Object.values({store})") for store in ("sessionStorage", "localStorage"))


def test_a_draft_is_the_browsers_own_affair(world, visitor, lesson):
    """It survives a reload, stays off the device unless that is ticked, and is gone when cleared or sent."""
    page = visitor()
    page.goto(lesson)
    look(page, "write")
    box, keep = page.locator("#words"), page.locator("#keep-here")
    box.fill("Dear me,\nno wonder")
    assert stored(page) == (["Dear me,\nno wonder"], [])
    page.reload()
    assert box.input_value() == "Dear me,\nno wonder"
    keep.check()
    assert stored(page)[1] == ["Dear me,\nno wonder"]
    keep.uncheck()
    assert stored(page)[1] == []
    keep.check()
    page.get_by_role("link", name="Clear", exact=True).click()
    assert (box.input_value(), stored(page)) == ("", ([], []))
    assert shown(page.get_by_text("The box is empty, and the draft is gone."))
    box.fill("Dear me, once more")
    keep.check()
    page.get_by_role("button", name="Send").click()
    assert shown(page.get_by_role("heading", name="Day 1 is noted"))
    assert stored(page) == ([], [])
    look(page, "written")
    page.go_back()

    assert box.input_value() == ""
    assert world.rows("SELECT day, via FROM completions") == [(1, "page")]
    assert page.context.cookies() == []


def goes_on(page, words):
    """Let somebody go on typing as soon as they have pressed Send, before the next page has come."""
    typing = """(words) => {
      const box = document.getElementById("words");
      const type = () => {
        box.value += words;
        box.dispatchEvent(new Event("input"));
      };
      box.form.addEventListener("submit", () => setTimeout(type));
    }"""
    page.evaluate(typing, words)


def test_words_typed_after_send_stay_a_draft(world, visitor, lesson):
    """While the page waits for its answer: the next one says so, and they alone stand in the box until sent."""
    page = visitor()
    page.goto(lesson)
    box, send = page.locator("#words"), page.get_by_role("button", name="Send")
    box.fill("Dear me.")
    page.locator("#keep-here").check()
    goes_on(page, " And one more line.")
    send.click()
    assert shown(page.get_by_text("You went on typing after you pressed"))
    assert stored(page) == (["And one more line."], ["And one more line."])
    page.get_by_role("link", name="Write something more").click()
    assert box.input_value() == "And one more line."
    send.click()
    assert shown(page.get_by_role("heading", name="Day 1 is noted"))

    assert not page.get_by_text("You went on typing").is_visible()
    assert stored(page) == ([], [])
    assert world.rows("SELECT count(*) FROM replies") == [(2,)]


def test_words_typed_while_something_could_not_be_noted_stay(world, visitor, lesson):
    """The page shows what was sent once more, and what was typed meanwhile with it."""
    page = visitor()
    page.goto(lesson)
    box = page.locator("#words")
    box.fill("stop")
    goes_on(page, " being so hard on myself")
    page.get_by_role("button", name="Send").click()
    assert shown(page.locator("#words-error"))

    assert box.input_value() == "stop being so hard on myself"


def test_the_timer_can_be_paused_and_sends_nothing(world, visitor, lesson):
    """Five minutes, three of them before a long pause; when they are over, a sentence says so and the words stay."""
    page = visitor()
    page.clock.install()
    page.goto(lesson)
    page.locator("#words").fill("slowly")
    left, button = page.locator("#timer-left"), page.locator("#timer-button")
    assert left.inner_text() == "5:00"
    button.click()
    page.clock.run_for(180_000)
    button.click()
    rests = left.inner_text()
    page.clock.run_for(3_600_000)
    assert (left.inner_text(), rests) == ("2:00", "2:00")
    button.click()
    page.clock.run_for(121_000)

    assert "Five minutes have gone by." in page.locator("#timer-said").inner_text()
    assert page.locator("#words").input_value() == "slowly"
    assert world.rows("SELECT * FROM replies") == []


def test_writing_works_without_scripts(world, visitor, lesson):
    """A box and a button; no timer, no draft, and "Clear" is a fresh page."""
    page = visitor(scripts=False)
    page.goto(lesson)
    page.locator("#words").fill("a word")
    page.get_by_role("link", name="Clear", exact=True).click()
    assert page.locator("#words").input_value() == ""
    assert not page.locator("#timer").is_visible()
    assert not page.locator("#keep-here").is_visible()
    page.locator("#words").fill("one word")
    page.get_by_role("button", name="Send").click()

    assert shown(page.get_by_role("heading", name="Day 1 is noted"))
    assert world.rows("SELECT day FROM completions") == [(1,)]
