"""In charge of the commands `course embed` and `course community`."""

from __future__ import annotations

import csv
import sys

import typer

from course import addresses
from course.cli.lessons import sound
from course.cli.people import ASKED, as_kept
from course.cli.service import load, opened
from course.content import snippets
from course.journeys import community, people
from course.store.tables import subscribers
from course.system_clock import SystemClock

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes for the beginning of one


def embed(course: str | None, locale: str | None, ref: str, hour: int | None) -> None:
    """Print the link, the script and the form, each under a line that says what it is."""
    if ref and not snippets.REF.fullmatch(ref):
        raise typer.BadParameter("put up to 32 of a-z, 0-9 and -", param_hint="--ref")
    catalogue = sound(load(), SystemClock().real())
    known = catalogue.courses.get(course or catalogue.first.name)
    if known is None:
        raise typer.BadParameter(f"there are: {', '.join(catalogue.courses)}", param_hint="--course")
    if locale and locale not in known.locales:
        raise typer.BadParameter(f"this course has: {', '.join(known.locales)}", param_hint="--locale")
    made = snippets.of(catalogue, known, known.locale(locale or ""), ref, hour)
    typer.echo(f"A link, for everywhere:\n\n{made.link}\n")
    typer.echo(f"The form by a script; without scripts it is the link:\n\n{made.script}")
    typer.echo(f"A plain form, for sites that allow no scripts:\n\n{made.form}", nl=False)


def members() -> None:
    """Print the list as CSV."""
    with opened(load()) as app:
        offered, found = community.offered(app.service), community.members(app.service)
    if not offered:
        typer.echo("COMMUNITY_LIST is empty: nobody is asked for a list.", err=True)
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(("email", "name", "language", "since"))
    table.writerows(
        (_cell(one.email), _cell(one.name), one.locale, one.since.isoformat(timespec="seconds")) for one in found
    )


def withdraw(typed: str) -> int:
    """Take somebody off the list; return 1 when they were not on it."""
    address = as_kept(typed)
    with opened(load()) as app, app.service.store.transaction() as tx:
        known = people.find(tx, subscribers.c.email_key == addresses.key(address), limit=1)
        gone = any(community.withdraw(tx, app.service, one, ASKED, app.clock.real()) for one in known)
    typer.echo("Taken off the list, and recorded." if gone else "They are not on the list.", err=not gone)
    return 0 if gone else 1


def _cell(typed: str) -> str:
    """Return what somebody typed, behind an apostrophe if a spreadsheet would take it for a formula."""
    return f"'{typed}" if typed.startswith(FORMULA) else typed
