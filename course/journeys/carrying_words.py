"""In charge of what a restore must not forget of the journal: what was taken back, and people's keys on PostgreSQL."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select, update

from course.journeys import journal, letter_ends
from course.journeys.carrying_wishes import columns
from course.journeys.service import Service
from course.store.database import insert_new
from course.store.key_store import person_keys
from course.store.sets import one_of
from course.store.states import JournalLevel
from course.store.tables import checkins, entries, journals, letters


def take_back(old: Connection, service: Service) -> int:
    """Take back again what people have taken back since the backup: a level, or single entries. Return how much.

    Entries that had their time, too, are gone from the replaced database and go again.
    """
    if not columns(old, journals):
        return 0
    now_at = {row.enrolment_id: (row.level, row.chosen_at) for row in old.execute(select(journals))}
    left = {row.id: row.level for row in old.execute(select(entries.c.id, entries.c.level))}
    with service.store.transaction() as tx:
        total = 0
        for row in tx.execute(select(journals)).all():
            level, at = now_at.get(row.enrolment_id, (JournalLevel.COUNT, row.chosen_at))
            total += journal.lower(tx, [row.enrolment_id], JournalLevel(level), at)
        there = tx.execute(select(entries.c.id, entries.c.level)).all()
        hidden = [row.id for row in there if row.level != left.get(row.id) == JournalLevel.KEEP]
        tx.execute(update(entries).where(one_of(entries.c.id, hidden)).values(level=JournalLevel.KEEP))
        gone = [row.id for row in there if row.id not in left]
        total += tx.execute(delete(entries).where(one_of(entries.c.id, gone))).rowcount
        total += _letters(old, tx)
    return total


def _letters(old: Connection, tx: Connection) -> int:
    """Erase the letters that were erased or replaced since, and go on with those that were opened since."""
    if not columns(old, letters):
        return 0
    left = {row.id: row for row in old.execute(select(letters.c.id, letters.c.told_at, letters.c.erase_at))}
    there = tx.execute(select(letters.c.id)).scalars().all()
    for row in (left[found] for found in there if found in left):
        tx.execute(update(letters).where(letters.c.id == row.id).values(told_at=row.told_at, erase_at=row.erase_at))
    gone = [found for found in there if found not in left]
    return letter_ends.erase(tx, one_of(letters.c.id, gone))


def answers(old: Connection, service: Service) -> int:
    """Erase the answers of check-ins that people have taken back since the backup; return how many."""
    if not columns(old, checkins):
        return 0
    key = checkins.c.enrolment_id, checkins.c.day
    kept = {tuple(row) for row in old.execute(select(*key).where(checkins.c.answer.is_not(None)))}
    with service.store.transaction() as tx:
        there = tx.execute(select(*key).where(checkins.c.answer.is_not(None))).all()
        gone = [row for row in there if tuple(row) not in kept]
        for row in gone:
            this = checkins.c.enrolment_id == row.enrolment_id, checkins.c.day == row.day
            tx.execute(update(checkins).where(*this).values(answer=None))
    return len(gone)


def keys(old: Connection, service: Service) -> None:
    """Take people's keys along to another database; who was erased has none."""
    if columns(old, person_keys):
        found = [dict(row) for row in old.execute(select(person_keys)).mappings()]
        with service.key_store.transaction() as tx:
            insert_new(tx, person_keys, found)
