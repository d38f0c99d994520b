"""In charge of outcomes: what became of a delivery is written down, and then when the next lesson is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

import structlog
from sqlalchemy import Connection, Update, bindparam, case, select, update
from sqlalchemy.sql.dml import ReturningUpdate

from course import schedule
from course.journeys import enrolments as rounds
from course.journeys import finishing, pacing, people, suppression
from course.journeys.owed import STILL_CLAIMED, Owed, elsewhere, is_lesson
from course.journeys.permitting import HELD
from course.journeys.service import Service
from course.outgoing import Halt, Outcome, RefusedMailing, RefusedRecipient, Sent, TryLater, Unsure
from course.schedule import Pace
from course.store.database import AWAY, move
from course.store.sets import by_index, one_of, table_of
from course.store.states import DeliveryStatus, EndedReason, EnrolmentStatus
from course.store.tables import deliveries, enrolments, mailings, subscribers

THEIRS = (
    select(enrolments.c.id, enrolments.c.pace, subscribers.c.send_hour, subscribers.c.timezone)
    .join(subscribers)
    .where(one_of(enrolments.c.id, "ids"))
)
PUT_BACK = update(deliveries).where(*STILL_CLAIMED).values(status=DeliveryStatus.QUEUED, worker=None, local_date=None)
log = structlog.get_logger()


def settle_all(service: Service, settled: list[tuple[Owed, Outcome]], now: datetime, real_now: datetime) -> bool:
    """Write down these outcomes: together or, where one of them cannot be written, each by itself.

    That one is noted as in doubt instead. False: for one of them not even that could be written. Raises one of AWAY
    when the database is not there.
    """
    try:
        settle(service, settled, now, real_now)
    except AWAY:
        raise
    except Exception:  # noqa: BLE001 (one of them cannot be written down: find out which)
        written = [_settle_alone(service, one, now, real_now) for one in settled]
        return all(written)
    return True


def _settle_alone(service: Service, one: tuple[Owed, Outcome], now: datetime, real_now: datetime) -> bool:
    row, outcome = one
    for said in (outcome, Unsure("its answer could not be written down")):
        try:
            settle(service, [(row, said)], now, real_now)
        except AWAY:
            raise
        except Exception as error:  # noqa: BLE001 (whatever is wrong with it, it is wrong with this one alone)
            log.error("an outcome could not be written down", delivery=row.id, error=type(error).__name__)
        else:
            return True
    return False


def settle(service: Service, settled: Iterable[tuple[Owed, Outcome]], now: datetime, real_now: datetime) -> None:
    """Write down these outcomes, in one transaction."""
    outcomes = list(settled)
    with service.store.transaction() as tx:
        by_index(tx)
        sent(tx, service, [(row, one.provider_id) for row, one in outcomes if isinstance(one, Sent)], now)
        for row, outcome in [one for one in outcomes if not isinstance(one[1], Sent)]:
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
                    put_back(tx, row.worker, [row.id])
                case Unsure():
                    _move(tx, row, DeliveryStatus.STALLED, error=outcome.reason, claimed_at=real_now)


def put_back(tx: Connection, worker: str | None, ids: Iterable[int]) -> None:
    """Release a worker's claims that were never handed over: queued as before, no attempt counted."""
    tx.execute(PUT_BACK, {"ids": ids, "by": worker})


def sent(tx: Connection, service: Service, left: list[tuple[Owed, str]], now: datetime) -> None:
    """Write down that these left, with the provider's names for them; the calendar counts from this moment.

    A few statements for all of them, however many: this is what every message goes through.
    """
    if not left:
        return
    names = [(row.id, name[:200] or None) for row, name in left]
    moved = set(tx.execute(_sent(tx.dialect.name), {"names": names, "at": now}).scalars().all())
    moved |= {row.id for row, name in left if row.id not in moved and _had_left(tx, row, name, now)}
    lessons = [row for row, _ in left if row.id in moved and row.day is not None]
    go_on(tx, service, [(row, row.local_date) for row in lessons if row.local_date], now)


@cache
def _sent(dialect: str) -> ReturningUpdate[Any]:
    name_of = table_of(dialect, "names", deliveries.c.id, deliveries.c.provider_id)
    open_ = deliveries.c.id == name_of.c.id, deliveries.c.status.in_((DeliveryStatus.SENDING, DeliveryStatus.STALLED))
    values = {"settled_at": bindparam("at"), "error": None, "provider_id": name_of.c.provider_id}
    return update(deliveries).where(*open_).values(status=DeliveryStatus.SENT, **values).returning(deliveries.c.id)


def _had_left(tx: Connection, row: Owed, name: str, now: datetime) -> bool:
    """Write down that a message left which was in doubt, and is owed again by now: it need not leave twice."""
    said = {"settled_at": now, "error": None, "provider_id": name[:200] or None, "local_date": row.local_date}
    queued = deliveries.c.status == DeliveryStatus.QUEUED
    return move(tx, deliveries, row.id, DeliveryStatus.SENT, queued, **said)


def go_on(tx: Connection, service: Service, over: list[tuple[Owed, date]], now: datetime) -> None:
    """Advance these enrolments past a lesson, which counts for that local date: to their next one, or their end."""
    if not over:
        return
    found = tx.execute(THEIRS, {"ids": [row.enrolment_id for row, _ in over]})
    theirs = {enrolment: (pace, hour, timezone) for enrolment, pace, hour, timezone in found.all()}
    ahead, waiting, ended = list[tuple[Any, ...]](), list[tuple[Any, ...]](), list[int]()
    nexts: dict[tuple[Any, ...], datetime] = {}  # many go on alike
    for row, last_date in over:
        course = service.catalogue.courses.get(row.course)
        if row.day is None or row.enrolment_id not in theirs:
            continue
        if course is not None and not course.has(row.day + 1):
            ended.append(row.enrolment_id)
            ahead.append((row.enrolment_id, row.day + 1, None))
            continue
        pace, hour, timezone = theirs[row.enrolment_id]
        alike = last_date, pace, hour, timezone, service.minute(row.subscriber_id)
        if alike not in nexts:
            nexts[alike] = _next(now, *alike)
        onward = row.enrolment_id, row.day + 1, nexts[alike]
        if pace == Pace.SELF_PACED:
            note_at = schedule.quiet_until(now, pacing.QUIET_DAYS, hour, schedule.zone_of(timezone))
            waiting.append((*onward, note_at))
        else:
            ahead.append(onward)
    if ahead:
        tx.execute(_advanced(tx.dialect.name), {"rows": ahead})
    if waiting:
        pacing.wait(tx, waiting, now)
    if ended:
        finishing.finish(tx, people.find(tx, one_of(enrolments.c.id, ended)), now)


@cache
def _advanced(dialect: str) -> Update:
    place = table_of(dialect, "rows", enrolments.c.id, enrolments.c.next_day, enrolments.c.next_send_at)
    # Decided in the statement: whoever pauses or leaves at this very moment is not due any more.
    active = enrolments.c.status == EnrolmentStatus.ACTIVE
    planned = case((active, place.c.next_send_at), else_=enrolments.c.next_send_at)
    advanced = update(enrolments).where(enrolments.c.id == place.c.id)
    return advanced.values(next_day=place.c.next_day, next_send_at=planned)


def _next(now: datetime, last_date: date, pace: str, hour: int, timezone: str, minute: int) -> datetime:
    return schedule.next_lesson(now, last_date, hour, schedule.zone_of(timezone), pace=pace, minute=minute)


def _try_later(tx: Connection, row: Owed, reason: str, seconds: float | None, now: datetime) -> None:
    """Owe it again after a while. Nobody is at fault, so we never give up on it: no day is lost to an outage."""
    attempts = row.attempts + 1
    again = now + timedelta(seconds=seconds) if seconds else schedule.retry(now, attempts, row.id)
    values = {"send_at": again, "first_tried_at": row.first_tried_at or now, "attempts": attempts, "error": reason}
    _move(tx, row, DeliveryStatus.QUEUED, local_date=None, worker=None, **values)


def _move(tx: Connection, row: Owed, to: DeliveryStatus, **values: Any) -> bool:
    """Move a delivery, unless its claim was taken for abandoned and is another worker's by now."""
    return move(tx, deliveries, row.id, to, deliveries.c.worker == row.worker, **values)


def _refused(tx: Connection, service: Service, row: Owed, reason: str, now: datetime) -> None:
    """Owe it again; give up on a recipient that is refused for 72 hours, and let the course go on."""
    if now - (row.first_tried_at or now) < schedule.GIVE_UP:
        _try_later(tx, row, reason, None, now)
    elif _move(tx, row, DeliveryStatus.FAILED, error=reason, local_date=None, settled_at=now):
        rounds.note(tx, row.enrolment_id, "failed", f"{row.name}: {reason}", now)
        if is_lesson(row) and row.day is not None:
            go_on(tx, service, [(row, now.astimezone(schedule.zone_of(row.timezone)).date())], now)
            for person in people.find(tx, enrolments.c.id == row.enrolment_id):
                pacing.release(tx, service, person, now)  # what never came cannot be answered


def _dead(tx: Connection, service: Service, row: Owed, reason: str, now: datetime, real_now: datetime) -> None:
    """Never write to an address that cannot work; end its courses."""
    _move(tx, row, DeliveryStatus.FAILED, error=reason, local_date=None, settled_at=now)
    if elsewhere(row):
        return
    suppression.suppress(tx, service.keys, row.email, "bounced", real_now)
    rounds.stop_all(tx, service.keys, row.subscriber_id, EndedReason.BOUNCED, "the mail server", now, real_now)


def _hold(tx: Connection, row: Owed, reason: str, now: datetime) -> None:
    put_back(tx, row.worker, [row.id])
    tx.execute(update(mailings).where(mailings.c.digest == row.mailing).values(held_reason=reason))
    tx.execute(update(deliveries).where(deliveries.c.id == row.id).values(send_at=now + HELD))
    log.error(
        "a mailing was refused and is held until its text changes",
        name=row.name,
        course=row.course,
        why=reason,
    )
