"""In charge of making pages: a template, a locale's words under [pages], and what every page shows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from course.content import help_lines, slots
from course.content.locales import direction, language
from course.web import guards

if TYPE_CHECKING:
    from course.app import App
    from course.journeys.people import Person

STATIC = Path(__file__).parent / "static"
# Which words say what a status means; every other one is a failure of ours.
SAID = {400: "not_allowed", 403: "visit_over", 404: "not_found", 405: "not_allowed", 413: "too_large"}


def app_of(request: Request) -> App:
    """Return the App that this site is the door of."""
    app: App = request.app.state.course
    return app


def page(request: Request, template: str, locale: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Return a page. `values` are the template's own; `words` in it are the locale's [pages]."""
    app = app_of(request)
    words: Mapping[str, Any] = app.catalogue.words[locale]["pages"]
    shared = {
        "locale": locale,
        "dir": direction(locale),
        "words": words,
        "say": say,
        "static": static,
        "settings": app.settings,
        "locales": (),
        "also": "",  # of this page's query, kept by a change of language
        "unreviewed": any(locale in course.unreviewed for course in app.catalogue.courses.values()),
        "mailbox": guards.mailbox_open(request, app.settings),
    }
    return HTMLResponse(_templates().get_template(template).render({**shared, **values}), status)


def notice(request: Request, name: str, locale: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Return a page that only says something: a title and paragraphs, from the words under [pages.name]."""
    app = app_of(request)
    said = app.catalogue.words[locale]["pages"][name]
    values = {"contact": app.settings.contact_email, "more": (), **values}
    return page(request, "notice.html", locale, status, name=name, said=said, values=values)


def help_of(request: Request, person: Person, locale: str) -> list[str]:
    """Return the help lines that this person's mails print, line by line."""
    app = app_of(request)
    country = help_lines.country_for(person.country, person.timezone)
    return app.catalogue.help_for(locale, country, person.today(app.clock.now())).splitlines()


def old_link(request: Request) -> Response:
    """Return the one page for every link that is of no use: forged, expired, used or cut short all look the same."""
    return notice(request, "old_link", locale_of(request), 404)


def failure(request: Request, status: int) -> Response:
    """Return the page for a request that cannot be served. It gives no reason away."""
    path = request.url.path
    if path.startswith(guards.HOOKS) or path == guards.HOOKS.rstrip("/"):
        # Inbound Parse drops a mail for ever at a 404 or 405 but tries for 72 hours at a 503: time to mend a slip.
        return PlainTextResponse("There is no hook here; check its address.\n", 503)
    if status == 405 and path.startswith("/mailbox"):  # noqa: PLR2004
        status = 404  # where there is no mailbox, nothing may show that there could be one
    return notice(request, SAID.get(status, "failed"), locale_of(request), status)


def locale_of(request: Request, locales: tuple[str, ...] = ()) -> str:
    """Return the locale to speak: ?locale=, else what the browser prefers, among these (or the first course's)."""
    locales = locales or app_of(request).catalogue.first.locales
    chosen = request.query_params.get("locale", "")
    return chosen if chosen in locales else preferred(request.headers.get("accept-language", ""), locales)


def preferred(header: str, locales: tuple[str, ...]) -> str:
    """Return the best of our locales for an Accept-Language (RFC 9110 section 12.5.4): the same, or its language."""
    for tag in wishes(header):
        language = tag.partition("-")[0]
        same = [locale for locale in locales if locale.lower() == tag]
        near = [locale for locale in locales if locale.lower().partition("-")[0] == language]
        if same or near:
            return (same or near)[0]
    return locales[0]


def wishes(header: str) -> list[str]:
    """Return what an Accept header asks for, in small letters, the preferred first; what has a weight of 0 is refused.

    Blanks may stand around a weight (RFC 9110 sections 5.6.6 and 12.4.2).
    """
    found: list[tuple[float, str]] = []
    for part in header.split(",")[:20]:
        tag, _, weight = "".join(part.lower().split()).partition(";q=")
        with suppress(ValueError):
            found.append((float(weight or 1), tag.partition(";")[0]))
    return [tag for weight, tag in sorted(found, key=lambda wish: -wish[0]) if weight > 0]


def say(text: str, **values: object) -> str:
    """Put values into one of the words."""
    return slots.say(text, **{name: str(value) for name, value in values.items()})


@cache
def static(name: str) -> str:
    """Return the address of a static file; it changes with the file, so browsers may keep it."""
    return f"/static/{name}?v={hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:8]}"


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("course.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["language"] = language
    return environment
