"""In charge of which time zone somebody is probably in: by the offset in their mail's Date line, and their locale."""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime

from babel.core import get_global

from course import schedule

# One for each offset and each way of changing the clocks; of two that fit, the one with more people comes first.
PLACES = (
    *("Europe/London", "Europe/Berlin", "Europe/Athens", "Europe/Moscow", "America/New_York", "America/Chicago"),
    *("America/Denver", "America/Los_Angeles", "America/Anchorage", "Pacific/Honolulu", "America/Halifax"),
    *("America/St_Johns", "America/Sao_Paulo", "Asia/Kolkata", "Asia/Shanghai", "Asia/Tokyo", "Asia/Bangkok"),
    *("Asia/Dhaka", "Asia/Karachi", "Asia/Dubai", "Asia/Tehran", "Asia/Kabul", "Asia/Kathmandu", "Asia/Yangon"),
    *("Australia/Sydney", "Australia/Brisbane", "Australia/Adelaide", "Australia/Darwin", "Pacific/Auckland"),
)
NOWHERE = "UTC"


def zone(date: str, locale: str) -> str:
    """Return the zone whose clocks showed this Date line's offset then: one of the locale's country, if there is one.

    Without an offset (RFC 5322 section 3.3: `-0000` says nothing of where somebody is), or where none fits, it is the
    country's first one, else UTC. A guess: the welcome says the hour, and how to choose another.
    """
    home = set(get_global("territory_zones").get(locale.rpartition("-")[2], ()))
    places = sorted(PLACES, key=lambda place: place not in home)
    moment = _read(date)
    fitting = (place for place in places if moment and _showed(place, moment))
    return next(fitting, places[0] if places[0] in home else NOWHERE)


def _read(date: str) -> datetime | None:
    """Return the moment of a Date line, with its offset if it has one."""
    try:
        return parsedate_to_datetime(date)
    except (ValueError, TypeError, OverflowError):
        return None


def _showed(place: str, moment: datetime) -> bool:
    """Whether clocks there had this moment's offset then."""
    try:
        return moment.astimezone(schedule.zone_of(place)).utcoffset() == moment.utcoffset()
    except OverflowError:  # the last day of the year 9999 has no tomorrow
        return False
