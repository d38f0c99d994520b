"""In charge of facts about the service itself: that the clock ticks, that the breaker is open, which key is right."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from course.journeys.service import Service
from course.settings import SettingsError
from course.store.database import insert_new
from course.store.tables import facts

TICK = "last_tick"
KEY = "key_check"
NOTE = timedelta(seconds=30)  # real time between two notes that the clock ticks: often enough, and spares the disk


def remember(tx: Connection, name: str, value: str, real_now: datetime) -> None:
    """Write down a fact."""
    if not insert_new(tx, facts, [{"name": name, "value": value, "at": real_now}]):
        tx.execute(update(facts).where(facts.c.name == name).values(value=value, at=real_now))


def recall(tx: Connection, name: str) -> tuple[str, datetime | None]:
    """Return a fact and when it was written down; ("", None) for one that is not known."""
    row = tx.execute(select(facts.c.value, facts.c.at).where(facts.c.name == name)).first()
    return (row.value, row.at) if row else ("", None)


def note_tick(service: Service, real_now: datetime) -> None:
    """Say, twice a minute, that the clock ticks."""
    with service.store.reading() as tx:
        _, at = recall(tx, TICK)
    if at is None or abs(real_now - at) >= NOTE:
        with service.store.transaction() as tx:
            remember(tx, TICK, "", real_now)


def check_key(service: Service, real_now: datetime) -> None:
    """Raise SettingsError when SECRET_KEY is not the one this database was made with.

    Every link that was ever mailed and every suppressed address depends on it; a start with another key would quietly
    forget them all.
    """
    mark = service.keys.hash("key check", "")
    with service.store.transaction() as tx:
        known, _ = recall(tx, KEY)
        if not known:
            remember(tx, KEY, mark, real_now)
        elif known != mark:
            raise SettingsError(
                "SECRET_KEY: the database was made with another one. Put the old key back, as the last one of the "
                "list (newest first, parted by commas)"
            )
