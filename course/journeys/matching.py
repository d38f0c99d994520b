"""In charge of whose mail came in, and which delivery and day it answers, as far as that is proven."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, Row, exists, select

from course import addresses, links
from course.journeys import commands, people
from course.journeys.people import Person
from course.journeys.service import Service
from course.links import Purpose
from course.reading import Incoming, mime, read
from course.reading.authentication import aligned
from course.reading.caps import TooMuchError
from course.store.states import LIVE, DeliveryKind, DeliveryStatus, EnrolmentStatus
from course.store.tables import completions, deliveries, enrolments, skips, subscribers


class Sender(StrEnum):
    """From whom an answer came. The reply address proves whose it is; this says what speaks for that besides."""

    PROVEN = "proven"  # the address on file, with a checked mark of its domain
    CLAIMED = "claimed"  # the address on file; anybody can write a From line
    OTHER = "other"  # another one: an alias, a friend who was sent the lesson, or somebody who has the address


@dataclass(frozen=True)
class Answered:
    """The enrolment that a mail is about, and the delivery and day it answers, as far as that is known.

    `folded` says that the delivery has become a count: only its number is left.
    """

    person: Person
    delivery_id: int | None = None
    day: int | None = None
    folded: bool = False


def leaving(tx: Connection, service: Service, recipients: Sequence[str]) -> Person | None:
    """Return the enrolment that a mail to one of our addresses for leaving means."""
    for token in links.leave_tokens(recipients):
        person = people.by_leave_token(tx, service.keys, token)
        if person is not None:
            return person
    for delivery_id in links.leave_deliveries(service.keys, recipients):
        found = people.by_delivery(tx, delivery_id)
        if found is not None:
            return people.live_round(tx, found.person)
    return None


def by_token(tx: Connection, service: Service, recipients: Sequence[str], mail: Incoming) -> Answered | None:
    """Return what a reply address of ours, or else a reference to a Message-ID of ours, stands for."""
    for delivery_id in links.answered(service.keys, recipients, mail.references):
        found = people.by_delivery(tx, delivery_id)
        if found is not None:
            return Answered(found.person, delivery_id, found.day, found.folded)
    return None


def by_head(tx: Connection, service: Service, to: tuple[str, ...], head: bytes) -> Answered | None:
    """Return what a mail answers, going by its head alone: for mail that was put aside, whose body stays closed."""
    try:
        mail = read(b"%s\n\n" % mime.head(head))
    except TooMuchError:
        return None
    return by_token(tx, service, (*to, *mail.recipients), mail)


def ours(service: Service, recipients: Sequence[str], mail: Incoming) -> bool:
    """Whether it answers a mail that we sent. Where no row of that is found, its person was erased, and so is this."""
    left = any(links.read(service.keys, Purpose.LEAVE, token) for token in links.leave_tokens(recipients))
    return left or bool(links.answered(service.keys, recipients, mail.references))


def sender(person: Person, mail: Incoming, passed: tuple[str, ...]) -> Sender:
    """Return from whom this person's answer came, as far as that is known."""
    if addresses.key(mail.sender) != person.email_key:
        return Sender.OTHER
    return Sender.PROVEN if aligned(mail.sender, passed) else Sender.CLAIMED


def by_sender(tx: Connection, service: Service, mail: Incoming, passed: tuple[str, ...]) -> Answered | None:
    """Return the only open lesson of a sender whose mail is proven to be theirs; anybody can write a From line.

    Where none or several are open, a command is still about the only course that goes on.
    """
    if not mail.sender or not aligned(mail.sender, passed):
        return None
    mine = subscribers.c.email_key == addresses.key(mail.sender)
    found = _open_lessons(tx, mine)
    live = people.find(tx, mine, enrolments.c.status.in_(LIVE))
    live = [one for one in live if one.confirmed_at] or live  # anybody can type anybody's address
    person = people.by_id(tx, found[0].enrolment_id) if len(found) == 1 else None
    if person is not None:
        return Answered(person, found[0].id, found[0].day)
    if len(live) == 1 and commands.match(service, live[0], mail.first_line):
        return Answered(live[0])
    return None


def _open_lessons(tx: Connection, mine: ColumnElement[bool]) -> list[Row[tuple[int, int, int]]]:
    """Return the lessons that were sent and are neither done nor skipped, of rounds that were not stopped."""
    query = (
        select(deliveries.c.id, deliveries.c.enrolment_id, deliveries.c.day)
        .join(subscribers, subscribers.c.id == deliveries.c.subscriber_id)
        .join(enrolments, enrolments.c.id == deliveries.c.enrolment_id)
        .where(
            mine,
            enrolments.c.status != EnrolmentStatus.STOPPED,
            deliveries.c.kind == DeliveryKind.LESSON,
            deliveries.c.status == DeliveryStatus.SENT,
        )
    )
    for decided in (completions, skips):
        same = decided.c.enrolment_id == deliveries.c.enrolment_id, decided.c.day == deliveries.c.day
        query = query.where(~exists().where(*same))
    return list(tx.execute(query))
