"""In charge of "My course", the page that every mail links to: what can be seen and changed without an account.

Whoever holds the mail holds the link, so nothing that its reader wrote, nor name or address, is on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from course.content import zones
from course.content.courses import Course
from course.journeys import mine, resources
from course.journeys.mine import Mine
from course.journeys.steering import LONGEST_PAUSE, Told
from course.web import help_page, lessons, render
from course.web.forms import Form
from course.web.wishes import WISHES, WRONG, locale_of

if TYPE_CHECKING:
    from course.app import App

router = APIRouter()


@router.api_route("/mine/{token}", methods=["GET", "HEAD"])
def show(request: Request, token: str) -> Response:
    """Show how things stand. Opening the page changes nothing."""
    found = _found(request, token)
    return _page(request, token, found) if found else render.old_link(request)


@router.post("/mine/{token}")
def act(request: Request, token: str, form: Form) -> Response:
    """Do what was chosen, and show how things stand then."""
    told = _done(request, token, form)
    if isinstance(told, Told):
        return _page(request, token, told.mine, told.said, form)
    found = _found(request, token)
    return _page(request, token, found, told or "", form) if found else render.old_link(request)


@router.api_route("/mine/{token}/day/{day}", methods=["GET", "HEAD"])
def read(request: Request, token: str, day: str) -> Response:
    """Show a letter that was sent to them once more."""
    found = _found(request, token)
    return _letter(request, token, found, day) if found else render.old_link(request)


@router.post("/mine/{token}/day/{day}")
def act_on(request: Request, token: str, day: str, form: Form) -> Response:
    """Mark the day, or send its letter again; and show the letter as before."""
    told = _done(request, token, {**form, "day": day})
    found = told.mine if isinstance(told, Told) else _found(request, token)
    said = told.said if isinstance(told, Told) else ""
    return _letter(request, token, found, day, said) if found else render.old_link(request)


def _found(request: Request, token: str) -> Mine | None:
    app = render.app_of(request)
    return mine.look(app.service, token, app.clock.now())


def _done(request: Request, token: str, form: Mapping[str, str]) -> Told | str | None:
    """Return what became of a wish; the key of what is wrong with it; or None where there is none."""
    wish = WISHES.get(form.get("do", ""))
    return wish(render.app_of(request), token, form) if wish else None


def _page(
    request: Request, token: str, found: Mine, said: str = "", typed: Mapping[str, str] | None = None
) -> Response:
    """Show the page. `said` is what was just done, or what is wrong with what was `typed`."""
    app = render.app_of(request)
    person, locale, now = found.person, locale_of(app, found), app.clock.now()
    course, cities, today = app.catalogue.courses.get(person.course), zones.cities(locale), person.today(now)
    wrong = WRONG.get(said, "")
    chosen = {"send_hour": str(person.send_hour), "timezone": person.timezone, "locale": person.locale}
    chosen |= {"country": person.country or ""}
    chosen |= {"pace": person.pace, "until": str(person.today(person.resume_at)) if person.resume_at else ""}
    return render.page(
        request,
        "mine.html",
        locale,
        422 if wrong else 200,
        token=token,
        mine=found,
        title=app.catalogue.title(person.course, locale),
        called=lambda day: app.catalogue.called(person.course, day, locale)["lesson"],
        first=app.catalogue.called(person.course, 1, locale)["listed"],
        stands=mine.stands(found, app.catalogue.words[locale], locale, now),
        said=_said(app, found, said, locale, (typed or {}).get("day", "")),
        wrong=said if wrong else "",
        open=wrong,
        chosen=chosen | {key: typed[key] for key in chosen if wrong and typed and key in typed},
        subjects=_subjects(course, locale, (*found.days, *found.earlier)),
        cities=cities,
        other_zone=zones.unlisted(person.timezone, cities),
        hours=zones.hours(locale),
        known=course.locales if course else (),
        pause_days=(today + timedelta(days=1), today + LONGEST_PAUSE),
        consent=app.catalogue.consent(locale),
        countries=help_page.names(frozenset(line.country for line in app.catalogue.help_lines), locale),
        help=render.help_of(request, found.person, locale),
    )


def _letter(request: Request, token: str, found: Mine, day: str, said: str = "") -> Response:
    """Show one letter, if it was sent to them and is still in the course; else say what every useless link says."""
    app = render.app_of(request)
    locale = locale_of(app, found)
    course = app.catalogue.courses.get(found.person.course)
    sent = {str(one): one for one in (*found.days, *found.earlier)}
    if course is None or day not in sent or not course.has(sent[day]):
        return render.old_link(request)
    mail, exercise = app.catalogue.words[locale]["mail"], lessons.exercise(course, sent[day], locale)
    return render.page(
        request,
        "mine_letter.html",
        locale,
        token=token,
        mine=found,
        day=sent[day],
        title=course.titles[locale],
        lesson=lessons.shown(course, sent[day], locale, mail),
        exercise=exercise,
        exercise_token=exercise and resources.of_letter(app.service, found.person, sent[day], app.clock.real()),
        said=_said(app, found, said, locale, day),
        called=app.catalogue.called(found.person.course, day, locale)["lesson"],
        mail=mail,
        help=render.help_of(request, found.person, locale),
    )


def _subjects(course: Course | None, locale: str, days: tuple[int, ...]) -> dict[int, str]:
    """Return what these days' letters are called, of those that the course still has."""
    return {day: lessons.head(course, day, locale)["subject"] for day in days if course and course.has(day)}


def _said(app: App, found: Mine, said: str, locale: str, day: str) -> str:
    words: Mapping[str, str] = app.catalogue.words[locale]["pages"]["mine"]["said"]
    values = {**app.catalogue.called(found.person.course, day, locale), "contact": app.settings.contact_email}
    return render.say(words[said], **values) if said in words else ""
