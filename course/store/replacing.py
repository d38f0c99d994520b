"""In charge of putting a backup in a database's place: prepared beside it, swapped at once, and the old one is kept."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from itertools import count
from pathlib import Path

from sqlalchemy.engine import make_url

from course.files import sync
from course.store import backup, migrate, swapping
from course.store.database import Store
from course.store.failures import BackupError

SQLITE, DUMP = b"SQLite format 3\0", b"PGDMP"  # how files of either kind begin
BESIDE = ("-wal", "-shm", "-journal")  # what SQLite keeps beside a database


@contextlib.contextmanager
def replacement(url: str, file: Path, real_now: datetime, *, force: bool) -> Iterator[tuple[Store, Store | None, str]]:
    """Give the restored database, brought to this version; the present one; and that one's name from then on, or "".

    The present one is None if it is damaged. At the end the restored one takes the place of the present one. Raises
    BackupError, or SchemaError for a backup of a newer version; then the present one is as it was.
    """
    expect(url, file)
    stamp = f"{real_now:%Y%m%d-%H%M%S}"
    if not url.startswith("sqlite"):
        with swapping.replacement(url, file, stamp, force=force) as both:
            yield both
        return
    place = Path(make_url(url).database or "")
    draft = place.with_name(f"{place.name}.restoring")
    names = (place.with_name(f"{place.name}.before-restore-{stamp}{'-again' * number}") for number in count())
    kept = next(name for name in names if not name.exists())
    _remove(draft)  # one that a crash left
    with contextlib.ExitStack() as at_the_end:
        at_the_end.callback(_remove, draft)
        sound = shut(place) or not place.exists()
        try:
            _copy(file, draft)
        except OSError as error:
            raise BackupError(f"{draft} could not be written ({error.strerror}). Is there room beside it?") from None
        new = Store(f"sqlite:///{draft}")
        at_the_end.callback(new.close)
        migrate.upgrade(new)
        old = Store(f"sqlite:///{place if place.exists() else ':memory:'}") if sound else None
        with contextlib.closing(old) if old else contextlib.nullcontext():
            yield new, old, str(kept) if place.exists() else ""
        new.close()
        shut(draft)
        shut(place)
        _swap(place, draft, kept)


def expect(url: str, file: Path) -> None:
    """Raise BackupError unless this is a backup of the kind of database that the settings name, and not that itself."""
    try:
        start = _start(file)
    except OSError as error:
        raise BackupError(f"{file} cannot be read ({error.strerror})") from None
    kind = "SQLite" if start == SQLITE else "PostgreSQL" if start.startswith(DUMP) else None
    wanted = "SQLite" if url.startswith("sqlite") else "PostgreSQL"
    if kind is None:
        raise BackupError(f"{file} is no backup: neither a SQLite database nor made by pg_dump --format=custom")
    if kind != wanted:
        to_postgresql = "; to move to PostgreSQL see `course transfer`" if kind == "SQLite" else ""
        raise BackupError(
            f"{file} is a backup of {kind}, and DATABASE_URL names {wanted}: set it as it was then{to_postgresql}"
        )
    if kind == "SQLite" and Path(make_url(url).database or "").resolve() == file.resolve():
        raise BackupError(f"{file} is the database itself; name a backup of it")


def is_sqlite(file: Path) -> bool:
    """Whether a file begins as SQLite's do. Raises OSError."""
    return _start(file) == SQLITE


def shut(place: Path) -> bool:
    """Bring a database's log into its one file. False: there is none, or it is too damaged for that.

    Raises BackupError while another process has it open: what that one writes would be lost.
    """
    if not place.exists():
        return False
    try:
        with contextlib.closing(sqlite3.connect(place, timeout=1, isolation_level=None)) as present:
            present.execute("PRAGMA journal_mode = DELETE").fetchall()
            present.execute("SELECT count(*) FROM sqlite_master").fetchall()
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise BackupError(f"{place} is in use; end the service first, its pages too, and open consoles") from None
        return False
    except sqlite3.DatabaseError:
        return False
    return True


def _start(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(len(SQLITE))


def _copy(file: Path, draft: Path) -> None:
    """Copy a backup, or a database with its log, and look at every page of it. Raises BackupError and OSError."""
    for end in ("", "-wal"):
        source, target = Path(f"{file}{end}"), Path(f"{draft}{end}")
        if source.exists():
            target.touch(mode=0o600)
            shutil.copyfile(source, target)
    try:
        with contextlib.closing(sqlite3.connect(draft, isolation_level=None)) as copy:
            flaws = backup.flaws(copy)
            ours = "alembic_version" in backup.counts(copy)
    except sqlite3.Error as error:
        flaws, ours = [str(error)], True
    if flaws:
        raise BackupError(f"{file} is damaged, and was not used: {flaws[0]}. Take another backup")
    if not ours:
        raise BackupError(f"{file} is a SQLite database, but not of this service")


def _swap(place: Path, draft: Path, kept: Path) -> None:
    """Keep the present database under another name and put the new one in its place; a crash leaves either there."""
    if place.exists():
        for end in BESIDE:  # of a damaged one; a log must never lie beside a database that is not its own
            source = Path(f"{place}{end}")
            if source.exists():
                shutil.copyfile(source, f"{kept}{end}")
                source.unlink()
        if not _linked(place, kept):
            shutil.copyfile(place, kept)
    sync(draft)
    draft.replace(place)
    sync(place.parent)


def _linked(place: Path, kept: Path) -> bool:
    try:
        kept.hardlink_to(place)
    except OSError:  # a file system without hard links
        return False
    return True


def _remove(draft: Path) -> None:
    for end in ("", *BESIDE):
        Path(f"{draft}{end}").unlink(missing_ok=True)
