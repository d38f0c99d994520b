"""Promises of putting a backup in a database's place, with no service around them: one of the two is there, whole."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from conftest import MONDAY
from sqlalchemy import create_engine, text

from course.store import backup, migrate, postgresql, replacing, swapping
from course.store.database import Store
from course.store.failures import BackupError

PLACE, FILE = "course.db", "a.backup"


@pytest.fixture
def folder(tmp_path, sqlite_tables):
    """Give a folder with a database and a backup, each of which knows what it is."""
    for name in (PLACE, FILE):
        shutil.copyfile(sqlite_tables, tmp_path / name)
        note(tmp_path / name, name)
    return tmp_path


def note(path, what):
    """Write into a database what it is."""
    with closing(sqlite3.connect(path)) as tables, tables:
        tables.execute("INSERT INTO facts (name, value, at) VALUES ('what', ?, '2027-03-01 12:00:00.000000')", [what])


def noted(path):
    """Return what a database says it is."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as tables:
        return tables.execute("SELECT value FROM facts WHERE name = 'what'").fetchone()[0]


def put(folder, file=None, meanwhile=lambda _: None):
    """Put the backup in the database's place; return what the old one is called."""
    url = f"sqlite:///{folder / PLACE}"
    with replacing.replacement(url, file or folder / FILE, MONDAY, force=False) as (_, old, kept):
        meanwhile(old)
    return Path(kept)


def test_two_restores_at_the_same_second_keep_both_databases(folder):
    """Each has a name of its own: the second does not write over what the first has kept."""
    first, second = put(folder), put(folder)

    assert [noted(path) for path in (first, second, folder / PLACE)] == [PLACE, FILE, FILE]


def test_nobody_else_on_the_machine_reads_a_restored_database(folder):
    """Mode 0600, whatever the backup's was."""
    (folder / FILE).chmod(0o644)
    put(folder)

    assert (folder / PLACE).stat().st_mode & 0o777 == 0o600


def test_what_stands_in_a_log_beside_the_file_is_restored_too(folder):
    """A disk was saved as it was: course.db, and what had been written last in course.db-wal."""
    saved = folder / "saved.db"
    with closing(sqlite3.connect(folder / FILE)) as tables:
        tables.execute("PRAGMA journal_mode = WAL").fetchall()
        with tables:
            tables.execute("UPDATE facts SET value = 'in the log' WHERE name = 'what'")
        for end in ("", "-wal"):
            shutil.copyfile(f"{folder / FILE}{end}", f"{saved}{end}")
    put(folder, saved)

    assert noted(folder / PLACE) == "in the log"


def test_the_log_of_a_damaged_database_goes_with_it(folder, monkeypatch):
    """A disk has errors, so the log could not be brought into its database: it must not be taken for the new one's."""
    monkeypatch.setattr(replacing, "shut", lambda _: False)
    Path(f"{folder / PLACE}-wal").write_bytes(b"its log")
    kept = put(folder)

    assert Path(f"{kept}-wal").read_bytes() == b"its log"
    assert not Path(f"{folder / PLACE}-wal").exists()
    assert noted(folder / PLACE) == FILE


def test_what_a_crash_left_is_no_part_of_the_next_restore(folder):
    """A journal of a draft that is gone would be rolled back into the new one, over its pages."""
    with closing(sqlite3.connect(folder / "torn.db", isolation_level=None)) as torn:
        torn.execute("PRAGMA cache_size = 2")
        torn.execute("CREATE TABLE old (words TEXT)")
        torn.executemany("INSERT INTO old VALUES (?)", [["w" * 3000]] * 100)
        torn.execute("BEGIN")
        torn.execute("UPDATE old SET words = upper(words)")
        shutil.copyfile(folder / "torn.db-journal", folder / f"{PLACE}.restoring-journal")
        torn.execute("ROLLBACK")
    put(folder)

    assert noted(folder / PLACE) == FILE
    assert list(folder.glob("*restoring*")) == []


def test_where_no_links_can_be_made_the_old_database_is_copied(folder, monkeypatch):
    """Some file systems have no hard links: what is kept is whole all the same."""

    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    kept = put(folder)

    assert (noted(kept), noted(folder / PLACE)) == (PLACE, FILE)


def test_a_power_cut_finds_one_database_or_the_other(folder, monkeypatch):
    """The new one is on the disk before it takes the place, and the folder's names once it has."""
    synced = []
    monkeypatch.setattr(replacing, "sync", lambda path: synced.append((path, noted(folder / PLACE))))
    put(folder)

    assert synced == [(folder / f"{PLACE}.restoring", PLACE), (folder, FILE)]


def test_whoever_opens_the_database_meanwhile_is_not_cut_off(folder):
    """What they write would be lost: nothing is swapped, and it says what to end."""
    with closing(sqlite3.connect(folder / PLACE)) as page:

        def look(old):
            with old.reading() as tx:
                tx.execute(text("SELECT count(*) FROM facts"))
            page.execute("SELECT count(*) FROM facts").fetchall()

        with pytest.raises(BackupError, match="is in use"):
            put(folder, meanwhile=look)

    assert noted(folder / PLACE) == PLACE


def test_the_database_by_another_name_is_no_backup_of_it(folder, monkeypatch):
    """By a relative path, or through a link."""
    monkeypatch.chdir(folder)
    (folder / "link").symlink_to(folder / PLACE)
    for file in (Path(PLACE), folder / "link"):
        with pytest.raises(BackupError, match="the database itself"):
            put(folder, file)


def test_a_backup_with_a_row_that_points_nowhere_is_damaged(folder):
    """SQLite finds each page sound: it is asked for that, too, before anything takes a place."""
    with closing(sqlite3.connect(folder / FILE)) as tables, tables:
        tables.execute("INSERT INTO folded_deliveries (delivery_id, enrolment_id) VALUES (7, 99)")
    with pytest.raises(BackupError, match="a row of folded_deliveries points nowhere"):
        put(folder)

    with closing(Store(f"sqlite:///{folder / FILE}")) as store, pytest.raises(BackupError, match="points nowhere"):
        backup.take(store, folder / "again.backup")


def test_a_copy_that_lacks_rows_is_no_backup(folder, monkeypatch):
    """As many must be in it as were there."""
    counted, count = [], backup.counts

    def counting(tables):
        counted.append(count(tables))
        return {**counted[-1], "facts": 7 - len(counted)}

    monkeypatch.setattr(backup, "counts", counting)
    with closing(Store(f"sqlite:///{folder / PLACE}")) as store, pytest.raises(BackupError, match="rows are missing"):
        backup.take(store, folder / "new.backup")

    assert not (folder / "new.backup").exists()


# On PostgreSQL.


@pytest.fixture
def both(empty, pg_programs, tmp_path):
    """Give the address of a database on PostgreSQL, and a backup of it."""
    with closing(Store(empty)) as store:
        migrate.upgrade(store)
        backup.take(store, tmp_path / FILE)
        url = store.engine.url
    yield url, tmp_path / FILE
    with connected(url) as admin:
        for name in names(url)[1:]:
            admin.execute(text(f"DROP DATABASE {url.database}{name} WITH (FORCE)"))


@contextmanager
def connected(url, database="postgres"):
    """Give a connection to another database of the same server; nothing of it is left afterwards."""
    engine = create_engine(url.set(database=database), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def swap(url, file):
    """Return the restore of a backup on PostgreSQL, to be entered."""
    address = url.render_as_string(hide_password=False)
    return swapping.replacement(address, file, "20270301-120000", force=False)


def names(url):
    """Return what databases of this beginning are called, without that."""
    with connected(url) as admin:
        like = {"like": f"{url.database}%"}
        found = admin.execute(text("SELECT datname FROM pg_database WHERE datname LIKE :like"), like).scalars()
        return sorted(name.removeprefix(url.database) for name in found)


def test_a_database_that_a_crash_left_half_filled_is_made_anew(both):
    """What an interrupted restore had begun does not stand in the way of the next one."""
    url, file = both
    with connected(url) as admin:
        admin.execute(text(f"CREATE DATABASE {url.database}_restoring"))
    with swap(url, file):
        pass

    assert names(url) == ["", "_before_restore_20270301_120000"]


def test_whoever_connects_meanwhile_is_not_cut_off(both, monkeypatch):
    """As on SQLite: they would go on in a database that nobody reads any more."""
    monkeypatch.setattr(swapping, "LOOKS", 1)
    url, file = both
    with ExitStack() as page, pytest.raises(BackupError, match="are using the database"), swap(url, file):
        page.enter_context(connected(url, url.database))

    assert names(url) == [""]


def test_both_databases_are_renamed_or_none(both):
    """The new one cannot take the name: then the present one still has it, and the service finds it."""
    url, file = both

    def put_away(new):
        new.close()
        with connected(url) as admin:
            admin.execute(text(f"ALTER DATABASE {url.database}_restoring RENAME TO {url.database}_elsewhere"))

    with pytest.raises(BackupError), swap(url, file) as (new, _, _):
        put_away(new)

    assert names(url) == ["", "_elsewhere"]


def test_a_name_that_would_be_cut_off_is_refused():
    """PostgreSQL shortens what is too long, and then nobody finds the database that was kept."""
    url = f"postgresql+psycopg://course@localhost/{'n' * 40}"
    with (
        pytest.raises(BackupError, match="too long to keep it"),
        swapping.replacement(url, Path("none"), "20270301-120000", force=False),
    ):
        pass


def test_a_dump_of_something_else_is_refused(both, tmp_path):
    """Sound, and of another service: else people's tables would be replaced by empty ones, and nobody be told."""
    url, _ = both
    with connected(url, "template1") as there:
        postgresql.dump(there.engine, tmp_path / "other")
    with pytest.raises(BackupError, match="is no backup of this service"), swap(url, tmp_path / "other"):
        pass


def test_a_dump_is_read_to_its_end_before_it_gets_its_name(both, tmp_path, monkeypatch):
    """What pg_dump left unfinished, without a word, is no backup."""
    url, file = both
    torn = file.read_bytes()[: file.stat().st_size * 3 // 4]
    monkeypatch.setattr(postgresql, "dump", lambda _, into: into.write_bytes(torn))
    with closing(Store(url.render_as_string(hide_password=False))) as store, pytest.raises(BackupError):
        backup.take(store, tmp_path / "new.backup")

    assert not (tmp_path / "new.backup").exists()
