"""In charge of the page with what somebody wrote: each entry, its photos, what was cut; erase it, put it back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from course.content import dates
from course.journeys import diary
from course.web import render, visits
from course.web.forms import LARGEST_ID, number
from course.web.visits import Visiting

router = APIRouter()
DONE = ("erased", "whole")  # what a page may say was just done: keys of [pages.own_words]
SUFFIX = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}


def _entry(entry: str) -> int:
    return _number(entry)


def _place(place: str) -> int:
    return _number(place)


def _number(written: str) -> int:
    found = number(written, LARGEST_ID)
    if found is None:
        raise HTTPException(404)
    return found


Entry = Annotated[int, Depends(_entry)]
Place = Annotated[int, Depends(_place)]


@router.api_route("/own/words", methods=["GET", "HEAD"])
def words(request: Request, visit: Visiting) -> Response:
    """Show every entry, with what was cut of it."""
    app, done = render.app_of(request), request.query_params.get("done", "")
    return visits.page(
        request,
        "own_words.html",
        visit,
        entries=diary.of(app.service, visit.subscriber_id),
        done=done if done in DONE else "",
        when=lambda at: dates.date(at, visit.person.zone, visit.locale),
        title=lambda course: app.catalogue.title(course, visit.locale),
        called=lambda entry: app.catalogue.called(entry.course, entry.day or "", visit.locale),
        left_out=app.catalogue.words[visit.locale]["photos"],
    )


@router.api_route("/own/photos/{entry}/{place}", methods=["GET", "HEAD"])
def photo(request: Request, visit: Visiting, entry: Entry, place: Place) -> Response:
    """Return a photo as a file of its own kind, which a browser never takes for a page."""
    found = diary.photo(render.app_of(request).service, visit.subscriber_id, entry, place)
    if found is None:
        raise HTTPException(404)
    name = f"photo-{entry}-{place + 1}.{SUFFIX[found.kind]}"
    return Response(
        found.content, media_type=found.kind, headers={"Content-Disposition": f"attachment; filename={name}"}
    )


@router.post("/own/words/{entry}/erase")
def erase(request: Request, visit: Visiting, entry: Entry) -> Response:
    """Erase one entry."""
    return _back("erased", done=diary.take_back(render.app_of(request).service, visit.subscriber_id, entry))


@router.post("/own/words/{entry}/whole")
def put_back(request: Request, visit: Visiting, entry: Entry) -> Response:
    """Put back what was cut of an entry."""
    app = render.app_of(request)
    return _back("whole", done=diary.put_back(app.service, visit.subscriber_id, entry, app.clock.now()))


def _back(said: str, *, done: bool) -> Response:
    """Go back to the entries; what was not there says nothing."""
    return RedirectResponse(f"/own/words?done={said}" if done else "/own/words", 303)
