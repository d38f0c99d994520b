"""In charge of turning what is due into what is owed: each due enrolment gets its next lesson's delivery."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, select, update

from course.content.courses import lesson_name
from course.journeys.service import Service
from course.store.database import insert_new
from course.store.states import DeliveryKind, DeliveryStatus, EnrolmentStatus
from course.store.tables import deliveries, enrolments

AT_ONCE = 1_000  # rows per transaction, so that no writer waits long


def plan(service: Service, now: datetime) -> int:
    """Queue every lesson that is due by now; return how many enrolments were looked at."""
    due = _due(service, now)
    with service.store.reading() as tx:
        if tx.execute(due.limit(1)).first() is None:
            return 0  # the usual tick: it looked, and took no lock
    total = 0
    while True:
        with service.store.transaction() as tx:
            planned = _plan_some(tx, service, due)
        total += planned
        if planned < AT_ONCE:
            return total


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


def _plan_some(tx: Connection, service: Service, due: Select[Any]) -> int:
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
    # A row that is there already (a resend by hand, a crash between two steps) is what is owed; it stays.
    insert_new(tx, deliveries, rows)
    ids = [row.id for row in found]
    tx.execute(update(enrolments).where(enrolments.c.id.in_(ids)).values(next_send_at=None))
    return len(found)
