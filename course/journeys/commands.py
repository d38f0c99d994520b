"""In charge of commands: a reply whose whole first line is one of a locale's words for STOP, PAUSE and the like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from course.content.command_words import Command
from course.journeys import (
    answering,
    choice_replies,
    completing,
    erasing,
    letter_replies,
    notices,
    offering,
    over,
    pacing,
    people,
    preferences,
    rates,
    resending,
    signup,
)
from course.journeys import enrolments as rounds
from course.journeys.people import Person
from course.journeys.requests import Act, Request
from course.journeys.service import Service
from course.reading import Incoming
from course.store.states import EndedReason, EnrolmentStatus


def match(service: Service, person: Person, line: str) -> Command | None:
    """Return the command that this line is, in the person's words first and then in any locale's."""
    found = service.catalogue.command(person.course, person.locale, line)
    # Where no letter can be kept, or no course comes next, the line is words like any other, and so is what it heads.
    there = THERE.get(found.name) if found else None
    return None if there and not there(service, person) else found


def act(tx: Connection, service: Service, request: Request) -> None:
    """Do what a command says, to the enrolment that was replied to, and answer it."""
    ACTS[request.command.name](tx, service, request)
    over.say(tx, service, request)


def also_answers(command: Command | None, mail: Incoming) -> bool:
    """Whether a command stands above an answer to the day: it is of such a kind, and they wrote more than its line.

    A line that names a place, or a pace of their own, may well be the title of what they wrote. A letter that cannot
    come back, as no time was named, is words like any other: its day counts, and a journal keeps them.
    """
    if command is None:
        return False
    if command.name == "LETTER" and command.months is None:
        return True
    return command.name in ("DONE", "HELP", "LETTER", *choice_replies.ACTS) and mail.says_more


def own_words(command: Command | None, mail: Incoming) -> Incoming:
    """Return a mail without the line that says how a day was: what is kept, others may be allowed to read."""
    says_how = command is not None and command.name == "CHECKIN"
    return replace(mail, words=mail.rest, cut="", whole="") if says_how else mail


def _stop(tx: Connection, service: Service, request: Request) -> None:
    """End the course, and say goodbye; a sign-up that nobody said yes to is refused, as by a no to its question."""
    person = people.live_round(tx, request.person)
    if person.status == EnrolmentStatus.PENDING:
        signup.refuse(tx, service, person, request.now, request.real_now)
        return
    rounds.stop(tx, service.keys, person, EndedReason.UNSUBSCRIBED, "reply", request.now, request.real_now)
    answering.answer(tx, service, person, notices.LAST, request.reply, request.now)


def _pause(tx: Connection, service: Service, request: Request) -> None:
    """Pause, also somebody who has paused: then it is the end of the pause that changes."""
    person = people.live_round(tx, request.person)
    until = _end(service, person, request.command, request.now)
    if rounds.pause(tx, person, request.now, until) or rounds.pause_until(tx, person, until, request.now):
        answering.answer(tx, service, person, "paused", request.reply, request.now)


def _end(service: Service, person: Person, command: Command, now: datetime) -> datetime | None:
    """Return when a pause is over: in so many days, or on the next such weekday, which is never today."""
    today, days = person.today(now), command.days
    if command.weekday is not None:
        days = (command.weekday - today.weekday() - 1) % 7 + 1
    return rounds.pause_end(service, person, today + timedelta(days=days)) if days else None


def _resume(tx: Connection, service: Service, request: Request) -> None:
    person = people.live_round(tx, request.person)
    if rounds.resume(tx, service, person, request.now):
        answering.answer(tx, service, person, "resumed", request.reply, request.now)
    elif pacing.release(tx, service, person, request.now):
        answering.answer(tx, service, person, "next", request.reply, request.now)


def _next(tx: Connection, service: Service, request: Request) -> None:
    """Let the next lesson come as soon as it may, and say when: with one a day, that is mostly when it would anyway."""
    person = people.live_round(tx, request.person)
    if person.status == EnrolmentStatus.PAUSED:
        _resume(tx, service, request)
    elif pacing.ready(tx, service, person, request.now) is not None:
        answering.answer(tx, service, person, "next", request.reply, request.now)


def _skip(tx: Connection, service: Service, request: Request) -> None:
    """Leave out the day of the mail that is answered, or the one that a course waits at; whoever skips is ready.

    In a round that has ended because another one was begun, only that round's day is left out; the answer says how the
    one stands that goes on.
    """
    day = pacing.day_meant(request.person, request.reply.day)
    if day is None:
        return
    person = people.live_round(tx, request.person)
    skipped = rounds.skip(tx, request.person, day, request.now)
    pacing.release(tx, service, person, request.now)
    if request.person.status == EnrolmentStatus.STOPPED:
        answering.answer(tx, service, person, choice_replies.SETTINGS, request.reply, request.now)
    elif skipped:
        answering.answer(tx, service, request.person, "skipped", replace(request.reply, day=day), request.now)


def _again(tx: Connection, service: Service, request: Request) -> None:
    """Owe the lesson once more, which is the answer: the one that was replied to, else the last one.

    In a round that has ended because another one was begun, that day's lesson of the one that goes on. Where no such
    lesson has been sent, the answer says how the course is set, and when the next one comes.
    """
    ended = request.person.status == EnrolmentStatus.STOPPED
    person = people.live_round(tx, request.person) if ended else request.person
    day = resending.last(tx, person, request.reply.day)
    if day is None:
        answering.answer(tx, service, person, choice_replies.SETTINGS, request.reply, request.now)
        return
    slot = answering.in_turn(tx, service, "copy", request.now)
    if slot is not None and resending.once_more(tx, person, day, request.now, slot.leaves):
        rates.take(tx, slot)


def _done(tx: Connection, service: Service, request: Request) -> None:
    day = pacing.day_meant(request.person, request.reply.day)
    counted = day is not None and completing.complete(tx, service, request.person, day, "command", None, request.now)
    answering.acknowledge(tx, service, request.person, replace(request.reply, day=day), request.now, counted=counted)


def _help(tx: Connection, service: Service, request: Request) -> None:
    answering.answer(tx, service, request.person, "help", request.reply, request.now)


def _delete(tx: Connection, service: Service, request: Request) -> None:
    """Ask whether they mean it; an answer to that very mail, while it is fresh, is the yes."""
    if erasing.asked(tx, request.person, request.reply.delivery_id, request.now):
        erasing.begin(tx, service, request.person, request.now, request.real_now)
    else:
        answering.answer(tx, service, request.person, "erase", request.reply, request.now)


def _time(tx: Connection, service: Service, request: Request) -> None:
    """Let letters come at another hour, from the next one on; whoever has not confirmed chose theirs at sign-up."""
    person = people.live_round(tx, request.person)
    if person.confirmed_at is None:
        return
    if request.command.hour is None:
        answering.answer(tx, service, person, "hours", request.reply, request.now)
        return
    if preferences.set_clock(tx, service, person, request.command.hour, person.timezone, request.now):
        answering.answer(tx, service, person, "hour", request.reply, request.now)


def _letters(*, plain: bool) -> Act:
    """Return what lets letters come with or without links from now on, in every course; answered if that is new."""

    def change(tx: Connection, service: Service, request: Request) -> None:
        person = people.live_round(tx, request.person)
        if person.confirmed_at and preferences.set_plain(tx, person, request.now, plain=plain):
            answering.answer(tx, service, person, "plain" if plain else "links", request.reply, request.now)

    return change


ACTS: dict[str, Act] = {
    "STOP": _stop,
    "PAUSE": _pause,
    "RESUME": _resume,
    "NEXT": _next,
    "SKIP": _skip,
    "AGAIN": _again,
    "DONE": _done,
    "HELP": _help,
    "DELETE": _delete,
    "TIME": _time,
    **letter_replies.ACTS,
    **choice_replies.ACTS,
    "JOIN": offering.ask,
    "PLAIN": _letters(plain=True),
    "LINKS": _letters(plain=False),
}
# Commands that are none where what they ask for is not there.
THERE: dict[str, Callable[[Service, Person], bool]] = {
    **dict.fromkeys(letter_replies.ACTS, letter_replies.offered),
    "JOIN": offering.offered,
    "EXERCISE": choice_replies.has_exercises,
}
