"""In charge of what somebody says by reply instead of on a page: how a day was, their pace, language and time zone.

And of what they ask for: how their course is set, and an exercise as text. Answers go to the address on file. What a
change comes to is said by one mail, which tells how all stands: what was not to be had has visibly stayed as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from course.content import zones
from course.content.command_words import Command
from course.journeys import answering, checkins, pacing, people, preferences, resources
from course.journeys.people import Person
from course.journeys.requests import Act, Request
from course.journeys.service import Service
from course.schedule import Pace
from course.store.states import CheckinAnswer

Change = Callable[[Connection, Service, Person, Command, datetime], None]
SETTINGS, EXERCISE = "settings", "exercise"  # the notices that answer


def has_exercises(service: Service, person: Person) -> bool:
    """Whether any letter of this person's course names an exercise; without, SEND EXERCISE is words like any other."""
    course = service.catalogue.courses.get(person.course)
    return course is not None and bool(course.resources)


def _check_in(tx: Connection, service: Service, request: Request) -> None:
    """Count how the day was whose mail is answered, or the last one; the same is answered whatever was said.

    An answer of its own to "heavier" would name it in the inbox, at the mail house, and in the row of the delivery.
    """
    day = request.reply.day or people.last_day(tx, request.person)
    live = people.live_round(tx, request.person)
    if day is None or live.confirmed_at is None or request.command.chosen is None:
        return
    checkins.said(tx, live, request.person.id, day, CheckinAnswer(request.command.chosen), request.now)
    answering.answer(tx, service, live, answering.CHECKIN, request.reply, request.now)


def _choice(change: Change) -> Act:
    """Return what makes a change for whoever has confirmed, and says how all is set then."""

    def act(tx: Connection, service: Service, request: Request) -> None:
        person = people.live_round(tx, request.person)
        if person.confirmed_at is not None:
            change(tx, service, person, request.command, request.now)
            answering.answer(tx, service, person, SETTINGS, request.reply, request.now)

    return act


def _pace(tx: Connection, service: Service, person: Person, command: Command, now: datetime) -> None:
    if command.chosen in pacing.offered(service, person.course):
        pacing.change(tx, service, person, Pace(command.chosen), now)


def _language(tx: Connection, service: Service, person: Person, command: Command, now: datetime) -> None:
    """Let letters come in that language; where the course is written in another kind of it alone, in that one."""
    course, wanted = service.catalogue.courses.get(person.course), command.chosen or ""
    near = [one for one in course.locales if _language_of(one) == _language_of(wanted)] if course else []
    preferences.set_locale(tx, person, wanted if wanted in near else next(iter(near), person.locale), now)


def _zone(tx: Connection, service: Service, person: Person, command: Command, now: datetime) -> None:
    """Let the hour go by the clock of another place, in all of their courses."""
    zone = zones.find(command.place or "", service.catalogue.locale(person.course, person.locale))
    preferences.set_clock(tx, service, person, person.send_hour, zone or person.timezone, now)


def _nothing(tx: Connection, service: Service, person: Person, command: Command, now: datetime) -> None:
    """Change nothing: they ask how their course is set. Nothing that they wrote is in that mail."""


def _exercise(tx: Connection, service: Service, request: Request) -> None:
    """Send the exercise of the letter that is answered, else of the last one that had any; or say how the course is."""
    person = people.live_round(tx, request.person)
    if person.confirmed_at is None:
        return
    day = resources.day_of_letter(tx, service, person, request.reply.day)
    notice = SETTINGS if day is None else EXERCISE
    answering.answer(tx, service, person, notice, replace(request.reply, day=day), request.now)


def _language_of(locale: str) -> str:
    return locale.partition("-")[0]


ACTS = {
    "CHECKIN": _check_in,
    "PACE": _choice(_pace),
    "LANGUAGE": _choice(_language),
    "ZONE": _choice(_zone),
    "SETTINGS": _choice(_nothing),
    "EXERCISE": _exercise,
}
