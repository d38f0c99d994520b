"""In charge of the commands about people: `course export`, `erase` and `demo-data`."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import typer
from cryptography.fernet import InvalidToken

from course import addresses
from course.addresses import AddressError
from course.app import App
from course.cli.service import load, opened
from course.inbound import spool, tasting
from course.inbound.tasting import NotTastedError
from course.journeys import demo, privacy
from course.journeys.demo import RealPeopleError
from course.journeys.privacy import Traces
from course.reading.caps import HEADER_BLOCK, TooMuchError

TO = re.compile(rb"^To: ([^\r\n]+)", re.MULTILINE)
HEAD = 8_192  # bytes of a letter of ours that surely hold its To header
UNKNOWN = "Nobody is known by this address."
# What no program can erase from here, by the way out that was used.
ELSEWHERE = {
    "folder": "Copies may remain in your backups.",
    "smtp": "Copies may remain in your backups, and in the logs of your mail server.",
    "sendgrid": "Copies may remain in your backups, and at SendGrid: its Email Activity, and the address in its "
    "suppression lists. Ask SendGrid to erase them.",
}


def export(typed: str) -> int:
    """Print all rows about an address; return 1 when there are none."""
    with opened(load()) as app:
        known = privacy.export(app.service, as_kept(typed))
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
        # Before the rows, so that a repeat finds what a crash left; and after them, for what came in between.
        traces = privacy.traces(app.service, address)
        letters, mails = _erase_files(app, traces)
        known = privacy.erase(app.service, address)
        more_letters, more_mails = _erase_files(app, traces)
        transport = app.settings.transport
    letters, mails = letters + more_letters, mails + more_mails
    if not (known or letters or mails):
        typer.echo(UNKNOWN, err=True)
        return 1
    rows = "the person and all their rows" if known else "no rows (there were none)"
    typer.echo(f"Erased: {rows}; letters in the outbox: {letters}; mails of theirs that waited to be read: {mails}.")
    typer.echo("Kept, naming nobody: the proof of consent for three years, and that an address wants no mail.")
    typer.echo(ELSEWHERE[transport])
    return 0


def demo_data(people: int, *, due: bool, force: bool) -> int:
    """Add made-up people; return 1 when real ones are in the way."""
    with opened(load()) as app, typer.progressbar(length=people, label="People", file=sys.stderr) as bar:
        try:
            demo.make(app.service, people, app.clock.now(), due=due, force=force, tell=bar.update)
        except RealPeopleError as error:
            typer.echo(str(error), err=True)
            return 1
    typer.echo(f"Added {people} made-up people{', each owed a lesson now' if due else ''}.")
    return 0


def as_kept(typed: str) -> str:
    """Return an address as sign-up would have kept it; one that it refuses can still be looked for."""
    try:
        return addresses.parse(typed)
    except AddressError:
        return typed.strip()


def _erase_files(app: App, traces: Traces) -> tuple[int, int]:
    """Erase the letters to a person and the mails from them; return how many of each."""
    letters = [path for path in _files(app.settings.data_dir / "outbox") if _to(path) == traces.address]
    mails = [path for path in spool.everywhere(app.spool_folder) if _theirs(app, traces, path)]
    for path in (*letters, *mails):
        path.unlink(missing_ok=True)
    return len(letters), len(mails)


def _files(folder: Path) -> Iterator[Path]:
    """Yield every file: drafts that a crash left behind as well as letters."""
    return (path for path in folder.glob("*") if path.is_file())


def _to(letter: Path) -> str:
    with letter.open("rb") as file:
        found = TO.search(file.read(HEAD))
    return addresses.key(found[1].decode("ascii", "replace").strip()) if found else ""


def _theirs(app: App, traces: Traces, path: Path) -> bool:
    try:
        mail = spool.take(path, app.keys)
    except (FileNotFoundError, InvalidToken):
        return False  # decided meanwhile, or sealed with a key that is gone: nobody can tell
    try:
        raw = tasting.tasted(mail.raw)
    except (TooMuchError, NotTastedError):
        raw = mail.raw[:HEADER_BLOCK]
    return traces.show_in(app.keys, raw, mail.to)
