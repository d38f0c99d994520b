"""In charge of `course sending`: what is owed while mail is held, hold and resume."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import typer

from course.app import App
from course.cli.service import load, opened
from course.journeys import backlog, switch
from course.journeys.backlog import Waiting
from course.journeys.switch import Off, Why


def show(*, as_json: bool) -> None:
    """Print whether mail leaves, and what is owed by now."""
    with opened(load()) as app:
        off, now = _off(app), app.clock.now()
        sent_before = off.sent_before if off else None
        owed = backlog.owed(app.service, now, sent_before or datetime.min.replace(tzinfo=UTC))
        doubt = backlog.in_doubt(app.service)
    if as_json:
        waiting = [{**asdict(one), "first": one.first.isoformat(), "last": one.last.isoformat()} for one in owed]
        said = {"why": off.why, "since": off.since.isoformat()} if off else None
        before = sent_before.isoformat() if sent_before else None
        report = {"off": said, "sent_before": before, "owed": waiting, "in_doubt": doubt}
        typer.echo(json.dumps(report, indent=2))
    else:
        typer.echo(
            "\n".join([*_state(off), *_table(owed, now, doubt, sent_before), *_what_to_do(off, owed, sent_before)])
        )


def hold() -> None:
    """Turn sending off."""
    with opened(load()) as app, app.service.store.transaction() as tx:
        off = switch.turn_off(tx, Why.HELD, app.clock.real())
    typer.echo("\n".join([*_state(off), "To let it go on: course sending resume"]))


def resume(skip_before: str | None) -> None:
    """Turn sending on, after what was due before a moment is settled as sent, if that is wanted."""
    moment = _moment(skip_before) if skip_before else None
    with opened(load()) as app:
        off, real_now = _off(app), app.clock.real()
        if moment and moment > app.clock.now():
            raise typer.BadParameter(f"{skip_before} is still to come", param_hint="--skip-before")
        if moment:
            skipped = backlog.treat_as_sent(app.service, moment, real_now)
            typer.echo(f"{skipped} mails that were due before {_said(moment)} are treated as sent.")
        if off is None:
            typer.echo("Sending was on already.")
            return
        with app.service.store.transaction() as tx:
            switch.turn_on(tx, real_now)
    typer.echo("Sending goes on. What is owed leaves as long as a worker runs: course status")


def _off(app: App) -> Off | None:
    with app.service.store.reading() as tx:
        return switch.look(tx)


def _moment(typed: str) -> datetime:
    """Read a moment strictly: one without a zone could mean another one."""
    try:
        moment = datetime.fromisoformat(typed)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        hint = "put a date, a time and a zone, like 2027-03-03T08:01Z (UTC) or 2027-03-03T09:01+01:00"
        raise typer.BadParameter(hint, param_hint="--skip-before")
    return moment.astimezone(UTC)


def _state(off: Off | None) -> list[str]:
    return [f"Sending is off since {_said(off.since)}: {off.because}."] if off else ["Sending is on."]


def _table(owed: list[Waiting], now: datetime, doubt: int, sent_before: datetime | None) -> list[str]:
    lines = ["", "Owed by now: nothing."]
    if owed:
        title = f"{'sent already?':>15}" if sent_before else ""
        lines = ["", f"{'owed by now':<36}{'people':>9}   {'due since (UTC)':<18}{'late':>9}{title}"]
    for one in owed:
        probably = f"{one.before:>15}" if sent_before else ""
        since = f"{one.first:%Y-%m-%d %H:%M}"
        lines += [f"{one.course + ' ' + one.name:<36}{one.count:>9}   {since:<18}{_late(now - one.first):>9}{probably}"]
    if doubt:
        lines += ["", f"{doubt} more were being sent when this was written down: they leave again unless skipped."]
    return lines


def _what_to_do(off: Off | None, owed: list[Waiting], sent_before: datetime | None) -> list[str]:
    if off is None:
        return []
    lines = ["", "  course sending resume", "      sends all of it, each mail at its person's hour"]
    if sent_before and any(one.before for one in owed):
        lines += [
            f"  course sending resume --skip-before {sent_before:%Y-%m-%dT%H:%M:%SZ}",
            "      treats what was due before that as sent, which it probably was: another copy was used until then",
        ]
    return lines


def _late(span: timedelta) -> str:
    hours = int(span.total_seconds() // 3600)
    return f"{hours // 24} d {hours % 24} h" if hours >= 24 else f"{hours} h {int(span.total_seconds() // 60) % 60} m"  # noqa: PLR2004


def _said(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
