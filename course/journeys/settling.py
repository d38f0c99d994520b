"""In charge of outcomes: what became of a delivery is written down, and then when the next lesson is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

import structlog
from sqlalchemy import Connection, bindparam, case, select, update

from course import schedule
from course.journeys import enrolments as rounds
from course.journeys import people, suppression
from course.journeys.claiming import HELD
from course.journeys.owed import Owed, is_lesson
from course.journeys.service import Service
from course.outgoing import Halt, Outcome, RefusedMailing, RefusedRecipient, Sent, TryLater, Unsure
from course.store.database import move
from course.store.states import DeliveryStatus, EndedReason, EnrolmentStatus, sources
from course.store.tables import deliveries, enrolments, mailings, subscribers

log = structlog.get_logger()


def settle(service: Service, settled: Iterable[tuple[Owed, Outcome]], now: datetime, real_now: datetime) -> None:
    """Write down these outcomes, in one transaction."""
    outcomes = list(settled)
    with service.store.transaction() as tx:
        sent(tx, service, [(row, one.provider_id) for row, one in outcomes if isinstance(one, Sent)], now)
        for row, outcome in outcomes:
            match outcome:
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


def sent(tx: Connection, service: Service, left: list[tuple[Owed, str]], now: datetime) -> None:
    """Write down that these left, with the provider's names for them; the calendar counts from this moment.

    A few statements for all of them, however many: this is what every message goes through.
    """
    if not left:
        return
    ids = [row.id for row, _ in left]
    open_ = select(deliveries.c.id).where(
        deliveries.c.id.in_(ids), deliveries.c.status.in_(sources(DeliveryStatus.SENT))
    )
    still = set(tx.execute(open_.with_for_update()).scalars())
    moved = [{"row": row.id, "provider": name[:200] or None} for row, name in left if row.id in still]
    if moved:
        values = {"status": DeliveryStatus.SENT, "settled_at": now, "error": None, "provider_id": bindparam("provider")}
        tx.execute(update(deliveries).where(deliveries.c.id == bindparam("row")).values(**values), moved)
    lessons = [row for row, _ in left if row.id in still and row.day is not None and row.local_date is not None]
    go_on(tx, service, [(row, row.local_date) for row in lessons if row.local_date], now)


def go_on(tx: Connection, service: Service, over: list[tuple[Owed, date]], now: datetime) -> None:
    """Advance these enrolments past a lesson, which counts for that local date: to their next one, or their end."""
    if not over:
        return
    settings = select(enrolments.c.id, subscribers.c.send_hour, subscribers.c.timezone).join(subscribers)
    found = tx.execute(settings.where(enrolments.c.id.in_({row.enrolment_id for row, _ in over})))
    theirs = {each.id: each for each in found}
    ahead, ended = [], []
    for row, last_date in over:
        course, person = service.catalogue.courses.get(row.course), theirs.get(row.enrolment_id)
        if row.day is None or person is None:
            continue
        due = None
        if course is not None and not course.has(row.day + 1):
            ended.append(row.enrolment_id)
        else:
            zone, minute = schedule.zone_of(person.timezone), service.minute(row.subscriber_id)
            due = schedule.next_lesson(now, last_date, person.send_hour, zone, minute=minute)
        ahead.append({"row": row.enrolment_id, "day": row.day + 1, "due": due})
    if ahead:
        # Decided in the statement: whoever pauses or leaves at this very moment is not due any more.
        planned = case(
            (enrolments.c.status == EnrolmentStatus.ACTIVE, bindparam("due")), else_=enrolments.c.next_send_at
        )
        advanced = update(enrolments).where(enrolments.c.id == bindparam("row"))
        tx.execute(advanced.values(next_day=bindparam("day"), next_send_at=planned), ahead)
    for done in people.find(tx, enrolments.c.id.in_(ended)) if ended else ():
        rounds.finish(tx, done, now)


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
            go_on(tx, service, [(row, now.astimezone(schedule.zone_of(row.timezone)).date())], now)


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
