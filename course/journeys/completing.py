"""In charge of a day that was done: once, however late, and noted to the person at most once a day."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from course.journeys import notices
from course.journeys.people import Person
from course.store.database import insert_new
from course.store.tables import completions, deliveries


def complete(tx: Connection, person: Person, day: int, via: str, reply_id: int | None, now: datetime) -> bool:
    """Count the day; False when it was counted before. The receipt's words are the same whatever was written."""
    row = {"enrolment_id": person.id, "day": day, "via": via, "reply_id": reply_id, "completed_at": now}
    if not insert_new(tx, completions, [row]):
        return False
    name = f"receipt-{person.today(now)}"
    today = select(deliveries.c.id).where(deliveries.c.subscriber_id == person.subscriber_id, deliveries.c.name == name)
    if tx.execute(today).first() is None:
        notices.owe(tx, person, "receipt", now, once=f"{person.today(now)}", day=day)
    return True
