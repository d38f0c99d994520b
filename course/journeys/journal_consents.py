"""In charge of the journal's consents: the words that must be shown, and the record of each yes and taking back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from course.content.slots import say
from course.journeys import consent
from course.journeys.people import Person
from course.journeys.service import Service
from course.store.states import JournalLevel


@dataclass(frozen=True)
class Asked:
    """A yes that waited: the words that were shown, by level, and when they were ticked (real time)."""

    shown: Mapping[str, str]
    at: datetime


def wording(service: Service, locale: str, what: str) -> str:
    """Return the words of a consent, as they must be shown: keep, share, keep_withdrawn or share_withdrawn."""
    settings = service.settings
    said = service.catalogue.words[locale]["journal"][what]
    return say(said, days=str(settings.keep_words_days), controller=settings.controller_name)


def record(
    tx: Connection,
    service: Service,
    person: Person,
    what: str,
    levels: Iterable[JournalLevel],
    how: str,
    real_now: datetime,
    asked: Asked | None = None,
) -> None:
    """Record what was `given` or `withdrawn`, for each of these levels, in the words that were shown."""
    locale = service.catalogue.locale(person.course, person.locale)
    for level in levels:
        shown = wording(service, locale, level if what == "given" else f"{level}_withdrawn")
        if asked:
            shown = asked.shown.get(level, shown)
        asked_at = asked.at if asked else None
        consent.record(tx, service.keys, person, f"{level}-{what}", shown, how, real_now, asked_at=asked_at)
