"""In charge of outcomes: what became of a delivery is written down, and then when the next lesson is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

import structlog
from sqlalchemy import Connection, update

from course import schedule
from course.journeys import enrolments as rounds
from course.journeys import people, suppression
from course.journeys.claiming import HELD
from course.journeys.owed import Owed, is_lesson
from course.journeys.service import Service
from course.outgoing import Halt, Outcome, RefusedMailing, RefusedRecipient, Sent, TryLater, Unsure
from course.store.database import move
from course.store.states import DeliveryStatus, EndedReason, EnrolmentStatus
from course.store.tables import deliveries, enrolments, mailings

log = structlog.get_logger()


def settle(service: Service, settled: Iterable[tuple[Owed, Outcome]], now: datetime, real_now: datetime) -> None:
    """Write down these outcomes, in one transaction."""
    with service.store.transaction() as tx:
        for row, outcome in settled:
            match outcome:
                case Sent():
                    sent(tx, service, row, outcome.provider_id, now)
                case TryLater():
                    _try_later(tx, row, outcome.reason, outcome.seconds, now)
                case RefusedRecipient(dead=True):
                    _dead(tx, service, row, outcome.reason, now, real_now)
                case RefusedRecipient():
                    _refused(tx, service, row, outcome.reason, now)
                case RefusedMailing():
                    _hold(tx, row, outcome.reason, now)
                case Halt():
                    put_back(tx, [row.id])
                case Unsure():
                    move(
                        tx,
                        deliveries,
                        row.id,
                        DeliveryStatus.STALLED,
                        error=outcome.reason,
                        claimed_at=real_now,
                    )


def put_back(tx: Connection, ids: Iterable[int]) -> None:
    """Release claims that were never handed over: queued as before, no attempt counted."""
    mine = deliveries.c.id.in_(list(ids)), deliveries.c.status == DeliveryStatus.SENDING
    tx.execute(update(deliveries).where(*mine).values(status=DeliveryStatus.QUEUED, worker=None, local_date=None))


def sent(tx: Connection, service: Service, row: Owed, provider_id: str, now: datetime) -> None:
    """Write down that it left; the calendar counts from this moment."""
    done = {"settled_at": now, "provider_id": provider_id[:200] or None, "error": None}
    if not move(tx, deliveries, row.id, DeliveryStatus.SENT, **done):
        return
    if row.day is not None and row.local_date is not None:
        go_on(tx, service, row, row.day, row.local_date, now)


def go_on(tx: Connection, service: Service, row: Owed, day: int, last_date: date, now: datetime) -> None:
    """Advance the enrolment past this lesson: its next one, or its end."""
    person = people.by_id(tx, row.enrolment_id)
    if person is None:
        return
    course = service.catalogue.courses.get(row.course)
    mine = enrolments.c.id == person.id
    tx.execute(update(enrolments).where(mine).values(next_day=day + 1))
    if course is not None and not course.has(day + 1):
        rounds.finish(tx, person, now)
        return
    # In a statement of its own: whoever pauses or leaves at this very moment is not due any more.
    due = schedule.next_lesson(now, last_date, person.send_hour, person.zone)
    tx.execute(update(enrolments).where(mine, enrolments.c.status == EnrolmentStatus.ACTIVE).values(next_send_at=due))


def _try_later(tx: Connection, row: Owed, reason: str, seconds: float | None, now: datetime) -> None:
    """Owe it again after a while. Nobody is at fault, so it is never given up: no day is lost to an outage."""
    attempts = row.attempts + 1
    again = now + timedelta(seconds=seconds) if seconds else schedule.retry(now, attempts)
    values = {"send_at": again, "first_tried_at": row.first_tried_at or now, "attempts": attempts, "error": reason}
    move(tx, deliveries, row.id, DeliveryStatus.QUEUED, local_date=None, worker=None, **values)


def _refused(tx: Connection, service: Service, row: Owed, reason: str, now: datetime) -> None:
    """Owe it again; give up on a recipient that is refused for 72 hours, and let the course go on."""
    if now - (row.first_tried_at or now) < schedule.GIVE_UP:
        _try_later(tx, row, reason, None, now)
    elif move(tx, deliveries, row.id, DeliveryStatus.FAILED, error=reason, local_date=None, settled_at=now):
        rounds.note(tx, row.enrolment_id, "failed", f"{row.name}: {reason}", now)
        if is_lesson(row) and row.day is not None:
            go_on(tx, service, row, row.day, now.astimezone(schedule.zone_of(row.timezone)).date(), now)


def _dead(tx: Connection, service: Service, row: Owed, reason: str, now: datetime, real_now: datetime) -> None:
    """Never write to an address that cannot work; end its courses."""
    move(tx, deliveries, row.id, DeliveryStatus.FAILED, error=reason, local_date=None, settled_at=now)
    suppression.suppress(tx, service.keys, row.email, "bounced", real_now)
    rounds.stop_all(tx, service.keys, row.subscriber_id, EndedReason.BOUNCED, "the mail server", now, real_now)


def _hold(tx: Connection, row: Owed, reason: str, now: datetime) -> None:
    put_back(tx, [row.id])
    tx.execute(update(mailings).where(mailings.c.digest == row.mailing).values(held_reason=reason))
    tx.execute(update(deliveries).where(deliveries.c.id == row.id).values(send_at=now + HELD))
    log.error(
        "a mailing was refused and is held until its text changes",
        name=row.name,
        course=row.course,
        why=reason,
    )
