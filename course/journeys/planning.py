"""In charge of turning what is due into what is owed: each due enrolment gets its next lesson's delivery."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, select, update

from course.content.courses import lesson_name
from course.journeys import enrolments as rounds
from course.journeys import people, silence
from course.journeys.service import Service
from course.store.database import insert_new
from course.store.sets import by_index
from course.store.states import DeliveryKind, DeliveryStatus, EnrolmentStatus
from course.store.tables import deliveries, enrolments

AT_ONCE = 1_000  # rows per transaction, so that no writer waits long


def plan(service: Service, now: datetime) -> int:
    """End every pause that is over, tell the quiet, and queue every lesson that is due.

    Return how many enrolments were looked at for their lesson.
    """
    _wake(service, now)
    silence.tell(service, now)
    due = _due(service, now)
    with service.store.reading() as tx:
        by_index(tx)
        if tx.execute(due.limit(1)).first() is None:
            return 0  # the usual tick: it looked, and took no lock
    total = 0
    while True:
        with service.store.transaction() as tx:
            by_index(tx)
            planned = _plan_some(tx, service, due, now)
        total += planned
        if planned < AT_ONCE:
            return total


def _wake(service: Service, now: datetime) -> None:
    """Resume whoever's pause is over, at the moment at which it was: their lesson is due then, and not a day later."""
    over = enrolments.c.status == EnrolmentStatus.PAUSED, enrolments.c.resume_at <= now
    # In the order of their index: by their ids, the newest first, all enrolments would be looked through for a few.
    ended = select(enrolments.c.id).where(*over).order_by(enrolments.c.resume_at)
    with service.store.reading() as tx:
        if tx.execute(ended.limit(1)).first() is None:
            return
    woken = AT_ONCE
    while woken == AT_ONCE:
        with service.store.transaction() as tx:
            ids = tx.execute(ended.limit(AT_ONCE)).scalars().all()
            found = people.find(tx, enrolments.c.id.in_(ids)) if ids else []
            woken = sum(rounds.resume(tx, service, person, person.resume_at or now) for person in found)


def _due(service: Service, now: datetime) -> Select[Any]:
    return (
        select(
            enrolments.c.id,
            enrolments.c.subscriber_id,
            enrolments.c.course,
            enrolments.c.next_day,
            enrolments.c.next_send_at,
        )
        .where(
            enrolments.c.status == EnrolmentStatus.ACTIVE,
            enrolments.c.next_send_at <= now,
            enrolments.c.course.in_(list(service.catalogue.courses)),
        )
        .order_by(enrolments.c.next_send_at)
    )


def _plan_some(tx: Connection, service: Service, due: Select[Any], now: datetime) -> int:
    found = tx.execute(due.limit(AT_ONCE).with_for_update(skip_locked=True)).all()
    rows = [
        {
            "subscriber_id": row.subscriber_id,
            "enrolment_id": row.id,
            "course": row.course,
            "kind": DeliveryKind.LESSON,
            "name": lesson_name(row.next_day),
            "day": row.next_day,
            "status": DeliveryStatus.QUEUED,
            "due_at": row.next_send_at,
            "send_at": row.next_send_at,
        }
        for row in found
        if service.catalogue.courses[row.course].has(row.next_day)
    ]
    if insert_new(tx, deliveries, rows) < len(rows):
        _queue_again(tx, rows)
    ids = [row.id for row in found]
    tx.execute(update(enrolments).where(enrolments.c.id.in_(ids)).values(next_send_at=None))
    for row in found:
        if not service.catalogue.courses[row.course].has(row.next_day):  # the course was made shorter
            for person in people.find(tx, enrolments.c.id == row.id):
                rounds.finish(tx, person, now)
    return len(found)


def _queue_again(tx: Connection, rows: list[dict[str, Any]]) -> None:
    """Owe a lesson again that was cancelled and is due all the same: it is the same row, so it comes once."""
    again = update(deliveries).where(
        deliveries.c.enrolment_id == bindparam("enrolment"),
        deliveries.c.name == bindparam("lesson"),
        deliveries.c.status == DeliveryStatus.CANCELLED,
    )
    again = again.values(status=DeliveryStatus.QUEUED, due_at=bindparam("due"), send_at=bindparam("due"))
    tx.execute(again, [{"enrolment": row["enrolment_id"], "lesson": row["name"], "due": row["due_at"]} for row in rows])
