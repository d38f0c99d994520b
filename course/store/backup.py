"""In charge of backups: the whole database in one file, as it was at one moment, verified before it gets its name."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import func, select

from course.files import taking_the_place_of
from course.store import postgresql
from course.store.database import Store
from course.store.failures import BackupError
from course.store.tables import deliveries, enrolments, subscribers

COUNTED = (subscribers, enrolments, deliveries)  # what an operator knows the size of


def take(store: Store, file: Path, *, overwrite: bool = False) -> dict[str, int]:
    """Write a backup, mode 0600, while the service goes on; return how many rows of each table are in it.

    Raises BackupError, and then there is no such file, or the one that was there before.
    """
    place = Path(store.engine.url.database or "")
    if store.sqlite and not place.exists():  # opening it would make one
        raise BackupError(
            f"There is no database {place}. Is this the folder where the service runs, and DATA_DIR right?"
        )
    if not file.parent.is_dir():
        raise BackupError(f"There is no folder {file.parent}; make it, or name a file in another one")
    if file.is_dir():
        raise BackupError(f"{file} is a folder; name a file in it, like {file / 'course.backup'}")
    if file.exists() and not overwrite:
        raise BackupError(f"{file} is there already; name another file, or add --overwrite")
    try:
        with taking_the_place_of(file) as draft:
            return _copy(store, draft) if store.sqlite else _dump(store, draft)
    except (OSError, sqlite3.Error) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise BackupError(f"{file} could not be written ({why}). Is there room, and may we write there?") from None


def counts(tables: sqlite3.Connection) -> dict[str, int]:
    """Return how many rows each table has."""
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
    names = [row[0] for row in tables.execute(query).fetchall()]
    return {name: tables.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}  # noqa: S608


def flaws(copy: sqlite3.Connection) -> list[str]:
    """Return what SQLite finds wrong with a database."""
    found = [row[0] for row in copy.execute("PRAGMA integrity_check(3)").fetchall() if row[0] != "ok"]
    return found + [f"a row of {row[0]} points nowhere" for row in copy.execute("PRAGMA foreign_key_check").fetchall()]


def _copy(store: Store, draft: Path) -> dict[str, int]:
    raw = store.engine.raw_connection()
    source: sqlite3.Connection = raw.driver_connection  # type: ignore[assignment]  # it is sqlite3's
    try:
        source.execute("BEGIN")  # one state for the counts and the copy, whatever is written meanwhile
        expected = counts(source)
        with closing(sqlite3.connect(draft, isolation_level=None)) as copy:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE").fetchall()  # one file, with no log beside it
            if flaws(copy) or counts(copy) != expected:
                raise BackupError(f"The copy is not sound: {(flaws(copy) or ['rows are missing'])[0]}")
    finally:
        source.rollback()
        raw.close()
        for beside in draft.parent.glob(f"{draft.name}-*"):  # what SQLite leaves beside a copy that failed
            beside.unlink(missing_ok=True)
    return {table.name: expected.get(table.name, 0) for table in COUNTED}


def _dump(store: Store, draft: Path) -> dict[str, int]:
    with store.reading() as tx:
        found = {table.name: int(tx.execute(select(func.count()).select_from(table)).scalar_one()) for table in COUNTED}
    postgresql.dump(store.engine, draft)
    postgresql.verify(store.engine, draft)
    return found
