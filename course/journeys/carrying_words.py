"""In charge of what a restore must not forget of the journal: what was taken back, and people's keys on PostgreSQL."""

from __future__ import annotations

from sqlalchemy import Connection, delete, inspect, select, update

from course.journeys import journal
from course.journeys.service import Service
from course.store.database import insert_new
from course.store.key_store import SCHEMA, person_keys
from course.store.sets import one_of
from course.store.states import JournalLevel
from course.store.tables import entries, journals


def take_back(old: Connection, service: Service) -> int:
    """Take back again what people have taken back since the backup: a level, or single entries. Return how much.

    Entries that had their time, too, are gone from the replaced database and go again.
    """
    if not inspect(old).has_table("journals"):
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
        tx.execute(update(entries).where(one_of(tx, entries.c.id, hidden)).values(level=JournalLevel.KEEP))
        gone = [row.id for row in there if row.id not in left]
        total += tx.execute(delete(entries).where(one_of(tx, entries.c.id, gone))).rowcount
    return total


def keys(old: Connection, service: Service) -> None:
    """Take people's keys along to another database; who was erased has none."""
    if inspect(old).has_table(person_keys.name, schema=SCHEMA):
        found = [dict(row) for row in old.execute(select(person_keys)).mappings()]
        with service.key_store.transaction() as tx:
            insert_new(tx, person_keys, found)
