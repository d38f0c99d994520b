"""In charge of people's own keys: made when first needed, wrapped by JOURNAL_KEYS, and destroyed with the person.

A person is named by the keyed hash of their address. Somebody who was erased and comes back has another key, so what an
old backup holds of them stays closed.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete, insert, or_, select, update

from course.journeys.service import Service
from course.locking import KeyRing, LockedError, new_key
from course.settings import SettingsError
from course.store.key_store import person_keys


def current(service: Service, who: str, real_now: datetime) -> tuple[str, bytes]:
    """Return the id of the key that locks what this person writes now, and the key; made if there is none.

    It is durable before it is used. Raises SettingsError without JOURNAL_KEYS.
    """
    ring = _ring(service)
    mine = person_keys.c.who == who, person_keys.c.mark.in_(ring.marks)
    with service.key_store.transaction() as tx:
        found = tx.execute(select(person_keys).where(*mine).order_by(person_keys.c.made_at.desc())).first()
        if found is not None:
            return found.id, ring.unwrap(found.mark, found.wrapped, found.id)
        key, name = new_key(), secrets.token_hex(16)
        mark, wrapped = ring.wrap(key, name)
        row = {"id": name, "who": who, "mark": mark, "wrapped": wrapped, "made_at": real_now}
        tx.execute(insert(person_keys), row)
    return name, key


def find(service: Service, name: str) -> bytes:
    """Return the key of this id. Raises LockedError, in words for whoever looks after the service."""
    with service.key_store.reading() as tx:
        found = tx.execute(select(person_keys).where(person_keys.c.id == name)).first()
    if found is None:
        raise LockedError("Its key is not in the key store: it was destroyed, or is in a backup of the keys")
    return service.key_ring.unwrap(found.mark, found.wrapped, found.id)


def destroy(service: Service, who: Iterable[str], names: Iterable[str] = ()) -> int:
    """Destroy the keys of people, so that nobody can open their words wherever a copy is; return how many.

    `names` are keys that something of theirs is locked by: after a restore they may stand under another address.
    """
    with service.key_store.transaction() as tx:
        theirs = or_(person_keys.c.who.in_(list(who)), person_keys.c.id.in_(list(names)))
        gone = tx.execute(delete(person_keys).where(theirs)).rowcount
    service.key_store.sweep_pages()
    return gone


def relabel(service: Service, old: str, new: str) -> None:
    """Let the keys of a person be found by their new address."""
    with service.key_store.transaction() as tx:
        tx.execute(update(person_keys).where(person_keys.c.who == old).values(who=new))


def rotate(service: Service) -> int:
    """Wrap every key by the newest of JOURNAL_KEYS; return how many were wrapped by an older one.

    Raises SettingsError without JOURNAL_KEYS, LockedError when one that is needed is not in it; then all are as before.
    """
    ring = _ring(service)
    with service.key_store.transaction() as tx:
        old = tx.execute(select(person_keys).where(person_keys.c.mark != ring.marks[0]).with_for_update()).all()
        for row in old:
            mark, wrapped = ring.wrap(ring.unwrap(row.mark, row.wrapped, row.id), row.id)
            tx.execute(update(person_keys).where(person_keys.c.id == row.id).values(mark=mark, wrapped=wrapped))
    service.key_store.sweep_pages()
    return len(old)


def _ring(service: Service) -> KeyRing:
    if not service.key_ring:
        raise SettingsError("JOURNAL_KEYS: put at least 32 random characters (openssl rand -base64 48)")
    return service.key_ring


def check(service: Service) -> None:
    """Raise SettingsError when JOURNAL_KEYS lacks a key that people's keys are wrapped by."""
    with service.key_store.reading() as tx:
        marks = set(tx.execute(select(person_keys.c.mark).distinct()).scalars())
    missing = sorted(marks - set(service.key_ring.marks))
    if missing:
        raise SettingsError(
            f"JOURNAL_KEYS: people's words are locked with a key that is not in it (its mark: {', '.join(missing)}). "
            "Put it back, after the newest; docs/journal.md says what to do if it is lost"
        )
