"""In charge of what a restore must not forget of smaller wishes: who writes on paper, and which links were revoked."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, select, update

from course.journeys import pacing, people
from course.journeys.service import Service
from course.store.database import insert_new
from course.store.sets import one_of
from course.store.tables import enrolments, resource_links, subscribers

if TYPE_CHECKING:
    from course.journeys.carrying import Carried


def carry(now: datetime, old: Connection, service: Service, carried: Carried) -> None:
    """Carry over both from what became of the database that was backed up; no other knows the same rows."""
    if carried.same_line:
        carried.on_paper = _on_paper(old, service, now)
        carried.revoked = _revoked(old, service)


def _on_paper(old: Connection, service: Service, now: datetime) -> int:
    """Ask after nobody who has said since that they write on paper; return of how many rounds."""
    if "on_paper" not in columns(old, enrolments.name):
        return 0
    said = old.execute(select(enrolments.c.id).where(enrolments.c.on_paper)).scalars().all()
    with service.store.transaction() as tx:
        them = people.find(tx, one_of(enrolments.c.id, said), enrolments.c.on_paper.is_(False))
        for person in them:
            pacing.check_on(tx, person, wanted=False, now=now)
    return len(them)


def _revoked(old: Connection, service: Service) -> int:
    """Let what was revoked since stay so: links that were made by hand, and marks for those in letters."""
    if not columns(old, resource_links.name):
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


def columns(old: Connection, table: str) -> set[str]:
    """Return the columns of a table in a database that may be of an older version; none where it is not there."""
    there = inspect(old)
    return {column["name"] for column in there.get_columns(table)} if there.has_table(table) else set()
