"""In charge of pace: which there are, changing to another, and the next lesson that waits until somebody is ready."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, and_, case, literal, null, select, union, update

from course import schedule
from course.content.courses import PACES
from course.journeys import enrolments as rounds
from course.journeys import notices, people
from course.journeys.people import Person
from course.journeys.service import Service
from course.schedule import Pace
from course.store.sets import one_of, table_of
from course.store.states import GOING_ON, EnrolmentStatus
from course.store.tables import Moment, completions, deliveries, enrolments, skips

QUIET_DAYS = 7  # local dates until the first note, and from it to the second
QUIET = "quiet"  # the first note: nothing is due
WAITS = enrolments.c.waiting_since.is_not(None)
NOT_WAITING = {"waiting_since": None, "note_at": None}


class PaceError(ValueError):
    """This course is not offered at that pace; `offered` says at which it is."""


def offered(service: Service, course_name: str) -> tuple[Pace, ...]:
    """Return the paces that whoever takes this course may choose, its own first; none of a course that is gone."""
    course = service.catalogue.courses.get(course_name)
    return PACES[course.pace] if course else ()


def change(tx: Connection, service: Service, person: Person, pace: Pace, now: datetime) -> None:
    """Let the lessons of a round that goes on or rests come at another pace from the next one on. Raises PaceError.

    What waits for them is let go; where they set the pace themselves from now on, what is planned still comes.
    """
    if pace not in offered(service, person.course):
        raise PaceError(f"{person.course} is not offered at this pace")
    if person.pace == pace or person.status not in GOING_ON:
        return
    person = replace(person, pace=pace)
    if pace != Pace.SELF_PACED:
        release(tx, service, person, now)
    tx.execute(update(enrolments).where(enrolments.c.id == person.id).values(pace=pace))
    rounds.note(tx, person.id, "pace", pace, now)
    if pace != Pace.SELF_PACED and person.status == EnrolmentStatus.ACTIVE:
        rounds.replan(tx, service, person, now)


def ready(tx: Connection, service: Service, person: Person, now: datetime) -> datetime | None:
    """Let the next lesson come as soon as it may, also one that waits or rests; return when (None: none is to come).

    At their hour, and never on the local date of the last one: asked for on that date, it comes on a later one.
    """
    if not rounds.resume(tx, service, person, now) and not release(tx, service, person, now):
        rounds.sooner(tx, service, person, now)
    return people.coming(tx, person.id)


def could_be_sooner(tx: Connection, service: Service, person: Person, now: datetime) -> bool:
    """Whether the next lesson of a round would come sooner than it does, if they said that they are ready."""
    comes = people.coming(tx, person.id)
    later = comes is not None and comes > rounds.next_due(tx, service, person, now)
    return person.waiting_since is not None or later


def set_on_paper(tx: Connection, person: Person, now: datetime, *, on_paper: bool) -> None:
    """Note that they write on paper, so that nothing is said of their silence; or that they do no longer."""
    mine = enrolments.c.id == person.id, enrolments.c.on_paper != on_paper
    note_at = None if on_paper else schedule.quiet_until(now, QUIET_DAYS, person.send_hour, person.zone)
    changed = {"on_paper": on_paper, "note_at": case((WAITS, literal(note_at, Moment)), else_=null())}
    if tx.execute(update(enrolments).where(*mine).values(**changed)).rowcount:
        rounds.note(tx, person.id, "on paper" if on_paper else "checked on", "", now)
        if on_paper:
            _take_back(tx, person.id)


def release(tx: Connection, service: Service, person: Person, now: datetime) -> bool:
    """Let the lesson come that waits for this person: the first time that it may. False: none waits.

    Settling writes that it waits and then looks for their answer; an answer is written and then looked for here. The
    row's lock puts one after the other, so that none of them misses the other.
    """
    mine = enrolments.c.id == person.id
    since = select(enrolments.c.waiting_since).where(mine).with_for_update(key_share=True)
    if tx.execute(since).scalar() is None:
        return False
    due = rounds.next_due(tx, service, person, now)
    tx.execute(update(enrolments).where(mine).values(next_send_at=due, **NOT_WAITING))
    _take_back(tx, person.id)
    return True


def wait(tx: Connection, rows: Sequence[tuple[int, int, datetime, datetime]], now: datetime) -> None:
    """Advance rounds of those who set their own pace: the next lesson waits for them, unless they answered already.

    `rows` are ids, `next_day`, `next_send_at` (when it may come) and `note_at`. Whether they still set their own pace
    is decided in the statement: they may change it at this very moment.
    """
    columns = enrolments.c.id, enrolments.c.next_day, enrolments.c.next_send_at, enrolments.c.note_at
    place = table_of(tx.dialect.name, "rows", *columns)
    active = enrolments.c.status == EnrolmentStatus.ACTIVE
    waits = and_(active, enrolments.c.pace == Pace.SELF_PACED)
    due = place.c.next_send_at
    advanced = update(enrolments).where(enrolments.c.id == place.c.id)
    values = {
        "next_day": place.c.next_day,
        "next_send_at": case((waits, null()), (active, due), else_=enrolments.c.next_send_at),
        "waiting_since": case((waits, literal(now, Moment)), else_=null()),
        "note_at": case((and_(waits, ~enrolments.c.on_paper), place.c.note_at), else_=null()),
    }
    tx.execute(advanced.values(**values), {"rows": rows})
    mine = place.c.id == enrolments.c.id
    answered = union(
        *(
            select(done.c.enrolment_id).where(done.c.enrolment_id == place.c.id, done.c.day == place.c.next_day - 1)
            for done in (completions, skips)
        )
    )
    early = set(tx.execute(answered, {"rows": rows}).scalars())
    if early:
        released = update(enrolments).where(mine, WAITS, one_of(enrolments.c.id, early))
        tx.execute(released.values(next_send_at=due, **NOT_WAITING), {"rows": rows})


def day_meant(person: Person, day: int | None) -> int | None:
    """Return the day that a command means: that of the mail it answers, else the one after which the course waits."""
    return person.next_day - 1 if day is None and person.waiting_since is not None else day


def _take_back(tx: Connection, enrolment_id: int) -> None:
    """Cancel a note about their silence that has not left yet."""
    notices.cancel(tx, deliveries.c.enrolment_id == enrolment_id, notices.named(QUIET))
