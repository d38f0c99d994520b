"""In charge of the page on which somebody erases all about themselves: told before, asked twice, done at once."""

from __future__ import annotations

import structlog
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from course import erasure
from course.web import render, visits
from course.web.forms import Form
from course.web.visits import Visiting

router = APIRouter()
log = structlog.get_logger()


@router.api_route("/own/erase", methods=["GET", "HEAD"])
def ask(request: Request, visit: Visiting) -> Response:
    """Say what goes, what remains, and why."""
    return visits.page(request, "own_erase.html", visit, sure=False)


@router.post("/own/erase")
def erase(request: Request, visit: Visiting, form: Form) -> Response:
    """Ask once more, then erase. The visit ends with it."""
    if form.get("sure") != "yes":
        return visits.page(request, "own_erase.html", visit, sure=True)
    app = render.app_of(request)
    erased = erasure.erase(app.service, visit.person.email, app.clock.now())
    log.info("a person was erased, as they asked on their own page")
    if erased.refused:
        log.error("SendGrid has not taken the request to erase its copies of an address", why=erased.refused)
    answer = render.notice(request, "erased", visit.locale)
    visits.take_back(request, answer)
    return answer
