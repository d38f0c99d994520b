"""In charge of proof: what was agreed to and what was withdrawn, in rows that nothing changes afterwards."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, exists, insert, or_, select

from course.journeys import suppression
from course.journeys.people import Person
from course.keys import Keys
from course.store.sets import one_of
from course.store.tables import consents, enrolments, subscribers

KEEP = timedelta(days=3 * 365)  # so long after its end somebody may ask for the proof
LIST_GIVEN, LIST_WITHDRAWN = "list-given", "list-withdrawn"  # of the community list
ENDED = "ended"  # a course came to its end, and with it what was agreed to


def forget(tx: Connection, keys: Keys, now: datetime, real_now: datetime) -> None:
    """Erase proof of what has ended, or was withdrawn, more than three years ago.

    All rows about a person and a course stay together: as long as one of them is younger, or as long as a round of this
    person's goes on or ended less than three years ago.
    """
    long_ago, theirs = real_now - KEEP, consents.alias()
    younger = theirs.c.who == consents.c.who, theirs.c.course == consents.c.course, theirs.c.at >= long_ago
    old = consents.c.at < long_ago, ~exists().where(*younger)
    if tx.execute(select(consents.c.id).where(*old).limit(1)).first() is None:
        return
    # Only people who have been here for three years: nobody else's proof can be as old.
    goes_on = or_(enrolments.c.ended_at.is_(None), enrolments.c.ended_at >= now - KEEP)
    rounds = exists().where(enrolments.c.subscriber_id == subscribers.c.id, goes_on)
    known = select(subscribers.c.email, rounds.label("go_on")).where(subscribers.c.created_at < now - KEEP)
    here = {suppression.mark(keys, row.email): row.go_on for row in tx.execute(known)}
    kept = {who for who, go_on in here.items() if go_on} | on_the_list(tx, here).keys()
    found = set(tx.execute(select(consents.c.who).where(*old).distinct()).scalars())
    tx.execute(delete(consents).where(*old, one_of(consents.c.who, found - kept)))


def on_the_list(tx: Connection, who: Iterable[str] | None = None) -> dict[str, datetime]:
    """Return who is on the community list (keyed hashes) and since when: of these people, or (None) of all."""
    query = select(consents.c.who, consents.c.what, consents.c.at)
    query = query.where(consents.c.what.in_((LIST_GIVEN, LIST_WITHDRAWN)))
    if who is not None:
        query = query.where(one_of(consents.c.who, who))
    since: dict[str, datetime] = {}
    for row in tx.execute(query.order_by(consents.c.id)):
        if row.what == LIST_GIVEN:
            since.setdefault(row.who, row.at)
        else:
            since.pop(row.who, None)
    return since


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
