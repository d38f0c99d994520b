"""In charge of `course keys` and `course journal`: what an owner may do with keys and with what was shared."""

from __future__ import annotations

from pathlib import Path

import typer

from course import addresses
from course.cli.people import ASKED, as_kept
from course.cli.service import load, opened
from course.journeys import journal, key_backups, people, person_keys, sharing
from course.store.states import JournalLevel
from course.store.tables import subscribers


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


def read(*, again: bool) -> None:
    """Print what was shared."""
    with opened(load()) as app:
        found = sharing.read(app.service, app.clock.real(), again=again)
    for one in found:
        day = f", day {one.day}" if one.day else ""
        typer.echo(f"--- {one.person or '(no name)'}, {one.course}{day}, {one.kept_at:%Y-%m-%d %H:%M} UTC")
        typer.echo("(locked: its key is not here)" if one.words is None else _shown(one.words))
    typer.echo(f"{len(found)} replies." if found else "Nothing is shared that was not opened yet.", err=True)


def withdraw(typed: str, *, sharing: bool) -> int:
    """Lower the level of all of a person's rounds; return 1 when none was higher."""
    address = as_kept(typed)
    level = JournalLevel.KEEP if sharing else JournalLevel.COUNT
    with opened(load()) as app:
        with app.service.store.reading() as tx:
            rounds = people.find(tx, subscribers.c.email_key == addresses.key(address))
            higher = [one.id for one in rounds if journal.above(journal.level_of(tx, one.id), level)]
        for one in higher:
            journal.choose(app.service, one, level, ASKED, app.clock.real())
    typer.echo("Taken back, and recorded." if higher else "There is nothing to take back.", err=not higher)
    return 0 if higher else 1


def _shown(words: str) -> str:
    """Return words without what could command a terminal."""
    return "".join(char for char in words if char in "\n\t" or char.isprintable())
