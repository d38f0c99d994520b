"""In charge of the page on which somebody chooses what becomes of their words, box by box, and takes it back."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from course.journeys import journal, people
from course.journeys.people import Person
from course.store.states import EnrolmentStatus, JournalLevel
from course.store.tables import enrolments
from course.web import render, visits
from course.web.forms import Form
from course.web.visits import Visit, Visiting

router = APIRouter()
HOW = "own page"
CHOICES = (JournalLevel.KEEP, JournalLevel.SHARE)
OPEN = (EnrolmentStatus.ACTIVE, EnrolmentStatus.PAUSED, EnrolmentStatus.FINISHED)


@dataclass(frozen=True)
class Choice:
    """One course of theirs. `given` and `open` are what was agreed to and what can be, with the exact words of each.

    `back` are the words by which each of `given` is taken back.
    """

    round: int
    title: str
    given: dict[str, str]
    back: dict[str, str]
    open: dict[str, str]


@router.api_route("/own/journal", methods=["GET", "HEAD"])
def choices(request: Request, visit: Visiting) -> Response:
    """Show what was chosen for each course, and what else can be."""
    return _page(request, visit)


@router.post("/own/journal")
def choose(request: Request, visit: Visiting, form: Form) -> Response:
    """Give what is ticked, or take back what was given. Each is a consent of its own, in the words that were shown."""
    app = render.app_of(request)
    person = next((one for one in _rounds(request, visit) if str(one.id) == form.get("round")), None)
    if person is None:
        return _page(request, visit)
    with app.service.store.reading() as tx:
        level = journal.level_of(tx, person.id)
    back = form.get("back", "")
    if back:
        chosen = {"keep": JournalLevel.COUNT, "share": JournalLevel.KEEP}.get(back, level)
        wanted = chosen if journal.above(level, chosen) else None
    else:
        wanted = _given(form.get("keep") == "yes", form.get("share") == "yes", level)
        if wanted is None or not journal.offered(app.service) or person.status not in OPEN:
            return _page(request, visit, 422, missing=person.id)
    if wanted is not None:
        journal.choose(app.service, person.id, wanted, HOW, app.clock.real())
    return RedirectResponse("/own?done=journal", 303)


def _given(keep: bool, share: bool, level: JournalLevel) -> JournalLevel | None:  # noqa: FBT001 (two boxes)
    """Return the level that the ticked boxes ask for, above the present one; sharing needs that words are kept."""
    kept = keep or level != JournalLevel.COUNT
    wanted = JournalLevel.SHARE if share and kept else JournalLevel.KEEP if keep and not share else None
    return wanted if wanted is not None and journal.above(wanted, level) else None


def _rounds(request: Request, visit: Visit) -> list[Person]:
    """Return the newest confirmed round of each course."""
    mine = enrolments.c.subscriber_id == visit.subscriber_id, enrolments.c.confirmed_at.is_not(None)
    with render.app_of(request).service.store.reading() as tx:
        found = people.find(tx, *mine)
    newest: dict[str, Person] = {}
    for one in found:
        newest.setdefault(one.course, one)
    return list(newest.values())


def _choice(request: Request, visit: Visit, person: Person) -> Choice:
    app = render.app_of(request)
    with app.service.store.reading() as tx:
        level = journal.level_of(tx, person.id)
    said = {one: journal.wording(app.service, person, one) for one in CHOICES}
    given = [one for one in CHOICES if not journal.above(one, level)]
    free = journal.offered(app.service) and person.status in OPEN
    return Choice(
        person.id,
        app.catalogue.title(person.course, visit.locale),
        {one: said[one] for one in given},
        {one: journal.wording(app.service, person, f"{one}_withdrawn") for one in given},
        {one: said[one] for one in CHOICES if free and one not in given},
    )


def _page(request: Request, visit: Visit, status: int = 200, missing: int | None = None) -> Response:
    shown = [_choice(request, visit, person) for person in _rounds(request, visit)]
    return visits.page(
        request,
        "own_journal.html",
        visit,
        status,
        choices=shown,
        offered=journal.offered(render.app_of(request).service),
        missing=missing,
    )
