"""In charge of what can be typed about signing up: what other sites paste, and who asked for the community list."""
# ruff: noqa: PLC0415

from __future__ import annotations

from typing import Annotated

import typer

from course.cli.arguments import Address, CourseName, Locale

app = typer.Typer()
community = typer.Typer(invoke_without_command=True)
app.add_typer(community, name="community")


@app.command(epilog="Example: course embed --locale en-GB --ref spring-blog")
def embed(
    *,
    course: CourseName = None,
    locale: Locale = None,
    ref: Annotated[
        str, typer.Option(metavar="WORD", help="Sign-ups from there are counted under it: a-z, 0-9 and -.")
    ] = "",
    hour: Annotated[
        int | None,
        typer.Option(
            min=0, max=23, metavar="HOUR", help="0 to 23: people choose theirs in the form, beginning with it."
        ),
    ] = None,
) -> None:
    """Print what another site pastes to offer the course.

    A link, a script that builds the form there, and a plain form for sites that allow no scripts. docs/embedding.md
    says which to choose.
    """
    from course.cli import outreach

    outreach.embed(course, locale, ref, hour)


@community.callback(epilog="Example: course community > list.csv | course community withdraw alice@example.org")
def show(context: typer.Context) -> None:
    """Print the community list; take somebody off it.

    It is CSV: address, name, language, and since when. Whoever left everything, was erased, or wants no mail from us
    is not on it, so print it anew before each use.
    """
    from course.cli import outreach

    if context.invoked_subcommand is None:
        outreach.members()


@community.command(epilog="Example: course community withdraw alice@example.org")
def withdraw(address: Address) -> None:
    """Take somebody off the list who asked you to.

    It is recorded as a consent that was taken back. Ends with 1 when they are not on it.
    """
    from course.cli import outreach

    raise typer.Exit(outreach.withdraw(address))
