"""In charge of the page for whoever is too young for the course: where young people find help, and nothing else.

Nobody is asked how old they are, and nothing of a visit is kept: the page has no form and takes no choice.
"""

from __future__ import annotations

from datetime import date

from babel import Locale
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from course.content.help_lines import HelpLine
from course.web import render

router = APIRouter()
FOR_THEM = "young people"


@router.api_route("/young", methods=["GET", "HEAD"])
def young(request: Request) -> Response:
    """Show the lines for young people, by country, and what holds everywhere."""
    app = render.app_of(request)
    locales = app.catalogue.first.locales
    locale = render.locale_of(request, locales)
    countries = by_country(app.catalogue.help_lines, locale, app.clock.now().date())
    words = app.catalogue.words[locale]["mail"]
    return render.page(request, "young.html", locale, locales=locales, countries=countries, help_words=words)


def by_country(lines: tuple[HelpLine, ...], locale: str, today: date) -> list[tuple[str, list[str]]]:
    """Return each country's name with its checked lines for young people, in the order of the names."""
    names = Locale.parse(locale, sep="-").territories
    found: dict[str, list[str]] = {}
    for line in lines:
        if line.audience == FOR_THEM and line.fresh(today):
            found.setdefault(str(names.get(line.country, line.country)), []).append(str(line))
    return sorted(found.items(), key=lambda one: one[0].casefold())
