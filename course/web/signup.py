"""In charge of the course page and its form: what the course is, and who may send it where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from course import addresses
from course.content import zones
from course.content.courses import PACES, Course
from course.content.snippets import REF, mark
from course.journeys import extras
from course.journeys.signup import SignUp
from course.web import lessons, render, stamps
from course.web.forms import Form
from course.web.visitors import client_address

if TYPE_CHECKING:
    from course.app import App

router = APIRouter()
TICKED = frozenset({"yes", "on", "true", "1"})  # a form on another site may say any of them
TRAP = "website"  # people never see it; a program that fills in every field does
FIELDS = ("email", "name", "timezone", "send_hour", "pace", "locale", "consent", "keep", "share", "list")
LATER = frozenset({"timezone", "consent"})  # a short form on another site may leave these to our page
NO_ERRORS: Mapping[str, str] = {}


@router.api_route("/", methods=["GET", "HEAD"])
def home(request: Request) -> Response:
    """Show the course that ?course= names, else the first."""
    catalogue = render.app_of(request).catalogue
    return _course_page(request, catalogue.courses.get(request.query_params.get("course", ""), catalogue.first))


@router.api_route("/courses/{course}", methods=["GET", "HEAD"])
def course_page(request: Request, course: str) -> Response:
    """Show one course."""
    return _course_page(request, _known(request, course))


@router.post("/courses/{course}")
def sign_up(request: Request, course: str, form: Form) -> Response:
    """Take a sign-up, from our page or another site's. The answer is the same, byte by byte, for every address.

    So it is whether the address is new, known or suppressed.
    """
    app, known = render.app_of(request), _known(request, course)
    locale = render.locale_of(request, known.locales)
    if not form.get(TRAP):
        checked = examine(app, known, form, locale, client_address(request, app.settings))
        if not isinstance(checked, SignUp):
            unasked = "timezone" not in form and checked.keys() <= LATER
            return _course_page(request, known, 200 if unasked else 422, form, NO_ERRORS if unasked else checked)
        if stamps.too_soon(app.keys, form.get("stamp", ""), app.clock.real()):
            return _course_page(request, known, 200, form)
        app.sign_up(checked)
    return render.notice(request, "sent", locale, sender=app.settings.mail_from)


def examine(app: App, course: Course, form: Form, locale: str, network: str) -> SignUp | dict[str, str]:
    """Return the sign-up, or what is wrong: by field, the key of its words under [pages.errors]."""
    wrong: dict[str, str] = {}
    email = name = ""
    try:
        email = addresses.parse(form.get("email", ""), app.settings.own)
    except addresses.AddressError as error:
        wrong["email"] = error.reason
    try:
        name = addresses.clean_name(form.get("name", ""))
    except ValueError:
        wrong["name"] = "name_wrong"
    zone, letters = form.get("timezone", ""), form.get("locale", locale)
    hour, pace = form.get("send_hour", str(course.send_hour)), form.get("pace", "")
    if zone not in zones.allowed():
        wrong["timezone"] = "timezone_wrong"
    if hour not in {str(hour) for hour in range(24)}:
        wrong["send_hour"] = "hour_wrong"
    if pace and pace not in PACES[course.pace]:
        wrong["pace"] = "pace_wrong"
    if letters not in course.locales:
        wrong["locale"] = "locale_wrong"
    if not _agreed(app, form, locale):
        wrong["consent"] = "consent_missing"
    offered = extras.offered(app.service, locale)
    ticked = _ticked(form, offered)
    wrong |= {what: "words_changed" for what in offered if form.get(what) and what not in ticked}
    if "share" in ticked and "keep" not in ticked:
        wrong["share"] = "share_alone"
    if wrong:
        return wrong
    shown, ref = app.catalogue.consent(locale), _ref(form.get("ref", ""))
    return SignUp(course.name, email, name, zone, letters, int(hour), shown, network, pace, ticked, ref)


def _agreed(app: App, form: Form, locale: str) -> bool:
    return form.get("consent", "") in TICKED | {mark(app.catalogue.consent(locale))}


def _ticked(form: Form, offered: Mapping[str, str]) -> dict[str, str]:
    return {what: words for what, words in offered.items() if form.get(what) == mark(words)}


def _ref(said: str) -> str:
    return said if REF.fullmatch(said) else ""


def _known(request: Request, name: str) -> Course:
    course = render.app_of(request).catalogue.courses.get(name)
    if course is None:
        raise HTTPException(404)
    return course


def _course_page(
    request: Request,
    course: Course,
    status: int = 200,
    form: Form | None = None,
    errors: Mapping[str, str] = NO_ERRORS,
) -> Response:
    """Show the course and its form; or the form alone, with what was typed and what is wrong with it, if anything."""
    app = render.app_of(request)
    locale = render.locale_of(request, course.locales)
    fresh = {"email": "", "name": "", "timezone": "", "send_hour": str(course.send_hour), "locale": locale}
    fresh["pace"] = str(course.pace)
    typed = {**fresh, **(form or {})}
    cities, offered = zones.cities(locale), extras.offered(app.service, locale)
    ref = _ref((form or request.query_params).get("ref", ""))
    return render.page(
        request,
        "signup.html",
        locale,
        status,
        course=course,
        locales=course.locales,
        also=f"&course={course.name}" + (f"&ref={ref}" if ref else ""),
        again=form is not None,
        typed=typed,
        ticked={*_ticked(typed, offered), *(("consent",) if _agreed(app, typed, locale) else ())},
        errors={field: errors[field] for field in FIELDS if field in errors},
        minutes=course.minutes,
        rhythm=app.catalogue.words[locale]["rhythm"][course.pace],
        preview=_preview(course, locale, app.catalogue.words[locale]["mail"]["greeting_nameless"]),
        help_words=app.catalogue.words[locale]["mail"],
        cities=cities,
        other_zone=zones.unlisted(typed["timezone"], cities),
        hours=zones.hours(locale),
        paces=PACES[course.pace],
        consent=app.catalogue.consent(locale),
        offered=offered,
        mark=mark,
        trap=TRAP,
        ref=ref,
        stamp="" if form is not None else stamps.stamp(app.keys, app.clock.real()),
        others=[other for other in app.catalogue.courses.values() if other.name != course.name],
    )


def _preview(course: Course, locale: str, greeting: str) -> Mapping[str, Any]:
    """Return what the first lesson looks like, in its author's own words: its head and its prompt."""
    return {**lessons.head(course, 1, locale, greeting), "prompt": lessons.prompt(course, 1, locale, greeting)}
