"""In charge of the page of the letters that come back, for nobody but their writer while their visit lasts."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from course.content import dates
from course.journeys import letters
from course.web import render, visits
from course.web.forms import LARGEST_ID, Form, number
from course.web.visits import Visit, Visiting

router = APIRouter()


@router.api_route("/own/letter", methods=["GET", "HEAD"])
def show(request: Request, visit: Visiting) -> Response:
    """Show which letters are kept. Looking opens none: that would begin the days after which it is erased."""
    return _page(request, visit)


@router.post("/own/letter")
def act(request: Request, visit: Visiting, form: Form) -> Response:
    """Open one that is ready, let it come later, or erase it; one that waits can be taken back."""
    app, chosen = render.app_of(request), number(form.get("letter", ""), LARGEST_ID) or 0
    service, whose = app.service, visit.subscriber_id
    match form.get("choice", "open"):
        case "open":
            return _page(request, visit, chosen, letters.open_one(service, whose, chosen, app.clock.real()))
        case "later":
            letters.later(service, whose, chosen, app.clock.now())
        case "cancel" if letters.cancel(service, whose, chosen, app.clock.real()):
            return _page(request, visit, done="cancelled")
    return _page(request, visit)


def _page(request: Request, visit: Visit, chosen: int = 0, words: str | None = None, done: str = "") -> Response:
    app = render.app_of(request)
    with app.service.store.reading() as tx:
        found = letters.of_person(tx, visit.subscriber_id)
    zone, locale = visit.person.zone, visit.locale
    shown = [
        {
            "id": row.id,
            "ready": row.told_at is not None,
            "written": dates.date(row.asked_at, zone, locale),
            "due": dates.date(row.due_at, zone, locale),
            "erased": dates.date(row.erase_at, zone, locale) if row.erase_at else "",
            "words": words if row.id == chosen else None,
            "shut": row.id == chosen and row.told_at is not None and words is None,
        }
        for row in found
    ]
    return visits.page(request, "own_letter.html", visit, letters=shown, done=done)
