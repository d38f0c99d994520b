"""In charge of PostgreSQL's own programs, pg_dump and pg_restore. No argument of theirs holds a password."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from psycopg.conninfo import make_conninfo
from sqlalchemy import Engine

from course.store.failures import BackupError
from course.store.key_store import SCHEMA

SIDE_BY_SIDE = Path("/usr/lib/postgresql")  # where Debian has the programs of each version, whatever is first in PATH
TIMED = 17  # from this version on pg_restore sets transaction_timeout first, which older servers do not know


def dump(engine: Engine, into: Path) -> None:
    """Write the database but for people's keys into a file, as it is at one moment, while it is used.

    Raises BackupError.
    """
    with _address(engine) as address:
        how = "--format=custom", "--no-owner", "--no-privileges", f"--exclude-schema={SCHEMA}"
        _run(engine, "pg_dump", *how, f"--file={into}", f"--dbname={address}")


def verify(engine: Engine, file: Path) -> None:
    """Read a backup from its beginning to its end. Raises BackupError for one that is torn, or none of this service."""
    listed = _run(engine, "pg_restore", "--list", str(file))
    if " TABLE DATA public deliveries " not in listed:
        raise BackupError(f"{file} is no backup of this service: pg_restore --list finds no deliveries in it")
    _run(engine, "pg_restore", f"--file={os.devnull}", str(file))


def load(engine: Engine, file: Path) -> None:
    """Fill an empty database from a backup, whole or not at all. Raises BackupError."""
    with _address(engine) as address:
        how = "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"
        _run(engine, "pg_restore", *how, f"--dbname={address}", str(file))


@contextlib.contextmanager
def _address(engine: Engine) -> Iterator[str]:
    """Give a connection string, its password in a file that only we can read: arguments are seen by everybody here."""
    given: dict[str, Any] = engine.url.translate_connect_args(username="user", database="dbname")
    given |= {name: value if isinstance(value, str) else ",".join(value) for name, value in engine.url.query.items()}
    password = given.pop("password", None)
    if password is None:
        yield make_conninfo(**given)
        return
    handle, name = tempfile.mkstemp()  # mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            # libpq's password file: a colon parts, a backslash protects
            # (https://www.postgresql.org/docs/current/libpq-pgpass.html).
            file.write("*:*:*:*:" + str(password).replace("\\", r"\\").replace(":", r"\:") + "\n")
        yield make_conninfo(**given, passfile=name)
    finally:
        Path(name).unlink(missing_ok=True)


def major_of(engine: Engine) -> int:
    """Return the server's major version."""
    with engine.connect() as connection:
        return int((connection.dialect.server_version_info or (0,))[0])


def _suiting(program: str, server: int) -> str:
    """Return where the program is: that of the server's own version, else the first one in PATH if the two agree."""
    path = shutil.which(program, path=SIDE_BY_SIDE / str(server) / "bin") or shutil.which(program)
    if path is None:
        raise BackupError(
            f"{program} is not installed here. It comes with PostgreSQL's client, of the server's own version at best "
            f"(Debian: apt install postgresql-client-{server}); it must not be older than the server"
        )
    said = re.search(r"PostgreSQL\) (\d+)", _done(program, path, "--version"))
    client = int(said[1]) if said else server
    if server < TIMED <= client:
        raise BackupError(
            f"{program} is of version {client} and the server of {server}, which cannot take back what it writes: use "
            f"that of version {server} (Debian: apt install postgresql-client-{server}, and it is found; elsewhere put "
            "its folder first into PATH)"
        )
    return path


def _run(engine: Engine, program: str, *arguments: str) -> str:
    return _done(program, _suiting(program, major_of(engine)), *arguments)


def _done(program: str, path: str, *arguments: str) -> str:
    # No shell, and nothing in it that a stranger wrote.
    done = subprocess.run([path, *arguments], capture_output=True, check=False, stdin=subprocess.DEVNULL)  # noqa: S603
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines() or [f"it ended with {done.returncode}"]
        raise BackupError(f"{program} did not do its part: {said[0].removeprefix(f'{program}: ')}")
    return done.stdout.decode(errors="replace")
