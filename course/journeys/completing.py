"""In charge of marking a day as done: once, however late; by an answer, or by a button on "My course"."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, update

from course.journeys import pacing, people
from course.journeys.people import Person
from course.journeys.service import Service
from course.store.database import insert_new
from course.store.tables import completions

PAGE = "page"  # how a day was done that was marked on "My course", or answered on the page for writing
MARKED = (completions.c.via == PAGE) & completions.c.reply_id.is_(None)


def complete(
    tx: Connection, service: Service, person: Person, day: int, via: str, reply_id: int | None, now: datetime
) -> bool:
    """Count the day; False when it was counted before. The next lesson comes, if it waits for this person.

    An answer takes the place of a mark, and counts as if there had been none.
    """
    row = {"enrolment_id": person.id, "day": day, "via": via, "reply_id": reply_id, "completed_at": now}
    counted = insert_new(tx, completions, [row]) == 1
    if not counted and (via, reply_id) != (PAGE, None):
        marked = completions.c.enrolment_id == person.id, completions.c.day == day, MARKED
        counted = tx.execute(update(completions).where(*marked).values(via=via, reply_id=reply_id)).rowcount == 1
    pacing.release(tx, service, people.live_round(tx, person), now)
    return counted
