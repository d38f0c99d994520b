"""In charge of a person's own pages: what only they may see, while their visit lasts."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from course.journeys import journal
from course.web import own_copies, own_details, own_erase, own_journal, own_letter, own_words, render, visits
from course.web.visits import Visiting

router = APIRouter()
for part in (own_words, own_letter, own_copies, own_details, own_journal, own_erase):
    router.include_router(part.router)
OF_WORDS = ("/own/words", "/own/journal", "/own/letter", "/own/print", "/own/export.md")  # doors to what is kept
DONE = ("name", "address", "journal")  # what the overview may say was just done: keys of [pages.own]


@router.api_route("/own", methods=["GET", "HEAD"])
def overview(request: Request, visit: Visiting) -> Response:
    """Show what there is, and what can be done with it; no door to words where none can be kept."""
    done = request.query_params.get("done", "")
    # Without keys the service does not start where anything is kept of anybody (journal.check).
    empty = () if journal.offered(render.app_of(request).service) else OF_WORDS
    return visits.page(request, "own.html", visit, done=done if done in DONE else "", empty=empty)


@router.post("/own/close")
def close(request: Request, visit: Visiting) -> Response:
    """End the visit before its time."""
    answer = render.notice(request, "visit_closed", visit.locale)
    visits.take_back(request, answer)
    return answer
