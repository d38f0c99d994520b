"""In charge of the course that comes after another one: its link in the farewell, and the button that enrols.

The link is in a mail to an address that is proven, so its button is enough: the course begins at once, at the same
hour, in the same zone and language, and the consent is recorded as its page shows it. One link begins one round.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from course import links
from course.content.catalogue import JOINING
from course.content.courses import Course
from course.journeys import people, signup, standing, suppression
from course.journeys.people import Person
from course.journeys.requests import Request
from course.journeys.service import Service
from course.journeys.signup import SignUp
from course.journeys.standing import Standing
from course.links import Purpose
from course.store.states import GOING_ON, LIVE, EnrolmentStatus
from course.store.tables import enrolments

HOW = "join"


@dataclass(frozen=True)
class Offer:
    """What a link offers, and to whom; `standing` is where they stand in it already, or None."""

    person: Person
    course: Course
    locale: str
    standing: Standing | None = None


def link(tx: Connection, service: Service, enrolment_id: int, course: str, locale: str) -> str:
    """Return the page on which somebody may go on to the next course; "" for none, or if they are in it."""
    offered = service.catalogue.next_course(course, locale)
    if offered is None or _rounds(tx, enrolment_id, offered.name, *LIVE):
        return ""
    token = links.sign(service.keys, Purpose.JOIN, enrolment_id, links.course_mark(offered.name))
    return f"{service.settings.site}/join/{token}"


def look(service: Service, token: str) -> Offer | None:
    """Return what a link offers, or None for one that is of no use any more. Changes nothing."""
    with service.store.reading() as tx:
        return _offer(tx, service, token)


def accept(service: Service, token: str, now: datetime, real_now: datetime) -> Standing | None:
    """Begin the course that a link offers: once, however often and however parallel the button is pressed.

    None for a link that is of no use any more.
    """
    numbers = links.read(service.keys, Purpose.JOIN, token)
    with service.store.transaction() as tx:
        person = people.by_id(tx, numbers[0]) if numbers else None
        if person is None:
            return None
        people.lock(tx, person)
        offer = _offer(tx, service, token)
        if offer is None or offer.standing is not None:
            return offer.standing if offer else None
        pending = signup.enrol(tx, _form(service, person, offer.course), now, real_now, renew=True)
        signup.begin(tx, service, pending, HOW, now, real_now)
        begun = people.by_id(tx, pending.id)
        return standing.of(service, begun) if begun else None


def offered(service: Service, person: Person) -> bool:
    """Whether a course comes after this person's, in their language."""
    return _next(service, person) is not None


def ask(tx: Connection, service: Service, request: Request) -> None:
    """Ask somebody who replied that they would like the next course, as a sign-up by mail is asked.

    That mail holds the consent; a yes to it begins the course. Whoever is in it already hears so.
    """
    course = _next(service, request.person)
    if course is not None and request.person.confirmed_at is not None:
        signup.ask(tx, service, _form(service, request.person, course), JOINING, request.now, request.real_now)


def _next(service: Service, person: Person) -> Course | None:
    return service.catalogue.next_course(person.course, service.catalogue.locale(person.course, person.locale))


def _form(service: Service, person: Person, course: Course) -> SignUp:
    return SignUp(
        course=course.name,
        email=person.email,
        name=person.name,
        timezone=person.timezone,
        locale=person.locale,
        send_hour=person.send_hour,
        wording=service.catalogue.consent(course.locale(person.locale)),
        network=None,
        guessed=True,
    )


def _offer(tx: Connection, service: Service, token: str) -> Offer | None:
    numbers = links.read(service.keys, Purpose.JOIN, token)
    person = people.by_id(tx, numbers[0]) if numbers and len(numbers) == 2 else None  # noqa: PLR2004 (enrolment, course)
    courses = service.catalogue.courses.values()
    course = next((one for one in courses if numbers and links.course_mark(one.name) == numbers[-1]), None)
    if person is None or course is None or suppression.among(tx, service.keys, [person.email]):
        return None
    locale = course.locale(person.locale)
    running = _rounds(tx, person.id, course.name, *GOING_ON)
    if running:
        return Offer(person, course, locale, standing.of(service, running[0]))
    begun_since = [one for one in _rounds(tx, person.id, course.name) if one.confirmed_at and one.id > person.id]
    return None if begun_since else Offer(person, course, locale)


def _rounds(tx: Connection, enrolment_id: int, course: str, *statuses: EnrolmentStatus) -> list[Person]:
    """Return this person's rounds of a course that stand so; all of them, if none is named."""
    whose = select(enrolments.c.subscriber_id).where(enrolments.c.id == enrolment_id).scalar_subquery()
    found = people.find(tx, enrolments.c.subscriber_id == whose, enrolments.c.course == course)
    return [one for one in found if not statuses or one.status in statuses]
