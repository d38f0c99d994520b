"""In charge of what is put right by hand: `course held`, which lets a refused mailing go, and `course resend`."""

from __future__ import annotations

import json
from dataclasses import asdict

import typer

from course.cli.people import as_kept
from course.cli.service import load, opened
from course.inbound import spool
from course.journeys import held, resending
from course.journeys.resending import ResendError


def show(*, as_json: bool) -> None:
    """Print what is held, why, and how many people wait for it."""
    with opened(load()) as app:
        found = held.held(app.service, app.clock.now())
        aside = len(spool.put_by(app.spool_folder))
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
