"""In charge of what is owed while sending is off: what would leave, and what was probably sent already."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, case, func, select, update

from course import schedule
from course.content.courses import lesson_name
from course.journeys import planning, settling
from course.journeys.notices import mailing_name
from course.journeys.owed import CAN_BE_MADE, OWED, Owed, is_lesson, rows
from course.journeys.service import Service
from course.store.states import GOING_ON, DeliveryKind, DeliveryStatus, sources
from course.store.tables import deliveries, enrolments

AT_ONCE = 1_000  # rows per transaction, so that no writer waits long
ABANDONED = timedelta(minutes=15)  # real time after which a claim's worker must be dead
AS_SENT = "treated as sent, by course sending resume"


@dataclass(frozen=True)
class Waiting:
    """How much of one mailing is due, since when (course time), and how many were due before the moment asked about."""

    course: str
    name: str
    count: int
    first: datetime
    last: datetime
    before: int


def owed(service: Service, now: datetime, before: datetime) -> list[Waiting]:
    """Return what would leave at once or at its person's next hour, by mailing; what is due the longest first."""
    with service.store.reading() as tx:
        found = [*_queued(tx, service, now, before), *_unplanned(tx, service, now, before)]
    by_mailing: dict[tuple[str, str], list[Waiting]] = defaultdict(list)
    for one in found:
        by_mailing[one.course, one.name].append(one)
    waiting = [
        Waiting(
            course,
            name,
            sum(one.count for one in some),
            min(one.first for one in some),
            max(one.last for one in some),
            sum(one.before for one in some),
        )
        for (course, name), some in by_mailing.items()
    ]
    return sorted(waiting, key=lambda one: (one.first, one.course, one.name))


def in_doubt(service: Service) -> int:
    """Return how many messages were given away, or about to be, when the database was last written to."""
    doubtful = deliveries.c.status.in_((DeliveryStatus.SENDING, DeliveryStatus.STALLED))
    with service.store.reading() as tx:
        return int(tx.execute(select(func.count()).where(doubtful)).scalar_one())


def treat_as_sent(service: Service, before: datetime, real_now: datetime) -> int:
    """Settle every mail that was due before this moment (course time) as if it had left then; return how many.

    The calendar goes on from there: a lesson that this makes due before the moment, too, is settled the same way, up to
    the course's end. Crashing half-way is no harm; the next call does the rest.
    """
    silent = deliveries.c.status == DeliveryStatus.SENDING, deliveries.c.claimed_at <= real_now - ABANDONED
    with service.store.transaction() as tx:
        tx.execute(update(deliveries).where(*silent).values(status=DeliveryStatus.STALLED, claimed_at=real_now))
    query = OWED.where(
        deliveries.c.status.in_(sources(DeliveryStatus.UNKNOWN)),
        deliveries.c.due_at < before,
        CAN_BE_MADE,
    )
    due = query.order_by(deliveries.c.due_at, deliveries.c.id).limit(AT_ONCE)
    total = 0
    while True:
        planning.plan(service, before)
        with service.store.transaction() as tx:
            some = rows(tx, due.with_for_update(of=deliveries), courses=service.catalogue.courses)
            _settle_as_sent(tx, service, some)
        if not some:
            return total
        total += len(some)


def _settle_as_sent(tx: Connection, service: Service, some: list[Owed]) -> None:
    """Write them down as sent when they were due, on that local date, and go on from there."""
    taken = _dates_taken(tx, some)
    settled, over = [], defaultdict(list)
    for row in some:
        on = row.local_date or row.due_at.astimezone(schedule.zone_of(row.timezone)).date()
        counts = is_lesson(row) and (row.local_date or (row.subscriber_id, row.course, on) not in taken)
        taken.add((row.subscriber_id, row.course, on))
        settled.append({"row": row.id, "at": row.due_at, "on": on if counts else None})
        if is_lesson(row):
            over[row.due_at].append((row, on))
    if settled:
        values = {"status": DeliveryStatus.UNKNOWN, "settled_at": bindparam("at"), "local_date": bindparam("on")}
        as_sent = update(deliveries).where(deliveries.c.id == bindparam("row")).values(error=AS_SENT, **values)
        tx.execute(as_sent, settled)
    for at, lessons in over.items():
        settling.go_on(tx, service, lessons, at)


def _dates_taken(tx: Connection, some: list[Owed]) -> set[tuple[int, str, date | None]]:
    query = select(deliveries.c.subscriber_id, deliveries.c.course, deliveries.c.local_date).where(
        deliveries.c.subscriber_id.in_({row.subscriber_id for row in some}), deliveries.c.local_date.is_not(None)
    )
    return {(row.subscriber_id, row.course, row.local_date) for row in tx.execute(query)}


def _queued(tx: Connection, service: Service, now: datetime, before: datetime) -> list[Waiting]:
    due = deliveries.c.due_at
    mailing = deliveries.c.course, deliveries.c.kind, deliveries.c.name
    query = select(*mailing, func.count(), func.min(due), func.max(due), _earlier(due, before)).where(
        deliveries.c.status == DeliveryStatus.QUEUED,
        deliveries.c.send_at <= now,
        CAN_BE_MADE,
    )
    found = tx.execute(query.group_by(*mailing), {"courses": service.catalogue.courses})
    return [Waiting(course, mailing_name(kind, name), *counts) for course, kind, name, *counts in found]


def _unplanned(tx: Connection, service: Service, now: datetime, before: datetime) -> list[Waiting]:
    due = func.coalesce(enrolments.c.next_send_at, enrolments.c.resume_at)  # a pause that is over is a lesson due
    lesson = enrolments.c.course, enrolments.c.next_day
    query = select(*lesson, func.count(), func.min(due), func.max(due), _earlier(due, before)).where(
        enrolments.c.status.in_(GOING_ON),
        due <= now,
        enrolments.c.course.in_(list(service.catalogue.courses)),
    )
    return [
        Waiting(course, mailing_name(DeliveryKind.LESSON, lesson_name(day)), *counts)
        for course, day, *counts in tx.execute(query.group_by(*lesson))
        if service.catalogue.courses[course].has(day)
    ]


def _earlier(due: Any, before: datetime) -> Any:
    return func.sum(case((due < before, 1), else_=0))
