"""In charge of the addresses that we never write to: keyed hashes, which outlive everything else about a person."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select

from course import addresses
from course.keys import Keys
from course.store.database import insert_new
from course.store.sets import one_of
from course.store.tables import consents, suppressions

NOT_ME = "not-me"  # the reason of whoever said so themselves; the others are what somebody else reported
LIFTED = "mail-allowed"  # beside the consents, where it outlives the person as they do
SUPPRESSED = select(suppressions.c.address_hash).where(one_of(suppressions.c.address_hash, "marks"))


def suppress(tx: Connection, keys: Keys, address: str, reason: str, real_now: datetime) -> None:
    """Never write to this address again."""
    insert_new(tx, suppressions, [{"address_hash": mark(keys, address), "reason": reason, "at": real_now}])


def reasons(tx: Connection) -> dict[str, int]:
    """Return how many addresses are suppressed for which reason."""
    counted = select(suppressions.c.reason, func.count()).group_by(suppressions.c.reason)
    return {row.reason: row[1] for row in tx.execute(counted.order_by(suppressions.c.reason))}


def reason(tx: Connection, keys: Keys, address: str) -> str | None:
    """Return why we never write to this address; None for one that we may write to."""
    found = select(suppressions.c.reason).where(suppressions.c.address_hash == mark(keys, address))
    return tx.execute(found).scalar()


def lift(tx: Connection, keys: Keys, address: str, how: str, real_now: datetime) -> None:
    """Let mail go to this address again, and write down by whose wish; nothing that ended begins anew."""
    who = mark(keys, address)
    row = tx.execute(select(suppressions).where(suppressions.c.address_hash == who)).one()
    was = f"suppressed since {row.at:%Y-%m-%d}: {row.reason}"
    version = hashlib.sha256(was.encode()).hexdigest()[:16]
    noted = {"who": who, "course": "", "what": LIFTED, "wording": was, "version": version, "locale": ""}
    tx.execute(insert(consents).values(**noted, how=how, at=real_now))
    tx.execute(delete(suppressions).where(suppressions.c.address_hash == who))


def among(tx: Connection, keys: Keys, found: Iterable[str]) -> set[str]:
    """Return those of these addresses that are suppressed."""
    hashed = keys.hasher("address")
    marks = {hashed(addresses.key(address)): address for address in found}
    return {marks[row] for row in tx.execute(SUPPRESSED, {"marks": marks}).scalars()}


def mark(keys: Keys, address: str) -> str:
    """Return the keyed hash that stands for an address, here and in the consent records."""
    return keys.hash("address", addresses.key(address))
