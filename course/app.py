"""In charge of putting it all together: built once from the settings.

Its methods are what the edges call: the worker ticks and tidies, the web room asks and posts, a source hands in mail.
"""

from __future__ import annotations

import os
import shutil
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
from course.files import DRAFT
from course.inbound import spool
from course.inbound.spool import Spooled
from course.journeys import (
    breaker,
    consent,
    doubts,
    facts,
    folding,
    leaving,
    limits,
    planning,
    provider_events,
    replies,
    reports,
    sending,
    signup,
)
from course.journeys.owed import Owed
from course.journeys.replies import Decision
from course.journeys.sending import Shift
from course.journeys.service import Service
from course.journeys.signup import SignUp
from course.journeys.standing import Standing
from course.keys import Keys
from course.ledger import Ledger
from course.outgoing import Outcome, Transport
from course.settings import Settings
from course.store import migrate
from course.store.database import AWAY, Store
from course.system_clock import SystemClock

ABANDONED = timedelta(minutes=15)  # real time after which a claim's worker must be dead
FOLDING = 10  # seconds of an hour that folding may take: what is due waits for no longer
log = structlog.get_logger()


@dataclass
class App:
    """The whole service but for its doors."""

    settings: Settings
    service: Service
    transport: Transport
    clock: Clock
    worker: str = field(default_factory=lambda: f"{socket.gethostname()[:40]}-{os.getpid()}-{token_hex(4)}")
    stopping: threading.Event = field(default_factory=threading.Event)
    unsettled: list[tuple[Owed, Outcome]] = field(default_factory=list, repr=False)
    _ledger: Ledger | None = field(default=None, repr=False)

    @classmethod
    def build(cls, settings: Settings, *, transport: Transport | None = None, clock: Clock | None = None) -> App:
        """Read the courses, open the database and the way out. Raises SettingsError, ContentError or SchemaError."""
        keys = Keys.of(settings.secret_key.get_secret_value())
        courses = catalogue.load(settings)
        store = Store(settings.database)
        try:
            if store.sqlite:
                migrate.upgrade(store)
            else:
                migrate.check(store)
            clock = clock or SystemClock.of(settings)
            service = Service(settings, keys, courses, store)
            facts.check_key(service, clock.real())
            return cls(settings, service, transport or outbound.open_transport(settings), clock)
        except BaseException:
            store.close()
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
    def ledgers(self) -> Path:
        """Where each worker notes what it gave away."""
        return self.settings.data_dir / "ledgers"

    def close(self) -> None:
        """Give back what was opened."""
        self.transport.close()
        self.service.store.close()
        if self._ledger is not None:
            self._ledger.close()
            self._ledger = None

    # The clock's side.

    def tick(self) -> int:
        """Do what is due: decide the mail that waits, plan, send, sweep. Return how many messages left."""
        self._close_ledgers()
        sending.settle(self._shift())  # what an earlier tick could not write down, before anything else is decided
        try:
            self.read_spool()
        except OSError as error:  # what comes in must not stop what goes out
            log.error("the spool cannot be read", error=type(error).__name__)
        planning.plan(self.service, self.clock.now())
        self._sweep(ABANDONED)
        sent = self._send()
        facts.note_tick(self.service, self.clock.real())
        return sent

    def recover(self) -> None:
        """Bring to an end what a worker before this one left in the middle; for the only clock, at its start."""
        shutil.rmtree(self.settings.data_dir / "tmp", ignore_errors=True)  # uploads that were never finished
        for draft in (self.settings.data_dir / "outbox").glob(f"{DRAFT}*"):
            draft.unlink(missing_ok=True)
        self._close_ledgers()
        self._sweep(timedelta(0))

    def tidy(self) -> None:
        """Erase what has had its time: sign-ups never confirmed, limits, event names, old proof, held mail.

        Deliveries of courses that ended long ago become counts.
        """
        signup.expire(self.service, self.clock.now(), self.clock.real())
        with self.service.store.transaction() as tx:
            limits.forget(tx, self.clock.now())
            provider_events.forget(tx, self.clock.real())
            consent.forget(tx, self.clock.real())
        spool.sweep(self.spool_folder, self.clock.real())
        end = self.clock.monotonic() + FOLDING
        folding.fold(
            self.service, self.clock.now(), lambda: not self.stopping.is_set() and self.clock.monotonic() < end
        )

    def _close_ledgers(self) -> None:
        doubts.close_ledgers(self.service, self.ledgers, self.clock.now(), self.clock.real())

    def _sweep(self, abandoned: timedelta) -> None:
        wait = doubts.EVENT if self.transport.has_events else timedelta(0)
        doubts.sweep(self.service, self.clock.now(), self.clock.real(), abandoned=abandoned, wait=wait)

    def _shift(self) -> Shift:
        if self._ledger is None:
            self._ledger = Ledger(self.ledgers, self.worker)
        stopping = self.stopping.is_set
        return Shift(self.service, self.transport, self.worker, self.clock, stopping, self.unsettled, self._ledger)

    def _send(self) -> int:
        if breaker.is_open(self.service, self.clock.real()):
            return 0
        tally = sending.send_due(self._shift())
        breaker.note(self.service, tally, self.clock.real())
        return tally.sent

    # Mail that comes in.

    def receive(self, raw: bytes, *, source: str, to: tuple[str, ...] = (), passed: tuple[str, ...] = ()) -> None:
        """Spool a mail durably. Raises OSError when it could not be written: then it was not accepted."""
        spool.put(self.spool_folder, self.keys, Spooled(source, to, passed, raw), self.clock.real())

    def read_spool(self) -> list[Decision]:
        """Decide the mail that waits. What a failing database keeps from being decided goes on waiting."""
        decisions: list[Decision] = []

        def decide(mail: Spooled) -> bool:
            now, real_now = self.clock.now(), self.clock.real()
            decision = replies.take_in(self.service, mail.raw, mail.source, mail.to, mail.passed, now, real_now)
            log.info("a mail was decided", decision=str(decision))
            decisions.append(decision)
            return decision != Decision.HELD

        spool.drain(self.spool_folder, self.keys, decide, waits=AWAY)
        return decisions

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

    def confirm(self, token: str) -> Standing | None:
        """Begin the course, once."""
        return signup.confirm(self.service, token, self.clock.now(), self.clock.real())

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
