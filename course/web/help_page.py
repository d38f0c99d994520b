"""In charge of the help page: whom somebody can reach now, by country. It needs nothing of them and keeps nothing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from babel import Locale
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from course.content import help_lines
from course.web import render

router = APIRouter()
# Browsers all over the world say en-US, so it tells nothing about where somebody is: no number of there by default.
TELLS_NOTHING = "US"


@router.api_route("/help", methods=["GET", "HEAD"])
def show(request: Request) -> Response:
    """Show the help lines of a country that were checked lately, or what holds everywhere. ?country= chooses."""
    app = render.app_of(request)
    locales = app.catalogue.first.locales
    locale = render.locale_of(request, locales)
    lines = app.catalogue.help_lines
    countries = names(frozenset(line.country for line in lines), locale)
    asked = request.query_params.get("country", _region(request.headers.get("accept-language", "")))
    country = asked if asked in countries else ""
    return render.page(
        request,
        "help.html",
        locale,
        locales=locales,
        also=f"&country={country}" if country else "",
        country=country,
        countries=countries,
        groups=help_lines.groups(lines, country, app.clock.real().date()),
        help_words=app.catalogue.words[locale]["mail"],
    )


def _region(header: str) -> str:
    """Return the country of the language that a browser likes best (RFC 9110 section 12.5.4), if that tells one."""
    tags = [tag.split("-") for tag in render.wishes(header)]
    regions = [part.upper() for tag in tags for part in tag[1:] if len(part) == 2]  # noqa: PLR2004 (ISO 3166)
    return regions[0] if regions and regions[0] != TELLS_NOTHING else ""


@cache
def names(countries: frozenset[str], locale: str) -> Mapping[str, str]:
    """Return what these countries are called in a locale, in the order of their names."""
    known = Locale.parse(locale, sep="-").territories
    named = {country: str(known.get(country, country)) for country in countries}
    return dict(sorted(named.items(), key=lambda one: one[1].casefold()))
