"""In charge of somebody who asks by mail to be erased: asked back once, stopped at once, erased after one last mail."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, or_, select

from course.journeys import enrolments as rounds
from course.journeys import notices
from course.journeys.people import Person
from course.journeys.service import Service
from course.store.states import DeliveryKind, DeliveryStatus, EndedReason
from course.store.tables import deliveries, subscribers

ASKS, DONE = "erase", notices.ERASED  # the notice that asks back, and the last one
WITHIN = timedelta(days=7)  # so long an answer to the first is a yes
LATEST = timedelta(days=3)  # so long the last mail may keep somebody from being erased, when no mail can leave
LEAVING = (DeliveryStatus.QUEUED, DeliveryStatus.SENDING, DeliveryStatus.STALLED)


def asked(tx: Connection, person: Person, delivery_id: int | None, now: datetime) -> bool:
    """Whether this delivery asked this person, within seven days, if they mean it: only its answer proves that."""
    ours = select(deliveries.c.id).where(
        deliveries.c.id == delivery_id,
        deliveries.c.subscriber_id == person.subscriber_id,
        deliveries.c.kind == DeliveryKind.NOTICE,
        deliveries.c.name.startswith(f"{ASKS}-"),
        deliveries.c.due_at > now - WITHIN,
    )
    return tx.execute(ours).first() is not None


def begin(tx: Connection, service: Service, person: Person, now: datetime, real_now: datetime) -> None:
    """End every course and owe the last mail, which says that it is done; the address is forgotten after that.

    Said once more while that mail waits, it changes nothing.
    """
    if begun(tx, person.subscriber_id):
        return
    rounds.stop_all(tx, service.keys, person.subscriber_id, EndedReason.ERASED, "reply", now, real_now)
    notices.owe(tx, person, DONE, now)


def begun(tx: Connection, subscriber_id: int) -> bool:
    """Whether nothing but the last mail keeps this person from being erased."""
    last = select(deliveries.c.id).where(deliveries.c.subscriber_id == subscriber_id, deliveries.c.name == DONE)
    return tx.execute(last).first() is not None


def over(service: Service, now: datetime) -> list[str]:
    """Return the addresses to erase: their last mail has left, or cannot, or has kept them for long enough."""
    settled = deliveries.c.status.not_in(LEAVING)
    query = select(subscribers.c.email).join(deliveries, deliveries.c.subscriber_id == subscribers.c.id)
    last = deliveries.c.name == DONE, or_(settled, deliveries.c.due_at <= now - LATEST)
    with service.store.reading() as tx:
        return list(tx.execute(query.where(*last).distinct()).scalars())
