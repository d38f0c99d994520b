"""In charge of facts about the service itself: that the clock ticks, that the breaker is open, which key is right."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from secrets import token_hex

from sqlalchemy import BigInteger, Connection, Select, Text, bindparam, case, cast, delete, select, update

from course.journeys.service import Service
from course.keys import Keys
from course.settings import SettingsError
from course.store.database import insert_new
from course.store.tables import facts

TICK = "last_tick"
KEY = "key_check"
DATABASE = "database"  # a random name, which backups share
LINE = "line"  # another one, which each restore begins anew
BESIDE = "beside"  # which database DATA_DIR remembered when this one began; forgotten when somebody comes
MARK = "mark"  # the newest moment that this database knows

# Made once: they are asked at every tick, or at most of them.
RECALL = select(facts.c.value, facts.c.at).where(facts.c.name == bindparam("fact"))
CHANGE = update(facts).where(facts.c.name == bindparam("fact")).values(value=bindparam("said"), at=bindparam("moment"))
LAST, RAISED = cast(facts.c.value, BigInteger), bindparam("milliseconds", type_=BigInteger)
RAISE = (  # in one statement: two workers may do it at once
    update(facts)
    .where(facts.c.name == MARK)
    .values(value=cast(case((LAST >= RAISED, LAST + 1), else_=RAISED), Text), at=bindparam("moment"))
    .returning(facts.c.value)
)


def remember(tx: Connection, name: str, value: str, real_now: datetime) -> None:
    """Write down a fact: it is usually there, and only changes."""
    said = {"fact": name, "said": value, "moment": real_now}
    if tx.execute(CHANGE, said).rowcount or insert_new(tx, facts, [{"name": name, "value": value, "at": real_now}]):
        return
    tx.execute(CHANGE, said)  # another worker was first to write it


def recall(tx: Connection, name: str) -> tuple[str, datetime | None]:
    """Return a fact and when it was written down; ("", None) for one that is not known."""
    row = tx.execute(RECALL, {"fact": name}).first()
    return (row.value, row.at) if row else ("", None)


def recall_all(tx: Connection, *names: str) -> dict[str, tuple[str, datetime]]:
    """Return those of these facts that are known, by their names, in one question: it is asked at every tick."""
    return {name: (value, at) for name, value, at in tx.execute(_of(names))}


def forget(tx: Connection, name: str) -> None:
    """Let a fact be one no more."""
    tx.execute(delete(facts).where(facts.c.name == name))


def identity(tx: Connection, real_now: datetime) -> str:
    """Return the random name of this database, which its backups share; given at its first start."""
    known, _ = recall(tx, DATABASE)
    if not known:
        insert_new(tx, facts, [{"name": DATABASE, "value": token_hex(16), "at": real_now}])
        known, _ = recall(tx, DATABASE)  # another worker's, if it was first
    return known


def raise_mark(tx: Connection, real_now: datetime) -> int:
    """Raise the mark, the newest moment that this database knows, and return it: milliseconds since 1970, real time.

    It only ever grows, also when the clock was put back: whichever of two states is older has the lower one.
    """
    moment = milliseconds(real_now)
    to = {"milliseconds": moment, "moment": real_now}
    raised = tx.execute(RAISE, to).scalar()
    if raised is None and insert_new(tx, facts, [{"name": MARK, "value": str(moment), "at": real_now}]):
        return moment
    return int(raised or tx.execute(RAISE, to).scalar_one())  # without it, another worker was first to insert it


def milliseconds(moment: datetime) -> int:
    """Return a moment as whole milliseconds since 1970."""
    return int(moment.timestamp() * 1000)


def check_key(service: Service, real_now: datetime) -> None:
    """Raise SettingsError when SECRET_KEY is not the one this database was made with.

    Every link that was ever mailed and every suppressed address depends on it; a start with another key would quietly
    forget them all.
    """
    mark = key_mark(service.keys)
    with service.store.transaction() as tx:
        known, _ = recall(tx, KEY)
        if not known:
            remember(tx, KEY, mark, real_now)
        elif known != mark:
            raise SettingsError(
                "SECRET_KEY: the database was made with another one. Put the old key back, as the last one of the "
                "list (newest first, parted by commas)"
            )


def key_mark(keys: Keys) -> str:
    """Return what tells one SECRET_KEY from another, and gives nothing away."""
    return keys.hash("key check", "")


@cache
def _of(names: tuple[str, ...]) -> Select[str, str, datetime]:
    return select(facts.c.name, facts.c.value, facts.c.at).where(facts.c.name.in_(names))
