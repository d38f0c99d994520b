"""In charge of making a message once more as it went out, for whoever reads what answers it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection

from course.journeys import filling
from course.journeys.owed import Owed, owed
from course.journeys.service import Service
from course.locking import LockedError
from course.outgoing import Outgoing
from course.store.states import EnrolmentStatus, JournalLevel

Form = TypeVar("Form")


def once_more(tx: Connection, service: Service, delivery_id: int, now: datetime, real_now: datetime) -> bytes:
    """Return the message of this delivery as it went out, or nearly; b"" when it cannot be made any more."""
    row = owed(tx, delivery_id)
    return (_form(service, row, now, real_now, Outgoing.as_bytes) or b"") if row else b""


def at_each_level(
    tx: Connection, service: Service, delivery_id: int, now: datetime, real_now: datetime
) -> tuple[str, ...]:
    """Return the text of this delivery at each level of the journal: what somebody chose may have changed since."""
    row = owed(tx, delivery_id) if service.settings.journal_keys.get_secret_value() else None
    if row is None:
        return ()
    rows = [row._replace(journal=level, standing=EnrolmentStatus.ACTIVE) for level in JournalLevel]
    texts = [_form(service, one, now, real_now, lambda made: made.mailing.text_for(made.values)) for one in rows]
    return tuple(text for text in texts if text)


def _form(
    service: Service, row: Owed, now: datetime, real_now: datetime, form: Callable[[Outgoing], Form]
) -> Form | None:
    """Return this message in a form; None where its mailing is gone, a slot has no value, or its letter is erased."""
    try:
        return form(filling.fill(service, filling.known(service, [row], now), row, now, real_now))
    except (LookupError, ValueError, LockedError):
        return None
