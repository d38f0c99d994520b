"""In charge of whether sending may go on: the database must be the newest there was, and no clock have jumped.

A small file in DATA_DIR, the watermark, names the database and the newest moment that it knew. A database that is older
than that was put back: it would send again what was sent since, so sending is turned off and somebody is asked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from sqlalchemy import Connection, select

from course import jumps
from course.clock import Clock
from course.files import write_whole
from course.journeys import facts, switch
from course.journeys.switch import Off, Why
from course.jumps import Reading
from course.store import ids
from course.store.database import Store
from course.store.tables import subscribers

NOTE = timedelta(seconds=30)  # real time between two notes that the clock ticks: often enough, and spares the disk
BESIDE = "DATA_DIR has served another database, and this one is empty: check DATABASE_URL and DATA_DIR"
log = structlog.get_logger()


@dataclass(frozen=True)
class Watermark:
    """A database by its random name, and its mark: milliseconds since 1970, real time."""

    database: str
    mark: int

    @property
    def moment(self) -> datetime:
        """The newest moment that the database knew."""
        return datetime.fromtimestamp(self.mark / 1000, UTC)


@dataclass
class Guard:
    """What a process remembers of the database and of the clock; made once, at its start."""

    store: Store
    path: Path
    clock: Clock
    known: Watermark
    read: Reading
    far: bool = False  # the clock is ahead by a jump
    told_of_jump: bool = False
    noted_at: datetime | None = None
    beside: bool = False  # it began under a DATA_DIR that remembers another one, and nobody has come to it yet

    @classmethod
    def open(cls, store: Store, data_dir: Path, clock: Clock) -> Guard:
        """Compare the database with the watermark, and turn sending off when it is older, or another one."""
        path = data_dir / "watermark"
        known, here = read(path), Reading.of(clock)
        with store.transaction() as tx:
            facts.identity(tx, here.real)
            facts_now = facts.recall_all(tx, facts.DATABASE, facts.MARK, facts.BESIDE)
            found, empty = _found(facts_now), not _anybody(tx)
            why = _doubt(known, found, sqlite=store.sqlite)
            other = known if known and known.mark and known.database != found.database else None
            beside = other is not None and other.database == facts_now.get(facts.BESIDE, ("",))[0]
            if why is not None and found.mark == 0 and empty and not beside:
                # A new database, with nobody in it who could get a mail twice. What the one before it gave out is
                # still in people's inboxes, so the ids begin after it.
                ids.begin_at(tx, facts.milliseconds(here.real))
                if other is not None:
                    facts.remember(tx, facts.BESIDE, other.database, here.real)
                    beside = True
            elif why is not None and not beside:
                switch.turn_off(tx, why, here.real, known.moment if known else found.moment)
        if beside and empty:
            log.warning(BESIDE)
        if known is None or (why is not None and not beside):
            write(path, found)
        return cls(store, path, clock, found, here, beside=beside)

    def look(self) -> Off | None:
        """Return why sending is off, or None. Turns it off when the database went back, or the clock jumped ahead."""
        now = Reading.of(self.clock)
        self.far = jumps.ahead(self.read, now) > jumps.TOO_FAR
        with self.store.reading() as tx:
            facts_now = facts.recall_all(tx, switch.NAME, facts.DATABASE, facts.MARK)
        off, found = switch.read(facts_now), _found(facts_now)
        if found.database != self.known.database or found.mark < self.known.mark:
            why = Why.OLDER if found.database == self.known.database else Why.ANOTHER
            off = self._write(lambda tx: switch.turn_off(tx, why, now.real, self.known.moment))
            self.known = found
        if not self.far:
            if self.told_of_jump and off is not None and off.why == Why.CLOCK:
                off = self._write(lambda tx: switch.turn_on(tx, now.real))
            self.told_of_jump, self.read = False, now
        elif off is None and self.told_of_jump:  # somebody said: go on, the clock is right now
            self.far, self.told_of_jump, self.read = False, False, now
        elif off is None:
            off = self._write(lambda tx: switch.turn_off(tx, Why.CLOCK, now.real))
            self.told_of_jump = True
        else:
            self.told_of_jump |= off.why == Why.CLOCK
        return off

    def jumped(self) -> bool:
        """Whether sending is off because the clock jumped ahead: then nothing has had its time."""
        off = self.look()
        return off is not None and off.why == Why.CLOCK

    def note(self, *, settled: bool) -> None:
        """Say that the clock ticks, and how far the database is: after each turn that sent, else twice a minute."""
        real_now = self.clock.real()
        if not settled and self.noted_at is not None and abs(real_now - self.noted_at) < NOTE:
            return
        known, beside = self.known, self.beside
        with self.store.transaction() as tx:
            facts.remember(tx, facts.TICK, "", real_now)
            if beside and _anybody(tx):
                facts.forget(tx, facts.BESIDE)
                beside = False
            if not self.far:  # a moment that is none yet must not become the newest one known
                known = Watermark(facts.identity(tx, real_now), facts.raise_mark(tx, real_now))
        # After the commit: a mark that was rolled back would make the database look older than it was.
        self.known, self.beside, self.noted_at = known, beside, real_now
        if self.beside:  # a typo that is mended leaves no trace: the file goes on naming the other one
            return
        try:
            write(self.path, self.known)  # after the commit: the file is never ahead of the database
        except OSError as error:
            log.error("the watermark cannot be written; check DATA_DIR: its disk and its owner", error=error.strerror)

    def _write(self, act: Callable[[Connection], Off | None]) -> Off | None:
        with self.store.transaction() as tx:
            return act(tx)


def read(path: Path) -> Watermark | None:
    """Return what DATA_DIR remembers. A file that cannot be understood is of another database: somebody is asked."""
    try:
        said = json.loads(path.read_text(encoding="ascii"))
        return Watermark(str(said["database"]), int(said["mark"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        return Watermark("", 0)


def of_database(store: Store) -> Watermark:
    """Return how far a database of this version is."""
    with store.reading() as tx:
        return _found(facts.recall_all(tx, facts.DATABASE, facts.MARK))


def write(path: Path, watermark: Watermark) -> None:
    """Let DATA_DIR remember this. Raises OSError."""
    write_whole(path, json.dumps(asdict(watermark)).encode("ascii"))


def _found(known: Mapping[str, tuple[str, datetime]]) -> Watermark:
    """Return how far a database is by these facts of it; one that was never used has the mark 0."""
    return Watermark(known[facts.DATABASE][0] if facts.DATABASE in known else "", int(known.get(facts.MARK, ("0",))[0]))


def _doubt(known: Watermark | None, found: Watermark, *, sqlite: bool) -> Why | None:
    """Return what is wrong between what DATA_DIR remembers and what the database says."""
    if known is None:
        # SQLite's database lives in DATA_DIR. A new folder beside PostgreSQL is another worker of it.
        return Why.MOVED if sqlite and found.mark else None
    if known.database != found.database:
        return Why.ANOTHER
    return Why.OLDER if found.mark < known.mark else None


def _anybody(tx: Connection) -> bool:
    return tx.execute(select(subscribers.c.id).limit(1)).first() is not None
