"""In charge of saying moments as a locale's people say them; patterns that CLDR lacks are words like any other."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from datetime import date as Day  # noqa: N812 (a function here is called date)
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_time
from babel.lists import format_list


def moment(at: datetime, zone: ZoneInfo, locale: str, words: Mapping[str, str]) -> str:
    """Return a moment: `Wednesday 25 November at 08:00`. `words` are the locale's [dates]."""
    local = at.astimezone(zone)
    day = format_datetime(local, words["day"], locale=_babel(locale))
    return words["moment"].replace("{day}", day).replace("{time}", time(local, locale))


def makes_a_day(pattern: str) -> bool:
    """Whether a pattern (CLDR's letters) can be said of a day."""
    try:
        format_datetime(datetime(2027, 3, 1, tzinfo=UTC), pattern, locale="en")
    except ValueError:
        return False
    return True


def time(local: datetime, locale: str) -> str:
    """Return a local time: `08:00`, `8:00 AM`."""
    return format_time(local, "short", locale=_babel(locale)).replace("\u202f", " ")


def date(at: datetime, zone: ZoneInfo, locale: str) -> str:
    """Return a date: `24 November 2026`."""
    return _long(at.astimezone(zone).date(), locale)


@lru_cache(1024)  # many people confirmed on the same days
def _long(day: Day, locale: str) -> str:
    return format_date(day, "long", locale=_babel(locale))


def listed(items: list[str], locale: str) -> str:
    """Return items as a list in words: `day 1, day 2 and day 4`."""
    return format_list(items, locale=_babel(locale))


def _babel(locale: str) -> str:
    return locale.replace("-", "_")
