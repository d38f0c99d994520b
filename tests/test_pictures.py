"""Promises of how mails look, by a real browser: nothing scrolls sideways, links can be hit, and there are pictures."""

from __future__ import annotations

from pathlib import Path

import pytest

playwright = pytest.importorskip("playwright.sync_api")
import every_mail  # noqa: E402 (what follows needs a browser's driver)
import pictures  # noqa: E402
from pictures import CHROMIUM, FOLDER, LOCALES, SCHEMES  # noqa: E402

HERE = pytest.mark.skipif(not CHROMIUM.exists(), reason="there is no /usr/bin/chromium here")
# Links in a column of their own (WCAG 2.2, 2.5.8): 24 pixels from one to the next, on a telephone.
CLOSE = """() => [...document.querySelectorAll(".ways")].flatMap((ways) => {
  const tops = [...ways.querySelectorAll("a")].map((link) => link.getClientRects()[0].top);
  return tops.slice(1).map((top, place) => top - tops[place]).filter((gap) => gap < 24);
})"""


@pytest.fixture(scope="module")
def browser():
    """Start the browser."""
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.mark.browser
@HERE
@pytest.mark.parametrize("locale", LOCALES)
def test_no_mail_is_wider_than_its_window(browser, locale):
    """Each mail fits into 320 pixels, the narrowest telephone."""
    page, wide = pictures.sheet(browser, locale, "dark", (320,))
    shown = page.locator("figure").count()
    page.close()

    assert wide == []
    assert shown == len(pictures.chosen(locale)) > 30


@pytest.mark.browser
@HERE
@pytest.mark.parametrize("locale", LOCALES)
def test_links_below_each_other_can_be_hit(browser, locale):
    """At least 24 pixels from one to the next, on a narrow telephone."""
    page = browser.new_page(viewport={"width": 320, "height": 800})
    page.set_content(every_mail.html(every_mail.Which("self-compassion", locale, "day-1", plain=False)))
    links, close = page.locator(".ways a").count(), page.evaluate(CLOSE)
    page.close()

    assert links == 6
    assert close == []


@pytest.mark.browser
@HERE
def test_a_mail_that_is_too_wide_is_told(browser, monkeypatch):
    """A line without an end, planted into every mail of a sheet, is found; and the sheet's picture can be taken."""
    long = f'<p style="white-space: nowrap">{"wide " * 20}</p>'
    html = every_mail.html
    monkeypatch.setattr(every_mail, "html", lambda which: html(which).replace("<h1", f"{long}<h1"))
    page, wide = pictures.sheet(browser, "he", "light", (320,))
    taken = pictures.picture(page)
    page.close()

    assert sorted(wide) == sorted(f"{which} at 320" for which in pictures.chosen("he"))
    assert taken.startswith(b"RIFF")


def test_there_are_pictures_of_every_language():
    """In light and in dark, small enough to come along, and docs/mails.md shows them; README shows one of its own."""
    readme, said = ((Path(__file__).parents[1] / name).read_text("utf-8") for name in ("README.md", "docs/mails.md"))
    names = [f"mails-{locale}-{scheme}.webp" for locale in LOCALES for scheme in SCHEMES]

    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(["front.webp", *names])
    assert "(docs/pictures/front.webp)" in readme
    assert [name for name in names if f"(pictures/{name})" not in said] == []
    assert sum((FOLDER / name).stat().st_size for name in names) < 3_000_000
