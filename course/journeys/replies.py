"""In charge of what came in: what is decided of it, and what follows. Only the journal keeps words."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog
from sqlalchemy import Connection

from course.content.command_words import Command
from course.journeys import (
    answering,
    commands,
    completing,
    joining,
    journal,
    mailed_reports,
    matching,
    people,
    remaking,
    trials,
)
from course.journeys import enrolments as rounds
from course.journeys.answering import Reply
from course.journeys.decisions import Decision
from course.journeys.matching import Answered, Sender
from course.journeys.requests import Request
from course.journeys.service import Service
from course.reading import Counts, Incoming, reacts, read, sift
from course.reading.aside import HeldError, Why
from course.reading.authentication import SENDGRID, aligned
from course.reading.caps import TooMuchError
from course.reading.signals import OURS
from course.store.database import insert_once
from course.store.states import EndedReason
from course.store.tables import replies

log = structlog.get_logger()
WORDS = (Decision.COMPLETED, Decision.NOTED)  # what a person wrote, not what they asked for


@dataclass(frozen=True)
class Came:
    """How a mail came: by which source, to which addresses, and as it was then, attachments and all (`raw`).

    `passed` are domains whose mark on it the way in has checked. `vouched`: whoever looks after the service says that a
    person wrote it.
    """

    source: str
    to: tuple[str, ...]
    passed: tuple[str, ...]
    raw: bytes = field(repr=False)
    vouched: bool = False


def take_in(service: Service, small: bytes, came: Came, now: datetime, real_now: datetime) -> Decision:
    """Decide one mail, in one transaction. Raises HeldError when nobody can decide it.

    `small` is the mail without what no reader looks at, as tasting leaves it.
    """
    # No server of ours has seen what came by SendGrid: there our server's name is anybody's to write.
    authserv_id = "" if came.source == SENDGRID else service.settings.authserv_id
    try:
        mail = read(small, authserv_id, service.settings.own)
    except TooMuchError as error:
        log.warning("a mail is over a cap", why=str(error))
        raise HeldError(Why.TOO_MUCH) from None
    mail = replace(mail, raw=came.raw)
    if OURS in mail.signals and not mail.failures:  # our own mail server may report from our own domain
        return Decision.DROPPED  # our own mail came back: a loop ends here
    with service.store.transaction() as tx:
        decision = _place(tx, service, mail, came, now, real_now)
    if decision is Decision.COMMAND:
        service.store.sweep_pages()  # ERASE LETTER, another LETTER and STOP erase words
    return decision


def _place(tx: Connection, service: Service, mail: Incoming, came: Came, now: datetime, real_now: datetime) -> Decision:
    """Find out whose mail it is, and decide it. Raises HeldError for nobody's, and for one that may be a machine's."""
    recipients = *came.to, *mail.recipients
    leaving = matching.leaving(tx, service, recipients)
    # That a machine wrote it does not matter: mail programs do for whoever presses their button (RFC 2369 section 3.2),
    # and nobody but the person and their mail house knows this address.
    if leaving is not None and not mail.report:
        rounds.stop(tx, service.keys, leaving, EndedReason.UNSUBSCRIBED, "mail", now, real_now)
        return Decision.LEFT
    answered = matching.by_token(tx, service, recipients, mail)
    if answered is None and (
        trials.take_in(tx, service, mail, recipients, real_now) or matching.ours(service, recipients, mail)
    ):
        return Decision.DROPPED
    passed = *came.passed, *mail.passed
    if mail.signs.counts is Counts.HOLD and not came.vouched:
        log.info("nobody can tell whether a person wrote a mail", why=mail.signs.row)
        raise HeldError(Why.UNCLEAR if answered or matching.by_sender(tx, service, mail, passed) else Why.NOBODY)
    machine = mail.signs.counts is Counts.NO
    course = joining.wanted(service, recipients) if answered is None and not machine else None
    if course is not None and not service.catalogue.command(course.name, "", mail.first_line):
        proven = aligned(mail.sender, passed)
        return joining.take_in(tx, service, mail, course, now, real_now, proven=proven)
    if answered is None and not machine:
        answered = matching.by_sender(tx, service, mail, passed)
    if answered is None:
        if machine:
            return Decision.DROPPED
        raise HeldError(Why.NOBODY)
    if machine and answered.delivery_id:
        mailed_reports.take_in(tx, service, mail, answered.person, answered.delivery_id, passed, now, real_now)
    mail = mail if machine else _without_ours(tx, service, mail, answered, now, real_now, vouched=came.vouched)
    return _decide(tx, service, mail, came, matching.sender(answered.person, mail, passed), answered, now, real_now)


def _without_ours(
    tx: Connection,
    service: Service,
    mail: Incoming,
    answered: Answered,
    now: datetime,
    real_now: datetime,
    *,
    vouched: bool,
) -> Incoming:
    """Read the words once more, knowing what we sent: our own are found however a mail program has quoted them.

    Where that is not known, and all was cut, it may be nothing but our own letter: then nothing of it is kept.
    Raises HeldError for a phone's reaction, which quotes us and says nothing else.
    """
    sent, also = as_sent(tx, service, answered, now, real_now)
    if not sent:
        return mail if mail.says_something else replace(mail, cut="", whole="")
    if reacts(mail.words, sent) and not vouched:
        log.info("nobody can tell whether a person wrote a mail", why="reaction")
        raise HeldError(Why.UNCLEAR)
    found = sift(mail.texts, sent, also)
    return replace(mail, words=found.text, cut=found.rest, whole=found.whole)


def as_sent(
    tx: Connection, service: Service, answered: Answered, now: datetime, real_now: datetime
) -> tuple[bytes, tuple[str, ...]]:
    """Return the message that a mail answers, as it went out, and its text at each level of the journal.

    What somebody chose may have changed since it left, so any of these may be what they got. b"" and no text where it
    is not known any more.
    """
    number = answered.delivery_id
    if number is None or answered.folded:
        return b"", ()
    sent = remaking.once_more(tx, service, number, now, real_now)
    return sent, remaking.at_each_level(tx, service, number, now, real_now) if sent else ()


def _decide(
    tx: Connection,
    service: Service,
    mail: Incoming,
    came: Came,
    sender: Sender,
    answered: Answered,
    now: datetime,
    real_now: datetime,
) -> Decision:
    person, day = answered.person, answered.day
    people.lock(tx, person)
    machine = mail.signs.counts is Counts.NO
    command = None if machine else commands.match(service, person, mail.first_line)
    if not machine and sender is Sender.OTHER and service.settings.other_senders == "hold" and not came.vouched:
        raise HeldError(Why.OTHER_SENDER)
    kind = Decision.AUTOMATIC if machine else _kind(service, mail, command, day, vouched=came.vouched)
    row = {
        "enrolment_id": person.id,
        "delivery_id": None if answered.folded else answered.delivery_id,
        "source": came.source,
        "sender": sender,
        "message_key": _message_key(service, mail, answered),
        "kind": kind,
        "received_at": now,
    }
    reply_id = insert_once(tx, replies, row)
    if reply_id is None:
        return Decision.REPEATED
    if kind in WORDS or commands.also_answers(command, mail) or _all_cut(kind, mail):
        journal.keep(tx, service, person, reply_id, day, commands.own_words(command, mail), real_now)
    theirs = sender is not Sender.OTHER or came.vouched
    reply = Reply(answered.delivery_id, day, silent=not mail.verdict.answer, rest=mail.rest, theirs=theirs)
    if not machine and joining.asks(tx, person, answered.delivery_id, command):
        joining.decide(tx, service, person, mail.first_line, now, real_now)
    elif command is not None:
        commands.act(tx, service, Request(person, command, reply, now, real_now))
        if day is not None and commands.also_answers(command, mail):
            completing.complete(tx, service, person, day, "reply", reply_id, now)
    elif kind != Decision.AUTOMATIC:
        counted = False
        if kind == Decision.COMPLETED and day is not None:
            counted = completing.complete(tx, service, person, day, "reply", reply_id, now)
        answering.acknowledge(tx, service, person, reply, now, counted=counted, empty=kind == Decision.EMPTY)
    return kind


def _kind(service: Service, mail: Incoming, command: Command | None, day: int | None, *, vouched: bool) -> Decision:
    if command is not None:
        return Decision.COMMAND
    held = Why.SEALED if mail.unreadable else Why.EMPTY if service.settings.empty_mail == "hold" else None
    if not mail.says_something and not (vouched and held):
        if held:
            raise HeldError(held)
        return Decision.EMPTY
    return Decision.NOTED if day is None else Decision.COMPLETED


def _all_cut(kind: Decision, mail: Incoming) -> bool:
    """Whether all that a person wrote may have been taken for a quote: whoever keeps a journal can put it back."""
    return kind == Decision.EMPTY and bool(mail.cut)


def _message_key(service: Service, mail: Incoming, answered: Answered) -> str:
    who = str(answered.delivery_id) if answered.delivery_id else mail.sender
    which = mail.message_id or f"{mail.date} {mail.words}"
    return service.keys.hash("message", f"{who} {which}")
