"""In charge of what holds in all of a person's courses: hour, clock and language, chosen on a page or by reply."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, update

from course.journeys import enrolments as rounds
from course.journeys.people import Person
from course.journeys.service import Service
from course.store.tables import subscribers


def set_clock(tx: Connection, service: Service, person: Person, send_hour: int, timezone: str, now: datetime) -> None:
    """Let letters come at this hour by this clock, in all of a person's courses; noted if that is new."""
    if (person.send_hour, person.timezone) != (send_hour, timezone):
        theirs = update(subscribers).where(subscribers.c.id == person.subscriber_id)
        tx.execute(theirs.values(send_hour=send_hour, timezone=timezone))
        rounds.retime(tx, service, person, now)
        rounds.note(tx, person.id, "retimed", f"{send_hour}, {timezone}", now)


def set_locale(tx: Connection, person: Person, locale: str, now: datetime) -> None:
    """Let what is not claimed yet come in this language; noted if that is new."""
    if person.locale != locale:
        theirs = update(subscribers).where(subscribers.c.id == person.subscriber_id)
        tx.execute(theirs.values(locale=locale))
        rounds.note(tx, person.id, "language", locale, now)
