"""In charge of who may open a resource: by the mail whose lesson names it, or by a link made for one person.

Both kinds of link expire and can be revoked. Times are real: links live by the clock on the wall.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, exists, insert, select, update

from course import addresses, links
from course.content.resources import Resource
from course.journeys.people import Person
from course.journeys.service import Service
from course.links import Purpose
from course.store.states import DeliveryKind
from course.store.tables import deliveries, resource_links, subscribers

REMEMBERED = timedelta(days=365)  # for so long at least an ended link is listed, and what was revoked stays so


class ResourceError(Exception):
    """No link can be made or revoked; the text says why."""


@dataclass(frozen=True)
class Opened:
    """A resource that a link opens, and the locale to show it in."""

    resource: Resource
    locale: str


@dataclass(frozen=True)
class Link:
    """A personal link as it is listed."""

    email: str
    resource: str
    made_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


def known(service: Service, name: str) -> Resource | None:
    """Return the resource of this name, whichever course it is of."""
    found = (course.resources.get(name) for course in service.catalogue.courses.values())
    return next((resource for resource in found if resource), None)


def look(service: Service, token: str, real_now: datetime) -> Opened | None:
    """Return what a link opens; None for one that is forged, expired or revoked, or whose person is gone."""
    made, sent = (links.read(service.keys, purpose, token) for purpose in (Purpose.RESOURCE, Purpose.PAGES))
    with service.store.reading() as tx:
        if made and len(made) == 1:
            return _made(tx, service, made[0], real_now)
        return _sent(tx, service, sent[0], real_now) if sent and len(sent) == 1 else None


def of_letter(service: Service, person: Person, day: int, real_now: datetime) -> str | None:
    """Return the token by which the newest letter of this day opens its exercise; None where it opens none any more."""
    letters = select(deliveries.c.id).where(
        deliveries.c.subscriber_id == person.subscriber_id,
        deliveries.c.course == person.course,
        deliveries.c.day == day,
        deliveries.c.kind != DeliveryKind.NOTICE,
        deliveries.c.claimed_at.is_not(None),
    )
    with service.store.reading() as tx:
        number = tx.execute(letters.order_by(deliveries.c.claimed_at.desc()).limit(1)).scalar()
        opens = number is not None and _sent(tx, service, number, real_now) is not None
    return links.sign(service.keys, Purpose.PAGES, number) if number and opens else None


def link(service: Service, email: str, name: str, real_now: datetime) -> str:
    """Return a new link to a resource for somebody. Raises ResourceError."""
    if known(service, name) is None:
        names = [one for course in service.catalogue.courses.values() for one in course.resources]
        raise ResourceError(f"there is no resource {name}; what there is: {', '.join(names) or 'none yet'}")
    days = timedelta(days=service.settings.resource_link_days)
    with service.store.transaction() as tx:
        row = {"subscriber_id": _person(tx, email), "resource": name, "made_at": real_now}
        new = insert(resource_links).values(**row, expires_at=real_now + days).returning(resource_links.c.id)
        number = tx.execute(new).scalar_one()
    return f"{service.settings.site}/r/{links.sign(service.keys, Purpose.RESOURCE, number)}"


def day_of_letter(tx: Connection, service: Service, person: Person, day: int | None) -> int | None:
    """Return the day whose exercise this person may have as text: of the letter asked about, else of the last with any.

    None: no letter of theirs names one, or what they had was revoked after it left. Their own mailbox needs no expiry.
    """
    course = service.catalogue.courses[person.course]
    letters = select(deliveries.c.day, deliveries.c.claimed_at).where(
        deliveries.c.enrolment_id == person.id,
        deliveries.c.kind != DeliveryKind.NOTICE,
        deliveries.c.settled_at.is_not(None),
    )
    rows = tx.execute(letters.order_by(deliveries.c.day.desc(), deliveries.c.claimed_at.desc())).all()
    for row in sorted(rows, key=lambda one: one.day != day):
        resource = course.resource_of(row.day, course.locale(person.locale)) if course.has(row.day) else None
        if resource and not _revoked(tx, person.subscriber_id, resource, row.claimed_at):
            return int(row.day)
    return None


def revoke(service: Service, email: str, name: str, real_now: datetime) -> int:
    """End every link of somebody to a resource, those in letters too; return how many had been made by hand.

    A later link or letter opens it again. Raises ResourceError.
    """
    with service.store.transaction() as tx:
        person = _person(tx, email)
        theirs = resource_links.c.subscriber_id == person, resource_links.c.resource == name
        open_ = resource_links.c.revoked_at.is_(None)
        ended = tx.execute(update(resource_links).where(*theirs, open_).values(revoked_at=real_now)).rowcount
        # A mark for the links in letters, which have no row: it never was a link itself.
        mark = {"subscriber_id": person, "resource": name, "made_at": real_now, "expires_at": real_now}
        tx.execute(insert(resource_links).values(**mark, revoked_at=real_now))
    return ended


def listed(service: Service) -> list[Link]:
    """Return the links that were made for people, the oldest first."""
    one = resource_links.c
    columns = subscribers.c.email, one.resource, one.made_at, one.expires_at, one.revoked_at
    query = select(*columns).join_from(resource_links, subscribers).where(one.expires_at > one.made_at)
    with service.store.reading() as tx:
        return [Link(*row) for row in tx.execute(query.order_by(one.id)).all()]


def forget(tx: Connection, service: Service, real_now: datetime) -> None:
    """Erase what ended long ago; the mark of a revocation, once no link that it ended would work by itself."""
    remembered = max(REMEMBERED, timedelta(days=service.settings.resource_link_days))
    tx.execute(delete(resource_links).where(resource_links.c.expires_at <= real_now - remembered))


def _made(tx: Connection, service: Service, number: int, real_now: datetime) -> Opened | None:
    good = resource_links.c.expires_at > real_now, resource_links.c.revoked_at.is_(None)
    query = select(resource_links.c.resource, subscribers.c.locale).outerjoin(subscribers)
    row = tx.execute(query.where(resource_links.c.id == number, *good)).first()
    resource = known(service, row.resource) if row else None
    return Opened(resource, resource.locale(row.locale or "")) if row and resource else None


def _sent(tx: Connection, service: Service, number: int, real_now: datetime) -> Opened | None:
    """Return what the lesson names that this delivery sent, as long after it left as any other link works."""
    one = deliveries.c
    query = select(one.subscriber_id, one.course, one.day, one.claimed_at, subscribers.c.locale)
    query = query.join(subscribers, subscribers.c.id == one.subscriber_id)
    row = tx.execute(query.where(one.id == number, one.kind != DeliveryKind.NOTICE)).first()
    oldest = real_now - timedelta(days=service.settings.resource_link_days)
    course = service.catalogue.courses.get(row.course) if row else None
    if row is None or course is None or not course.has(row.day) or row.claimed_at is None or row.claimed_at <= oldest:
        return None
    resource = course.resource_of(row.day, course.locale(row.locale))
    if resource is None or _revoked(tx, row.subscriber_id, resource, row.claimed_at):
        return None
    return Opened(resource, resource.locale(row.locale))


def _revoked(tx: Connection, subscriber_id: int, resource: Resource, since: datetime) -> bool:
    """Whether this person's access to a resource was ended after that moment."""
    ended = exists().where(
        resource_links.c.subscriber_id == subscriber_id,
        resource_links.c.resource == resource.id,
        resource_links.c.revoked_at >= since,
    )
    return bool(tx.execute(select(ended)).scalar())


def _person(tx: Connection, email: str) -> int:
    theirs = select(subscribers.c.id).where(subscribers.c.email_key == addresses.key(email))
    number: int | None = tx.execute(theirs).scalar()
    if number is None:
        raise ResourceError("nobody is known by this address")
    return number
