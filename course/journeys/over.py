"""In charge of the answer to a command in a reply to a course that is over: how the course can begin again.

No reply begins a course again: that takes a yes of its own, and a lesson may have been forwarded. The answer goes to
the address on file, as all do, and leads to the page where the course can begin again.
"""

from __future__ import annotations

from sqlalchemy import Connection

from course.journeys import answering, people
from course.journeys.requests import Request
from course.journeys.service import Service
from course.store.states import EnrolmentStatus

NOTICE = "over"
# Commands that no other answer is for once the last letter has come: there is nothing to go on with, or to pause.
GOES_ON = frozenset({"RESUME", "NEXT", "PAUSE"})
# And those that no other answer is for once somebody has left. STOP is not among them: it says goodbye.
OF_A_COURSE = GOES_ON | {"SKIP", "AGAIN", "TIME", "PACE", "LANGUAGE", "ZONE", "SETTINGS", "EXERCISE", "PLAIN", "LINKS"}


def say(tx: Connection, service: Service, request: Request) -> None:
    """Answer a command that no other answer is for, as the course it came to is over; once a day.

    What is said is how the course stands, whichever of its rounds is the last one.
    """
    unanswered = OF_A_COURSE if request.person.status == EnrolmentStatus.STOPPED else GOES_ON
    if request.command.name not in unanswered:
        return
    last = people.newest_round(tx, request.person)
    if last.status in answering.CLOSED and last.confirmed_at is not None:
        answering.answer(tx, service, last, NOTICE, request.reply, request.now)
