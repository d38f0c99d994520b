"""In charge of what the page of a mail, "My course", shows: where the course stands, its letters, what was chosen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, func, select

from course.content import dates
from course.content.gathering import Words
from course.content.slots import say
from course.journeys import letter_ends, pacing, pages, people, suppression
from course.journeys.completing import MARKED
from course.journeys.letter_ends import Waits
from course.journeys.notices import MAY_GET
from course.journeys.people import Person
from course.journeys.resending import NOT_THIS
from course.journeys.service import Service
from course.schedule import Pace
from course.store.states import BEGUN, GOING_ON, LIVE, DeliveryKind, EndedReason, EnrolmentStatus
from course.store.tables import completions, deliveries, enrolments, folded_deliveries, skips, subscribers

E = EnrolmentStatus
# Where a person must stand to ask for this on the page.
WISHES: dict[str, tuple[EnrolmentStatus, ...]] = {
    "done": BEGUN,
    "open": BEGUN,
    "again": MAY_GET["copy"],
    "when": BEGUN,
    "locale": BEGUN,
    "pace": GOING_ON,
    "pause": GOING_ON,
    "resume": (E.PAUSED,),
    "ready": (E.ACTIVE,),
    "paper": GOING_ON,
    "plain": BEGUN,
    "country": BEGUN,
    "own": (*BEGUN, E.STOPPED),
    "restart": (*BEGUN, E.STOPPED),
    "leave": LIVE,
    "everything": tuple(E),
}


class Day(StrEnum):
    """What became of a day whose letter was sent; none is better than the other."""

    OPEN = "open"
    DONE = "done"  # marked on the page, so it can be opened again there
    ANSWERED = "answered"
    LEFT_OUT = "left_out"


@dataclass(frozen=True)
class Mine:
    """A round as its page shows it. `days` are those whose letter was sent; `earlier`, those of rounds before alone.

    `letter` says where one is kept that leaving would erase.
    `sooner`: they set their own pace, and the next lesson would come sooner if they said that they are ready.
    `round` counts from 1; `next_at` is when the next lesson is to come (course time); `may` are the WISHES of now.
    """

    person: Person
    round: int
    next_at: datetime | None
    ended_reason: str | None
    days: dict[int, Day]
    earlier: tuple[int, ...]
    paces: tuple[Pace, ...]
    plain: bool
    sooner: bool
    letter: Waits
    may: frozenset[str]


def look(service: Service, token: str, now: datetime) -> Mine | None:
    """Return how things stand for the bearer of this token; None for one that is of no use."""
    with service.store.reading() as tx:
        opened = pages.look(tx, service, token)
        return of(tx, service, people.newest_round(tx, opened.person), now) if opened else None


def of(tx: Connection, service: Service, person: Person, now: datetime) -> Mine:
    """Return how things stand in this round."""
    columns = enrolments.c.ended_reason, subscribers.c.plain
    ended_reason, plain = tx.execute(select(*columns).join(subscribers).where(enrolments.c.id == person.id)).one()
    sent, before = _sent(tx, person)
    until_this = people.same_course(person), enrolments.c.id <= person.id
    rounds = tx.execute(select(func.count()).select_from(enrolments).where(*until_this))
    paces = pacing.offered(service, person.course)
    return Mine(
        person=person,
        round=rounds.scalar_one(),
        next_at=people.coming(tx, person.id),
        ended_reason=ended_reason,
        days=_states(tx, person.id, sent),
        earlier=tuple(sorted(before - sent)),
        paces=paces,
        plain=plain,
        sooner=person.pace == Pace.SELF_PACED and pacing.could_be_sooner(tx, service, person, now),
        letter=letter_ends.waits(tx, person),
        may=_may(tx, service, person, paces),
    )


def stands(found: Mine, words: Words, locale: str, now: datetime) -> str:
    """Return in one sentence where a course stands, and when the next letter comes, in a locale's words."""
    until = found.next_at or found.person.resume_at
    moment = dates.moment(until, found.person.zone, locale, words["dates"]) if until else ""
    return say(words["pages"]["mine"]["stands"][_standing(found, now)], moment=moment)


def _standing(found: Mine, now: datetime) -> str:
    """Return which sentence of [pages.mine.stands] says where a course stands."""
    person = found.person
    match person.status:
        case E.ACTIVE if person.waiting_since:
            return "waits"
        case E.ACTIVE if found.next_at is None or found.next_at <= now:
            return "leaves"
        case E.ACTIVE:
            return "next" if found.days else "first"
        case E.PAUSED if person.resume_at:
            return "paused_until"
        case E.STOPPED if found.ended_reason == EndedReason.UNSUBSCRIBED:
            return "left"
        case _:
            return person.status


def _sent(tx: Connection, person: Person) -> tuple[set[int], set[int]]:
    """Return the days whose letters went to this person: in this round, and in those before."""
    lessons = select(deliveries.c.enrolment_id, deliveries.c.day).where(
        deliveries.c.subscriber_id == person.subscriber_id,
        deliveries.c.course == person.course,
        deliveries.c.kind == DeliveryKind.LESSON,
        deliveries.c.status.not_in(NOT_THIS),
    )
    theirs = people.same_course(person), folded_deliveries.c.day.is_not(None)
    folded = select(folded_deliveries.c.enrolment_id, folded_deliveries.c.day).join(enrolments).where(*theirs)
    rows = tx.execute(lessons.union(folded)).all()
    now = {row.day for row in rows if row.enrolment_id == person.id}
    return now, {row.day for row in rows if row.enrolment_id != person.id}


def _states(tx: Connection, enrolment_id: int, sent: set[int]) -> dict[int, Day]:
    left_out = select(skips.c.day).where(skips.c.enrolment_id == enrolment_id)
    done = select(completions.c.day, MARKED).where(completions.c.enrolment_id == enrolment_id)
    states = dict.fromkeys(tx.execute(left_out).scalars(), Day.LEFT_OUT)
    states |= {day: Day.DONE if marked else Day.ANSWERED for day, marked in tx.execute(done)}
    return {day: states.get(day, Day.OPEN) for day in sorted(sent)}


def _may(tx: Connection, service: Service, person: Person, paces: tuple[Pace, ...]) -> frozenset[str]:
    """Return what this person may ask for here, as things are."""
    own_pace = person.pace == Pace.SELF_PACED
    not_now = {
        "pace": len(paces) <= 1,
        "ready": not own_pace,
        "paper": not own_pace,  # nobody else is ever waited for
        "restart": person.course not in service.catalogue.courses
        or bool(suppression.among(tx, service.keys, [person.email])),
    }
    return frozenset(wish for wish, where in WISHES.items() if person.status in where and not not_now.get(wish))
