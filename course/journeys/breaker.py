"""In charge of the breaker: when nothing can leave (bad key, no credit), sending rests, and everybody is told once.

It also rests, and nobody is told, for as long as the other side asks us to wait. Both are facts in the database, so all
workers and `course status` see the same; each transport has its own.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from course.journeys import facts
from course.journeys.sending import Tally
from course.journeys.service import Service

REST = timedelta(minutes=5)  # real time until the next try
log = structlog.get_logger()


def why(tx: Connection, service: Service) -> str:
    """Return why nothing can leave, or ""."""
    return facts.recall(tx, _name(service))[0]


def is_open(service: Service, real_now: datetime) -> bool:
    """Whether sending rests at this moment."""
    with service.store.reading() as tx:
        known = facts.recall_all(tx, _name(service), _name(service, "wait"))
    reason, since = known.get(_name(service), ("", real_now))
    seconds, asked_at = known.get(_name(service, "wait"), ("0", real_now))
    waits = timedelta(seconds=float(seconds))
    # Counted either way: by a clock that was put back, a rest that began later would not end until then.
    return (reason != "" and abs(real_now - since) < REST) or abs(real_now - asked_at) < waits


def note(service: Service, tally: Tally, real_now: datetime) -> None:
    """Open it when a shift was halted or asked to wait; close it when something left again."""
    if tally.wait:
        log.warning("the other side asks to wait", seconds=round(tally.wait))
        with service.store.transaction() as tx:
            facts.remember(tx, _name(service, "wait"), str(tally.wait), real_now)
    if not tally.halt and not tally.sent:
        return
    with service.store.reading() as tx:
        before = why(tx, service)
    if tally.halt and not before:
        log.error("sending is stopped; nobody's course is changed by it", why=tally.halt)
    if before and not tally.halt:
        log.warning("sending goes on")
    if tally.halt or before:
        with service.store.transaction() as tx:
            facts.remember(tx, _name(service), tally.halt, real_now)


def _name(service: Service, what: str = "breaker") -> str:
    return f"{what} {service.settings.transport}"
