"""In charge of the page that offers the next course: opening it changes nothing, its one button enrols."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from course.content import dates
from course.journeys import offering
from course.web import confirm, render

router = APIRouter()


@router.api_route("/join/{token}", methods=["GET", "HEAD"])
def ask(request: Request, token: str) -> Response:
    """Show what the course is and what a yes says. Mail scanners follow every link, so this enrols nobody."""
    app = render.app_of(request)
    offer = offering.look(app.service, token)
    if offer is None:
        return render.old_link(request)
    if offer.standing is not None:
        return confirm.begun(request, "already", offer.standing)
    hour = datetime(2000, 1, 1, offer.person.send_hour, app.service.minute(offer.person.subscriber_id))  # noqa: DTZ001 (a clock face)
    return render.page(
        request,
        "join.html",
        offer.locale,
        course=offer.course,
        token=token,
        minutes=offer.course.minutes,
        rhythm=app.catalogue.words[offer.locale]["rhythm"][offer.course.pace],
        hour=dates.time(hour, offer.locale),
        consent=app.catalogue.consent(offer.locale),
    )


@router.post("/join/{token}")
def accept(request: Request, token: str) -> Response:
    """Begin the course; pressing twice is as good as once."""
    app = render.app_of(request)
    before = offering.look(app.service, token)
    standing = offering.accept(app.service, token, app.clock.now(), app.clock.real())
    if standing is None:
        return render.old_link(request)
    again = before is not None and before.standing is not None
    return confirm.begun(request, "already" if again else "confirmed", standing)
