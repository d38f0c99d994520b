"""In charge of claiming: queued deliveries become `sending`, a worker's own, before anything leaves.

Whether one may leave at all is decided by permitting; one lesson per local date also by the database.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, Integer, bindparam, select, update
from sqlalchemy.exc import IntegrityError

from course.journeys import permitting, suppression
from course.journeys.owed import CAN_BE_MADE, OWED, STILL_CLAIMED, Owed, may_get, rows
from course.journeys.rates import Allowance
from course.journeys.service import Service
from course.store.sets import by_index, one_of
from course.store.states import DeliveryKind, DeliveryStatus
from course.store.tables import Moment, deliveries, enrolments

DUE = OWED.where(
    deliveries.c.status == DeliveryStatus.QUEUED,
    deliveries.c.send_at <= bindparam("now", type_=Moment),
    CAN_BE_MADE,
).order_by(deliveries.c.send_at, deliveries.c.id)
ANY = DUE.limit(1)
NOTICES, LESSONS = (
    DUE.where(which).limit(bindparam("most", type_=Integer)).with_for_update(skip_locked=True, of=deliveries)
    for which in (deliveries.c.kind == DeliveryKind.NOTICE, deliveries.c.kind != DeliveryKind.NOTICE)
)
MARK = (
    update(deliveries)
    # Found queued, and locked, by this transaction. Said once more, PostgreSQL would look for each of them in the index
    # of all that is queued, which does not begin with the id.
    .where(one_of(deliveries.c.id, "ids"))
    .values(
        local_date=bindparam("date"),
        mailing=bindparam("digest"),
        status=DeliveryStatus.SENDING,
        worker=bindparam("by"),
        claimed_at=bindparam("at"),
    )
)
MINE = OWED.where(*STILL_CLAIMED).order_by(deliveries.c.send_at, deliveries.c.id)
STANDING = select(deliveries.c.id, enrolments.c.status).join_from(deliveries, enrolments).where(*STILL_CLAIMED)
RENEWED = timedelta(minutes=1)  # real time
RENEW = (
    update(deliveries)
    .where(*STILL_CLAIMED, deliveries.c.claimed_at <= bindparam("stale", type_=Moment))
    .values(claimed_at=bindparam("at"))
)
Free = tuple[Owed, date | None, str]  # what may be claimed, with its local date and its mailing's digest


class Claimed(NamedTuple):
    """What was claimed. `again` says in how many seconds more is allowed, if only the allowance is used up."""

    rows: list[Owed]
    again: float | None = None


def waiting(service: Service, now: datetime) -> bool:
    """Whether anything is due: the usual tick looks, and takes no lock."""
    with service.store.reading() as tx:
        by_index(tx)
        return bool(rows(tx, ANY, now=now, courses=service.catalogue.courses))


def claim(service: Service, worker: str, most: int, now: datetime, real_now: datetime) -> Claimed:
    """Make up to `most` due deliveries this worker's own. Two workers never get the same one."""
    looked_at: set[int] = set()
    while True:
        with service.store.transaction() as tx:
            by_index(tx)
            allowance = Allowance(tx, service, real_now)
            found = _first(tx, service, most, allowance, now)
            ours = _claim_some(tx, service, worker, found, now, real_now)
            allowance.use(len(ours))
        new = {row.id for row in found} - looked_at
        if ours or not new:
            return Claimed(ours, None if found else allowance.again)
        looked_at |= new  # held, or not in their hour: what is due behind them need not wait for the next tick


def _first(tx: Connection, service: Service, most: int, allowance: Allowance, now: datetime) -> list[Owed]:
    """Lock what is due, notices first: whoever waits for a confirmation does not wait behind everybody's lesson."""
    found = list[Owed]()
    for due, lessons in ((NOTICES, False), (LESSONS, True)):
        more = allowance.left(most, found=len(found), lessons=lessons)
        if more > 0:
            found += rows(tx, due, now=now, courses=service.catalogue.courses, most=more)
    return found


def _claim_some(
    tx: Connection, service: Service, worker: str, found: list[Owed], now: datetime, real_now: datetime
) -> list[Owed]:
    """Claim those of these that may leave now; the others are cancelled or moved on."""
    wanted = permitting.wanted(tx, service, found, now, real_now)
    leaving = permitting.in_their_hour(tx, service, wanted, now)
    free = permitting.not_held(tx, service, leaving, now)
    return _mark(tx, worker, free, real_now)


def still_ours(tx: Connection, service: Service, worker: str, ids: Iterable[int], now: datetime) -> list[Owed]:
    """Return those of these claims that may still leave at this moment, with all that is needed to fill them.

    Whoever left or was suppressed since the claim is not among them, nor a lesson whose date has passed meanwhile.
    """
    return _still_welcome(tx, service, rows(tx, MINE, ids=ids, by=worker), now)


def still_wanted(tx: Connection, service: Service, worker: str, known: list[Owed], now: datetime) -> set[int]:
    """Return which of these claims may still leave, as `still_ours` does; nothing else is read anew."""
    standing = dict(tx.execute(STANDING, {"ids": [row.id for row in known], "by": worker}).all())
    ours = [row for row in known if row.id in standing]
    as_they_stand = [
        row if row.standing == standing[row.id] else row._replace(standing=standing[row.id]) for row in ours
    ]
    return {row.id for row in _still_welcome(tx, service, as_they_stand, now)}


def _still_welcome(tx: Connection, service: Service, found: list[Owed], now: datetime) -> list[Owed]:
    found = [row for row in found if may_get(row) and row.local_date == permitting.local_date(row, now)]
    suppressed = suppression.among(tx, service.keys, [row.email for row in found])
    return [row for row in found if row.email not in suppressed]


def renew(tx: Connection, worker: str, ids: Iterable[int], real_now: datetime) -> None:
    """Date what was claimed a minute ago anew: a slow worker is not dead, and a link lasts from when it leaves."""
    tx.execute(RENEW, {"ids": ids, "by": worker, "stale": real_now - RENEWED, "at": real_now})


def _mark(tx: Connection, worker: str, free: list[Free], real_now: datetime) -> list[Owed]:
    """Write the claims; return them in the order in which they leave."""
    lost = set(_not_marked(tx, worker, free, real_now)) if free else set()
    claims = {(today, digest): (today, digest, DeliveryStatus.SENDING, worker) for _, today, digest in free}
    return [row.claimed(claims[today, digest]) for row, today, digest in free if row.id not in lost]


def _not_marked(tx: Connection, worker: str, free: list[Free], real_now: datetime) -> list[int]:
    """Claim these, a statement for all that are claimed alike.

    Return those that meet the constraint after all (another worker was faster): they are left out.
    """
    alike: dict[tuple[date | None, str], list[int]] = defaultdict(list)
    for row, today, digest in free:
        alike[today, digest].append(row.id)
    try:
        with tx.begin_nested():
            for (today, digest), ids in alike.items():
                tx.execute(MARK, {"ids": ids, "date": today, "digest": digest, "by": worker, "at": real_now})
    except IntegrityError:
        if len(free) == 1:
            return [free[0][0].id]
        middle = len(free) // 2
        return [one for half in (free[:middle], free[middle:]) for one in _not_marked(tx, worker, half, real_now)]
    return []
