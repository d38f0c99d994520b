"""In charge of the addresses that we never write to: keyed hashes, which outlive everything else about a person."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, select

from course import addresses
from course.keys import Keys
from course.store.database import insert_new
from course.store.sets import one_of
from course.store.tables import suppressions

SUPPRESSED = select(suppressions.c.address_hash).where(one_of(suppressions.c.address_hash, "marks"))


def suppress(tx: Connection, keys: Keys, address: str, reason: str, real_now: datetime) -> None:
    """Never write to this address again."""
    insert_new(tx, suppressions, [{"address_hash": mark(keys, address), "reason": reason, "at": real_now}])


def among(tx: Connection, keys: Keys, found: Iterable[str]) -> set[str]:
    """Return those of these addresses that are suppressed."""
    hashed = keys.hasher("address")
    marks = {hashed(addresses.key(address)): address for address in found}
    return {marks[row] for row in tx.execute(SUPPRESSED, {"marks": marks}).scalars()}


def mark(keys: Keys, address: str) -> str:
    """Return the keyed hash that stands for an address, here and in the consent records."""
    return keys.hash("address", addresses.key(address))
