"""In charge of the page of a letter that comes back: asking for it, taking it back, and what can be done with it.

Whoever holds the mail holds its link, so no word of a letter is on it: those are behind a fresh link.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from course.content import dates
from course.content.command_words import LETTER_MONTHS
from course.journeys import fresh, letters
from course.journeys.letters import Looked, Wish
from course.store.states import EnrolmentStatus
from course.web import render
from course.web.forms import Form

router = APIRouter()
NOTHING: Mapping[str, str] = {}


@router.api_route("/letter/{token}", methods=["GET", "HEAD"])
def show(request: Request, token: str) -> Response:
    """Show what is so: nothing is kept yet, a letter waits, or it is ready. Opening the page changes nothing."""
    return _page(request, token, letters.look(render.app_of(request).service, token))


@router.post("/letter/{token}")
def act(request: Request, token: str, form: Form) -> Response:
    """Do what was chosen. A letter is put off or erased here by the link of the mail that says that it is ready alone.

    Any other mail may have been passed on: from there a link to the own pages goes to the address on file.
    """
    app = render.app_of(request)
    service, now, real_now = app.service, app.clock.now(), app.clock.real()
    looked = letters.look(service, token)
    if looked is not None and form.get("choice") == "keep":
        return _keep(request, token, looked, form)
    if looked is None or looked.letter is None:
        return _page(request, token, looked)
    whose, number = looked.person.subscriber_id, looked.letter.id
    meant = looked.told and form.get("letter", f"{number}") == f"{number}"
    match form.get("choice"):
        case "open":
            fresh.send(service, looked.person, now, real_now)  # the page says the same, whether one more may be sent
            return _page(request, token, looked, done="opening")
        case "later" if meant:
            letters.later(service, whose, number, now)
            return _page(request, token, letters.look(service, token), done="later")
        case "cancel" if meant:
            letters.cancel(service, whose, number, real_now)
            return _page(request, token, letters.look(service, token), done="cancelled")
    return _page(request, token, looked)


def _keep(request: Request, token: str, looked: Looked, form: Mapping[str, str]) -> Response:
    """Keep what was typed; where a letter is kept already it stays, and what was typed is shown again."""
    app, text = render.app_of(request), form.get("text", "").replace("\r\n", "\n").strip()
    wrong = examine({**form, "text": text}) if looked.letter is None else {}
    if wrong:
        return _page(request, token, looked, typed=form, wrong=wrong)
    kept: Looked | None = looked
    if looked.letter is None:
        in_mail = form.get("in_mail") == "yes"
        said = [letters.wording(app.service, looked.person, key) for key in ("keep", *(["in_mail"] if in_mail else []))]
        wish = Wish(int(form["months"]), in_mail, " ".join(said), "page")
        kept = letters.keep_by_page(app.service, token, text, wish, app.clock.now(), app.clock.real())
    if kept is None or kept.letter is None:
        return _page(request, token, kept)
    if letters.opened(app.service, kept.letter) == text:  # also when the button was pressed twice
        return _page(request, token, kept, done="kept")
    return _page(request, token, kept, typed=form)


def examine(form: Mapping[str, str]) -> dict[str, str]:
    """Return what is wrong with a letter's form: by field, the key of its words."""
    text = form.get("text", "").strip()
    found = {
        "text": "text_missing" if not text else "text_long" if len(text) > letters.LONGEST else "",
        "months": "" if form.get("months") in {str(month) for month in LETTER_MONTHS} else "months_missing",
        "consent": "" if form.get("consent") == "yes" else "consent_missing",
    }
    return {field: wrong for field, wrong in found.items() if wrong}


def state_of(looked: Looked) -> str:
    """Return which part of the page fits: none, left, waiting, ready or opened."""
    if looked.letter is None:
        return "left" if looked.person.status == EnrolmentStatus.STOPPED else "none"
    if looked.letter.told_at is None:
        return "waiting"
    return "ready" if looked.letter.erase_at is None else "opened"


def _page(
    request: Request,
    token: str,
    looked: Looked | None,
    *,
    done: str = "",
    typed: Mapping[str, str] = NOTHING,
    wrong: Mapping[str, str] = NOTHING,
) -> Response:
    if looked is None:
        return render.old_link(request)
    app, person = render.app_of(request), looked.person
    locale = app.catalogue.locale(person.course, person.locale)
    words: dict[str, Any] = {key: letters.wording(app.service, person, key) for key in ("keep", "in_mail", "withdrawn")}
    moments = {} if looked.letter is None else {"due": looked.letter.due_at, "erased": looked.letter.erase_at}
    return render.page(
        request,
        "letter_back.html",
        locale,
        422 if wrong or typed else 200,
        token=token,
        state=state_of(looked),
        told=looked.told,
        number=looked.letter.id if looked.letter is not None else "",
        done=done,
        typed=typed,
        wrong=wrong,
        consents=words,
        months=LETTER_MONTHS,
        longest=letters.LONGEST,
        on={name: dates.date(at, person.zone, locale) for name, at in moments.items() if at is not None},
        course=app.catalogue.title(person.course, locale),
    )
