"""In charge of what somebody wrote as they see it, over all courses and rounds: words, cuts, photos, letters.

For whoever has a visit (journeys/fresh.py), and for nobody else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from course.journeys import completing, cuts, journal, keeping_photos, letters, people, person_keys
from course.journeys import enrolments as rounds
from course.journeys.people import Person
from course.journeys.service import Service
from course.locking import LockedError, lock
from course.reading.photos import Photo
from course.store.states import JournalLevel
from course.store.tables import enrolments, entries, photos


@dataclass(frozen=True)
class Written:
    """One reply as its writer sees it; moments are real time.

    `words` is None if nobody can open it. `left_out` is why a photo was not kept, of the words under [photos].
    """

    id: int
    course: str
    day: int | None
    kept_at: datetime
    opened_at: datetime | None
    shared: bool
    left_out: str | None
    photos: tuple[str, ...]  # their kinds, in their order
    words: str | None = field(repr=False)
    cut: str = field(repr=False)


def of(service: Service, subscriber_id: int) -> list[Written]:
    """Return everything that is kept of somebody, the oldest first."""
    with service.store.reading() as tx:
        found = tx.execute(_mine(subscriber_id).order_by(entries.c.id)).all()
        return [_written(tx, service, row) for row in found]


@dataclass(frozen=True)
class Letter:
    """A letter to themselves, as a copy shows it. `due_at` is course time; `ready`: its time has come.

    `opened`: it was, so `words` are there; None then means that nobody can open it now. A copy opens none by itself.
    """

    id: int
    asked_at: datetime
    due_at: datetime
    ready: bool
    opened: bool
    words: str | None = field(repr=False)


def letters_of(service: Service, subscriber_id: int) -> list[Letter]:
    """Return every letter that is kept for somebody, the oldest first; the words of those that they have opened."""
    with service.store.reading() as tx:
        found = letters.of_person(tx, subscriber_id)
    return [_letter(service, row) for row in found]


def _letter(service: Service, row: Row[Any]) -> Letter:
    ready, opened = row.told_at is not None, row.told_at is not None and row.erase_at is not None
    return Letter(row.id, row.asked_at, row.due_at, ready, opened, letters.opened(service, row) if opened else None)


def photo(service: Service, subscriber_id: int, entry_id: int, place: int) -> Photo | None:
    """Return one photo of somebody's entry. It is served as a file, never as a page of ours."""
    with service.store.reading() as tx:
        row = tx.execute(_mine(subscriber_id).where(entries.c.id == entry_id)).one_or_none()
        kept = keeping_photos.of(tx, service, row) if row is not None else []
    return kept[place] if place < len(kept) else None


def take_back(service: Service, subscriber_id: int, entry_id: int) -> bool:
    """Erase one entry, its photos and its cut with it. False: there is none."""
    with service.store.transaction() as tx:
        person = _writer(tx, subscriber_id, entry_id)
        gone = person is not None and journal.take_back(tx, person, entry_id)
    service.store.sweep_pages()
    return gone


def put_back(service: Service, subscriber_id: int, entry_id: int, now: datetime) -> bool:
    """Make the words of an entry the whole of the reply again. False: nothing was cut of it, or nobody can open it.

    Where the entry is shared, the owner may read the whole from then on; nowhere else. A reply of which all was cut
    counts for its day from then on, as it would have when it came.
    """
    with service.store.transaction() as tx:
        person = _writer(tx, subscriber_id, entry_id)
        if person is None:
            return False
        people.lock(tx, person)
        row = tx.execute(_mine(subscriber_id).where(entries.c.id == entry_id).with_for_update(of=entries)).one_or_none()
        cut = cuts.opened(service, row) if row is not None else None
        if row is None or cut is None:
            return False
        try:
            key = person_keys.find(service, row.key_id)
        except LockedError:
            return False
        if row.day is not None and not journal.opened(service, row):
            completing.complete(tx, service, person, row.day, "reply", row.reply_id, now)
        whole = lock(key, cut.whole.encode(), journal.place(row.reply_id))
        tx.execute(update(entries).where(entries.c.id == entry_id).values(locked=whole, cut=None))
        rounds.note(tx, row.enrolment_id, "put-back", f"entry {entry_id}", now)
    service.store.sweep_pages()
    return True


def _mine(subscriber_id: int) -> Any:
    query = select(entries, enrolments.c.course).join(enrolments, enrolments.c.id == entries.c.enrolment_id)
    return query.where(enrolments.c.subscriber_id == subscriber_id)


def _writer(tx: Connection, subscriber_id: int, entry_id: int) -> Person | None:
    row = tx.execute(_mine(subscriber_id).where(entries.c.id == entry_id)).one_or_none()
    return people.by_id(tx, row.enrolment_id) if row is not None else None


def _written(tx: Connection, service: Service, row: Row[Any]) -> Written:
    cut = cuts.opened(service, row)
    kinds = select(photos.c.kind).where(photos.c.entry_id == row.id).order_by(photos.c.place)
    return Written(
        id=row.id,
        course=row.course,
        day=row.day,
        kept_at=row.kept_at,
        opened_at=row.opened_at,
        shared=row.level == JournalLevel.SHARE,
        left_out=row.left_out,
        photos=tuple(tx.execute(kinds).scalars()),
        words=journal.opened(service, row),
        cut=cut.text if cut else "",
    )
