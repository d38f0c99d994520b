"""In charge of the mailbox: where a newcomer lives the five days on one machine, reading and answering.

It exists only where mail goes to a folder and the browser runs on the same machine; elsewhere it is a page like any
other that is not there.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from babel.dates import format_skeleton
from fastapi import APIRouter, Depends
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from course.content import dates
from course.outbound import folder
from course.web import guards, mailbox_mail, render
from course.web.forms import Form
from course.web.mailbox_mail import Letter

SHOWN = 200  # mails on the list
LIST_POLICY = guards.CONTENT_POLICY + "; connect-src 'self'"  # the script looks for new mail
# The mail brings its style with it. The frame is sandboxed and runs no script.
LETTER_POLICY = guards.CONTENT_POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")


def _only_here(request: Request) -> None:
    """Refuse as an unknown page would. A POST must also come from our own page: another site could make one."""
    there = guards.mailbox_open(request, render.app_of(request).settings)
    own = f"{request.url.scheme}://{request.headers.get('host', '')}"
    if not there or (request.method == "POST" and request.headers.get("origin") != own):
        raise HTTPException(404)


router = APIRouter(dependencies=[Depends(_only_here)])
EXAMPLE_HOUR = "7"  # that the button for TIME asks for


@router.api_route("/mailbox", methods=["GET", "HEAD"])
def inbox(request: Request) -> Response:
    """List all mail, the newest first."""
    found = folder.messages(render.app_of(request).settings.data_dir / "outbox")[:SHOWN]
    return _page(
        request,
        "mailbox.html",
        LIST_POLICY,
        letters=[mailbox_mail.read(path) for path in found],
        newest=found[0].stem if found else "",
        count=len(found),
        replied="replied" in request.query_params,
    )


@router.api_route("/mailbox/{name}", methods=["GET", "HEAD"])
def letter(request: Request, name: str) -> Response:
    """Show one mail as its reader sees it, with a place to answer."""
    return _letter_page(request, _letter(request, name))


@router.post("/mailbox/{name}/reply")
def reply(request: Request, name: str, form: Form) -> Response:
    """Send a reply the way any mail comes in, then go back to the list."""
    app, chosen = render.app_of(request), _letter(request, name)
    words = form.get("quick") or form.get("words", "")
    if not words.strip():
        return _letter_page(request, chosen, 422)
    locale = render.locale_of(request)
    said = app.catalogue.words[locale]["pages"]["mailbox"]["attribution"]
    attribution = render.say(said, date=_when(chosen.date, locale), sender=chosen.header("from"))
    app.receive(
        mailbox_mail.reply(chosen, words, attribution, app.clock.real()), source="mailbox", to=(chosen.answer_to,)
    )
    return RedirectResponse("/mailbox?replied=1", 303, background=BackgroundTask(app.read_spool))


def _letter(request: Request, name: str) -> Letter:
    path = folder.find(render.app_of(request).settings.data_dir / "outbox", name)
    if path is None:
        raise HTTPException(404)
    return mailbox_mail.read(path)


def _letter_page(request: Request, shown: Letter, status: int = 200) -> Response:
    words = render.app_of(request).catalogue.words[render.locale_of(request)]
    commands = (words["commands"][name][0] for name in words["pages"]["mailbox"]["quick_commands"])
    quick = [command.replace("{hour}", EXAMPLE_HOUR) for command in commands]
    return _page(request, "letter.html", LETTER_POLICY, status, letter=shown, quick=quick, empty=status != 200)  # noqa: PLR2004


def _page(request: Request, template: str, policy: str, status: int = 200, **values: Any) -> Response:
    locale = render.locale_of(request)
    answer = render.page(request, template, locale, status, when=lambda at: _when(at, locale), **values)
    answer.headers.update({"Content-Security-Policy": policy, **guards.SAME_ORIGIN})
    return answer


def _when(at: datetime | None, locale: str) -> str:
    """Return a moment by this machine's own clock: its owner is the reader."""
    if at is None:
        return ""
    here = at.astimezone()
    day = format_skeleton("MMMEd", here, locale=locale.replace("-", "_"))
    return f"{day}, {dates.time(here, locale)}"
