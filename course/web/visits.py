"""In charge of the only cookie there is: it carries one visit to a person's own pages, and ends with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from course.journeys import fresh
from course.journeys.people import Person
from course.settings import Settings
from course.web import guards, render

NAME = "visit"
PATH = "/own"


@dataclass(frozen=True)
class Visit:
    """Who visits, by their newest round, and in which locale to speak to them."""

    person: Person
    locale: str

    @property
    def subscriber_id(self) -> int:
        """Whose pages these are."""
        return self.person.subscriber_id


def visitor(request: Request) -> int | None:
    """Return whose visit this is (a subscriber's id), or None where none goes on."""
    app, cookie = render.app_of(request), request.cookies.get(NAME, "")
    return fresh.visitor(app.service, cookie, app.clock.real()) if cookie else None


def _visit(request: Request) -> Visit:
    """Let in whoever has a visit. What changes anything must also come from one of our own pages.

    Raises HTTPException: 403 shows the page that says how to get a new link.
    """
    app, subscriber_id = render.app_of(request), visitor(request)
    if request.method == "POST" and not guards.from_here(request, app.settings):
        raise HTTPException(400)
    if subscriber_id is None:
        raise HTTPException(403)
    with app.service.store.reading() as tx:
        person = fresh.owner(tx, subscriber_id)
    if person is None:
        raise HTTPException(403)
    return Visit(person, app.catalogue.locale(person.course, person.locale))


Visiting = Annotated[Visit, Depends(_visit)]


def page(request: Request, template: str, visit: Visit, status: int = 200, **values: Any) -> Response:
    """Return one of a person's own pages."""
    answer = render.page(request, template, visit.locale, status, person=visit.person, **values)
    answer.headers.update(guards.SAME_ORIGIN)
    return answer


def give(answer: Response, cookie: str, settings: Settings) -> None:
    """Hand out the cookie of a visit."""
    answer.set_cookie(
        NAME,
        cookie,
        max_age=int(fresh.VISIT.total_seconds()),
        path=PATH,
        secure=settings.site.startswith("https:"),
        httponly=True,
        samesite="strict",
    )


def take_back(request: Request, answer: Response) -> None:
    """End the visit, here and in the browser."""
    app = render.app_of(request)
    fresh.end(app.service, request.cookies.get(NAME, ""), app.clock.real())
    answer.delete_cookie(
        NAME, path=PATH, secure=app.settings.site.startswith("https:"), httponly=True, samesite="strict"
    )
