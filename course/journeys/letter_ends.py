"""In charge of the ends of a letter that was to come back: taken back, left with the course, read, or undeliverable."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, exists, or_, select, update

from course.journeys import notices, people
from course.journeys.people import Person
from course.journeys.service import Service
from course.store.states import DeliveryStatus, EndedReason
from course.store.tables import deliveries, enrolments, letters

KEEP = timedelta(days=30)  # real time: from when it was opened, or its mail came back
READY, IN_MAIL = "letter", "returned"
CAME_BACK = (EndedReason.BOUNCED, EndedReason.COMPLAINED)


class Waits(StrEnum):
    """Where letters wait that leaving would erase: in this course (maybe in others, too), only in others, nowhere."""

    HERE = "here"
    ELSEWHERE = "elsewhere"
    NOWHERE = ""


def erase(tx: Connection, *which: ColumnElement[bool]) -> int:
    """Erase letters, and let no mail that is owed speak of them; return how many."""
    for row in tx.execute(select(letters).where(*which)).all():
        withdraw(tx, row)
    return tx.execute(delete(letters).where(*which)).rowcount


def withdraw(tx: Connection, letter: Row[Any]) -> None:
    """Let no mail that is owed speak of this letter."""
    notices.cancel(tx, deliveries.c.enrolment_id == letter.enrolment_id, tells())


def let_go(tx: Connection, person: Person, reason: EndedReason, real_now: datetime) -> bool:
    """Deal with the letters of a course that ends; return whether any was erased, as they are for whoever leaves.

    Where the address is dead, or its owner called our mail unwanted, they stay for thirty days: they may be asked for.
    Where the course is begun again, they come back all the same.
    """
    rounds = select(enrolments.c.id).where(people.same_course(person))
    theirs = letters.c.enrolment_id.in_(rounds)
    if reason == EndedReason.UNSUBSCRIBED:
        return erase(tx, theirs) > 0
    if reason in CAME_BACK:
        for row in tx.execute(select(letters).where(theirs)).all():
            withdraw(tx, row)
        first = theirs, letters.c.erase_at.is_(None)
        tx.execute(update(letters).where(*first).values(erase_at=real_now + KEEP))
    return False


def waits(tx: Connection, person: Person) -> Waits:
    """Return which of this person's letters leaving would erase."""
    theirs = select(enrolments.c.course).join(letters, enrolments.c.id == letters.c.enrolment_id)
    courses = set(tx.execute(theirs.where(letters.c.subscriber_id == person.subscriber_id)).scalars())
    return Waits.HERE if person.course in courses else Waits.ELSEWHERE if courses else Waits.NOWHERE


def purge(service: Service, real_now: datetime) -> None:
    """Erase the letters that have had their time, and begin the time of those whose mail came back."""
    came_back = exists().where(
        deliveries.c.enrolment_id == letters.c.enrolment_id,
        tells(),
        deliveries.c.due_at >= letters.c.told_at,
        deliveries.c.status == DeliveryStatus.BOUNCED,
    )
    over = letters.c.erase_at <= real_now
    with service.store.reading() as tx:
        some = select(letters.c.id).where(or_(over, letters.c.erase_at.is_(None) & came_back))
        if tx.execute(some.limit(1)).first() is None:
            return
    with service.store.transaction() as tx:
        unread = letters.c.erase_at.is_(None), came_back
        tx.execute(update(letters).where(*unread).values(erase_at=real_now + KEEP))
        erase(tx, over)
    service.store.sweep_pages()


def tells() -> ColumnElement[bool]:
    """Return the condition for mails that say of a letter that its time has come."""
    return or_(notices.named(READY), notices.named(IN_MAIL))
