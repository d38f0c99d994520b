"""In charge of believable people, for trying things out: confirmed, active, at all hours and in all zones."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, insert, select

from course import schedule
from course.content.courses import Course
from course.journeys.service import Service
from course.store.states import EnrolmentStatus
from course.store.tables import enrolments, subscribers

AT_ONCE = 1_000
SEED = 20_270_314  # the same people every time
# Reserved for documentation (RFC 2606): no mail of theirs ever reaches anybody.
DOMAIN = "people.example"
NAMES = (
    "Ada",
    "Amara",
    "Ben",
    "Chiara",
    "Dilan",
    "Esi",
    "Farah",
    "Goran",
    "Hana",
    "Ines",
    "Jun",
    "Kofi",
    "Lena",
    "Mateo",
)
# Zone and share, about as a course in English is read.
ZONES = {
    "Europe/London": 30,
    "America/New_York": 18,
    "America/Chicago": 9,
    "America/Los_Angeles": 9,
    "Australia/Sydney": 7,
    "Europe/Berlin": 6,
    "Asia/Kolkata": 6,
    "Europe/Dublin": 5,
    "America/Toronto": 4,
    "Africa/Johannesburg": 3,
    "Pacific/Auckland": 2,
    "Asia/Kathmandu": 1,
}
HOURS = {6: 8, 7: 18, 8: 34, 9: 14, 12: 6, 18: 8, 20: 8, 21: 4}


class RealPeopleError(Exception):
    """The database holds people who are not made up."""


def make(
    service: Service,
    people: int,
    now: datetime,
    *,
    due: bool,
    force: bool = False,
    tell: Callable[[int], object] = lambda _: None,
) -> None:
    """Add so many confirmed people with active enrolments; with `due` all of them are owed a lesson now.

    `tell` hears how many were added, each time that some were.
    Raises RealPeopleError, unless forced, when somebody in the database is not made up.
    """
    with service.store.transaction() as tx:
        real = tx.execute(select(func.count()).where(subscribers.c.email.not_like(f"%@{DOMAIN}"))).scalar_one()
        if real and not force:
            raise RealPeopleError(
                f"This database holds {real} people who are not made up; --force adds to them anyway."
            )
        begun = tx.execute(select(func.coalesce(func.max(subscribers.c.id), 0))).scalar_one()
    dice = random.Random(SEED + begun)  # noqa: S311 (made-up people need no secrets)
    for start in range(0, people, AT_ONCE):
        with service.store.transaction() as tx:
            _some(tx, service, dice, begun + start, min(AT_ONCE, people - start), now, due=due)
        tell(min(AT_ONCE, people - start))


def _some(
    tx: Connection, service: Service, dice: random.Random, first: int, count: int, now: datetime, *, due: bool
) -> None:
    course = service.catalogue.first
    zones = dice.choices(list(ZONES), list(ZONES.values()), k=count)
    hours = dice.choices(list(HOURS), list(HOURS.values()), k=count)
    rows = []
    for place, (zone, hour) in enumerate(zip(zones, hours, strict=True)):
        name = dice.choice(NAMES)
        email = f"{name.lower()}.{first + place + 1}@{DOMAIN}"
        joined = now - timedelta(days=dice.uniform(1, 20))
        rows.append(
            {
                "email": email,
                "email_key": email,
                "name": name if dice.random() < 0.8 else "",  # noqa: PLR2004 (some leave it empty)
                "locale": "en-US" if zone.startswith("America/") and "en-US" in course.locales else course.locales[0],
                "timezone": zone,
                "send_hour": hour,
                "created_at": joined,
            }
        )

    def day_1(subscriber_id: int, person: Mapping[str, Any]) -> datetime:
        zone, minute = schedule.zone_of(person["timezone"]), service.minute(subscriber_id)
        return now if due else schedule.next_hour(now, person["send_hour"], zone, minute=minute)

    enrol(tx, course, rows, day_1)


def enrol(
    tx: Connection,
    course: Course,
    people: Sequence[Mapping[str, Any]],
    day_1: Callable[[int, Mapping[str, Any]], datetime | None],
) -> None:
    """Add these people, confirmed when they were created, each with an active enrolment whose `day_1` is due then."""
    added = insert(subscribers).returning(subscribers.c.id, sort_by_parameter_order=True)
    ids = tx.execute(added, list(people)).scalars()
    tx.execute(
        insert(enrolments),
        [
            {
                "subscriber_id": subscriber,
                "course": course.name,
                "status": EnrolmentStatus.ACTIVE,
                "pace": course.pace,
                "next_day": 1,
                "next_send_at": day_1(subscriber, person),
                "created_at": person["created_at"],
                "confirmed_at": person["created_at"],
            }
            for subscriber, person in zip(ids, people, strict=True)
        ],
    )
