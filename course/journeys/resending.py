"""In charge of a lesson once more, by hand or by AGAIN: a copy for somebody who may not have got theirs, or lost it.

A copy does not count for the calendar, so it may come on the date of another lesson; an answer to it counts for its
day.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from course import addresses
from course.content.courses import lesson_name
from course.journeys import enrolments as rounds
from course.journeys import people, suppression
from course.journeys.notices import COPY, MAY_GET
from course.journeys.people import Person
from course.journeys.service import Service
from course.store.database import insert_new
from course.store.states import DeliveryKind, DeliveryStatus, EnrolmentStatus
from course.store.tables import deliveries, subscribers

NOT_NOW = {
    EnrolmentStatus.PENDING: "has not confirmed yet",
    EnrolmentStatus.STOPPED: "has left the course, or it was ended for them",
}
NOT_THIS = {
    DeliveryStatus.QUEUED: "is still owed, and leaves by itself",
    DeliveryStatus.SENDING: "is leaving at this moment",
    DeliveryStatus.STALLED: "is in doubt at this moment; within an hour that is decided, then try again",
    DeliveryStatus.CANCELLED: "was skipped, or waits for the end of a pause",
}


class ResendError(Exception):
    """There is no copy to be owed; the text says why, and what to do."""


def resend(service: Service, address: str, course: str | None, day: int, now: datetime) -> str:
    """Owe somebody a copy of that day's lesson, at once; return the course's name. Raises ResendError.

    On one local date it is owed once, however often that is asked for.
    """
    with service.store.transaction() as tx:
        person = _person(tx, service, address, course)
        lesson = select(deliveries.c.status).where(
            deliveries.c.enrolment_id == person.id, deliveries.c.name == lesson_name(day)
        )
        stands = tx.execute(lesson).scalar()
        if stands is None:
            raise ResendError(f"Day {day} was never due for them. `course export ADDRESS` shows what was.")
        if stands in NOT_THIS:
            raise ResendError(f"Day {day} {NOT_THIS[DeliveryStatus(stands)]}.")
        if not _owe(tx, person, day, now, now):
            raise ResendError(f"A copy of day {day} was owed to them today already. `course status` tells what waits.")
    return person.course


def once_more(tx: Connection, person: Person, day: int, now: datetime, leaves: datetime) -> bool:
    """Owe somebody a copy of the lesson of a day because they ask for it; it was sent to them (see `last`).

    It leaves at a place of its own among the answers, `leaves`. False: none is sent where they stand, or its copy was
    owed today already.
    """
    return person.status in MAY_GET["copy"] and _owe(tx, person, day, now, leaves)


def last(tx: Connection, person: Person, day: int | None) -> int | None:
    """Return the day of the last lesson that can be sent again, or this day (None: any); None where there is none."""
    lessons = select(deliveries.c.day).where(
        deliveries.c.enrolment_id == person.id,
        deliveries.c.kind == DeliveryKind.LESSON,
        deliveries.c.status.not_in(NOT_THIS),
    )
    if day is not None:
        lessons = lessons.where(deliveries.c.day == day)
    found: int | None = tx.execute(lessons.order_by(deliveries.c.day.desc()).limit(1)).scalar()
    return found


def _owe(tx: Connection, person: Person, day: int, now: datetime, leaves: datetime) -> bool:
    copy = {
        "subscriber_id": person.subscriber_id,
        "enrolment_id": person.id,
        "course": person.course,
        "kind": DeliveryKind.COPY,
        "name": f"{lesson_name(day)}{COPY}{person.today(now)}",
        "day": day,
        "status": DeliveryStatus.QUEUED,
        "due_at": leaves,
        "send_at": leaves,
    }
    if not insert_new(tx, deliveries, [copy]):
        return False
    rounds.note(tx, person.id, "resent", lesson_name(day), now)
    return True


def _person(tx: Connection, service: Service, address: str, course: str | None) -> Person:
    """Return the newest round of the course that is meant. Raises ResendError if nothing may be sent there."""
    mine = people.find(tx, subscribers.c.email_key == addresses.key(address))
    if suppression.among(tx, service.keys, [address]):
        raise ResendError("This address wants no mail, or cannot get any: nothing is sent there.")
    if not mine:
        raise ResendError("Nobody is known by this address.")
    names = sorted({person.course for person in mine})
    if course is None and len(names) > 1:
        raise ResendError(f"They take several courses: add --course with one of {', '.join(names)}.")
    person = next((one for one in mine if one.course == (course or names[0])), None)
    if person is None:
        raise ResendError(f"They do not take this course, but {', '.join(names)}.")
    if person.course not in service.catalogue.courses:
        raise ResendError(f"The course {person.course} is not in emails/courses/ any more.")
    if person.status not in MAY_GET["copy"]:
        raise ResendError(f"This person {NOT_NOW[EnrolmentStatus(person.status)]}: no lesson is sent to them.")
    return person
