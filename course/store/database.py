"""In charge of the database: one engine, transactions that write, and the conditional move of a row's state."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from time import sleep
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    ExceptionContext,
    Table,
    create_engine,
    event,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from course.store.failures import expect_no_write
from course.store.sets import table_of
from course.store.states import DeliveryStatus, EnrolmentStatus, sources

BUSY = 15_000  # milliseconds that a writer waits for another one on SQLite
AGAIN = 50  # milliseconds until it tries again what SQLite itself does not wait for
# The database is away or busy for a while; any other error of it is about what was to be written.
AWAY = (OperationalError, InterfaceError, PoolTimeoutError)
# Seconds until PostgreSQL ends a session that stands still inside a transaction: others wait for its locks.
STANDS_STILL = 30.0
# PostgreSQL's codes for that, and for a server that only reads: a standby, until it takes over or the first is back.
ENDED, STANDBY = "25P03", "25006"
# When the other end of a connection vanishes without a word, nobody waits for it for hours.
VANISHED = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,  # milliseconds
}


class Store:
    """The database. Journeys write inside `transaction()`; pages look inside `reading()`."""

    def __init__(self, url: str) -> None:
        # Parameters are people's data: never in a log line or an error.
        self.engine = _engine(url)

    @property
    def sqlite(self) -> bool:
        """Whether this is SQLite: one writer at a time, one clock."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Commit at the end or roll back on an exception. On SQLite it is the only writer from its first moment."""
        with self.engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Look at one consistent state. The database refuses to write here: it would be lost at the end."""
        only = {"course_read_only": True, "postgresql_readonly": True}
        with self.engine.connect().execution_options(**only) as connection:
            yield connection

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()

    def size(self) -> int:
        """Return how many bytes the database takes: tables and indexes, without the write-ahead log."""
        pages = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
        query = pages if self.sqlite else "SELECT pg_database_size(current_database())"
        with self.reading() as tx:
            return int(tx.execute(text(query)).scalar_one())

    def sweep_pages(self) -> None:
        """Move what the write-ahead log holds into the file and empty it, so that erased words are in neither."""
        if self.sqlite:
            raw = self.engine.raw_connection()  # a checkpoint runs outside any transaction
            try:
                raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            finally:
                raw.close()


def move(
    connection: Connection,
    table: Table,
    row_id: int,
    to: EnrolmentStatus | DeliveryStatus,
    *only_if: ColumnElement[bool],
    **values: Any,
) -> bool:
    """Move one row to a state, if it is in one from which that is allowed. False: someone else got there first."""
    allowed = table.c.status.in_(sources(to)), *only_if
    done = connection.execute(update(table).where(table.c.id == row_id, *allowed).values(status=to, **values))
    return done.rowcount == 1


def insert_new(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> int:
    """Insert the rows that no unique constraint forbids, and leave out the others; return how many went in."""
    if not rows:
        return 0
    # Counted by what comes back: psycopg knows no row count for many rows at once.
    statement = _insert(connection.dialect.name, table).on_conflict_do_nothing().returning(*table.primary_key)
    return len(connection.execute(statement, rows).all())


def insert_many(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> int:
    """Do what `insert_new` does, faster for hundreds of rows: they travel as one parameter (see sets).

    No value may be bytes, and every row has the same keys in the same order.
    """
    if not rows:
        return 0
    values = [tuple(row.values()) for row in rows]
    return len(connection.execute(_many(connection.dialect.name, table, tuple(rows[0])), {"rows": values}).all())


@cache
def _many(dialect: str, table: Table, names: tuple[str, ...]) -> Any:
    row = table_of(dialect, "rows", *(table.c[name] for name in names))
    # With a condition: else SQLite would take ON CONFLICT for a part of the SELECT.
    new = _insert(dialect, table).from_select(list(names), select(*row.c).where(true()))
    return new.on_conflict_do_nothing().returning(*table.primary_key)


def insert_once(connection: Connection, table: Table, row: dict[str, Any]) -> int | None:
    """Insert one row and return its id, or None when a unique constraint forbids it."""
    statement = _insert(connection.dialect.name, table).values(row).on_conflict_do_nothing().returning(table.c.id)
    found: int | None = connection.execute(statement).scalar()
    return found


def insert_adding(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert counts; where there is a row with the same primary key already, add to its `number`."""
    if rows:
        new = _insert(connection.dialect.name, table)
        total = {"number": table.c.number + new.excluded.number}
        connection.execute(new.on_conflict_do_update(index_elements=[*table.primary_key], set_=total), rows)


def _insert(dialect: str, table: Table) -> Any:
    return (sqlite if dialect == "sqlite" else postgresql).insert(table)


def _engine(url: str) -> Engine:
    address = make_url(url)
    if address.drivername == "postgresql":
        address = address.set(drivername="postgresql+psycopg")
    if address.get_backend_name() == "sqlite":
        engine = create_engine(address, hide_parameters=True)
        event.listen(engine, "do_connect", _make_private)
        event.listen(engine, "connect", _open_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        event.listen(engine, "handle_error", expect_no_write)
        return engine
    options = f"-c timezone=UTC -c idle_in_transaction_session_timeout={STANDS_STILL * 1000:.0f}"
    engine = create_engine(
        address,
        hide_parameters=True,
        pool_pre_ping=True,
        isolation_level="READ COMMITTED",
        connect_args={"options": options, **VANISHED},
    )
    event.listen(engine, "handle_error", expect_no_write)  # first, for the other would call it away
    event.listen(engine, "handle_error", _hide_details)
    return engine


def _hide_details(context: ExceptionContext) -> None:
    """Cut what PostgreSQL adds to an error (DETAIL: the whole failing row): it is somebody's data."""
    for error in (context.original_exception, context.sqlalchemy_exception):
        if error is not None and error.args:
            error.args = (str(error.args[0]).partition("\nDETAIL:")[0], *error.args[1:])
    # psycopg calls both an internal error; the next connection may lead to a server that takes writes.
    if getattr(context.original_exception, "sqlstate", None) in {ENDED, STANDBY}:
        context.is_disconnect = True
        raise OperationalError(context.statement, None, context.original_exception, hide_parameters=True)


def _make_private(_: object, __: object, arguments: list[Any], ___: object) -> None:
    """Make the file before SQLite does, which would let everybody here read it; its log is like it."""
    if arguments[0] != ":memory:":
        with suppress(OSError):  # one that is there is not opened: to close it gives up all our locks on it (POSIX)
            os.close(os.open(arguments[0], os.O_RDONLY | os.O_CREAT | os.O_EXCL, 0o600))


def _open_sqlite(connection: Any, _: object) -> None:
    # The driver must not begin transactions by itself: it would begin deferred ones, which fail at once, whatever the
    # busy timeout, when they turn from reading to writing while another one writes.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {BUSY}")
    _write_ahead(connection)
    connection.execute("PRAGMA synchronous = FULL")  # a committed delivery survives a power cut
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA secure_delete = ON")  # erased means overwritten


def _write_ahead(connection: Any) -> None:
    """Keep a write-ahead log. SQLite does not wait for whoever is just beginning a file's first one, so we do."""
    for _ in range(BUSY // AGAIN):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            sleep(AGAIN / 1000)
        else:
            return
    connection.execute("PRAGMA journal_mode = WAL")


def _begin_sqlite(connection: Connection) -> None:
    read_only = "course_read_only" in connection.get_execution_options()
    connection.exec_driver_sql(f"PRAGMA query_only = {read_only:d}")  # said each time: it stays with the connection
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
