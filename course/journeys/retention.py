"""In charge of the end of storage: whose courses have all ended KEEP_PEOPLE_DAYS ago, and what stays of them: numbers.

A letter that waits for its writer, a course that goes on, a list that they joined and a link to a resource that still
works keep a person. Whoever has had links alone, and never a course, goes so long after the last of them ended. Whoever
is erased so is erased as by `course erase`, and remembered for restores as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, delete, exists, or_, select

from course.journeys import consent, erasures, folding, people, person_keys, suppression
from course.journeys.people import Person
from course.journeys.service import Service
from course.schedule import monday
from course.store.database import insert_adding
from course.store.sets import one_of
from course.store.states import LIVE, MAY_LEAVE, EnrolmentStatus, PastFact
from course.store.tables import (
    completions,
    deliveries,
    enrolments,
    letters,
    past_counts,
    resource_links,
    skips,
    subscribers,
)


def over(service: Service, now: datetime, real_now: datetime) -> list[int]:
    """Return the numbers of those whose storage has ended; none where KEEP_PEOPLE_DAYS is 0.

    It walks an index of rounds that ended so long ago: mostly those of people who are kept for a reason. People without
    any round are looked for among everybody: a quarter of a second for a hundred thousand.
    """
    if not service.settings.keep_people_days:
        return []
    with service.store.reading() as tx:
        return sorted(_gone(tx, service, now, real_now))


def addresses_of(service: Service, ids: Iterable[int]) -> list[str]:
    """Return the addresses of these people."""
    with service.store.reading() as tx:
        return list(tx.execute(select(subscribers.c.email).where(one_of(subscribers.c.id, ids))).scalars())


def end(service: Service, ids: Collection[int], now: datetime, real_now: datetime) -> list[str]:
    """Erase those of these people whose storage is still over, in one transaction; return their addresses.

    Whoever signs up at this very moment stays. Their keys are destroyed and the erasure log is written before the rows
    go, as for somebody who asks for it. Raises OSError if the log cannot be; then nobody is erased.
    """
    with service.store.transaction() as tx:
        mine = one_of(subscribers.c.id, ids)
        tx.execute(select(subscribers.c.id).where(mine).order_by(subscribers.c.id).with_for_update()).all()
        gone = _gone(tx, service, now, real_now, mine)
        if not gone:
            return []
        rounds = people.find(tx, one_of(enrolments.c.subscriber_id, gone))
        folding.fold_all(tx, [one.id for one in rounds], now)
        _count(tx, rounds)
        _prove(tx, service, rounds)
        who = [suppression.mark(service.keys, email) for email in gone.values()]
        erasures.note_all(service, who, erasures.ERASED, now)
        person_keys.destroy(service, who)
        tx.execute(delete(subscribers).where(one_of(subscribers.c.id, gone)))
    return list(gone.values())


def _gone(
    tx: Connection, service: Service, now: datetime, real_now: datetime, *which: ColumnElement[bool]
) -> dict[int, str]:
    """Return numbers and addresses of those of these people whose storage has ended, and whom no list keeps."""
    days = service.settings.keep_people_days
    long_ago = now - timedelta(days=days)
    both = _over(long_ago, real_now), _no_course(long_ago, real_now, days)
    found = {row.id: row.email for query in both for row in tx.execute(query.where(*which))}
    marks = {number: suppression.mark(service.keys, email) for number, email in found.items()}
    joined = consent.on_the_list(tx, marks.values())
    return {number: email for number, email in found.items() if marks[number] not in joined}


def _over(long_ago: datetime, real_now: datetime) -> Select[Any]:
    """Return the query for people with a round that ended so long ago, and with nothing that keeps them."""
    theirs = enrolments.alias()
    keeps = (
        exists().where(theirs.c.subscriber_id == subscribers.c.id, theirs.c.status.in_(LIVE)),
        exists().where(theirs.c.subscriber_id == subscribers.c.id, theirs.c.ended_at > long_ago),
        exists().where(letters.c.subscriber_id == subscribers.c.id),
        exists().where(
            resource_links.c.subscriber_id == subscribers.c.id,
            resource_links.c.revoked_at.is_(None),
            resource_links.c.expires_at > real_now,
        ),
        exists().where(deliveries.c.subscriber_id == subscribers.c.id, deliveries.c.status.in_(MAY_LEAVE)),
    )
    query = select(subscribers.c.id, subscribers.c.email).join(enrolments).where(enrolments.c.ended_at <= long_ago)
    return query.where(*(~reason for reason in keeps)).distinct()


def _no_course(long_ago: datetime, real_now: datetime, days: int) -> Select[Any]:
    """Return the query for people without a course, known for so long, whose last link ended so many days ago."""
    since = real_now - timedelta(days=days)
    keeps = (
        exists().where(enrolments.c.subscriber_id == subscribers.c.id),
        exists().where(
            resource_links.c.subscriber_id == subscribers.c.id,
            resource_links.c.expires_at > since,
            or_(resource_links.c.revoked_at.is_(None), resource_links.c.revoked_at > since),
        ),
        exists().where(deliveries.c.subscriber_id == subscribers.c.id, deliveries.c.status.in_(MAY_LEAVE)),
    )
    query = select(subscribers.c.id, subscribers.c.email).where(subscribers.c.created_at <= long_ago)
    return query.where(*(~reason for reason in keeps))


def _count(tx: Connection, rounds: list[Person]) -> None:
    """Add what these rounds came to, to the numbers that are kept."""
    ids = one_of(enrolments.c.id, [one.id for one in rounds])
    counts: Counter[tuple[Any, ...]] = Counter()
    for row in tx.execute(select(enrolments.c.course, enrolments.c.status, enrolments.c.ended_at).where(ids)):
        counts[row.course, PastFact(row.status), 0, monday(row.ended_at)] += 1  # none goes on, or they would be kept
    for fact, table, at in (
        (PastFact.COMPLETED, completions, completions.c.completed_at),
        (PastFact.SKIPPED, skips, skips.c.skipped_at),
    ):
        days = select(enrolments.c.course, table.c.day, at.label("at")).join_from(table, enrolments).where(ids)
        for row in tx.execute(days):
            counts[row.course, fact, row.day, monday(row.at)] += 1
    names = ("course", "fact", "day", "week")
    # In one order, so that two workers that count at once never wait for each other.
    rows = [{**dict(zip(names, key, strict=True)), "number": counts[key]} for key in sorted(counts)]
    insert_adding(tx, past_counts, rows)


def _prove(tx: Connection, service: Service, rounds: list[Person]) -> None:
    """Note when a finished course had its end: three years later its proof goes. Leaving noted its own."""
    finished = {one.id: one for one in rounds if one.status == EnrolmentStatus.FINISHED}
    ends = select(enrolments.c.id, enrolments.c.ended_at).where(one_of(enrolments.c.id, finished))
    for row in tx.execute(ends).all():
        person = finished[row.id]
        consent.record(tx, service.keys, person, consent.ENDED, "finished", "the last letter", row.ended_at)
