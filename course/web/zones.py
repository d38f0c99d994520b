"""In charge of time zones and hours: which a person may choose, and what they are called in each locale."""

from __future__ import annotations

import zoneinfo
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib import resources

from babel.dates import get_timezone_location

from course.content import dates

UTC = "UTC"
AREAS = frozenset(
    (
        "Africa",
        "America",
        "Antarctica",
        "Arctic",
        "Asia",
        "Atlantic",
        "Australia",
        "Europe",
        "Indian",
        "Pacific",
    )
)


@cache
def allowed() -> frozenset[str]:
    """Return every name that a form may send: Area/City, old spellings too (browsers still say Asia/Calcutta)."""
    return frozenset(name for name in zoneinfo.available_timezones() if name == UTC or name.partition("/")[0] in AREAS)


@cache
def cities(locale: str) -> Mapping[str, tuple[tuple[str, str], ...]]:
    """Return, by area, the zones to choose from with their cities' names, each list in the order of its names.

    zone.tab lists what people look for: a city of their own country, under its present name.
    """
    table = (resources.files("tzdata") / "zoneinfo" / "zone.tab").read_text(encoding="utf-8")
    names = {line.split("\t")[2] for line in table.splitlines() if line and not line.startswith("#")}
    found: dict[str, list[tuple[str, str]]] = {}
    for name in sorted(names & allowed()):
        found.setdefault(name.partition("/")[0], []).append((name, _city(name, locale)))
    return {area: tuple(sorted(found[area], key=lambda zone: zone[1].casefold())) for area in sorted(found)}


def unlisted(name: str, listed: Mapping[str, tuple[tuple[str, str], ...]]) -> str:
    """Return a name that may be chosen but is not on the list, else ""."""
    on_list = any(name == zone for zones in listed.values() for zone, _ in zones)
    return "" if on_list or name == UTC or name not in allowed() else name


@cache
def hours(locale: str) -> list[str]:
    """Return the hours of a day in a locale's words, from midnight on."""
    return [dates.time(datetime(2000, 1, 1, hour), locale) for hour in range(24)]  # noqa: DTZ001 (a clock face)


def _city(name: str, locale: str) -> str:
    said = str(get_timezone_location(name, locale=locale.replace("-", "_"), return_city=True))
    # CLDR has no name of its own for a few, and then repeats the zone's: America/Argentina/Salta.
    return said.rpartition("/")[2]
