"""In charge of commands: a reply whose whole first line is one of a locale's words for STOP, PAUSE and the like."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection

from course.journeys import answering, completing, notices, people
from course.journeys import enrolments as rounds
from course.journeys.answering import Prompt
from course.journeys.people import Person
from course.journeys.service import Service
from course.store.states import EndedReason

TRIM = " .!?,;:*_>\"'“”\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}"
Act = Callable[[Connection, Service, Person, Prompt, datetime, datetime], None]


def match(service: Service, person: Person, line: str) -> str:
    """Return the command that this line is, in the person's words first and then in any locale's, or ""."""
    said = re.sub(r"\s+", " ", line.casefold()).strip(TRIM)
    words = service.catalogue.words
    own = service.catalogue.locale(person.course, person.locale)
    for locale in (own, *words):
        meant = {said, _bare(said, words[locale]["replies"]["courtesy"])}
        for command, phrases in words[locale]["commands"].items():
            if command in ACTS and not meant.isdisjoint(phrases):
                return command
    return ""


def _bare(said: str, courtesy: list[str]) -> str:
    """Take the words of courtesy from both ends: "please stop, thank you" is "stop"."""
    polite = "|".join(re.escape(word) for word in sorted(courtesy, key=len, reverse=True))
    found = re.fullmatch(rf"(?:(?:{polite})\b[ .!,]*)*(.*?)(?:[ .!,]+(?:{polite}))*", said)
    return found[1].strip(TRIM) if found else said


def act(
    tx: Connection,
    service: Service,
    person: Person,
    command: str,
    prompt: Prompt,
    now: datetime,
    real_now: datetime,
) -> None:
    """Do what a command says, to the enrolment that was replied to, and answer it."""
    ACTS[command](tx, service, person, prompt, now, real_now)


def _stop(tx: Connection, service: Service, person: Person, prompt: Prompt, now: datetime, real_now: datetime) -> None:
    person = people.live_round(tx, person)
    rounds.stop(tx, service.keys, person, EndedReason.UNSUBSCRIBED, "reply", now, real_now)
    answering.answer(tx, person, notices.LAST, prompt, now)


def _pause(tx: Connection, _: Service, person: Person, prompt: Prompt, now: datetime, _real: datetime) -> None:
    person = people.live_round(tx, person)
    if rounds.pause(tx, person, now):
        answering.answer(tx, person, "paused", prompt, now)


def _resume(tx: Connection, service: Service, person: Person, prompt: Prompt, now: datetime, _real: datetime) -> None:
    person = people.live_round(tx, person)
    if rounds.resume(tx, service, person, now):
        answering.answer(tx, person, "resumed", prompt, now)


def _skip(tx: Connection, _: Service, person: Person, prompt: Prompt, now: datetime, _real: datetime) -> None:
    if prompt.day is not None and rounds.skip(tx, person, prompt.day, now):
        answering.answer(tx, person, "skipped", prompt, now)


def _done(tx: Connection, _: Service, person: Person, prompt: Prompt, now: datetime, _real: datetime) -> None:
    day = prompt.day
    counted = day is not None and completing.complete(tx, person, day, "command", None, now)
    answering.acknowledge(tx, person, prompt, now, counted=counted)


def _help(tx: Connection, _: Service, person: Person, prompt: Prompt, now: datetime, _real: datetime) -> None:
    answering.answer(tx, person, "help", prompt, now)


ACTS: dict[str, Act] = {
    "STOP": _stop,
    "PAUSE": _pause,
    "RESUME": _resume,
    "SKIP": _skip,
    "DONE": _done,
    "HELP": _help,
}
