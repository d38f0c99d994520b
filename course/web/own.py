"""In charge of a person's own pages: what only they may see, while their visit lasts."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from course.web import render, visits
from course.web.visits import Visit, Visiting, visitor

__all__ = ["page", "router", "visitor"]

router = APIRouter()
DONE: tuple[str, ...] = ()  # what the overview may say was just done: keys of [pages.own]


@router.api_route("/own", methods=["GET", "HEAD"])
def overview(request: Request, visit: Visiting) -> Response:
    """Show what there is, and what can be done with it."""
    done = request.query_params.get("done", "")
    return page(request, "own.html", visit, done=done if done in DONE else "")


@router.post("/own/close")
def close(request: Request, visit: Visiting) -> Response:
    """End the visit before its time."""
    answer = render.notice(request, "visit_closed", visit.locale)
    visits.take_back(request, answer)
    return answer


def page(request: Request, template: str, visit: Visit, status: int = 200, **values: Any) -> Response:
    """Return one of a person's own pages."""
    answer = render.page(request, template, visit.locale, status, person=visit.person, **values)
    answer.headers.update(visits.SAME_ORIGIN)
    return answer
