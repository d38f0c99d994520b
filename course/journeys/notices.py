"""In charge of owing somebody a notice, and of who may still get which."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, update

from course.journeys.people import Person
from course.store.database import insert_new
from course.store.states import BEGUN, GOING_ON, DeliveryKind, DeliveryStatus, EnrolmentStatus
from course.store.tables import deliveries

E = EnrolmentStatus
LAST = "left"  # the only mail that leaves when a person has left: it says that they have
ERASED = "erased"  # the last one to whoever asked to be erased: nothing is known of them after it
# Where a person must stand, at the moment of sending, for a mail to be made at all.
MAY_GET: dict[str, tuple[EnrolmentStatus, ...]] = {
    "lesson": (E.ACTIVE,),
    "copy": BEGUN,
    "confirm": (E.PENDING,),
    "joining": (E.PENDING,),
    "welcome": (E.ACTIVE,),
    "again": GOING_ON,
    "receipt": BEGUN,
    "paused": (E.PAUSED,),
    "resumed": (E.ACTIVE,),
    "skipped": BEGUN,
    "farewell": (E.FINISHED,),
    "left": (E.STOPPED, E.FINISHED),
    "next": (E.ACTIVE,),
    "hour": BEGUN,
    "hours": BEGUN,
    "kept": (*BEGUN, E.STOPPED),  # as "letter" below
    "unwritten": BEGUN,
    "months": BEGUN,
    "unkept": BEGUN,
    "closed": (E.STOPPED,),
    "over": (E.STOPPED, E.FINISHED),
    # Also of a round that has ended because the course was begun again; whoever leaves has no letter any more.
    "letter": (*BEGUN, E.STOPPED),
    "returned": (*BEGUN, E.STOPPED),
    "erase": tuple(E),  # so may whoever has left
    "erased": (E.STOPPED, E.FINISHED),
    "empty": GOING_ON,
    "quiet": (E.ACTIVE,),
    "resting": (E.PAUSED,),
    "plain": BEGUN,
    "links": BEGUN,
    "settings": BEGUN,
    "exercise": BEGUN,
    "checkin": (*BEGUN, E.STOPPED),  # as "unread": they wrote, and it may be heavier
    # Also who has left, for it is owed only to somebody who wrote after that.
    "unread": (*BEGUN, E.STOPPED),
    "fresh": (*BEGUN, E.STOPPED),  # what somebody wrote is theirs, wherever they stand
    "move": (*BEGUN, E.STOPPED),
    "moved": (*BEGUN, E.STOPPED),
    "help": tuple(E),  # whoever asks for help gets it
}
# What holds nothing of a course is sent although its folder is gone: help, and that somebody has left or is erased.
OF_NO_COURSE = ("help", LAST, "erase", ERASED)
COPY = "-copy-"  # between a lesson's name and the date, in the name of its copy
IN_REPLY_TO = "@"  # before the number of the delivery that a notice answers, at the end of its name


def owe(
    tx: Connection,
    person: Person,
    notice: str,
    send_at: datetime,
    *,
    once: str = "",
    day: int | None = None,
    answers: int | None = None,
) -> bool:
    """Queue a notice, unless this enrolment had it already. `once` tells apart those that may come again.

    `answers` is the delivery whose reply it answers. False: the database has such a row, and each mail is owed once.
    """
    return insert_new(tx, deliveries, [row(person, notice, send_at, once=once, day=day, answers=answers)]) == 1


def row(
    person: Person,
    notice: str,
    send_at: datetime,
    *,
    once: str = "",
    day: int | None = None,
    answers: int | None = None,
) -> dict[str, Any]:
    """Return the row of a notice that is owed to somebody; many of them go in by one statement."""
    to = "" if answers is None else f"{IN_REPLY_TO}{answers}"
    return {
        "subscriber_id": person.subscriber_id,
        "enrolment_id": person.id,
        "course": person.course,
        "kind": DeliveryKind.NOTICE,
        "name": f"{notice}-{once}{to}" if once or to else notice,
        "day": day,
        "status": DeliveryStatus.QUEUED,
        "due_at": send_at,
        "send_at": send_at,
    }


def named(notice: str) -> ColumnElement[bool]:
    """Return the condition for deliveries of a notice that is owed with `once`."""
    return (deliveries.c.kind == DeliveryKind.NOTICE) & deliveries.c.name.startswith(f"{notice}-")


def cancel(tx: Connection, *which: ColumnElement[bool]) -> int:
    """Cancel the mails that meet these conditions, as far as they are still queued; return how many."""
    queued = update(deliveries).where(deliveries.c.status == DeliveryStatus.QUEUED, *which)
    return tx.execute(queued.values(status=DeliveryStatus.CANCELLED)).rowcount


def mailing_name(kind: str, name: str) -> str:
    """Return which mailing a delivery sends: `day-3` for a lesson or its copy, `receipt` for `receipt-2027-03-14`."""
    return name.partition("-" if kind == DeliveryKind.NOTICE else COPY)[0]


def once(name: str) -> str:
    """Return what tells a notice of this name from others of its mailing: `2027-03-14-1` for `receipt-2027-03-14-1`."""
    return name.partition("-")[2].partition(IN_REPLY_TO)[0]


def answered(name: str) -> int | None:
    """Return the number of the delivery that a notice of this name answers."""
    number = name.partition(IN_REPLY_TO)[2]
    return int(number) if number else None
