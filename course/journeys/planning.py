"""In charge of turning what is due into what is owed: each due enrolment gets its next lesson's delivery."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from course.content.courses import lesson_name
from course.journeys import enrolments as rounds
from course.journeys import finishing, people, silence
from course.journeys.service import Service
from course.store.database import insert_many
from course.store.sets import by_index, one_of
from course.store.states import DeliveryKind, DeliveryStatus, EnrolmentStatus
from course.store.tables import Moment, deliveries, enrolments

AT_ONCE = 1_000  # rows per transaction, so that no writer waits long
WAKE = 100  # people per transaction: each takes some statements
DUE = (
    select(
        enrolments.c.id,
        enrolments.c.subscriber_id,
        enrolments.c.course,
        enrolments.c.next_day,
        enrolments.c.next_send_at,
    )
    .where(
        enrolments.c.status == EnrolmentStatus.ACTIVE,
        enrolments.c.next_send_at <= bindparam("now", type_=Moment),
        one_of(enrolments.c.course, "courses"),
    )
    .order_by(enrolments.c.next_send_at)
)
ANY, SOME = DUE.limit(1), DUE.limit(AT_ONCE).with_for_update(skip_locked=True)
PLANNED = update(enrolments).where(one_of(enrolments.c.id, "ids")).values(next_send_at=None)


def plan(service: Service, now: datetime) -> None:
    """End every pause that is over, tell the quiet, and queue every lesson that is due."""
    _wake(service, now)
    silence.tell(service, now)
    due = {"now": now, "courses": service.catalogue.courses}
    with service.store.reading() as tx:
        by_index(tx)
        if tx.execute(ANY, due).first() is None:
            return  # the usual tick: it looked, and took no lock
    planned = AT_ONCE
    while planned == AT_ONCE:
        with service.store.transaction() as tx:
            by_index(tx)
            planned = _plan_some(tx, service, due, now)


def _wake(service: Service, now: datetime) -> None:
    """Resume everybody whose pause is over, as of the moment at which it ended: so no lesson comes a day late."""
    over = enrolments.c.status == EnrolmentStatus.PAUSED, enrolments.c.resume_at <= now
    # In the order of their index: in the order of ids, all enrolments would be looked through to find a few.
    ended = select(enrolments.c.id).where(*over).order_by(enrolments.c.resume_at)
    with service.store.reading() as tx:
        if tx.execute(ended.limit(1)).first() is None:
            return
    woken = WAKE
    while woken == WAKE:
        with service.store.transaction() as tx:
            ids = tx.execute(ended.limit(WAKE)).scalars().all()
            found = people.find(tx, one_of(enrolments.c.id, ids)) if ids else []
            woken = sum(rounds.resume(tx, service, person, person.resume_at or now) for person in found)


def _plan_some(tx: Connection, service: Service, due: Mapping[str, Any], now: datetime) -> int:
    """Queue what is due, in a few statements however much it is: every lesson goes through here."""
    found = tx.execute(SOME, due).all()
    rows, over = list[dict[str, Any]](), list[int]()
    for row in found:
        if service.catalogue.courses[row.course].has(row.next_day):
            rows.append(_lesson(row))
        else:
            over.append(row.id)  # the course was made shorter
    if insert_many(tx, deliveries, rows) < len(rows):
        _queue_again(tx, rows)
    tx.execute(PLANNED, {"ids": [row.id for row in found]})
    if over:
        finishing.finish(tx, people.find(tx, one_of(enrolments.c.id, over)), now)
    return len(found)


def _lesson(row: Row[Any, Any, Any, Any, Any]) -> dict[str, Any]:
    return {
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


def _queue_again(tx: Connection, rows: list[dict[str, Any]]) -> None:
    """Queue again a lesson that was cancelled and is due all the same: it is the same row, so it comes once."""
    again = update(deliveries).where(
        deliveries.c.enrolment_id == bindparam("enrolment"),
        deliveries.c.name == bindparam("lesson"),
        deliveries.c.status == DeliveryStatus.CANCELLED,
    )
    again = again.values(status=DeliveryStatus.QUEUED, due_at=bindparam("due"), send_at=bindparam("due"))
    tx.execute(again, [{"enrolment": row["enrolment_id"], "lesson": row["name"], "due": row["due_at"]} for row in rows])
