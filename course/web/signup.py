"""In charge of the course page and its form: what the course is, and who may send it where."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from course import addresses
from course.content import dates, markdown, slots
from course.content.courses import Course
from course.journeys.signup import SignUp
from course.web import render, zones
from course.web.forms import Form
from course.web.guards import client_address

if TYPE_CHECKING:
    from course.app import App

router = APIRouter()
TICKED = frozenset({"yes", "on", "true", "1"})  # a form on another site may say any of them
TRAP = "website"  # people never see it; a program that fills in every field does
NO_ERRORS: Mapping[str, str] = {}


@router.api_route("/", methods=["GET", "HEAD"])
def home(request: Request) -> Response:
    """Show the first course."""
    return _course_page(request, render.app_of(request).catalogue.first)


@router.api_route("/courses/{course}", methods=["GET", "HEAD"])
def course_page(request: Request, course: str) -> Response:
    """Show one course."""
    return _course_page(request, _known(request, course))


@router.post("/courses/{course}")
def sign_up(request: Request, course: str, form: Form) -> Response:
    """Take a sign-up. Whether the address is new, known or suppressed, the answer is the same, byte by byte."""
    app, known = render.app_of(request), _known(request, course)
    locale = render.locale_of(request, known.locales)
    if not form.get(TRAP):
        checked = examine(app, known, form, locale, client_address(request, app.settings))
        if not isinstance(checked, SignUp):
            return _course_page(request, known, 422, form, checked)
        app.sign_up(checked)
    return render.notice(request, "sent", locale, sender=app.settings.mail_from)


def examine(app: App, course: Course, form: Form, locale: str, network: str) -> SignUp | dict[str, str]:
    """Return the sign-up, or what is wrong: by field, the key of its words under [pages.errors]."""
    wrong: dict[str, str] = {}
    email = name = ""
    try:
        own = frozenset({app.settings.mail_domain, app.settings.reply_domain})
        email = addresses.parse(form.get("email", ""), own)
    except addresses.AddressError as error:
        wrong["email"] = error.reason
    try:
        name = addresses.clean_name(form.get("name", ""))
    except ValueError:
        wrong["name"] = "name_wrong"
    zone, hour, letters = form.get("timezone", ""), form.get("send_hour", ""), form.get("locale", locale)
    if zone not in zones.allowed():
        wrong["timezone"] = "timezone_wrong"
    if hour not in {str(hour) for hour in range(24)}:
        wrong["send_hour"] = "hour_wrong"
    if letters not in course.locales:
        wrong["locale"] = "locale_wrong"
    if form.get("consent") not in TICKED:
        wrong["consent"] = "consent_missing"
    if wrong:
        return wrong
    return SignUp(course.name, email, name, zone, letters, int(hour), wording(app, locale), network)


def wording(app: App, locale: str) -> str:
    """Return the consent exactly as the page shows it."""
    return app.catalogue.consent(locale)


def _known(request: Request, name: str) -> Course:
    course = render.app_of(request).catalogue.courses.get(name)
    if course is None:
        raise HTTPException(404)
    return course


def _course_page(
    request: Request,
    course: Course,
    status: int = 200,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] = NO_ERRORS,
) -> Response:
    app = render.app_of(request)
    locale = render.locale_of(request, course.locales)
    fresh = {"email": "", "name": "", "timezone": "", "send_hour": str(course.send_hour), "locale": locale}
    typed = {**fresh, "consent": "", **(typed or {})}
    cities = zones.cities(locale)
    minutes = [int(lesson.front.get("minutes", 0)) for lesson in course.lessons.values()]
    return render.page(
        request,
        "signup.html",
        locale,
        status,
        course=course,
        locales=course.locales,
        typed=typed,
        errors=errors,
        minutes=(min(minutes), max(minutes)),
        preview=_preview(course, locale, app.catalogue.words[locale]["mail"]["greeting_nameless"]),
        help_words=app.catalogue.words[locale]["mail"],
        cities=cities,
        other_zone=zones.unlisted(typed["timezone"], cities),
        hours=_hours(locale),
        consent=wording(app, locale),
        trap=TRAP,
        others=[other for other in app.catalogue.courses.values() if other.name != course.name],
    )


def _preview(course: Course, locale: str, greeting: str) -> Mapping[str, Any]:
    """Return what the first lesson looks like, in its author's own words: its head and its prompt."""
    lesson = course.lesson(1, locale)
    fixed = {"course": course.titles[locale], "days": str(course.days), "greeting": greeting}
    prompt = next((part for part in lesson.sections if part.id == "prompt"), None)
    return {
        **{key: render.say(str(lesson.front[key]), **fixed) for key in ("subject", "preheader", "minutes", "why")},
        "heading": prompt.heading if prompt else "",
        # Our own lesson through the mail's own renderer, which shows raw HTML as the text it is.
        "prompt": Markup(markdown.to_html(markdown.parse(slots.say(prompt.markdown, **fixed)))) if prompt else "",  # noqa: S704
    }


@cache
def _hours(locale: str) -> list[str]:
    return [dates.time(datetime(2000, 1, 1, hour), locale) for hour in range(24)]  # noqa: DTZ001 (a clock face)
