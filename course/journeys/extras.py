"""In charge of what a sign-up may ask for besides the letters: a journal, and a place on the community list.

Each is a consent of its own. It waits with the sign-up and counts only with its yes, which whoever owns the inbox can
also give to the letters alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection

from course import links
from course.journeys import community, consent, journal, journal_consents, people
from course.journeys.consent import LIST_GIVEN
from course.journeys.journal_consents import Asked
from course.journeys.people import Person
from course.journeys.service import Service
from course.links import Purpose

HOW = "form"
LIST = "list"


def offered(service: Service, locale: str) -> dict[str, str]:
    """Return what can be asked for here, each with the words of its consent: keep, share, list; or nothing."""
    levels = journal.LEVELS[1:] if journal.offered(service) else ()
    found = {str(level): journal_consents.wording(service, locale, level) for level in levels}
    if community.offered(service):
        found[LIST] = community.wording(service, locale, "given")
    return found


def asked(service: Service, token: str) -> tuple[str, ...]:
    """Return the words of what the sign-up of this confirm link asked for besides the letters."""
    numbers = links.read(service.keys, Purpose.CONFIRM, token)
    with service.store.reading() as tx:
        person = people.by_id(tx, numbers[0]) if numbers else None
    return tuple(json.loads(person.choices).get("ticked", {}).values()) if person and person.choices else ()


def give(
    tx: Connection,
    service: Service,
    person: Person,
    ticked: Mapping[str, str],
    asked_at: datetime,
    real_now: datetime,
) -> None:
    """Do what was asked for, as far as it is still offered, and record the consents in the words that were shown."""
    levels = [level for level in journal.LEVELS[1:] if level in ticked]
    if levels and journal.offered(service):
        journal.change(tx, service, person, levels[-1], HOW, real_now, Asked(ticked, asked_at))
    if LIST in ticked and community.offered(service):
        consent.record(tx, service.keys, person, LIST_GIVEN, ticked[LIST], HOW, real_now, asked_at=asked_at)
