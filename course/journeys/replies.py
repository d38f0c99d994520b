"""In charge of what came in: what is decided of it, and what follows. Only the journal keeps words."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from enum import StrEnum

import structlog
from sqlalchemy import Connection

from course.content.command_words import Command
from course.journeys import (
    answering,
    commands,
    completing,
    filling,
    joining,
    journal,
    mailed_reports,
    matching,
    people,
    trials,
)
from course.journeys import enrolments as rounds
from course.journeys.answering import Prompt
from course.journeys.matching import Answered
from course.journeys.service import Service
from course.reading import Counts, Incoming, extract, read
from course.reading.caps import TooMuchError
from course.reading.signals import OURS
from course.store.database import insert_once
from course.store.states import EndedReason
from course.store.tables import replies

log = structlog.get_logger()


class Decision(StrEnum):
    """What became of a mail; also the kind of its row in `replies`."""

    COMPLETED = "completed"
    COMMAND = "command"
    LEFT = "left"
    NOTED = "noted"  # a person wrote to something that is not a lesson
    EMPTY = "empty"  # nobody can see that a person wrote
    AUTOMATIC = "automatic"
    JOINED = "joined"  # somebody asks for a course, and is asked back
    REPEATED = "repeated"  # the same mail once more
    DROPPED = "dropped"  # ours to forget: a machine's, or that of somebody who was erased
    HELD = "held"  # nobody can tell whose it is, or what a person wrote, or it is over a cap; it waits for the owner


WORDS = (Decision.COMPLETED, Decision.NOTED)  # what a person wrote, not what they asked for


def take_in(
    service: Service,
    raw: bytes,
    source: str,
    to: tuple[str, ...],
    passed: tuple[str, ...],
    now: datetime,
    real_now: datetime,
    whole: bytes = b"",
) -> Decision:
    """Decide one mail, in one transaction. `passed` are domains whose DKIM mark the way in has checked.

    `whole` is the mail as it came, if its attachments are cut in `raw`.
    """
    try:
        mail = read(raw, service.settings.authserv_id, service.own_domains)
        mail = replace(mail, raw=whole or raw)
    except TooMuchError as error:
        log.warning("a mail is over a cap and was put aside", why=str(error))
        return Decision.HELD
    if OURS in mail.signals:
        return Decision.DROPPED  # our own mail came back: a loop ends here
    with service.store.transaction() as tx:
        return _place(tx, service, raw, mail, source, (*to, *mail.recipients), passed, now, real_now)


def _place(
    tx: Connection,
    service: Service,
    raw: bytes,
    mail: Incoming,
    source: str,
    recipients: tuple[str, ...],
    passed: tuple[str, ...],
    now: datetime,
    real_now: datetime,
) -> Decision:
    """Find out whose mail it is; nothing is decided of what is nobody's, or may be no person's."""
    leaving = matching.leaving(tx, service, recipients)
    if leaving is not None and not mail.report:
        rounds.stop(tx, service.keys, leaving, EndedReason.UNSUBSCRIBED, "mail", now, real_now)
        return Decision.LEFT
    answered = matching.by_token(tx, service, recipients, mail)
    if answered is None and (
        trials.take_in(tx, service, mail, recipients, real_now) or matching.ours(service, recipients, mail)
    ):
        return Decision.DROPPED
    if mail.signs.counts is Counts.HOLD:
        log.info("a mail is put aside: nobody can tell whether a person wrote it", why=mail.signs.row)
        return Decision.HELD
    machine = mail.signs.counts is Counts.NO
    course = joining.wanted(service, recipients) if answered is None and not machine else None
    if course is not None and not service.catalogue.command(course.name, "", mail.first_line):
        return Decision(joining.take_in(tx, service, mail, course, now, real_now))
    if answered is None and not machine:
        answered = matching.by_sender(tx, service, mail, (*passed, *mail.passed))
    if answered is None:
        return Decision.DROPPED if machine else Decision.HELD
    if machine and answered.delivery_id:
        mailed_reports.take_in(tx, service, mail, answered.person, answered.delivery_id, now, real_now)
    mail = mail if machine else _without_ours(tx, service, raw, mail, answered, now, real_now)
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
    if answered.folded or answered.delivery_id is None:
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
    person, day = answered.person, answered.day
    people.alone(tx, person)
    machine = mail.signs.counts is Counts.NO
    command = None if machine else commands.match(service, person, mail.first_line)
    kind = Decision.AUTOMATIC if machine else _kind(mail, command, day)
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
    if kind in WORDS or commands.also_answers(command, mail):
        journal.keep(tx, service, person, reply_id, day, mail, real_now)
    prompt = Prompt(answered.delivery_id, day, silent=not mail.verdict.answer)
    if not machine and joining.asks(tx, person, answered.delivery_id) and (command is None or command.name != "HELP"):
        joining.decide(tx, service, person, mail.first_line, now, real_now)
    elif command is not None:
        commands.act(tx, service, person, command, prompt, now, real_now)
        if day is not None and commands.also_answers(command, mail):
            completing.complete(tx, service, person, day, "reply", reply_id, now)
    elif kind != Decision.AUTOMATIC:
        counted = False
        if kind == Decision.COMPLETED and day is not None:
            counted = completing.complete(tx, service, person, day, "reply", reply_id, now)
        answering.acknowledge(tx, person, prompt, now, counted=counted, empty=kind == Decision.EMPTY)
    return kind


def _kind(mail: Incoming, command: Command | None, day: int | None) -> Decision:
    if command is not None:
        return Decision.COMMAND
    if not mail.says_something:
        return Decision.HELD if mail.unreadable else Decision.EMPTY
    return Decision.NOTED if day is None else Decision.COMPLETED


def _message_key(service: Service, mail: Incoming, answered: Answered) -> str:
    who = str(answered.delivery_id) if answered.delivery_id else mail.sender
    which = mail.message_id or f"{mail.date} {mail.words}"
    return service.keys.hash("message", f"{who} {which}")
