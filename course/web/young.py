"""In charge of the page for whoever is too young for the course: where young people find help, and nothing else.

Nobody is asked how old they are, and nothing of a visit is kept: the page has no form and takes no choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from course.content import locales
from course.content.help_lines import HelpLine
from course.web import help_page, render

router = APIRouter()
FOR_THEM = "young people"


@router.api_route("/young", methods=["GET", "HEAD"])
def young(request: Request) -> Response:
    """Show the lines for young people, by country, and what holds everywhere."""
    app = render.app_of(request)
    offered = app.catalogue.first.locales
    locale = render.locale_of(request, offered)
    words = app.catalogue.words[locale]["mail"]
    countries = by_country(app.catalogue.help_lines, words, locale, app.clock.real().date())
    return render.page(request, "young.html", locale, locales=offered, countries=countries, help_words=words)


def by_country(
    lines: tuple[HelpLine, ...], words: Mapping[str, str], locale: str, today: date
) -> list[tuple[str, list[str]]]:
    """Return each country's name with its checked lines for young people, in the order of the names."""
    rtl, found = locales.direction(locale) == "rtl", dict[str, list[str]]()
    for line in lines:
        if line.audience == FOR_THEM and line.fresh(today):
            found.setdefault(line.country, []).append(line.said(words, rtl=rtl))
    return [(name, found[country]) for country, name in help_page.names(frozenset(found), locale).items()]
