"""In charge of answers to a person's own mail: whether one is owed, which, and how often at most.

Nobody can tell a machine that hides from a person, so what keeps two machines from a conversation is counting, not
judgement. No word of a mail is looked at here: all get the same answers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy import Connection, select

from course.journeys import erasing, letter_ends, notices, rates, suppression
from course.journeys.people import Person
from course.journeys.service import Service
from course.store.states import DeliveryKind, DeliveryStatus, EnrolmentStatus
from course.store.tables import deliveries, enrolments

log = structlog.get_logger()
A_DAY = 3  # answers to one person, over all courses; their local date
HELP_A_DAY = 10  # more is a machine's; whoever asks for help gets it, whatever else was answered
CLOSED = (EnrolmentStatus.FINISHED, EnrolmentStatus.STOPPED)
UNREAD, EMPTY, RECEIPT, HELP = "unread", "empty", "receipt", "help"
CHECKIN = "checkin"
# The answers that any words bring about, so also a machine's that does not say that it is one.
FOR_ANY_WORDS = (RECEIPT, EMPTY, UNREAD)


@dataclass(frozen=True)
class Reply:
    """A reply, as far as its answer depends on it: the delivery of ours that it answers and, if a lesson, its day.

    `silent`: it asks not to be answered. Whoever typed a command is answered all the same: a machine types none, and
    help or erasure that somebody asked for must not fail for a header that their office's mail server adds.
    """

    delivery_id: int | None
    day: int | None
    silent: bool = False
    rest: str = field(default="", repr=False)  # what stands below the first line
    theirs: bool = True  # it came from the address on file, or the operator vouched for it


@dataclass(frozen=True)
class Before:
    """A notice that was owed to this person before. `answers` is the delivery whose reply it answered.

    `here`: it belongs to this round. `today`: it was queued today, though it may have to leave on another date.
    """

    notice: str
    here: bool
    answers: int | None
    today: bool
    cancelled: bool


Rule = Callable[[str, Reply, list[Before]], bool]


# The daily limits count cancelled notices too: whoever could let theirs be cancelled and get new ones would use up the
# places of everybody else (ANSWERS_HOURLY). Whether a mail was answered already counts only what was not cancelled.
def _three_a_day(_: str, __: Reply, before: list[Before]) -> bool:
    return sum(one.today and one.notice in COUNTED for one in before) < A_DAY


def _once_each_mail(_: str, reply: Reply, before: list[Before]) -> bool:
    return not any(one.here and one.answers == reply.delivery_id for one in _kept(before, *FOR_ANY_WORDS))


def _first_today(_: str, __: Reply, before: list[Before]) -> bool:
    return not any(one.today for one in _kept(before, *FOR_ANY_WORDS))


def _once_a_day(notice: str, _: Reply, before: list[Before]) -> bool:
    return not any(one.here and one.today for one in _kept(before, notice))


def _once(notice: str, _: Reply, before: list[Before]) -> bool:
    return not any(one.here for one in _kept(before, notice))


def _kept(before: list[Before], *names: str) -> list[Before]:
    return [one for one in before if one.notice in names and not one.cancelled]


def _at_most(number: int) -> Rule:
    """Return the rule that there are no more than so many of this notice a day."""
    return lambda notice, _, before: sum(one.today for one in before if one.notice == notice) < number


# All of its rules must agree. A command that changed something is answered beside the receipt of the same mail: whoever
# asked for a change must know that it happened, or asks again. The goodbye is the last mail there is: nothing keeps it
# back, and nothing follows it.
RULES: dict[str, tuple[Rule, ...]] = {
    RECEIPT: (_three_a_day, _once_each_mail),
    EMPTY: (_three_a_day, _once_each_mail, _first_today),
    UNREAD: (_three_a_day, _first_today),
    "paused": (_three_a_day,),  # another end of the pause is another change
    "resumed": (_three_a_day, _once_a_day),
    "skipped": (_three_a_day,),
    "next": (_three_a_day, _once_a_day),
    "hour": (_three_a_day,),
    "hours": (_three_a_day, _once_a_day),
    "kept": (_three_a_day,),
    "unwritten": (_three_a_day, _once_a_day),
    "months": (_three_a_day, _once_a_day),
    letter_ends.READY: (_three_a_day, _once_a_day),
    letter_ends.IN_MAIL: (_three_a_day,),
    "unkept": (_three_a_day,),
    "closed": (_three_a_day, _once_a_day),
    "over": (_three_a_day, _once_a_day),
    "plain": (_three_a_day,),
    "links": (_three_a_day,),
    "settings": (_three_a_day,),
    "exercise": (_three_a_day,),
    CHECKIN: (_at_most(A_DAY),),  # so that what helps when it is heavier waits behind no other answer
    erasing.ASKS: (_at_most(A_DAY),),  # so that nobody who wants to be erased is kept from it by other answers
    erasing.DONE: (_once,),
    notices.LAST: (_once,),
    HELP: (_at_most(HELP_A_DAY),),
}
# What goes out as an answer (RFC 3834); a letter that comes back, and word of it, do so by themselves as well.
ANSWERS = frozenset(RULES) - {letter_ends.READY, letter_ends.IN_MAIL}
COUNTED = frozenset(RULES) - {letter_ends.READY, notices.LAST, HELP, erasing.ASKS, erasing.DONE, CHECKIN}
ALWAYS = frozenset({notices.LAST, erasing.DONE})  # once for each person: no flood can bring about many
URGENT = frozenset({HELP, erasing.ASKS})  # no flood keeps these waiting: somebody's first of a day leaves at once


def acknowledge(
    tx: Connection,
    service: Service,
    person: Person,
    reply: Reply,
    now: datetime,
    *,
    counted: bool,
    empty: bool = False,
) -> None:
    """Answer a mail that asked for nothing. `counted`: a day is done by it that was not done before."""
    notice = _fitting(person, reply, counted=counted, empty=empty)
    if notice:
        answer(tx, service, person, notice, reply, now)


def _fitting(person: Person, reply: Reply, *, counted: bool, empty: bool) -> str:
    """Return which notice a mail is answered with, or "" for none: so it is for whoever never confirmed."""
    if person.confirmed_at is None:
        return ""
    if counted and person.status in notices.MAY_GET[RECEIPT]:
        return RECEIPT
    if reply.day is None or person.status in CLOSED:
        return UNREAD
    return EMPTY if empty else ""


def answer(tx: Connection, service: Service, person: Person, notice: str, reply: Reply, now: datetime) -> bool:
    """Owe this answer, to the address on file and to no other, if it may be given and was not given too often.

    Beyond so many in an hour to all people together (ANSWERS_HOURLY) it leaves in a later hour.

    Whoever decides two mails of one person at once holds people.lock().
    """
    if (reply.silent and notice in FOR_ANY_WORDS) or not _may_get(tx, service, person, notice):
        return False
    before = _before(tx, person, now)
    if not all(rule(notice, reply, before) for rule in RULES[notice]):
        return False
    number = 1 + sum(one.today for one in before if one.notice == notice)
    once = f"{person.today(now)}-{number}"
    at_once = notice in ALWAYS or (notice in URGENT and number == 1)
    slot = None if at_once else in_turn(tx, service, notice, now)
    if slot is None and not at_once:
        log.warning("answers of a day are owed already; one more is left out", answer=notice)
        return False
    if notice != UNREAD:
        _instead_of_unread(tx, person)
    leaves = now if slot is None else slot.leaves
    owed = notices.owe(tx, person, notice, leaves, once=once, day=reply.day, answers=reply.delivery_id)
    if owed and slot is not None:
        rates.take(tx, slot)
    return owed


def in_turn(tx: Connection, service: Service, notice: str, now: datetime) -> rates.Slot | None:
    """Return the next place among the answers of an hour (ANSWERS_HOURLY), to be taken; None when a day's are gone."""
    urgent, most = notice in URGENT, service.settings.answers_hourly
    return rates.free(tx, "urgent answers" if urgent else "answers", most, now, over=urgent)


def _may_get(tx: Connection, service: Service, person: Person, notice: str) -> bool:
    """Whether it would leave as things stand now: one that cannot must not use up a place among the answers.

    Whoever is about to be erased gets nothing more but the mail that says so, and help.
    """
    if notice != HELP and erasing.begun(tx, person.subscriber_id):
        return False
    standing = tx.execute(select(enrolments.c.status).where(enrolments.c.id == person.id)).scalar()
    return standing in notices.MAY_GET[notice] and not suppression.among(tx, service.keys, [person.email])


def _before(tx: Connection, person: Person, now: datetime) -> list[Before]:
    columns = deliveries.c.name, deliveries.c.enrolment_id, deliveries.c.status
    mine = deliveries.c.subscriber_id == person.subscriber_id, deliveries.c.kind == DeliveryKind.NOTICE
    today = f"{person.today(now)}"
    return [
        Before(
            notices.mailing_name(DeliveryKind.NOTICE, row.name),
            row.enrolment_id == person.id,
            notices.answered(row.name),
            notices.once(row.name).startswith(today),
            row.status == DeliveryStatus.CANCELLED,
        )
        for row in tx.execute(select(*columns).where(*mine))
    ]


def _instead_of_unread(tx: Connection, person: Person) -> None:
    """Cancel an "unread" notice that still waits: another answer says at least as much."""
    notices.cancel(tx, deliveries.c.subscriber_id == person.subscriber_id, notices.named(UNREAD))
