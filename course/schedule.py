"""In charge of dates: when a lesson is due, and whether a late one may still leave. Pure; no clock, no database.

The rule: a lesson is due at the first moment at the person's hour, in their present zone, that is on a later local date
than their last lesson and at least twelve hours after that one was settled. Their pace may ask for more: no Saturday or
Sunday, or seven dates between two lessons. All moments are aware UTC. `minute` is the person's own minute of that hour:
it spreads lessons over the hour, so that not all leave as it begins.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from zlib import crc32
from zoneinfo import ZoneInfo

APART = timedelta(hours=12)  # between two lessons, whatever becomes of zones and hours
LATE = timedelta(hours=3)  # so much later than due is still "their hour"
EVENING = 20  # local hour: until then a late lesson of today is welcome
MINUTE = timedelta(minutes=1)
RETRIES = (60, 300, 900, 1800, 3600, 7200)  # seconds; the last one repeats
GIVE_UP = timedelta(hours=72)


class Start(StrEnum):
    """A course's start rule: when its first lesson is due."""

    NEXT_HOUR = "next-hour"  # the next time it is their hour, today if it is still to come
    TOMORROW = "tomorrow"
    MONDAY = "monday"


class Pace(StrEnum):
    """How soon one lesson follows the other; never two on one local date."""

    DAILY = "daily"
    WEEKDAYS = "weekdays"  # not on a Saturday or Sunday
    WEEKLY = "weekly"
    SELF_PACED = "self-paced"  # the next one once the person has answered, or asks for it


# So many local dates after the last lesson at least; else one.
DATES_ON: Mapping[str, int] = {Pace.WEEKLY: 7}
# On which date.weekday() there is no lesson.
NOT_ON: Mapping[str, frozenset[int]] = {Pace.WEEKDAYS: frozenset({5, 6})}


@lru_cache(1024)  # there are fewer; zoneinfo itself keeps eight
def zone_of(name: str) -> ZoneInfo:
    """Return a time zone by its name; UTC for one that this machine does not know: nobody's mail stops for it."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        return ZoneInfo("UTC")


@lru_cache(1024)  # many at the same moment, in a few zones
def local_date(moment: datetime, zone: ZoneInfo) -> date:
    """Return what date it is there."""
    return moment.astimezone(zone).date()


@lru_cache(8192)  # a morning's cohort has an hour in a few zones, with sixty minutes
def at_hour(day: date, hour: int, zone: ZoneInfo, *, minute: int = 0) -> datetime | None:
    """Return the moment when it is this minute of this hour on this local date.

    Where the clocks go back, the first of the two; where they go forward over it, the first valid minute after. None
    when the date has no such minute (Apia had no 30 December 2011).
    """
    wall = datetime(day.year, day.month, day.day, hour, minute)  # noqa: DTZ001 (a wall clock has no zone yet)
    moment = wall.replace(tzinfo=zone).astimezone(UTC)
    if _wall(moment, zone) == wall:
        return moment
    # In a gap, fold=1 reads the wall by the offset after it (too early) and fold=0 by the one before (too late).
    low, high = wall.replace(tzinfo=zone, fold=1).astimezone(UTC), moment
    while high - low > MINUTE:
        middle = low + (high - low) / 2
        low, high = (low, middle) if _wall(middle, zone) >= wall else (middle, high)
    first = high.replace(second=0, microsecond=0)  # gaps end on whole minutes, the search does not
    return first if _wall(first, zone).date() == day else None


def next_hour(
    earliest: datetime,
    hour: int,
    zone: ZoneInfo,
    *,
    after: date | None = None,
    pace: str = Pace.DAILY,
    minute: int = 0,
) -> datetime:
    """Return the first moment at this hour that is not before `earliest`, and on a date later than `after`, if given.

    It is also on a date on which this pace has lessons at all.
    """
    day = earliest.astimezone(zone).date()
    if after is not None:
        day = max(day, after + timedelta(days=1))
    while True:
        moment = at_hour(day, hour, zone, minute=minute) if _has_lessons(pace, day) else None
        if moment is not None and moment >= earliest:
            return moment
        day += timedelta(days=1)


@lru_cache(4096)  # many at the same moment, at a few hours in a few zones
def next_lesson(
    settled_at: datetime, last_date: date, hour: int, zone: ZoneInfo, *, pace: str = Pace.DAILY, minute: int = 0
) -> datetime:
    """Return when the next lesson is due, after one that was settled at that moment, with that local date.

    For somebody who sets their own pace: the earliest moment at which it may come.
    """
    after = last_date + timedelta(days=DATES_ON.get(pace, 1) - 1)
    return next_hour(settled_at + APART, hour, zone, after=after, pace=pace, minute=minute)


def first_lesson(
    rule: Start,
    confirmed_at: datetime,
    hour: int,
    zone: ZoneInfo,
    *,
    last: tuple[datetime, date] | None = None,
    pace: str = Pace.DAILY,
    minute: int = 0,
) -> datetime:
    """Return when day 1 is due. `last` is when and on what date an earlier round of the same course last sent one."""
    today = confirmed_at.astimezone(zone).date()
    after = {
        Start.NEXT_HOUR: today - timedelta(days=1),
        Start.TOMORROW: today,
        Start.MONDAY: today + timedelta(days=6 - today.weekday()),
    }[rule]
    earliest = confirmed_at
    if last is not None:
        earliest, after = max(earliest, last[0] + APART), max(after, last[1])
    return next_hour(earliest, hour, zone, after=after, pace=pace, minute=minute)


@lru_cache(4096)
def departure(
    due: datetime, now: datetime, hour: int, zone: ZoneInfo, *, pace: str = Pace.DAILY, minute: int = 0
) -> datetime:
    """Return when a lesson due then may leave: `now` itself, if at once; its due time, if that is still to come.

    Late, it leaves at once while it is its own local date and either at most three hours late or before the evening;
    otherwise at their next hour, on a date that their pace allows. After an outage nobody gets a prompt in the night,
    two in one day, or one on the Saturday that they keep free.
    """
    if now <= due:
        return due
    return now if welcome(due, now, zone, pace) else next_hour(now, hour, zone, pace=pace, minute=minute)


def welcome(due: datetime, now: datetime, zone: ZoneInfo, pace: str = Pace.DAILY) -> bool:
    """Whether a lesson due then may leave at once, as `departure` says."""
    if now <= due:
        return now == due
    local = now.astimezone(zone)
    same_date = local.date() == due.astimezone(zone).date() and _has_lessons(pace, local.date())
    return same_date and (now - due <= LATE or local.hour < EVENING)


def quiet_until(since: datetime, days: int, hour: int, zone: ZoneInfo) -> datetime:
    """Return when this many quiet days are over: at their hour, this many local dates after that moment's."""
    return next_hour(since, hour, zone, after=local_date(since, zone) + timedelta(days=days - 1))


def monday(moment: datetime) -> date:
    """Return the Monday, UTC, of the week that something is counted in."""
    day = moment.astimezone(UTC).date()
    return day - timedelta(days=day.weekday())


def retry(now: datetime, attempts: int, delivery_id: int) -> datetime:
    """Return when to try again after this many failed attempts (one or more).

    The wait is up to a quarter longer, by a different share for each delivery: else thousands that failed together
    would come back together.
    """
    wait = RETRIES[min(attempts, len(RETRIES)) - 1]
    spread = crc32(b"%d %d" % (delivery_id, attempts)) / 2**32 / 4
    return now + timedelta(seconds=round(wait * (1 + spread)))


def _has_lessons(pace: str, day: date) -> bool:
    return day.weekday() not in NOT_ON.get(pace, ())


def _wall(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)
