"""In charge of judging a simulation by its rows: one lesson per person and local date, none missing, how late each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import groupby
from math import ceil
from typing import Any

from sqlalchemy import func, select

from course import schedule
from course.journeys.crowd import Crowd
from course.journeys.service import Service
from course.store.states import DeliveryKind, DeliveryStatus
from course.store.tables import deliveries, enrolments, subscribers

AT_ONCE = 5_000  # people in memory
SHOWN = 10  # people whose days are told when they are wrong


@dataclass
class Verdict:
    """`late` counts lessons by whole seconds between the minute when they were due and when they were settled.

    Settled is a moment after they were handed over, so a lesson was never later than this says.
    """

    lessons: int = 0
    missing: int = 0
    doubled: int = 0
    amiss: int = 0  # lessons out of their order, on another date, before their minute, or not sent
    zones: set[str] = field(default_factory=set)
    late: Counter[int] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    @property
    def kept(self) -> bool:
        """Whether everybody got each lesson once, on its date and not before its minute."""
        return not (self.missing or self.doubled or self.amiss)

    def percentile(self, share: float) -> int:
        """Return by how many seconds at most this share of all lessons was late."""
        wanted, so_far = share * self.lessons, 0
        for seconds in sorted(self.late):
            so_far += self.late[seconds]
            if so_far >= wanted:
                return seconds
        return 0

    def later_than(self, seconds: int) -> int:
        """Return how many lessons were later than this."""
        return sum(count for late, count in self.late.items() if late > seconds)


def judge(service: Service, crowd: Crowd) -> Verdict:
    """Look at every person's lessons, some people at a time."""
    verdict = Verdict()
    for somebody, rows in _by_person(service):
        _judge_one(verdict, service, crowd, somebody, rows)
    return verdict


def _by_person(service: Service) -> Iterator[tuple[Any, list[Any]]]:
    """Yield each person with the rows of their lessons, in the order of their days."""
    of_whom = subscribers.c.timezone, subscribers.c.send_hour
    people = select(enrolments.c.id, enrolments.c.subscriber_id, enrolments.c.confirmed_at, *of_whom).join(subscribers)
    with service.store.reading() as tx:
        last = tx.execute(select(func.coalesce(func.max(enrolments.c.id), 0))).scalar_one()
    lessons = select(
        deliveries.c.enrolment_id,
        deliveries.c.day,
        deliveries.c.local_date,
        deliveries.c.status,
        deliveries.c.settled_at,
    ).where(deliveries.c.kind == DeliveryKind.LESSON)
    for after in range(0, last, AT_ONCE):
        with service.store.reading() as tx:
            some = tx.execute(people.where(enrolments.c.id > after, enrolments.c.id <= after + AT_ONCE)).all()
            theirs = deliveries.c.enrolment_id > after, deliveries.c.enrolment_id <= after + AT_ONCE
            rows = tx.execute(lessons.where(*theirs).order_by(deliveries.c.enrolment_id, deliveries.c.day)).all()
        found = {key: list(group) for key, group in groupby(rows, lambda row: row.enrolment_id)}
        for one in some:
            yield one, found.get(one.id, [])


def _judge_one(verdict: Verdict, service: Service, crowd: Crowd, somebody: Any, rows: list[Any]) -> None:
    start = somebody.confirmed_at.date() + timedelta(days=1)
    wanted = [(day + 1, start + timedelta(days=day * crowd.apart)) for day in range(crowd.lessons_by(start))]
    got = [row for row in rows if row.local_date is not None and row.local_date <= crowd.last]
    dates = [row.local_date for row in got]
    verdict.zones.add(somebody.timezone)
    verdict.lessons += len(got)
    missing = max(0, len(wanted) - len(got))
    doubled = len(dates) - len(set(dates))
    amiss = 0
    for (day, when), row in zip(wanted, got, strict=False):
        late = _late(service, somebody, when, row.settled_at)
        amiss += (row.day, row.local_date, row.status) != (day, when, DeliveryStatus.SENT) or late < 0
        verdict.late[ceil(late)] += 1
    amiss += max(0, len(got) - len(wanted))
    verdict.missing += missing
    verdict.doubled += doubled
    verdict.amiss += amiss
    if (missing or doubled or amiss) and len(verdict.examples) < SHOWN:
        days = ", ".join(f"day {row.day} {row.status} {row.local_date} (settled {row.settled_at})" for row in rows)
        verdict.examples.append(
            f"enrolment {somebody.id}, {somebody.timezone} at {somebody.send_hour}, from {start}: {days or 'nothing'}"
        )


def _late(service: Service, somebody: Any, when: date, settled_at: datetime | None) -> float:
    """Return the seconds from this person's minute of this date to when the lesson was settled."""
    zone, minute = schedule.zone_of(somebody.timezone), service.minute(somebody.subscriber_id)
    due = schedule.at_hour(when, somebody.send_hour, zone, minute=minute)
    return (settled_at - due).total_seconds() if settled_at and due else 0.0
