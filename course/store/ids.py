"""In charge of ids that are never given again, also when the database was put back to an earlier state.

A token in a mail is an id and a signature. What a lost database gave out after its backup is still in people's inboxes;
if a restored one gave the same ids to others, an old link would act for a stranger.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from course.store.tables import metadata

# Those that SQLite counts in sqlite_sequence: NEVER_AGAIN in tables.py.
COUNTED = [table.name for table in metadata.sorted_tables if table.dialect_options["sqlite"]["autoincrement"]]


def highest(tx: Connection) -> int:
    """Return the highest id that SQLite has given out, of rows that were erased since, too."""
    return int(tx.execute(text("SELECT coalesce(max(seq), 0) FROM sqlite_sequence")).scalar_one())


def begin_at(tx: Connection, floor: int) -> None:
    """Give out ids from this one on; those that are higher already go on as they are."""
    for table in COUNTED:
        values = {"name": table, "floor": floor}
        if tx.dialect.name == "sqlite":
            query = "UPDATE sqlite_sequence SET seq = max(seq, :floor - 1) WHERE name = :name"
            if not tx.execute(text(query), values).rowcount:
                tx.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :floor - 1)"), values)
        else:
            sequence = tx.execute(text("SELECT pg_get_serial_sequence(:name, 'id')"), values).scalar_one()
            # nextval never goes back, so of two that do this at once both are right.
            query = (
                "SELECT setval(CAST(:sequence AS regclass), greatest(:floor - 1, nextval(CAST(:sequence AS regclass))))"
            )
            tx.execute(text(query), {**values, "sequence": sequence})
