"""In charge of the way from SQLite to PostgreSQL: every row of one database into an empty other one, or none."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
from psycopg import sql
from sqlalchemy import Connection, Table, delete, func, select, text
from sqlalchemy.exc import DBAPIError

from course.store import ids, key_store
from course.store.database import Store
from course.store.failures import BackupError, reason
from course.store.tables import SILENT, facts, limits, metadata, rates, workers

OWN = {facts.name, rates.name, workers.name}  # may have rows although nobody is in the database: a start writes them
ALIVE = text("beat_at > clock_timestamp() - make_interval(secs => :silent)").bindparams(silent=SILENT)
AT_ONCE = 2_000  # rows that are read at a time


def fill(old: Store, keys: Store, new: Store, said: Callable[[str, int], None]) -> None:
    """Copy every row, and people's keys, into a PostgreSQL database of this version that holds nobody.

    `said` is told each table and how many rows went in. Raises BackupError, and then nothing has changed.
    """
    try:
        # Nobody writes into the old one meanwhile.
        with old.transaction() as here, keys.reading() as locked, new.transaction() as there:
            there.execute(text("LOCK TABLE subscribers, facts IN EXCLUSIVE MODE"))  # a page may be open on it
            _refuse_used(there)
            there.execute(delete(facts))
            there.execute(delete(rates))
            tables = [table for table in metadata.sorted_tables if table is not workers]
            for source, table in [*((here, table) for table in tables), (locked, key_store.person_keys)]:
                said(table.name, _copy(source, there, table))
            ids.begin_at(there, ids.highest(here) + 1)
            there.execute(text("ANALYZE"))  # else the first ticks would look through whole tables
    except DBAPIError as error:
        raise BackupError(f"It stopped: {reason(error.orig)}. Nothing was changed in either database") from None


def _copy(here: Connection, there: Connection, table: Table) -> int:
    # A limit's id is in no token: PostgreSQL gives it one of its own, and counts on from there.
    columns = [column for column in table.c if not (table is limits and column.primary_key)]
    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in columns)
    into = sql.Identifier(table.name) if table.schema is None else sql.Identifier(table.schema, table.name)
    driver: psycopg.Connection = there.connection.driver_connection  # type: ignore[assignment]  # it is psycopg's
    rows = here.execution_options(yield_per=AT_ONCE).execute(select(*columns))
    try:
        with driver.cursor() as cursor, cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN").format(into, names)) as copy:
            for row in rows:
                copy.write_row(row)
    except psycopg.Error as error:
        raise BackupError(
            f"PostgreSQL refused a row of {table.name}: {reason(error)}. Nothing was changed in either database"
        ) from None
    count = select(func.count()).select_from(table)
    arrived, expected = (int(one.execute(count).scalar_one()) for one in (there, here))
    if arrived != expected:
        raise BackupError(f"Of {expected} rows of {table.name}, {arrived} arrived. Nothing was changed")
    return arrived


def _refuse_used(there: Connection) -> None:
    """Raise BackupError unless the database holds nobody and no worker lives on it."""
    alive = there.execute(select(func.count()).select_from(workers).where(ALIVE)).scalar_one()
    if alive:
        raise BackupError(f"{alive} workers are running on the PostgreSQL database: end them first")
    for table in metadata.sorted_tables:
        if table.name not in OWN and there.execute(select(text("1")).select_from(table).limit(1)).first():
            raise BackupError(
                f"The PostgreSQL database is in use: its table {table.name} is not empty. Name an empty one in "
                "DATABASE_URL (createdb makes it); two databases cannot be made one"
            )
