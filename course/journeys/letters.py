"""In charge of the letter that its writer gets back: kept locked by their own key, and told of when its time comes.

It is a consent of its own, whatever they chose for their journal, and outlives the course. A round of a course has one
at most; another takes its place. Only a fresh link shows its words, or the mail itself where that was asked for.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, insert, select, update

from course.content.slots import say
from course.journeys import consent, letter_ends, notices, pages, people, person_keys, suppression
from course.journeys import enrolments as rounds
from course.journeys.people import Person
from course.journeys.service import Service
from course.locking import LockedError, lock, unlock
from course.store.states import EnrolmentStatus
from course.store.tables import deliveries, letters

LONGEST = 15_000  # characters, of any script
READY, IN_MAIL = letter_ends.READY, letter_ends.IN_MAIL  # the notices: one says that it is there, one holds it
AT_ONCE = 500  # letters told of in one transaction


@dataclass(frozen=True)
class Looked:
    """Whom a letter's page is for, and the letter that is kept for them, if there is one; never its words.

    `told`: its link came in the mail that says that this letter is ready; other mails are passed on more easily.
    """

    person: Person
    letter: Row[Any] | None
    told: bool


@dataclass(frozen=True)
class Wish:
    """What somebody asks for: after how many months, with its words in the mail or not, and in which words they did."""

    months: int
    in_mail: bool
    wording: str
    how: str


def offered(service: Service, course: str) -> bool:
    """Whether a letter can come back here: the course has one, and there are keys to lock it with."""
    known = service.catalogue.courses.get(course)
    return bool(service.key_ring) and known is not None and bool(known.letter_days)


def look(service: Service, token: str) -> Looked | None:
    """Return what a letter's page is about; None for a link of no use, or where no letter can come back."""
    with service.store.reading() as tx:
        return _looked(tx, service, token)


def keep_by_page(
    service: Service, token: str, text: str, wish: Wish, now: datetime, real_now: datetime
) -> Looked | None:
    """Keep a letter typed on its page, where none is kept, and owe word of it; say what is so. Raises LockedError."""
    with service.store.transaction() as tx:
        looked = _looked(tx, service, token)
        if looked is not None:
            people.lock(tx, looked.person)
            looked = _looked(tx, service, token)  # whatever another request did meanwhile
        if looked is None or looked.letter is not None or looked.person.status == EnrolmentStatus.STOPPED:
            return looked
        number = keep(tx, service, looked.person, text, wish, now, real_now)
        # Whoever was passed a lesson holds its link: whose lesson it is hears of a letter that was left for them.
        notices.owe(tx, looked.person, "kept", now, once=f"{looked.person.today(now)}-page{number}")
    service.store.sweep_pages()
    return look(service, token)


def keep(
    tx: Connection, service: Service, person: Person, text: str, wish: Wish, now: datetime, real_now: datetime
) -> int:
    """Keep a letter, in the place of one that this round has, and record the consent; its id. Raises LockedError."""
    letter_ends.erase(tx, of_round(person.id))
    key_id, key = person_keys.current(service, suppression.mark(service.keys, person.email), real_now)
    row = {
        "subscriber_id": person.subscriber_id,
        "enrolment_id": person.id,
        "months": wish.months,
        "in_mail": wish.in_mail,
        "key_id": key_id,
        "locked": lock(key, text.encode(), _place(person.id)),
        "asked_at": real_now,
        "due_at": _due(service, person, wish.months, now),
    }
    number: int = tx.execute(insert(letters).values(row).returning(letters.c.id)).scalar_one()
    consent.record(tx, service.keys, person, "letter-given", wish.wording, wish.how, real_now)
    return number


def later(service: Service, subscriber_id: int, letter_id: int, now: datetime) -> None:
    """Let a letter of this person's that is ready come another month later."""
    with service.store.transaction() as tx:
        for row in ready(tx, subscriber_id):
            if row.id == letter_id:
                put_off(tx, service, people.by_id(tx, row.enrolment_id), row, now)


def put_off(tx: Connection, service: Service, person: Person | None, row: Row[Any], now: datetime) -> None:
    """Let the letter of this person's round come another month later, if its time has come; else nothing changes."""
    if person is not None and row.told_at is not None:
        letter_ends.withdraw(tx, row)
        again = {"due_at": _due(service, person, 1, now), "told_at": None, "erase_at": None}
        tx.execute(update(letters).where(letters.c.id == row.id).values(again))


def cancel(service: Service, subscriber_id: int, letter_id: int, real_now: datetime) -> bool:
    """Erase a letter of this person's, read or unread, and record that the consent was taken back. False: none such."""
    with service.store.transaction() as tx:
        rounds_of = {row.id: row.enrolment_id for row in of_person(tx, subscriber_id)}
        person = people.by_id(tx, rounds_of.get(letter_id, 0))
        if person is None or not take_back(tx, service, person, letter_id, "page", real_now):
            return False
    service.store.sweep_pages()
    return True


def take_back(tx: Connection, service: Service, person: Person, letter_id: int, how: str, real_now: datetime) -> bool:
    """Erase the letter of this person's round, and record that the consent was taken back. False: it is gone."""
    if not letter_ends.erase(tx, letters.c.id == letter_id):
        return False
    words = wording(service, person, "withdrawn")
    consent.record(tx, service.keys, person, "letter-withdrawn", words, how, real_now)
    return True


def tell(service: Service, now: datetime, real_now: datetime) -> int:
    """Owe word of each letter whose time has come, at its writer's present hour; return how many.

    With its words, if they asked for that and it can be opened; else the mail says that it is ready.
    """
    due = letters.c.told_at.is_(None), letters.c.erase_at.is_(None), letters.c.due_at <= now
    with service.store.reading() as tx:
        if tx.execute(select(letters.c.id).where(*due).limit(1)).first() is None:
            return 0
    with service.store.transaction() as tx:
        found = tx.execute(select(letters).where(*due).limit(AT_ONCE).with_for_update(skip_locked=True)).all()
        for row in found:
            person = people.by_id(tx, row.enrolment_id)
            if person is not None:
                _tell(tx, service, person, row, now, real_now)
    return len(found)


def opened(service: Service, row: Row[Any]) -> str | None:
    """Return the words of a row of `letters`, or None if they cannot be opened; nothing is changed by trying."""
    try:
        return unlock(person_keys.find(service, row.key_id), row.locked, _place(row.enrolment_id)).decode()
    except LockedError:
        return None


def of_person(tx: Connection, subscriber_id: int) -> list[Row[Any]]:
    """Return every letter of somebody's, waiting or ready, the newest last."""
    return list(tx.execute(select(letters).where(letters.c.subscriber_id == subscriber_id).order_by(letters.c.id)))


def ready(tx: Connection, subscriber_id: int) -> list[Row[Any]]:
    """Return somebody's letters whose time has come, the newest last: for their own pages, and for nobody else."""
    return [row for row in of_person(tx, subscriber_id) if row.told_at is not None]


def open_one(service: Service, subscriber_id: int, letter_id: int, real_now: datetime) -> str | None:
    """Return the words of a letter of this person's that is ready; thirty days after the first time it is erased."""
    with service.store.transaction() as tx:
        row = next((row for row in ready(tx, subscriber_id) if row.id == letter_id), None)
        words = opened(service, row) if row is not None else None
        if words is not None:
            unread = letters.c.id == letter_id, letters.c.erase_at.is_(None)
            tx.execute(update(letters).where(*unread).values(erase_at=real_now + letter_ends.KEEP))
    return words


def wording(service: Service, person: Person, what: str, **values: str) -> str:
    """Return words of [letters], as they are shown or recorded: keep, in_mail, asked, asked_words, withdrawn."""
    locale = service.catalogue.locale(person.course, person.locale)
    return say(service.catalogue.words[locale]["letters"][what], days=str(letter_ends.KEEP.days), **values)


def _looked(tx: Connection, service: Service, token: str) -> Looked | None:
    """Find the letter of the round that the mail belonged to; else that of the round that goes on now."""
    found = pages.look(tx, service, token)
    if found is None or found.person.confirmed_at is None or not offered(service, found.person.course):
        return None
    theirs = {row.enrolment_id: row for row in of_person(tx, found.person.subscriber_id)}
    own_round = found.mail.person.id
    letter = theirs.get(own_round, theirs.get(found.person.id))
    says = select(deliveries.c.id).where(deliveries.c.id == found.delivery_id, letter_ends.tells())
    told = own_round in theirs and tx.execute(says).first() is not None
    return Looked(found.person, letter, told and letter is not None and letter.told_at is not None)


def _tell(tx: Connection, service: Service, person: Person, row: Row[Any], now: datetime, real_now: datetime) -> None:
    in_mail = row.in_mail and opened(service, row) is not None
    told = {"told_at": now} | ({"erase_at": real_now + letter_ends.KEEP} if in_mail else {})
    tx.execute(update(letters).where(letters.c.id == row.id).values(told))
    at = max(now, rounds.pause_end(service, person, person.today(row.due_at)))
    notices.owe(tx, person, IN_MAIL if in_mail else READY, at, once=f"{person.today(now)}")


def _due(service: Service, person: Person, months: int, now: datetime) -> datetime:
    return rounds.pause_end(service, person, after_months(person.today(now), months))


def after_months(day: date, months: int) -> date:
    """Return the same day so many months on, or the last one of a month that is too short."""
    years, month = divmod(day.month - 1 + months, 12)
    last = calendar.monthrange(day.year + years, month + 1)[1]
    return date(day.year + years, month + 1, min(day.day, last))


def of_round(enrolment_id: int) -> ColumnElement[bool]:
    """Return the condition for the letter of a round."""
    return letters.c.enrolment_id == enrolment_id


def _place(enrolment_id: int) -> str:
    return f"letter of round {enrolment_id}"
