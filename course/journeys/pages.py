"""In charge of whom the pages of a mail are for: all that is known of a visitor is the token in their link."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from course import links
from course.content.catalogue import MOVED
from course.journeys import erasing, people
from course.journeys.people import Delivered, Person
from course.journeys.service import Service
from course.links import Purpose
from course.store.tables import deliveries, enrolments, history


@dataclass(frozen=True)
class Opened:
    """The mail whose page was opened. `person` is the round of its course that goes on now, else the mail's own."""

    delivery_id: int
    mail: Delivered
    person: Person


def look(tx: Connection, service: Service, token: str) -> Opened | None:
    """Return what a mail's page is about, however old the mail; None for a token that is of no use (any more).

    That is a forged one, one of somebody who was erased, or will be as soon as their last mail has left, and one that
    went to an address which is not theirs any more.
    """
    numbers = links.read(service.keys, Purpose.PAGES, token)
    if numbers is None or len(numbers) != 1:
        return None
    mail = people.by_delivery(tx, numbers[0])
    if mail is None or erasing.begun(tx, mail.person.subscriber_id) or _moved_since(tx, mail, numbers[0]):
        return None
    return Opened(numbers[0], mail, people.live_round(tx, mail.person))


def _moved_since(tx: Connection, mail: Delivered, delivery_id: int) -> bool:
    """Whether this mail lies in a mailbox that its person has moved from: somebody else may read it there."""
    theirs = enrolments.c.subscriber_id == mail.person.subscriber_id, history.c.event == MOVED
    moved = select(history.c.id).join_from(history, enrolments).where(*theirs)
    if not mail.folded:  # a folded one left long before
        left = select(deliveries.c.settled_at).where(deliveries.c.id == delivery_id).scalar_subquery()
        moved = moved.where(history.c.at >= left)
    return tx.execute(moved.limit(1)).first() is not None
