"""In charge of `course simulate`: days of a crowd on the real service in minutes, in a database of their own."""

from __future__ import annotations

import json
import resource
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import typer
from sqlalchemy import inspect

from course import logs, schedule, settings
from course.app import App
from course.cli import simulation
from course.cli.simulation import Counting, LeapingClock, Seen
from course.journeys import crowd, verdict
from course.journeys.crowd import Crowd
from course.journeys.verdict import Verdict
from course.settings import Settings
from course.store import migrate
from course.store.database import Store
from course.system_clock import SystemClock

WITHIN = 300  # seconds from its due minute in which every lesson is to be handed over


def simulate(
    people: int, first: date, days: int, per_second: float | None, folder: Path | None, database: str, *, as_json: bool
) -> int:
    """Let these days pass and print what was measured; return 1 when a lesson was missing, double, amiss or late."""
    logs.set_up("error")
    with _own_place(folder, database) as own:
        clock = LeapingClock(SystemClock().real(), SystemClock().monotonic)
        counting = Counting(clock, 1 / per_second if per_second else 0.0)
        app = App.build(own, transport=counting, clock=clock)
        try:
            course = app.catalogue.first
            apart = schedule.DATES_ON.get(course.pace, 1)
            report = _run(app, clock, counting, Crowd(people, first, days, course.days, apart=apart))
        finally:
            app.close()
    typer.echo(json.dumps(report, indent=2) if as_json else "\n".join(_lines(report)))
    return 0 if report["kept"] and not report["lateness"]["over_5_minutes"] else 1


@contextmanager
def _own_place(folder: Path | None, database: str) -> Iterator[Settings]:
    """Give settings that lead to nobody's data: a folder that is removed afterwards, or an empty one that is kept."""
    if folder is not None and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise typer.BadParameter(f"{folder} is not an empty folder; name a new one", param_hint="--folder")
    with tempfile.TemporaryDirectory(prefix="course-simulate-") as passing:
        place = folder or Path(passing)
        given = {"data_dir": place, "database_url": database, "transport": "folder", "timelapse": None}
        loaded = settings.load(**given, host="127.0.0.1", base_url="", secret_key="")
        if database:
            _make_tables(database)
        yield loaded


def _make_tables(database: str) -> None:
    store = Store(database)
    try:
        with store.reading() as tx:
            if inspect(tx).get_table_names():
                raise typer.BadParameter("this database is not empty; make one of its own", param_hint="--database")
        migrate.upgrade(store)
    finally:
        store.close()


def _run(app: App, clock: LeapingClock, counting: Counting, some: Crowd) -> dict[str, Any]:
    clock.leap(some.begin)
    empty = app.service.store.size()
    with typer.progressbar(length=some.people, label="People ", file=sys.stderr) as bar:
        crowd.make(app.service, some, tell=bar.update)
    begun = app.service.store.size()
    with typer.progressbar(length=some.expected, label="Lessons", file=sys.stderr) as bar:

        def tell() -> None:
            bar.update(max(0, min(counting.lessons, some.expected) - bar.pos))

        clock.leap(some.begin)
        seen = simulation.drive(app, clock, some.end, tell)
    sizes = {"empty": empty, "with_people": begun, "at_the_end": app.service.store.size()}
    return _report(some, counting, seen, verdict.judge(app.service, some), sizes)


def _report(some: Crowd, counting: Counting, seen: Seen, found: Verdict, sizes: dict[str, int]) -> dict[str, Any]:
    hours = counting.by_hour()
    handed = counting.lessons + counting.notices
    minute, most = max(counting.minutes.items(), key=lambda item: item[1], default=(some.begin, 0))
    busiest = max(hours.items(), key=lambda item: item[1], default=(some.begin, 0))
    grown = sizes["at_the_end"] - sizes["with_people"]
    return {
        "people": some.people,
        "zones": len(found.zones),
        "clocks_change_in": sorted(name for name in found.zones if _changes(name, some)),
        "first": some.first.isoformat(),
        "last": some.last.isoformat(),
        "starts": some.starts,
        "lessons_due": some.expected,
        "lessons": counting.lessons,
        "notices": counting.notices,
        "kept": found.kept and not counting.twice and found.lessons == some.expected <= counting.lessons,
        "missing": found.missing,
        "double": found.doubled + counting.twice,
        "amiss": found.amiss,
        "examples": found.examples,
        "per_hour": {f"{hour:%Y-%m-%dT%H}": hours[hour] for hour in sorted(hours)},
        "peak_hour": {"hour": f"{busiest[0]:%Y-%m-%dT%H}", "messages": busiest[1]},
        "peak_minute": {"minute": f"{minute:%Y-%m-%dT%H:%M}", "messages": most},
        "lateness": _lateness(found),
        "store": {
            **sizes,
            "at_midnight": seen.sizes,
            "growth_a_day": grown // some.days,
            "per_person": (sizes["with_people"] - sizes["empty"]) // some.people,
            "per_message": grown // max(1, handed),
        },
        "work": {
            "ticks": seen.ticks,
            "seconds": round(seen.ticking, 1),
            "longest_tick": round(seen.longest, 1),
            "tidying": round(seen.tidying, 1),
            "per_second": round(handed / seen.ticking) if seen.ticking else None,
        },
        "memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def _lateness(found: Verdict) -> dict[str, Any]:
    return {
        "p50": found.percentile(0.5),
        "p99": found.percentile(0.99),
        "most": max(found.late, default=0),
        "over_5_minutes": found.later_than(WITHIN),
    }


def _changes(zone: str, some: Crowd) -> bool:
    there = schedule.zone_of(zone)
    return some.begin.astimezone(there).utcoffset() != some.end.astimezone(there).utcoffset()


def _lines(report: dict[str, Any]) -> list[str]:
    late, store, work = report["lateness"], report["store"], report["work"]
    day = report["peak_hour"]["hour"][:10]
    hours = [f"{report['per_hour'].get(f'{day}T{hour:02}', 0):>9,}" for hour in range(24)]
    faults = f"{report['missing']} missing, {report['double']} double, {report['amiss']} amiss"
    changing = len(report["clocks_change_in"])
    facts = {
        "people": f"{report['people']:,} in {report['zones']} zones; clocks change in {changing}",
        "days": f"{report['first']} to {report['last']}; first lessons on {report['starts']} dates",
        "handed over": f"{report['lessons']:,} lessons, {report['notices']:,} notices",
        "lessons": f"{report['lessons_due']:,} due, " + ("each once on its date" if report["kept"] else faults),
        "lateness": f"p50 {late['p50']} s, p99 {late['p99']} s, most {late['most']} s; "
        f"{late['over_5_minutes']:,} over 5 minutes",
        "peak": f"{report['peak_hour']['messages']:,} in the hour {report['peak_hour']['hour']}, "
        f"{report['peak_minute']['messages']:,} in the minute {report['peak_minute']['minute']} (UTC)",
        "work": f"{work['seconds']:,} s in {work['ticks']:,} ticks, the longest {work['longest_tick']} s; "
        f"tidying {work['tidying']} s; {work['per_second'] or 0:,} messages a second",
        "store": f"{store['at_the_end']:,} bytes, {store['growth_a_day']:,} more a day; "
        f"{store['per_person']} a person, {store['per_message']} a message",
        "memory": f"{report['memory_mib']} MiB at most",
    }
    return [
        *(f"{name:<12}{said}" for name, said in facts.items()),
        f"Sends per hour on {day}, from 00 UTC:",
        *("".join(hours[start : start + 6]) for start in range(0, 24, 6)),
        *report["examples"],
    ]
