"""In charge of what is put right by hand: `course held`, `course resend` and `course suppressions`."""

from __future__ import annotations

import json
from dataclasses import asdict

import typer

from course.cli.people import ASKED, as_kept
from course.cli.service import load, opened
from course.inbound import spool
from course.journeys import held, resending, suppression
from course.journeys.resending import ResendError


def show(*, as_json: bool) -> None:
    """Print what is held, why, and how many people wait for it."""
    with opened(load()) as app:
        found = held.held(app.service, app.clock.now())
        aside = len(spool.held(app.spool_folder))
    if as_json:
        said = [{**asdict(one), "since": one.since.isoformat() if one.since else None} for one in found]
        typer.echo(json.dumps(said, indent=2, ensure_ascii=False))
        return
    if aside:
        typer.echo(f"Mail that came in and is put aside: {aside}. See: course held mail\n")
    if not found:
        typer.echo("No mailing is held.")
        return
    for one in found:
        since = f", due since {one.since:%Y-%m-%d %H:%M} UTC" if one.since else ""
        typer.echo(f"{one.course} {one.name} {one.locale}: {one.people} wait{since}\n    refused: {one.why}")
    first = found[0]
    typer.echo(
        f"\nEach leaves when its text has changed; or, if the refusal was no fault of the text:\n"
        f"  course held release {first.name} --course {first.course} --locale {first.locale}"
    )


def release(name: str, course: str | None, locale: str | None) -> int:
    """Let a held mailing leave; return 1 when none of this name is held."""
    with opened(load()) as app:
        which = course or app.catalogue.first.name
        released = held.release(app.service, which, name, locale, app.clock.now())
    if not released:
        where = f" in {locale}" if locale else ""
        typer.echo(f"{which} {name}{where} is not held. What is: course held", err=True)
        return 1
    for one in released:
        typer.echo(f"Released: {one.course} {one.name} {one.locale}, for {one.people} who wait.")
    typer.echo(
        "It leaves as long as a worker runs, each at its person's hour. If it is refused again, it is held again."
    )
    return 0


def resend(typed: str, course: str | None, day: int) -> int:
    """Owe somebody a copy of a lesson; return 1, and say why, when that cannot be."""
    with opened(load()) as app:
        try:
            name = resending.resend(app.service, as_kept(typed), course, day, app.clock.now())
        except ResendError as error:
            typer.echo(str(error), err=True)
            return 1
    typer.echo(f"A copy of {name} day {day} leaves as soon as a worker looks. An answer to it counts for that day.")
    return 0


def suppressed() -> None:
    """Print how many addresses we never write to, and why."""
    with opened(load()) as app, app.service.store.reading() as tx:
        found = suppression.reasons(tx)
    for reason, count in found.items():
        typer.echo(f"{reason}: {count}")
    if not found:
        typer.echo("No address is suppressed.")


def lift(typed: str, *, asked: bool) -> int:
    """Let mail go to an address again; return 1, and say why, when that is not for the owner to say, or it may."""
    address = as_kept(typed)
    with opened(load()) as app, app.service.store.transaction() as tx:
        reason = suppression.reason(tx, app.keys, address)
        if reason is not None and (asked or reason != suppression.NOT_ME):
            suppression.lift(tx, app.keys, address, ASKED if asked else "the owner", app.clock.real())
            typer.echo(f"Lifted ({reason}), and recorded. They may sign up again; nothing begins by itself.")
            typer.echo("Your mail house may have a list of its own, like SendGrid's suppressions: look there too.")
            return 0
    if reason is None:
        typer.echo("This address is not suppressed.", err=True)
    else:
        typer.echo("They said themselves that they want no mail. If they have asked you: add --they-asked", err=True)
    return 1
