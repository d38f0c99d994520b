"""In charge of the confirm link: opening it changes nothing, the button on its page does."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from course.journeys import extras
from course.journeys.standing import Standing
from course.web import render
from course.web.forms import Form

router = APIRouter()


@router.api_route("/confirm/{token}", methods=["GET", "HEAD"])
def ask(request: Request, token: str) -> Response:
    """Show the button. Mail scanners follow every link (RFC 8058 section 1), so this may not say yes."""
    app = render.app_of(request)
    standing = app.confirmation(token)
    if standing is None:
        return render.old_link(request)
    if standing.status != "pending":
        return begun(request, "already", standing)
    return render.page(
        request,
        "confirm.html",
        standing.locale,
        standing=standing,
        course=standing.title,
        token=token,
        extras=extras.asked(app.service, token),
    )


@router.post("/confirm/{token}")
def confirm(request: Request, token: str, form: Form) -> Response:
    """Begin the course; pressing twice is as good as once."""
    app = render.app_of(request)
    before = app.confirmation(token)
    standing = app.confirm(token, letters_only=form.get("only") == "letters")
    if standing is None:
        return render.old_link(request)
    again = before is not None and before.status != "pending"
    return begun(request, "already" if again else "confirmed", standing)


@router.post("/confirm/{token}/not-me")
def not_me(request: Request, token: str) -> Response:
    """Never write to that address again. The answer is the same whatever the token."""
    render.app_of(request).not_me(token)
    return render.notice(request, "not_me", render.locale_of(request))


def begun(request: Request, name: str, standing: Standing) -> Response:
    """Say that a course has begun (`confirmed`) or had before (`already`), and when the first letter comes."""
    said = render.app_of(request).catalogue.words[standing.locale]["pages"]["confirmed"]
    more = (said["first_day"], said["leave"]) if standing.first_day else (said["leave"],)
    return render.notice(
        request,
        name,
        standing.locale,
        more=more,
        course=standing.title,
        first_day=standing.first_day,
    )
