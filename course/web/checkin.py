"""In charge of the check-in's page: opening it counts nothing, its buttons do, and help lines are always there."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from course import links
from course.journeys import checkins, letters
from course.journeys.checkins import Asked, Taken
from course.journeys.people import Person
from course.links import Purpose
from course.store.states import CheckinAnswer
from course.web import render
from course.web.forms import Form

router = APIRouter()
ANSWERS = tuple(CheckinAnswer)


@router.api_route("/checkin/{token}", methods=["GET", "HEAD"])
def ask(request: Request, token: str) -> Response:
    """Show the four choices. Opening the page changes nothing."""
    app = render.app_of(request)
    asked = checkins.look(app.service, token)
    return _page(request, "checkin.html", asked, token) if asked else render.old_link(request)


@router.post("/checkin/{token}")
def act(request: Request, token: str, form: Form) -> Response:
    """Count what was chosen, and say what may help after it; or take smaller steps; or keep answers no longer."""
    app = render.app_of(request)
    if form.get("choice") == "forget":
        asked = checkins.keep_no_longer(app.service, token, app.clock.real())
        return _page(request, "checkin.html", asked, token, forgot=True) if asked else render.old_link(request)
    if form.get("choice") == "smaller":
        asked = checkins.smaller_steps(app.service, token, app.clock.now())
        return _page(request, "smaller.html", asked, token) if asked else render.old_link(request)
    said = form.get("answer")
    if said not in ANSWERS:
        return ask(request, token)
    now, real_now, keep = app.clock.now(), app.clock.real(), form.get("keep") == "yes"
    answered = checkins.answer(app.service, token, CheckinAnswer(said), now, real_now, keep=keep)
    if answered is None:
        return render.old_link(request)
    # What follows is for the answer that was given now, also where it is not the first: it may be heavier by now.
    template = "heavier.html" if said == CheckinAnswer.HEAVIER else "checked_in.html"
    return _page(request, template, answered[0], token, said=said, taken=answered[1])


def _page(
    request: Request,
    template: str,
    asked: Asked,
    token: str,
    *,
    said: str = "",
    taken: Taken | None = None,
    forgot: bool = False,
) -> Response:
    app, person = render.app_of(request), asked.person
    locale = app.catalogue.locale(person.course, person.locale)
    return render.page(
        request,
        template,
        locale,
        asked=asked,
        answers=ANSWERS,
        said=said,
        taken=taken,
        forgot=forgot,
        letter=letters.offered(app.service, person.course) and asked.day in _letter_days(request, person),
        token=token,
        leave=links.sign(app.keys, Purpose.LEAVE, person.subscriber_id, links.course_mark(person.course)),
        course=app.catalogue.title(person.course, locale),
        called=app.catalogue.called(person.course, asked.day, locale)["listed"],
        help=render.help_of(request, person, locale),
    )


def _letter_days(request: Request, person: Person) -> tuple[int, ...]:
    known = render.app_of(request).catalogue.courses.get(person.course)
    return known.letter_days if known else ()
