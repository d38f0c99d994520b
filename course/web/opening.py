"""In charge of the fresh link's page: opening it changes nothing; its button uses the link up and begins a visit."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from course.journeys import fresh
from course.web import guards, render, visits

router = APIRouter()


@router.api_route("/open/{token}", methods=["GET", "HEAD"])
def ask(request: Request, token: str) -> Response:
    """Show the button. Mail scanners follow every link, so this may not use it up."""
    app = render.app_of(request)
    person = fresh.look(app.service, token, app.clock.real())
    if person is None:
        return render.old_link(request)
    return render.page(request, "open.html", app.catalogue.locale(person.course, person.locale), token=token)


@router.post("/open/{token}")
def begin(request: Request, token: str) -> Response:
    """Begin the visit, once, and go to the person's own pages."""
    if guards.from_elsewhere(request):
        raise HTTPException(400)
    app = render.app_of(request)
    cookie = fresh.begin(app.service, token, app.clock.real())
    if cookie is None:
        return render.old_link(request)
    answer = RedirectResponse("/own", 303)
    visits.give(answer, cookie, app.settings)
    return answer
