"""In charge of a database with a million people: made once in a run, then copied."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

from sqlalchemy import insert, literal, select, update

from benchmarks.run import Run
from course.app import App
from course.journeys import demo
from course.settings import load
from course.store.states import DeliveryKind, DeliveryStatus
from course.store.tables import deliveries, enrolments, subscribers

KEPT = "crowd"  # the folder of the run in which the first four fifths of them live
LATER = timedelta(days=2)  # until anybody who is not owed a lesson now is: no benchmark takes so long


@dataclass(frozen=True)
class StandingClock:
    """A clock that stands still, so that nothing falls due while we measure."""

    at: datetime

    def now(self) -> datetime:
        """Return course time."""
        return self.at

    def real(self) -> datetime:
        """Return real time."""
        return self.at

    def monotonic(self) -> float:
        """Return seconds that never jump; these stand too."""
        return 0.0

    def rest(self, seconds: float, until: Event) -> None:
        """Let so many seconds go by, or fewer: until the event is set."""
        until.wait(seconds)


CLOCK = StandingClock(datetime.now(UTC))


def size(run: Run) -> int:
    """Return how many people a crowd is."""
    return 20_000 if run.small else 1_000_000


def due(run: Run) -> int:
    """Return how many of them can be owed a lesson."""
    return size(run) // 5


def copied(run: Run, *, owed: bool) -> Path:
    """Return a data folder with a crowd on SQLite; the last fifth of it is owed a lesson now, or nobody is."""
    first = run.folder / KEPT
    if not first.exists():
        print(f"    making {size(run):,} people; a million takes a minute or two", flush=True)
        _add(first, size(run) - due(run), owed=False)
    folder = run.new_folder()
    shutil.copytree(first, folder, dirs_exist_ok=True)
    _add(folder, due(run), owed=owed)
    return folder


def of(folder: Path, database: str = "") -> App:
    """Return the service of a data folder, with a clock that stands still."""
    return App.build(load(data_dir=folder, database_url=database, transport="folder"), clock=CLOCK)


def fill(app: App, people: int, *, owed: bool = False) -> None:
    """Add so many people."""
    demo.make(app.service, people, CLOCK.now() + (timedelta(0) if owed else LATER), due=owed)


def welcome(app: App) -> None:
    """Give everybody a welcome that was sent: what has left must not be looked at by any tick."""
    sent = {"kind": DeliveryKind.NOTICE, "name": "welcome", "status": DeliveryStatus.SENT}
    moments = {
        "due_at": enrolments.c.created_at,
        "send_at": enrolments.c.created_at,
        "settled_at": enrolments.c.created_at,
    }
    theirs = {
        "subscriber_id": enrolments.c.subscriber_id,
        "enrolment_id": enrolments.c.id,
        "course": enrolments.c.course,
    }
    columns = theirs | moments | {name: literal(value) for name, value in sent.items()}
    with app.service.store.transaction() as tx:
        tx.execute(insert(deliveries).from_select(list(columns), select(*columns.values())))


def _add(folder: Path, people: int, *, owed: bool) -> None:
    with contextlib.closing(of(folder)) as app:
        fill(app, people, owed=owed)
        if owed:
            late = select(enrolments.c.subscriber_id).where(enrolments.c.next_send_at <= CLOCK.now())
            at_noon = update(subscribers).where(subscribers.c.id.in_(late)).values(timezone=noon(CLOCK.now()))
            with app.service.store.transaction() as tx:
                tx.execute(at_noon)


def noon(now: datetime) -> str:
    """Return a time zone in which it is about noon: a worker's clock is real, and at midnight a lesson would wait."""
    return f"Etc/GMT{now.hour - 12:+d}"  # in these names the sign says how far it is to Greenwich
