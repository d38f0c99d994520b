"""In charge of the fresh link, the only way to what somebody wrote: mailed to the address on file, good for one visit.

A stolen database opens nothing: the link is signed and never stored, and of a visit's cookie there is a keyed hash.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from sqlalchemy import Connection, Row, delete, func, or_, select, update

from course import links
from course.journeys import erasing, notices, people, suppression
from course.journeys.owed import Owed
from course.journeys.people import Person
from course.journeys.service import Service
from course.links import Purpose
from course.store.database import insert_once
from course.store.tables import deliveries, enrolments, fresh_links

NOTICE = "fresh"
# Real time. The fifteen minutes count from when the mail begins to leave, so that a queue does not use them up.
LIFE = timedelta(minutes=15)
VISIT = timedelta(minutes=30)  # real time: a visit ends by itself
# Links to one person, whoever asks for them: a letter that was forwarded asks, too.
MOST = ((timedelta(hours=1), 3), (timedelta(days=1), 10))
KEEP = timedelta(days=2)  # real time: so long a mail may wait to leave; its link is of no use after that
COOKIE = 32  # random bytes


def send(service: Service, person: Person, now: datetime, real_now: datetime) -> bool:
    """Owe this person a fresh link, to the address on file.

    False: they had three within the hour or ten within the day, or may get no mail. A page says the same either way.
    """
    with service.store.transaction() as tx:
        people.lock(tx, person)
        if person.confirmed_at is None or erasing.begun(tx, person.subscriber_id):
            return False
        if suppression.among(tx, service.keys, [person.email]):
            return False
        if any(_sent_since(tx, person, real_now - span) >= most for span, most in MOST):
            return False
        row = {"subscriber_id": person.subscriber_id, "expires_at": real_now + LIFE}
        return notices.owe(tx, person, NOTICE, now, once=str(insert_once(tx, fresh_links, row)))


def values(_: Connection, service: Service, row: Owed, *__: object) -> dict[str, str]:
    """Return what the notice of a fresh link says of its own: the link."""
    token = links.sign(service.keys, Purpose.FRESH, int(row.name.removeprefix(f"{NOTICE}-")))
    return {"open_url": f"{service.settings.site}/open/{token}"}


def look(service: Service, token: str, real_now: datetime) -> Person | None:
    """Return whom a fresh link is for, while it can be used; changes nothing."""
    with service.store.reading() as tx:
        row = _usable(tx, service, token, real_now)
        return owner(tx, row.subscriber_id) if row is not None else None


def begin(service: Service, token: str, real_now: datetime) -> str | None:
    """Use a link up, and return the cookie of the visit that begins; None for a link that is of no use any more.

    Of two that use it at one moment, one begins a visit.
    """
    with service.store.transaction() as tx:
        row = _usable(tx, service, token, real_now)
        if row is None:
            return None
        cookie = secrets.token_urlsafe(COOKIE)
        unused = fresh_links.c.id == row.id, fresh_links.c.visit.is_(None)
        begun = {"visit": _mark(service, cookie), "visit_until": real_now + VISIT}
        return cookie if tx.execute(update(fresh_links).where(*unused).values(begun)).rowcount == 1 else None


def visitor(service: Service, cookie: str, real_now: datetime) -> int | None:
    """Return whose visit has this cookie (a subscriber's id), until it ends."""
    going_on = fresh_links.c.visit == _mark(service, cookie), fresh_links.c.visit_until > real_now
    with service.store.reading() as tx:
        found: int | None = tx.execute(select(fresh_links.c.subscriber_id).where(*going_on)).scalar()
        return found


def end(service: Service, cookie: str, real_now: datetime) -> None:
    """End the visit of this cookie."""
    mine = fresh_links.c.visit == _mark(service, cookie), fresh_links.c.visit_until > real_now
    with service.store.transaction() as tx:
        tx.execute(update(fresh_links).where(*mine).values(visit_until=real_now))


def end_all(tx: Connection) -> None:
    """End every visit, and let no link be of use any more."""
    tx.execute(delete(fresh_links))


def owner(tx: Connection, subscriber_id: int) -> Person | None:
    """Return this subscriber, with their newest round: of those that were confirmed, if any was."""
    return people.newest(people.find(tx, enrolments.c.subscriber_id == subscriber_id))


def forget(tx: Connection, real_now: datetime) -> None:
    """Erase links and visits that have had their time."""
    over = or_(fresh_links.c.visit_until.is_(None), fresh_links.c.visit_until < real_now)
    tx.execute(delete(fresh_links).where(fresh_links.c.expires_at < real_now - KEEP, over))


def _sent_since(tx: Connection, person: Person, moment: datetime) -> int:
    recent = fresh_links.c.subscriber_id == person.subscriber_id, fresh_links.c.expires_at > moment + LIFE
    return tx.execute(select(func.count()).select_from(fresh_links).where(*recent)).scalar_one()


def _usable(tx: Connection, service: Service, token: str, real_now: datetime) -> Row[tuple[int, int]] | None:
    numbers = links.read(service.keys, Purpose.FRESH, token)
    if numbers is None:
        return None
    unused = fresh_links.c.id == numbers[0], fresh_links.c.visit.is_(None)
    row = tx.execute(select(fresh_links).where(*unused)).one_or_none()
    if row is None:
        return None
    mail = deliveries.c.subscriber_id == row.subscriber_id, deliveries.c.name == f"{NOTICE}-{row.id}"
    left_at: datetime | None = tx.execute(select(deliveries.c.claimed_at).where(*mail)).scalar()
    ends = max(row.expires_at, left_at + LIFE) if left_at else row.expires_at
    return row if real_now < ends else None


def _mark(service: Service, cookie: str) -> str:
    return service.keys.hash("visit", cookie)
