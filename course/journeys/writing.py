"""In charge of what somebody writes on a mail's own page instead of replying: it counts, and is kept, as a reply is.

No mail answers it, for the page says what a receipt says. A word like STOP does nothing here, and is not taken for an
answer unasked: who typed it is told where it does something.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import structlog
from sqlalchemy import Connection, func, select

from course.content import help_lines
from course.journeys import commands, completing, journal, pages, people
from course.journeys.decisions import Decision
from course.journeys.people import Person
from course.journeys.service import Service
from course.locking import LockedError
from course.reading import typed
from course.settings import SettingsError
from course.store.database import AWAY, insert_once
from course.store.states import DeliveryKind, DeliveryStatus, JournalLevel
from course.store.tables import deliveries, replies

LONGEST = 30_000  # characters: some fifteen pages
SOURCE = "page"
SENT = (DeliveryStatus.SENT, DeliveryStatus.UNKNOWN)
log = structlog.get_logger()


class Outcome(StrEnum):
    """What became of what was written; where it was not noted, the page shows it again."""

    NOTED = "noted"
    EMPTY = "empty"
    TOO_LONG = "too_long"
    COMMAND = "command"  # a word that would change the course in a mail
    FAILED = "failed"  # it cannot be noted now


@dataclass(frozen=True)
class Desk:
    """Where somebody writes. `day` is None where no letter has come yet; `level` is what becomes of the words."""

    course: str
    title: str
    locale: str
    name: str
    day: int | None
    level: JournalLevel
    help_lines: str


@dataclass(frozen=True)
class _Place:
    person: Person
    day: int | None
    delivery_id: int
    folded: bool


def look(service: Service, token: str, now: datetime) -> Desk | None:
    """Return what the page of this token is for; None for a token that is of no use. Changes nothing."""
    with service.store.reading() as tx:
        place = _place(tx, service, token)
        return _desk(tx, service, place, now) if place else None


def write(
    service: Service, token: str, words: str, nonce: str, now: datetime, real_now: datetime, *, meant: bool = False
) -> tuple[Desk, Outcome] | None:
    """Note what was written: once, however often it is sent. None for a token that is of no use.

    `nonce` tells one form from another; other words from the same form are another answer, for somebody may go on
    writing while their first words are on their way. `meant`: a word like STOP is an answer, and nothing else.
    """
    words = words.replace("\r\n", "\n").replace("\0", "").strip()
    with service.store.reading() as tx:
        place = _place(tx, service, token)
        if place is None:
            return None
        desk, outcome = _desk(tx, service, place, now), _look_at(service, place.person, words, meant=meant)
    if outcome is not Outcome.NOTED or desk.day is None:
        return desk, outcome
    try:
        with service.store.transaction() as tx:
            place = _place(tx, service, token)
            if place is None:
                return None  # erased, this very moment
            people.lock(tx, place.person)
            _note(tx, service, place, words, nonce, now, real_now)
    except (SettingsError, LockedError, *AWAY) as error:
        log.error("words written on a page could not be kept; their writer has them", error=type(error).__name__)
        outcome = Outcome.FAILED
    return desk, outcome


def _look_at(service: Service, person: Person, words: str, *, meant: bool) -> Outcome:
    if not words:
        return Outcome.EMPTY
    if len(words) > LONGEST:
        return Outcome.TOO_LONG
    command = commands.match(service, person, typed(words).first_line)
    return Outcome.COMMAND if command and command.name != "DONE" and not meant else Outcome.NOTED


def _note(
    tx: Connection, service: Service, place: _Place, words: str, nonce: str, now: datetime, real_now: datetime
) -> None:
    row = {
        "enrolment_id": place.person.id,
        "delivery_id": None if place.folded else place.delivery_id,
        "source": SOURCE,
        "message_key": service.keys.hash("message", f"{place.delivery_id} {SOURCE} {nonce} {words}"),
        "kind": Decision.COMPLETED,
        "received_at": now,
    }
    reply_id = insert_once(tx, replies, row)
    if reply_id is None or place.day is None:
        return
    journal.keep(tx, service, place.person, reply_id, place.day, typed(words), real_now)
    completing.complete(tx, service, place.person, place.day, completing.PAGE, reply_id, now)


def _place(tx: Connection, service: Service, token: str) -> _Place | None:
    """Return the round and day that are written about: a lesson's own, else the newest lesson that has come."""
    opened = pages.look(tx, service, token)
    if opened is None:
        return None
    mail = opened.mail
    if mail.day is not None:
        return _Place(mail.person, mail.day, opened.delivery_id, mail.folded)
    mine = deliveries.c.enrolment_id == opened.person.id, deliveries.c.kind == DeliveryKind.LESSON
    newest = tx.execute(select(func.max(deliveries.c.day)).where(*mine, deliveries.c.status.in_(SENT))).scalar()
    return _Place(opened.person, newest, opened.delivery_id, mail.folded)


def _desk(tx: Connection, service: Service, place: _Place, now: datetime) -> Desk:
    person, catalogue = place.person, service.catalogue
    locale = catalogue.locale(person.course, person.locale)
    country = help_lines.country_for(person.country, person.timezone)
    left = people.has_left(tx, person)  # nothing new is kept of somebody who has left
    return Desk(
        course=person.course,
        title=catalogue.title(person.course, locale),
        locale=locale,
        name=person.name,
        day=place.day,
        level=JournalLevel.COUNT if left else journal.level_of(tx, person.id),
        help_lines=catalogue.help_for(locale, country, person.today(now)),
    )
