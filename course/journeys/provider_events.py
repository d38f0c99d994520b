"""In charge of what a provider reports afterwards: bounces, complaints, arrivals; in any order, and repeated."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import structlog
from sqlalchemy import Connection, delete, select

from course import addresses
from course.journeys import doubts, suppression
from course.journeys import enrolments as rounds
from course.journeys.owed import Owed, elsewhere, owed
from course.journeys.service import Service
from course.store.database import AWAY, insert_new, move
from course.store.states import DeliveryStatus, EndedReason
from course.store.tables import deliveries, provider_events, subscribers

KEEP = timedelta(days=7)  # real time; the provider repeats an event for a day at most
ID = "ds_delivery"  # our only custom argument
# A bounce says that the address is dead only with such a status (RFC 3463: 5.1.x, bad address) or such a reason; full
# mailboxes and blocks come as bounces too.
DEAD_STATUS = re.compile(r"\b5\.1\.(1|2|3|6|10)\b")
DEAD_REASON = re.compile(
    r"(user|recipient|address|mailbox|account)\b.{0,40}\b(unknown|not exist|doesn't exist|invalid|not found|no such)"
    r"|(unknown|no such|invalid) (user|recipient|address|mailbox)|does not exist",
    re.IGNORECASE,
)
log = structlog.get_logger()


class Meaning(NamedTuple):
    """What an event says.

    `arrived`: the provider has, or had, the message; `bounced`: why it came back; `ends`: why its person's courses end.
    """

    arrived: bool = False
    bounced: str | None = None
    ends: EndedReason | None = None


def take_in(service: Service, events: list[dict[str, Any]], now: datetime, real_now: datetime) -> None:
    """Act on each event once. One that cannot be understood is skipped, not the rest."""
    for event in events:
        try:
            _take_one(service, event, now, real_now)
        except AWAY:
            raise  # the database is away: the provider sends the batch again
        except Exception as error:  # noqa: BLE001 (one event that breaks us must not hold up the others)
            log.error("an event could not be understood", error=type(error).__name__)


def _take_one(service: Service, event: dict[str, Any], now: datetime, real_now: datetime) -> None:
    with service.store.transaction() as tx:
        if not insert_new(tx, provider_events, [{"event_id": _event_id(event), "at": real_now}]):
            return  # it was acted on before
        row, said = _delivery(tx, event), meaning(event)
        if row is not None and said.arrived:
            doubts.arrived(tx, service, row.id, now)
        if row is not None and said.bounced is not None:
            move(tx, deliveries, row.id, DeliveryStatus.BOUNCED, error=said.bounced)
        if said.ends:
            # An event without our id (an asynchronous bounce) is matched by its address.
            address = row.email if row is not None and not elsewhere(row) else str(event.get("email") or "")
            _end(tx, service, address, said.ends, now, real_now)


def forget(tx: Connection, real_now: datetime) -> None:
    """Erase the names of events that will not be repeated any more."""
    tx.execute(delete(provider_events).where(provider_events.c.at < real_now - KEEP))


def _event_id(event: Mapping[str, Any]) -> str:
    given = event.get("sg_event_id")
    if isinstance(given, str) and re.fullmatch(r"[!-~]{1,100}", given):
        return given
    return hashlib.sha256(json.dumps(event, sort_keys=True, default=str).encode()).hexdigest()


def _delivery(tx: Connection, event: Mapping[str, Any]) -> Owed | None:
    given = str(event.get(ID, ""))
    return owed(tx, int(given)) if given.isascii() and given.isdigit() and len(given) < 19 else None  # noqa: PLR2004


def meaning(event: Mapping[str, Any]) -> Meaning:
    """Return what an event says about its message and its person; one that we do not know says nothing."""
    kind = str(event.get("event"))
    if kind == "bounce":
        return _bounced(event)
    if kind == "dropped":
        return _dropped(event)
    return MEANINGS.get(kind, Meaning())


def _bounced(event: Mapping[str, Any]) -> Meaning:
    said = f"{event.get('status') or ''} {event.get('reason') or ''}".strip()
    only_words = not re.match(r"[245]\.[1-9]", said)  # 5.0.0, or none: the other side gave no status of its own
    dead = DEAD_STATUS.search(said) or (only_words and DEAD_REASON.search(said))
    ends = event.get("type") != "blocked" and dead
    return Meaning(arrived=True, bounced=_scrubbed(said), ends=EndedReason.BOUNCED if ends else None)


def _dropped(event: Mapping[str, Any]) -> Meaning:
    """SendGrid would not send to an address that is on its own lists; from now on neither do we."""
    reason = str(event.get("reason") or "").strip().lower()
    return Meaning(arrived=True, bounced=_scrubbed(f"dropped: {reason}"), ends=DROPPED.get(reason))


def _end(
    tx: Connection,
    service: Service,
    address: str,
    reason: EndedReason,
    now: datetime,
    real_now: datetime,
) -> None:
    """End the person's courses; whoever only unsubscribed may come back."""
    if not re.fullmatch(r"[!-~]{3,254}", address):
        return  # no address that we could have written to
    key = addresses.key(address)
    subscriber = tx.execute(select(subscribers.c.id).where(subscribers.c.email_key == key)).scalar()
    if reason != EndedReason.UNSUBSCRIBED:
        suppression.suppress(tx, service.keys, address, str(reason), real_now)
    if subscriber is not None:
        rounds.stop_all(tx, service.keys, subscriber, reason, "the provider", now, real_now)


def _scrubbed(said: str) -> str:
    line = "".join(char if char.isprintable() else " " for char in said)
    return re.sub(r"\S+@\S+", "<address>", line)[:300]


# SendGrid's reasons that say something about the person; "invalid smtpapi header" and the like say it about us.
DROPPED = {
    "unsubscribed address": EndedReason.UNSUBSCRIBED,
    "spam reporting address": EndedReason.COMPLAINED,
    "bounced address": EndedReason.BOUNCED,
    "invalid": EndedReason.BOUNCED,
}
ARRIVED, UNSUBSCRIBED = Meaning(arrived=True), Meaning(ends=EndedReason.UNSUBSCRIBED)
MEANINGS = {  # of those that say it by their name alone
    "processed": ARRIVED,
    "delivered": ARRIVED,
    "deferred": ARRIVED,
    "spamreport": Meaning(ends=EndedReason.COMPLAINED),
    "unsubscribe": UNSUBSCRIBED,
    "group_unsubscribe": UNSUBSCRIBED,
}
