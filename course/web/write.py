"""In charge of the page on which somebody writes instead of replying. Without scripts it is a box and a button.

Drafts are the browser's own affair (static/write.js): nothing is sent before the button is pressed.
"""

from __future__ import annotations

from secrets import token_hex

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from course.content.locales import greeting
from course.journeys import writing
from course.journeys.writing import Desk, Outcome
from course.web import lessons, render
from course.web.forms import Form

router = APIRouter()
STATUS = {Outcome.NOTED: 200, Outcome.FAILED: 503}


@router.api_route("/write/{token}", methods=["GET", "HEAD"])
def ask(request: Request, token: str) -> Response:
    """Show the prompt and an empty box. Opening the page changes nothing."""
    app = render.app_of(request)
    desk = writing.look(app.service, token, app.clock.now())
    return _page(request, token, desk) if desk else render.old_link(request)


@router.post("/write/{token}")
def send(request: Request, token: str, form: Form) -> Response:
    """Note what was written, or show it again with what is in its way."""
    app = render.app_of(request)
    words, nonce = form.get("words", ""), form.get("nonce", "")
    now, real_now = app.clock.now(), app.clock.real()
    done = writing.write(app.service, token, words, nonce, now, real_now, meant=form.get("meant") == "yes")
    if done is None:
        return render.old_link(request)
    desk, outcome = done
    if outcome is Outcome.NOTED:
        words = nonce = ""  # an empty box, and another form
    return _page(request, token, desk, outcome, words, nonce)


def _page(
    request: Request, token: str, desk: Desk, outcome: Outcome | None = None, words: str = "", nonce: str = ""
) -> Response:
    app = render.app_of(request)
    mail = app.catalogue.words[desk.locale]["mail"]
    course, greets = app.catalogue.courses.get(desk.course), greeting(mail, desk.locale, desk.name)
    return render.page(
        request,
        "write.html",
        desk.locale,
        STATUS.get(outcome, 422) if outcome else 200,
        desk=desk,
        called=app.catalogue.called(desk.course, desk.day or "", desk.locale),
        token=token,
        outcome=outcome,
        typed=words,
        nonce=nonce or token_hex(16),
        draft=app.keys.hash("draft", token)[:16],
        prompt=lessons.prompt(course, desk.day, desk.locale, greets) if course and desk.day else None,
        longest=writing.LONGEST,
        help_lines=desk.help_lines.splitlines(),
        mine=mail["footer_mine"],
    )
