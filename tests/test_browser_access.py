"""Every page for everybody, in a real browser: on the narrowest screen, at 200 % zoom, from the right, by keys alone.

Leaves pictures of some of them in screenshots/ (git-ignored), at 320 pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from conftest import World
from test_browser import CHROMIUM, PICTURES, SMALL_TARGETS, chromium, served  # noqa: F401 (a fixture)
from test_journal import KEEP, choose

from course.journeys import fresh, letters, people
from course.journeys.letters import Wish
from course.store.tables import subscribers

SCREEN = {"width": 320, "height": 800}  # the narrowest: a desktop at 400 % (WCAG 1.4.10)
ZOOMED = {"width": 550, "height": 400}  # what a window of 1100 by 800 pixels shows at 200 % (1.4.4)
MOST_STOPS = 200
# What moves by itself after it was painted, as the browser counts it.
SHIFTS = """window.shifted = 0; new PerformanceObserver((list) => {
  for (const one of list.getEntries()) if (!one.hadRecentInput) window.shifted += one.value;
}).observe({ type: "layout-shift", buffered: true });"""
# Where the keyboard is now: whether it shows, and is on the screen; each stop is marked.
STOP = """() => { const e = document.activeElement;
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

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="there is no /usr/bin/chromium here"),
    pytest.mark.xdist_group("browser"),
]


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

    def live(self):
        """Take the whole course, answer its first day, and wait until the letter comes back."""
        world, service = self.world, self.world.app.service
        world.join("dana", locale=self.locale)
        choose(world, KEEP, "dana")
        self.days(1)
        world.reply(self.newest("day-1"), "It helped a little.\n\n-- \nDana Heron")
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

    def fresh(self):
        """Ask for a fresh link; return where it leads."""
        world = self.world
        with world.app.service.store.reading() as tx:
            person = people.find(tx, subscribers.c.email == "dana@example.org")[0]
        fresh.send(world.app.service, person, world.clock.now(), world.clock.real())
        world.app.tick()
        return f"/open/{self.token('open', 'fresh')}"

    def pages(self):
        """Return each page that a mail or nothing leads to, by what it is called."""
        mine = self.token("mine", "day-5")
        return {
            "course": "/",
            "help": "/help?country=GB",
            "young": "/young",
            "privacy": "/privacy",
            "not-found": "/nothing",
            "confirm": f"/confirm/{self.token('confirm', 'confirm')}",
            "leave": f"/leave/{self.token('leave', 'day-5')}",
            "mine": f"/mine/{mine}",
            "mine-letter": f"/mine/{mine}/day/1",
            "write": f"/write/{mine}",
            "checkin": f"/checkin/{mine}",
            "letter": f"/letter/{mine}",
            "join": self.newest("farewell").values["offer_url"].removeprefix(self.world.app.settings.site),
            "exercise": f"/r/{self.token('r', 'day-1')}",
            "open": self.fresh(),
        }


OWN = ("", "/words", "/letter", "/print", "/details", "/journal", "/erase")


def examine(page, axe, name):
    """Open all that folds, and find fault: overflow, small targets, axe, what shifts, what the keyboard cannot do."""
    page.set_viewport_size(SCREEN)
    page.wait_for_timeout(50)
    shifted = page.evaluate("window.shifted")
    faults = [f"{name}: {shifted:.3f} of it shifts"] if shifted > 0.001 else []
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    for size in (SCREEN, ZOOMED):
        page.set_viewport_size(size)
        wide = page.evaluate("document.documentElement.scrollWidth")
        faults += [f"{name} is {wide} wide at {size['width']}"] if wide > size["width"] else []
        faults += [f"{name} {size['width']}: {target}" for target in page.evaluate(SMALL_TARGETS)]
        found = axe.run(page).response["violations"] if size is SCREEN else []
        faults += [f"{name}: {fault['id']} {fault['nodes'][0]['html'][:200]}" for fault in found]
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        stop = page.evaluate(STOP)
        if stop is None:
            break
        faults += [f"{name}: the keyboard is lost at {stop}"] if stop else []
    return faults + [f"{name}: no key leads to {one}" for one in page.evaluate(MISSED)]


@pytest.mark.parametrize(("locale", "scheme"), [("en-GB", "light"), ("he", "dark")])
def test_every_page_is_for_everybody(world, chromium, locale, scheme):  # noqa: F811 (the fixture)
    """320 pixels and 200 %: nothing to scroll sideways, nothing small or shifting, nothing axe finds, no key lost."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    dana, faults = Dana(world, locale), []
    dana.live()
    PICTURES.mkdir(exist_ok=True)
    context = chromium.new_context(
        base_url=world.app.settings.site, locale=locale, color_scheme=scheme, reduced_motion="reduce", viewport=SCREEN
    )
    page = context.new_page()
    page.add_init_script(SHIFTS)
    for name, path in dana.pages().items():
        answered = page.goto(path).status
        faults += examine(page, axe, name) if (answered == 404) == (name == "not-found") else [f"{name}: {answered}"]
    page.locator("form button").press("Enter")  # the fresh link's, which was opened last
    page.wait_for_url("**/own")
    for path in OWN:
        page.goto(f"/own{path}")
        faults += examine(page, axe, f"own{path}")
    page.goto("/own/letter")
    page.locator("button[name=letter]").press("Enter")
    page.locator(".ownwords").wait_for()
    faults += examine(page, axe, "own/letter, opened")
    for name, path in (("own-letter", None), ("mine", f"/mine/{dana.token('mine', 'day-5')}")):
        page.set_viewport_size(SCREEN)
        page.goto(path) if path else None
        page.screenshot(path=PICTURES / f"{name}-320-{locale}-{scheme}.png", full_page=True)
    context.close()

    assert faults == []
