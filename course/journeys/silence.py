"""In charge of silence: whoever sets their own pace hears once that nothing is due, and later that the course rests."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select, update

from course import schedule
from course.journeys import enrolments as rounds
from course.journeys import notices, people
from course.journeys.pacing import QUIET, QUIET_DAYS
from course.journeys.people import Person
from course.journeys.service import Service
from course.store.database import insert_new
from course.store.sets import table_of
from course.store.tables import deliveries, enrolments

RESTING = "resting"  # the second note: the course rests
WHY = "two quiet weeks"  # for the history
AT_ONCE = 1_000  # rows per transaction, so that no writer waits long


def tell(service: Service, now: datetime) -> None:
    """Tell whoever has been quiet for so long: first that nothing is due, then that the course rests from now on.

    Each once while the same lesson waits, at their hour, at least a week of their dates apart, however late the first.
    """
    over = enrolments.c.note_at <= now, enrolments.c.course.in_(list(service.catalogue.courses))
    with service.store.reading() as tx:
        if tx.execute(select(enrolments.c.id).where(*over).limit(1)).first() is None:
            return
    due = select(enrolments.c.id).where(*over).order_by(enrolments.c.note_at).limit(AT_ONCE)
    told = AT_ONCE
    while told == AT_ONCE:
        with service.store.transaction() as tx:
            # Locked before anything is read of them: of two workers only one tells them.
            ids = tx.execute(due.with_for_update(skip_locked=True)).scalars().all()
            _tell_some(tx, people.find(tx, enrolments.c.id.in_(ids)) if ids else [], now)
        told = len(ids)


def _tell_some(tx: Connection, some: list[Person], now: datetime) -> None:
    theirs = deliveries.c.enrolment_id.in_([person.id for person in some]), deliveries.c.name.startswith(f"{QUIET}-")
    notes = {tuple(row) for row in tx.execute(select(deliveries.c.enrolment_id, deliveries.c.name).where(*theirs))}
    heard, first = list[Person](), list[Person]()
    for person in some:
        (heard if (person.id, f"{QUIET}-{person.next_day}") in notes else first).append(person)
    _say_nothing_is_due(tx, first, now)
    for person in heard:
        if rounds.pause(tx, person, now, why=WHY):
            notices.owe(tx, person, RESTING, _leaves(person, now), once=f"{person.next_day}")


def _say_nothing_is_due(tx: Connection, some: list[Person], now: datetime) -> None:
    if not some:
        return
    owed = [notices.row(person, QUIET, _leaves(person, now), once=f"{person.next_day}") for person in some]
    insert_new(tx, deliveries, owed)
    again = [
        (person.id, schedule.quiet_until(_leaves(person, now), QUIET_DAYS, person.send_hour, person.zone))
        for person in some
    ]
    next_of = table_of(tx.dialect.name, "again", enrolments.c.id, enrolments.c.note_at)
    later = update(enrolments).where(enrolments.c.id == next_of.c.id).values(note_at=next_of.c.note_at)
    tx.execute(later, {"again": again})


def _leaves(person: Person, now: datetime) -> datetime:
    """Return when a note leaves: now, or after an outage at their next hour; never in the night."""
    return schedule.departure(person.note_at or now, now, person.send_hour, person.zone)
