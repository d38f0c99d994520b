"""In charge of a person's name and address: the name changes at once, the address when the new one has said yes.

Letters to an address that is not on file are rows of `address_changes`: the question to the new one, and afterwards the
one notice to the old one. What becomes of them says nothing about the person.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, exists, insert, select, update

from course import addresses, links
from course.content.catalogue import MOVE, MOVED
from course.journeys import community, erasures, fresh, limits, notices, people, person_keys, suppression
from course.journeys import enrolments as rounds
from course.journeys.limits import DAY, Limit
from course.journeys.owed import Owed
from course.journeys.people import Person
from course.journeys.service import Service
from course.keys import Keys
from course.links import Purpose
from course.store.database import insert_once
from course.store.states import MAY_LEAVE
from course.store.tables import address_changes, consents, deliveries, fresh_links, subscribers

WITHIN = timedelta(hours=24)  # real time: so long the new address may say yes
PERSON = (Limit("move", 3, DAY),)  # questions that one person may have sent to others


@dataclass(frozen=True)
class Change:
    """An address that somebody wants to have, and whose round it is said of."""

    person: Person
    email: str = field(repr=False)


def rename(service: Service, subscriber_id: int, name: str) -> None:
    """Let letters greet somebody by this name, which has been read strictly; "" for none."""
    with service.store.transaction() as tx:
        tx.execute(update(subscribers).where(subscribers.c.id == subscriber_id).values(name=name))


def ask(service: Service, subscriber_id: int, email: str, now: datetime, real_now: datetime) -> None:
    """Owe the new address one question, within the limits. Says nothing about whether that address is known."""
    keys, inbox = service.keys, addresses.inbox(email)
    with service.store.transaction() as tx:
        person = fresh.owner(tx, subscriber_id)
        if person is None:
            return
        people.lock(tx, person)
        counted = ((PERSON, str(subscriber_id)), (limits.INBOX, inbox))
        free = all(limits.place(tx, keys, rules, who, now) == now for rules, who in counted)
        if not free or _old_address_waits(tx, subscriber_id):
            return
        _drop(tx, subscriber_id)
        # For an address that is known or suppressed the same is done, and then undone, as at sign-up.
        with tx.begin_nested() as attempt:
            _owe(tx, person, MOVE, email, now, real_now)
            limits.take(tx, keys, limits.INBOX, inbox, now)
            if _taken(tx, email) or suppression.among(tx, keys, [email]):
                attempt.rollback()
        limits.take(tx, keys, PERSON, str(subscriber_id), now)


def look(service: Service, token: str, real_now: datetime) -> Change | None:
    """Return what a link to a new address would change, or None for one of no use; changes nothing."""
    with service.store.reading() as tx:
        return _change(tx, service, token, real_now)


def confirm(service: Service, token: str, now: datetime, real_now: datetime) -> Change | None:
    """Let somebody's letters go to their new address, and tell the old one. None: the link is of no use any more.

    What their address stands for goes along: their key, the proof of consent, and who they are if they are erased
    later. Links that the old address was sent open none of their pages any more (see pages). Raises OSError if the log
    of erasures cannot be written; then nothing is changed.
    """
    with service.store.transaction() as tx:
        change = _change(tx, service, token, real_now)
        if change is None:
            return None
        person, new = change.person, change.email
        people.lock(tx, person)
        _drop(tx, person.subscriber_id)
        old_mark, new_mark = suppression.mark(service.keys, person.email), suppression.mark(service.keys, new)
        mine = subscribers.c.id == person.subscriber_id
        tx.execute(update(subscribers).where(mine).values(email=new, email_key=addresses.key(new)))
        tx.execute(delete(fresh_links).where(fresh_links.c.subscriber_id == person.subscriber_id))
        _prove(tx, old_mark, new_mark)
        community.end(tx, old_mark, "moved", real_now)
        rounds.note(tx, person.id, MOVED, "", now)
        _owe(tx, person, MOVED, person.email, now, real_now)
        erasures.note(service, f"{old_mark} {new_mark}", erasures.MOVED, now)
        if service.key_ring:
            person_keys.relabel(service, old_mark, new_mark)
    service.store.sweep_pages()
    return change


def address(tx: Connection, keys: Keys, name: str) -> str:
    """Return where the notice of this name goes. Raises LookupError if it is not wanted there any more."""
    found = tx.execute(select(address_changes.c.email).where(address_changes.c.id == _number(name))).scalar()
    if found is None or suppression.among(tx, keys, [found]):
        raise LookupError("this mail has lost its address")
    return str(found)


def values(_: Connection, service: Service, row: Owed, *__: object) -> dict[str, str]:
    """Return what the question says of its own, its link; the notice to the old address has none."""
    if not row.name.startswith(f"{MOVE}-"):
        return {}
    token = links.sign(service.keys, Purpose.ADDRESS, _number(row.name))
    return {"confirm_url": f"{service.settings.site}/address/{token}"}


def forget(tx: Connection, real_now: datetime) -> None:
    """Erase addresses that did not say yes in time, and the old ones that were told."""
    over = select(address_changes.c.subscriber_id).where(address_changes.c.confirm_by < real_now - WITHIN)
    for subscriber_id in tx.execute(over).scalars().all():
        _drop(tx, subscriber_id)


def _change(tx: Connection, service: Service, token: str, real_now: datetime) -> Change | None:
    numbers = links.read(service.keys, Purpose.ADDRESS, token)
    if numbers is None:
        return None
    wanted = address_changes.c.id == numbers[0], address_changes.c.confirm_by > real_now
    row = tx.execute(select(address_changes).where(*wanted)).one_or_none()
    person = fresh.owner(tx, row.subscriber_id) if row is not None else None
    if row is None or person is None or _taken(tx, row.email):
        return None
    return None if suppression.among(tx, service.keys, [row.email]) else Change(person, row.email)


def _owe(tx: Connection, person: Person, notice: str, email: str, now: datetime, real_now: datetime) -> None:
    row = {"subscriber_id": person.subscriber_id, "email": email, "confirm_by": real_now + WITHIN}
    notices.owe(tx, person, notice, now, once=str(insert_once(tx, address_changes, row)))


def _drop(tx: Connection, subscriber_id: int) -> None:
    """Forget what was asked before; what still waits to go there does not leave."""
    tx.execute(delete(address_changes).where(address_changes.c.subscriber_id == subscriber_id))
    notices.cancel(tx, deliveries.c.subscriber_id == subscriber_id, notices.named(MOVE))


def _old_address_waits(tx: Connection, subscriber_id: int) -> bool:
    """Whether the notice to the address of before has not left yet."""
    mine = deliveries.c.subscriber_id == subscriber_id, notices.named(MOVED)
    return bool(tx.execute(select(exists().where(*mine, deliveries.c.status.in_(MAY_LEAVE)))).scalar())


def _taken(tx: Connection, email: str) -> bool:
    return bool(tx.execute(select(exists().where(subscribers.c.email_key == addresses.key(email)))).scalar())


def _prove(tx: Connection, old_mark: str, new_mark: str) -> None:
    """Repeat the proof of consent for the new address: rows of it are never changed."""
    found = tx.execute(select(consents).where(consents.c.who == old_mark).order_by(consents.c.id)).mappings().all()
    again = [{**{key: value for key, value in row.items() if key != "id"}, "who": new_mark} for row in found]
    if again:
        tx.execute(insert(consents), again)


def _number(name: str) -> int:
    return int(name.partition("-")[2])
