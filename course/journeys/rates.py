"""In charge of how many messages may leave: a second (SEND_RATE) and a day (SEND_DAILY), for all workers together.

And of how many answers in an hour (ANSWERS_HOURLY), so that no flood of mail makes us flood others.

What is used up stands in the database. An allowance that nobody used is kept for one second and no longer, so that in
any minute at most a sixtieth more leaves than the rate says. Lessons leave the last twentieth of a day to notices: who
signs up while an address is being warmed up gets their confirmation the same day.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, select, update

from course.journeys.service import Service
from course.store.database import insert_new
from course.store.tables import rates

SECOND, DAY = "second", "day"
HOUR = timedelta(hours=1)
LATEST = timedelta(days=1)  # that an answer may have to wait; later it says nothing to anybody
KEPT = 1.0  # seconds
SHORTEST = 0.25  # seconds; at a high rate some messages are claimed at a time, which spares the disk
FOR_NOTICES = 0.05  # of a day's messages
ASTRAY = timedelta(minutes=1)  # a note further ahead than this came from a wrong clock, and is ignored


class Allowance:
    """What may be claimed in this transaction; no other worker can be given the same."""

    def __init__(self, tx: Connection, service: Service, real_now: datetime) -> None:
        self._tx = tx
        self._now = real_now
        self._rate, self._daily = service.settings.send_rate, service.settings.send_daily
        self._used_until, self._used_today = real_now, 0
        self._midnight = real_now.replace(hour=0, minute=0, second=0, microsecond=0)
        self._too_soon = False
        latest = real_now + ASTRAY
        if self._rate:
            oldest = real_now - timedelta(seconds=max(KEPT, 1 / self._rate))
            until, _ = _find(self._tx, SECOND, oldest)
            self._used_until = max(until, oldest) if until <= latest else real_now
        if self._daily:
            day, used = _find(self._tx, DAY, self._midnight)
            if self._midnight <= day <= latest:  # perhaps tomorrow's already, by the clock of another worker
                self._midnight, self._used_today = day, used

    @property
    def again(self) -> float | None:
        """In how many seconds more may be claimed than `left` said; None if it was not a rate that kept it back."""
        if not self._rate or not self._too_soon:
            return None
        return max(1 / self._rate - (self._now - self._used_until).total_seconds(), SHORTEST)

    def left(self, most: int, *, found: int, lessons: bool) -> int:
        """Return how many more messages may be claimed, up to `most` in all, when so many were found already."""
        if self._daily:
            keep = int(self._daily * FOR_NOTICES) if lessons else 0
            most = min(most, self._daily - keep - self._used_today)
        more = max(most - found, 0)
        if self._rate:
            by_now = int((self._now - self._used_until).total_seconds() * self._rate + 1e-6) - found
            self._too_soon |= by_now < more
            more = min(more, max(by_now, 0))
        return more

    def use(self, count: int) -> None:
        """Take note that so many were claimed."""
        if self._rate:
            self._used_until += timedelta(seconds=count / self._rate)
            _note(self._tx, SECOND, self._used_until, 0)
        if self._daily:
            self._used_today += count
            _note(self._tx, DAY, self._midnight, self._used_today)


class Slot(NamedTuple):
    """A place among those of an hour that is free; whatever takes it leaves at `leaves`."""

    name: str
    hour: datetime
    used: int
    leaves: datetime


def free(tx: Connection, name: str, most: int, now: datetime, *, over: bool = False) -> Slot | None:
    """Return the next free place, with so many of them at most in an hour; nobody else is given it meanwhile.

    None: all places of a day are taken; with `over` the last hour gives one more all the same. In course time, for
    that is what answers are owed in.
    """
    hour = now.replace(minute=0, second=0, microsecond=0)
    at, used = _find(tx, name, hour)
    if not hour <= at <= hour + LATEST:  # it has passed, or the clock went back
        at, used = hour, 0
    if used >= most and at + HOUR <= hour + LATEST:
        at, used = at + HOUR, 0
    return Slot(name, at, used, max(now, at)) if used < most or over else None


def take(tx: Connection, slot: Slot) -> None:
    """Use this place up: something is owed that leaves then."""
    _note(tx, slot.name, slot.hour, slot.used + 1)


def _find(tx: Connection, name: str, at: datetime) -> tuple[datetime, int]:
    insert_new(tx, rates, [{"name": name, "at": at, "used": 0}])
    found = tx.execute(select(rates.c.at, rates.c.used).where(rates.c.name == name).with_for_update()).one()
    return found.at, found.used


def _note(tx: Connection, name: str, at: datetime, used: int) -> None:
    tx.execute(update(rates).where(rates.c.name == name).values(at=at, used=used))
