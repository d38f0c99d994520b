"""In charge of which workers live, where several share a database: each says so, by the database's clock.

A worker that was silent for a minute is taken for dead, and its claims are swept. A worker that could not say that it
lives stops handing over after half of that, by its own stopwatch: before anybody takes its claims for abandoned.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import ScalarSelect, delete, func, insert, select, update

from course.store.database import Store
from course.store.tables import workers

BEAT = 10.0  # seconds between two signs of life
OUT_OF_TOUCH = 30.0  # seconds after the last one that was written down
SILENT = timedelta(seconds=60)
FORGOTTEN = timedelta(days=1)


class Heartbeat:
    """A worker's signs of life. `monotonic` returns seconds that never jump.

    On SQLite there are none: a lock file proves that its only clock lives.
    """

    def __init__(self, store: Store, worker: str, monotonic: Callable[[], float]) -> None:
        self._store = store
        self._worker = worker
        self._monotonic = monotonic
        self._last = self._unbroken = float("-inf")

    def beat(self, *, at_least: float = 0.0) -> None:
        """Say that this worker lives, unless it did so less than `at_least` seconds ago.

        Raises what the database raises: then it was not said.
        """
        began = self._monotonic()
        if self._store.sqlite or began - self._last < at_least:
            return
        at = func.clock_timestamp()
        with self._store.transaction() as tx:
            if not tx.execute(update(workers).where(workers.c.name == self._worker).values(beat_at=at)).rowcount:
                tx.execute(insert(workers).values(name=self._worker, beat_at=at))
        if began - self._last >= OUT_OF_TOUCH:
            self._unbroken = began  # what was claimed before may be somebody else's by now
        self._last = began

    def in_touch(self, since: float) -> bool:
        """Whether the others could know, ever since that moment of the stopwatch, that this worker lives."""
        if self._store.sqlite:
            return True
        return self._unbroken <= since and self._monotonic() - self._last < OUT_OF_TOUCH

    def end(self) -> None:
        """Say goodbye: whatever is still claimed has no owner any more."""
        if not self._store.sqlite:
            with self._store.transaction() as tx:
                tx.execute(delete(workers).where(workers.c.name == self._worker))


def living() -> ScalarSelect[str]:
    """Return the names of the workers that live, as a subselect, for PostgreSQL."""
    return select(workers.c.name).where(workers.c.beat_at > func.clock_timestamp() - SILENT).scalar_subquery()


def forget(store: Store) -> None:
    """Erase workers that have been dead for long."""
    if not store.sqlite:
        with store.transaction() as tx:
            tx.execute(delete(workers).where(workers.c.beat_at <= func.clock_timestamp() - FORGOTTEN))
