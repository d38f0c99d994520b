"""In charge of counts: how many people stand where, what was sent and done, and whether the service is well."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Table, func, insert, select, update

from course.journeys.service import Service
from course.settings import SettingsError
from course.store.states import DeliveryStatus, EnrolmentStatus
from course.store.tables import completions, deliveries, enrolments, facts, mailings

LATE = timedelta(minutes=10)  # real time: a tick is due every second


def stats(service: Service) -> dict[str, Any]:
    """Return, by course: enrolments by status, lessons sent and completed by day. Numbers only, nobody's name."""
    with service.store.reading() as tx:
        standing = _by(tx, enrolments, enrolments.c.status)
        left = (DeliveryStatus.SENT, DeliveryStatus.BOUNCED, DeliveryStatus.UNKNOWN)
        sent = _by(tx, deliveries, deliveries.c.day, deliveries.c.kind == "lesson", deliveries.c.status.in_(left))
        done = tx.execute(
            select(enrolments.c.course, completions.c.day, func.count())
            .join_from(completions, enrolments)
            .group_by(enrolments.c.course, completions.c.day)
        ).all()
    completed = {(course, day): count for course, day, count in done}
    return {
        "courses": {
            name: {
                "enrolments": {str(status): standing.get((name, status), 0) for status in EnrolmentStatus},
                "sent": {str(day): sent.get((name, day), 0) for day in range(1, course.days + 1)},
                "completed": {str(day): completed.get((name, day), 0) for day in range(1, course.days + 1)},
            }
            for name, course in service.catalogue.courses.items()
        }
    }


def status(service: Service, now: datetime) -> dict[str, Any]:
    """Return what whoever looks after the service needs to know at a glance."""
    with service.store.reading() as tx:
        known = {row.name: (row.value, row.at) for row in tx.execute(select(facts))}
        held = tx.execute(select(mailings).where(mailings.c.held_reason.is_not(None))).all()
        waiting = tx.execute(
            select(deliveries.c.status, func.count())
            .where(deliveries.c.status.in_(("queued", "sending", "stalled", "failed")))
            .group_by(deliveries.c.status)
        ).all()
        overdue = tx.execute(
            select(func.count()).where(deliveries.c.status == DeliveryStatus.QUEUED, deliveries.c.send_at <= now)
        ).scalar_one()
    breaker, ticked = known.get("breaker", ("", None)), known.get("last_tick", ("", None))
    return {
        "last_tick": ticked[1].isoformat() if ticked[1] else None,
        "deliveries": {str(row[0]): row[1] for row in waiting},
        "due_now": overdue,
        "sending_stopped": breaker[0],
        "held_mailings": [f"{row.course} {row.name} {row.locale}: {row.held_reason}" for row in held],
    }


def health(service: Service, real_now: datetime) -> dict[str, Any]:
    """Return whether the database answers, the clock ticks and mail can leave; no detail that a stranger could use."""
    with service.store.reading() as tx:
        known = {row.name: (row.value, row.at) for row in tx.execute(select(facts))}
    ticked = known.get("last_tick")
    ticking = ticked is not None and real_now - ticked[1] < LATE
    sending = not known.get("breaker", ("", None))[0]
    return {"ok": ticking and sending, "database": True, "clock": ticking, "sending": sending}


def remember(tx: Connection, name: str, value: str, real_now: datetime) -> None:
    """Write down a fact about the service itself."""
    changed = tx.execute(update(facts).where(facts.c.name == name).values(value=value, at=real_now))
    if not changed.rowcount:
        tx.execute(insert(facts).values(name=name, value=value, at=real_now))


def fact(tx: Connection, name: str) -> str:
    """Return a fact, or ""."""
    return tx.execute(select(facts.c.value).where(facts.c.name == name)).scalar() or ""


def _by(tx: Connection, table: Table, column: Any, *conditions: Any) -> dict[tuple[str, Any], int]:
    query = select(table.c.course, column, func.count()).where(*conditions).group_by(table.c.course, column)
    return {(course, value): count for course, value, count in tx.execute(query)}


def check_keys(service: Service, real_now: datetime) -> None:
    """Raise SettingsError when SECRET_KEY is not the one this database was made with.

    Every link that was ever mailed and every suppressed address depends on it; a start with another key would quietly
    forget them all.
    """
    mark = service.keys.hash("key check", "")
    with service.store.transaction() as tx:
        known = fact(tx, "key_check")
        if not known:
            remember(tx, "key_check", mark, real_now)
        elif known != mark:
            raise SettingsError(
                "SECRET_KEY: the database was made with another one. Put the old key back, as the last one of the "
                "list (newest first, parted by commas)"
            )
