"""In charge of a claim's own values: what is put into the slots, and the addresses and links that are this person's.

`known` reads what only the database can say; `fill` needs no more of it, so messages are made while others are leaving.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError

from course import links, schedule
from course.content import dates, help_lines
from course.content.catalogue import BARE, ELSEWHERE, JOINING
from course.content.locales import greeting
from course.content.mailing import Mailing
from course.content.slots import counted, say
from course.journeys import moving, saying
from course.journeys.answering import ANSWERS
from course.journeys.notices import answered, mailing_name
from course.journeys.owed import Owed
from course.journeys.service import Service
from course.links import Purpose
from course.outgoing import Outgoing
from course.store.sets import one_of
from course.store.states import EnrolmentStatus, JournalLevel
from course.store.tables import mailings


class Alike(NamedTuple):
    """What all messages of one mailing of one course have in common.

    `site` begins every link, `place` is where replies come to, `domain` ends every Message-ID.
    `bare`: it knows of no mail before it, and its reader has nothing to leave. `elsewhere`: it goes to another address
    than the one on file. `answer`: it may go to somebody's own mail.
    """

    site: str
    place: str
    domain: str
    list_id: str
    feedback_id: str
    bare: bool
    elsewhere: bool
    answer: bool


@dataclass
class Known:
    """What is known of some claims: their mailings by digest, values by delivery.

    `broken` holds what went wrong for one of them alone.
    """

    mailings: dict[str, Mailing] = field(default_factory=dict)
    values: dict[int, dict[str, str]] = field(default_factory=dict)
    to: dict[int, str] = field(default_factory=dict, repr=False)  # where those go that do not go to the address on file
    broken: dict[int, Exception] = field(default_factory=dict)
    shared: dict[tuple[object, ...], dict[str, str]] = field(default_factory=dict)  # values that many have in common
    alike: dict[tuple[str, str], Alike] = field(default_factory=dict)  # by digest and course


def known(service: Service, rows: Iterable[Owed], now: datetime) -> Known:
    """Read what these claims need; lessons need nothing, unless their words were changed since they were claimed."""
    found, gone, asking = Known(), set[str](), list[tuple[Owed, str]]()
    for row in rows:
        name = mailing_name(row.kind, row.name)
        try:
            mailing = service.catalogue.mailing(row.course, name, row.locale, plain=row.plain)
        except Exception as error:  # noqa: BLE001 (whatever is wrong with it, it is wrong with this one alone)
            found.broken[row.id] = error
            continue
        if mailing.digest == row.mailing:
            found.mailings[mailing.digest] = mailing
        elif row.mailing:
            gone.add(row.mailing)  # its words were changed since
        if name in saying.MORE:
            asking.append((row._replace(locale=mailing.locale), name))  # it may be one that stands in for theirs
    if gone or asking:
        with service.store.reading() as tx:
            _read(tx, service, found, gone, asking, now)
    return found


def _read(
    tx: Connection, service: Service, found: Known, gone: set[str], asking: Iterable[tuple[Owed, str]], now: datetime
) -> None:
    kept = select(mailings.c.text).where(one_of(mailings.c.digest, gone))
    found.mailings |= {one.digest: one for one in map(Mailing.of, tx.execute(kept).scalars())}
    for row, name in asking:
        try:
            words = service.catalogue.words_for(row.course, row.locale)
            found.values[row.id] = saying.MORE[name](tx, service, row, words, now)
            if name in ELSEWHERE:
                found.to[row.id] = moving.address(tx, service.keys, row.name)
        except DBAPIError:
            raise
        except Exception as error:  # noqa: BLE001 (whatever is wrong with it, it is wrong with this one alone)
            found.broken[row.id] = error


def fill(service: Service, found: Known, row: Owed, now: datetime, real_now: datetime) -> Outgoing:
    """Return the message for this claim. `real_now` is for its Date header; nobody's clock runs in course time.

    Raises whatever is wrong with it.
    """
    if row.id in found.broken:
        raise found.broken[row.id]
    settings, keys = service.settings, service.keys
    mailing = found.mailings[row.mailing or ""]  # as claimed: an edit reaches unclaimed mail only
    alike = found.alike.get((mailing.digest, row.course)) or _alike(service, found, row, mailing)
    if alike.bare:
        leave, values = None, _bare(service, row, mailing)
    else:
        leave = links.leave_links(keys, row.subscriber_id, row.course, alike.site, alike.place, row.id)
        values = _values(service, found, row, mailing, now, alike.site)
        values["leave_url"] = leave[0]
    number = answered(row.name)
    return Outgoing(
        delivery_id=row.id,
        to=found.to[row.id] if alike.elsewhere else row.email,
        mailing=mailing,
        values=values | found.values[row.id] if row.id in found.values else values,
        sender=settings.mail_from,
        sender_name=settings.mail_from_name,
        reply_to=links.reply_address(keys, row.id, alike.place),
        message_id=links.message_id(keys, row.id, alike.domain),
        date=real_now,
        leave=leave,
        list_id=alike.list_id,
        feedback_id=alike.feedback_id,
        replied=alike.answer or number is not None,
        # What an answer is about, so that it stands below it in the inbox. The Message-ID is ours: nothing of the mail
        # that is answered goes into a header.
        in_reply_to="" if number is None else links.message_id(keys, number, alike.domain),
    )


def _alike(service: Service, found: Known, row: Owed, mailing: Mailing) -> Alike:
    site, place, domain = service.settings.site, service.settings.replies_at, service.settings.mail_domain
    # The course's number, not its name: this header is for the provider's statistics.
    feedback = f"{links.course_mark(row.course):x}:{mailing.name}:{mailing.locale}:dear-self"
    answer = mailing.name in ANSWERS or mailing.name == JOINING
    kinds = mailing.name in BARE, mailing.name in ELSEWHERE, answer
    alike = Alike(site, place, domain, f"<{row.course}.{domain}>", feedback, *kinds)
    found.alike[mailing.digest, row.course] = alike
    return alike


def _bare(service: Service, row: Owed, mailing: Mailing) -> dict[str, str]:
    token = links.sign(service.keys, Purpose.CONFIRM, row.enrolment_id)
    words, course = service.catalogue.words[mailing.locale], service.catalogue.courses[row.course]
    rhythm = words["rhythm"][course.pace]
    outline = counted(words["mail"], "outline", course.days, rhythm=rhythm)
    url, contact = f"{service.settings.site}/confirm/{token}", service.settings.contact_email
    return {"confirm_url": url, "rhythm": rhythm, "outline": outline, "contact": contact}


def _values(service: Service, found: Known, row: Owed, mailing: Mailing, now: datetime, site: str) -> dict[str, str]:
    mail, zone = service.catalogue.words[mailing.locale]["mail"], schedule.zone_of(row.timezone)
    kept = row.journal if row.standing != EnrolmentStatus.STOPPED else None  # nothing new is kept of whoever left
    key = mailing.digest, row.course, row.day, row.timezone, row.country, row.plain, kept
    shared = found.shared.get(key)
    if shared is None:
        level = kept or JournalLevel.COUNT
        shared = found.shared[key] = _shared(service, row, mailing, level, schedule.local_date(now, zone))
    return {
        **shared,
        "greeting": greeting(mail, mailing.locale, row.person_name),
        "date": dates.date(row.confirmed_at or now, zone, mailing.locale),
        **links.pages(service.keys, row.id, site),
    }


def _shared(service: Service, row: Owed, mailing: Mailing, level: str, today: date) -> dict[str, str]:
    """Return what is the same for all who get this mailing today in this zone, with this level and this country."""
    readers = service.catalogue.words[mailing.locale]["levels"][level]
    country = help_lines.country_for(row.country, row.timezone)
    return {
        **service.catalogue.help_slots(mailing.locale, country, today, plain=row.plain),
        "contact": service.settings.contact_email,
        "kept": readers["kept"],
        "readers": say(readers["readers"], controller=service.settings.controller_name),
        "day": str(row.day or ""),
        "lesson": service.catalogue.called(row.course, row.day, mailing.locale)["lesson"] if row.day else "",
    }
