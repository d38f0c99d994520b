"""In charge of a person's rights: everything that is known about them, and its erasure."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Table, delete, select

from course import addresses
from course.journeys import suppression
from course.journeys.service import Service
from course.store.tables import (
    completions,
    consents,
    deliveries,
    enrolments,
    history,
    replies,
    skips,
    subscribers,
    suppressions,
)

OF_AN_ENROLMENT = (deliveries, replies, completions, skips, history)


def export(service: Service, email: str) -> dict[str, Any]:
    """Return all rows about this address, as JSON can hold them. Empty tables mean that nothing is known."""
    mark = suppression.mark(service.keys, email)
    with service.store.reading() as tx:
        person = _rows(tx, subscribers, subscribers.c.email_key == addresses.key(email))
        ids = [row["id"] for row in person]
        rounds = _rows(tx, enrolments, enrolments.c.subscriber_id.in_(ids))
        of = [row["id"] for row in rounds]
        return {
            "subscriber": person,
            "enrolments": rounds,
            **{table.name: _rows(tx, table, table.c.enrolment_id.in_(of)) for table in OF_AN_ENROLMENT},
            "consents": _rows(tx, consents, consents.c.who == mark),
            "suppressions": _rows(tx, suppressions, suppressions.c.address_hash == mark),
        }


def erase(service: Service, email: str) -> bool:
    """Erase everything about this address but the proof of consent and a suppression, which are keyed hashes.

    Returns whether anybody was known by it. What the person wrote is not stored, so there is nothing of it to erase.
    """
    with service.store.transaction() as tx:
        known = subscribers.c.email_key == addresses.key(email)
        erased = tx.execute(delete(subscribers).where(known)).rowcount
    service.store.sweep_pages()
    return erased > 0


def _rows(tx: Connection, table: Table, condition: Any) -> list[dict[str, Any]]:
    found = tx.execute(select(table).where(condition)).mappings()
    return [{key: _plain(value) for key, value in row.items()} for row in found]


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime | date) else value
