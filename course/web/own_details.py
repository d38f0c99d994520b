"""In charge of the pages on which somebody changes their name and their address, and of the link to a new address."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from course import addresses
from course.journeys import moving
from course.web import guards, render, visits
from course.web.forms import Form
from course.web.visits import Visit, Visiting

router = APIRouter()


@router.api_route("/own/details", methods=["GET", "HEAD"])
def details(request: Request, visit: Visiting) -> Response:
    """Show the name and the address on file."""
    return _page(request, visit)


@router.post("/own/name")
def rename(request: Request, visit: Visiting, form: Form) -> Response:
    """Change the name; it counts from the next letter on."""
    typed = form.get("name", "")
    try:
        name = addresses.clean_name(typed)
    except ValueError:
        return _page(request, visit, 422, wrong={"name": "name_wrong"})
    if typed.strip() and not name:
        return _page(request, visit, 422, wrong={"name": "name_wrong"}, typed={"name": typed})
    moving.rename(render.app_of(request).service, visit.subscriber_id, name)
    return RedirectResponse("/own?done=name", 303)


@router.post("/own/address")
def move(request: Request, visit: Visiting, form: Form) -> Response:
    """Ask the new address. Whether it is known, or wants no mail from us, the page says the same."""
    app, typed = render.app_of(request), form.get("email", "")
    try:
        email = addresses.parse(typed, app.settings.own)
    except addresses.AddressError as error:
        return _page(request, visit, 422, wrong={"email": error.reason}, typed={"email": typed})
    moving.ask(app.service, visit.subscriber_id, email, app.clock.now(), app.clock.real())
    return RedirectResponse("/own?done=address", 303)


@router.api_route("/address/{token}", methods=["GET", "HEAD"])
def ask(request: Request, token: str) -> Response:
    """Show the button at the new address. Opening the page changes nothing."""
    app = render.app_of(request)
    change = moving.look(app.service, token, app.clock.real())
    if change is None:
        return render.old_link(request)
    locale = app.catalogue.locale(change.person.course, change.person.locale)
    return render.page(request, "address.html", locale, token=token)


@router.post("/address/{token}")
def confirm(request: Request, token: str) -> Response:
    """Send the letters there from now on."""
    if guards.from_elsewhere(request):
        raise HTTPException(400)
    app = render.app_of(request)
    change = moving.confirm(app.service, token, app.clock.now(), app.clock.real())
    if change is None:
        return render.old_link(request)
    return render.notice(request, "moved", app.catalogue.locale(change.person.course, change.person.locale))


def _page(
    request: Request,
    visit: Visit,
    status: int = 200,
    wrong: dict[str, str] | None = None,
    typed: dict[str, str] | None = None,
) -> Response:
    shown = {"name": visit.person.name, "email": "", **(typed or {})}
    return visits.page(request, "own_details.html", visit, status, wrong=wrong or {}, typed=shown)
