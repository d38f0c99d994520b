"""In charge of real workers that are killed, stopped and woken, of the sinks they send to, and of what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from conftest import make_settings
from servers import Answer, MailServer, Provider, Request
from sqlalchemy import text, update

from course.app import App
from course.journeys import demo
from course.settings import EMAILS
from course.store.database import Store
from course.store.tables import subscribers

ROOT = Path(__file__).parents[1]
LIST_ID = re.compile(rb"^List-Id:[ \t]*(\S+)", re.IGNORECASE | re.MULTILINE)
STAND = "SELECT s.email, d.status, d.attempts FROM deliveries d JOIN subscribers s ON s.id = d.subscriber_id"


class Lesson(NamedTuple):
    """What must come once: a person, by their address, a course, by its List-Id, and the person's date."""

    to: str
    course: str
    date: date


def noon() -> str:
    """Return a time zone in which it is about noon: no lesson waits for tomorrow, and no date ends meanwhile."""
    return f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"


class Mails(MailServer):
    """A mail server that keeps of each mail only whose lesson it is, and answers `pace` seconds later."""

    def __init__(self, pace: float, *, pipelining: bool = True) -> None:
        super().__init__(pipelining=pipelining)
        self.pace = pace
        self.came: list[Lesson] = []

    @property
    def way(self) -> dict[str, str]:
        """The settings that lead here."""
        return {"TRANSPORT": "smtp", "SMTP_URL": f"smtp://127.0.0.1:{self.port}"}

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 (aiosmtpd's name)
        found = LIST_ID.search(envelope.content)
        self.came.append(_lesson(envelope.rcpt_tos[0], found[1].decode() if found else ""))
        await asyncio.sleep(self.pace)
        return "250 2.0.0 OK"


class Calls(Provider):
    """A stand-in for SendGrid that keeps of each request only whose lessons are in it, and answers later."""

    def __init__(self, pace: float) -> None:
        super().__init__()
        self.pace = pace
        self.came: list[Lesson] = []

    @property
    def way(self) -> dict[str, str]:
        """The settings that lead here."""
        return {"TRANSPORT": "sendgrid", "SENDGRID_API_KEY": "SG.test", "SENDGRID_BASE_URL": self.url}

    def answer(self, request: Request | None) -> Answer:
        assert request is not None
        self.requests.clear()
        people = request.body["personalizations"]
        self.came += [_lesson(person["to"][0]["email"], person["headers"]["List-Id"]) for person in people]
        self.over.wait(self.pace)
        return Answer()


Sink = Mails | Calls


def _lesson(to: str, course: str) -> Lesson:
    return Lesson(to, course, datetime.now(ZoneInfo(noon())).date())


@dataclass
class Crew:
    """Real workers on one database, and what can be done to them. All of them end with it."""

    folder: Path
    environment: Mapping[str, str]
    at_work: list[subprocess.Popen[bytes]] = field(default_factory=list)
    asleep: list[subprocess.Popen[bytes]] = field(default_factory=list)
    started: int = 0

    @classmethod
    @contextlib.contextmanager
    def of(
        cls, folder: Path, database: str, sink: Sink, connections: int, more: Mapping[str, str] | None = None
    ) -> Iterator[Crew]:
        """Yield a crew that has nobody yet. Each of it has so many connections to the sink, and these settings more."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        allowed = dict.fromkeys(("SMTP_CONNECTIONS", "SENDGRID_CONNECTIONS"), str(connections))
        here = {"DATA_DIR": str(folder / "var"), "DATABASE_URL": database, "EMAILS_DIR": str(in_english(folder))}
        crew = cls(folder, {**kept, **allowed, **sink.way, **here, **(more or {})})
        try:
            yield crew
        finally:
            for worker in (*crew.at_work, *crew.asleep):
                worker.kill()
                worker.wait()

    def start(self, **settings: str) -> subprocess.Popen[bytes]:
        """Start one more worker; its log is kept in the folder."""
        self.started += 1
        with (self.folder / f"worker-{self.started}.log").open("wb") as log:
            command = [sys.executable, str(ROOT / "worker.py"), "--only", "clock"]
            environment = {**self.environment, **settings}
            worker = subprocess.Popen(command, cwd=self.folder, env=environment, stdout=log, stderr=log)
        self.at_work.append(worker)
        return worker

    def kill(self, worker: subprocess.Popen[bytes]) -> None:
        """Let one die, awake or asleep."""
        worker.kill()
        worker.wait()
        (self.at_work if worker in self.at_work else self.asleep).remove(worker)

    def stop(self, worker: subprocess.Popen[bytes]) -> None:
        """Let one stand still, as a machine does that is out of memory or suspended."""
        worker.send_signal(signal.SIGSTOP)
        self.at_work.remove(worker)
        self.asleep.append(worker)

    def wake(self, worker: subprocess.Popen[bytes]) -> None:
        """Let one go on as if nothing had happened."""
        worker.send_signal(signal.SIGCONT)
        self.asleep.remove(worker)
        self.at_work.append(worker)

    def end(self) -> list[int]:
        """Ask everybody to end; return how each did."""
        for worker in list(self.asleep):
            self.wake(worker)
        for worker in self.at_work:
            worker.terminate()
        codes = [worker.wait() for worker in self.at_work]
        self.at_work.clear()
        return codes

    def died(self) -> list[int]:
        """Return how those ended that nobody ended: none should."""
        return [worker.returncode for worker in self.at_work if worker.poll() is not None]


def in_english(folder: Path) -> Path:
    """Make a folder of emails with one course in one language: each worker checks all of it before it starts."""
    emails = folder / "emails"
    if not emails.exists():
        shutil.copytree(EMAILS, emails, ignore=shutil.ignore_patterns("writing-*", "en-US", "es", "he"))
        course = emails / "courses" / "self-compassion" / "course.toml"
        toml = re.sub(r"(?m)^locales = .*$", 'locales = ["en-GB"]', course.read_text(encoding="utf-8"))
        course.write_text(toml, encoding="utf-8")
    return emails


def owe(folder: Path, database: str, people: int) -> None:
    """Make so many people, each of whom is owed a lesson now, at noon."""
    app = App.build(make_settings(data_dir=folder / "var", database_url=database, emails_dir=in_english(folder)))
    demo.make(app.service, people, app.clock.now(), due=True)
    with app.service.store.transaction() as tx:
        tx.execute(update(subscribers).values(timezone=noon()))
    app.close()


@dataclass(frozen=True)
class Books:
    """What the database says. `doubted` counts each time that somebody's lesson was in doubt."""

    people: int
    sent: set[str]
    waiting: set[str]  # owed, or in doubt for now
    doubted: Counter[str]
    odd: Counter[str]  # neither sent nor in doubt, by status

    @classmethod
    def of(cls, store: Store, people: int) -> Books:
        """Read them. A lesson that was in doubt is tried again (an attempt each time) or waits for an event."""
        sent, waiting, doubted, odd = set[str](), set[str](), Counter[str](), Counter[str]()
        with store.reading() as tx:
            for email, status, attempts in tx.execute(text(STAND)):
                doubts = attempts + (status == "stalled")
                doubted.update({email: doubts} if doubts else {})
                if status == "sent":
                    sent.add(email)
                elif doubts and status in {"queued", "stalled"}:
                    waiting.add(email)
                else:
                    odd[status] += 1
        return cls(people, sent, waiting, doubted, odd)

    @property
    def closed(self) -> bool:
        """Whether each lesson is sent, or was in doubt and waits."""
        return not self.odd and len(self.sent) + len(self.waiting) == self.people


@dataclass(frozen=True)
class Verdict:
    """What came of it, person by person."""

    doubts: int
    lost: set[str]  # noted as sent, and it never came
    twice: Counter[str]  # how often more than once; only a doubt may do that
    unexplained: set[str]  # came more often than they were in doubt, or came and is not noted

    @classmethod
    def of(cls, came: list[Lesson], books: Books) -> Verdict:
        """Compare what came with the books."""
        people = {lesson.to for lesson in came}
        twice = Counter({lesson.to: number - 1 for lesson, number in Counter(came).items() if number > 1})
        unexplained = {who for who, number in twice.items() if number > books.doubted[who]}
        unexplained |= people - books.sent - books.waiting
        return cls(books.doubted.total(), books.sent - people, twice, unexplained)
