"""In charge of what a restore must not forget of smaller wishes: going on, hour, pace, paper, links and the like."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Table, func, inspect, select, update

from course.journeys import enrolments as rounds
from course.journeys import pacing, people
from course.journeys.people import Person
from course.journeys.service import Service
from course.schedule import Pace
from course.store.database import insert_new
from course.store.sets import one_of
from course.store.states import GOING_ON, EnrolmentStatus
from course.store.tables import enrolments, history, resource_links, subscribers

if TYPE_CHECKING:
    from course.journeys.carrying import Carried

# What a person chooses for all their letters. Pages and words of a reply change these, and nothing else does.
CHOSEN = (*people.SETTINGS, "plain", "country")
AT_ONCE = 500  # people at a time


def carry(now: datetime, old: Connection, service: Service, carried: Carried) -> None:
    """Carry over all of it, if the replaced database continued the one that was backed up: else ids mean others."""
    if carried.same_line:
        carried.resumed = _resumed(old, service, now)
        carried.chosen = _chosen(old, service, now)
        carried.paced = _paced(old, service, now)
        carried.on_paper = _on_paper(old, service, now)
        carried.revoked = _revoked(old, service)


def _resumed(old: Connection, service: Service, now: datetime) -> int:
    """Let a course go on that rests in the backup and went on, or came to its end, since; return how many did.

    From the moment at which it did, as a pause does that was over by itself: what was due before now may have been sent
    by the lost database, and is owed as of then.
    """
    went_on = history.c.enrolment_id == enrolments.c.id, history.c.event == "resumed"
    newest = select(func.max(history.c.at)).where(*went_on).scalar_subquery()
    there = select(enrolments.c.id, newest).where(
        enrolments.c.status.in_((EnrolmentStatus.ACTIVE, EnrolmentStatus.FINISHED))
    )
    total = 0
    for some in old.execute(there).partitions(AT_ONCE):
        since = dict(some)
        with service.store.transaction() as tx:
            for person in people.find(
                tx, one_of(enrolments.c.id, set(since)), enrolments.c.status == EnrolmentStatus.PAUSED
            ):
                total += rounds.resume(tx, service, person, since[person.id] or now)
    return total


def _chosen(old: Connection, service: Service, now: datetime) -> int:
    """Let letters come as people have chosen since: when, in which language, as which kind; return how many people.

    What was due before now stays so: it may have been sent by the lost database, and is owed as of then.
    """
    there = [subscribers.c[name] for name in CHOSEN if name in columns(old, subscribers)]
    total = 0
    for some in old.execute(select(subscribers.c.id, *there)).partitions(AT_ONCE):
        with service.store.transaction() as tx:
            theirs = one_of(subscribers.c.id, {row.id for row in some})
            before = {row.id: row for row in tx.execute(select(subscribers.c.id, *there).where(theirs))}
            for row in some:
                if row.id in before and tuple(row) != tuple(before[row.id]):
                    mine = people.find(tx, enrolments.c.subscriber_id == row.id)
                    chosen = {column.name: row._mapping[column.name] for column in there}  # noqa: SLF001 (SQLAlchemy's public name)
                    tx.execute(update(subscribers).where(subscribers.c.id == row.id).values(chosen))
                    _retime(tx, service, mine, row.id, now)
                    total += 1
    return total


def _retime(tx: Connection, service: Service, before: list[Person], subscriber_id: int, now: datetime) -> None:
    overdue = [one.id for one in before if _overdue(tx, one, now)]
    after = people.find(tx, enrolments.c.subscriber_id == subscriber_id, limit=1)
    moved = [(one.send_hour, one.timezone) for one in (*before[:1], *after)]
    if len(set(moved)) > 1:
        rounds.retime(tx, service, before[0], now, but=overdue)


def _overdue(tx: Connection, person: Person, now: datetime) -> bool:
    comes = people.coming(tx, person.id)
    return comes is not None and comes <= now


def _paced(old: Connection, service: Service, now: datetime) -> int:
    """Let the letters of a course come at the pace that was chosen since; return how many rounds.

    As with another hour, what was due before now stays so, and is owed as of then.
    """
    if "pace" not in columns(old, enrolments):
        return 0
    total = 0
    for some in old.execute(select(enrolments.c.id, enrolments.c.pace)).partitions(AT_ONCE):
        paces = {row.id: Pace(row.pace) for row in some}
        with service.store.transaction() as tx:
            them = people.find(tx, one_of(enrolments.c.id, set(paces)), enrolments.c.status.in_(GOING_ON))
            for person in them:
                if paces[person.id] == person.pace or paces[person.id] not in pacing.offered(service, person.course):
                    continue
                total += 1
                if _overdue(tx, person, now):
                    tx.execute(update(enrolments).where(enrolments.c.id == person.id).values(pace=paces[person.id]))
                else:
                    pacing.change(tx, service, person, paces[person.id], now)
    return total


def _on_paper(old: Connection, service: Service, now: datetime) -> int:
    """Ask after nobody who has said since that they write on paper; return how many rounds."""
    if "on_paper" not in columns(old, enrolments):
        return 0
    said = old.execute(select(enrolments.c.id).where(enrolments.c.on_paper)).scalars().all()
    with service.store.transaction() as tx:
        them = people.find(tx, one_of(enrolments.c.id, said), enrolments.c.on_paper.is_(False))
        for person in them:
            pacing.set_on_paper(tx, person, now, on_paper=True)
    return len(them)


def _revoked(old: Connection, service: Service) -> int:
    """Let what was revoked since stay so: links that were made by hand, and marks for those in letters."""
    if not columns(old, resource_links):
        return 0
    ended = old.execute(select(resource_links).where(resource_links.c.revoked_at.is_not(None))).mappings().all()
    with service.store.transaction() as tx:
        theirs = one_of(subscribers.c.id, {row["subscriber_id"] for row in ended if row["subscriber_id"]})
        known = set(tx.execute(select(subscribers.c.id).where(theirs)).scalars())
        total = insert_new(tx, resource_links, [dict(row) for row in ended if row["subscriber_id"] in known])
        for row in ended:
            works = resource_links.c.id == row["id"], resource_links.c.revoked_at.is_(None)
            total += tx.execute(update(resource_links).where(*works).values(revoked_at=row["revoked_at"])).rowcount
    return total


def columns(old: Connection, table: Table) -> set[str]:
    """Return the columns of a table in a database that may be of an older version; none where it is not there."""
    there, schema = inspect(old), table.schema
    found = there.get_columns(table.name, schema=schema) if there.has_table(table.name, schema=schema) else []
    return {column["name"] for column in found}
