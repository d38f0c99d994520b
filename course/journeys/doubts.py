"""In charge of doubt: claims that a dead worker left, and messages that were given away without an answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import structlog
from sqlalchemy import ColumnElement, Connection, func, or_, select, true, update

from course import ledger, schedule
from course.journeys import enrolments as rounds
from course.journeys import people, permitting, settling, workers
from course.journeys.owed import OWED, Owed, is_lesson, owed, rows
from course.journeys.service import Service
from course.journeys.workers import Sign
from course.ledger import Page
from course.outgoing import Unsure
from course.store.database import move
from course.store.states import DeliveryStatus, sources
from course.store.tables import UNSETTLED, deliveries, history

DOUBT = "in doubt"  # for the history
MOST = 2  # times that a message in doubt is owed again
EVENT = timedelta(minutes=30)  # real time that a provider's event may take to clear a doubt
CLAIMED = UNSETTLED, deliveries.c.status == DeliveryStatus.SENDING
log = structlog.get_logger()


def sweep(
    service: Service,
    own: Page | None,
    now: datetime,
    real_now: datetime,
    *,
    wait: timedelta,
    dead: Sequence[Sign],
) -> None:
    """Bring to an end what no worker will.

    For a worker between two rounds of sending. `own` is what it handed over itself; the rest of its claims never left,
    and is queued again (it could not be released: the database was gone). `own` is None for the only clock at its
    start: then nobody owns any claim. `dead` are the workers that were silent for too long (workers.Heartbeat). Such
    a worker may be alive after all: its ledger, if it is on this machine, tells what became of its claims. `wait` is
    how long a doubt is left to a provider's events; then WHEN_UNSURE says what becomes of it.
    """
    worker = own.worker if own else None
    silent = *CLAIMED, _ownerless(service, worker, dead)
    since = deliveries.c.claimed_at
    over = or_(since <= real_now - wait, since > real_now + EVENT)  # or noted by a clock that was put right
    doubtful = UNSETTLED, deliveries.c.status == DeliveryStatus.STALLED, over
    with service.store.reading() as tx:
        either = select(deliveries.c.id).where(*silent).union_all(select(deliveries.c.id).where(*doubtful))
        if tx.execute(either.limit(1)).first() is None:
            return
    pages = [own, *_of_the_silent(service, own, *silent)] if own else []
    for page in pages:
        close(service, page, now, real_now, *silent)
    left = {"status": DeliveryStatus.STALLED, "claimed_at": real_now, "error": "the worker fell silent"}
    with service.store.transaction() as tx:
        swept = tx.execute(update(deliveries).where(*silent).values(**left)).rowcount
        for row in rows(tx, OWED.where(*doubtful)):
            _decide(tx, service, row, now)
    if swept:
        log.warning("some claims were abandoned by their worker", count=swept)


def ledgers(service: Service) -> Path:
    """Return the folder where each worker notes what it gave away."""
    return service.settings.data_dir / "ledgers"


def close_ledgers(service: Service, now: datetime, real_now: datetime, database: str = "") -> None:
    """Bring to an end what the ledgers of dead workers tell of; those of another database are left alone."""
    ledger.of_the_dead(ledgers(service), lambda page: close(service, page, now, real_now), database)


def release(service: Service, page: Page) -> None:
    """Put back what this worker claimed and, as its ledger says, never gave away."""
    with service.store.transaction() as tx:
        claims = tx.execute(select(deliveries.c.id).where(*CLAIMED, deliveries.c.worker == page.worker)).scalars()
        settling.put_back(tx, page.worker, set(claims) - page.given if page.whole else ())


def _of_the_silent(service: Service, own: Page, *silent: ColumnElement[bool]) -> list[Page]:
    """Return what the ledgers on this machine say of those whose claims these are."""
    with service.store.reading() as tx:
        names = tx.execute(select(deliveries.c.worker).where(*silent).distinct()).scalars().all()
    pages = (ledger.of_one(ledgers(service), name) for name in names if name and name != own.worker)
    return [page for page in pages if page]


def close(service: Service, page: Page, now: datetime, real_now: datetime, *only_if: ColumnElement[bool]) -> None:
    """Settle what a ledger has answers to, put back what was never given away, if it can tell; the rest is in doubt."""
    claims = *CLAIMED, deliveries.c.worker == page.worker, *only_if
    with service.store.transaction() as tx:
        left = rows(tx, OWED.where(*claims).with_for_update(of=deliveries))  # one that wakes now waits for us
        never = {row.id for row in left if row.id not in page.given} if page.whole else set()
        settling.put_back(tx, page.worker, never)
    lost = Unsure("the worker fell silent before the answer came")
    given = [(row, page.answers.get(row.id, lost)) for row in left if row.id not in never]
    settling.settle_all(service, given, now, real_now)
    if left:
        counts = {"given": len(given), "in_doubt": sum(outcome is lost for _, outcome in given), "claimed": len(left)}
        log.warning("some claims had no owner any more; a ledger tells what became of them", **counts)


def arrived(tx: Connection, service: Service, delivery_id: int, now: datetime) -> None:
    """Clear a doubt: the provider says that it has the message, even where that one is owed again by now."""
    row = owed(tx, delivery_id)
    if row is not None and row.status in sources(DeliveryStatus.SENT):
        settling.sent(tx, service, [(row._replace(local_date=row.local_date or _free_date(tx, row, now)), "")], now)


def _free_date(tx: Connection, row: Owed, now: datetime) -> date | None:
    """Return the date that a lesson counts for whose claim is forgotten: today's, or one after their last lesson's.

    Where they live now, it may be once more the date on which that one came.
    """
    today, last = permitting.local_date(row, now), people.last_lesson(tx, row.subscriber_id, row.course)
    return today if today is None or last is None else max(today, last[1] + timedelta(days=1))


def _ownerless(service: Service, worker: str | None, dead: Sequence[Sign]) -> ColumnElement[bool]:
    if worker is None:
        return true()
    if service.store.sqlite:
        return deliveries.c.worker == worker
    return or_(deliveries.c.worker == worker, deliveries.c.worker.not_in(workers.living(dead)))


def _decide(tx: Connection, service: Service, row: Owed, now: datetime) -> None:
    """Owe it again, with the same Message-ID, at the next permitted hour, or take it for sent.

    The latter when WHEN_UNSURE says so, and when it is in doubt for the third time: most doubts are about messages that
    came. Then the course goes on: their next lesson is on a later date than this one. In doubt for the second time it
    waits for the next day, so that where a server never answers nobody gets the same message all day long.
    """
    noted = history.c.enrolment_id == row.enrolment_id, history.c.event == DOUBT, history.c.detail == row.name
    before = tx.execute(select(func.count()).where(*noted)).scalar_one()
    rounds.note(tx, row.enrolment_id, DOUBT, row.name, now)
    if service.settings.when_unsure == "hold" or before >= MOST:
        if move(tx, deliveries, row.id, DeliveryStatus.UNKNOWN, settled_at=now) and row.day and row.local_date:
            settling.go_on(tx, service, [(row, row.local_date)], now)
        return
    due, zone, minute = row.due_at, schedule.zone_of(row.timezone), service.minute(row.subscriber_id)
    if before:
        today = schedule.local_date(now, zone)
        due = schedule.next_hour(now, row.send_hour, zone, after=today, pace=row.pace, minute=minute)
    elif is_lesson(row):
        due = schedule.departure(row.due_at, now, row.send_hour, zone, pace=row.pace, minute=minute)
    attempts = row.attempts + 1
    again = max(due, schedule.retry(now, attempts, row.id))
    values = {"due_at": due, "send_at": again, "first_tried_at": row.first_tried_at or now, "attempts": attempts}
    move(tx, deliveries, row.id, DeliveryStatus.QUEUED, local_date=None, worker=None, **values)
