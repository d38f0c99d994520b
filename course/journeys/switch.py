"""In charge of the switch: sending is on, or off until somebody says `course sending resume`.

Its state is a fact in the database, so that all workers obey, and a restored database comes with it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from secrets import token_hex

import structlog
from sqlalchemy import Connection

from course.journeys import facts
from course.store import ids

NAME = "sending_off"
WHAT_TO_DO = "`course sending` shows what is owed, `course sending resume` goes on"
log = structlog.get_logger()


class Why(StrEnum):
    """Why sending is off."""

    HELD = "held"
    RESTORED = "restored"
    OLDER = "older"
    ANOTHER = "another"
    MOVED = "moved"
    CLOCK = "clock"


SENTENCES = {
    Why.HELD: "it was held by `course sending hold`",
    Why.RESTORED: "the database was restored from a backup, which does not know what was sent since",
    Why.OLDER: "the database is older than DATA_DIR remembers, like one that was put back by hand; it does not know "
    "what was sent since",
    Why.ANOTHER: "the database is another one than DATA_DIR remembers",
    Why.MOVED: "the database was used before, but not with this DATA_DIR; if it is a copy, it does not know what was "
    "sent since",
    Why.CLOCK: "the clock of this machine jumped ahead by more than an hour; put it right, and sending goes on by "
    "itself",
}
# What makes a line of its own: another copy of the database, lost or not, has given out ids since.
FORKED = frozenset({Why.RESTORED, Why.OLDER, Why.ANOTHER, Why.MOVED})
# A clock that is put right ends its own hold, but nobody else's.
GRAVITY = {Why.CLOCK: 0, Why.HELD: 1} | dict.fromkeys(FORKED, 2)


@dataclass(frozen=True)
class Off:
    """Sending is off. Moments are real time: `since`, and `until` when another copy of the database was used."""

    why: Why
    since: datetime
    until: datetime | None

    @property
    def because(self) -> str:
        """The reason, in words."""
        return SENTENCES[self.why]

    @property
    def sent_before(self) -> datetime | None:
        """The whole second before which another copy may have sent what this one owes; None if there was none."""
        if self.why not in FORKED:
            return None
        return (min(self.until or self.since, self.since) + timedelta(seconds=1)).replace(microsecond=0)


def look(tx: Connection) -> Off | None:
    """Return why sending is off, or None when it is on."""
    return read(facts.recall_all(tx, NAME))


def read(known: Mapping[str, tuple[str, datetime]]) -> Off | None:
    """Return the same from facts that were recalled."""
    if NAME not in known:
        return None
    value, since = known[NAME]
    said = json.loads(value)
    return Off(Why(said["why"]), since, datetime.fromisoformat(said["until"]) if said["until"] else None)


def turn_off(tx: Connection, why: Why, real_now: datetime, until: datetime | None = None) -> Off:
    """Turn sending off and return how it is off now: the graver reason stays, as GRAVITY has it.

    A database that was put back begins a line of its own, with ids that no lost copy of it can have given out.
    """
    before = look(tx)
    if before is not None and GRAVITY[why] <= GRAVITY[before.why]:
        return before
    if why in FORKED:
        facts.remember(tx, facts.LINE, token_hex(16), real_now)
        ids.begin_at(tx, facts.milliseconds(real_now))
    said = {"why": why, "until": until.isoformat() if until else None}
    facts.remember(tx, NAME, json.dumps(said), real_now)
    log.error("sending is off", why=SENTENCES[why], what_to_do=WHAT_TO_DO)
    return Off(why, real_now, until)


def turn_on(tx: Connection, real_now: datetime) -> None:
    """Let sending go on. What other folders remember of this database lies before this moment, and is settled by it."""
    facts.forget(tx, NAME)
    facts.raise_mark(tx, real_now)
    log.warning("sending goes on")
