"""In charge of check-ins: how a day was, as people say. Counted without a name, and kept only for whoever asks.

A person's row says that they answered and in which week; not what, not when, and not in which order. What was counted
cannot be found again, so only an answer that is kept can be changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Connection, delete, exists, insert, select, update

from course.journeys import consent, pacing, pages, people
from course.journeys.people import Person
from course.journeys.service import Service
from course.schedule import Pace, monday
from course.store.database import insert_adding
from course.store.states import CheckinAnswer, EnrolmentStatus
from course.store.tables import checkin_counts, checkins, enrolments

KEEP, KEEP_WITHDRAWN = "keep", "keep_withdrawn"


@dataclass(frozen=True)
class Asked:
    """Whom a check-in's page is for. `keeps`: they asked for their answers to be kept; `may_keep`: they can ask.

    `person` is the round that goes on now, `round` the id of the one whose mail asked: an answer belongs to that one.
    """

    person: Person
    round: int
    day: int
    keeps: bool
    may_keep: bool


class Taken(StrEnum):
    """What became of an answer."""

    COUNTED = "counted"
    CHANGED = "changed"  # also where it is the same once more
    BEFORE = "before"  # one was counted before, and nobody can tell which


def look(service: Service, token: str) -> Asked | None:
    """Return what a check-in's link stands for; None for one that is of no use, or of a mail that was no lesson."""
    with service.store.reading() as tx:
        return _asked(tx, service, token)


def answer(
    service: Service, token: str, said: CheckinAnswer, now: datetime, real_now: datetime, *, keep: bool
) -> tuple[Asked, Taken] | None:
    """Count an answer, once per person and day; `keep`: they ticked the box that asks for it to be kept, too."""
    with service.store.transaction() as tx:
        asked = _asked(tx, service, token)
        if asked is None:
            return None
        people.lock(tx, asked.person)
        keep = asked.may_keep and (keep or asked.keeps)
        taken = _take(tx, asked, said, monday(now), keep=keep)
        if taken == Taken.COUNTED and keep and not asked.keeps:
            _record(tx, service, asked.person, "answer-given", KEEP, real_now)
        return _asked(tx, service, token) or asked, taken


def said(tx: Connection, person: Person, of_round: int, day: int, answer: CheckinAnswer, now: datetime) -> None:
    """Count an answer that came by reply, as one on the page; kept only where they asked for that before."""
    asked = _asked_of(tx, person, of_round, day)
    _take(tx, asked, answer, monday(now), keep=asked.may_keep and asked.keeps)


def keep_no_longer(service: Service, token: str, real_now: datetime) -> Asked | None:
    """Take back the consent to keep answers, for the person whose mail's link this is."""
    with service.store.transaction() as tx:
        asked = _asked(tx, service, token)
        if asked is None:
            return None
        forget(tx, service, asked.person, real_now)
    service.store.sweep_pages()
    return look(service, token)


def smaller_steps(service: Service, token: str, now: datetime) -> Asked | None:
    """Let each lesson wait until they are ready for it, where the course can be taken so."""
    with service.store.transaction() as tx:
        asked = _asked(tx, service, token)
        if asked is None:
            return None
        people.lock(tx, asked.person)
        if Pace.SELF_PACED in pacing.offered(service, asked.person.course):
            pacing.change(tx, service, asked.person, Pace.SELF_PACED, now)
        return _asked(tx, service, token)


def forget(tx: Connection, service: Service, person: Person, real_now: datetime) -> None:
    """Erase what somebody answered, in every round of the course, and record that they took it back.

    That they answered stays, and so does the count. Where no answer was kept, nothing is recorded.
    """
    rounds = select(enrolments.c.id).where(people.same_course(person))
    kept = checkins.c.enrolment_id.in_(rounds), checkins.c.answer.is_not(None)
    if tx.execute(update(checkins).where(*kept).values(answer=None)).rowcount:
        _record(tx, service, person, "answer-withdrawn", KEEP_WITHDRAWN, real_now)


def wording(service: Service, person: Person, what: str) -> str:
    """Return the words of the consent to keep answers, or of taking it back, as they must be shown."""
    locale = service.catalogue.locale(person.course, person.locale)
    said: str = service.catalogue.words[locale]["pages"]["checkin"][what]
    return said


def _asked(tx: Connection, service: Service, token: str) -> Asked | None:
    opened = pages.look(tx, service, token)
    if opened is None or opened.mail.day is None:
        return None
    return _asked_of(tx, opened.person, opened.mail.person.id, opened.mail.day)


def _asked_of(tx: Connection, person: Person, of_round: int, day: int) -> Asked:
    mine = checkins.c.enrolment_id == of_round, checkins.c.answer.is_not(None)
    keeps = bool(tx.execute(select(exists().where(*mine))).scalar())
    # Nothing new is kept of somebody who has left; their answer still counts.
    return Asked(person, of_round, day, keeps, may_keep=person.status != EnrolmentStatus.STOPPED)


def _take(tx: Connection, asked: Asked, said: CheckinAnswer, week: date, *, keep: bool) -> Taken:
    mine = checkins.c.enrolment_id == asked.round, checkins.c.day == asked.day
    before = tx.execute(select(checkins.c.answer, checkins.c.answered_on).where(*mine)).first()
    if before is None:
        row = {"enrolment_id": asked.round, "day": asked.day, "answered_on": week}
        tx.execute(insert(checkins).values(**row, answer=said if keep else None))
        _count(tx, asked, week, said)
        return Taken.COUNTED
    if before.answer is None:
        return Taken.BEFORE
    if before.answer != said:
        # A week that is closed may have been shown: a number that changes afterwards would tell who changed it.
        if before.answered_on == week:
            _count(tx, asked, week, said, instead_of=before.answer)
        tx.execute(update(checkins).where(*mine).values(answer=said))
    return Taken.CHANGED


def _count(tx: Connection, asked: Asked, week: date, said: str, instead_of: str | None = None) -> None:
    """Add one to the count of an answer; the other counts of that day and week are written anew with it.

    Otherwise the database would show which one grew: PostgreSQL marks each row with the transaction that wrote it, and
    so the person's own row.
    """
    counts = checkin_counts.c
    cells = counts.course == asked.person.course, counts.day == asked.day, counts.week == week
    tx.execute(select(counts.answer).where(*cells).order_by(counts.answer).with_for_update()).all()
    if instead_of is not None:
        old = (*cells, counts.answer == instead_of)
        if not tx.execute(delete(checkin_counts).where(*old, counts.number == 1)).rowcount:
            tx.execute(update(checkin_counts).where(*old).values(number=counts.number - 1))
    cell = {"course": asked.person.course, "day": asked.day, "week": week, "answer": said, "number": 1}
    insert_adding(tx, checkin_counts, [cell])
    tx.execute(update(checkin_counts).where(*cells).values(number=counts.number))


def _record(tx: Connection, service: Service, person: Person, what: str, words: str, real_now: datetime) -> None:
    consent.record(tx, service.keys, person, what, wording(service, person, words), "page", real_now)
