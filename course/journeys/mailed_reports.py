"""In charge of what mail servers report by mail: a dead address, or a complaint, ends a person's courses.

A report counts only when it came to a delivery's own address, which nobody but its recipient and their mail server
knows, and when it is about that person. A full mailbox or a slow server changes nothing.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from course import addresses
from course.journeys import doubts, suppression
from course.journeys import enrolments as rounds
from course.journeys.people import Person
from course.journeys.service import Service
from course.reading import failures
from course.store.database import move
from course.store.states import DeliveryStatus, EndedReason
from course.store.tables import deliveries

MEANS = {"hard": EndedReason.BOUNCED, "complaint": EndedReason.COMPLAINED}


def take_in(
    tx: Connection, service: Service, raw: bytes, person: Person, delivery_id: int, now: datetime, real_now: datetime
) -> None:
    """Act on a mail that answers this delivery of this person, if it is a report; a person's own mail is none."""
    own = addresses.key(person.email)
    # A server that names nobody speaks of the one whom the mail was for.
    kinds = {kind for address, kind in failures(raw) if not address or addresses.key(address) == own}
    for kind, reason in MEANS.items():
        if kind in kinds:
            doubts.arrived(tx, service, delivery_id, now)
            if reason == EndedReason.BOUNCED:
                move(tx, deliveries, delivery_id, DeliveryStatus.BOUNCED, error="reported by mail")
            suppression.suppress(tx, service.keys, person.email, str(reason), real_now)
            rounds.stop_all(tx, service.keys, person.subscriber_id, reason, "a report by mail", now, real_now)
