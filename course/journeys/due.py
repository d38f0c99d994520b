"""In charge of the usual tick's one question: whether there is anything at all for a step of it to do.

Each condition holds whenever its step would find something, and may hold more often: a needless yes costs a few
queries, a wrong no would cost a mail.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, exists, or_, select

from course.journeys.erasing import DONE
from course.journeys.service import Service
from course.store.sets import by_index
from course.store.states import DeliveryStatus, EnrolmentStatus
from course.store.tables import UNSETTLED, Moment, deliveries, enrolments, letters

NOW = bindparam("now", type_=Moment)
ANYTHING = select(  # made once: it is asked at every tick
    or_(
        exists().where(enrolments.c.status == EnrolmentStatus.ACTIVE, enrolments.c.next_send_at <= NOW),  # plan
        exists().where(enrolments.c.status == EnrolmentStatus.PAUSED, enrolments.c.resume_at <= NOW),  # wake
        exists().where(enrolments.c.note_at <= NOW),  # tell the quiet
        exists().where(letters.c.told_at.is_(None), letters.c.due_at <= NOW),  # tell of a letter
        exists().select_from(deliveries).where(UNSETTLED),  # sweep
        exists().where(deliveries.c.status == DeliveryStatus.QUEUED, deliveries.c.send_at <= NOW),  # send
        exists().where(deliveries.c.name == DONE),  # erase who asked for it
    )
)


def anything(service: Service, now: datetime) -> bool:
    """Whether there is something to plan, tell, sweep, send or erase by now. Takes no lock."""
    with service.store.reading() as tx:
        by_index(tx)
        return bool(tx.execute(ANYTHING, {"now": now}).scalar())
