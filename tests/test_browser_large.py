"""Every page for whoever has set their browser to larger letters: nothing is cut off at the side of a small window."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_browser import BROWSER, CHROMIUM, PICTURES, served
from test_browser_pages import every_page

pytestmark = BROWSER

WINDOW = {"width": 360, "height": 800}
NORMAL, LARGER, LARGEST = 16, 20, 32  # pixels: what browsers come with, 125 % and 200 % of it
LONG = "Die Selbstmitgefühlswochenbegleitung"  # a title as other languages have them
# What begins or ends outside of the window, and would have to be scrolled to; the way past the header is out of sight.
OUTSIDE = """() => [...document.querySelectorAll("main *, .top *, .foot *")].filter((e) => {
  const box = e.getBoundingClientRect();
  return e.checkVisibility() && !e.closest(".extra, .unseen, audio") && (box.left < -1 || box.right > innerWidth + 1);
}).map((e) => e.outerHTML.slice(0, 120))"""


# Short words that end in the next line; addresses may, for they have no gap.
BROKEN = """() => {
  const found = [], walk = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const around = walk.currentNode.parentElement, part = document.createRange();
    if (!around.checkVisibility() || around.closest(".unseen, .extra, select, textarea")) continue;
    for (const word of walk.currentNode.data.matchAll(/(?<=^|[\\s“(])\\p{L}{1,8}(?=$|[\\s”),.:?…])/gu)) {
      part.setStart(walk.currentNode, word.index);
      part.setEnd(walk.currentNode, word.index + word[0].length);
      const lines = new Set([...part.getClientRects()].map((box) => Math.round(box.top)));
      if (lines.size > 1) found.push(word[0]);
    }
  }
  return found;
}"""


@pytest.fixture
def world(tmp_path):
    """Build the service on SQLite with all it can have, and serve its pages at a port of this machine."""
    with served(tmp_path / "var", unreviewed_locales="es, he") as world:
        yield world


@pytest.fixture
def large(request):
    """Start a browser whose letters are as large as somebody chose in its settings."""
    playwright = pytest.importorskip("playwright.sync_api")
    size = f"--blink-settings=defaultFontSize={request.param}"
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", size])
        yield browser
        browser.close()


def cut_off(page):
    """Return what of this page is not in the window, whatever folds being open."""
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    wide = page.evaluate("document.documentElement.scrollWidth")
    return [f"{wide} pixels wide", *page.evaluate(OUTSIDE)[:3]] if wide > WINDOW["width"] else []


@pytest.mark.parametrize(
    ("locale", "large"), [("en-GB", LARGEST), ("es", LARGEST), ("he", LARGEST), ("es", LARGER)], indirect=["large"]
)
def test_nothing_is_cut_off_where_letters_are_large(world, large, locale):
    """At 360 pixels, with letters of 125 and of 200 %: whoever sees little scrolls down, and never sideways."""
    context = large.new_context(base_url=world.app.settings.site, locale=locale, viewport=WINDOW)
    page = context.new_page()
    _, pages = every_page(world, page, locale)
    faults = {}
    for name, path in pages.items():
        page.goto(path)
        faults[name] = cut_off(page)
    page.goto("/")
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=PICTURES / f"large-course-{locale}.png", full_page=True)
    context.close()

    assert {name: found for name, found in faults.items() if found} == {}


@pytest.mark.parametrize("large", [LARGEST], indirect=True)
def test_short_words_stay_whole_where_letters_are_large(world, large):
    """With letters of 200 % on a small screen, edges take little of the room: no word of eight letters is broken."""
    context = large.new_context(base_url=world.app.settings.site, locale="en-GB", viewport=WINDOW)
    page = context.new_page()
    _, pages = every_page(world, page)
    broken = {}
    for name, path in pages.items():
        page.goto(path)
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
        broken[name] = page.evaluate(BROKEN)
    context.close()

    assert {name: found for name, found in broken.items() if found} == {}


@pytest.mark.parametrize("large", [NORMAL, LARGEST], indirect=True)
def test_a_long_word_in_a_title_goes_on_in_the_next_line(world, large):
    """A course may be called by one word that is wider than the window."""
    courses = world.app.catalogue.courses
    courses.update({name: replace(one, titles=dict.fromkeys(one.titles, LONG)) for name, one in courses.items()})
    context = large.new_context(base_url=world.app.settings.site, viewport=WINDOW)
    page = context.new_page()
    page.goto("/")
    found, title = cut_off(page), page.locator("h1").inner_text()
    context.close()

    assert (found, title) == ([], LONG)
