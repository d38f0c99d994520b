"""In charge of mailings that were refused as a whole: which are held, who waits for them, and letting them go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, or_, select, update

from course.journeys.service import Service
from course.store.states import DeliveryKind, DeliveryStatus
from course.store.tables import deliveries, mailings, subscribers


@dataclass(frozen=True)
class Held:
    """A mailing that is held: why, and how many wait for it, since when (course time)."""

    course: str
    name: str
    locale: str
    why: str
    people: int
    since: datetime | None


def held(service: Service, now: datetime) -> list[Held]:
    """Return what is held; a mailing whose text has changed since is held no more."""
    with service.store.reading() as tx:
        return [_told(tx, service, one, now) for one in present(tx, service)]


def release(service: Service, course: str, name: str, locale: str | None, now: datetime) -> list[Held]:
    """Let a held mailing leave, in one locale or in all: at once, and not when it would have been looked at again."""
    with service.store.transaction() as tx:
        wanted = [one for one in present(tx, service) if (one.course, one.name) == (course, name)]
        wanted = [one for one in wanted if locale in {None, one.locale}]
        released = [_told(tx, service, one, now) for one in wanted]
        for one in wanted:
            tx.execute(update(mailings).where(mailings.c.digest == one.digest).values(held_reason=None))
            due = update(deliveries).where(
                deliveries.c.id.in_(select(deliveries.c.id).where(*_waits(tx, service, one, now)))
            )
            tx.execute(due.values(send_at=now))
    return released


def present(tx: Connection, service: Service) -> Iterator[Any]:
    """Yield the rows of those held mailings that are still what the files say."""
    query = select(mailings).where(mailings.c.held_reason.is_not(None))
    for row in tx.execute(query.order_by(mailings.c.course, mailings.c.name, mailings.c.locale)).all():
        if _readers(service, row):
            yield row


def _readers(service: Service, one: Any) -> list[bool]:
    """Return who would get this mailing now: True stands for those who want no links, False for all others.

    Mostly that is one of the two; it is neither for a mailing that the files do not hold any more.
    """
    if one.course not in service.catalogue.courses:
        return []
    try:
        variants = service.catalogue.variants(one.course, one.name, one.locale)
    except LookupError:  # its lesson was taken out
        return []
    return [plain for plain, mailing in variants.items() if mailing.digest == one.digest]


def _told(tx: Connection, service: Service, one: Any, now: datetime) -> Held:
    query = select(func.count(), func.min(deliveries.c.due_at)).where(*_waits(tx, service, one, now))
    people, since = tx.execute(query).one()
    return Held(one.course, one.name, one.locale, one.held_reason, people, since)


def _waits(tx: Connection, service: Service, one: Any, now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Return what makes a delivery one that is due by now and would send this mailing."""
    course = service.catalogue.courses[one.course]
    spoken = tx.execute(select(subscribers.c.locale).distinct()).scalars()
    theirs = select(subscribers.c.id).where(
        subscribers.c.locale.in_([locale for locale in spoken if course.locale(locale) == one.locale]),
        subscribers.c.plain.in_(_readers(service, one)),
    )
    named = or_(
        deliveries.c.name == one.name,
        (deliveries.c.kind != DeliveryKind.LESSON) & deliveries.c.name.startswith(f"{one.name}-", autoescape=True),
    )
    return (
        deliveries.c.course == one.course,
        deliveries.c.status == DeliveryStatus.QUEUED,
        deliveries.c.due_at <= now,
        named,
        deliveries.c.subscriber_id.in_(theirs),
    )
