"""In charge of PostgreSQL's own programs, pg_dump and pg_restore. No argument of theirs holds a password."""

from __future__ import annotations

import contextlib
import os
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


def dump(engine: Engine, into: Path) -> None:
    """Write the database but for people's keys into a file, as it is at one moment, while it is used.

    Raises BackupError.
    """
    with _address(engine) as address:
        how = "--format=custom", "--no-owner", "--no-privileges", f"--exclude-schema={SCHEMA}"
        _run("pg_dump", *how, f"--file={into}", f"--dbname={address}")


def verify(file: Path) -> None:
    """Read a backup from its beginning to its end. Raises BackupError for one that is torn, or none of this service."""
    listed = _run("pg_restore", "--list", str(file))
    if " TABLE DATA public deliveries " not in listed:
        raise BackupError(f"{file} is no backup of this service: pg_restore --list finds no deliveries in it")
    _run("pg_restore", f"--file={os.devnull}", str(file))


def load(engine: Engine, file: Path) -> None:
    """Fill an empty database from a backup, whole or not at all. Raises BackupError."""
    with _address(engine) as address:
        how = "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"
        _run("pg_restore", *how, f"--dbname={address}", str(file))


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


def _run(program: str, *arguments: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise BackupError(
            f"{program} is not installed here. It comes with PostgreSQL's client (Debian: apt install "
            "postgresql-client); it must not be older than the server"
        )
    # No shell, and nothing in it that a stranger wrote.
    done = subprocess.run([path, *arguments], capture_output=True, check=False, stdin=subprocess.DEVNULL)  # noqa: S603
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines() or [f"it ended with {done.returncode}"]
        raise BackupError(f"{program} did not do its part: {said[0].removeprefix(f'{program}: ')}")
    return done.stdout.decode(errors="replace")
