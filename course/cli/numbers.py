"""In charge of the commands that look and count: `course status`, `stats` and `migrate`."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import typer
from sqlalchemy import inspect, text

from course.app import App
from course.cli.service import load, opened
from course.inbound import spool
from course.journeys import reports, tallies
from course.journeys.guard import BESIDE
from course.journeys.switch import WHAT_TO_DO
from course.journeys.tallies import Tally
from course.store import migrate as schema
from course.store.database import Store
from course.store.states import CheckinAnswer

NONE = "none"
HIDDEN = "-"


def status(*, as_json: bool) -> None:
    """Print how the service is."""
    with opened(load()) as app:
        report = _report(app)
        lines = _lines(app, report)
    typer.echo(json.dumps(report, indent=2) if as_json else "\n".join(lines))


def stats(*, as_json: bool) -> None:
    """Print the counts."""
    with opened(load()) as app:
        counts = reports.stats(app.service)
    typer.echo(json.dumps(counts, indent=2) if as_json else "\n".join(_table(counts)))


def checkins() -> None:
    """Print how people said that days were, as far as it can be shown."""
    with opened(load()) as app:
        found = tallies.closed(app.service, app.clock.now())
    typer.echo("\n".join(_tallies(found)))


def migrate() -> None:
    """Bring the schema to the newest version, and say from which."""
    store = Store(load().database)
    try:
        before = _version(store)
        schema.upgrade(store)
        after = _version(store)
    finally:
        store.close()
    typer.echo(f"The database has schema {after} already." if before == after else f"From schema {before} to {after}.")


def _version(store: Store) -> str:
    with store.reading() as tx:
        if not inspect(tx).has_table("alembic_version"):
            return NONE
        return str(tx.execute(text("SELECT version_num FROM alembic_version")).scalar() or NONE)


def _report(app: App) -> dict[str, Any]:
    url = app.service.store.engine.url
    return {
        **reports.status(app.service, app.clock.now()),
        "mail_waiting": len(spool.waiting(app.spool_folder)),
        "mail_held": len(spool.waiting(app.spool_folder / "held")),
        "mail_unproven": len(spool.waiting(app.spool_folder / "unproven")),
        "schema": _version(app.service.store),
        "database": f"{url.get_backend_name()} {url.host or ''} {url.database}".replace("  ", " "),
        "beside": BESIDE if app.guard.beside else None,
        "transport": app.settings.transport,
        "site": app.settings.site,
    }


def _lines(app: App, report: dict[str, Any]) -> list[str]:
    queue = ", ".join(f"{count} {state}" for state, count in report["deliveries"].items())
    facts = {
        "site": report["site"],
        "clock": _clock(report["last_tick"], app.clock.real()),
        "sending": _sending(report),
        "queue": f"{queue or 'empty'}; {report['due_now']} due now",
        "held": "; ".join(report["held_mailings"]) or "no mailing",
        "mail": f"{report['mail_waiting']} to be read, {report['mail_held']} put aside",
        "transport": report["transport"],
        "database": f"{report['database']}, schema {report['schema']}",
    }
    if report["courses_gone"]:
        facts["courses"] = "; ".join(report["courses_gone"])
    if report["mail_unproven"]:
        facts["mail"] += f", {report['mail_unproven']} under a wrong signature (SENDGRID_INBOUND_KEY)"
    if report["beside"]:
        facts["check"] = report["beside"]
    if report["batches"]:
        facts["batches"] = report["batches"]
    if app.settings.timelapse:
        facts["time lapse"] = f"a day takes {app.settings.timelapse:g} s; it is {app.clock.now():%Y-%m-%d %H:%M} UTC"
    return [f"{name:<12}{said}" for name, said in facts.items()]


def _sending(report: dict[str, Any]) -> str:
    off = report["sending_off"]
    if off:
        return f"OFF since {off['since'][:16].replace('T', ' ')} UTC: {off['because']}; {WHAT_TO_DO}"
    return f"STOPPED: {report['sending_stopped']}" if report["sending_stopped"] else "goes on"


def _clock(last_tick: str | None, real_now: datetime) -> str:
    if last_tick is None:
        return "has never ticked: start the worker (make run)"
    ago = real_now - datetime.fromisoformat(last_tick)
    stopped = " and does not tick now: start the worker" if ago > reports.LATE else ""
    return f"ticked {last_tick[:19].replace('T', ' ')} UTC{stopped}"


def _table(counts: dict[str, Any]) -> list[str]:
    lines = []
    for name, course in counts["courses"].items():
        lines += [name, "  " + ", ".join(f"{count} {state}" for state, count in course["enrolments"].items())]
        lines += [f"  {'day':>5}{'sent':>10}{'completed':>12}"]
        lines += [f"  {day:>5}{sent:>10}{course['completed'][day]:>12}" for day, sent in course["sent"].items()]
        came = ", ".join(f"{ref} {count}" for ref, count in course["came_from"].items())
        lines += [f"  came from: {came}"] if came else []
    return lines


def _tallies(found: list[Tally]) -> list[str]:
    if not found:
        return ["Nothing can be shown: no week that is over has enough answers about one day."]
    head = f"{'course':<24}{'week of':<12}{'day':>4}" + "".join(f"{answer:>9}" for answer in CheckinAnswer)
    rows = [
        f"{one.course:<24}{one.week:%Y-%m-%d}  {one.day:>4}"
        + "".join(f"{HIDDEN if number is None else number:>9}" for number in one.numbers.values())
        for one in found
    ]
    return [head, *rows, f"{HIDDEN}: not shown, because it or the others are under {tallies.FEWEST}."]
