"""In charge of a resource's page: its text beside its recording, in each locale, and both to take away."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from course.content import markdown
from course.content.resources import Script
from course.journeys import resources
from course.journeys.resources import Opened
from course.web import guards, render

router = APIRouter()
METHODS = ["GET", "HEAD"]
KINDS = {"mp3": "audio/mpeg", "pdf": "application/pdf"}  # fixed here, never guessed from a name
POLICY = f"{guards.CONTENT_POLICY}; media-src 'self'"


@router.api_route("/r/{token}", methods=METHODS)
def read(request: Request, token: str) -> Response:
    """Show the exercise; its player where there is a recording, else the browser's own voices if it has some."""
    opened = _opened(request, token)
    if opened is None:
        return render.old_link(request)
    locale = _locale(request, opened)
    script = opened.resource.script(locale)
    page = render.page(
        request,
        "resource.html",
        locale,
        locales=opened.resource.locales if len(opened.resource.locales) > 1 else (),
        token=token,
        resource=opened.resource,
        script=script,
        introduction=markdown.to_html(markdown.parse(script.introduction)),
        sections=[(one.heading, markdown.to_html(markdown.parse(one.markdown))) for one in script.sections],
    )
    page.headers["Content-Security-Policy"] = POLICY
    return page


@router.api_route("/r/{token}/audio", methods=METHODS)
def listen(request: Request, token: str) -> Response:
    """Stream the recording, whole or in ranges (RFC 9110 section 14); ?download=1 is for keeping it."""
    shown = "attachment" if request.query_params.get("download") else "inline"
    return _file(request, token, lambda script: script.audio, "mp3", shown)


@router.api_route("/r/{token}/script", methods=METHODS)
def take_away(request: Request, token: str) -> Response:
    """Give the text as a PDF to keep or to print."""
    return _file(request, token, lambda script: script.pdf, "pdf", "attachment")


def _opened(request: Request, token: str) -> Opened | None:
    app = render.app_of(request)
    return resources.look(app.service, token, app.clock.real())


def _locale(request: Request, opened: Opened) -> str:
    chosen = request.query_params.get("locale", "")
    return chosen if chosen in opened.resource.scripts else opened.locale


def _file(request: Request, token: str, which: Callable[[Script], Path | None], ending: str, shown: str) -> Response:
    """Return a file that the manifest named when the service started, if it is there still and no link elsewhere."""
    opened = _opened(request, token)
    if opened is None:
        return render.old_link(request)
    locale = _locale(request, opened)
    path = which(opened.resource.script(locale))
    if path is None or path.is_symlink() or not path.is_file():
        return render.old_link(request)
    name = f"{opened.resource.id}.{locale}.{ending}"
    return FileResponse(path, media_type=KINDS[ending], filename=name, content_disposition_type=shown)
