"""What the tests share: alice, bob and charlie, a clock that is set by hand, a box for mail, and both databases."""

from __future__ import annotations

import contextlib
import copy
import gc
import io
import os
import re
import shutil
import sys
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import hypothesis
import in_memory
import postgres
import pytest
from sqlalchemy import Connection, Dialect, Engine, create_engine, event, text
from sqlalchemy.util import LRUCache

from course import cli, logs
from course.app import App
from course.content import catalogue, layout, sources
from course.content.catalogue import Catalogue
from course.content.mailing import Mailing
from course.content.sources import Source
from course.journeys import due
from course.journeys.signup import SignUp
from course.outbound import one_by_one
from course.outgoing import Notes, Outcome, Outgoing, Sent
from course.settings import EMAILS, Settings, load
from course.store import database as database_room
from course.store import migrate
from course.store.database import Store

# A landing is judged by the same examples each time; everybody else's runs look for new ones. No test is timed.
hypothesis.settings.register_profile("ci", derandomize=True, deadline=None)
hypothesis.settings.register_profile("here", deadline=None)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "here")

MONDAY = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)  # noon in London
CONSENT = "Send me the course by email. (the wording of the tests)"


# What no engine could decide differently runs on one of them.
ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
UNCHANGED = {EMAILS}  # folders of emails that stay as they are: a test that changes texts has its own
HANDED_OUT: set[str] = set()  # addresses of SQLite's databases that are a test's own
in_memory.settle()  # before anything asks for a temporary folder


def pytest_collection_finish() -> None:
    """Leave alone what lives as long as the run, thousands of tests among it, whenever Python looks for garbage."""
    gc.collect()
    gc.freeze()


@dataclass
class SetClock:
    """A clock that stands still until a test moves it; both times are the same."""

    at: datetime = MONDAY

    def now(self) -> datetime:
        return self.at

    def real(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    def rest(self, seconds: float, until: threading.Event) -> None:
        if not until.is_set():
            self.go(seconds=seconds)

    def go(self, **span: float) -> None:
        self.at += timedelta(**span)


@dataclass
class Box:
    """A transport that keeps what it is given, and answers as it is told (usually: sent)."""

    answer: Callable[[Outgoing], Outcome] = field(default=lambda _: Sent("provider-1"))
    sent: list[Outgoing] = field(default_factory=list)
    has_events = False
    most = 1

    def prepare(self, outgoing: Outgoing) -> None:
        outgoing.as_bytes()

    def send_many(self, batch: Iterable[Outgoing], notes: Notes) -> None:
        one_by_one(self.send, batch, notes)

    def send(self, outgoing: Outgoing) -> Outcome:
        outcome = self.answer(outgoing)
        if isinstance(outcome, Sent):
            outgoing.as_bytes()
            self.sent.append(outgoing)
        return outcome

    def close(self) -> None:
        pass

    def names(self, address: str | None = None) -> list[str]:
        return [mail.mailing.name for mail in self.sent if address in (None, mail.to)]

    def last(self, name: str) -> Outgoing:
        return next(mail for mail in reversed(self.sent) if mail.mailing.name == name)


@dataclass
class World:
    """The service with its clock and box, and what a person can do with it."""

    app: App
    clock: SetClock
    box: Box

    def sign_up(self, who: str = "alice", **changed: object) -> None:
        form = {
            "course": "self-compassion",
            "email": f"{who}@example.org",
            "name": who.capitalize(),
            "timezone": "Europe/London",
            "locale": "en-GB",
            "send_hour": 8,
            "wording": CONSENT,
            "network": "203.0.113.7",
            **changed,
        }
        self.app.sign_up(SignUp(**form))  # type: ignore[arg-type]

    def join(self, who: str = "alice", **changed: object) -> None:
        """Sign up, get the confirmation, confirm, get the welcome."""
        self.sign_up(who, **changed)
        self.app.tick()
        self.app.confirm(self.confirm_token())
        self.app.tick()

    def restart(self, **changed: object) -> None:
        """End the service and start it again, with other settings if need be."""
        settings = self.app.settings.model_copy(update=changed)
        self.app.close()
        self.app = App.build(settings, transport=self.box, clock=self.clock)

    def confirm_token(self) -> str:
        return self.link(self.box.last("confirm"), "confirm")

    def leave_token(self, mail: Outgoing | None = None) -> str:
        return self.link(mail or self.box.sent[-1], "leave")

    def link(self, mail: Outgoing, what: str) -> str:
        found = re.search(rf"/{what}/([0-9a-f]+)", mail.mailing.text_for(mail.values))
        assert found
        return found[1]

    def pass_hours(self, hours: int) -> None:
        """Let time go by. It ticks in each hour in which anything is due, and in the last."""
        for left in reversed(range(hours)):
            self.clock.go(hours=1)
            if not left or due.anything(self.app.service, self.clock.now()):
                self.app.tick()

    def reply(self, mail: Outgoing, words: str = "It helped a little.", **headers: str) -> list[str]:
        """Answer a mail as a person would; return what was decided."""
        answer = EmailMessage()
        answer["From"] = headers.pop("From", mail.to)
        answer["To"] = headers.pop("To", mail.reply_to)
        answer["Message-ID"] = headers.pop("MessageID", f"<{uuid.uuid4()}@client.example.org>")
        for name, value in headers.items():
            answer[name.replace("_", "-")] = value
        answer.set_content(f"{words}\n\nOn Tuesday, Dear Self wrote:\n> {mail.mailing.subject}\n")
        return self.deliver(answer.as_bytes())

    def deliver(self, raw: bytes, **how: tuple[str, ...]) -> list[str]:
        """Hand a raw mail in at the door."""
        self.app.receive(raw, source="test", **how)
        return [str(decision) for decision in self.app.read_spool()]

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with self.app.service.store.reading() as tx:
            return [tuple(row) for row in tx.execute(text(query))]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """One PostgreSQL server for the whole run; the wheel brings one where the system has none."""
    if postgres.binaries() is None:
        pytest.skip("no PostgreSQL programs here: set PG_BIN or install postgresql")
    with postgres.server(in_memory.place()) as address:
        yield address


@contextlib.contextmanager
def beside(world: World, before: str, act: Callable[[], object]) -> Iterator[None]:
    """Just before the first statement here that begins so, let `act` run until it is done or waits for us."""
    engine, begun, here = world.app.service.store.engine, list[Future[object]](), threading.get_ident()
    waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"

    def listen(_: object, __: object, statement: str, *___: object) -> None:
        if begun or threading.get_ident() != here or not statement.startswith(before):
            return
        begun.append(pool.submit(act))
        while not wait(begun, timeout=0.01).done and world.rows(waits) == [(0,)]:
            pass

    with ThreadPoolExecutor(1) as pool:
        event.listen(engine, "before_cursor_execute", listen)
        yield
        event.remove(engine, "before_cursor_execute", listen)
        begun[0].result()


@pytest.fixture(scope="session", autouse=True)
def _texts_read_once() -> Iterator[None]:
    """Read and compile the texts of this repository once a run, not once a test."""
    with pytest.MonkeyPatch.context() as patch:
        for read in (sources.read, sources.read_toml):
            patch.setattr(sources, read.__name__, _once(read))
        patch.setattr(catalogue, "load", _loaded_once(catalogue.load))
        patch.setattr(layout, "compile_mailing", _compiled_once(layout.compile_mailing))
        yield


@pytest.fixture(scope="session", autouse=True)
def _statements_compiled_once() -> Iterator[None]:
    """Let all engines of a kind share what SQLAlchemy made of each statement: a service makes some fifty at its start.

    It is kept by the statement and the dialect, which an engine has for itself, although they are all alike.
    """
    kept: dict[str, tuple[Dialect, LRUCache[Any, Any]]] = {}

    def share(connection: Connection) -> None:
        engine = connection.engine
        dialect, cache = kept.setdefault(engine.dialect.name, (engine.dialect, LRUCache(3_000)))
        engine.dialect = connection.dialect = dialect  # by now, the first one of its kind has met its database
        engine._compiled_cache = cache  # noqa: SLF001 (there is no other door)

    def opened(make: Callable[[str], Engine]) -> Callable[[str], Engine]:
        def engine(url: str) -> Engine:
            made = make(url)
            event.listen(made, "engine_connect", share)
            if url in HANDED_OUT:
                event.listen(made, "connect", lambda raw, _: raw.execute("PRAGMA synchronous = OFF"))
            return made

        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database_room, "_engine", opened(database_room._engine))  # noqa: SLF001
        yield


def _once(read: Callable[[Path], Any]) -> Callable[[Path], Any]:
    """Read no text twice, wherever a copy of it lies; what has mistakes is read each time, which names the place."""
    kept: dict[bytes, Any] = {}

    def found(path: Path) -> Any:
        if not path.is_file():
            return read(path)
        text = path.read_bytes()
        if text not in kept:
            one = read(path)
            if isinstance(one, Source) and one.problems:
                return one
            kept[text] = one
        one = copy.deepcopy(kept[text])
        return replace(one, path=path) if isinstance(one, Source) else one

    return found


def _loaded_once(load: Callable[[Settings], Catalogue]) -> Callable[[Settings], Catalogue]:
    """Put what ships together once for all settings that could make a difference in it.

    Each test gets a catalogue of its own, with its own settings and courses; what is below them, nobody changes.
    """
    kept: dict[str, Catalogue] = {}

    def loaded(settings: Settings) -> Catalogue:
        if settings.emails_dir not in UNCHANGED:
            return load(settings)
        place = _matters(settings)
        if place not in kept:
            kept[place] = load(settings)
        one = kept[place]
        tables = {name: dict(getattr(one, name)) for name in ("courses", "notices", "words", "phrases")}
        return Catalogue(settings, help_lines=one.help_lines, **tables)

    return loaded


def _compiled_once(compile_mailing: Callable[..., Mailing]) -> Callable[..., Mailing]:
    """Compile each mail that ships once, for the same settings, course and words: no test changes a mailing."""
    kept: dict[object, tuple[Mailing, object]] = {}

    def compiled(settings, course, source, name, day, locale, words, *, plain):
        if settings.emails_dir not in UNCHANGED:
            return compile_mailing(settings, course, source, name, day, locale, words, plain=plain)
        said = source.path, source.front["subject"], name, day, locale, plain
        place = _matters(settings), id(course), id(words), *said
        if place not in kept:
            mailing = compile_mailing(settings, course, source, name, day, locale, words, plain=plain)
            kept[place] = mailing, (course, words)  # held, so that nothing else gets their ids
        return kept[place][0]

    return compiled


def _matters(settings: Settings) -> str:
    """Return all settings but where a test keeps its data: a text is the same wherever that is."""
    return repr(settings.model_copy(update={"data_dir": None, "database_url": None}))


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_for_the_disk() -> Iterator[None]:
    """Let no file of this process wait for the disk: no test cuts the power, and kill -9 takes nothing of it.

    The workers that tests start and kill are processes of their own, and wait.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _handle: None)
        yield


@pytest.fixture(scope="session")
def sqlite_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the tables once; each test gets a copy of the file."""
    path = tmp_path_factory.mktemp("tables") / "course.db"
    store = Store(f"sqlite:///{path}")
    migrate.upgrade(store)
    store.close()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Make an empty database with its tables, of each kind."""
    if request.param == "sqlite":
        shutil.copyfile(request.getfixturevalue("sqlite_tables"), tmp_path / "course.db")
        address = f"sqlite:///{tmp_path / 'course.db'}"
        HANDED_OUT.add(address)
        yield address
        HANDED_OUT.remove(address)
        return
    with _on_postgresql(request.getfixturevalue("postgres_server"), tables=True) as address:
        yield address


@pytest.fixture
def empty(postgres_server: str) -> Iterator[str]:
    """Make a PostgreSQL database without tables."""
    with _on_postgresql(postgres_server, tables=False) as address:
        yield address


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    """Give a database with its tables."""
    store = Store(database)
    migrate.upgrade(store)
    yield store
    store.close()


@contextlib.contextmanager
def _on_postgresql(server: str, *, tables: bool) -> Iterator[str]:
    """Make a database that is there until the test has ended, with the service's tables or with none."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    admin = create_engine(server % "postgres", isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        like = f" TEMPLATE {_template(connection, server)}" if tables else ""
        connection.execute(text(f"CREATE DATABASE {name}{like}"))
    yield server % name
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


def _template(connection: object, address: str) -> str:
    """Make the tables once; each test gets a copy of the files, which is quicker than making them again."""
    name = "course_template"
    known = connection.execute(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name}).first()  # type: ignore[attr-defined]
    if not known:
        connection.execute(text(f"CREATE DATABASE {name}"))  # type: ignore[attr-defined]
        store = Store(address % name)
        migrate.upgrade(store)
        store.close()
    return name


@pytest.fixture
def settings(tmp_path: Path, database: str, request: pytest.FixtureRequest) -> Settings:
    """Load the settings of a service on that database, with a folder of its own and nothing from the environment.

    Lessons leave as the hour begins, so that tests can say when; test_spread.py has people's own minutes. A test may
    have settings of its own: parametrize("settings", [{...}], indirect=True).
    """
    own = getattr(request, "param", {})
    return make_settings(data_dir=tmp_path / "var", database_url=database, **{"spread_minutes": 1, **own})


def make_settings(**given: object) -> Settings:
    """Load settings as the service does, without this machine's environment or .env."""
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.lower() in Settings.model_fields}
    try:
        return load(_env_file=None, **given)
    finally:
        os.environ.update(kept)


@pytest.fixture(scope="session")
def two_courses(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder of emails with a second course in it, "writing"."""
    emails = tmp_path_factory.mktemp("two") / "emails"
    shutil.copytree(EMAILS, emails)
    shutil.copytree(emails / "courses/self-compassion", emails / "courses/writing")
    UNCHANGED.add(emails)
    return emails


@pytest.fixture
def world(settings: Settings) -> Iterator[World]:
    """Build the service on a real database, with a clock and a box that the test holds."""
    clock, box = SetClock(), Box()
    app = App.build(settings, transport=box, clock=clock)
    world = World(app, clock, box)
    yield world
    for one in (app, world.app):  # a test may have put another in its place
        one.close()


@pytest.fixture(autouse=True)
def _logs() -> Iterator[None]:
    """Log to the standard error of each test; what a wider fixture says between two tests goes to that of the run."""
    logs.set_up("debug")
    yield
    logs.set_up("debug")


@pytest.fixture
def pg_tools(database: str, request: pytest.FixtureRequest) -> None:
    """Put PostgreSQL's programs first where the database is one of its own."""
    if not database.startswith("sqlite"):
        request.getfixturevalue("pg_programs")


@pytest.fixture
def pg_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the programs of the tests' own PostgreSQL first: pg_dump must not be older than the server."""
    programs = postgres.binaries()
    if programs is None or not (programs / "pg_dump").exists() or not (programs / "pg_restore").exists():
        pytest.skip("no pg_dump and pg_restore beside this PostgreSQL server: install its client")
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code and what it printed."""

    code: int
    out: str
    err: str


@pytest.fixture
def shell(tmp_path, monkeypatch, capsys):
    """Give a shell with no settings but a DATA_DIR: it runs `course` with these arguments and this standard input."""
    for name in list(os.environ):
        if name.lower() in Settings.model_fields:
            monkeypatch.delenv(name)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "var"))
    monkeypatch.chdir(tmp_path)  # no .env there

    def run(*arguments, stdin=b""):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main(list(arguments))
        printed = capsys.readouterr()
        return Ended(ended.value.code or 0, printed.out, printed.err)

    return run


@pytest.fixture
def course(shell, world, monkeypatch):
    """Give a shell whose commands work on the test's world: its database, its folder and its keys."""
    monkeypatch.setenv("DATABASE_URL", world.app.settings.database_url.get_secret_value())
    return shell
