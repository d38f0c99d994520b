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
from course.store.states import MAY_LEAVE
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
    theirs = deliveries.c.enrolment_id.in_([person.id for person in some]), notices.named(QUIET)
    columns = deliveries.c.enrolment_id, deliveries.c.name, deliveries.c.status, deliveries.c.settled_at
    notes = {(row.enrolment_id, row.name): row for row in tx.execute(select(*columns).where(*theirs))}
    heard, first, later = list[Person](), list[Person](), list[tuple[int, datetime]]()
    for person in some:
        note = notes.get((person.id, f"{QUIET}-{person.next_day}"))
        if note is None:
            first.append(person)
        elif (comes := _second(person, note.status, note.settled_at, now)) > now:
            later.append((person.id, comes))
        else:
            heard.append(person)
    _say_nothing_is_due(tx, first, now)
    _look_again(tx, later)
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
    _look_again(tx, again)


def _look_again(tx: Connection, again: list[tuple[int, datetime]]) -> None:
    if again:
        next_of = table_of(tx.dialect.name, "again", enrolments.c.id, enrolments.c.note_at)
        later = update(enrolments).where(enrolments.c.id == next_of.c.id).values(note_at=next_of.c.note_at)
        tx.execute(later, {"again": again})


def _second(person: Person, status: str, settled_at: datetime | None, now: datetime) -> datetime:
    """Return when the second note is due: so long after the first one came, and not while that one cannot leave."""
    if status in MAY_LEAVE:
        return schedule.quiet_until(now, 1, person.send_hour, person.zone)
    return schedule.quiet_until(settled_at, QUIET_DAYS, person.send_hour, person.zone) if settled_at else now


def _leaves(person: Person, now: datetime) -> datetime:
    """Return when a note leaves: now, or after an outage at their next hour; never in the night."""
    return schedule.departure(person.note_at or now, now, person.send_hour, person.zone)
