"""In charge of the commands about people: `course export`, `erase` and `demo-data`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

from course import addresses
from course.addresses import AddressError
from course.cli.service import load, opened
from course.erasure import erase as erase_everywhere
from course.journeys import demo, privacy
from course.journeys.demo import RealPeopleError

ASKED = "the owner, asked to"  # how a consent was taken back, in its record
UNKNOWN = "Nobody is known by this address."
# What no program can erase from here, by the way out that was used.
ELSEWHERE = {
    "folder": "Copies may remain in your backups.",
    "smtp": "Copies may remain in your backups, and in the logs of your mail server.",
    "sendgrid": "Copies may remain in your backups. What SendGrid keeps besides: docs/sendgrid.md.",
}


def export(typed: str, *, words: bool) -> int:
    """Print all rows about an address; return 1 when there are none."""
    with opened(load()) as app:
        known = privacy.export(app.service, as_kept(typed), words=words)
    if not any(known.values()):
        typer.echo(UNKNOWN, err=True)
        return 1
    typer.echo(json.dumps(known, indent=2, ensure_ascii=False))
    return 0


def erase(typed: str, *, sure: bool) -> int:
    """Erase an address's rows and files; return 1 when there were none."""
    address = as_kept(typed)
    if not sure:
        typer.confirm(f"Erase everything about {address}? Nothing brings it back.", abort=True)
    with opened(load()) as app:
        erased = erase_everywhere(app.service, address, app.clock.now())
        transport = app.settings.transport
    if transport == "sendgrid":
        _say_of_sendgrid(erased.refused)
    if not (erased.known or erased.letters or erased.mails):
        typer.echo(UNKNOWN, err=True)
        return 1
    rows = "the person and all their rows" if erased.known else "no rows (there were none)"
    files = f"letters in the outbox: {erased.letters}; mails of theirs that waited to be read: {erased.mails}"
    typer.echo(f"Erased: {rows}; {files}.")
    typer.echo("Kept, naming nobody: the proof of consent for three years, and that an address wants no mail.")
    typer.echo(ELSEWHERE[transport])
    return 1 if erased.refused else 0


def _say_of_sendgrid(refused: str) -> None:
    if not refused:
        typer.echo("SendGrid was asked to erase its copies; it does so within days.")
        return
    typer.echo(
        f"SendGrid has not taken the request to erase its copies: {refused}. Everything here is erased all the same. "
        "Repeat the command; the key needs a scope for this besides Mail Send (docs/sendgrid.md).",
        err=True,
    )


def demo_data(people: int, *, due: bool, force: bool) -> int:
    """Add made-up people; return 1 when real ones are in the way."""
    with opened(load()) as app, _progress(people) as tell:
        try:
            demo.make(app.service, people, app.clock.now(), due=due, force=force, tell=tell)
        except RealPeopleError as error:
            typer.echo(str(error), err=True)
            return 1
    typer.echo(f"Added {people} made-up people{', each owed a lesson now' if due else ''}.")
    return 0


@contextmanager
def _progress(people: int) -> Iterator[Callable[[int], object]]:
    """Show how far it is, to whoever watches: in a file or a pipe a bar is a line without a meaning."""
    if not sys.stderr.isatty():
        yield int
        return
    with typer.progressbar(length=people, label="People", file=sys.stderr) as bar:
        yield bar.update


def as_kept(typed: str) -> str:
    """Return an address as sign-up would have kept it; one that it refuses can still be looked for."""
    try:
        return addresses.parse(typed)
    except AddressError:
        return typed.strip()
