"""In charge of mail that was put aside: `course held mail`, count and discard. Nobody is shown a word of it."""

from __future__ import annotations

import json

import typer
from cryptography.fernet import InvalidToken

from course.app import App
from course.cli.service import load, opened
from course.inbound import spool
from course.inbound.spool import Held
from course.inbound.tasting import NotTastedError
from course.journeys import matching
from course.journeys.decisions import Decision
from course.reading import caps
from course.reading.aside import HeldError, Why

REASONS = {
    Why.UNCLEAR: "perhaps no person wrote it",
    Why.NOBODY: "it cannot be told whose it is",
    Why.SEALED: "encrypted, or in Outlook's own format",
    Why.TOO_MUCH: "too long, or of too many parts",
    Why.OTHER_SENDER: "from another address than the one on file",
    Why.EMPTY: "no word and no photo in it",
    Why.BROKEN: "it could not be read",
    Why.LOST_KEY: "sealed with a key that SECRET_KEY no longer holds",
}
KEPT = f"Each is erased {spool.KEEP_HELD.days} days after it was put aside."


def show(*, as_json: bool) -> None:
    """Print of each mail when it came, how long it is, which day it answers and why it was put aside."""
    with opened(load()) as app:
        found = [_about(app, one) for one in spool.held(app.spool_folder)]
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    if not found:
        typer.echo("No mail is put aside.")
        return
    for one in found:
        day = f"day {one['day']}" if one["day"] else "no day known"
        typer.echo(f"{one['id']}  {one['came']}  {one['bytes']:>8} bytes  {day:<12}  {one['why']}")
    first = found[0]["id"]
    typer.echo(
        f"\n{KEPT}\n  course held count {first}      a person wrote it: let it count\n  course held discard {first}"
    )


def count(name: str) -> int:
    """Let a mail count as a person's; return 1, and say why, when that cannot be."""
    with opened(load()) as app:
        held = _found(app, name)
        if held is None:
            return _unknown(name)
        try:
            decision = app.decide(spool.take(held.path, app.keys), vouched=True)
        except HeldError as error:
            typer.echo(f"{name} stays put aside: {REASONS[error.why]}.", err=True)
            return 1
        except (InvalidToken, NotTastedError) as error:
            typer.echo(f"{name} stays put aside: {_failure(error)}.", err=True)
            return 1
        held.path.unlink(missing_ok=True)
    typer.echo(SAID.get(decision, f"It is decided: {decision}."))
    return 0


def discard(name: str) -> int:
    """Erase a mail that was put aside; return 1 when there is none of this name."""
    with opened(load()) as app:
        held = _found(app, name)
        if held is None:
            return _unknown(name)
        held.path.unlink(missing_ok=True)
    typer.echo("It is erased.")
    return 0


SAID = {
    Decision.COMPLETED: "It counts for its day; its person gets the usual receipt, where the mail may be answered.",
    Decision.COMMAND: "It is obeyed as the command that it is.",
    Decision.REPEATED: "It was counted before.",
}


def _about(app: App, held: Held) -> dict[str, object]:
    try:
        mail = spool.take(held.path, app.keys)
        day, size = _day(app, mail.to, mail.raw), len(mail.raw)
    except (FileNotFoundError, InvalidToken):
        day, size = None, 0
    reason = REASONS[Why(held.why)] if held.why in set(Why) else "put aside by an earlier version"
    came = f"{held.came_at:%Y-%m-%d %H:%M} UTC"
    return {"id": held.name, "came": came, "bytes": size, "day": day, "reason": held.why, "why": reason}


def _day(app: App, to: tuple[str, ...], raw: bytes) -> int | None:
    """Return the day that it answers, by the addresses and the head of it alone."""
    with app.service.store.reading() as tx:
        answered = matching.by_head(tx, app.service, to, raw[: caps.HEADER_BLOCK])
    return answered.day if answered else None


def _found(app: App, name: str) -> Held | None:
    return next((one for one in spool.held(app.spool_folder) if one.name == name), None)


def _unknown(name: str) -> int:
    typer.echo(f"No mail {name} is put aside. Which are: course held mail", err=True)
    return 1


def _failure(error: Exception) -> str:
    return REASONS[Why.LOST_KEY] if isinstance(error, InvalidToken) else "no process could be had to read it; try again"
