"""In charge of what the course's owner may read: only what was shared, and each reading is noted for the person."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select, update

from course.journeys import journal
from course.journeys.service import Service
from course.store.sets import one_of
from course.store.states import EnrolmentStatus, JournalLevel
from course.store.tables import enrolments, entries, journals, subscribers


@dataclass(frozen=True)
class Shared:
    """One reply that the owner may read. `words` is None if nobody can open it; `kept_at` is real time."""

    course: str
    person: str = field(repr=False)
    day: int | None
    kept_at: datetime
    words: str | None = field(repr=False)


def read(service: Service, real_now: datetime, *, again: bool) -> list[Shared]:
    """Return what was shared and not opened yet, the oldest first, and note that it is opened now; `again`: all of it.

    Nothing of a round that is not at SHARE now, nothing that came before it was, nothing of whoever has left.
    """
    query = (
        select(entries, enrolments.c.course, subscribers.c.name)
        .join(enrolments, enrolments.c.id == entries.c.enrolment_id)
        .join(subscribers, subscribers.c.id == enrolments.c.subscriber_id)
        .join(journals, journals.c.enrolment_id == entries.c.enrolment_id)
        .where(
            entries.c.level == JournalLevel.SHARE,
            journals.c.level == JournalLevel.SHARE,
            enrolments.c.status != EnrolmentStatus.STOPPED,
        )
        .order_by(entries.c.id)
    )
    with service.store.transaction() as tx:
        rows = tx.execute(query if again else query.where(entries.c.opened_at.is_(None))).all()
        found = [(row, journal.opened(service, row)) for row in rows]
        seen = [row.id for row, words in found if words is not None]
        first = entries.c.opened_at.is_(None), one_of(entries.c.id, seen)
        tx.execute(update(entries).where(*first).values(opened_at=real_now))
    return [Shared(row.course, row.name, row.day, row.kept_at, words) for row, words in found]
