"""In charge of the community list: who asked to be on it. It is no part of the course; nothing here writes to anybody.

Whether somebody is on it is their newest word among the consents. Whoever is suppressed or erased is on no list.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from course.content.slots import say
from course.journeys import consent, suppression
from course.journeys.consent import LIST_GIVEN, LIST_WITHDRAWN
from course.journeys.people import Person
from course.journeys.service import Service
from course.store.tables import consents, subscribers


@dataclass(frozen=True)
class Member:
    """Somebody on the list. `since` is real time."""

    email: str
    name: str
    locale: str
    since: datetime


def offered(service: Service) -> bool:
    """Whether there is a list here."""
    return bool(service.settings.community_list)


def wording(service: Service, locale: str, what: str) -> str:
    """Return the words of the consent, as they must be shown: given or withdrawn."""
    settings = service.settings
    said = service.catalogue.words[locale]["community"][what]
    return say(said, list=settings.community_list, controller=settings.controller_name, contact=settings.contact_email)


def withdraw(tx: Connection, service: Service, person: Person, how: str, real_now: datetime) -> bool:
    """Take somebody off the list. False: they were not on it."""
    if not consent.on_the_list(tx, [suppression.mark(service.keys, person.email)]):
        return False
    shown = wording(service, service.catalogue.locale(person.course, person.locale), "withdrawn")
    consent.record(tx, service.keys, person, LIST_WITHDRAWN, shown, how, real_now)
    return True


def end(tx: Connection, who: str, how: str, at: datetime) -> None:
    """Take this address (its keyed hash) off the list, where its person has gone: nobody was shown any words.

    Whoever has the address afterwards is on the list only if they ask for it.
    """
    if consent.on_the_list(tx, [who]):
        given = select(consents).where(consents.c.who == who, consents.c.what == LIST_GIVEN)
        row = dict(tx.execute(given.order_by(consents.c.id.desc()).limit(1)).mappings().one())
        del row["id"]
        ended = {"what": LIST_WITHDRAWN, "wording": "", "version": "", "how": how, "asked_at": None, "at": at}
        tx.execute(insert(consents).values({**row, **ended}))


def members(service: Service) -> list[Member]:
    """Return who is on the list, in the order of their addresses."""
    with service.store.reading() as tx:
        since = consent.on_the_list(tx)
        columns = subscribers.c.email, subscribers.c.name, subscribers.c.locale
        known = tx.execute(select(*columns).order_by(subscribers.c.email_key)).all()
        marks = {row.email: suppression.mark(service.keys, row.email) for row in known}
        never = suppression.among(tx, service.keys, [email for email, mark in marks.items() if mark in since])
    return [
        Member(row.email, row.name, row.locale, since[marks[row.email]])
        for row in known
        if marks[row.email] in since and row.email not in never
    ]
