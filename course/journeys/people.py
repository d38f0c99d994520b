"""In charge of finding the rows that a journey is about: a person's enrolment, by token or by delivery."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, and_, case, func, literal, null, select
from sqlalchemy.sql.elements import ColumnElement

from course import links, schedule
from course.content.catalogue import MOVE
from course.keys import Keys
from course.links import Purpose
from course.store.database import insert_new
from course.store.states import LIVE, DeliveryKind, DeliveryStatus, EnrolmentStatus
from course.store.tables import deliveries, enrolments, folded_deliveries, subscribers

SETTINGS = ("name", "locale", "timezone", "send_hour")  # what a sign-up sets of its person, once it is confirmed


@dataclass(frozen=True)
class Person:
    """One enrolment (one round of a course) with its subscriber, as they are in this transaction.

    `id` is the enrolment's; the subscriber's is `subscriber_id`.
    """

    id: int
    subscriber_id: int
    course: str
    status: str
    pace: str
    next_day: int
    next_send_at: datetime | None
    waiting_since: datetime | None
    note_at: datetime | None
    on_paper: bool
    resume_at: datetime | None
    confirm_by: datetime | None
    confirmed_at: datetime | None
    choices: str | None
    email: str
    email_key: str
    name: str
    locale: str
    timezone: str
    send_hour: int
    country: str | None

    @property
    def zone(self) -> ZoneInfo:
        """Their present time zone."""
        return schedule.zone_of(self.timezone)

    def today(self, now: datetime) -> date:
        """Return their local date at this moment."""
        return now.astimezone(self.zone).date()


COLUMNS = (
    enrolments.c.id,
    enrolments.c.subscriber_id,
    enrolments.c.course,
    enrolments.c.status,
    enrolments.c.pace,
    enrolments.c.next_day,
    enrolments.c.next_send_at,
    enrolments.c.waiting_since,
    enrolments.c.note_at,
    enrolments.c.on_paper,
    enrolments.c.resume_at,
    enrolments.c.confirm_by,
    enrolments.c.confirmed_at,
    enrolments.c.choices,
    subscribers.c.email,
    subscribers.c.email_key,
    subscribers.c.name,
    subscribers.c.locale,
    subscribers.c.timezone,
    subscribers.c.send_hour,
    subscribers.c.country,
)


def find(tx: Connection, *conditions: ColumnElement[bool], limit: int | None = None) -> list[Person]:
    """Return the enrolments that fulfil these conditions, the newest first."""
    query = select(*COLUMNS).join(subscribers).where(*conditions).order_by(enrolments.c.id.desc()).limit(limit)
    return [Person(**row._mapping) for row in tx.execute(query)]  # noqa: SLF001 (SQLAlchemy's public name)


def by_id(tx: Connection, enrolment_id: int) -> Person | None:
    """Return this enrolment."""
    return next(iter(find(tx, enrolments.c.id == enrolment_id)), None)


def by_leave_token(tx: Connection, keys: Keys, token: str) -> Person | None:
    """Return the enrolment that a leave link is about: the live one, whichever that is by now, else the newest."""
    numbers = links.read(keys, Purpose.LEAVE, token)
    if numbers is None or len(numbers) != 2:  # noqa: PLR2004 (subscriber, course)
        return None
    rounds = [
        person
        for person in find(tx, enrolments.c.subscriber_id == numbers[0])
        if links.course_mark(person.course) == numbers[1]
    ]
    live = [person for person in rounds if person.status in LIVE]
    return next(iter(live or rounds), None)


@dataclass(frozen=True)
class Delivered:
    """A mail's enrolment, and its day if it is a lesson. `folded`: this is all that is left of the delivery."""

    person: Person
    day: int | None
    folded: bool


def by_delivery(tx: Connection, delivery_id: int) -> Delivered | None:
    """Return whom a delivery belongs to, also when it has been folded."""
    kept, folded = deliveries.c, folded_deliveries.c
    elsewhere = and_(kept.kind == DeliveryKind.NOTICE, kept.name.startswith(MOVE))  # whoever answers it is a stranger
    day = case((kept.kind == DeliveryKind.NOTICE, null()), else_=kept.day).label("day")
    row = select(kept.enrolment_id, day, literal(value=False).label("folded")).where(kept.id == delivery_id, ~elsewhere)
    rest = select(folded.enrolment_id, folded.day, literal(value=True)).where(folded.delivery_id == delivery_id)
    found = tx.execute(row.union_all(rest)).one_or_none()
    person = by_id(tx, found.enrolment_id) if found is not None else None
    return Delivered(person, found.day, found.folded) if found is not None and person is not None else None


def same_course(person: Person) -> ColumnElement[bool]:
    """Return the condition for all rounds of this course that this person has had, this one among them."""
    return and_(enrolments.c.subscriber_id == person.subscriber_id, enrolments.c.course == person.course)


def live_round(tx: Connection, person: Person) -> Person:
    """Return the round of this course that goes on now, else this one: who answers an old mail means the former."""
    live = next(iter(find(tx, same_course(person), enrolments.c.status.in_(LIVE))), person)
    return person if person.confirmed_at and not live.confirmed_at else live


def newest_round(tx: Connection, person: Person) -> Person:
    """Return the newest round of the same course, as it is now; a round that goes on is always the newest."""
    return newest(find(tx, same_course(person))) or person


def has_left(tx: Connection, person: Person) -> bool:
    """Whether somebody has left this course. A round that ended because they began it again does not say so."""
    stopped = EnrolmentStatus.STOPPED
    return person.status == stopped and newest_round(tx, person).status == stopped


def newest(rounds: list[Person]) -> Person | None:
    """Return the newest of these rounds, which come newest first; an unconfirmed one only if none was confirmed.

    Anybody can type anybody's address: a sign-up never stands before what its owner said yes to.
    """
    return next((one for one in rounds if one.confirmed_at), next(iter(rounds), None))


def coming(tx: Connection, enrolment_id: int) -> datetime | None:
    """Return when the next lesson of this round is to come, planned or queued; None for none."""
    queued = select(deliveries.c.send_at).where(
        deliveries.c.enrolment_id == enrolment_id,
        deliveries.c.kind == DeliveryKind.LESSON,
        deliveries.c.status == DeliveryStatus.QUEUED,
    )
    planned = select(enrolments.c.next_send_at).where(enrolments.c.id == enrolment_id)
    found: datetime | None = tx.execute(planned).scalar() or tx.execute(queued).scalar()
    return found


def last_day(tx: Connection, person: Person) -> int | None:
    """Return the day of the last lesson that left in this round; None before the first."""
    left = deliveries.c.kind == DeliveryKind.LESSON, deliveries.c.settled_at.is_not(None)
    days = select(func.max(deliveries.c.day)).where(deliveries.c.enrolment_id == person.id, *left)
    found: int | None = tx.execute(days).scalar()
    return found


def lock(tx: Connection, person: Person) -> None:
    """Lock this person's row until the transaction ends, so that two of their mails are decided one after the other.

    Call it before their enrolments are locked, as confirming does: in one order, no two transactions block each other.
    """
    mine = select(subscribers.c.id).where(subscribers.c.id == person.subscriber_id)
    tx.execute(mine.with_for_update(key_share=True))


def made(tx: Connection, row: dict[str, Any]) -> int:
    """Return the number of the subscriber with this row's address, made if there is none, and lock them as `lock` does.

    Whoever erases them at this moment has done so, and they are made anew, or waits until this transaction ends.
    """
    mine = select(subscribers.c.id).where(subscribers.c.email_key == row["email_key"])
    found: int | None = None
    while found is None:
        insert_new(tx, subscribers, [row])
        found = tx.execute(mine.with_for_update(key_share=True)).scalar()
    return found


def last_lesson(tx: Connection, subscriber_id: int, course: str) -> tuple[datetime, date] | None:
    """Return when this person's last lesson of the course was settled, over all rounds, and its latest local date."""
    query = select(func.max(deliveries.c.settled_at), func.max(deliveries.c.local_date)).where(
        deliveries.c.subscriber_id == subscriber_id,
        deliveries.c.course == course,
        deliveries.c.local_date.is_not(None),
        deliveries.c.settled_at.is_not(None),
    )
    settled_at, local_date = tx.execute(query).one()
    return (settled_at, local_date) if settled_at is not None and local_date is not None else None
