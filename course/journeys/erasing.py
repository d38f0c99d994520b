"""In charge of somebody who asks by mail to be erased: asked back once, stopped at once, erased after one last mail.

Whoever signs up while that mail waits has a new wish, which stands: it is set apart from what is erased.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from sqlalchemy import Connection, exists, or_, select, update

from course.journeys import enrolments as rounds
from course.journeys import notices, people
from course.journeys.people import Person
from course.journeys.service import Service
from course.store.database import insert_once
from course.store.sets import one_of
from course.store.states import LIVE, MAY_LEAVE, EndedReason
from course.store.tables import deliveries, enrolments, subscribers

ASKS, DONE = "erase", notices.ERASED  # the notice that asks back, and the last one
WITHIN = timedelta(days=7)  # so long an answer to the first is a yes
LATEST = timedelta(days=3)  # so long the last mail may keep somebody from being erased, when no mail can leave


def asked(tx: Connection, person: Person, delivery_id: int | None, now: datetime) -> bool:
    """Whether this delivery asked this person, within seven days, if they mean it: only its answer proves that."""
    ours = select(deliveries.c.id).where(
        deliveries.c.id == delivery_id,
        deliveries.c.subscriber_id == person.subscriber_id,
        notices.named(ASKS),
        deliveries.c.due_at > now - WITHIN,
    )
    return tx.execute(ours).first() is not None


def begin(tx: Connection, service: Service, person: Person, now: datetime, real_now: datetime) -> None:
    """End every course and owe the last mail, which says that it is done; the address is forgotten after that.

    Said once more while that mail waits, it ends only what they signed up for since.
    """
    rounds.stop_all(tx, service.keys, person.subscriber_id, EndedReason.ERASED, "reply", now, real_now)
    if not begun(tx, person.subscriber_id):
        notices.owe(tx, person, DONE, now)


def begun(tx: Connection, subscriber_id: int) -> bool:
    """Whether nothing but the last mail keeps this person from being erased."""
    last = select(deliveries.c.id).where(deliveries.c.subscriber_id == subscriber_id, deliveries.c.name == DONE)
    return tx.execute(last).first() is not None


def over(service: Service, now: datetime) -> list[str]:
    """Return the addresses to erase: their last mail has left, or cannot, or has kept them for long enough.

    Nor does it keep anybody who has begun a course since: theirs is not to stand beside what was to go.
    """
    settled = deliveries.c.status.not_in(MAY_LEAVE)
    mine = enrolments.c.subscriber_id == subscribers.c.id
    anew = exists().where(mine, enrolments.c.status.in_(LIVE), enrolments.c.confirmed_at.is_not(None))
    query = select(subscribers.c.email).join(deliveries, deliveries.c.subscriber_id == subscribers.c.id)
    last = deliveries.c.name == DONE, or_(settled, deliveries.c.due_at <= now - LATEST, anew)
    with service.store.reading() as tx:
        return list(tx.execute(query.where(*last).distinct()).scalars())


def set_apart(tx: Connection, email_key: str, now: datetime) -> str:
    """Give what somebody has signed up for since they asked to be erased a row of its own, which stays.

    Return the key under which all else of theirs is found from then on. Every course that they had before has ended.
    """
    mine = subscribers.c.email_key == email_key
    old = tx.execute(select(subscribers).where(mine).with_for_update()).one_or_none()
    live = people.find(tx, mine, enrolments.c.status.in_(LIVE)) if old is not None else []
    if old is None or not live or not begun(tx, old.id):
        return email_key
    gone = str(old.id)
    tx.execute(update(subscribers).where(mine).values(email_key=gone))
    chosen = json.loads(live[0].choices or "{}")
    row = {key: chosen.get(key, getattr(live[0], key)) for key in people.SETTINGS}
    later = now + timedelta(microseconds=1)  # a restore erases once more whoever was there by the time of the erasure
    stays = insert_once(tx, subscribers, {**row, "email": old.email, "email_key": email_key, "created_at": later})
    theirs = [person.id for person in live]
    tx.execute(update(enrolments).where(one_of(enrolments.c.id, theirs)).values(subscriber_id=stays))
    tx.execute(update(deliveries).where(one_of(deliveries.c.enrolment_id, theirs)).values(subscriber_id=stays))
    return gone
