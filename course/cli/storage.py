"""In charge of what can be typed about the database: its version, backups, restores, its way to PostgreSQL.

Like `cli/__init__.py` it imports what it needs when it is called.
"""
# ruff: noqa: PLC0415

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()

File = Annotated[Path, typer.Argument(metavar="FILE", help="The backup's file.")]


@app.command(epilog="Example: course migrate")
def migrate() -> None:
    """Bring the database to this version.

    Call it once per version, before the workers start. SQLite is also brought up to date by every start. It happens
    whole or not at all, and can be repeated.
    """
    from course.cli import numbers

    numbers.migrate()


@app.command(epilog="Example: course backup /mnt/backups/course-2027-03-01.backup")
def backup(
    file: File, *, overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False
) -> None:
    """Write the database into one file while the service runs.

    The file is verified before it gets its name, and only you can read it. With PostgreSQL it is made by pg_dump. What
    else belongs into a backup is said afterwards.
    """
    from course.cli import backups

    backups.backup(file, overwrite=overwrite)


@app.command(epilog="Example: course restore /mnt/backups/course-2027-03-01.backup")
def restore(
    file: File,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether you are sure.")] = False,
    with_erased: Annotated[
        bool, typer.Option("--with-erased", help="Also bring back people who were erased since the backup.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="PostgreSQL: end sessions that still use the database.")
    ] = False,
) -> None:
    """Put a backup in the database's place.

    End the service first. The present database is kept under another name; who left, paused or was erased since the
    backup is looked up in it, so that nobody is written to who wants no mail. Afterwards sending is off until you say
    `course sending resume`.
    """
    from course.cli import backups

    backups.restore(file, sure=yes, with_erased=with_erased, force=force)


@app.command(epilog="Example: course transfer")
def transfer(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="SQLite's file. [default: course.db in DATA_DIR]")
    ] = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether you are sure.")] = False,
) -> None:
    """Carry everything from SQLite's file into PostgreSQL.

    End the service first, and put an empty PostgreSQL database into DATABASE_URL. People, courses, replies, journals
    with their keys and whoever wants no mail go along, whole or not at all; links and replies go on as they are. The
    file is kept under another name.
    """
    from course.cli import backups

    backups.transfer(file, sure=yes)
