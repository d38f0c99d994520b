"""In charge of a service's way from SQLite to PostgreSQL: everything goes along, and the file is set aside."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import delete, inspect

from course.clock import Clock
from course.content.catalogue import Catalogue
from course.files import sync
from course.journeys import doubts, facts, guard
from course.journeys.service import Service
from course.keys import Keys
from course.settings import Settings
from course.store import key_store, migrate, replacing, transfer
from course.store.database import Store
from course.store.failures import BackupError

FILE = "course.db"


def as_it_was(settings: Settings, file: Path | None) -> Settings:
    """Return the settings of the service before it moved: with this file of SQLite, by default that in DATA_DIR.

    Raises BackupError when there is none, or DATABASE_URL does not name PostgreSQL yet; OSError.
    """
    if settings.sqlite:
        raise BackupError(
            "DATABASE_URL names SQLite. Make an empty PostgreSQL database, put it into DATABASE_URL "
            "(postgresql://user:password@host/name), then do this again"
        )
    place = (file or settings.data_dir / FILE).resolve()
    if not place.is_file():
        raise BackupError(
            f"There is no database {place}. Is this the folder where the service runs, and DATA_DIR right?"
        )
    if not replacing.is_sqlite(place):
        raise BackupError(f"{place} is no SQLite database")
    return settings.model_copy(update={"database_url": SecretStr(f"sqlite:///{place}")})


def transfer_all(
    before: Settings, after: Settings, catalogue: Catalogue, clock: Clock, said: Callable[[str, int], None]
) -> Path:
    """Carry everything over, set the file aside under another name, and return that. For whoever holds its lock.

    `said` is told each table and how many of its rows went. Sending stays as it is, on or off: both databases know as
    much. People's keys do not stay behind, so an erasure from now on counts for the file that was set aside, too.
    Raises BackupError, SchemaError or SettingsError, and then nothing has changed.
    """
    place = before.database_file
    if not replacing.shut(place):
        raise BackupError(f"{place} is damaged: put DATABASE_URL back and restore a backup first")
    with closing(Store(before.database)) as old, closing(Store(after.database)) as new:
        _expect_ours(old, place)
        migrate.upgrade(old)
        migrate.upgrade(new)
        service = Service(before, Keys.of(before.secret_key.get_secret_value()), catalogue, old)
        facts.check_key(service, clock.real())
        # What a killed worker noted is written down here: the next one may be on another machine.
        here = guard.of_database(old).database
        doubts.close_ledgers(service, clock.now(), clock.real(), here)
        with closing(key_store.opened(old, before.data_dir)) as keys:
            if not _done_before(old, new):
                transfer.fill(old, keys, new, said)
            with keys.transaction() as tx:
                tx.execute(delete(key_store.person_keys))
            keys.sweep_pages()
    for end in ("", *replacing.BESIDE):
        (before.data_dir / f"{key_store.FILE}{end}").unlink(missing_ok=True)
    return _set_aside(place, f"{clock.real():%Y%m%d-%H%M%S}")


def _expect_ours(old: Store, place: Path) -> None:
    with old.reading() as tx:
        if not inspect(tx).has_table("alembic_version"):
            raise BackupError(f"{place} is a SQLite database, but not of this service")


def _done_before(old: Store, new: Store) -> bool:
    """Whether all of it went over once, and only setting the file aside was interrupted."""
    here, there = guard.of_database(old), guard.of_database(new)
    if not here.database or here.database != there.database:
        return False
    if here.mark > there.mark:
        raise BackupError(
            "The file was carried over before and has been used since, so both databases know something that the other "
            "does not. Put DATABASE_URL back, or name an empty PostgreSQL database"
        )
    return True


def _set_aside(place: Path, stamp: str) -> Path:
    kept = place.with_name(f"{place.name}.transferred-{stamp}")
    for end in ("", *replacing.BESIDE):
        source = Path(f"{place}{end}")
        if source.exists():
            source.rename(f"{kept}{end}")
    sync(place.parent)
    return kept
