"""In charge of what a leave link's page does: leave, leave everything, pause instead, resume."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from course.journeys import community, letter_ends, people, standing
from course.journeys import enrolments as rounds
from course.journeys.people import Person
from course.journeys.service import Service
from course.journeys.standing import Standing
from course.store.states import EndedReason

PAGE = "page"  # how


def look(service: Service, token: str) -> Standing | None:
    """Return where the enrolment of this link stands, or None for a link that is not ours."""
    with service.store.reading() as tx:
        person = people.by_leave_token(tx, service.keys, token)
        return _standing(tx, service, person) if person else None


def leave(service: Service, token: str, how: str, now: datetime, real_now: datetime) -> Standing | None:
    """Stop the enrolment; again and again is the same as once."""
    return _act(
        service,
        token,
        lambda tx, person: rounds.stop(tx, service.keys, person, EndedReason.UNSUBSCRIBED, how, now, real_now),
    )


def leave_everything(service: Service, token: str, now: datetime, real_now: datetime) -> Standing | None:
    """Stop every enrolment of this person, and take them off the community list."""
    return _act(service, token, lambda tx, person: everything(tx, service, person, now, real_now))


def everything(tx: Connection, service: Service, person: Person, now: datetime, real_now: datetime) -> None:
    """Stop every enrolment of this person, and take them off the community list: what a page's button does."""
    rounds.stop_all(tx, service.keys, person.subscriber_id, EndedReason.UNSUBSCRIBED, PAGE, now, real_now)
    community.withdraw(tx, service, person, PAGE, real_now)


def pause(service: Service, token: str, now: datetime) -> Standing | None:
    """Let the lessons rest."""
    return _act(service, token, lambda tx, person: rounds.pause(tx, person, now))


def resume(service: Service, token: str, now: datetime) -> Standing | None:
    """Go on at the same place."""
    return _act(service, token, lambda tx, person: rounds.resume(tx, service, person, now))


def _act(service: Service, token: str, act: Callable[[Connection, Person], object]) -> Standing | None:
    """Do something to the enrolment of a link, and return where it stands then."""
    with service.store.transaction() as tx:
        person = people.by_leave_token(tx, service.keys, token)
        if person is None:
            return None
        act(tx, person)
        after = people.by_id(tx, person.id)
        return _standing(tx, service, after) if after else None


def _standing(tx: Connection, service: Service, person: Person) -> Standing:
    return replace(standing.of(service, person), letter=letter_ends.waits(tx, person))
