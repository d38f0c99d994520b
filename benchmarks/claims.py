"""Claim and record against the same by ORM objects: no message is filled, none leaves, only the database works.

Before it is timed, both sides' rows are read and must be the same.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from functools import partial

from sqlalchemy import func, select

from benchmarks import objects, ours
from benchmarks.results import Limit, MismatchError, Result, Speed, rounds
from benchmarks.run import Run
from course.app import App
from course.journeys import claiming, planning, sending, settling
from course.journeys.service import Service
from course.outgoing import Sent
from course.store import tables
from course.store.states import DeliveryStatus

WORKER = "benchmark"
FEW = 500  # people by whom both sides are compared
FEWER = 4  # it is given fewer rows: it takes longer for each
LIMITS = [
    Limit("claim and record, against ORM objects, SQLite", 10, 17),
    Limit("claim and record, against ORM objects, PostgreSQL", 4, 6),
]


def measure(run: Run) -> Iterator[Result]:
    """Measure on SQLite, then on PostgreSQL."""
    fewer = max(1, run.messages // FEWER)
    for limit, postgres in zip(LIMITS, (False, True), strict=True):
        _must_do_the_same(run, postgres=postgres)
        speeds = rounds(
            run.times,
            {
                "ours": partial(_timed, run, set_based, run.messages, postgres=postgres),
                "objects": partial(_timed, run, by_objects, fewer, postgres=postgres),
            },
        )
        yield limit.against(speeds["ours"], speeds["objects"], "ORM objects", " rows")


def set_based(app: App) -> None:
    """Claim what is due and write down that it left, as a worker does, as many at a time as it would."""
    service, now = app.service, app.clock.now()
    most = sending.CLAIM if service.store.sqlite else sending.CLAIM_SHARED
    while rows := claiming.claim(service, WORKER, most, now, now).rows:
        settling.settle(service, [(row, Sent(f"provider-{row.id}")) for row in rows], now, now)


def by_objects(app: App) -> None:
    """Do the same by loading objects, changing them and committing."""
    objects.claim_and_record(app, WORKER)


def _timed(run: Run, way: Callable[[App], None], people: int, *, postgres: bool) -> Speed:
    with ours.service(run, people, {"transport": "folder"}, postgres=postgres) as app:
        planning.plan(app.service, app.clock.now())
        gc.collect()
        began, cpu = time.perf_counter(), time.process_time()
        way(app)
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
        _must_be_recorded(app.service, people)
    return Speed(people / took, cpu / people * 1e6)


def _must_do_the_same(run: Run, *, postgres: bool) -> None:
    recorded = []
    for way in (set_based, by_objects):
        with ours.service(run, FEW, {"transport": "folder"}, postgres=postgres) as app:
            way(app)
            recorded.append(_rows(app.service))
    if recorded[0] != recorded[1]:
        raise MismatchError("claiming and recording by objects leaves other rows than ours")


def _rows(service: Service) -> list[tuple[object, ...]]:
    """Return what both sides must leave alike: all but the moments at which each was at work."""
    theirs, its = tables.enrolments.c, tables.deliveries.c
    what = its.id, its.status, its.worker, its.local_date, its.mailing, its.provider_id, its.error
    after = select(*what, theirs.status, theirs.next_day, theirs.next_send_at)
    with service.store.reading() as tx:
        rows = tx.execute(after.join_from(tables.deliveries, tables.enrolments).order_by(its.id)).all()
    return [tuple(row) for row in rows]


def _must_be_recorded(service: Service, people: int) -> None:
    sent = select(func.count()).where(tables.deliveries.c.status == DeliveryStatus.SENT)
    ahead = select(func.count()).where(tables.enrolments.c.next_day == 2, tables.enrolments.c.next_send_at.is_not(None))  # noqa: PLR2004
    with service.store.reading() as tx:
        found = tx.execute(sent).scalar_one(), tx.execute(ahead).scalar_one()
    if found != (people, people):
        raise MismatchError(f"{found[0]:,} lessons of {people:,} are recorded, {found[1]:,} enrolments go on")
