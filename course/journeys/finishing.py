"""In charge of the end that a course has by itself: its last lesson has left, or it was made shorter."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, update

from course import schedule
from course.journeys import notices
from course.journeys.people import Person
from course.store.database import insert_many
from course.store.sets import one_of
from course.store.states import AT_REST, EnrolmentStatus, sources
from course.store.tables import deliveries, enrolments, history

FAREWELL = "farewell"  # the notice
FINISH = (
    update(enrolments)
    .where(one_of(enrolments.c.id, "ids"), enrolments.c.status.in_(sources(EnrolmentStatus.FINISHED)))
    .values(status=EnrolmentStatus.FINISHED, ended_at=bindparam("at"), **AT_REST)
    .returning(enrolments.c.id)
)


def finish(tx: Connection, some: Iterable[Person], now: datetime) -> None:
    """End courses whose lessons are all sent; the farewell comes on a later day, at their hour.

    A few statements for all of them: who began on one day has the last lesson on one day.
    """
    theirs = {person.id: person for person in some}
    ended = tx.execute(FINISH, {"ids": theirs, "at": now}).scalars().all() if theirs else ()
    if not ended:
        return
    insert_many(tx, history, [{"enrolment_id": one, "at": now, "event": "finished", "detail": ""} for one in ended])
    farewells, hours = list[dict[str, Any]](), dict[tuple[int, str], datetime]()  # many have one hour in common
    for person in map(theirs.__getitem__, ended):
        alike = person.send_hour, person.timezone
        if alike not in hours:
            hours[alike] = schedule.next_hour(now, person.send_hour, person.zone, after=person.today(now))
        farewells.append(notices.row(person, FAREWELL, hours[alike]))
    insert_many(tx, deliveries, farewells)
