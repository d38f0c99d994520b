"""In charge of what several commands are told alike: an address, a course, a locale, and that JSON is wanted."""

from __future__ import annotations

from typing import Annotated

import typer

Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="An email address, in any letter case.")]
Locale = Annotated[str | None, typer.Option(metavar="LOCALE", help="As en-GB. [default: the course's first]")]
CourseName = Annotated[
    str | None, typer.Option(metavar="NAME", help="A folder in emails/courses/. [default: the first]")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
