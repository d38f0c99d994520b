"""In charge of what machines ask a site for: its style and scripts, its health, and what to index."""

from __future__ import annotations

import gzip

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from course.web import render

router = APIRouter()
KINDS = {
    "site.css": "text/css; charset=utf-8",
    "listen.js": "text/javascript; charset=utf-8",
    "zone.js": "text/javascript; charset=utf-8",
    "mailbox.js": "text/javascript; charset=utf-8",
    "write.js": "text/javascript; charset=utf-8",
    "mark.svg": "image/svg+xml",
}
FILES = {name: (render.STATIC / name).read_bytes() for name in KINDS}
# Our own files alone: what stands in a page beside somebody's words or token could be told by its length (BREACH).
PACKED = {name: gzip.compress(file, mtime=0) for name, file in FILES.items()}
CACHED = {"Cache-Control": "public, max-age=86400", "Vary": "Accept-Encoding"}
ROBOTS = "User-agent: *\nAllow: /$\nAllow: /courses/\nAllow: /static/\nDisallow: /\n"


@router.api_route("/static/{name}", methods=["GET", "HEAD"])
def static(request: Request, name: str) -> Response:
    """Return one of our few files, packed for whoever takes that. A name is looked up, never used as a path."""
    if name not in FILES:
        raise HTTPException(404)
    if "gzip" in render.wishes(request.headers.get("accept-encoding", "")):
        return Response(PACKED[name], media_type=KINDS[name], headers={**CACHED, "Content-Encoding": "gzip"})
    return Response(FILES[name], media_type=KINDS[name], headers=CACHED)


@router.api_route("/robots.txt", methods=["GET", "HEAD"])
def robots() -> Response:
    """Return what search engines may look at: the course pages."""
    return PlainTextResponse(ROBOTS)


@router.api_route("/healthz", methods=["GET", "HEAD"])
def health(request: Request) -> Response:
    """Return how the service is: 200 if all is well, else 503."""
    state = render.app_of(request).health()
    return JSONResponse(state, 200 if state["ok"] else 503)
