"""In charge of a day that was done: once, however late."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from course.journeys import pacing, people
from course.journeys.people import Person
from course.journeys.service import Service
from course.store.database import insert_new
from course.store.tables import completions


def complete(
    tx: Connection, service: Service, person: Person, day: int, via: str, reply_id: int | None, now: datetime
) -> bool:
    """Count the day; False when it was counted before. The next lesson comes, if it waits for this person."""
    row = {"enrolment_id": person.id, "day": day, "via": via, "reply_id": reply_id, "completed_at": now}
    counted = insert_new(tx, completions, [row]) == 1
    pacing.release(tx, service, people.live_round(tx, person), now)
    return counted
