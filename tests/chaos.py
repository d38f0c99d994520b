"""In charge of `make chaos`: real workers are killed, stopped and cut off for minutes; every lesson is counted.

What tests/test_crash.py shows in seconds, at length: `python tests/chaos.py --help`. It ends with 1 when a lesson is
missing, came twice without ever being in doubt, or when more were in doubt than may be.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import in_memory
import postgres
from crashes import Books, Calls, Crew, Mails, Verdict, owe
from proxy import Proxy
from sqlalchemy import create_engine, text

from course import logs
from course.journeys.sending import CLAIM_SHARED
from course.store import migrate
from course.store.database import Store

CONNECTIONS = 3
SHORT, LONG = (0.2, 15.0), (65.0, 80.0)  # seconds; after sixty a worker's claims are taken over
PATIENCE = 12.0  # seconds until the next blow falls, even if nothing arrives meanwhile
# What is done, how often of all times, and for how long.
BLOWS = {
    "killed": (4, (0.0, 0.0)),
    "stopped": (3, SHORT),
    "stopped > 60 s": (1, LONG),
    "cut off": (3, SHORT),
    "silence": (2, SHORT),
    "silence > 60 s": (1, LONG),
}


@dataclass(frozen=True)
class Scene:
    """How many workers send to how many people by what way, and how often something is done to one of them.

    `batch` is how many share a call. `apart` has each worker on a machine of its own, whose disk dies with it.
    """

    way: str
    database: str
    workers: int
    people: int
    blows: int
    kinds: tuple[str, ...] = ("killed",)
    pace: float = 0.02
    batch: int = 1
    apart: bool = False

    @property
    def title(self) -> str:
        """What the table calls it."""
        called = f"{self.way} by {self.batch}" if self.batch > 1 else self.way
        kind = "machine" if self.apart else "worker"
        return f"{called}, {self.database}, {self.workers} {kind}{'s' * (self.workers > 1)}"

    @property
    def doubts(self) -> int:
        """How many messages a blow may leave in doubt: what was on its way, or all that a machine had claimed."""
        return CLAIM_SHARED if self.apart else CONNECTIONS * self.batch


SCENES = [
    *(Scene(way, "SQLite", 1, 1_500, 30) for way in ("SMTP", "SendGrid")),
    *(Scene(way, "PostgreSQL", 4, 4_000, 30, pace=0.1) for way in ("SMTP", "SendGrid")),
    *(Scene(way, "PostgreSQL", 8, 20_000, 60, tuple(BLOWS), pace=0.15) for way in ("SMTP", "SendGrid")),
    Scene("SendGrid", "SQLite", 1, 20_000, 30, pace=0.5, batch=50),
    Scene("SendGrid", "PostgreSQL", 4, 20_000, 30, pace=1.5, batch=50),
    Scene("SMTP", "PostgreSQL", 4, 4_000, 10, pace=0.1, apart=True),
]
HEAD = (
    f"{'':40}{'people':>7}{'blows':>6}{'in doubt':>9}{'at most':>8}{'twice':>6}{'missing':>8}{'wrong':>6}{'seconds':>8}"
)


@dataclass
class Place:
    """One worker's place: whoever dies there is followed by another one. `until` is when a blow is over."""

    crew: Crew
    proxy: Proxy | None
    apart: bool = False
    until: float | None = None
    over: str = ""
    worker: object = field(init=False)

    def __post_init__(self) -> None:
        """Let somebody begin."""
        self.begin()

    def begin(self) -> None:
        url = {"DATABASE_URL": f"postgresql://course@127.0.0.1:{self.proxy.port}/course"} if self.proxy else {}
        own = {"DATA_DIR": str(self.crew.folder / f"machine-{self.crew.started + 1}")} if self.apart else {}
        self.worker = self.crew.start(**url, **own)

    def strike(self, blow: str, seconds: float) -> None:
        """Do it to them."""
        if blow == "killed":
            self.crew.kill(self.worker)
            self.begin()
            return
        self.until, self.over = time.monotonic() + seconds, blow.partition(" ")[0]
        if self.over == "stopped":
            self.crew.stop(self.worker)
        else:
            self.proxy.cut(silent=self.over == "silence")

    def calm(self) -> None:
        """End the blow; if somebody died of it, who should not have, another one begins."""
        if self.over == "stopped":
            self.crew.wake(self.worker)
        elif self.over:
            self.proxy.mend()
        self.until, self.over = None, ""

    def look(self) -> None:
        """End what is over, and replace who could not begin without a database, as whatever starts workers does."""
        if self.until is not None and time.monotonic() >= self.until:
            self.calm()
        if self.until is None and self.worker.poll() is not None:
            self.crew.kill(self.worker)
            self.begin()


def play(scene: Scene, seed: int, limit: float) -> bool:
    """Let one scene happen; print what came of it. Return whether all is well."""
    dice, struck = random.Random(f"{seed} {scene}"), Counter[str]()  # noqa: S311 (no secret: the same blows each time)
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos")))
        database, socket = stack.enter_context(_database(scene, folder))
        owe(folder, database, scene.people)
        store = Store(database)
        stack.callback(store.close)
        sink = stack.enter_context((Mails if scene.way == "SMTP" else Calls)(scene.pace))
        proxies = [stack.enter_context(Proxy(socket)) if socket else None for _ in range(scene.workers)]
        more = {"SENDGRID_BATCH": str(scene.batch), "SECRET_KEY": (folder / "var/secret.key").read_text().strip()}
        crew = stack.enter_context(Crew.of(folder, database, sink, CONNECTIONS, more))
        places = [Place(crew, proxy, scene.apart) for proxy in proxies]
        while struck.total() < scene.blows and time.monotonic() - began < limit:
            goal, patience = (
                len(sink.came) + dice.randrange(1, scene.people // scene.blows),
                time.monotonic() + PATIENCE,
            )
            while len(sink.came) < goal and time.monotonic() < patience:
                _rest(places)
            whole = [place for place in places if place.until is None]
            if whole:
                blow = dice.choices(scene.kinds, [BLOWS[kind][0] for kind in scene.kinds])[0]
                dice.choice(whole).strike(blow, dice.uniform(*BLOWS[blow][1]))
                struck[blow] += 1
        books = _wait(store, scene, places, began + limit)
        crew.end()
        verdict = Verdict.of(sink.came, books)
    return _tell(scene, struck, verdict, books, time.monotonic() - began)


def _rest(places: list[Place]) -> None:
    time.sleep(0.005)
    for place in places:
        place.look()


def _wait(store: Store, scene: Scene, places: list[Place], end: float) -> Books:
    """Wait until everybody's lesson is sent; with SendGrid a doubt waits longer than anybody wants to wait here."""
    while True:
        for _ in range(200):
            _rest(places)
        books = Books.of(store, scene.people)
        over = books.closed and (scene.way == "SendGrid" or not books.waiting)
        calm = all(place.until is None for place in places)
        if (over and calm) or time.monotonic() >= end:
            for place in places:
                place.calm()
            return books


def _tell(scene: Scene, struck: Counter[str], verdict: Verdict, books: Books, seconds: float) -> bool:
    most = struck.total() * scene.doubts
    missing = len(verdict.lost) + books.people - len(books.sent) - len(books.waiting)
    wrong = len(verdict.unexplained)
    numbers = (verdict.doubts, f"{most:>8}", verdict.twice.total(), missing, wrong)
    well = not missing and not wrong and verdict.doubts <= most and struck.total() == scene.blows
    print(  # noqa: T201 (a table is what it is for)
        f"{scene.title:40}{scene.people:>7,}{struck.total():>6}{numbers[0]:>9}{numbers[1]}{numbers[2]:>6}{missing:>8}{wrong:>6}"
        f"{seconds:>8.0f}  {'pass' if well else 'FAIL'}  ({', '.join(f'{name} {n}' for name, n in struck.items())})",
        flush=True,
    )
    if books.odd:
        print(f"    left over: {dict(books.odd)}", flush=True)  # noqa: T201
    return well


@contextlib.contextmanager
def _database(scene: Scene, folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the address of an empty database, and the socket of its server, if it has one."""
    if scene.database == "SQLite":
        yield f"sqlite:///{folder / 'course.db'}", ""
        return
    with postgres.server(in_memory.place()) as address:
        admin = create_engine(address % "postgres", isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text("CREATE DATABASE course"))
        admin.dispose()
        store = Store(address % "course")
        migrate.upgrade(store)
        store.close()
        yield address % "course", f"{address.partition('host=')[2]}/.s.PGSQL.5432"


def main() -> None:
    """Let all scenes happen, or those that were asked for."""
    parser = argparse.ArgumentParser(
        prog="make chaos", description="Kills, stops and cuts off workers; counts lessons."
    )
    parser.add_argument("scenes", nargs="*", type=int, metavar="N", help=f"only these, from 1 to {len(SCENES)}")
    parser.add_argument("--seed", type=int, default=20270302, help="other blows (default: 20270302)")
    parser.add_argument("--limit", type=float, default=600, help="seconds that one scene may take (default: 600)")
    asked = parser.parse_args()
    logs.set_up("error")
    print(HEAD, flush=True)  # noqa: T201
    chosen = [SCENES[number - 1] for number in asked.scenes] or SCENES
    outcomes = [play(scene, asked.seed, asked.limit) for scene in chosen]
    sys.exit(0 if all(outcomes) else 1)


if __name__ == "__main__":
    main()
