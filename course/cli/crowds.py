"""In charge of the commands about made-up people: a database full of them, and a simulation."""
# ruff: noqa: PLC0415

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from course.cli.arguments import Json

CLOCKS_CHANGE = datetime(2027, 3, 11)  # noqa: DTZ001 (a date): on its Sunday, clocks in America go forward
app = typer.Typer()


@app.command(epilog="Example: DATA_DIR=var-demo course demo-data --people 1000 --due")
def demo_data(
    *,
    people: Annotated[int, typer.Option(min=1, metavar="N", help="How many to add.")],
    due: Annotated[bool, typer.Option("--due", help="All of them are owed a lesson now.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Add them beside real people.")] = False,
) -> None:
    """Add made-up people, to try things out.

    They have confirmed, and live in many time zones. Their addresses lie in people.example, where no mail arrives.
    It is refused where real people are.
    """
    from course.cli import people as doing

    raise typer.Exit(doing.demo_data(people, due=due, force=force))


@app.command(epilog="Example: course simulate --subscribers 100000 --days 7")
def simulate(
    *,
    subscribers: Annotated[int, typer.Option(min=1, metavar="N", help="How many made-up people.")],
    days: Annotated[int, typer.Option(min=1, max=60, metavar="N", help="How many local dates.")] = 7,
    from_: Annotated[
        datetime,
        typer.Option("--from", formats=["%Y-%m-%d"], metavar="DATE", help="The first date; clocks may change."),
    ] = CLOCKS_CHANGE,
    per_second: Annotated[
        float | None,
        typer.Option(min=0.1, metavar="N", help="Messages a second that the provider takes. [default: at once]"),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(metavar="PATH", help="A new folder, which is kept. [default: one that passes]")
    ] = None,
    database: Annotated[str, typer.Option(metavar="URL", help="An empty PostgreSQL database. [default: SQLite]")] = "",
    json: Json = False,
) -> None:
    """Let days of a crowd pass in minutes, and measure.

    The real service works in a database of its own, with your first course, a clock that leaps over idle time, and a
    way out that only counts. While the service works, the clock goes on by as much as that takes. First lessons are
    spread over as many dates as leave time for a whole course: of 7 days with 5 lessons over three.

    It ends with 1 when a lesson was missing, double, on another date, or over 5 minutes late.
    """
    from course.cli import simulating

    raise typer.Exit(simulating.simulate(subscribers, from_.date(), days, per_second, folder, database, as_json=json))
