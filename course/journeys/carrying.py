"""In charge of what a restore must not forget: who asked for no mail, or for rest, or to be erased, since the backup.

It reads the database that is replaced, as far as that can still be read, and writes into the restored one.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import ColumnElement, Connection, delete, func, insert, inspect, literal, null, select, update
from sqlalchemy.exc import DBAPIError

from course.journeys import carrying_wishes, carrying_words, facts, people, suppression
from course.journeys import enrolments as rounds
from course.journeys.service import Service
from course.store.database import Store, insert_new
from course.store.sets import one_of
from course.store.states import LIVE, EndedReason, EnrolmentStatus
from course.store.tables import consents, enrolments, subscribers, suppressions

AT_ONCE = 500  # rows at a time
OVERLAP = timedelta(days=1)  # real time; a clock may have been put back, and no proof may be missed
HOW = "a restore, which remembered it"


@dataclass
class Carried:
    """How much was carried over; `unread` says what could not be, in the words of an operator."""

    suppressions: int = 0
    consents: int = 0
    stopped: int = 0
    paused: int = 0
    resumed: int = 0
    erased: int = 0
    taken_back: int = 0  # levels and entries of the journal
    chosen: int = 0  # people who chose another hour, zone, language …
    paced: int = 0  # rounds at another pace
    on_paper: int = 0  # rounds of whoever writes on paper
    revoked: int = 0  # links to exercises
    lost: int = 0  # people who signed up since the backup, and are not in it
    same_line: bool = False  # whether the replaced database continued the one that was backed up: same rows, same ids
    unread: list[str] = field(default_factory=list)


def carry(old: Store | None, service: Service, now: datetime, real_now: datetime, *, with_erased: bool) -> Carried:
    """Carry over from the replaced database, part by part: what cannot be read keeps nothing else from being carried.

    None is one that cannot be read at all. `with_erased` leaves those in who were erased since: the restore is made to
    bring them back.
    """
    carried = Carried()
    own_keys = "people's keys, without which what they wrote stays locked: see course keys restore"
    parts: list[tuple[str, Callable[[Connection, Service, Carried], None]]] = [
        ("the addresses that want no mail", _suppressions),
        ("the proof of consent", _consents),
        ("whose letters go to another address", _move),
        ("who left a course", lambda tx, service, carried: _leave(tx, service, carried, now, real_now)),
        ("who lets a course rest", lambda tx, service, carried: _rest(tx, service, carried, now)),
        ("what people chose, who writes on paper, and revoked links", partial(carrying_wishes.carry, now)),
        ("what was taken back of the journal", _take_back),
        ("who was erased", lambda tx, service, carried: _erase(tx, service, carried, with_erased=with_erased)),
    ]
    if not service.store.sqlite:  # there they are in a file of their own, which no restore touches
        parts.append((own_keys, lambda tx, service, _: carrying_words.keys(tx, service)))
    if old is None:
        carried.unread = [what for what, _ in parts]
        return carried
    try:
        with old.reading() as tx, service.store.reading() as restored:
            known = inspect(tx).has_table("facts") and facts.recall(tx, facts.KEY)[0]
            carried.same_line = bool(known) and _line(tx) == _line(restored)
    except DBAPIError:
        carried.unread = [what for what, _ in parts]
        return carried
    if not known:  # new and empty, or none of ours
        return carried
    if known != facts.key_mark(service.keys):
        carried.unread = [f"{what} (it was made with another SECRET_KEY)" for what, _ in parts]
        return carried
    for what, part in parts:
        try:
            with old.reading() as tx:
                part(tx, service, carried)
        except DBAPIError:
            carried.unread.append(what)
    return carried


def _suppressions(old: Connection, service: Service, carried: Carried) -> None:
    for some in old.execute(select(suppressions)).mappings().partitions(AT_ONCE):
        with service.store.transaction() as tx:
            carried.suppressions += insert_new(tx, suppressions, [dict(row) for row in some])


def _consents(old: Connection, service: Service, carried: Carried) -> None:
    """Add the proof that the backup does not have; two rows are the same when a person did the same at one moment."""
    facts_of = [column for column in consents.c if column.name != "id"]
    with service.store.reading() as tx:
        last = tx.execute(select(func.max(consents.c.at))).scalar()
    since = [consents.c.at >= last - OVERLAP] if last else []
    for some in old.execute(select(*facts_of).where(*since)).mappings().partitions(AT_ONCE):
        with service.store.transaction() as tx:
            mine = select(consents.c.who, consents.c.course, consents.c.what, consents.c.at)
            known = {tuple(row) for row in tx.execute(mine.where(consents.c.who.in_({row["who"] for row in some})))}
            new = [dict(row) for row in some if (row["who"], row["course"], row["what"], row["at"]) not in known]
            if new:
                tx.execute(insert(consents), new)
            carried.consents += len(new)


def _move(old: Connection, service: Service, carried: Carried) -> None:
    """Let letters go where they went last: the address of before may be another's by now, or not safe any more."""
    if not carried.same_line:
        return
    there = select(subscribers.c.id, subscribers.c.email, subscribers.c.email_key)
    for some in old.execute(there).partitions(AT_ONCE):
        with service.store.transaction() as tx:
            theirs = one_of(subscribers.c.id, [row.id for row in some])
            before = dict(tx.execute(select(subscribers.c.id, subscribers.c.email_key).where(theirs)).all())
            taken = select(subscribers.c.email_key)
            for row in some:
                if before.get(row.id, row.email_key) != row.email_key:
                    free = subscribers.c.id == row.id, literal(row.email_key).not_in(taken)
                    tx.execute(update(subscribers).where(*free).values(email=row.email, email_key=row.email_key))


def _leave(old: Connection, service: Service, carried: Carried, now: datetime, real_now: datetime) -> None:
    """Stop whoever has left since and not come back: their newest word in either database counts."""
    left = _newest(old, "withdrawn")
    back = _newest(old, "given", left)
    with service.store.reading() as tx:
        given = _newest(tx, "given", left)
    gone = {
        key: reason
        for key, (at, reason) in left.items()
        if all(key not in yes or yes[key][0] < at for yes in (back, given))
    }
    for some in _live(service) if gone else ():
        with service.store.transaction() as tx:
            for person in some:
                reason = gone.get((suppression.mark(service.keys, person.email), person.course))
                if reason is not None:
                    ended = EndedReason(reason) if reason in set(EndedReason) else EndedReason.UNSUBSCRIBED
                    carried.stopped += rounds.stop(tx, service.keys, person, ended, HOW, now, real_now)


def _rest(old: Connection, service: Service, carried: Carried, now: datetime) -> None:
    if not carried.same_line:
        return
    end = enrolments.c.resume_at if "resume_at" in carrying_wishes.columns(old, enrolments) else null()  # since 0005
    paused = select(enrolments.c.id, end).where(enrolments.c.status == EnrolmentStatus.PAUSED)
    for some in old.execute(paused).partitions(AT_ONCE):
        ends = dict(some)
        with service.store.transaction() as tx:
            for person in people.find(tx, enrolments.c.id.in_(ends)):
                until = ends[person.id]
                carried.paused += rounds.pause(tx, person, now, until) or rounds.pause_until(tx, person, until, now)


def _take_back(old: Connection, service: Service, carried: Carried) -> None:
    if carried.same_line:
        carried.taken_back = carrying_words.take_back(old, service) + carrying_words.answers(old, service)


def _erase(old: Connection, service: Service, carried: Carried, *, with_erased: bool) -> None:
    """Erase again whoever is missing from the replaced database, if that continued the one that was backed up."""
    kept = set(old.execute(select(subscribers.c.email_key)).scalars())
    ids = set(old.execute(select(subscribers.c.id)).scalars())
    with service.store.reading() as tx:
        known = tx.execute(select(subscribers.c.id, subscribers.c.email_key)).all()
    carried.lost = len(kept - {row.email_key for row in known})
    if with_erased or not carried.same_line:
        return
    gone = one_of(subscribers.c.id, [row.id for row in known if row.id not in ids])
    with service.store.transaction() as tx:
        carried.erased += tx.execute(delete(subscribers).where(gone)).rowcount


def _newest(
    tx: Connection, what: str, only: Container[tuple[str, str]] | None = None
) -> dict[tuple[str, str], tuple[datetime, str]]:
    """Return when each person last gave or withdrew consent to each course, and in which words."""
    query = select(consents.c.who, consents.c.course, consents.c.at, consents.c.wording)
    found = tx.execute(query.where(consents.c.what == what).order_by(consents.c.at, consents.c.id))
    return {
        (row.who, row.course): (row.at, row.wording) for row in found if only is None or (row.who, row.course) in only
    }


def _live(service: Service) -> Iterator[list[people.Person]]:
    """Yield the live rounds of the restored database, some at a time."""
    last = 0
    while True:
        with service.store.reading() as tx:
            mine: ColumnElement[bool] = enrolments.c.id > last
            query = select(enrolments.c.id).where(mine, enrolments.c.status.in_(LIVE)).order_by(enrolments.c.id)
            found = tx.execute(query.limit(AT_ONCE)).scalars().all()
            some = people.find(tx, enrolments.c.id.in_(found))
        if not found:
            return
        yield some
        last = found[-1]


def _line(tx: Connection) -> tuple[str, str]:
    return facts.recall(tx, facts.DATABASE)[0], facts.recall(tx, facts.LINE)[0]
