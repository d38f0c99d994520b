"""In charge of the breaker: when nothing can leave (bad key, no credit), sending rests, and everybody is told once.

Its state is a fact in the database, so all workers and `course status` see the same.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from course.journeys import facts
from course.journeys.sending import Tally
from course.journeys.service import Service

REST = timedelta(minutes=5)  # real time until the next try
NAME = "breaker"
log = structlog.get_logger()


def is_open(service: Service, real_now: datetime) -> bool:
    """Whether sending rests at this moment."""
    with service.store.reading() as tx:
        why, since = facts.recall(tx, NAME)
    return bool(why) and since is not None and real_now - since < REST


def note(service: Service, tally: Tally, real_now: datetime) -> None:
    """Open it when a shift was halted; close it when something left again."""
    if not tally.halt and not tally.sent:
        return
    with service.store.reading() as tx:
        before, _ = facts.recall(tx, NAME)
    if tally.halt and not before:
        log.error("sending is stopped; nobody's course is changed by it", why=tally.halt)
    if before and not tally.halt:
        log.warning("sending goes on")
    if tally.halt or before:
        with service.store.transaction() as tx:
            facts.remember(tx, NAME, tally.halt, real_now)
