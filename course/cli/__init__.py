"""In charge of the command line: what can be typed, and what it means. What is then done stands in the modules beside.

Each command imports what it needs when it is called, so that `course --help` answers at once.
"""
# ruff: noqa: PLC0415

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from course.cli import crowds, journal, languages, resources, signups, storage, upkeep
from course.cli.arguments import Address, CourseName, Json, Locale

ABOUT = """A course that arrives by email and is answered by email: the tools of whoever writes it and looks after it.

The service itself is started by `make run` or worker.py. Commands read the same settings (environment and .env), so
call them in the folder where the service runs.

They end with 0 when all is well, 1 when something was found or did not work, 2 when a setting, a file or the database
is wrong.
"""
FAILED = 2

app = typer.Typer(
    help=ABOUT,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,  # its traceback may show what a person wrote
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

Day = Annotated[int | None, typer.Option(min=1, metavar="N", help="The lesson of this day.")]


def main(arguments: list[str] | None = None) -> None:
    """Run the command that was typed, or these arguments. What an operator can mend is told in a sentence."""
    try:
        app(arguments, prog_name="course")
    except Exception as error:
        from course.failures import told

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
    epilog="Examples: course preview --open | course preview --day 2 --locale en-US | course preview --notice help"
)
def preview(
    *,
    day: Day = None,
    notice: Annotated[str | None, typer.Option(metavar="NAME", help="A notice, like welcome or receipt.")] = None,
    locale: Locale = None,
    course: CourseName = None,
    plain: Annotated[bool, typer.Option("--plain", help="As whoever replied NO LINKS gets it.")] = False,
    open_: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
) -> None:
    """Show mails as people will see them, with sample values.

    Writes HTML and text to DATA_DIR/preview. Without --day and --notice: all mails, with links and without, and an
    index.html that leads to them.
    """
    from course.cli import lessons

    raise typer.Exit(lessons.preview(course, day, notice, locale, plain=plain, show=open_))


@app.command(
    epilog="Examples: course send-test you@example.org --day 2 | course send-test a@example.org b@example.org --batch"
)
def send_test(
    address: Address,
    second: Annotated[
        str | None, typer.Argument(metavar="[SECOND]", help="With --batch: another one of yours.")
    ] = None,
    *,
    day: Day = 1,
    locale: Locale = None,
    course: CourseName = None,
    batch: Annotated[
        bool, typer.Option("--batch", help="Try out what SENDGRID_BATCH does: a pair, in one call.")
    ] = False,
) -> None:
    """Send one lesson to yourself, by the real way out.

    It is the mail that people get, with real headers; but nobody is signed up by it, its links lead nowhere, and an
    answer to it is forgotten.

    With --batch a pair goes to two addresses of yours in one call to SendGrid. Answer either: when that comes in by the
    mail's own address, `course status` says that SENDGRID_BATCH may be larger than 1 here.
    """
    from course.cli import trial

    if batch:
        raise typer.Exit(trial.send_pair(address, second or "", course, day or 1, locale))
    if second:
        raise typer.BadParameter("a second address goes with --batch", param_hint="SECOND")
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


@app.command(epilog="Example: course read reply.eml")
def read(
    file: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="A mail, as .eml.")],
    *,
    locale: Locale = None,
) -> None:
    """Show how a mail is understood, cut by cut.

    Whether a person wrote it and by which row that was decided, what was cut of it and by which rule, what is left, and
    which command that is. Nothing is stored or sent. Where it answers a mail that this database knows, what we sent is
    looked up and cut, too; where it does not, that is said. It prints what the person wrote.
    """
    from course.cli import reading

    raise typer.Exit(reading.show(file, locale))


@app.command(epilog="Example: course status")
def status(*, json: Json = False) -> None:
    """Tell whether the clock ticks and mail leaves.

    Also what is queued, in doubt, failed, held or waiting to be read, and by what way mail leaves.
    """
    from course.cli import numbers

    numbers.status(as_json=json)


@app.command(epilog="Example: course stats --json")
def stats(
    *, json: Json = False, checkins: Annotated[bool, typer.Option("--checkins", help="How days were, instead.")] = False
) -> None:
    """Count people, lessons sent and days done.

    Course by course, and numbers only: nobody is named. With --checkins: what people said of each day, in weeks that
    are over; never a number that points at somebody, so it stays away while it or the others are under five.
    """
    from course.cli import numbers

    if checkins and json:
        raise typer.BadParameter("check-ins are for people to read, not for programs", param_hint="--json")
    numbers.checkins() if checkins else numbers.stats(as_json=json)


@app.command(epilog="Example: course export alice@example.org > alice.json")
def export(
    address: Address,
    *,
    words: Annotated[
        bool, typer.Option("--words", help="Also open their journal, for a copy that they asked for.")
    ] = False,
) -> None:
    """Print everything that is known about a person.

    It is JSON, and ends with 1 when nobody is known by this address. What they wrote stays locked unless they asked for
    a copy of it: nobody but them was promised to see it.
    """
    from course.cli import people

    raise typer.Exit(people.export(address, words=words))


@app.command(epilog="Example: course erase alice@example.org")
def erase(
    address: Address, *, yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether you are sure.")] = False
) -> None:
    """Erase a person.

    Their rows go, and the key of what they wrote; the letters to them in the outbox, and their mail that waits to be
    read. With TRANSPORT=sendgrid, SendGrid is asked to erase its copies, too; if it refuses, the command says so and
    ends with 1: repeat it. What stays names nobody: that a yes was given (for three years), and that an address wants
    no mail.
    """
    from course.cli import people

    raise typer.Exit(people.erase(address, sure=yes))


for more in (crowds, storage, upkeep, journal, signups, resources, languages):
    app.add_typer(more.app)
