"""In charge of claim and record by objects of SQLAlchemy's ORM: what `claims` compares with.

Written as its documentation teaches, and as fast as that goes: joined loading, only columns that are needed, a commit
for a hundred, nothing expired by it; and, as we do, a transaction to claim and another to record: sending lies between
them. It decides what we decide: who has left or is suppressed, whose hour it is, which date had its lesson, whether the
mailing is held.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, joinedload, mapped_column, relationship

from course import schedule
from course.app import App
from course.journeys import suppression
from course.journeys.notices import MAY_GET
from course.journeys.permitting import HELD
from course.journeys.service import Service
from course.store.states import DeliveryKind, DeliveryStatus, EnrolmentStatus, sources
from course.store.tables import Moment

AT_ONCE = 100  # objects between commits


class Base(DeclarativeBase):
    """The other side's classes, on our tables."""


class Subscriber(Base):
    """A person."""

    __tablename__ = "subscribers"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str]
    locale: Mapped[str]
    timezone: Mapped[str]
    send_hour: Mapped[int]


class Enrolment(Base):
    """A course that they take."""

    __tablename__ = "enrolments"
    id: Mapped[int] = mapped_column(primary_key=True)
    status: Mapped[str]
    pace: Mapped[str]
    next_day: Mapped[int]
    next_send_at: Mapped[datetime | None] = mapped_column(Moment)


class Mailing(Base):
    """A lesson's text as it leaves."""

    __tablename__ = "mailings"
    digest: Mapped[str] = mapped_column(primary_key=True)
    course: Mapped[str]
    name: Mapped[str]
    locale: Mapped[str]
    text: Mapped[str]
    held_reason: Mapped[str | None]


class Suppression(Base):
    """An address that is never written to."""

    __tablename__ = "suppressions"
    address_hash: Mapped[str] = mapped_column(primary_key=True)


class Delivery(Base):
    """A lesson that they are owed."""

    __tablename__ = "deliveries"
    id: Mapped[int] = mapped_column(primary_key=True)
    subscriber_id: Mapped[int] = mapped_column(ForeignKey(Subscriber.id))
    enrolment_id: Mapped[int] = mapped_column(ForeignKey(Enrolment.id))
    course: Mapped[str]
    name: Mapped[str]
    status: Mapped[str]
    day: Mapped[int]
    local_date: Mapped[date | None]
    mailing: Mapped[str | None]
    due_at: Mapped[datetime] = mapped_column(Moment)
    send_at: Mapped[datetime] = mapped_column(Moment)
    worker: Mapped[str | None]
    claimed_at: Mapped[datetime | None] = mapped_column(Moment)
    settled_at: Mapped[datetime | None] = mapped_column(Moment)
    provider_id: Mapped[str | None]
    error: Mapped[str | None]
    subscriber: Mapped[Subscriber] = relationship()
    enrolment: Mapped[Enrolment] = relationship()


WITH_THE_PERSON = joinedload(Delivery.subscriber), joinedload(Delivery.enrolment)


def claim_and_record(app: App, worker: str) -> None:
    """Do the same by loading objects, changing them and committing."""
    now = app.clock.now()
    while True:
        with Session(app.service.store.engine, expire_on_commit=False) as session:
            claimed = _claim(session, app.service, worker, now)
        if not claimed:
            return
        with Session(app.service.store.engine, expire_on_commit=False) as session:
            _record(session, app.service, claimed, now)


def _claim(session: Session, service: Service, worker: str, now: datetime) -> list[int]:
    due = (
        select(Delivery)
        .where(Delivery.status == DeliveryStatus.QUEUED, Delivery.send_at <= now)
        .order_by(Delivery.send_at, Delivery.id)
        .options(*WITH_THE_PERSON)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True, of=Delivery)
    )
    found = session.scalars(due).all()
    suppressed, had = _suppressed(session, service, found), _dates_taken(session, found, now)
    mailings = _mailings(session, service, found)
    claimed = []
    for delivery in found:
        person, enrolment = delivery.subscriber, delivery.enrolment
        zone = schedule.zone_of(person.timezone)
        today = schedule.local_date(now, zone)
        mailing = mailings[delivery.course, delivery.name, person.locale]
        if person.email in suppressed or enrolment.status not in MAY_GET[DeliveryKind.LESSON]:
            delivery.status = DeliveryStatus.CANCELLED
        elif (person.id, delivery.course, today) in had or not schedule.welcome(
            delivery.due_at, now, zone, enrolment.pace
        ):
            delivery.send_at = schedule.next_hour(now, person.send_hour, zone, after=today, pace=enrolment.pace)
        elif mailing.held_reason is not None:
            delivery.send_at = now + HELD
        else:
            delivery.status, delivery.worker, delivery.claimed_at = DeliveryStatus.SENDING, worker, now
            delivery.local_date, delivery.mailing = today, mailing.digest
            claimed.append(delivery.id)
    session.commit()
    return claimed


def _suppressed(session: Session, service: Service, found: Sequence[Delivery]) -> set[str]:
    marks = {suppression.mark(service.keys, one.subscriber.email): one.subscriber.email for one in found}
    listed = session.scalars(select(Suppression.address_hash).where(Suppression.address_hash.in_(marks)))
    return {marks[one] for one in listed}


def _dates_taken(session: Session, found: Sequence[Delivery], now: datetime) -> set[tuple[int, str, date | None]]:
    theirs = Delivery.subscriber_id.in_([one.subscriber_id for one in found])
    lessons = select(Delivery.subscriber_id, Delivery.course, Delivery.local_date)
    taken = session.execute(lessons.where(theirs, Delivery.local_date >= now.date() - timedelta(days=1)))
    return {(person, course, day) for person, course, day in taken}


def _mailings(session: Session, service: Service, found: Sequence[Delivery]) -> dict[tuple[str, str, str], Mailing]:
    names = {(one.course, one.name, one.subscriber.locale) for one in found}
    made = {name: service.catalogue.mailing(*name) for name in names}
    digests = Mailing.digest.in_({one.digest for one in made.values()})
    kept = {one.digest: one for one in session.scalars(select(Mailing).where(digests))}
    for digest, one in {one.digest: one for one in made.values()}.items():
        if digest not in kept:
            kept[digest] = Mailing(
                digest=digest, course=one.course, name=one.name, locale=one.locale, text=one.dump(), held_reason=None
            )
            session.add(kept[digest])
    return {name: kept[one.digest] for name, one in made.items()}


def _record(session: Session, service: Service, claimed: list[int], now: datetime) -> None:
    ours = Delivery.id.in_(claimed), Delivery.status.in_(sources(DeliveryStatus.SENT))
    for delivery in session.scalars(select(Delivery).where(*ours).options(*WITH_THE_PERSON)):
        person, enrolment = delivery.subscriber, delivery.enrolment
        delivery.status, delivery.settled_at = DeliveryStatus.SENT, now
        delivery.provider_id, delivery.error = f"provider-{delivery.id}", None
        enrolment.next_day = delivery.day + 1
        if enrolment.status == EnrolmentStatus.ACTIVE and delivery.local_date:
            zone, minute = schedule.zone_of(person.timezone), service.minute(person.id)
            enrolment.next_send_at = schedule.next_lesson(
                now, delivery.local_date, person.send_hour, zone, pace=enrolment.pace, minute=minute
            )
    session.commit()
