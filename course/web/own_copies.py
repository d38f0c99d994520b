"""In charge of the copies that somebody takes along: all as JSON, their words as Markdown, and a page to print."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from course.content import dates
from course.content.slots import say
from course.journeys import diary, privacy
from course.journeys.diary import Letter, Written
from course.web import render, visits
from course.web.visits import Visit, Visiting

router = APIRouter()


@router.api_route("/own/export.json", methods=["GET", "HEAD"])
def as_json(request: Request, visit: Visiting) -> Response:
    """Return every row about the person, with their words and photos opened (GDPR article 20)."""
    known = privacy.export(render.app_of(request).service, visit.person.email, words=True)
    text = json.dumps(known, ensure_ascii=False, indent=2)
    return _file(text, "application/json", "dear-self.json")


@router.api_route("/own/export.md", methods=["GET", "HEAD"])
def as_markdown(request: Request, visit: Visiting) -> Response:
    """Return what the person wrote, to be read in any editor."""
    return _file(_markdown(request, visit), "text/markdown; charset=utf-8", "dear-self.md")


@router.api_route("/own/print", methods=["GET", "HEAD"])
def to_print(request: Request, visit: Visiting) -> Response:
    """Show what the person wrote on one plain page."""
    entries, letters = _entries(request, visit), _letters(request, visit)
    return visits.page(request, "own_print.html", visit, entries=entries, letters=letters)


def _entries(request: Request, visit: Visit) -> list[tuple[str, Written]]:
    """Return each entry with the line above it: the course, the day, the date."""
    app = render.app_of(request)
    said = app.catalogue.words[visit.locale]["pages"]["own_words"]
    return [
        (
            say(
                said["entry"] if entry.day else said["entry_no_day"],
                course=app.catalogue.title(entry.course, visit.locale),
                **app.catalogue.called(entry.course, entry.day or "", visit.locale),
                date=dates.date(entry.kept_at, visit.person.zone, visit.locale),
            ),
            entry,
        )
        for entry in diary.of(app.service, visit.subscriber_id)
    ]


def _letters(request: Request, visit: Visit) -> list[tuple[str, str, Letter]]:
    """Return each letter to themselves with the line above it and, where its words are not shown, why they are not."""
    app, zone, locale = render.app_of(request), visit.person.zone, visit.locale
    words: Mapping[str, Any] = app.catalogue.words[locale]["pages"]
    said, shut = words["own_print"], say(words["own_letter"]["shut"], contact=app.settings.contact_email)
    found = []
    for letter in diary.letters_of(app.service, visit.subscriber_id):
        waits = say(said["letter_waits"], due=dates.date(letter.due_at, zone, locale))
        why = shut if letter.opened else said["letter_ready"] if letter.ready else waits
        found.append((say(said["letter"], written=dates.date(letter.asked_at, zone, locale)), why, letter))
    return found


def _markdown(request: Request, visit: Visit) -> str:
    """Write each entry as a quote: what somebody wrote is never taken for a heading or a link."""
    words: Mapping[str, Any] = render.app_of(request).catalogue.words[visit.locale]["pages"]
    parts = [f"# {words['own_print']['title']}"]
    for head, entry in _entries(request, visit):
        parts += [f"## {head}", _said(entry, words["own_words"])]
        if entry.cut:
            parts += [f"### {words['own_words']['cut_label']}", _quoted(entry.cut)]
    for head, why, letter in _letters(request, visit):
        parts += [f"## {head}", why if letter.words is None else _quoted(letter.words)]
    if len(parts) == 1:
        parts.append(words["own_words"]["none"])
    return "\n\n".join(parts) + "\n"


def _said(entry: Written, words: Mapping[str, str]) -> str:
    """Return an entry's words as a quote, or why there are none: a photo alone, a key that is gone, all of it cut."""
    if entry.words is None:
        return words["closed"]
    return _quoted(entry.words) if entry.words or not entry.cut else words["all_cut"]


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def _file(text: str, kind: str, name: str) -> Response:
    return Response(text, media_type=kind, headers={"Content-Disposition": f"attachment; filename={name}"})
