"""In charge of sign-up by mail: whoever writes to join@ is asked back, and a yes in answer to that begins the course.

Anybody can write anybody's address into a From line, so it is the form's double opt-in, under limits of its
own, and where nothing proves the sender only few are asked at all. Nothing of such a mail is ever sent back (RFC 3834).
The mail that asks whoever used the form is answered alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import structlog
from sqlalchemy import Connection, select

from course import addresses, links, offsets
from course.addresses import AddressError
from course.content.catalogue import CONFIRM, JOINING
from course.content.command_words import Command
from course.content.courses import Course
from course.journeys import limits, notices, signup
from course.journeys.decisions import Decision
from course.journeys.people import Person
from course.journeys.service import Service
from course.journeys.signup import SignUp
from course.reading import Incoming
from course.store.states import DeliveryKind, EnrolmentStatus
from course.store.tables import deliveries

JOIN = "join"
HEARD = ("HELP", "DELETE")  # commands that are obeyed before a yes, and are no answer to the question
log = structlog.get_logger()


def wanted(service: Service, recipients: Iterable[str]) -> Course | None:
    """Return the course that one of these addresses is for: join@ is the first one, join-<course>@ that one."""
    place, named = service.settings.replies_at, {JOIN: service.catalogue.first}
    named |= {f"{JOIN}-{name}": course for name, course in service.catalogue.courses.items()}
    known = {links.at(place, name).casefold(): course for name, course in named.items()}
    return next((known[address.casefold()] for address in recipients if address.casefold() in known), None)


def take_in(
    tx: Connection,
    service: Service,
    mail: Incoming,
    course: Course,
    now: datetime,
    real_now: datetime,
    *,
    proven: bool,
) -> Decision:
    """Ask back, within the limits. Return whether somebody joined, or the mail was repeated or dropped.

    Dropped is what must not be answered, an address that the form would refuse, and, of senders that nothing proves,
    whoever is too many: nobody waits for what they may never have asked for.
    """
    try:
        sender = addresses.parse(mail.sender, service.settings.own)
    except AddressError:
        return Decision.DROPPED
    if not mail.signs.answer:
        return Decision.DROPPED
    which = f"{sender} {mail.message_id or mail.date}"
    if limits.place(tx, service.keys, limits.MESSAGE, which, now) > now:
        return Decision.REPEATED
    if not proven:
        if limits.place(tx, service.keys, limits.UNPROVEN, "", now) > now:
            log.warning("too many sign-ups by mail come from senders that nothing proves; one is dropped")
            return Decision.DROPPED
        limits.take(tx, service.keys, limits.UNPROVEN, "", now)
    limits.take(tx, service.keys, limits.MESSAGE, which, now)
    locale = _locale(mail.language, course)
    zone = offsets.zone(mail.date, locale)
    wording = service.catalogue.consent(locale)
    form = SignUp(course.name, sender, "", zone, locale, course.send_hour, wording, None, guessed=True)
    signup.ask(tx, service, form, JOINING, now, real_now)
    return Decision.JOINED


def asks(tx: Connection, person: Person, delivery_id: int | None, command: Command | None) -> bool:
    """Whether this delivery asked, nothing is decided yet, and an answer to it with this command may be one."""
    if person.status != EnrolmentStatus.PENDING or (command is not None and command.name in HEARD):
        return False
    notice = deliveries.c.id == delivery_id, deliveries.c.kind == DeliveryKind.NOTICE
    name = tx.execute(select(deliveries.c.name).where(*notice)).scalar()
    return name is not None and notices.mailing_name(DeliveryKind.NOTICE, name) in (CONFIRM, JOINING)


def decide(tx: Connection, service: Service, person: Person, line: str, now: datetime, real_now: datetime) -> None:
    """Begin the course for a yes; never write again for a no; for anything else, nothing.

    Their own language says which it is before any other one: "ne" is a no in Czech, and a yes as Greeks may type it.
    """
    phrases = service.catalogue.phrases
    own = phrases[service.catalogue.locale(person.course, person.locale)]
    for one in (own, *phrases.values()):
        if one.says_yes(line):
            # What a form asks for besides is said by no mail: the page of its link shows it, and asks for a yes to it.
            signup.begin(tx, service, person, "confirmed by reply", now, real_now, letters_only=True)
            return
        if one.says_no(line):
            signup.refuse(tx, service, person, now, real_now)
            return


def _locale(languages: str, course: Course) -> str:
    """Return the first of these languages (RFC 3282) that the course has, in any country; else its first one."""
    for said in languages.split(","):
        language = said.partition(";")[0].strip().casefold()
        for known in course.locales:
            if language in {known.casefold(), known.partition("-")[0].casefold()}:
                return known
    return course.locales[0]
