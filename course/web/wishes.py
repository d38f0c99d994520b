"""In charge of reading what the form of "My course" asks for, and handing it to the journey that does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import TYPE_CHECKING

from course.content import zones
from course.journeys import fresh, mine, steering
from course.journeys.mine import Mine
from course.journeys.steering import Told
from course.schedule import Pace
from course.web.forms import number
from course.web.leave import told
from course.web.signup import TICKED

if TYPE_CHECKING:
    from course.app import App

# What may be wrong with a wish, and the section of the page that it is in.
WRONG = {
    "hour_wrong": "when",
    "timezone_wrong": "when",
    "locale_wrong": "locale",
    "pace_wrong": "pace",
    "pause_wrong": "pause",
    "country_wrong": "country",
    "consent_missing": "restart",
    "letter_leave": "leave",
    "letter_everything": "everything",
}
Wish = Callable[["App", str, Mapping[str, str]], "Told | str | None"]


def locale_of(app: App, found: Mine) -> str:
    """Return the locale in which a page speaks to this person: that of their letters."""
    return app.catalogue.locale(found.person.course, found.person.locale)


def _day(do: Callable[[App, str, int], Told | None]) -> Wish:
    def wish(app: App, token: str, form: Mapping[str, str]) -> Told | None:
        day = number(form.get("day", ""), 999)
        return None if day is None else do(app, token, day)

    return wish


def _when(app: App, token: str, form: Mapping[str, str]) -> Told | str | None:
    hour, zone = number(form.get("send_hour", ""), 23), form.get("timezone", "")
    if hour is None:
        return "hour_wrong"
    if zone not in zones.allowed():
        return "timezone_wrong"
    return steering.retime(app.service, token, hour, zone, app.clock.now())


def _locale(app: App, token: str, form: Mapping[str, str]) -> Told | str | None:
    found = mine.look(app.service, token, app.clock.now())
    known = found and app.catalogue.courses.get(found.person.course)
    if not known or form.get("locale") not in known.locales:
        return "locale_wrong"
    return steering.translate(app.service, token, form["locale"], app.clock.now())


def _pace(app: App, token: str, form: Mapping[str, str]) -> Told | str | None:
    wanted = form.get("pace", "")
    return steering.pace(app.service, token, Pace(wanted), app.clock.now()) if wanted in set(Pace) else "pace_wrong"


def _pause(app: App, token: str, form: Mapping[str, str]) -> Told | str | None:
    until = form.get("until", "").strip()
    try:
        day = date.fromisoformat(until) if until else None
    except ValueError:
        return "pause_wrong"
    return steering.pause(app.service, token, day, app.clock.now())


def _country(app: App, token: str, form: Mapping[str, str]) -> Told | str | None:
    wanted = form.get("country", "?")
    known = wanted == "" or wanted in {line.country for line in app.catalogue.help_lines}
    return steering.help_from(app.service, token, wanted, app.clock.now()) if known else "country_wrong"


def _restart(app: App, token: str, form: Mapping[str, str]) -> Told | str | None:
    of, found = number(form.get("round", ""), 10**6), mine.look(app.service, token, app.clock.now())
    if form.get("consent") not in TICKED or of is None or found is None:
        return "consent_missing"
    agreed = app.catalogue.consent(locale_of(app, found))
    return steering.restart(app.service, token, of, agreed, app.clock.now(), app.clock.real())


def _leave(app: App, token: str, form: Mapping[str, str]) -> Told | str | None:
    """Leave the course; where that erases a letter, and the page has not said so, it says so first."""
    found = mine.look(app.service, token, app.clock.now())
    if found is not None and not told(found.letter, form, everything=False):
        return "letter_leave"
    return steering.leave(app.service, token, app.clock.now(), app.clock.real())


def _everything(app: App, token: str, form: Mapping[str, str]) -> Told | str | None:
    found = mine.look(app.service, token, app.clock.now())
    if found is not None and not told(found.letter, form, everything=True):
        return "letter_everything"
    return steering.leave_everything(app.service, token, app.clock.now(), app.clock.real())


def _own(app: App, token: str, _: Mapping[str, str]) -> Told | None:
    """Mail a fresh link. Whether there were too many already is not told: the page says the same."""
    found = mine.look(app.service, token, app.clock.now())
    if found is None or "own" not in found.may:
        return None
    fresh.send(app.service, found.person, app.clock.now(), app.clock.real())
    return Told("own", found)


WISHES: Mapping[str, Wish] = {
    "done": _day(lambda app, token, day: steering.mark(app.service, token, day, app.clock.now())),
    "open": _day(lambda app, token, day: steering.unmark(app.service, token, day, app.clock.now())),
    "again": _day(lambda app, token, day: steering.again(app.service, token, day, app.clock.now())),
    "when": _when,
    "locale": _locale,
    "pace": _pace,
    "pause": _pause,
    "resume": lambda app, token, _: steering.resume(app.service, token, app.clock.now()),
    "ready": lambda app, token, _: steering.ready(app.service, token, app.clock.now()),
    "on_paper": lambda app, token, _: steering.on_paper(app.service, token, app.clock.now(), wanted=True),
    "checked_on": lambda app, token, _: steering.on_paper(app.service, token, app.clock.now(), wanted=False),
    "plain": lambda app, token, _: steering.plain(app.service, token, app.clock.now(), wanted=True),
    "not_plain": lambda app, token, _: steering.plain(app.service, token, app.clock.now(), wanted=False),
    "country": _country,
    "own": _own,
    "restart": _restart,
    "leave": _leave,
    "everything": _everything,
}
