"""In charge of our own side: a service with people who are owed a lesson, and one tick that sends it to all of them."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

from benchmarks.beside import beside
from benchmarks.results import MismatchError, Speed
from benchmarks.run import Run
from benchmarks.sinks import smtp_sink
from course import garbage
from course.app import App
from course.journeys import demo, planning
from course.outbound import folder
from course.settings import EMAILS, load

REPEATED = 10  # paragraphs: with them a mail has 19 kB, as in the measurements that the limits come from


@dataclass(frozen=True)
class Morning:
    """A clock that began at 09:20 UTC: midnight is far from all the people, so no lesson waits for another day."""

    ahead: timedelta

    @classmethod
    def begun(cls) -> Morning:
        """Return a clock that begins now."""
        now = datetime.now(UTC)
        return cls(now.replace(hour=9, minute=20, second=0) - now)

    def now(self) -> datetime:
        """Return course time."""
        return datetime.now(UTC) + self.ahead

    def real(self) -> datetime:
        """Return real time."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never jump."""
        return time.monotonic()

    def rest(self, seconds: float, until: Event) -> None:
        """Let so many seconds go by, or fewer: until the event is set."""
        until.wait(seconds)


@dataclass(frozen=True)
class Sample:
    """A lesson as it leaves, and what it is made of."""

    data: bytes
    text: str
    html: str
    subject: str


def emails(run: Run) -> Path:
    """Return a copy of emails/ whose first lesson makes a mail of 19 kB: its last paragraph comes again and again."""
    folder = run.folder / "emails"
    if not folder.exists():
        shutil.copytree(EMAILS, folder)
        for lesson in folder.glob("courses/*/*/day-1.md"):
            words = lesson.read_text(encoding="utf-8").rstrip()
            *_, last = words.split("\n")
            lesson.write_text("\n\n".join([words, *[last] * REPEATED, ""]), encoding="utf-8")
    return folder


def sample(run: Run) -> Sample:
    """Return the first lesson as one person gets it."""
    data_dir = run.new_folder()
    settings = load(data_dir=data_dir, database_url="", transport="folder", emails_dir=emails(run))
    with contextlib.closing(App.build(settings)) as app:
        demo.make(app.service, 1, app.clock.now(), due=True)
        app.tick()
        mailing = app.catalogue.mailing(app.catalogue.first.name, "day-1", app.catalogue.first.locales[0])
    data = folder.messages(data_dir / "outbox")[0].read_bytes()
    return Sample(data, mailing.text, mailing.html, mailing.subject)


@contextlib.contextmanager
def service(run: Run, people: int, settings: Mapping[str, object], *, postgres: bool = False) -> Iterator[App]:
    """Build a service with a lesson queued for all of its people; the mailing is compiled, as a worker does once."""
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(run.new_postgres()) if postgres else ""
        data_dir = stack.enter_context(tempfile.TemporaryDirectory(dir=run.folder))
        here = {"data_dir": Path(data_dir), "database_url": database, "emails_dir": emails(run)}
        app = App.build(load(**here, **settings), clock=Morning.begun())
        stack.callback(app.close)
        course = app.catalogue.first
        demo.make(app.service, people, app.clock.now(), due=True)
        planning.plan(app.service, app.clock.now())
        for locale in course.locales:
            app.catalogue.mailing(course.name, "day-1", locale)
        yield app


def send(app: App, people: int) -> Speed:
    """Send what is due (claim, fill, send, record). Raises MismatchError when it is not one message each."""
    garbage.seldom()
    began, cpu = time.perf_counter(), time.process_time()
    sent = app.tick()
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    if sent != people:
        raise MismatchError(f"{sent:,} of {people:,} messages left")
    return Speed(people / took, cpu / people * 1e6)


def by_smtp(port: int, connections: int) -> dict[str, object]:
    """Return the settings that lead to a sink, with its connections kept."""
    url = f"smtp://127.0.0.1:{port}"
    return {"transport": "smtp", "smtp_url": url, "smtp_connections": connections, "smtp_messages": 1_000_000}


def timed(run: Run, people: int, connections: int, *, postgres: bool = False, milliseconds: float = 0) -> Speed:
    """Send to smtp-sink, with so long a way each way; its count must be right."""
    with smtp_sink(run) as sink, _far(sink.port, milliseconds) as port:
        with service(run, people, by_smtp(port, connections), postgres=postgres) as app:
            speed = send(app, people)
        sink.must_have(people)
    return speed


def verified(run: Run, people: int, connections: int, *, postgres: bool = False, milliseconds: float = 0) -> None:
    """Send the same to a sink that tells messages apart: each must have come, and once. Raises MismatchError."""
    with beside("counting_sink") as sink, _far(sink.port, milliseconds) as port:
        with service(run, people, by_smtp(port, connections), postgres=postgres) as app:
            send(app, people)
        exactly(sink.counted(), people)


def exactly(counted: dict[str, int], people: int) -> None:
    """Raise MismatchError unless there was one message for each of them."""
    if (counted["messages"], counted["different"]) != (people, people):
        raise MismatchError(
            f"{counted['messages']:,} messages came, {counted['different']:,} different ones: {people:,}"
        )


@contextlib.contextmanager
def _far(port: int, milliseconds: float) -> Iterator[int]:
    if not milliseconds:
        yield port
        return
    with beside("delay", port, milliseconds) as proxy:
        yield proxy.port
