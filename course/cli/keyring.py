"""In charge of `course keys`: backup, restore and rotate."""

from __future__ import annotations

from pathlib import Path

import typer

from course.cli.service import load, opened
from course.journeys import key_backups, person_keys


def backup(folder: Path) -> None:
    """Write a backup of the keys, and say what became of older ones."""
    with opened(load()) as app:
        taken = key_backups.take(app.service, folder, app.clock.real())
    typer.echo(f"{taken.file}: {taken.keys} keys. Older than thirty days, and erased: {taken.gone}.")
    typer.echo("Keep JOURNAL_KEYS in another place: with both of them, and the database, anybody can open every word.")


def restore(file: Path) -> None:
    """Put missing keys back."""
    with opened(load()) as app:
        added = key_backups.put_back(app.service, file, app.clock.real())
    typer.echo(f"Keys put back: {added}. Those that were there are as they were.")


def rotate() -> None:
    """Wrap the keys anew."""
    with opened(load()) as app:
        changed = person_keys.rotate(app.service)
        newest = app.service.key_ring.marks[0]
    typer.echo(f"Keys wrapped anew: {changed}. All are wrapped by the newest one now (its mark: {newest}).")
    typer.echo("Keep the older ones in JOURNAL_KEYS for thirty days more, for the backups of the keys that need them.")
