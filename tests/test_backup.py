"""Promises of the backup: whole, verified, taken while the service runs, seen by nobody else; or no file at all."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
import threading
import uuid
from contextlib import closing, contextmanager

import pytest
from conftest import ON_SQLITE
from sqlalchemy import create_engine, insert, text

from course.store import backup, postgresql
from course.store.database import Store
from course.store.failures import BackupError
from course.store.tables import enrolments, subscribers

ON_POSTGRESQL = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
# A child that may write no large file would leave torn bytecode behind for everybody.
BARE = {"PYTHONDONTWRITEBYTECODE": "1"}
TABLES = ("subscribers", "enrolments", "deliveries", "consents", "facts", "history", "mailings")


@pytest.fixture
def take(world, tmp_path, pg_tools):
    """Return a function that takes a backup of the world, into a folder where nothing else is."""
    folder = tmp_path / "backups"
    folder.mkdir()

    def taking(name="course.backup", **how):
        backup.take(world.app.service.store, folder / name, **how)
        return folder / name

    return taking


@contextmanager
def opened(file, database):
    """Give the database that a backup holds."""
    if database.startswith("sqlite"):
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as copy:
            yield lambda query: copy.execute(query).fetchall()
        return
    name = f"backup_{uuid.uuid4().hex[:12]}"
    store = Store(database)
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as admin:
        admin.execute(text(f"CREATE DATABASE {name} TEMPLATE template0"))
    engine = create_engine(store.engine.url.set(database=name))
    try:
        postgresql.load(engine, file)
        with engine.connect() as connection:
            yield lambda query: [tuple(row) for row in connection.execute(text(query))]
    finally:
        engine.dispose()
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as admin:
            admin.execute(text(f"DROP DATABASE {name}"))
        store.close()


def shell(tmp_path, *arguments, limit=None, **environment):
    """Run `course` as a process of its own; `limit` is the largest file in bytes that it may write."""
    known = {"DATA_DIR": str(tmp_path / "var"), "PATH": os.environ["PATH"], **BARE, **environment}
    command = [sys.executable, "-m", "course", *map(str, arguments)]

    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.run(
        command, capture_output=True, check=False, env=known, cwd=tmp_path, text=True, preexec_fn=limit and limited
    )


def test_a_backup_holds_every_row(world, take, database):
    """What is in the database at that moment is in the file, table by table, value by value."""
    world.join()
    world.pass_hours(24)
    queries = [f"SELECT * FROM {table} ORDER BY 1" for table in TABLES]  # noqa: S608 (names of ours)
    expected = [world.rows(query) for query in queries]
    with opened(take(), database) as rows:
        found = [rows(query) for query in queries]

    assert found == expected
    assert min(map(len, found)) > 0


def test_a_backup_is_of_one_moment_while_others_write(world, take, database):
    """A writer adds people, each with an enrolment in the same transaction: no backup has one without the other.

    Each has what was there when it began, and the writer is not held up.
    """
    store, done, written = world.app.service.store, threading.Event(), []

    def write():
        while not done.is_set():
            number = len(written) + 1
            person = {"email": f"p{number}@example.org", "email_key": f"p{number}@example.org", "name": "P"}
            settings = {"locale": "en-GB", "timezone": "UTC", "send_hour": 8, "created_at": world.clock.at}
            with store.transaction() as tx:
                tx.execute(insert(subscribers).values(id=number, **person, **settings))
                row = {"course": "self-compassion", "status": "active", "created_at": world.clock.at}
                tx.execute(insert(enrolments).values(subscriber_id=number, **row))
            written.append(number)

    writer = threading.Thread(target=write)
    writer.start()
    seen = []
    try:
        for number in range(3):
            before = len(written)
            file = take(f"{number}.backup")
            seen.append((before, file, len(written)))
    finally:
        done.set()
        writer.join()

    for before, file, after in seen:
        with opened(file, database) as rows:
            people, rounds = (
                rows("SELECT count(*) FROM subscribers")[0][0],
                rows("SELECT count(*) FROM enrolments")[0][0],
            )
        assert people == rounds
        assert before <= people <= after + 1
    assert seen[-1][2] > seen[0][0]


@ON_SQLITE
def test_what_is_written_between_counting_and_copying_waits(world, take, monkeypatch):
    """The counts that prove a copy whole, and the copy, are of the same moment, whoever writes in between."""
    world.join()
    count = backup.counts

    def counting(tables):
        found = count(tables)
        world.sign_up(f"p{uuid.uuid4().hex[:6]}")
        return found

    monkeypatch.setattr(backup, "counts", counting)
    file = take()
    with opened(file, "sqlite") as rows:
        people = rows("SELECT email FROM subscribers")

    assert people == [("alice@example.org",)]


def test_only_its_owner_can_read_it_and_it_is_one_file(world, take):
    """Mode 0600, no log beside it, no draft left."""
    world.join()
    file = take()

    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.iterdir()] == [file.name]


@ON_SQLITE
def test_a_backup_is_not_written_over_another(world, take):
    """A file that is there stays as it is, unless --overwrite says otherwise."""
    file = take()
    before = file.read_bytes()
    world.join()
    with pytest.raises(BackupError, match="--overwrite"):
        take()
    kept = file.read_bytes()
    take(overwrite=True)

    assert kept == before
    assert file.read_bytes() != before


@ON_SQLITE
def test_a_place_that_cannot_be_is_named(world, take, tmp_path):
    """A folder that is not there, or a folder instead of a file: the sentence says what to do."""
    with pytest.raises(BackupError, match="There is no folder"):
        take("nowhere/course.backup")
    (tmp_path / "backups" / "folder").mkdir()
    with pytest.raises(BackupError, match="is a folder"):
        take("folder")


def test_no_database_is_made_by_a_backup_of_none(tmp_path):
    """Typed in the wrong folder: it says so, and leaves no empty database behind that looks like one."""
    done = shell(tmp_path, "backup", tmp_path / "course.backup")

    assert done.returncode == 2
    assert "There is no database" in done.stderr
    assert not (tmp_path / "var" / "course.db").exists()
    assert not (tmp_path / "course.backup").exists()


@pytest.mark.parametrize("before", [None, b"yesterday's"], ids=["new", "overwrite"])
def test_a_full_disk_leaves_no_half_backup(world, take, tmp_path, database, before):
    """It ends with 2 and says why; there is no file, or the one that was there before."""
    world.join()
    file = tmp_path / "backups" / "course.backup"
    if before:
        file.write_bytes(before)
    how = ["--overwrite"] if before else []
    done = shell(tmp_path, "backup", file, *how, limit=20_000, DATABASE_URL=database)

    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "could not be written" in done.stderr or "pg_dump did not do its part" in done.stderr
    assert [path.read_bytes() for path in (tmp_path / "backups").iterdir()] == ([before] if before else [])


@ON_SQLITE
def test_a_damaged_database_is_not_backed_up_as_if_it_were_sound(world, take, tmp_path):
    """Better no backup today than one that cannot be restored: the copy is checked, page by page."""
    world.join()
    world.app.service.store.sweep_pages()
    path = tmp_path / "course.db"
    page = world.rows("SELECT rootpage FROM sqlite_master WHERE name = 'due_enrolments'")[0][0]
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096 + 8)
        file.write(b"\xff" * 4000)
    world.app.service.store.close()

    with pytest.raises(BackupError):
        take()
    assert list((tmp_path / "backups").iterdir()) == []


@ON_SQLITE
def test_a_backup_says_what_else_to_keep(world, take, tmp_path, database):
    """Without the key nothing in it can be used: that is said when there is still time."""
    world.join()
    done = shell(tmp_path, "backup", tmp_path / "backups" / "b", DATABASE_URL=database)

    assert done.returncode == 0, done.stderr
    assert "verified (1 subscribers, 1 enrolments, 2 deliveries)" in done.stdout
    assert str(tmp_path / "var" / "secret.key") in done.stdout
    assert "emails" in done.stdout
    assert ".env" in done.stdout


@ON_POSTGRESQL
def test_a_missing_pg_dump_is_named(world, take, monkeypatch):
    """It says what to install."""
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(postgresql, "SIDE_BY_SIDE", world.app.settings.data_dir)

    with pytest.raises(BackupError, match=r"pg_dump is not installed here.*postgresql-client"):
        take()


@ON_POSTGRESQL
def test_the_password_is_in_no_argument(tmp_path, monkeypatch, pg_tools):
    """Everybody on a machine sees a program's arguments: the password goes by a file that is gone afterwards."""
    password = "p:w\\d"
    script = (
        '#!/bin/sh\necho "$@" > {0}/seen\n'
        'file=$(echo "$@" | sed "s/.*passfile=\\([^ ]*\\).*/\\1/")\n'
        "cp $file {0}/passfile; stat -c %a $file > {0}/mode; echo $file > {0}/path\n"
    )
    program = tmp_path / "bin" / "pg_dump"
    program.parent.mkdir()
    program.write_text(script.format(tmp_path))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(postgresql, "SIDE_BY_SIDE", tmp_path)
    monkeypatch.setattr(postgresql, "major_of", lambda _: 15)
    engine = create_engine("postgresql+psycopg://course:p%3Aw%5Cd@localhost/course?sslmode=prefer")
    postgresql.dump(engine, tmp_path / "into")

    assert "host=localhost" in (tmp_path / "seen").read_text()
    assert "sslmode=prefer" in (tmp_path / "seen").read_text()
    assert password not in (tmp_path / "seen").read_text()
    assert (tmp_path / "passfile").read_text() == "*:*:*:*:p\\:w\\\\d\n"
    assert (tmp_path / "mode").read_text() == "600\n"
    assert not os.path.exists((tmp_path / "path").read_text().strip())  # noqa: PTH110


@ON_POSTGRESQL
def test_a_dump_that_fails_says_why(world, take, monkeypatch):
    """PostgreSQL's own words, one line of them, and no file."""
    world.app.service.store.engine.url = world.app.service.store.engine.url.set(database="nowhere")

    with pytest.raises(BackupError, match=r'pg_dump did not do its part.*"nowhere" does not exist'):
        postgresql.dump(world.app.service.store.engine, world.app.settings.data_dir / "x")


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo 'pg_dump: error: no room' >&2; echo 'detail: heron-canary' >&2; exit 1", "error: no room"),
        ("exit 3", "it ended with 3"),
    ],
    ids=["two lines", "none"],
)
def test_a_program_that_fails_is_quoted_with_one_line(tmp_path, programs, script, said):
    """The first says what it is, those after it may hold somebody's words; without any, it says how it ended."""
    program = programs("side/15/bin", "15.18") / "pg_dump"
    program.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo "pg_dump (PostgreSQL) 15.18" && exit\n{script}\n')

    with pytest.raises(BackupError) as failed:
        postgresql.dump(NOWHERE, tmp_path / "file")
    assert str(failed.value) == f"pg_dump did not do its part: {said}"


def test_a_newer_program_that_writes_what_the_server_takes_is_welcome(tmp_path, programs):
    """Only those of 17 and later begin with what an older server does not know."""
    programs("newest", "16.10")
    postgresql.dump(NOWHERE, tmp_path / "file")

    assert "--format=custom" in (tmp_path / "seen").read_text()


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Return a function that installs programs of PostgreSQL which only say their version, and who was called."""

    def install(folder, version):
        for name in ("pg_dump", "pg_restore"):
            program = tmp_path / folder / name
            program.parent.mkdir(parents=True, exist_ok=True)
            program.write_text(f'#!/bin/sh\necho "$0 $@" >> {tmp_path}/seen\necho "{name} (PostgreSQL) {version}"\n')
            program.chmod(0o755)
        return tmp_path / folder

    monkeypatch.setenv("PATH", f"{install('newest', '18.4')}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(postgresql, "SIDE_BY_SIDE", tmp_path / "side")
    monkeypatch.setattr(postgresql, "major_of", lambda _: 15)
    return install


NOWHERE = create_engine("postgresql+psycopg://localhost/course")


@pytest.mark.parametrize("work", [postgresql.dump, postgresql.verify, postgresql.load])
def test_programs_whose_backups_the_server_cannot_take_are_refused(tmp_path, programs, work):
    """What those of 17 and later write, an older server never takes back: better no backup than one that is none."""
    with pytest.raises(BackupError, match=r"is of version 18 and the server of 15.*apt install postgresql-client-15"):
        work(NOWHERE, tmp_path / "file")

    assert [line.split()[1:] for line in (tmp_path / "seen").read_text().splitlines()] == [["--version"]]


def test_programs_of_the_server_s_own_version_come_first(tmp_path, programs):
    """Debian has several versions side by side, and PATH leads to the newest: nobody needs to know of that."""
    own = programs("side/15/bin", "15.18")
    postgresql.dump(NOWHERE, tmp_path / "file")

    called = (tmp_path / "seen").read_text().splitlines()
    assert {line.split()[0] for line in called} == {str(own / "pg_dump")}
    assert "--format=custom" in called[-1]


@ON_POSTGRESQL
def test_a_torn_dump_is_found_out(world, take):
    """A file that lost its end is read to where it ends, and refused."""
    world.join()
    file = take()
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) * 3 // 4])

    with pytest.raises(BackupError, match="pg_restore did not do its part"):
        postgresql.verify(world.app.service.store.engine, file)
