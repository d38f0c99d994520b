"""In charge of what somebody says by reply of a letter that comes back: keep it, open it, let it wait, erase it.

The answer goes to the address on file, as a fresh link would; whoever has left is told that none is kept for them.
A lesson may have been forwarded, and a consent is its writer's own: nothing that comes from another address keeps a
letter, brings its words, puts it off or erases it. The answer to that says what is so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from sqlalchemy import Connection, Row, update

from course.journeys import answering, consent, letter_ends, letters, people
from course.journeys.letters import Wish
from course.journeys.people import Person
from course.journeys.requests import Act, Request
from course.journeys.service import Service
from course.store.states import EnrolmentStatus
from course.store.tables import letters as kept

HOW = "reply"
Change = Callable[[Connection, Service, Person, Row[Any], Request], None]  # the letter, and the round that holds it
log = structlog.get_logger()


def offered(service: Service, person: Person) -> bool:
    """Whether a letter can come back in this person's course."""
    return letters.offered(service, person.course)


def _keep(tx: Connection, service: Service, request: Request) -> None:
    """Keep what stands below the line, to come back: that they ask for it is their consent. Without any, say so.

    Where they name no time that can be chosen, or write the letter on that very line, say how it is done.
    """
    person = people.live_round(tx, request.person)
    if _has_left(tx, service, person, request):
        return
    if not request.reply.theirs:
        if found := _theirs(tx, service, person, request):
            _say_how_it_stands(tx, service, *found, request)
        return
    if not request.reply.rest or request.command.months is None:
        notice = "months" if request.command.months is None else "unwritten"
        answering.answer(tx, service, person, notice, request.reply, request.now)
        return
    asked = letters.wording(service, person, "asked", months=str(request.command.months))
    wish = Wish(request.command.months, in_mail=False, wording=asked, how=HOW)
    letters.keep(tx, service, person, request.reply.rest, wish, request.now, request.real_now)
    answering.answer(tx, service, person, "kept", request.reply, request.now)


def _with_letter(change: Change) -> Act:
    """Return what is done with the letter that is meant; a reply from another address is only told how it stands."""

    def act(tx: Connection, service: Service, request: Request) -> None:
        found = _theirs(tx, service, request.person, request)
        if found is not None:
            does = change if request.reply.theirs else _say_how_it_stands
            does(tx, service, *found, request)

    return act


def _open(tx: Connection, service: Service, holder: Person, letter: Row[Any], request: Request) -> None:
    """Send the words of a letter whose time has come; of one that waits, say until when."""
    if letter.told_at is None:
        _say_how_it_stands(tx, service, holder, letter, request)
    elif letters.opened(service, letter) is None:
        log.error("a letter that its writer asks for cannot be opened: its key is not here")
        answering.answer(tx, service, holder, answering.UNREAD, request.reply, request.now)
    elif answering.answer(tx, service, holder, letters.IN_MAIL, request.reply, request.now):
        unread = kept.c.id == letter.id, kept.c.erase_at.is_(None)
        tx.execute(update(kept).where(*unread).values(erase_at=request.real_now + letter_ends.KEEP))
        words = letters.wording(service, holder, "asked_words")
        consent.record(tx, service.keys, holder, "letter-given", words, HOW, request.real_now)


def _later(tx: Connection, service: Service, holder: Person, letter: Row[Any], request: Request) -> None:
    """Let a letter whose time has come wait another month; say when it comes."""
    letters.put_off(tx, service, holder, letter, request.now)
    answering.answer(tx, service, holder, "kept", request.reply, request.now)


def _erase(tx: Connection, service: Service, holder: Person, letter: Row[Any], request: Request) -> None:
    """Erase a letter, read or unread, and say that none is kept."""
    letters.take_back(tx, service, holder, letter.id, HOW, request.real_now)
    answering.answer(tx, service, people.live_round(tx, request.person), "unkept", request.reply, request.now)


def _say_how_it_stands(tx: Connection, service: Service, holder: Person, letter: Row[Any], request: Request) -> None:
    """Say that a letter is kept, and until when; or that it is ready, and what can be done with it."""
    notice = "kept" if letter.told_at is None else letters.READY
    answering.answer(tx, service, holder, notice, request.reply, request.now)


def _theirs(tx: Connection, service: Service, person: Person, request: Request) -> tuple[Person, Row[Any]] | None:
    """Return the letter that a mail speaks of and its round: this round's, else the newest of the course.

    Where there is none, that is the answer.
    """
    live = people.live_round(tx, person)
    if _has_left(tx, service, live, request):
        return None
    rows = {row.enrolment_id: row for row in letters.of_person(tx, person.subscriber_id)}
    rounds = [people.by_id(tx, number) for number in (person.id, *sorted(rows, reverse=True)) if number in rows]
    holder = next((one for one in rounds if one is not None and one.course == person.course), None)
    if holder is None:
        answering.answer(tx, service, live, "unkept", request.reply, request.now)
        return None
    return holder, rows[holder.id]


def _has_left(tx: Connection, service: Service, live: Person, request: Request) -> bool:
    """Whether no letter can be kept for this person, who is told so; who never said yes to our mail gets none."""
    if live.status == EnrolmentStatus.STOPPED and live.confirmed_at is not None:
        answering.answer(tx, service, live, "closed", request.reply, request.now)
    return live.confirmed_at is None or live.status == EnrolmentStatus.STOPPED


ACTS = {
    "LETTER": _keep,
    "OPEN": _with_letter(_open),
    "LATER": _with_letter(_later),
    "ERASE": _with_letter(_erase),
}
