"""In charge of what can be typed about languages. It imports what it needs when it is called."""
# ruff: noqa: PLC0415

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer()


@app.command(epilog="Examples: course locales | course locales he")
def locales(
    locale: Annotated[str | None, typer.Argument(metavar="[LOCALE]", help="Only this one, like he.")] = None,
) -> None:
    """List what each language lacks.

    Titles, lessons, notices, words and things to reply with that the course's first language has, and files that do not
    say who has reviewed them. Ends with 1 when there is something to write or to review.
    """
    from course.cli import lessons

    raise typer.Exit(lessons.locales(locale))
