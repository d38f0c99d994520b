"""The web room: pages for people, hooks for mail providers. It carries requests to the App and its answers back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from course.web import (
    checkin,
    confirm,
    embed,
    help_page,
    hooks,
    join,
    leave,
    letter,
    mailbox,
    mine,
    odds,
    opening,
    own,
    privacy,
    render,
    resource,
    signup,
    write,
    young,
)
from course.web.guards import Guard

if TYPE_CHECKING:
    from course.app import App

# Spans hold whole paths, and a path holds somebody's token.
NO_TELEMETRY = TelemetryConfig(tracing=False, metrics=False, logs=False, operation_spans=False, auto_configure=False)

ROOMS = (
    *(signup, embed, young, confirm, join, leave, privacy, help_page, hooks, mailbox, odds),
    *(mine, write, checkin, letter, resource),
    *(opening, own),
)


def create_app(app: App) -> FastAPI:
    """Return the site. No API pages, and no redirects: a mail provider that is redirected loses the mail."""
    site = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        debug=False,
        telemetry=NO_TELEMETRY,
    )
    site.state.course = app
    for room in ROOMS:
        site.include_router(room.router)
    site.add_exception_handler(HTTPException, _failed)
    site.add_middleware(Guard, settings=app.settings, failed=render.failure)
    return site


def _failed(request: Request, error: Exception) -> Response:
    return render.failure(request, error.status_code if isinstance(error, HTTPException) else 500)
