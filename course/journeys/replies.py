"""In charge of what came in: whose mail it is, which lesson it answers, and what follows. Words are not stored."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

import structlog
from sqlalchemy import ColumnElement, CompoundSelect, Connection, Row, case, exists, literal, null, select

from course import addresses, links
from course.journeys import commands, completing, filling, mailed_reports, people, trials
from course.journeys import enrolments as rounds
from course.journeys.people import Person
from course.journeys.service import Service
from course.links import Purpose
from course.reading import Incoming, extract, read
from course.reading.authentication import aligned
from course.reading.caps import TooMuchError
from course.store.database import insert_once
from course.store.states import LIVE, DeliveryKind, DeliveryStatus, EndedReason, EnrolmentStatus
from course.store.tables import completions, deliveries, enrolments, folded_deliveries, replies, skips, subscribers

log = structlog.get_logger()


class Decision(StrEnum):
    """What became of a mail; also the kind of its row in `replies`."""

    COMPLETED = "completed"
    COMMAND = "command"
    LEFT = "left"
    NOTED = "noted"  # a person wrote to something that is not a lesson
    EMPTY = "empty"
    AUTOMATIC = "automatic"
    REPEATED = "repeated"  # the same mail once more
    DROPPED = "dropped"  # ours to forget: a machine's, or that of somebody who was erased
    HELD = "held"  # nobody can tell whose it is or what it says, or it is over a cap


@dataclass(frozen=True)
class Answered:
    """The enrolment that a mail is about, and the delivery and day it answers, as far as that is known.

    `folded` says that the delivery has become a count: only its number is left.
    """

    person: Person
    delivery_id: int | None = None
    day: int | None = None
    folded: bool = False


def take_in(
    service: Service,
    raw: bytes,
    source: str,
    to: tuple[str, ...],
    passed: tuple[str, ...],
    now: datetime,
    real_now: datetime,
) -> Decision:
    """Decide one mail, in one transaction. `passed` are domains whose DKIM mark the way in has checked."""
    try:
        mail = read(raw, service.settings.authserv_id)
    except TooMuchError as error:
        log.warning("a mail is over a cap and was put aside", why=str(error))
        return Decision.HELD
    if mail.sender.rpartition("@")[2].lower() in service.own_domains:
        return Decision.DROPPED  # our own mail came back: a loop ends here
    recipients = (*to, *mail.recipients)
    with service.store.transaction() as tx:
        leaving = _leaving(tx, service, recipients)
        if leaving is not None and not mail.report:
            rounds.stop(tx, service.keys, leaving, EndedReason.UNSUBSCRIBED, "mail", now, real_now)
            return Decision.LEFT
        answered = _by_token(tx, service, recipients, mail)
        if answered is None and (
            trials.take_in(tx, service, mail, recipients, real_now) or _ours(service, recipients, mail)
        ):
            return Decision.DROPPED
        if answered is None and not mail.automatic:
            answered = _by_sender(tx, service, mail, (*passed, *mail.passed))
        if answered is None:
            return Decision.DROPPED if mail.automatic else Decision.HELD
        if mail.automatic and answered.delivery_id:
            mailed_reports.take_in(tx, service, mail, answered.person, answered.delivery_id, now, real_now)
        mail = _without_ours(tx, service, raw, mail, answered, now, real_now)
        return _decide(tx, service, mail, source, answered, now, real_now)


def _without_ours(
    tx: Connection,
    service: Service,
    raw: bytes,
    mail: Incoming,
    answered: Answered,
    now: datetime,
    real_now: datetime,
) -> Incoming:
    """Read the words once more, knowing what we sent: our own are found however a mail program has quoted them."""
    if mail.automatic or answered.folded or answered.delivery_id is None:
        return mail
    sent = filling.once_more(tx, service, answered.delivery_id, now, real_now)
    return replace(mail, words=extract(raw, sent)) if sent else mail


def _decide(
    tx: Connection,
    service: Service,
    mail: Incoming,
    source: str,
    answered: Answered,
    now: datetime,
    real_now: datetime,
) -> Decision:
    person = answered.person
    command = "" if mail.automatic else commands.match(service, person, mail.first_line)
    kind = _kind(mail, command, answered.day)
    if kind == Decision.HELD:
        log.warning("a mail is encrypted, or written in Outlook's own format, and was put aside")
        return kind
    row = {
        "enrolment_id": person.id,
        "delivery_id": None if answered.folded else answered.delivery_id,
        "source": source,
        "message_key": _message_key(service, mail, answered),
        "kind": kind,
        "received_at": now,
    }
    reply_id = insert_once(tx, replies, row)
    if reply_id is None:
        return Decision.REPEATED
    if kind == Decision.COMMAND:
        commands.act(tx, service, person, command, answered.day, now, real_now)
    elif kind == Decision.COMPLETED and answered.day is not None:
        completing.complete(tx, person, answered.day, "reply", reply_id, now)
    return kind


def _kind(mail: Incoming, command: str, day: int | None) -> Decision:
    if mail.automatic:
        return Decision.AUTOMATIC
    if command:
        return Decision.COMMAND
    if not mail.says_something:
        return Decision.HELD if mail.unreadable else Decision.EMPTY
    return Decision.NOTED if day is None else Decision.COMPLETED


def _leaving(tx: Connection, service: Service, recipients: Iterable[str]) -> Person | None:
    for token in links.leave_tokens(recipients):
        person = people.by_leave_token(tx, service.keys, token)
        if person is not None:
            return person
    return None


def _by_token(tx: Connection, service: Service, recipients: Iterable[str], mail: Incoming) -> Answered | None:
    """Return what a reply address of ours, or else a reference to a Message-ID of ours, stands for."""
    for delivery_id in links.answered(service.keys, recipients, mail.references):
        row = tx.execute(_sent(delivery_id)).one_or_none()
        person = people.by_id(tx, row.enrolment_id) if row is not None else None
        if row is not None and person is not None:
            return Answered(person, delivery_id, row.day, row.folded)
    return None


def _sent(delivery_id: int) -> CompoundSelect[Any]:
    """Return the query for a delivery's enrolment and, if it is a lesson's, its day; also when it has been folded."""
    kept, folded = deliveries.c, folded_deliveries.c
    day = case((kept.kind == DeliveryKind.NOTICE, null()), else_=kept.day).label("day")
    row = select(kept.enrolment_id, day, literal(value=False).label("folded")).where(kept.id == delivery_id)
    rest = select(folded.enrolment_id, folded.day, literal(value=True)).where(folded.delivery_id == delivery_id)
    return row.union_all(rest)


def _ours(service: Service, recipients: Iterable[str], mail: Incoming) -> bool:
    """Whether it answers a mail that we did send, but whose row is gone: the person was erased, so is this."""
    left = any(links.read(service.keys, Purpose.LEAVE, token) for token in links.leave_tokens(recipients))
    return left or bool(links.answered(service.keys, recipients, mail.references))


def _by_sender(tx: Connection, service: Service, mail: Incoming, passed: tuple[str, ...]) -> Answered | None:
    """Return the only open lesson of a sender whose mail is proven to be theirs; anybody can write a From line.

    Where none or several are open, a command is still about the only course that goes on.
    """
    if not mail.sender or not aligned(mail.sender, passed):
        return None
    mine = subscribers.c.email_key == addresses.key(mail.sender)
    found = _open_lessons(tx, mine)
    live = people.find(tx, mine, enrolments.c.status.in_(LIVE))
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


def _message_key(service: Service, mail: Incoming, answered: Answered) -> str:
    who = str(answered.delivery_id) if answered.delivery_id else mail.sender
    which = mail.message_id or f"{mail.date} {mail.words}"
    return service.keys.hash("message", f"{who} {which}")
