"""In charge of counts: how many people stand where, what was sent and done, and whether the service is well."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Table, func, select

from course.content.courses import lesson_name
from course.journeys import breaker, facts, held, switch, trials
from course.journeys.service import Service
from course.journeys.signup import CONFIRMED
from course.store.database import Store
from course.store.states import GOING_ON, LEFT, MAY_LEAVE, DeliveryKind, DeliveryStatus, EnrolmentStatus, PastFact
from course.store.tables import completions, deliveries, delivery_counts, enrolments, history, past_counts

LATE = timedelta(minutes=15)  # real time: a tick is due every second, but a mail server may be waited for
TOLD = (*MAY_LEAVE, DeliveryStatus.FAILED)  # by status()


def stats(service: Service) -> dict[str, Any]:
    """Return, by course: enrolments by status, lessons sent and completed by day, and what led people here (?ref=).

    Numbers only, nobody's name. What led people here is counted of those whose storage has not ended.
    """
    with service.store.reading() as tx:
        standing = _by(tx, enrolments, enrolments.c.status)
        lessons = deliveries.c.kind == DeliveryKind.LESSON, deliveries.c.status.in_(LEFT)
        sent = _by(tx, deliveries, deliveries.c.name, *lessons)
        folded = _folded(tx, delivery_counts.c.kind == DeliveryKind.LESSON, delivery_counts.c.status.in_(LEFT))
        done = tx.execute(
            select(enrolments.c.course, completions.c.day, func.count())
            .join_from(completions, enrolments)
            .group_by(enrolments.c.course, completions.c.day)
        ).all()
        came = tx.execute(
            select(enrolments.c.course, history.c.detail, func.count())
            .join_from(history, enrolments)
            .where(history.c.event == CONFIRMED, history.c.detail != "")
            .group_by(enrolments.c.course, history.c.detail)
            .order_by(func.count().desc(), history.c.detail)
        ).all()
        past = _past(tx)
    completed = {(course, day): count for course, day, count in done}
    return {
        "courses": {
            name: {
                "enrolments": {
                    str(status): standing.get((name, status), 0) + past.get((name, status, 0), 0)
                    for status in EnrolmentStatus
                },
                "sent": {
                    str(day): sent.get((name, lesson_name(day)), 0) + folded.get((name, lesson_name(day)), 0)
                    for day in range(1, course.days + 1)
                },
                "completed": {
                    str(day): completed.get((name, day), 0) + past.get((name, PastFact.COMPLETED, day), 0)
                    for day in range(1, course.days + 1)
                },
                "came_from": {ref: count for of, ref, count in came if of == name},
            }
            for name, course in service.catalogue.courses.items()
        }
    }


def status(service: Service, now: datetime) -> dict[str, Any]:
    """Return what whoever looks after the service needs to know at a glance."""
    with service.store.reading() as tx:
        stopped = breaker.why(tx, service)
        off = switch.look(tx)
        _, ticked = facts.recall(tx, facts.TICK)
        batches = trials.standing(tx, service.settings)
        refused = list(held.present(tx, service))
        waiting = tx.execute(
            select(deliveries.c.status, func.count()).where(deliveries.c.status.in_(TOLD)).group_by(deliveries.c.status)
        ).all()
        overdue = tx.execute(
            select(func.count()).where(deliveries.c.status == DeliveryStatus.QUEUED, deliveries.c.send_at <= now)
        ).scalar_one()
    return {
        "last_tick": ticked.isoformat() if ticked else None,
        "deliveries": {str(row[0]): row[1] for row in waiting},
        "due_now": overdue,
        "sending_stopped": stopped,
        "batches": batches,
        "sending_off": {"why": off.why, "because": off.because, "since": off.since.isoformat()} if off else None,
        "courses_gone": gone(service.store, service.catalogue.courses),
        "held_mailings": [f"{row.course} {row.name} {row.locale}: {row.held_reason}" for row in refused],
    }


def gone(store: Store, names: Collection[str]) -> list[str]:
    """Return a sentence for each course that people are in and whose folder is gone; `names` are the folders there."""
    in_it = enrolments.c.status.in_(GOING_ON)
    with store.reading() as tx:
        found = tx.execute(select(enrolments.c.course, func.count()).where(in_it).group_by(enrolments.c.course)).all()
    return [
        f"{count} {'person is' if count == 1 else 'people are'} in the course {name}, whose folder is gone: put it "
        f"back as courses/{name}; until then none of its letters leaves"
        for name, count in sorted(found)
        if name not in names
    ]


def health(service: Service, real_now: datetime) -> dict[str, Any]:
    """Return whether the database answers, the clock ticks and mail can leave; no detail that a stranger could use."""
    with service.store.reading() as tx:
        stopped = breaker.why(tx, service)
        off = switch.look(tx)
        _, ticked = facts.recall(tx, facts.TICK)
    ticking = ticked is not None and abs(real_now - ticked) < LATE
    leaving = not stopped and off is None
    told = {"see": "course sending"} if off else {}
    return {"ok": ticking and leaving, "database": True, "clock": ticking, "sending": leaving, **told}


def _by(tx: Connection, table: Table, column: Any, *conditions: Any) -> dict[tuple[str, Any], int]:
    query = select(table.c.course, column, func.count()).where(*conditions).group_by(table.c.course, column)
    return {(course, value): count for course, value, count in tx.execute(query)}


def _folded(tx: Connection, *conditions: Any) -> dict[tuple[str, str], int]:
    """Return the counts that deliveries of long ago have become, by course and mailing."""
    which = delivery_counts.c.course, delivery_counts.c.name
    query = select(*which, func.sum(delivery_counts.c.number)).where(*conditions).group_by(*which)
    return {(course, name): int(number) for course, name, number in tx.execute(query)}


def _past(tx: Connection) -> dict[tuple[str, str, int], int]:
    """Return what is left of people whose storage has ended, by course, fact and day; a whole round is of day 0."""
    which = past_counts.c.course, past_counts.c.fact, past_counts.c.day
    query = select(*which, func.sum(past_counts.c.number)).group_by(*which)
    return {(course, fact, day): int(number) for course, fact, day, number in tx.execute(query)}
