"""In charge of the leave link: the page with its buttons, and the one-click POST of mail programs (RFC 8058)."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from course.journeys.letter_ends import Waits
from course.journeys.standing import Standing
from course.web import render
from course.web.forms import Form

router = APIRouter()
ENDED = {"stopped": "left", "finished": "finished"}
LEAVING = ("leave", "everything")


@router.api_route("/leave/{token}", methods=["GET", "HEAD"])
def ask(request: Request, token: str) -> Response:
    """Show the choices. Opening the page changes nothing."""
    standing = render.app_of(request).enrolment(token)
    return _page(request, token, standing, ENDED.get(standing.status, "") if standing else "")


@router.post("/leave/{token}")
def act(request: Request, token: str, form: Form) -> Response:
    """Do what was chosen. No cookie, no redirect, no check of where it comes from: RFC 8058 section 3.2."""
    app = render.app_of(request)
    if form.get("List-Unsubscribe") == "One-Click":
        return _one_click(request, app.leave(token, "one-click"))
    choice, known = form.get("choice"), app.enrolment(token)
    if known and choice in LEAVING and not told(known.letter, form, everything=choice == "everything"):
        return ask(request, token)  # a letter is kept since the page was shown, which would be erased
    match choice:
        case "leave":
            standing, said = app.leave(token, "page"), "left"
        case "everything":
            standing, said = app.leave_everything(token), "left_everything"
        case "pause":
            standing, said = app.pause(token), "paused"
        case "resume":
            standing, said = app.resume(token), "resumed"
        case _:
            return ask(request, token)
    if standing and said in {"paused", "resumed"}:
        # What became of it counts, not what was asked: a course that has ended cannot be paused.
        said = ENDED.get(standing.status, said)
    return _page(request, token, standing, said)


def told(letter: str, form: Mapping[str, str], *, everything: bool) -> bool:
    """Whether leaving erases no letter, or the page said that it will. `letter` is a letter_ends.Waits."""
    named = form.get("letter", "")
    return named in {Waits.HERE, letter} if everything else letter != Waits.HERE or named == Waits.HERE


def _one_click(request: Request, standing: Standing | None) -> Response:
    locale = standing.locale if standing else render.locale_of(request)
    said = render.app_of(request).catalogue.words[locale]["pages"]["leave"]
    if standing is None:
        return PlainTextResponse(said["one_click_unknown"] + "\n", 404)
    return PlainTextResponse(said["one_click"] + "\n")


def _page(request: Request, token: str, standing: Standing | None, said: str) -> Response:
    """Show where things stand, with the doors that are open from there. `said` is what was just done, or ""."""
    if standing is None:
        return render.old_link(request)
    return render.page(
        request,
        "leave.html",
        standing.locale,
        standing=standing,
        course=standing.title,
        token=token,
        said=said,
    )
