"""In charge of what mail servers report by mail: a dead address, or a complaint, ends a person's courses.

A report counts only when it came to a delivery's own address, which nobody but its recipient and their mail server
knows, and when it is about that person. Whoever was forwarded a lesson knows that address too, and little in a report
can be proven: so an address is believed to be dead when two of our mails came back, and a complaint ends courses, but
shuts its person out only when it is proven, or about a mail that left after another complaint. A full mailbox changes
nothing.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from course import addresses
from course.content.catalogue import MOVE
from course.journeys import doubts, suppression
from course.journeys import enrolments as rounds
from course.journeys.people import Person
from course.journeys.service import Service
from course.reading import Incoming
from course.reading.authentication import aligned
from course.store.database import move
from course.store.states import DeliveryStatus, EndedReason
from course.store.tables import deliveries, enrolments, history

COMPLAINED = "complaint by mail"  # in the history, with the number of the delivery that it was about


def take_in(
    tx: Connection,
    service: Service,
    mail: Incoming,
    person: Person,
    delivery_id: int,
    passed: tuple[str, ...],
    now: datetime,
    real_now: datetime,
) -> None:
    """Act on a mail that answers this delivery of this person, if it is a report. `passed` are the marks it has."""
    own = addresses.key(person.email)
    # A report that names no address is about the person whom the mail went to.
    kinds = {kind for address, kind in mail.failures if not address or addresses.key(address) == own}
    if "complaint" in kinds:
        sure = _has_the_right(person, mail, passed) or _complained_before(tx, person, delivery_id)
        rounds.note(tx, person.id, COMPLAINED, str(delivery_id), now)
        _end(tx, service, person, EndedReason.COMPLAINED, now, real_now, shut_out=sure)
    elif "hard" in kinds:
        doubts.arrived(tx, service, delivery_id, now)
        move(tx, deliveries, delivery_id, DeliveryStatus.BOUNCED, error="reported by mail")
        if _came_back_before(tx, person, delivery_id):
            _end(tx, service, person, EndedReason.BOUNCED, now, real_now)


def _has_the_right(person: Person, mail: Incoming, passed: tuple[str, ...]) -> bool:
    """Whether it is proven that they say it themselves, or their own mail house does: no neighbour's mailbox there."""
    local, _, domain = mail.sender.rpartition("@")
    own = person.email_key.rpartition("@")[2]
    theirs = addresses.key(mail.sender) == person.email_key
    house = local.lower() in addresses.ROLES or domain.lower() != own
    return (theirs or house) and aligned(mail.sender, (own,)) and aligned(person.email, passed)


def _complained_before(tx: Connection, person: Person, delivery_id: int) -> bool:
    """Whether a mail was reported before this one left: a friend may have several that somebody got by then."""
    left = select(deliveries.c.settled_at).where(deliveries.c.id == delivery_id).scalar_subquery()
    another = (
        select(history.c.id)
        .join(enrolments, enrolments.c.id == history.c.enrolment_id)
        .where(
            enrolments.c.subscriber_id == person.subscriber_id,
            history.c.event == COMPLAINED,
            history.c.at <= left,
        )
    )
    return tx.execute(another.limit(1)).scalar() is not None


def _came_back_before(tx: Connection, person: Person, delivery_id: int) -> bool:
    another = select(deliveries.c.id).where(
        deliveries.c.subscriber_id == person.subscriber_id,
        deliveries.c.status == DeliveryStatus.BOUNCED,
        deliveries.c.id != delivery_id,
        ~deliveries.c.name.startswith(MOVE),  # it went elsewhere
    )
    return tx.execute(another.limit(1)).scalar() is not None


def _end(
    tx: Connection,
    service: Service,
    person: Person,
    reason: EndedReason,
    now: datetime,
    real_now: datetime,
    *,
    shut_out: bool = True,
) -> None:
    if shut_out:
        suppression.suppress(tx, service.keys, person.email, str(reason), real_now)
    rounds.stop_all(tx, service.keys, person.subscriber_id, reason, "a report by mail", now, real_now)
