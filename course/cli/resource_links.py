"""In charge of `course resources`: what exercises there are, and the links to them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import typer

from course.cli.people import as_kept
from course.cli.service import load, opened
from course.content.resources import Resource
from course.journeys import resources
from course.journeys.resources import Link, ResourceError


def show(*, as_json: bool) -> None:
    """Print the exercises and the links."""
    with opened(load()) as app:
        found = {course.name: course.resources for course in app.catalogue.courses.values()}
        links, now = resources.listed(app.service), app.clock.real()
    if as_json:
        exercises = [_said(course, one) for course, some in found.items() for one in some.values()]
        typer.echo(json.dumps({"resources": exercises, "links": [_row(one) for one in links]}, indent=2))
        return
    for course, some in found.items():
        for one in some.values():
            typer.echo("\n".join(_lines(course, one)))
    typer.echo("Links that were made:" if links else "No link was made yet.")
    for made in links:
        typer.echo(f"  {made.resource:<24}{made.email:<34}{_state(made, now)}")


def link(typed: str, name: str) -> int:
    """Print a new link; return 1, and say why, when there can be none."""
    with opened(load()) as app:
        try:
            typer.echo(resources.link(app.service, as_kept(typed), name, app.clock.real()))
        except ResourceError as error:
            typer.echo(str(error), err=True)
            return 1
        days = app.settings.resource_link_days
    typer.echo(f"It works for {days} days. To end it: course resources revoke {as_kept(typed)} {name}", err=True)
    return 0


def revoke(typed: str, name: str) -> int:
    """End somebody's links to an exercise; return 1, and say why, when nobody is known."""
    with opened(load()) as app:
        try:
            ended = resources.revoke(app.service, as_kept(typed), name, app.clock.real())
        except ResourceError as error:
            typer.echo(str(error), err=True)
            return 1
    typer.echo(f"{ended} link{'' if ended == 1 else 's'} to {name} ended, and those in the letters they have had.")
    return 0


def _lines(course: str, one: Resource) -> Iterator[str]:
    first = one.scripts[one.locales[0]]
    yield f"{one.id}  ({course})"
    yield f"    {first.title}: {first.summary}"
    yield f"    {one.minutes} minutes; {', '.join(first.techniques)}"
    for locale, script in one.scripts.items():
        there = [kind for kind, path in (("recording", script.audio), ("PDF", script.pdf)) if path]
        yield f"    {locale}: {' and '.join(['text', *there])}"
    yield f"    For whoever passes it on: {first.guidance}\n"


def _said(course: str, one: Resource) -> dict[str, Any]:
    scripts = {
        locale: {
            "title": script.title,
            "guidance": script.guidance,
            "audio": bool(script.audio),
            "pdf": bool(script.pdf),
        }
        for locale, script in one.scripts.items()
    }
    return {"course": course, "name": one.id, "minutes": one.minutes, "scripts": scripts, "references": one.references}


def _row(one: Link) -> dict[str, str | None]:
    moments = {"made_at": one.made_at, "expires_at": one.expires_at, "revoked_at": one.revoked_at}
    return {
        "email": one.email,
        "resource": one.resource,
        **{key: at.isoformat() if at else None for key, at in moments.items()},
    }


def _state(one: Link, now: datetime) -> str:
    if one.revoked_at:
        return f"revoked {one.revoked_at:%Y-%m-%d}"
    return f"{'works until' if one.expires_at > now else 'expired'} {one.expires_at:%Y-%m-%d}"
