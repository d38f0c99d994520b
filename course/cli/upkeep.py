"""In charge of what can be typed about sending that went wrong: held, resumed, refused, shut out, sent once more.

Like `cli/__init__.py` it imports what it needs when it is called.
"""
# ruff: noqa: PLC0415

from __future__ import annotations

from typing import Annotated

import typer

from course.cli.arguments import Address, Json

app = typer.Typer()
sending = typer.Typer(invoke_without_command=True)
app.add_typer(sending, name="sending")
held = typer.Typer(invoke_without_command=True)
app.add_typer(held, name="held")
suppressions = typer.Typer(invoke_without_command=True)
app.add_typer(suppressions, name="suppressions")


@sending.callback(epilog="Example: course sending | course sending hold | course sending resume")
def show(context: typer.Context, *, json: Json = False) -> None:
    """Show what mail is owed; hold it, or resume.

    For each lesson and notice: to how many people it is owed by now, since when, and, after a restore, to how many it
    was probably sent already.
    """
    from course.cli import holding

    if context.invoked_subcommand is None:
        holding.show(as_json=json)


@sending.command(epilog="Example: course sending hold")
def hold() -> None:
    """Hold all mail until you say resume.

    A running worker stops within about a second. Pages, replies and leaving go on; nothing that is owed is lost.
    """
    from course.cli import holding

    holding.hold()


@sending.command(epilog="Example: course sending resume --skip-before 2027-03-03T08:01Z")
def resume(
    *,
    skip_before: Annotated[
        str | None,
        typer.Option(metavar="MOMENT", help="Treat what was due before this moment as sent, like 2027-03-03T08:01Z."),
    ] = None,
) -> None:
    """Let mail leave again.

    What is owed leaves, each at its person's hour. After a restore some of it was sent already: with --skip-before
    those mails are not sent again, and the calendar goes on as if they had been sent when they were due.
    """
    from course.cli import holding

    holding.resume(skip_before)


@held.callback(epilog="Example: course held | course held release day-2 --locale en-GB")
def show_held(context: typer.Context, *, json: Json = False) -> None:
    """Show what is held: refused mailings, and mail put aside.

    A lesson or notice that the mail server or provider refuses for what it says is held for everybody until its text
    changes. For each: why, how many people wait for it, and since when. Mail that came in and that nobody could decide
    is under `course held mail`.
    """
    from course.cli import remedies

    if context.invoked_subcommand is None:
        remedies.show(as_json=json)


@held.command("mail", epilog="Example: course held mail")
def show_held_mail(*, json: Json = False) -> None:
    """Show which mail that came in was put aside, and why.

    For each: when it came, how long it is, which day it answers, why. Never whose it is, and never a word of it.
    """
    from course.cli import held_mail

    held_mail.show(as_json=json)


@held.command(epilog="Example: course held count 1f2e3d4c")
def count(name: Annotated[str, typer.Argument(metavar="ID", help="As `course held mail` shows it.")]) -> None:
    """Let a mail that was put aside count: a person wrote it.

    It is decided as if nothing had been in doubt. Ends with 1 when it cannot be, or there is none.
    """
    from course.cli import held_mail

    raise typer.Exit(held_mail.count(name))


@held.command(epilog="Example: course held discard 1f2e3d4c")
def discard(name: Annotated[str, typer.Argument(metavar="ID", help="As `course held mail` shows it.")]) -> None:
    """Erase a mail that was put aside."""
    from course.cli import held_mail

    raise typer.Exit(held_mail.discard(name))


@held.command(epilog="Example: course held release day-2 --locale en-GB")
def release(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As `course held` shows it, like day-2 or welcome.")],
    *,
    course: Annotated[str | None, typer.Option(metavar="NAME", help="Its course. [default: the first one]")] = None,
    locale: Annotated[str | None, typer.Option(metavar="LOCALE", help="Like en-GB. [default: all of them]")] = None,
) -> None:
    """Let a held mailing leave as it is.

    For when the refusal was a mistake of theirs, or what they minded is settled. Who waits for it is due at once. If it
    is refused again, it is held again. Ends with 1 when nothing of this name is held.
    """
    from course.cli import remedies

    raise typer.Exit(remedies.release(name, course, locale))


@app.command(epilog="Example: course resend alice@example.org --day 3")
def resend(
    address: Address,
    *,
    day: Annotated[int, typer.Option(min=1, metavar="N", help="The lesson of this day.")],
    course: Annotated[str | None, typer.Option(metavar="NAME", help="Which, if they take several courses.")] = None,
) -> None:
    """Send somebody a lesson that they may not have got.

    It is a copy: it leaves at once, also on the date of another lesson, and the calendar does not mind it. An answer to
    it counts for its day. At most one copy of a day leaves on a date. Ends with 1, and says why, for who has left,
    wants no mail, or never was due that day.
    """
    from course.cli import remedies

    raise typer.Exit(remedies.resend(address, course, day))


@suppressions.callback(epilog="Example: course suppressions | course suppressions lift alice@example.org")
def show_suppressions(context: typer.Context) -> None:
    """Count the addresses that are never written to.

    For each reason: how many. Whose they are is kept nowhere, so to lift one you need to know the address.
    """
    from course.cli import remedies

    if context.invoked_subcommand is None:
        remedies.suppressed()


@suppressions.command(epilog="Example: course suppressions lift alice@example.org")
def lift(
    address: Address,
    *,
    they_asked: Annotated[bool, typer.Option("--they-asked", help="They have asked you for it themselves.")] = False,
) -> None:
    """Let an address be written to again, that a false report has shut out.

    Nobody is signed up by it: they do that themselves. It is recorded, and by whose wish. Whoever said themselves that
    they want no mail is let in again only with --they-asked. Ends with 1 for an address that is not suppressed.
    """
    from course.cli import remedies

    raise typer.Exit(remedies.lift(address, asked=they_asked))
