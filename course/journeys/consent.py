"""In charge of proof: what was agreed to and what was withdrawn, in rows that nothing changes afterwards."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert

from course.journeys import suppression
from course.journeys.people import Person
from course.keys import Keys
from course.store.tables import consents

KEEP = timedelta(days=3 * 365)  # real time: as long as somebody may ask for the proof


def forget(tx: Connection, real_now: datetime) -> None:
    """Erase proof that is older than three years."""
    tx.execute(delete(consents).where(consents.c.at < real_now - KEEP))


def record(
    tx: Connection,
    keys: Keys,
    person: Person,
    what: str,
    wording: str,
    how: str,
    real_now: datetime,
    *,
    asked_at: datetime | None = None,
) -> None:
    """Write down what was `given` or `withdrawn`, in the words that were shown, and how. Moments are real time."""
    row = {
        "who": suppression.mark(keys, person.email),
        "course": person.course,
        "what": what,
        "wording": wording,
        "version": hashlib.sha256(wording.encode()).hexdigest()[:16],
        "locale": person.locale,
        "how": how,
        "asked_at": asked_at,
        "at": real_now,
    }
    tx.execute(insert(consents).values(row))
