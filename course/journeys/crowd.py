"""In charge of a crowd for a simulation: made-up people in every zone, whose first lessons fall on several dates."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import available_timezones

from sqlalchemy import Connection, func, select

from course import schedule
from course.journeys import demo
from course.journeys.service import Service
from course.store.states import DeliveryStatus, EnrolmentStatus
from course.store.tables import deliveries, enrolments

AT_ONCE = 1_000  # people per transaction, and in memory
EARLIEST, LATEST = timedelta(hours=14), timedelta(hours=12)  # before and after UTC, a date is somewhere
# Rough on purpose: millions of people who live by a zone's clock, rounded from common knowledge. Only the proportions
# count: they put the day's peaks where the world's mornings and evenings are.
MILLIONS: Mapping[str, float] = {
    "Asia/Kolkata": 1440,
    "Asia/Shanghai": 1410,
    "Asia/Karachi": 245,
    "Africa/Lagos": 230,
    "Asia/Jakarta": 220,
    "America/Sao_Paulo": 205,
    "Asia/Dhaka": 173,
    "America/New_York": 165,
    "Africa/Addis_Ababa": 130,
    "Asia/Tokyo": 123,
    "Africa/Cairo": 115,
    "America/Mexico_City": 115,
    "Asia/Manila": 115,
    "America/Chicago": 100,
    "Asia/Ho_Chi_Minh": 100,
    "Europe/Moscow": 95,
    "Asia/Tehran": 90,
    "Europe/Istanbul": 86,
    "Europe/Berlin": 84,
    "Asia/Bangkok": 71,
    "Africa/Dar_es_Salaam": 68,
    "Europe/London": 68,
    "Europe/Paris": 68,
    "Africa/Johannesburg": 63,
    "Africa/Kinshasa": 60,
    "Europe/Rome": 59,
    "Africa/Nairobi": 56,
    "America/Los_Angeles": 54,
    "Asia/Yangon": 54,
    "America/Bogota": 53,
    "Asia/Seoul": 52,
    "Africa/Khartoum": 50,
    "Africa/Lubumbashi": 50,
    "Asia/Makassar": 50,
    "Europe/Madrid": 48,
    "Africa/Algiers": 46,
    "America/Argentina/Buenos_Aires": 46,
    "Asia/Baghdad": 46,
    "Asia/Kabul": 42,
    "Africa/Casablanca": 38,
    "Europe/Kyiv": 38,
    "Asia/Riyadh": 37,
    "Europe/Warsaw": 37,
    "Asia/Tashkent": 36,
    "America/Lima": 34,
    "Asia/Kathmandu": 30,
    "America/Caracas": 29,
    "America/Toronto": 24,
    "America/Denver": 23,
    "America/Santiago": 19,
    "Asia/Almaty": 20,
    "Australia/Sydney": 16,
    "Asia/Jerusalem": 10,
    "Europe/Lisbon": 10,
    "Australia/Brisbane": 6,
    "Europe/Dublin": 5,
    "Pacific/Auckland": 5,
    "Australia/Adelaide": 2,
    "America/St_Johns": 0.5,
    "Australia/Lord_Howe": 0.5,
}
ELSEWHERE = 0.5  # millions in each other zone: about three people in a hundred, in several hundred zones
# How many of 130 people choose an hour: mornings and evenings, and somebody at every hour.
HOURS: Mapping[int, float] = dict.fromkeys(range(24), 1) | {
    5: 2,
    6: 6,
    7: 14,
    8: 28,
    9: 12,
    10: 4,
    11: 3,
    12: 4,
    13: 2,
    14: 2,
    15: 2,
    16: 2,
    17: 4,
    18: 9,
    19: 9,
    20: 10,
    21: 7,
    22: 3,
}


def everywhere() -> dict[str, float]:
    """Return every zone of the form Area/City with its share of the crowd."""
    named = sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/"))
    return {name: MILLIONS.get(name, ELSEWHERE) for name in named}


@dataclass(frozen=True)
class Crowd:
    """So many people in the first course from a local date on, for so many days.

    Their first lessons fall on as many dates as leave time for a whole course (on one, if there is no such time): of 7
    days with 5 lessons on the first three, so that a third, two thirds and then everybody has a lesson a day. `apart`
    is how many dates lie between two lessons: 7 in a weekly course.
    """

    people: int
    first: date
    days: int
    lessons: int
    zones: Mapping[str, float] = field(default_factory=everywhere)
    hours: Mapping[int, float] = field(default_factory=lambda: HOURS)
    apart: int = 1

    @property
    def starts(self) -> int:
        """On how many dates the first lessons fall."""
        return max(1, self.days - (self.lessons - 1) * self.apart)

    @property
    def last(self) -> date:
        """The last local date."""
        return self.first + timedelta(days=self.days - 1)

    @property
    def begin(self) -> datetime:
        """When the first date begins somewhere."""
        return datetime.combine(self.first, time(), UTC) - EARLIEST

    @property
    def end(self) -> datetime:
        """When the last date has ended everywhere."""
        return datetime.combine(self.last + timedelta(days=1), time(), UTC) + LATEST

    def confirmed(self, start: date) -> datetime:
        """Return when people whose first lesson falls on this date confirmed: noon, UTC, of the day before."""
        return datetime.combine(start - timedelta(days=1), time(12), UTC)

    def lessons_by(self, start: date) -> int:
        """Return how many lessons such people get until the last date."""
        return min(self.lessons, (self.last - start).days // self.apart + 1)

    @property
    def expected(self) -> int:
        """How many lessons are due in all."""
        starts = [self.first + timedelta(days=place) for place in range(self.starts)]
        each = [len(range(place, self.people, self.starts)) for place in range(self.starts)]
        return sum(count * self.lessons_by(start) for count, start in zip(each, starts, strict=True))


def make(service: Service, crowd: Crowd, *, tell: Callable[[int], object]) -> None:
    """Add the crowd, some at a time; the same crowd every time. `tell` hears how many were added."""
    dice = random.Random(demo.SEED)  # noqa: S311 (made-up people need no secrets)
    for done in range(0, crowd.people, AT_ONCE):
        count = min(AT_ONCE, crowd.people - done)
        with service.store.transaction() as tx:
            _some(tx, service, dice, crowd, done, count)
        tell(count)


def next_due(service: Service) -> datetime | None:
    """Return when something is next to be done for somebody: a lesson to plan, or a queued mail to send."""
    planned = select(func.min(enrolments.c.next_send_at)).where(enrolments.c.status == EnrolmentStatus.ACTIVE)
    queued = select(func.min(deliveries.c.send_at)).where(deliveries.c.status == DeliveryStatus.QUEUED)
    with service.store.reading() as tx:
        moments = [tx.execute(query).scalar() for query in (planned, queued)]
    return min((moment for moment in moments if moment is not None), default=None)


def _some(tx: Connection, service: Service, dice: random.Random, crowd: Crowd, done: int, count: int) -> None:
    course = service.catalogue.first
    zones = dice.choices(list(crowd.zones), list(crowd.zones.values()), k=count)
    hours = dice.choices(list(crowd.hours), list(crowd.hours.values()), k=count)
    starts = [crowd.first + timedelta(days=(done + place) % crowd.starts) for place in range(count)]
    people = [
        {
            "email": f"person.{done + place + 1}@{demo.DOMAIN}",
            "email_key": f"person.{done + place + 1}@{demo.DOMAIN}",
            "name": dice.choice(("", *demo.NAMES)),
            "locale": dice.choice(course.locales),
            "timezone": zone,
            "send_hour": hour,
            "created_at": crowd.confirmed(start),
        }
        for place, (zone, hour, start) in enumerate(zip(zones, hours, starts, strict=True))
    ]

    def day_1(subscriber_id: int, person: Mapping[str, Any]) -> datetime | None:
        zone, start = schedule.zone_of(person["timezone"]), person["created_at"].date() + timedelta(days=1)
        return schedule.at_hour(start, person["send_hour"], zone, minute=service.minute(subscriber_id))

    demo.enrol(tx, course, people, day_1)
