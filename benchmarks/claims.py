"""Claim and record against the same by ORM objects: no message is filled, none leaves, only the database works.

The other side is written as its documentation teaches, and as fast as that goes: joined loading, a commit per hundred,
nothing expired by it. It decides less than we do: it asks for no suppression, no hour, no date that had its lesson.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime
from functools import partial

from sqlalchemy import ForeignKey, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, joinedload, mapped_column, relationship

from benchmarks import ours
from benchmarks.results import Limit, MismatchError, Result, Speed, rounds
from benchmarks.run import Run
from course import schedule
from course.app import App
from course.journeys import claiming, planning, sending, settling
from course.journeys.service import Service
from course.outgoing import Sent
from course.store import tables
from course.store.states import DeliveryStatus
from course.store.tables import Moment

WORKER = "benchmark"
AT_ONCE = 100  # objects between commits
FEWER = 4  # it is given fewer rows: it takes longer for each
LIMITS = [
    Limit("claim and record, against ORM objects, SQLite", 10, 17),
    Limit("claim and record, against ORM objects, PostgreSQL", 4, 6),
]


class Base(DeclarativeBase):
    """The other side's classes, on our tables."""


class Subscriber(Base):
    """A person."""

    __tablename__ = "subscribers"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str]
    timezone: Mapped[str]
    send_hour: Mapped[int]


class Enrolment(Base):
    """A course that they take."""

    __tablename__ = "enrolments"
    id: Mapped[int] = mapped_column(primary_key=True)
    status: Mapped[str]
    next_day: Mapped[int]
    next_send_at: Mapped[datetime | None] = mapped_column(Moment)


class Delivery(Base):
    """A lesson that they are owed."""

    __tablename__ = "deliveries"
    id: Mapped[int] = mapped_column(primary_key=True)
    subscriber_id: Mapped[int] = mapped_column(ForeignKey(Subscriber.id))
    enrolment_id: Mapped[int] = mapped_column(ForeignKey(Enrolment.id))
    status: Mapped[str]
    day: Mapped[int]
    local_date: Mapped[date | None]
    mailing: Mapped[str | None]
    send_at: Mapped[datetime] = mapped_column(Moment)
    worker: Mapped[str | None]
    claimed_at: Mapped[datetime | None] = mapped_column(Moment)
    settled_at: Mapped[datetime | None] = mapped_column(Moment)
    provider_id: Mapped[str | None]
    subscriber: Mapped[Subscriber] = relationship()
    enrolment: Mapped[Enrolment] = relationship()


def measure(run: Run) -> Iterator[Result]:
    """Measure on SQLite, then on PostgreSQL."""
    fewer = max(1, run.messages // FEWER)
    for limit, postgres in zip(LIMITS, (False, True), strict=True):
        speeds = rounds(
            run.times,
            {
                "ours": partial(_timed, run, set_based, run.messages, postgres=postgres),
                "objects": partial(_timed, run, by_objects, fewer, postgres=postgres),
            },
        )
        yield limit.against(speeds["ours"], speeds["objects"], "ORM objects", " rows")


def set_based(app: App) -> None:
    """Claim what is due and write down that it left, as a worker does, as many at a time as it would."""
    service, now = app.service, app.clock.now()
    most = sending.CLAIM if service.store.sqlite else sending.CLAIM_SHARED
    while rows := claiming.claim(service, WORKER, most, now, now).rows:
        settling.settle(service, [(row, Sent(f"provider-{row.id}")) for row in rows], now, now)


def by_objects(app: App) -> None:
    """Do the same by loading objects, changing them and committing."""
    now, worker = app.clock.now(), WORKER
    mailing = _kept_mailing(app.service)
    due = (
        select(Delivery)
        .where(Delivery.status == "queued", Delivery.send_at <= now)
        .order_by(Delivery.send_at, Delivery.id)
        .options(joinedload(Delivery.subscriber), joinedload(Delivery.enrolment))
        .limit(AT_ONCE)
    )
    while True:
        with Session(app.service.store.engine, expire_on_commit=False) as session:
            claimed = session.scalars(due).all()
            if not claimed:
                return
            for delivery in claimed:
                zone = schedule.zone_of(delivery.subscriber.timezone)
                delivery.status, delivery.worker, delivery.claimed_at = "sending", worker, now
                delivery.local_date, delivery.mailing = now.astimezone(zone).date(), mailing
            session.commit()
            for delivery in claimed:
                person, enrolment = delivery.subscriber, delivery.enrolment
                zone = schedule.zone_of(person.timezone)
                delivery.status, delivery.settled_at = "sent", now
                delivery.provider_id = f"provider-{delivery.id}"
                enrolment.next_day = delivery.day + 1
                enrolment.next_send_at = schedule.next_lesson(now, now.astimezone(zone).date(), person.send_hour, zone)
            session.commit()


def _kept_mailing(service: Service) -> str:
    course = service.catalogue.first
    mailing = service.catalogue.mailing(course.name, "day-1", course.locales[0])
    values = {"digest": mailing.digest, "course": course.name, "name": "day-1", "locale": mailing.locale, "text": "-"}
    with service.store.transaction() as tx:
        tx.execute(tables.mailings.insert().values(values))
    return mailing.digest


def _timed(run: Run, way: Callable[[App], None], people: int, *, postgres: bool) -> Speed:
    with ours.service(run, people, {"transport": "folder"}, postgres=postgres) as app:
        planning.plan(app.service, app.clock.now())
        gc.collect()
        began, cpu = time.perf_counter(), time.process_time()
        way(app)
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
        _must_be_recorded(app.service, people)
    return Speed(people / took, cpu / people * 1e6)


def _must_be_recorded(service: Service, people: int) -> None:
    sent = select(func.count()).where(tables.deliveries.c.status == DeliveryStatus.SENT)
    ahead = select(func.count()).where(tables.enrolments.c.next_day == 2, tables.enrolments.c.next_send_at.is_not(None))  # noqa: PLR2004
    with service.store.reading() as tx:
        found = tx.execute(sent).scalar_one(), tx.execute(ahead).scalar_one()
    if found != (people, people):
        raise MismatchError(f"{found[0]:,} lessons of {people:,} are recorded, {found[1]:,} enrolments go on")
