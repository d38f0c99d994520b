"""Every page for everybody, in a real browser: on the narrowest screen, at 200 % zoom, from the right, by keys alone.

Leaves pictures of some of them in screenshots/ (git-ignored), at 320 pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from conftest import World
from test_browser import (
    BROWSER,
    PICTURES,
    SMALL_TARGETS,
    chromium,  # noqa: F401 (a fixture)
    found_by_axe,
    served,
)
from test_crawl import with_a_photo
from test_journal import KEEP, choose

from course.journeys import fresh, letters, moving, people
from course.journeys.letters import Wish
from course.store.tables import subscribers

SCREEN = {"width": 320, "height": 800}  # the narrowest: a desktop at 400 % (WCAG 1.4.10)
ZOOMED = {"width": 550, "height": 400}  # what a window of 1100 by 800 pixels shows at 200 % (1.4.4)
MOST_STOPS = 200
BOTH = ("light", "dark")
NOWHERE = ("not-found", "old-link")
# What moves by itself after it was painted, as the browser counts it.
SHIFTS = """window.shifted = 0; new PerformanceObserver((list) => {
  for (const one of list.getEntries()) if (!one.hadRecentInput) window.shifted += one.value;
}).observe({ type: "layout-shift", buffered: true });"""
# Where the keyboard is now: whether it shows, and is on the screen; each is marked. A field for a date has several.
STOP = """() => { const e = document.activeElement;
  if (e === window.stopped) return "";
  window.stopped = e;
  if (e === document.body || e.dataset.stop) return null;
  e.dataset.stop = "yes";
  const box = e.getBoundingClientRect(), style = getComputedStyle(e);
  const seen = e.matches(".tick input") ? getComputedStyle(e.closest(".tick")) : style;
  const shows = style.outlineStyle !== "none" || seen.outlineStyle !== "none";
  return shows && box.bottom > 0 && box.top < innerHeight ? "" : e.outerHTML.slice(0, 120); }"""
# What can be pressed or filled in and was never come to; of a group of radio buttons, one is come to.
MISSED = """() => [...document.querySelectorAll("a[href], button, input, select, textarea, summary")].filter((e) => {
  if (!e.checkVisibility({ visibilityProperty: true }) || e.tabIndex < 0 || e.type === "hidden") return false;
  return e.type === "radio" ? !document.querySelector(`[name="${e.name}"][data-stop]`) : !e.dataset.stop;
}).map((e) => e.outerHTML.slice(0, 120))"""

pytestmark = BROWSER


@pytest.fixture
def world(tmp_path):
    """Build the service on SQLite with all it can have, and serve its pages at a port of this machine."""
    with served(tmp_path / "var", unreviewed_locales="es, he") as world:
        yield world


@dataclass
class Dana:
    """Somebody who has taken the course, keeps a journal, and has a letter that is ready."""

    world: World
    locale: str

    def live(self, photo):
        """Take the whole course, answer its first day, also with a photo, and wait until the letter comes back."""
        world, service = self.world, self.world.app.service
        world.join("dana", locale=self.locale)
        choose(world, KEEP, "dana")
        self.days(1)
        world.reply(self.newest("day-1"), "It helped a little.\n\n-- \nDana Heron")
        world.deliver(with_a_photo(self.newest("day-1"), photo))
        token, wish = self.token("mine", "day-1"), Wish(1, in_mail=False, wording="Keep it.", how="page")
        letters.keep_by_page(service, token, "Dear me.", wish, world.clock.now(), world.clock.real())
        self.days(33)
        world.sign_up("bob", locale=self.locale)
        world.app.tick()

    def days(self, number):
        """Let days go by, with a tick at nine."""
        for _ in range(number):
            self.world.clock.go(hours=(9 - self.world.clock.at.hour) % 24 or 24)
            self.world.app.tick()

    def newest(self, name):
        """Return the newest mail of this name."""
        return self.world.box.last(name)

    def token(self, room, name):
        """Return the token by which a mail leads to a page."""
        return self.world.link(self.newest(name), room)

    def person(self):
        """Return Dana's newest round."""
        with self.world.app.service.store.reading() as tx:
            return people.find(tx, subscribers.c.email == "dana@example.org")[0]

    def fresh(self):
        """Ask for a fresh link; return where it leads."""
        world = self.world
        fresh.send(world.app.service, self.person(), world.clock.now(), world.clock.real())
        world.app.tick()
        return f"/open/{self.token('open', 'fresh')}"

    def moving(self):
        """Type another address; return where its question leads."""
        world, who = self.world, self.person().subscriber_id
        moving.ask(world.app.service, who, "dana@new.example", world.clock.now(), world.clock.real())
        world.app.tick()
        return f"/address/{self.token('address', 'move')}"

    def pages(self):
        """Return each page that a mail or nothing leads to, by what it is called."""
        mine = self.token("mine", "day-5")
        return {
            "course": "/",
            "help": "/help?country=GB",
            "young": "/young",
            "privacy": "/privacy",
            "not-found": "/nothing",
            "old-link": "/confirm/aaaa",
            "confirm": f"/confirm/{self.token('confirm', 'confirm')}",
            "leave": f"/leave/{self.token('leave', 'day-5')}",
            "mine": f"/mine/{mine}",
            "mine-letter": f"/mine/{mine}/day/1",
            "write": f"/write/{mine}",
            "checkin": f"/checkin/{mine}",
            "letter": f"/letter/{mine}",
            "join": self.newest("farewell").values["offer_url"].removeprefix(self.world.app.settings.site),
            "exercise": f"/r/{self.token('r', 'day-1')}",
            "address": self.moving(),
            "open": self.fresh(),
        }


OWN = ("", "/words", "/letter", "/print", "/details", "/journal", "/erase")


def examine(page, name, schemes):
    """Open all that folds, and find fault: overflow, small targets, axe, what shifts, what the keyboard cannot do."""
    page.set_viewport_size(SCREEN)
    page.wait_for_timeout(50)
    shifted = page.evaluate("window.shifted")
    faults = [f"{name}: {shifted:.3f} of it shifts"] if shifted > 0.001 else []
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    for size in (ZOOMED, SCREEN):
        page.set_viewport_size(size)
        wide = page.evaluate("document.documentElement.scrollWidth")
        faults += [f"{name} is {wide} wide at {size['width']}"] if wide > size["width"] else []
        faults += [f"{name} {size['width']}: {target}" for target in page.evaluate(SMALL_TARGETS)]
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)
        faults += [f"{name} {fault}" for fault in found_by_axe(page, scheme)]
    # A page that says what is wrong begins there, and the keys come to what is before it at the second round.
    rounds = 1 + page.evaluate("document.activeElement !== document.body")
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        stop = page.evaluate(STOP)
        rounds -= stop is None
        if not rounds:
            break
        faults += [f"{name}: the keyboard is lost at {stop}"] if stop else []
    return faults + [f"{name}: no key leads to {one}" for one in page.evaluate(MISSED)]


def examine_own(page, schemes):
    """Examine what only Dana may see, from the fresh link's button to the last page, after everything is erased."""
    page.locator("form button").press("Enter")
    page.wait_for_url("**/own")
    faults = []
    for path in OWN:
        page.goto(f"/own{path}")
        faults += examine(page, f"own{path}", schemes)
    page.goto("/own/words")
    width = page.locator(".photo img").evaluate("one => one.decode().then(() => one.naturalWidth)")
    faults += [f"own/words: the photo is {width} wide"] if width != SCREEN["width"] else []
    page.screenshot(path=PICTURES / f"own-words-320-{page.locator('html').get_attribute('lang')}.png", full_page=True)
    page.goto("/own/letter")
    page.locator("button[name=letter]").press("Enter")
    page.locator(".ownwords").wait_for()
    faults += examine(page, "own/letter, opened", schemes)
    page.goto("/own/erase")
    for name in ("own/erase, sure", "erased"):
        page.locator(".onward button").press("Enter")
        page.wait_for_load_state()
        faults += examine(page, name, schemes)
    page.goto("/own")
    return faults + examine(page, "own, over", schemes)


@pytest.mark.parametrize(("locale", "schemes"), [("en-GB", BOTH), ("he", BOTH), ("es", BOTH[:1])])
def test_every_page_is_for_everybody(world, chromium, locale, schemes):  # noqa: F811 (the fixture)
    """320 pixels and 200 %: nothing to scroll sideways, nothing small or shifting, nothing axe finds, no key lost."""
    dana, faults = Dana(world, locale), []
    PICTURES.mkdir(exist_ok=True)
    context = chromium.new_context(
        base_url=world.app.settings.site, locale=locale, reduced_motion="reduce", viewport=SCREEN
    )
    page = context.new_page()
    page.goto("/")
    dana.live(page.screenshot(type="jpeg"))
    page.add_init_script(SHIFTS)
    for name, path in dana.pages().items():
        answered = page.goto(path).status
        well = (answered == 404) == (name in NOWHERE)
        faults += examine(page, name, schemes) if well else [f"{name}: {answered}"]
    faults += examine_own(page, schemes)
    context.close()

    assert faults == []
