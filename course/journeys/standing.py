"""In charge of what a page may know of an enrolment: where it stands, and in which words to say so."""

from __future__ import annotations

from dataclasses import dataclass

from course.content import dates
from course.journeys.people import Person
from course.journeys.service import Service


@dataclass(frozen=True)
class Standing:
    """`status` is an EnrolmentStatus; `first_day` is when the next lesson comes, in the person's words, or "".

    `letter` says where one is kept for them that leaving would erase (letter_ends.Waits): "here", "elsewhere" or "".
    """

    course: str
    title: str
    locale: str
    status: str
    first_day: str = ""
    letter: str = ""


def of(service: Service, person: Person) -> Standing:
    """Return where a person stands, in a locale that the course has."""
    locale = service.catalogue.locale(person.course, person.locale)
    words = service.catalogue.words[locale]["dates"]
    due = dates.moment(person.next_send_at, person.zone, locale, words) if person.next_send_at else ""
    title = service.catalogue.title(person.course, locale)
    return Standing(person.course, title, locale, person.status, due)
