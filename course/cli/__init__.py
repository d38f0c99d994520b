"""In charge of the command line: what can be typed, and what it means. What is then done stands in the modules beside.

Each command imports what it needs when it is called, so that `course --help` answers at once.
"""
# ruff: noqa: PLC0415

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

ABOUT = """A course that arrives by email and is answered by email: the tools of whoever writes it and looks after it.

The service itself is started by `make run` or worker.py. Commands read the same settings (environment and .env), so
call them in the folder where the service runs.

They end with 0 when all is well, 1 when something was found or did not work, 2 when a setting, a file or the database
is wrong.
"""
FAILED = 2
CLOCKS_CHANGE = datetime(2027, 3, 11)  # noqa: DTZ001 (a date): on its Sunday, clocks in America go forward

app = typer.Typer(
    help=ABOUT,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,  # its traceback may show what a person wrote
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="An email address, in any letter case.")]
Day = Annotated[int | None, typer.Option(min=1, metavar="N", help="The lesson of this day.")]
Locale = Annotated[
    str | None, typer.Option(metavar="LOCALE", help="A language, like en-GB. [default: the course's first one]")
]
CourseName = Annotated[
    str | None, typer.Option(metavar="NAME", help="A folder's name in emails/courses/. [default: the first one]")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def main(arguments: list[str] | None = None) -> None:
    """Run the command that was typed, or these arguments. What an operator can mend is told in a sentence."""
    try:
        app(arguments, prog_name="course")
    except Exception as error:
        from course.cli.failures import told

        sentence = told(error)
        if not sentence:
            raise
        typer.echo(sentence, err=True)
        sys.exit(FAILED)


@app.command(epilog="Example: course check")
def check() -> None:
    """Find every mistake in emails/, by file and line.

    Each line says what to do. Warnings (a long sentence, a help line that nobody has checked) are only told;
    mistakes make it end with 1.
    """
    from course.cli import lessons

    raise typer.Exit(lessons.check())


@app.command(
    epilog="Examples: course preview --open | course preview --day 2 --locale en-US | course preview --notice welcome"
)
def preview(
    *,
    day: Day = None,
    notice: Annotated[str | None, typer.Option(metavar="NAME", help="A notice, like welcome or receipt.")] = None,
    locale: Locale = None,
    course: CourseName = None,
    open_: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
) -> None:
    """Show mails as people will see them, with sample values.

    Writes HTML and text to DATA_DIR/preview. Without --day and --notice: all mails, and an index.html that links them.
    """
    from course.cli import lessons

    raise typer.Exit(lessons.preview(course, day, notice, locale, show=open_))


@app.command(epilog="Example: course send-test you@example.org --day 2")
def send_test(address: Address, *, day: Day = 1, locale: Locale = None, course: CourseName = None) -> None:
    """Send one lesson to yourself, by the real way out.

    It is the mail that people get, with real headers; but nobody is signed up by it, its links lead nowhere, and an
    answer to it is forgotten.
    """
    from course.cli import trial

    raise typer.Exit(trial.send_test(address, course, day or 1, locale))


@app.command(epilog='Example, in a pipe of your mail server: course receive --to "$RECIPIENT" < mail.eml')
def receive(
    *,
    to: Annotated[
        list[str] | None,
        typer.Option("--to", metavar="ADDRESS", help="Whom the mail server took it in for; may come several times."),
    ] = None,
) -> None:
    """Take in one mail from a mail server's pipe.

    The mail is kept durably (encrypted) before anything else happens. Ends with 0 once it is kept, 75 when it could not
    be kept, so that the mail server tries again, and 65 for a mail over 35 MB. It prints nothing of the mail.

    Let the mail server run it in the service's folder, as the user that the service runs as.
    """
    from course.cli import mail

    raise typer.Exit(mail.receive(tuple(to or ())))


@app.command(epilog="Example: course status")
def status(*, json: Json = False) -> None:
    """Tell whether the clock ticks and mail leaves.

    Also what is queued, in doubt, failed, held or waiting to be read, and by what way mail leaves.
    """
    from course.cli import numbers

    numbers.status(as_json=json)


@app.command(epilog="Example: course stats --json")
def stats(*, json: Json = False) -> None:
    """Count people, lessons sent and days done.

    Course by course, and numbers only: nobody is named.
    """
    from course.cli import numbers

    numbers.stats(as_json=json)


@app.command(epilog="Example: course migrate")
def migrate() -> None:
    """Bring the database to this version.

    Call it once per version, before the workers start. SQLite is also brought up to date by every start. It happens
    whole or not at all, and can be repeated.
    """
    from course.cli import numbers

    numbers.migrate()


@app.command(epilog="Example: course export alice@example.org > alice.json")
def export(address: Address) -> None:
    """Print everything that is known about a person.

    It is JSON, and ends with 1 when nobody is known by this address.
    """
    from course.cli import people

    raise typer.Exit(people.export(address))


@app.command(epilog="Example: course erase alice@example.org")
def erase(
    address: Address, *, yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether you are sure.")] = False
) -> None:
    """Erase a person.

    Their rows go, the letters to them in the outbox, and their mail that waits to be read. What stays names nobody:
    that a yes was given (for three years), and that an address wants no mail.
    """
    from course.cli import people

    raise typer.Exit(people.erase(address, sure=yes))


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
