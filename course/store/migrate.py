"""In charge of the schema's version: `upgrade` brings a database to this code's, `check` refuses any other."""

from __future__ import annotations

import functools
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from course.store import key_store
from course.store.database import Store

FOLDER = Path(__file__).with_name("migrations")
# One number for "a migration of this service": workers that start together take turns (pg_advisory_xact_lock).
TURN = 0x44656172


class SchemaError(Exception):
    """The database is not of this code's version; the text says what to do."""


def upgrade(store: Store) -> None:
    """Bring the schema to the newest version, in one transaction: it happens whole or not at all.

    Raises SchemaError when the database was made by a newer version of this service.
    """
    with store.transaction() as connection:
        if not store.sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:turn)"), {"turn": TURN})
        current = MigrationContext.configure(connection).get_current_revision()
        _refuse_newer(current)
        if current != newest():
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        if not store.sqlite:
            key_store.make(connection)


def check(store: Store) -> None:
    """Raise SchemaError unless the schema is exactly this code's."""
    with store.reading() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    _refuse_newer(current)
    if current is None:
        raise SchemaError(
            "The database is empty: is DATABASE_URL right? For a new one, `course migrate` makes the tables; `course "
            "transfer` carries everything over from SQLite."
        )
    if current != newest():
        raise SchemaError("The database has an older schema: run `course migrate`, then start again.")


def newest() -> str:
    """Return the revision that this code wants."""
    return str(_scripts().get_current_head())


def _refuse_newer(current: str | None) -> None:
    known = {script.revision for script in _scripts().walk_revisions()}
    if current is not None and current not in known:
        raise SchemaError(
            f"The database has schema {current}, which this version does not know: it was made by a newer one. "
            "Install that version again; nothing was changed."
        )


@functools.cache
def _scripts() -> ScriptDirectory:
    """Return the migrations, read once: each is a module of its own."""
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    return config
