"""In charge of a person's rights: everything that is known about them, and its erasure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, select, union

from course import addresses, links
from course.journeys import (
    community,
    cuts,
    erasing,
    erasures,
    journal,
    keeping_photos,
    letters,
    person_keys,
    suppression,
)
from course.journeys.service import Service
from course.keys import Keys
from course.links import Purpose
from course.reading import read
from course.reading.caps import HEADER_BLOCK, TooMuchError
from course.store.states import DeliveryStatus
from course.store.tables import (
    address_changes,
    checkins,
    completions,
    consents,
    deliveries,
    enrolments,
    entries,
    folded_deliveries,
    history,
    journals,
    replies,
    resource_links,
    skips,
    subscribers,
    suppressions,
)
from course.store.tables import letters as kept_letters

OF_AN_ENROLMENT = (folded_deliveries, replies, completions, skips, history, journals)


def export(service: Service, email: str, *, words: bool = False) -> dict[str, Any]:
    """Return all rows about this address, as JSON can hold them. Empty tables mean that nothing is known.

    `words` opens what is kept in the journal, for a copy that the person asked for: it is nobody else's to read.
    """
    mark = suppression.mark(service.keys, email)
    with service.store.reading() as tx:
        person = _rows(tx, subscribers, subscribers.c.email_key == addresses.key(email))
        ids = [row["id"] for row in person]
        rounds = _rows(tx, enrolments, enrolments.c.subscriber_id.in_(ids))
        of = [row["id"] for row in rounds]
        return {
            "subscriber": person,
            "enrolments": rounds,
            "address_changes": _rows(tx, address_changes, address_changes.c.subscriber_id.in_(ids)),
            "deliveries": _rows(tx, deliveries, deliveries.c.subscriber_id.in_(ids)),
            **{table.name: _rows(tx, table, table.c.enrolment_id.in_(of)) for table in OF_AN_ENROLMENT},
            "resource_links": _rows(tx, resource_links, resource_links.c.subscriber_id.in_(ids)),
            "entries": _entries(tx, service, of, words=words),
            "checkins": _rows(tx, checkins, checkins.c.enrolment_id.in_(of), hide=() if words else ("answer",)),
            "letters": _letters(tx, service, ids, words=words),
            "consents": _rows(tx, consents, consents.c.who == mark),
            "suppressions": _rows(tx, suppressions, suppressions.c.address_hash == mark),
        }


def erase(service: Service, email: str, now: datetime, *, but_new: bool = False) -> bool:
    """Erase everything about this address but the proof of consent and a suppression, which are keyed hashes.

    Returns whether anybody was known by it. What they wrote is closed first: their key is destroyed, here and, once its
    backups have had their thirty days, everywhere. The erasure log is written before anything else, so a restore of a
    backup erases them again, whatever a crash left undone. Raises OSError if it cannot be; then nothing is erased.

    `but_new` spares what they have signed up for since they asked for it by mail.
    """
    who, key = suppression.mark(service.keys, email), addresses.key(email)
    erasures.note(service, who, erasures.ERASED, now)
    with service.store.reading() as tx:
        rounds = select(enrolments.c.id).join(subscribers).where(subscribers.c.email_key == key)
        locked = (select(table.c.key_id).where(table.c.enrolment_id.in_(rounds)) for table in (entries, kept_letters))
        names = tx.execute(union(*locked)).scalars().all()
    person_keys.destroy(service, [who], names)
    with service.store.transaction() as tx:
        _hold(tx, key)
        known = subscribers.c.email_key == (erasing.set_apart(tx, key, now) if but_new else key)
        erased = tx.execute(delete(subscribers).where(known)).rowcount
        community.end(tx, who, "erased", now)
    service.store.sweep_pages()
    return erased > 0


def _hold(tx: Connection, email_key: str) -> None:
    """Lock what is theirs, in the order in which a letter is settled: so erasing and sending never block each other."""
    mine = select(subscribers.c.id).where(subscribers.c.email_key == email_key)
    leaving = deliveries.c.subscriber_id.in_(mine), deliveries.c.status == DeliveryStatus.SENDING
    tx.execute(mine.with_for_update(key_share=True))
    tx.execute(select(deliveries.c.id).where(*leaving).with_for_update())
    tx.execute(select(enrolments.c.id).where(enrolments.c.subscriber_id.in_(mine)).with_for_update())


@dataclass(frozen=True)
class Traces:
    """By what a mail shows that it is somebody's: addresses of theirs, and the numbers in the tokens made for them."""

    addresses: frozenset[str] = field(repr=False)
    subscribers: frozenset[int]
    deliveries: frozenset[int]

    def show_in(self, keys: Keys, raw: bytes, to: tuple[str, ...]) -> bool:
        """Whether this mail is from their address, or answers what we sent them."""
        try:
            mail = read(raw)
        except TooMuchError:
            return self._in_head(raw)
        recipients = (*to, *mail.recipients)
        leaving = [links.read(keys, Purpose.LEAVE, token) for token in links.leave_tokens(recipients)]
        return (
            addresses.key(mail.sender) in self.addresses
            or (not mail.sender and self._in_head(raw))
            or not self.deliveries.isdisjoint(links.answered(keys, recipients, mail.references))
            or not self.subscribers.isdisjoint(numbers[0] for numbers in leaving if numbers)
        )

    def _in_head(self, raw: bytes) -> bool:
        """Look for the addresses alone, in what is over a cap and not parsed, or has no one sender."""
        head = raw[:HEADER_BLOCK].lower()
        return any(address.encode() in head for address in self.addresses)


def traces(service: Service, *emails: str) -> Traces:
    """Return what shows that a mail is one of these people's; to be called before they are erased."""
    theirs = frozenset(map(addresses.key, emails))
    with service.store.reading() as tx:
        ids = tx.execute(select(subscribers.c.id).where(subscribers.c.email_key.in_(theirs))).scalars().all()
        sent = tx.execute(select(deliveries.c.id).where(deliveries.c.subscriber_id.in_(ids))).scalars().all()
        late = select(folded_deliveries.c.delivery_id).join(enrolments).where(enrolments.c.subscriber_id.in_(ids))
        folded = tx.execute(late).scalars().all()
    return Traces(theirs, frozenset(ids), frozenset((*sent, *folded)))


def _entries(tx: Connection, service: Service, of: list[int], *, words: bool) -> list[dict[str, Any]]:
    found = tx.execute(select(entries).where(entries.c.enrolment_id.in_(of)).order_by(entries.c.id)).all()
    shown = [_shown(row, hide=("locked", "cut", "key_id")) for row in found]
    if words:
        for row, entry in zip(found, shown, strict=True):
            cut = cuts.opened(service, row)
            entry["words"] = journal.opened(service, row)
            entry["cut"] = cut.text if cut else ""
            entry["photos"] = keeping_photos.as_text(tx, service, row)
    return shown


def _letters(tx: Connection, service: Service, ids: list[int], *, words: bool) -> list[dict[str, Any]]:
    found = tx.execute(select(kept_letters).where(kept_letters.c.subscriber_id.in_(ids)).order_by(kept_letters.c.id))
    return [
        _shown(row, hide=("locked", "key_id")) | ({"words": letters.opened(service, row)} if words else {})
        for row in found.all()
    ]


def _rows(tx: Connection, table: Table, condition: Any, *, hide: Collection[str] = ()) -> list[dict[str, Any]]:
    return [_shown(row, hide=hide) for row in tx.execute(select(table).where(condition))]


def _shown(row: Row[Any], *, hide: Collection[str]) -> dict[str, Any]:
    """Return a row as JSON can hold it, without the columns to hide."""
    return {
        name: value.isoformat() if isinstance(value, datetime | date) else value
        for name, value in row._mapping.items()  # noqa: SLF001 (SQLAlchemy's public name)
        if name not in hide
    }
