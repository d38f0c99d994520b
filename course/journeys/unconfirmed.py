"""In charge of sign-ups that nobody says yes to: they are erased, and their people if nothing else is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, delete, exists, or_, select

from course.journeys.people import Person
from course.journeys.service import Service
from course.store.sets import one_of
from course.store.states import EnrolmentStatus
from course.store.tables import enrolments, subscribers

CONFIRM_WITHIN = timedelta(days=7)  # real time
AT_ONCE = 1_000  # rows per transaction


def expire(service: Service, now: datetime, real_now: datetime) -> None:
    """Erase sign-ups that nobody confirmed within seven days, and their people if nothing else is known of them.

    However they ended: a confirmation that bounced, or was answered with STOP, leaves no more behind.
    """
    unanswered = enrolments.c.confirm_by <= real_now
    ended = enrolments.c.status == EnrolmentStatus.STOPPED, enrolments.c.created_at <= now - CONFIRM_WITHIN
    late = enrolments.c.confirmed_at.is_(None), or_(unanswered, and_(*ended))
    looked = select(enrolments.c.id).where(*late).limit(AT_ONCE)
    while True:
        with service.store.reading() as tx:  # through all enrolments, so nobody is kept from writing meanwhile
            some = tx.execute(looked).scalars().all()
        if not some:
            return
        with service.store.transaction() as tx:
            # The people before their sign-ups, as whoever signs up anew locks them: so neither blocks the other.
            theirs = select(subscribers.c.id).join(enrolments).where(one_of(enrolments.c.id, some))
            tx.execute(theirs.order_by(subscribers.c.id).with_for_update(key_share=True, of=subscribers))
            gone = delete(enrolments).where(one_of(enrolments.c.id, some), *late).returning(enrolments.c.subscriber_id)
            _forget_people(tx, tx.execute(gone).scalars().all())


def forget(tx: Connection, person: Person) -> None:
    """Erase this sign-up."""
    tx.execute(delete(enrolments).where(enrolments.c.id == person.id))
    _forget_people(tx, [person.subscriber_id])


def _forget_people(tx: Connection, ids: Sequence[int]) -> None:
    """Erase those of these people who have no enrolment any more."""
    others = exists().where(enrolments.c.subscriber_id == subscribers.c.id)
    tx.execute(delete(subscribers).where(one_of(subscribers.c.id, ids), ~others))
