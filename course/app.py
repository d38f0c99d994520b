"""In charge of putting it all together: built once from the settings.

Its methods are what the edges call: the worker ticks and tidies, the web room asks and posts, a source hands in mail.
"""

from __future__ import annotations

import os
import socket
import threading
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any

import structlog
from sqlalchemy.exc import DBAPIError

from course import outbound
from course.clock import Clock
from course.content import catalogue
from course.content.catalogue import Catalogue
from course.inbound import signatures, spool, tasting
from course.inbound.spool import Spooled
from course.inbound.tasting import NotTastedError
from course.journeys import facts, journal, leaving, provider_events, replies, reports, signup
from course.journeys.decisions import Decision
from course.journeys.guard import Guard
from course.journeys.replies import Came
from course.journeys.service import Service
from course.journeys.signup import SignUp
from course.journeys.standing import Standing
from course.keys import Keys
from course.outgoing import Transport
from course.reading.aside import HeldError, Why
from course.reading.caps import TooMuchError
from course.settings import Settings
from course.store import migrate
from course.store.database import AWAY, Store
from course.system_clock import SystemClock
from course.ticking import Ticker

log = structlog.get_logger()


@dataclass
class App:
    """The whole service but for its doors."""

    settings: Settings
    service: Service
    transport: Transport
    clock: Clock
    guard: Guard
    ticker: Ticker = field(init=False)

    def __post_init__(self) -> None:
        """Give this process a name of its own among the workers."""
        worker = f"{socket.gethostname()[:40]}-{os.getpid()}-{token_hex(4)}"
        self.ticker = Ticker(self.service, self.transport, self.clock, self.guard, worker, self.read_spool)

    @classmethod
    def build(cls, settings: Settings, *, transport: Transport | None = None, clock: Clock | None = None) -> App:
        """Read the courses, open the database and the way out. Raises SettingsError, ContentError or SchemaError."""
        keys = Keys.of(settings.secret_key.get_secret_value())
        courses = catalogue.load(settings)
        store = Store(settings.database)
        service = Service(settings, keys, courses, store)
        try:
            if store.sqlite:
                migrate.upgrade(store)
            else:
                migrate.check(store)
            clock = clock or SystemClock.of(settings)
            facts.check_key(service, clock.real())
            journal.check(service)
            guard = Guard.open(store, settings.data_dir, clock)
            return cls(settings, service, transport or outbound.open_transport(settings), clock, guard)
        except BaseException:
            service.close()
            raise

    @property
    def catalogue(self) -> Catalogue:
        """What there is to send."""
        return self.service.catalogue

    @property
    def keys(self) -> Keys:
        """What signs and seals."""
        return self.service.keys

    @property
    def spool_folder(self) -> Path:
        """Where raw mail waits to be decided."""
        return self.settings.data_dir / "spool"

    @property
    def stopping(self) -> threading.Event:
        """Set it, and nothing more begins to leave."""
        return self.ticker.stopped

    def close(self) -> None:
        """Give back what was opened."""
        self.transport.close()
        try:
            self.ticker.close()
        except (DBAPIError, *AWAY):
            log.warning("the database took no goodbye; this worker's claims are swept in a minute")
        self.service.close()

    # The clock's side.

    def beat(self) -> None:
        """Say that this worker lives, where several share a database."""
        self.ticker.heartbeat.beat()

    def tick(self) -> int:
        """Do what is due. Return how many messages left."""
        return self.ticker.tick()

    def recover(self) -> None:
        """Bring to an end what a worker before this one left in the middle; for the only clock, at its start."""
        self.ticker.recover()

    def tidy(self) -> None:
        """Erase what has had its time."""
        if not self.guard.jumped():  # after a jump of the clock nothing is really that old
            self.ticker.tidy()
            self.sweep_spool()

    # Mail that comes in.

    def receive(self, raw: bytes, *, source: str, to: tuple[str, ...] = (), passed: tuple[str, ...] = ()) -> Path:
        """Spool a mail durably and return its file, which is there until the mail is decided.

        Raises OSError when it could not be written: then it was not accepted.
        """
        return spool.put(self.spool_folder, self.keys, Spooled(source, to, passed, raw), self.clock.real())

    def put_unproven(self, raw: bytes, *, source: str, to: tuple[str, ...], passed: tuple[str, ...]) -> None:  # noqa: ARG002
        """Keep a mail whose way in is not proven, undecided; whose marks it `passed` is not believed."""
        spool.put_unproven(self.spool_folder, self.keys, Spooled(source, to, (), raw), self.clock.real())

    def read_spool(self) -> list[Decision]:
        """Decide the mail that waits. What a failing database keeps from being decided goes on waiting."""
        decisions: list[Decision] = []

        def decide(mail: Spooled) -> None:
            try:
                decisions.append(self.decide(mail))
            except HeldError as error:
                log.warning("a mail is put aside", why=error.why)
                decisions.append(Decision.HELD)
                raise
            log.info("a mail was decided", decision=str(decisions[-1]))

        keep = self.settings.keep_raw_days > 0
        spool.drain(self.spool_folder, self.keys, decide, waits=(*AWAY, NotTastedError), keep=keep)
        return decisions

    def decide(self, mail: Spooled, *, vouched: bool = False) -> Decision:
        """Decide one mail. `vouched`: whoever looks after the service says that a person wrote it.

        Raises HeldError when nobody can decide it, NotTastedError or one of AWAY when nobody can now.
        """
        now, real_now = self.clock.now(), self.clock.real()
        try:
            small = tasting.tasted(mail.raw)
        except TooMuchError as error:
            log.warning("a mail is over a cap", why=str(error))
            raise HeldError(Why.TOO_MUCH) from None
        marks = signatures.passed(mail.raw) if self.settings.dkim_check else ()
        came = Came(mail.source, mail.to, (*mail.passed, *marks), mail.raw, vouched=vouched)
        return replies.take_in(self.service, small, came, now, real_now)

    def place(self, mailbox: str) -> str:
        """Return how far this mailbox has been read, as it was noted, or ""."""
        with self.service.store.reading() as tx:
            return facts.recall(tx, self._mailbox(mailbox))[0]

    def note_place(self, mailbox: str, place: str) -> None:
        """Note how far this mailbox has been read."""
        with self.service.store.transaction() as tx:
            facts.remember(tx, self._mailbox(mailbox), place, self.clock.real())

    def _mailbox(self, name: str) -> str:
        return f"mailbox {self.keys.hash('mailbox', name)[:32]}"

    def sweep_spool(self) -> None:
        """Erase raw mail that has had its time."""
        spool.sweep(self.spool_folder, self.clock.real(), keep=timedelta(days=self.settings.keep_raw_days))

    def provider_events(self, events: list[dict[str, Any]]) -> None:
        """Act on what the provider reports."""
        provider_events.take_in(self.service, events, self.clock.now(), self.clock.real())

    # The pages' side.

    def sign_up(self, form: SignUp) -> None:
        """Owe this address a confirmation, within the limits; never tells whether it is known."""
        signup.sign_up(self.service, form, self.clock.now(), self.clock.real())

    def confirmation(self, token: str) -> Standing | None:
        """Return what a confirm link stands for; changes nothing."""
        return signup.confirmation(self.service, token, self.clock.real())

    def confirm(self, token: str, *, letters_only: bool = False) -> Standing | None:
        """Begin the course, once; `letters_only` takes back what else was ticked."""
        return signup.confirm(self.service, token, self.clock.now(), self.clock.real(), letters_only=letters_only)

    def not_me(self, token: str) -> None:
        """Never write to this address again."""
        signup.not_me(self.service, token, self.clock.now(), self.clock.real())

    def enrolment(self, token: str) -> Standing | None:
        """Return what a leave link stands for; changes nothing."""
        return leaving.look(self.service, token)

    def leave(self, token: str, how: str) -> Standing | None:
        """Leave this course."""
        return leaving.leave(self.service, token, how, self.clock.now(), self.clock.real())

    def leave_everything(self, token: str) -> Standing | None:
        """Leave every course."""
        return leaving.leave_everything(self.service, token, self.clock.now(), self.clock.real())

    def pause(self, token: str) -> Standing | None:
        """Let the lessons rest."""
        return leaving.pause(self.service, token, self.clock.now())

    def resume(self, token: str) -> Standing | None:
        """Go on at the same place."""
        return leaving.resume(self.service, token, self.clock.now())

    def health(self) -> dict[str, Any]:
        """Return whether the service is well."""
        try:
            return reports.health(self.service, self.clock.real())
        except (DBAPIError, *AWAY):
            return {"ok": False, "database": False}
