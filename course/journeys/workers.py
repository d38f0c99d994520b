"""In charge of which workers live, where several share a database: each says so there, and hears the others.

When a worker has heard nothing new of another one for a minute, it takes that one for dead and sweeps its claims. A
worker that cannot say that it lives stops handing over after half a minute: before anybody takes its claims for
abandoned. Both go by stopwatches: setting a clock, even the database's, makes nobody count as dead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ScalarSelect, delete, func, insert, select, tuple_, update

from course.store.database import Store
from course.store.tables import SILENT, workers

BEAT = 10.0  # seconds between two signs of life
TOUCH_LASTS = 30.0  # seconds after the last sign that was written down; then this worker is out of touch
FORGOTTEN = timedelta(days=1)
Sign = tuple[str, datetime]  # a worker's name, and its last sign of life by the database's clock


class Heartbeat:
    """A worker's signs of life. `monotonic` returns seconds that never jump.

    On SQLite there are none: a lock file proves that its only clock lives.
    """

    def __init__(self, store: Store, worker: str, monotonic: Callable[[], float]) -> None:
        self._store = store
        self._worker = worker
        self._monotonic = monotonic
        self._last = self._unbroken = float("-inf")
        self._heard: dict[Sign, float] = {}  # since when, by the stopwatch, that is the last sign of this worker

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
            signs = [tuple(row) for row in tx.execute(select(workers.c.name, workers.c.beat_at))]
        if began - self._last >= TOUCH_LASTS:
            self._unbroken = began  # what was claimed before may be somebody else's by now
            self._heard = {}  # nobody could be heard meanwhile: an outage of the database makes nobody dead
        self._last, heard = began, self._monotonic()
        self._heard = {(name, at): self._heard.get((name, at), heard) for name, at in signs}

    def in_touch(self, since: float) -> bool:
        """Whether the others could tell, ever since that moment of the stopwatch, that this worker lives."""
        if self._store.sqlite:
            return True
        return self._unbroken <= since and self._monotonic() - self._last < TOUCH_LASTS

    def silent(self) -> list[Sign]:
        """Return the last sign of each worker that has given no new one for a minute, while we were listening."""
        return [sign for sign, since in self._heard.items() if self._last - since >= SILENT]

    def end(self) -> None:
        """Say goodbye: whatever is still claimed has no owner any more."""
        if not self._store.sqlite:
            with self._store.transaction() as tx:
                tx.execute(delete(workers).where(workers.c.name == self._worker))


def living(silent: Sequence[Sign]) -> ScalarSelect[str]:
    """Return the names of the workers that live, as a subselect, for PostgreSQL.

    Those are all workers in the table but the silent ones. A worker that has given a newer sign than the one listed has
    spoken since, so it lives.
    """
    last = tuple_(workers.c.name, workers.c.beat_at)
    return select(workers.c.name).where(last.not_in(silent)).scalar_subquery()


def forget(store: Store) -> None:
    """Erase workers that have been dead for long."""
    if not store.sqlite:
        with store.transaction() as tx:
            tx.execute(delete(workers).where(workers.c.beat_at <= func.clock_timestamp() - FORGOTTEN))
