"""In charge of a restore on PostgreSQL: a new database is filled beside the present one, and the two swap names."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import DropSchema

from course.store import migrate, postgresql
from course.store.database import Store
from course.store.failures import BackupError, reason
from course.store.key_store import SCHEMA

LONGEST = 63  # bytes of a name in PostgreSQL
LOOKS = 20  # a tenth of a second apart, until a session counts as one that stays


@contextlib.contextmanager
def replacement(url: str, file: Path, stamp: str, *, force: bool) -> Iterator[tuple[Store, Store, str]]:
    """Give the restored database, the present one, and what that will be called. `force` ends what uses it.

    Raises BackupError, or SchemaError for a backup of a newer version; then the present one is as it was.
    """
    old = Store(url)
    name = old.engine.url.database or ""
    draft, kept = f"{name}_restoring", f"{name}_before_restore_{stamp.replace('-', '_')}"
    if len(kept.encode()) > LONGEST:
        raise BackupError(
            f"The name of the database, {name}, is too long to keep it beside the restored one: rename it"
        )
    with contextlib.ExitStack() as at_the_end:
        at_the_end.callback(old.close)
        admin = create_engine(
            old.engine.url.set(database="postgres"), isolation_level="AUTOCOMMIT", hide_parameters=True
        )
        at_the_end.callback(admin.dispose)
        with _told():
            postgresql.verify(admin, file)
        with _told(), admin.connect() as connection:
            _alone(connection, name, force=force)
            _drop(connection, draft)  # one that a crash left
            connection.execute(
                text(f"CREATE DATABASE {_quoted(admin, draft)} TEMPLATE template0 {_like(connection, name)}")
            )
        at_the_end.callback(_drop_at_the_end, admin, draft)
        new = Store(old.engine.url.set(database=draft).render_as_string(hide_password=False))
        at_the_end.callback(new.close)
        postgresql.load(new.engine, file)
        migrate.upgrade(new)
        yield new, old, kept
        new.close()
        old.close()
        with _told(), admin.connect() as connection:
            _alone(connection, name, force=force)
        with _told(), admin.execution_options(isolation_level="READ COMMITTED").begin() as connection:
            for before, after in ((name, kept), (draft, name)):
                rename = f"ALTER DATABASE {_quoted(admin, before)} RENAME TO {_quoted(admin, after)}"
                connection.execute(text(rename))


def without_keys(url: str, kept: str) -> bool:
    """Take people's keys out of the database that was kept: the present one has them, and destroys them on erasure.

    False when that could not be done.
    """
    store = Store(make_url(url).set(database=kept).render_as_string(hide_password=False))
    try:
        with store.transaction() as tx:
            tx.execute(text("SET LOCAL lock_timeout = '10s'"))
            tx.execute(DropSchema(SCHEMA, cascade=True, if_exists=True))
    except DBAPIError:
        return False
    finally:
        store.close()
    return True


def _alone(connection: Connection, name: str, *, force: bool) -> None:
    """Raise BackupError while others use the database; with `force`, end their sessions.

    A session that has just ended, our own for instance, is listed for a moment longer. A cleaning of tables by the
    server itself (autovacuum) is none.
    """
    others = (
        "FROM pg_stat_activity WHERE datname = :name AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
    if force:
        connection.execute(text(f"SELECT pg_terminate_backend(pid, 5000) {others}"), {"name": name})
    for _ in range(LOOKS):
        left = connection.execute(text(f"SELECT count(*) {others}"), {"name": name}).scalar_one()
        if not left:
            return
        connection.execute(text("SELECT pg_sleep(0.1)"))
    raise BackupError(
        f"{left} sessions are using the database {name}: end the workers, their pages too; --force ends sessions "
        "that are left over, of a console for instance"
    )


def _like(connection: Connection, name: str) -> str:
    """Return the encoding and the order of letters of a database, for one that is to be like it."""
    query = "SELECT pg_encoding_to_char(encoding), datcollate, datctype FROM pg_database WHERE datname = :name"
    found = connection.execute(text(query), {"name": name}).first()
    if found is None:
        raise BackupError(f"There is no database {name} yet: make an empty one (createdb {name}), then restore into it")
    literal = "ENCODING '{}' LC_COLLATE '{}' LC_CTYPE '{}'"
    return literal.format(*(str(part).replace("'", "''") for part in found))


def _drop_at_the_end(admin: Engine, draft: str) -> None:
    with contextlib.suppress(DBAPIError), admin.connect() as connection:
        _drop(connection, draft)


def _drop(connection: Connection, draft: str) -> None:
    connection.execute(text(f"DROP DATABASE IF EXISTS {_quoted(connection.engine, draft)}"))


def _quoted(engine: Engine, name: str) -> str:
    return engine.dialect.identifier_preparer.quote_identifier(name)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Say what is missing when the server refuses."""
    try:
        yield
    except DBAPIError as error:
        raise BackupError(
            f"PostgreSQL refused: {reason(error.orig)}. A restore makes a database beside the present one and swaps "
            "their names: it needs the database postgres to connect to, and a role that owns ours and may make one (as "
            "an administrator: ALTER ROLE … CREATEDB)"
        ) from None
