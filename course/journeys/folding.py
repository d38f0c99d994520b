"""In charge of folding: deliveries of courses that ended long ago become counts, and what a late reply needs of them.

What goes with them is no loss: `one_lesson_per_local_date` and `each_mail_once` guard dates and rounds that are long
over, and an ended round is never planned again. A delivery that has reached somebody leaves its number, its enrolment
and its day behind, for a late reply still counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, exists, select, update

from course.content.catalogue import ELSEWHERE, NOTICES
from course.content.courses import lesson_name
from course.journeys.notices import mailing_name
from course.journeys.service import Service
from course.schedule import monday
from course.store.database import insert_adding, insert_new
from course.store.states import LEFT, DeliveryKind, DeliveryStatus
from course.store.tables import deliveries, delivery_counts, enrolments, folded_deliveries, mailings

AT_ONCE = 2_000  # deliveries per transaction, so that no writer waits long
ROUNDS = 200  # enrolments that are looked at together
SETTLED = (*LEFT, DeliveryStatus.FAILED, DeliveryStatus.CANCELLED)


def fold(service: Service, now: datetime, go_on: Callable[[], bool]) -> int:
    """Fold what ended KEEP_DELIVERIES_DAYS ago, as long as `go_on()`; return how many deliveries were folded.

    What is left waits for the next time. With nothing to fold it costs one look at an index, however many people there
    are. What an ended round is owed afterwards (an answer to HELP) stays.
    """
    long_ago = now - timedelta(days=service.settings.keep_deliveries_days)
    ended = select(enrolments.c.id).where(enrolments.c.ended_at <= long_ago, enrolments.c.folded_at.is_(None))
    some = ended.order_by(enrolments.c.ended_at).limit(ROUNDS)
    total = 0
    with service.store.reading() as tx:
        rounds = tx.execute(some.limit(1)).scalars().all()
    while rounds and go_on():
        with service.store.transaction() as tx:
            rounds = tx.execute(some.with_for_update(skip_locked=True)).scalars().all()
            total += _fold_some(tx, list(rounds), now)
    if total:
        _forget_mailings(service)
    return total


def _fold_some(tx: Connection, rounds: list[int], now: datetime) -> int:
    """Fold up to AT_ONCE deliveries of these rounds; mark the rounds when those were the last ones."""
    settled = deliveries.c.enrolment_id.in_(rounds), deliveries.c.status.in_(SETTLED)
    some = select(deliveries.c.id).where(*settled).limit(AT_ONCE)
    gone = tx.execute(delete(deliveries).where(deliveries.c.id.in_(some)).returning(*deliveries.c)).all()
    counts = Counter(_key(row) for row in gone)
    names = ("course", "kind", "name", "status", "week")
    # In one order, so that two workers that count at once never wait for each other.
    rows = [{**dict(zip(names, key, strict=True)), "number": counts[key]} for key in sorted(counts)]
    insert_adding(tx, delivery_counts, rows)
    insert_new(tx, folded_deliveries, [_left_of(row) for row in gone if _answerable(row)])
    if len(gone) < AT_ONCE:
        tx.execute(update(enrolments).where(enrolments.c.id.in_(rounds)).values(folded_at=now))
    return len(gone)


def fold_all(tx: Connection, rounds: list[int], now: datetime) -> None:
    """Fold all that these rounds were sent, of people who are about to be erased."""
    while _fold_some(tx, rounds, now) == AT_ONCE:
        pass


def _key(row: Any) -> tuple[str, str, str, str, date]:
    week = monday(row.settled_at or row.send_at)
    return row.course or "", row.kind, mailing_name(row.kind, row.name), row.status, week


def _answerable(row: Any) -> bool:
    """Whether an answer may still come: it has left, and to the address on file."""
    return row.status in LEFT and mailing_name(row.kind, row.name) not in ELSEWHERE


def _left_of(row: Any) -> dict[str, Any]:
    day = None if row.kind == DeliveryKind.NOTICE else row.day
    return {"delivery_id": row.id, "enrolment_id": row.enrolment_id, "day": day}


def _forget_mailings(service: Service) -> None:
    """Erase the texts that are not in the files any more and that no delivery names; a held one is remembered.

    No index leads from a mailing to its deliveries (each would cost every claim), so this is called only when some were
    folded. It looks for one that is left, and mostly finds it among the oldest.
    """
    present = set(_present(service))
    with service.store.reading() as tx:
        kept = tx.execute(select(mailings.c.digest).where(mailings.c.held_reason.is_(None))).scalars().all()
        old = [digest for digest in kept if digest not in present]
        unused = [one for one in old if not tx.execute(select(exists().where(deliveries.c.mailing == one))).scalar()]
    for digest in unused:
        with service.store.transaction() as tx:
            used = exists().where(deliveries.c.mailing == digest)
            tx.execute(delete(mailings).where(mailings.c.digest == digest, ~used))


def _present(service: Service) -> Iterator[str]:
    for course in service.catalogue.courses.values():
        for name in (*NOTICES, *(lesson_name(day) for day in range(1, course.days + 1))):
            for locale in course.locales:
                yield from (one.digest for one in service.catalogue.variants(course.name, name, locale).values())
