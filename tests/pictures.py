"""In charge of the pictures in docs/pictures: `make pictures` takes them anew, with Debian's chromium.

One shows a newcomer what people see: a sign-up, a letter, "My course". Each sheet shows all lessons and notices
of a language, as whoever wants no links gets the first lesson, too: in windows 320, 600 and 800 pixels wide, made four
times smaller; one sheet in a light room, one in a dark one.
"""

from __future__ import annotations

import base64
import json
import sys
import tempfile
from pathlib import Path

import every_mail
from every_mail import EVERY, Which
from playwright.sync_api import Browser, Page, sync_playwright
from test_browser import served

CHROMIUM = Path("/usr/bin/chromium")
FOLDER = Path(__file__).parents[1] / "docs/pictures"
LOCALES = sorted({which.locale for which in EVERY})
SCHEMES = {"light": "#d5d3d0", "dark": "#4a484d"}  # and the colour around the mails
WIDTHS = (320, 600, 800)
QUALITY = 6  # of 100: the sheets are for looking at, not for reading
CLEAR = 70
SHEET = """<!doctype html><meta charset="utf-8"><meta name="color-scheme" content="%(scheme)s">
<style>
  body { margin: 0; padding: 12px; width: 1876px; columns: 4; column-gap: 12px; font: 13px sans-serif;
         background: %(around)s; }
  figure { margin: 0 0 14px; break-inside: avoid; }
  figcaption { margin: 0 0 4px; }
  div { display: flex; gap: 6px; align-items: start; }
  span { display: block; overflow: hidden; }
  iframe { border: 0; transform-origin: 0 0; transform: scale(0.25); }
</style>"""
PHONE = {"width": 390, "height": 820}
FRONT = """<!doctype html><meta charset="utf-8">
<style>
  body { margin: 0; padding: 28px; width: 1260px; display: flex; gap: 30px; background: #eae8e4; }
  img { display: block; width: 390px; height: 820px; border-radius: 26px; border: 5px solid #3a383c; }
</style>"""
# Put each mail into windows of these widths, as high as it is; return what is wider than its window.
SHOW = """async ([mails, widths]) => {
  const wide = [];
  await Promise.all(mails.map(async ([name, html]) => {
    const figure = document.body.appendChild(document.createElement("figure"));
    figure.appendChild(document.createElement("figcaption")).textContent = name;
    const row = figure.appendChild(document.createElement("div"));
    await Promise.all(widths.map(async (width) => {
      const box = row.appendChild(document.createElement("span"));
      const frame = box.appendChild(document.createElement("iframe"));
      const loaded = new Promise((done) => { frame.onload = done; });
      frame.width = width;
      frame.height = 10;
      frame.srcdoc = html;
      await loaded;
      const page = frame.contentDocument.documentElement;
      frame.height = page.scrollHeight;
      box.style.width = `${width / 4}px`;
      box.style.height = `${page.scrollHeight / 4}px`;
      if (page.scrollWidth > width) wide.push(`${name} at ${width}`);
    }));
  }));
  return wide;
}"""


def chosen(locale: str) -> list[Which]:
    """Return the mails of a language's sheet; the second course's notices differ from the first one's by its title."""
    mails = [which for which in EVERY if which.locale == locale and (not which.plain or which.name == "day-1")]
    return [which for which in mails if which.course == "self-compassion" or which.name.startswith("day-")]


def sheet(browser: Browser, locale: str, scheme: str, widths: tuple[int, ...] = WIDTHS) -> tuple[Page, list[str]]:
    """Return an open page with the mails of a language, and which of them are wider than their windows."""
    page = browser.new_page(viewport={"width": 1900, "height": 1000}, color_scheme=scheme)
    page.set_content(SHEET % {"scheme": scheme, "around": SCHEMES[scheme]})
    return page, page.evaluate(SHOW, [[(str(which), every_mail.html(which)) for which in chosen(locale)], widths])


def picture(page: Page, quality: int = QUALITY) -> bytes:
    """Return the whole page as WebP."""
    box = json.loads(page.evaluate("JSON.stringify(document.documentElement.getBoundingClientRect())"))
    clip = {"x": 0, "y": 0, "width": box["width"], "height": box["height"], "scale": 1}
    options = {"format": "webp", "quality": quality, "captureBeyondViewport": True, "clip": clip}
    return base64.b64decode(page.context.new_cdp_session(page).send("Page.captureScreenshot", options)["data"])


def front(browser: Browser) -> Page:
    """Return an open page with what somebody sees on a phone: the sign-up, the first letter, and "My course"."""
    phone = browser.new_context(viewport=PHONE, device_scale_factor=2, locale="en-GB", timezone_id="Europe/London")
    page, shots = phone.new_page(), []
    real = {"transport": "smtp", "smtp_url": "smtp://127.0.0.1"}  # with a way out, pages name no mailbox
    with tempfile.TemporaryDirectory() as folder, served(Path(folder) / "var", **real) as world:
        world.join()
        for _ in range(3):  # three mornings, two of them answered
            world.clock.go(hours=(8 - world.clock.at.hour) % 24 or 24)
            world.app.tick()
            if len(world.box.names()) < 7:
                world.reply(next(mail for mail in reversed(world.box.sent) if mail.mailing.day))
                world.app.tick()
        first = world.box.last("day-1")
        page.goto(world.app.settings.site)
        shots.append(page.screenshot())
        letter = phone.new_page()  # on the site's own page its policy would take the letter's styles away
        letter.set_content(first.mailing.html_for(first.values))
        shots.append(letter.screenshot())
        page.goto(f"{world.app.settings.site}/mine/{world.link(world.box.last('day-3'), 'mine')}")
        shots.append(page.screenshot())
    phone.close()
    page = browser.new_page(viewport={"width": 1316, "height": 886})
    images = "".join(f'<img src="data:image/png;base64,{base64.b64encode(shot).decode()}">' for shot in shots)
    page.set_content(FRONT + images)
    return page


def main() -> None:
    """Take every picture, and say which."""
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = front(browser)
        (FOLDER / "front.webp").write_bytes(picture(page, CLEAR))
        page.close()
        for locale in LOCALES:
            for scheme in SCHEMES:
                page, _ = sheet(browser, locale, scheme)
                path = FOLDER / f"mails-{locale}-{scheme}.webp"
                path.write_bytes(picture(page))
                page.close()
                sys.stdout.write(f"{path.name}: {path.stat().st_size // 1000} kB\n")
        browser.close()


if __name__ == "__main__":
    main()
