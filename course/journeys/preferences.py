"""In charge of what holds in all of a person's courses, chosen on a page or by reply: hour, clock, language, links."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, update

from course.journeys import enrolments as rounds
from course.journeys.people import Person
from course.journeys.service import Service
from course.store.tables import subscribers


def set_clock(tx: Connection, service: Service, person: Person, send_hour: int, timezone: str, now: datetime) -> bool:
    """Let letters come at this hour by this clock, in all of a person's courses. False: they do already."""
    if (person.send_hour, person.timezone) == (send_hour, timezone):
        return False
    theirs = update(subscribers).where(subscribers.c.id == person.subscriber_id)
    tx.execute(theirs.values(send_hour=send_hour, timezone=timezone))
    rounds.retime(tx, service, person, now)
    rounds.note(tx, person.id, "retimed", f"{send_hour}, {timezone}", now)
    return True


def set_locale(tx: Connection, person: Person, locale: str, now: datetime) -> None:
    """Let what is not claimed yet come in this language; noted if that is new."""
    if person.locale != locale:
        theirs = update(subscribers).where(subscribers.c.id == person.subscriber_id)
        tx.execute(theirs.values(locale=locale))
        rounds.note(tx, person.id, "language", locale, now)


def set_plain(tx: Connection, person: Person, now: datetime, *, plain: bool) -> bool:
    """Let letters come without a link to press, or with their links again. False: they do already."""
    theirs = subscribers.c.id == person.subscriber_id, subscribers.c.plain != plain
    if not tx.execute(update(subscribers).where(*theirs).values(plain=plain)).rowcount:
        return False
    rounds.note(tx, person.id, "letters", "plain" if plain else "links", now)
    return True
