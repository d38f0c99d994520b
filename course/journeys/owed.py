"""In charge of the row that claiming, filling and settling share: a delivery with its enrolment and subscriber."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, bindparam, or_, select

from course.content.catalogue import ELSEWHERE
from course.journeys.notices import MAY_GET, OF_NO_COURSE, mailing_name
from course.store.sets import one_of
from course.store.states import DeliveryKind, DeliveryStatus
from course.store.tables import deliveries, enrolments, journals, subscribers

CLAIM = -4  # from here on stands what a claim writes
Claim = tuple[date | None, str, str, str]  # local_date, mailing, status, worker


class Owed(NamedTuple):
    """The columns of OWED, in its order; what a claim writes comes last.

    `name` and `status` are the delivery's, `standing` is the enrolment's; `journal` is their level, None for counting
    only; `plain`: they want no links; `country`: whose help lines they chose.
    """

    id: int
    subscriber_id: int
    enrolment_id: int
    course: str
    kind: str
    name: str
    day: int | None
    due_at: datetime
    attempts: int
    first_tried_at: datetime | None
    standing: str
    pace: str
    confirmed_at: datetime | None
    next_send_at: datetime | None
    email: str
    person_name: str
    locale: str
    timezone: str
    send_hour: int
    journal: str | None
    plain: bool
    country: str | None
    local_date: date | None
    mailing: str | None
    status: str
    worker: str | None

    def claimed(self, claim: Claim) -> Owed:
        """Return it as it stands once it is claimed."""
        return tuple.__new__(Owed, self[:CLAIM] + claim)


OWED = select(
    deliveries.c.id,
    deliveries.c.subscriber_id,
    deliveries.c.enrolment_id,
    deliveries.c.course,
    deliveries.c.kind,
    deliveries.c.name,
    deliveries.c.day,
    deliveries.c.due_at,
    deliveries.c.attempts,
    deliveries.c.first_tried_at,
    enrolments.c.status.label("standing"),
    enrolments.c.pace,
    enrolments.c.confirmed_at,
    enrolments.c.next_send_at,
    subscribers.c.email,
    subscribers.c.name.label("person_name"),
    subscribers.c.locale,
    subscribers.c.timezone,
    subscribers.c.send_hour,
    journals.c.level.label("journal"),
    subscribers.c.plain,
    subscribers.c.country,
    deliveries.c.local_date,
    deliveries.c.mailing,
    deliveries.c.status,
    deliveries.c.worker,
).select_from(
    deliveries.join(enrolments, enrolments.c.id == deliveries.c.enrolment_id)
    .join(subscribers, subscribers.c.id == deliveries.c.subscriber_id)
    .outerjoin(journals, journals.c.enrolment_id == deliveries.c.enrolment_id)
)

# What can be made: whatever is of these courses ("courses"), and the notices that need none.
NEEDS_NONE = [deliveries.c.name.startswith(f"{one}-") | (deliveries.c.name == one) for one in OF_NO_COURSE]
CAN_BE_MADE = one_of(deliveries.c.course, "courses") | ((deliveries.c.kind == DeliveryKind.NOTICE) & or_(*NEEDS_NONE))

# Of these ("ids"), what is still claimed by this worker ("by").
STILL_CLAIMED = (
    one_of(deliveries.c.id, "ids"),
    deliveries.c.status == DeliveryStatus.SENDING,
    deliveries.c.worker == bindparam("by"),
)


def owed(tx: Connection, delivery_id: int) -> Owed | None:
    """Return this delivery."""
    return next(iter(rows(tx, OWED.where(deliveries.c.id == delivery_id))), None)


def rows(tx: Connection, query: Select[Any], **named: Any) -> list[Owed]:
    """Return what a narrowed OWED finds; `named` are the values of its parameters."""
    return [tuple.__new__(Owed, row) for row in tx.execute(query, named).all()]  # as Owed._make, in half the time


def is_lesson(row: Owed) -> bool:
    """Whether this is a day's lesson, which the calendar counts."""
    return row.kind == DeliveryKind.LESSON


def elsewhere(row: Owed) -> bool:
    """Whether this goes to another address than the one on file: what becomes of it says nothing about the person."""
    return row.kind == DeliveryKind.NOTICE and mailing_name(row.kind, row.name) in ELSEWHERE


def may_get(row: Owed) -> bool:
    """Whether somebody who stands where this person does gets such a mail at all."""
    what = mailing_name(row.kind, row.name) if row.kind == DeliveryKind.NOTICE else row.kind
    return row.standing in MAY_GET[what]
