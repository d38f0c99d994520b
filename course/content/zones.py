"""In charge of time zones and hours: which a person may choose, and what they are called in each locale.

A zone is also found by what somebody calls it: its city, or their country where that has only one.
"""

from __future__ import annotations

import unicodedata
import zoneinfo
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from importlib import resources

from babel import Locale
from babel.core import get_global
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
    """Return, by area, the zones to choose from with their cities' names, in the order of the names without accents.

    zone.tab lists what people look for: a city of their own country, under its present name.
    """
    table = (resources.files("tzdata") / "zoneinfo" / "zone.tab").read_text(encoding="utf-8")
    names = {line.split("\t")[2] for line in table.splitlines() if line and not line.startswith("#")}
    found: dict[str, list[tuple[str, str]]] = {}
    for name in sorted(names & allowed()):
        found.setdefault(name.partition("/")[0], []).append((name, city(name, locale)))
    return {area: tuple(sorted(found[area], key=lambda zone: _bare(zone[1]))) for area in sorted(found)}


def unlisted(name: str, listed: Mapping[str, tuple[tuple[str, str], ...]]) -> str:
    """Return a name that may be chosen but is not on the list, else ""."""
    on_list = any(name == zone for zones in listed.values() for zone, _ in zones)
    return "" if on_list or name == UTC or name not in allowed() else name


@cache
def hours(locale: str) -> list[str]:
    """Return the hours of a day in a locale's words, from midnight on."""
    return [dates.time(datetime(2000, 1, 1, hour), locale) for hour in range(24)]  # noqa: DTZ001 (a clock face)


def find(said: str, locale: str) -> str | None:
    """Return the zone that somebody means: by its name or city, in a locale or in English, or by a country's name.

    None for a place that is unknown here, and for a country with several zones.
    """
    return _names(locale).get(_bare(said))


def city(name: str, locale: str) -> str:
    """Return what the city of a zone is called."""
    said = str(get_timezone_location(name, locale=locale.replace("-", "_"), return_city=True))
    # CLDR has no name of its own for a few, and then repeats the zone's: America/Argentina/Salta.
    return said.rpartition("/")[2]


@cache
def _names(locale: str) -> Mapping[str, str]:
    """Return each zone by all that it may be called, made bare; of two that are called alike, the first one's."""
    found: dict[str, str] = {}
    listed = [zone for zones in cities(locale).values() for zone in zones]
    called = [(name, name) for name in sorted(allowed())]
    called += [(said, name) for name, said in listed]
    called += [(name.rpartition("/")[2], name) for name, _ in listed]
    called += [(name.rpartition("/")[2], name) for name in sorted(allowed())]
    called += [(said, name) for name, said in _countries(locale)]
    for said, name in called:
        found.setdefault(_bare(said), name)
    return found


def _countries(locale: str) -> Iterator[tuple[str, str]]:
    """Yield each country that has only one zone, that zone first."""
    names = Locale.parse(locale, sep="-").territories
    for country, known in get_global("territory_zones").items():
        if country in names and len(known) == 1 and known[0] in allowed():
            yield known[0], names[country]


def _bare(said: str) -> str:
    """Return a name in small letters, without accents, and with spaces where a zone's name has other signs."""
    letters = "".join(char for char in unicodedata.normalize("NFKD", said) if not unicodedata.combining(char))
    return " ".join("".join(char if char.isalnum() or char == "/" else " " for char in letters).casefold().split())
