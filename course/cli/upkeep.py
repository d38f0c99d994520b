"""In charge of the command line's other half: what can be typed about backups, and about sending that is held.

Like its better half it imports what it needs when it is called.
"""
# ruff: noqa: PLC0415

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()
sending = typer.Typer(invoke_without_command=True)
app.add_typer(sending, name="sending")

File = Annotated[Path, typer.Argument(metavar="FILE", help="The backup's file.")]


@app.command(epilog="Example: course backup /mnt/backups/course-2027-03-01.backup")
def backup(
    file: File, *, overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False
) -> None:
    """Write the whole database into one file, while the service runs.

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


@sending.callback(epilog="Example: course sending | course sending hold | course sending resume")
def show(
    context: typer.Context, *, json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False
) -> None:
    """Show what mail is owed; hold it, or resume.

    For each lesson and notice: to how many people it is owed by now, since when, and, after a restore, to how many it
    was probably sent already.
    """
    from course.cli import holding

    if context.invoked_subcommand is None:
        holding.show(as_json=json)


@sending.command(epilog="Example: course sending hold")
def hold() -> None:
    """Hold all mail until you say resume.

    A running worker stops within about a second. Pages, replies and leaving go on; nothing that is owed is lost.
    """
    from course.cli import holding

    holding.hold()


@sending.command(epilog="Example: course sending resume --skip-before 2027-03-03T08:01Z")
def resume(
    *,
    skip_before: Annotated[
        str | None,
        typer.Option(metavar="MOMENT", help="Treat what was due before this moment as sent, like 2027-03-03T08:01Z."),
    ] = None,
) -> None:
    """Let mail leave again.

    What is owed leaves, each at its person's hour. After a restore some of it was sent already: with --skip-before
    those mails are not sent again, and the calendar goes on as if they had been sent when they were due.
    """
    from course.cli import holding

    holding.resume(skip_before)
