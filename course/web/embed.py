"""In charge of the script that other sites load: a sign-up form, built there, which posts to our page.

It is the only thing here that another site's page may load, and it holds nothing but words that everybody may read.
"""

from __future__ import annotations

import json

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from course.content import locales, snippets
from course.web import render

router = APIRouter()
BUILD = (render.STATIC / "embed.js").read_text(encoding="utf-8").rstrip()  # a function, in brackets
HEADERS = {"Cache-Control": "public, max-age=3600", "Cross-Origin-Resource-Policy": "cross-origin"}


@router.api_route("/embed.js", methods=["GET", "HEAD"])
def embed(request: Request) -> Response:
    """Return the script, called with the courses' words."""
    catalogue = render.app_of(request).catalogue
    rtl = [locale for locale in catalogue.words if locales.direction(locale) == "rtl"]
    offered = json.dumps({**snippets.offered(catalogue), "rtl": rtl})
    return Response(f"{BUILD}({offered});\n", media_type="text/javascript; charset=utf-8", headers=HEADERS)
