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
from course.journeys.answering import Prompt
from course.journeys.choice_replies import Act
from course.journeys.people import Person
from course.journeys.service import Service
from course.reading import Incoming
from course.store.states import EndedReason, EnrolmentStatus


def match(service: Service, person: Person, line: str) -> Command | None:
    """Return the command that this line is, in the person's words first and then in any locale's."""
    found = service.catalogue.command(person.course, person.locale, line)
    # Where no letter can be kept, or no course comes next, the line is words like any other, and so is what it heads.
    there = THERE.get(found.name) if found else None
    return None if there and not there(service, person) else found


def act(
    tx: Connection,
    service: Service,
    person: Person,
    command: Command,
    prompt: Prompt,
    now: datetime,
    real_now: datetime,
) -> None:
    """Do what a command says, to the enrolment that was replied to, and answer it."""
    ACTS[command.name](tx, service, person, command, prompt, now, real_now)
    over.say(tx, service, person, command, prompt, now)


def also_answers(command: Command | None, mail: Incoming) -> bool:
    """Whether somebody was done, asked for help or a letter, said how it was or chose, and wrote more: an answer, too.

    A line that names a place, or a pace of their own, may well be the title of what they wrote. A letter that cannot
    come back is words like any other: its day counts, and a journal keeps them.
    """
    if command is not None and command.name == "LETTER" and command.months is None:
        return True
    return command is not None and command.name in ("DONE", "HELP", "LETTER", *choice_replies.ACTS) and mail.says_more


def own_words(command: Command | None, mail: Incoming) -> Incoming:
    """Return a mail without the line that says how a day was: what is kept, others may be allowed to read."""
    says_how = command is not None and command.name == "CHECKIN"
    return replace(mail, words=mail.rest, cut="", whole="") if says_how else mail


def _stop(tx: Connection, service: Service, person: Person, _: Command, prompt: Prompt, *times: datetime) -> None:
    """End the course, and say goodbye; a sign-up that nobody said yes to is refused, as by a no to its question."""
    now, real_now = times
    person = people.live_round(tx, person)
    if person.status == EnrolmentStatus.PENDING:
        signup.refuse(tx, service, person, now, real_now)
        return
    rounds.stop(tx, service.keys, person, EndedReason.UNSUBSCRIBED, "reply", now, real_now)
    answering.answer(tx, service, person, notices.LAST, prompt, now)


def _pause(
    tx: Connection, service: Service, person: Person, command: Command, prompt: Prompt, now: datetime, _: datetime
) -> None:
    """Pause, also somebody who has paused: then it is the end of the pause that changes."""
    person = people.live_round(tx, person)
    until = _end(service, person, command, now)
    if rounds.pause(tx, person, now, until) or rounds.pause_until(tx, person, until, now):
        answering.answer(tx, service, person, "paused", prompt, now)


def _end(service: Service, person: Person, command: Command, now: datetime) -> datetime | None:
    """Return when a pause is over: in so many days, or on the next such weekday, which is never today."""
    today, days = person.today(now), command.days
    if command.weekday is not None:
        days = (command.weekday - today.weekday() - 1) % 7 + 1
    return rounds.pause_end(service, person, today + timedelta(days=days)) if days else None


def _resume(
    tx: Connection, service: Service, person: Person, _: Command, prompt: Prompt, now: datetime, _real: datetime
) -> None:
    person = people.live_round(tx, person)
    if rounds.resume(tx, service, person, now):
        answering.answer(tx, service, person, "resumed", prompt, now)
    elif pacing.release(tx, service, person, now):
        answering.answer(tx, service, person, "next", prompt, now)


def _next(
    tx: Connection, service: Service, person: Person, command: Command, prompt: Prompt, now: datetime, real: datetime
) -> None:
    """Let the next lesson come as soon as it may, and say when that is: with one a day, mostly when it would anyway."""
    person = people.live_round(tx, person)
    if person.status == EnrolmentStatus.PAUSED:
        _resume(tx, service, person, command, prompt, now, real)
    elif pacing.ready(tx, service, person, now) is not None:
        answering.answer(tx, service, person, "next", prompt, now)


def _skip(
    tx: Connection, service: Service, person: Person, _command: Command, prompt: Prompt, now: datetime, _real: datetime
) -> None:
    """Leave out the day of the mail that is answered, or the one that a course waits at; whoever skips is ready."""
    day = pacing.prompted(person, prompt.day)
    if day is not None and rounds.skip(tx, person, day, now):
        answering.answer(tx, service, person, "skipped", replace(prompt, day=day), now)
    if day is not None:
        pacing.release(tx, service, people.live_round(tx, person), now)


def _again(
    tx: Connection, service: Service, person: Person, _command: Command, prompt: Prompt, now: datetime, _real: datetime
) -> None:
    """Owe the lesson once more, which is the answer: the one that was replied to, else the last one."""
    slot = answering.in_turn(tx, service, "copy", now)
    if slot is not None and resending.once_more(tx, person, prompt.day, now, slot.leaves):
        rates.take(tx, slot)


def _done(
    tx: Connection, service: Service, person: Person, _command: Command, prompt: Prompt, now: datetime, _real: datetime
) -> None:
    day = pacing.prompted(person, prompt.day)
    counted = day is not None and completing.complete(tx, service, person, day, "command", None, now)
    answering.acknowledge(tx, service, person, replace(prompt, day=day), now, counted=counted)


def _help(
    tx: Connection, service: Service, person: Person, _: Command, prompt: Prompt, now: datetime, _real: datetime
) -> None:
    answering.answer(tx, service, person, "help", prompt, now)


def _delete(
    tx: Connection, service: Service, person: Person, _: Command, prompt: Prompt, now: datetime, real_now: datetime
) -> None:
    """Ask whether they mean it; an answer to that very mail, while it is fresh, is the yes."""
    if erasing.asked(tx, person, prompt.delivery_id, now):
        erasing.begin(tx, service, person, now, real_now)
    else:
        answering.answer(tx, service, person, "erase", prompt, now)


def _time(
    tx: Connection, service: Service, person: Person, command: Command, prompt: Prompt, now: datetime, _: datetime
) -> None:
    """Let letters come at another hour, from the next one on; whoever has not confirmed chose theirs at sign-up."""
    person = people.live_round(tx, person)
    if person.confirmed_at is None:
        return
    if command.hour is None:
        answering.answer(tx, service, person, "hours", prompt, now)
        return
    if preferences.set_clock(tx, service, person, command.hour, person.timezone, now):
        answering.answer(tx, service, person, "hour", prompt, now)


def _letters(*, plain: bool) -> Act:
    """Return what lets letters come with or without links from now on, in every course; answered if that is new."""

    def change(
        tx: Connection,
        service: Service,
        person: Person,
        _command: Command,
        prompt: Prompt,
        now: datetime,
        _real: datetime,
    ) -> None:
        person = people.live_round(tx, person)
        if person.confirmed_at and preferences.set_plain(tx, person, now, plain=plain):
            answering.answer(tx, service, person, "plain" if plain else "links", prompt, now)

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
