"""In charge of whether a mail may leave now: is it wanted, is it their hour, may its mailing leave at all.

What may not is cancelled, or moved to when it may.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, Date, bindparam, select, update

from course import schedule
from course.content.mailing import Mailing
from course.journeys import enrolments as rounds
from course.journeys import finishing, people, suppression
from course.journeys.notices import mailing_name
from course.journeys.owed import Owed, is_lesson, may_get
from course.journeys.service import Service
from course.store.database import insert_new
from course.store.sets import one_of
from course.store.states import DeliveryKind, DeliveryStatus, EndedReason
from course.store.tables import deliveries, enrolments, mailings

HELD = timedelta(minutes=15)  # until a held mailing is looked at again
TAKEN = select(deliveries.c.subscriber_id, deliveries.c.course, deliveries.c.local_date).where(
    one_of(deliveries.c.subscriber_id, "people"), deliveries.c.local_date >= bindparam("earliest", type_=Date)
)
KEPT = select(mailings.c.digest, mailings.c.held_reason).where(one_of(mailings.c.digest, "digests"))
log = structlog.get_logger()


def wanted(tx: Connection, service: Service, found: list[Owed], now: datetime, real_now: datetime) -> list[Owed]:
    """Keep what their people may still get, as they stand now, and cancel the rest.

    A lesson that is in its course no more, as that was made shorter meanwhile, is cancelled too, and ends theirs.
    """
    suppressed = suppression.among(tx, service.keys, [row.email for row in found])
    why = EndedReason.UNSUBSCRIBED
    for row in found if suppressed else ():
        if row.email in suppressed:
            rounds.stop_all(tx, service.keys, row.subscriber_id, why, "suppression list", now, real_now)
    gone = [row for row in found if not _there(service, row)]
    unwanted = {row.id for row in found if row.email in suppressed or not may_get(row)} | {row.id for row in gone}
    if not unwanted:
        return found
    these = one_of(deliveries.c.id, unwanted)
    tx.execute(update(deliveries).where(these).values(status=DeliveryStatus.CANCELLED))
    over = [row.enrolment_id for row in gone if is_lesson(row)]
    if over:
        finishing.finish(tx, people.find(tx, one_of(enrolments.c.id, over)), now)
    return [row for row in found if row.id not in unwanted]


def _there(service: Service, row: Owed) -> bool:
    """Whether there is such a lesson, of which this may also be a copy; notices there always are."""
    return row.kind == DeliveryKind.NOTICE or row.day is None or service.catalogue.courses[row.course].has(row.day)


def in_their_hour(tx: Connection, service: Service, found: list[Owed], now: datetime) -> list[tuple[Owed, date | None]]:
    """Keep what may leave now, a lesson with its local date; put off one that is late, or whose date has had one."""
    taken = _dates_taken(tx, found, now)
    welcomes: dict[tuple[datetime, str, str], tuple[bool, date]] = {}  # many are due alike
    leaving, later = list[tuple[Owed, date | None]](), list[dict[str, Any]]()
    for row in found:
        if not is_lesson(row):
            leaving.append((row, None))
            continue
        alike = row.due_at, row.timezone, row.pace
        if alike not in welcomes:
            zone = schedule.zone_of(row.timezone)
            welcomes[alike] = schedule.welcome(row.due_at, now, zone, row.pace), schedule.local_date(now, zone)
        welcome, today = welcomes[alike]
        this = row.subscriber_id, row.course, today
        due = now if welcome and this not in taken else _later(service, row, now, today if this in taken else None)
        if due <= now:
            leaving.append((row, today))
            taken.add(this)
        else:
            later.append({"row": row.id, "due_at": due, "send_at": due})
    _move_on(tx, later)
    return leaving


def _later(service: Service, row: Owed, now: datetime, taken: date | None) -> datetime:
    """Return when a lesson may leave that may not leave now, or whose date (`taken`) has had one."""
    zone, minute = schedule.zone_of(row.timezone), service.minute(row.subscriber_id)
    if taken:
        return schedule.next_hour(now, row.send_hour, zone, after=taken, pace=row.pace, minute=minute)
    return schedule.departure(row.due_at, now, row.send_hour, zone, pace=row.pace, minute=minute)


def _dates_taken(tx: Connection, found: list[Owed], now: datetime) -> set[tuple[int, str, date | None]]:
    earliest = now.date() - timedelta(days=1)  # nobody's local date is before it
    taken = tx.execute(TAKEN, {"people": [row.subscriber_id for row in found], "earliest": earliest})
    return {(row.subscriber_id, row.course, row.local_date) for row in taken.all()}


def not_held(
    tx: Connection, service: Service, rows: list[tuple[Owed, date | None]], now: datetime
) -> list[tuple[Owed, date | None, str]]:
    """Keep what has a mailing that may leave, with its digest; put off what has one that is held or cannot be made."""
    named = [(row, today, (row.course, row.kind, row.name, row.locale, row.plain)) for row, today in rows]
    made = {name: _made(service, *name) for name in {name for _, _, name in named}}
    used = {mailing.digest: mailing for mailing in made.values() if mailing}
    kept = {digest: reason is not None for digest, reason in tx.execute(KEPT, {"digests": used})}
    new = [
        {"digest": digest, "course": one.course, "name": one.name, "locale": one.locale, "text": one.dump()}
        for digest, one in used.items()
        if digest not in kept
    ]
    insert_new(tx, mailings, new)
    leaves = {name: mailing.digest for name, mailing in made.items() if mailing and not kept.get(mailing.digest)}
    again = now + HELD
    _move_on(tx, [{"row": row.id, "due_at": row.due_at, "send_at": again} for row, _, of in named if of not in leaves])
    return [(row, today, leaves[name]) for row, today, name in named if name in leaves]


def _made(service: Service, course: str, kind: str, name: str, locale: str, plain: bool) -> Mailing | None:  # noqa: FBT001 (the parts of a key)
    try:
        return service.catalogue.mailing(course, mailing_name(kind, name), locale, plain=plain)
    except Exception as error:  # noqa: BLE001 (a spoilt lesson keeps nobody from another one)
        why = type(error).__name__
        log.error("a mailing cannot be made: run `course check`", course=course, name=name, locale=locale, error=why)
        return None


def _move_on(tx: Connection, later: list[dict[str, Any]]) -> None:
    if later:
        moved = update(deliveries).where(deliveries.c.id == bindparam("row"))
        tx.execute(moved.values(due_at=bindparam("due_at"), send_at=bindparam("send_at")), later)


def local_date(row: Owed, now: datetime) -> date | None:
    """Return the date that a lesson counts for when it leaves now; nothing else has one."""
    return schedule.local_date(now, schedule.zone_of(row.timezone)) if is_lesson(row) else None
