"""In charge of claiming: queued deliveries become `sending`, a worker's own, before anything leaves.

Here it is decided whether a mail may leave at all: status, suppression, the person's hour, one lesson per local date.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import structlog
from sqlalchemy import Connection, Select, bindparam, select, update
from sqlalchemy.exc import IntegrityError

from course import schedule
from course.content.mailing import Mailing
from course.journeys import enrolments as rounds
from course.journeys import suppression
from course.journeys.notices import mailing_name
from course.journeys.owed import OWED, Owed, is_lesson, may_get, rows
from course.journeys.rates import Allowance
from course.journeys.service import Service
from course.store.database import insert_new
from course.store.sets import by_index, one_of, table_of
from course.store.states import DeliveryKind, DeliveryStatus, EndedReason
from course.store.tables import deliveries, mailings

HELD = timedelta(minutes=15)  # so often a held mailing is looked at again
log = structlog.get_logger()


class Claimed(NamedTuple):
    """What was claimed. `again` says in how many seconds more is allowed, if only the allowance is used up."""

    rows: list[Owed]
    again: float | None = None


def waiting(service: Service, now: datetime) -> bool:
    """Whether anything is due: the usual tick looks, and takes no lock."""
    with service.store.reading() as tx:
        by_index(tx)
        return bool(rows(tx, _due(service, now).limit(1)))


def claim(service: Service, worker: str, most: int, now: datetime, real_now: datetime) -> Claimed:
    """Make up to `most` due deliveries this worker's own. Two workers never get the same one."""
    due = _due(service, now)
    looked_at: set[int] = set()
    while True:
        with service.store.transaction() as tx:
            by_index(tx)
            allowance = Allowance(tx, service, real_now)
            found = _first(tx, due, most, allowance)
            ours = _claim_some(tx, service, worker, found, now, real_now)
            allowance.use(len(ours))
        new = {row.id for row in found} - looked_at
        if ours or not new:
            return Claimed(ours, None if found else allowance.again)
        looked_at |= new  # held, or not in their hour: what is due behind them need not wait for the next tick


def _due(service: Service, now: datetime) -> Select[Any]:
    return OWED.where(
        deliveries.c.status == DeliveryStatus.QUEUED,
        deliveries.c.send_at <= now,
        deliveries.c.course.in_(list(service.catalogue.courses)),
    ).order_by(deliveries.c.send_at, deliveries.c.id)


def _first(tx: Connection, due: Select[Any], most: int, allowance: Allowance) -> list[Owed]:
    """Lock what is due, notices first: whoever waits for a confirmation does not wait behind everybody's lesson."""
    notice, found = deliveries.c.kind == DeliveryKind.NOTICE, list[Owed]()
    for these, lessons in ((notice, False), (~notice, True)):
        left = allowance.left(most - len(found), lessons=lessons)
        if left > 0:
            found += rows(tx, due.where(these).limit(left).with_for_update(skip_locked=True, of=deliveries))
    return found


def _claim_some(
    tx: Connection, service: Service, worker: str, found: list[Owed], now: datetime, real_now: datetime
) -> list[Owed]:
    """Claim those of these that may leave now; the others are cancelled or moved on."""
    wanted = _still_wanted(tx, service, found, now, real_now)
    leaving = _in_their_hour(tx, service, wanted, now)
    free = _not_held(tx, service, leaving, now)
    ours = [row.claimed(_local_date(row, now), mailing.digest, worker) for row, mailing in free]
    return _mark(tx, ours, real_now)


def still_ours(
    tx: Connection, service: Service, worker: str, ids: Iterable[int], now: datetime, real_now: datetime
) -> list[Owed]:
    """Return those claims that may still leave at this moment, with all that is needed to fill them.

    Whoever left or was suppressed since the claim is not among them, nor a lesson whose date has passed meanwhile. The
    claims are renewed: a worker that is slow is not dead.
    """
    mine = (
        one_of(tx, deliveries.c.id, ids),
        deliveries.c.status == DeliveryStatus.SENDING,
        deliveries.c.worker == worker,
    )
    tx.execute(update(deliveries).where(*mine).values(claimed_at=real_now))
    found = rows(tx, OWED.where(*mine).order_by(deliveries.c.send_at, deliveries.c.id))
    found = [row for row in found if may_get(row) and row.local_date == _local_date(row, now)]
    suppressed = suppression.among(tx, service.keys, [row.email for row in found])
    return [row for row in found if row.email not in suppressed]


def _still_wanted(
    tx: Connection, service: Service, found: Iterable[Owed], now: datetime, real_now: datetime
) -> list[Owed]:
    suppressed = suppression.among(tx, service.keys, [row.email for row in found])
    why = EndedReason.UNSUBSCRIBED
    for row in found if suppressed else ():
        if row.email in suppressed:
            rounds.stop_all(tx, service.keys, row.subscriber_id, why, "suppression list", now, real_now)
    unwanted = [row.id for row in found if row.email in suppressed or not may_get(row)]
    if not unwanted:
        return list(found)
    queued = one_of(tx, deliveries.c.id, unwanted), deliveries.c.status == DeliveryStatus.QUEUED
    tx.execute(update(deliveries).where(*queued).values(status=DeliveryStatus.CANCELLED))
    return [row for row in found if row.id not in set(unwanted)]


def _in_their_hour(tx: Connection, service: Service, wanted: list[Owed], now: datetime) -> list[Owed]:
    """Keep what may leave now; move on a lesson that came too late, or whose date has had one already."""
    taken = _dates_taken(tx, wanted, now)
    leaving, later = [], []
    for row in wanted:
        if not is_lesson(row):
            leaving.append(row)
            continue
        zone, today = schedule.zone_of(row.timezone), _local_date(row, now)
        minute = service.minute(row.subscriber_id)
        due = schedule.departure(row.due_at, now, row.send_hour, zone, pace=row.pace, minute=minute)
        if (row.subscriber_id, row.course, today) in taken:
            due = schedule.next_hour(now, row.send_hour, zone, after=today, pace=row.pace, minute=minute)
        if due <= now:
            leaving.append(row)
            taken.add((row.subscriber_id, row.course, today))
        else:
            later.append({"row": row.id, "due_at": due, "send_at": due})
    _move_on(tx, later)
    return leaving


def _dates_taken(tx: Connection, found: list[Owed], now: datetime) -> set[tuple[int, str, date | None]]:
    earliest = now.date() - timedelta(days=1)  # nobody's local date is before it
    query = select(deliveries.c.subscriber_id, deliveries.c.course, deliveries.c.local_date).where(
        one_of(tx, deliveries.c.subscriber_id, [row.subscriber_id for row in found]),
        deliveries.c.local_date >= earliest,
    )
    return {(row.subscriber_id, row.course, row.local_date) for row in tx.execute(query).all()}


def _not_held(tx: Connection, service: Service, rows: list[Owed], now: datetime) -> list[tuple[Owed, Mailing]]:
    """Keep what has a mailing that may leave; look again later at one that was refused or cannot be made."""
    named = [(row, (row.course, mailing_name(row.kind, row.name), row.locale, row.plain)) for row in rows]
    made = {name: _made(service, *name) for name in {name for _, name in named}}
    used = {mailing.digest: mailing for mailing in made.values() if mailing}
    query = select(mailings.c.digest, mailings.c.held_reason).where(mailings.c.digest.in_(list(used)))
    kept = {digest: reason is not None for digest, reason in tx.execute(query)}
    held = {digest for digest in kept if kept[digest]}
    new = [
        {"digest": digest, "course": one.course, "name": one.name, "locale": one.locale, "text": one.dump()}
        for digest, one in used.items()
        if digest not in kept
    ]
    insert_new(tx, mailings, new)
    leaves = {name: mailing for name, mailing in made.items() if mailing and mailing.digest not in held}
    free = [(row, leaves[name]) for row, name in named if name in leaves]
    leaving, again = {row.id for row, _ in free}, now + HELD
    _move_on(tx, [{"row": row.id, "due_at": row.due_at, "send_at": again} for row in rows if row.id not in leaving])
    return free


def _made(service: Service, course: str, name: str, locale: str, plain: bool) -> Mailing | None:  # noqa: FBT001 (a key's last part)
    try:
        return service.catalogue.mailing(course, name, locale, plain=plain)
    except Exception as error:  # noqa: BLE001 (a spoilt lesson keeps nobody from another one)
        why = type(error).__name__
        log.error("a mailing cannot be made: run `course check`", course=course, name=name, locale=locale, error=why)
        return None


def _move_on(tx: Connection, later: list[dict[str, Any]]) -> None:
    if later:
        moved = update(deliveries).where(deliveries.c.id == bindparam("row"))
        tx.execute(moved.values(due_at=bindparam("due_at"), send_at=bindparam("send_at")), later)


def _mark(tx: Connection, ours: list[Owed], real_now: datetime) -> list[Owed]:
    """Write the claims. A row that meets the constraint after all (another worker was faster) is left out alone."""
    if not ours:
        return []
    claims = [{"id": row.id, "local_date": row.local_date, "mailing": row.mailing} for row in ours]
    columns = deliveries.c.id, deliveries.c.local_date, deliveries.c.mailing
    claim_of = table_of(tx, claims, *columns)
    queued = update(deliveries).where(deliveries.c.id == claim_of.c.id, deliveries.c.status == DeliveryStatus.QUEUED)
    claimed = queued.values(
        status=DeliveryStatus.SENDING,
        worker=ours[0].worker,
        claimed_at=real_now,
        local_date=claim_of.c.local_date,
        mailing=claim_of.c.mailing,
    )
    try:
        with tx.begin_nested():
            tx.execute(claimed)
    except IntegrityError:
        middle = len(ours) // 2
        halves = (ours[:middle], ours[middle:]) if middle else ()
        return [row for half in halves for row in _mark(tx, half, real_now)]
    return ours


def _local_date(row: Owed, now: datetime) -> date | None:
    return schedule.local_date(now, schedule.zone_of(row.timezone)) if is_lesson(row) else None
