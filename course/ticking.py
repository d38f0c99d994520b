"""In charge of one worker's ticks: what is due is done, in which order, and what is kept from one tick to the next."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property

import structlog

from course import erasure
from course.clock import Clock
from course.files import DRAFT
from course.journeys import (
    breaker,
    consent,
    doubts,
    due,
    erasing,
    folding,
    fresh,
    journal,
    letter_ends,
    letters,
    limits,
    moving,
    planning,
    provider_events,
    resources,
    sending,
    unconfirmed,
    workers,
)
from course.journeys.guard import Guard
from course.journeys.owed import Owed
from course.journeys.sending import Tally
from course.journeys.service import Service
from course.journeys.shift import Shift
from course.journeys.workers import Heartbeat
from course.ledger import Ledger, Page, of_one
from course.outgoing import Outcome, Transport

FOLDING = 10  # seconds of an hour that folding may take, and erasing: what is due waits for no longer
LONGEST = 60.0  # seconds of a tick; then tidying gets its turn
log = structlog.get_logger()


@dataclass
class Ticker:
    """One worker. `read_spool` decides the mail that waits."""

    service: Service
    transport: Transport
    clock: Clock
    guard: Guard
    worker: str
    read_spool: Callable[[], object]
    stopped: threading.Event = field(default_factory=threading.Event)
    _unsettled: list[tuple[Owed, Outcome]] = field(default_factory=list, repr=False)
    _given: set[int] = field(default_factory=set, repr=False)

    def tick(self) -> int:
        """Do what is due: decide the mail that waits, plan, send, sweep. Return how many messages left."""
        began, sent = self.clock.monotonic(), 0
        while True:
            tally = self.turn()
            sent += tally.sent
            if not tally.more or self.stopped.is_set() or self.clock.monotonic() - began >= LONGEST:
                return sent

    def turn(self) -> Tally:
        """Do everything once, sending for a second or so."""
        self.heartbeat.beat(at_least=workers.BEAT)
        self._close_ledgers()
        if self._unsettled:
            sending.settle(self._shift())  # what an earlier turn could not write down, before anything else is decided
        try:
            self.read_spool()
        except OSError as error:  # what comes in must not stop what goes out
            log.error("the spool cannot be read", error=type(error).__name__)
        tally = Tally()
        if self.guard.look() is None:  # else the calendar stands still; mail that comes in, and the pages, go on
            tally = self._calendar()
        self.guard.note(settled=tally.sent > 0)
        return tally

    def recover(self) -> None:
        """Bring to an end what a worker before this one left in the middle; for the only clock, at its start."""
        data = self.service.settings.data_dir
        shutil.rmtree(data / "tmp", ignore_errors=True)  # uploads that were never finished
        for draft in (data / "outbox").glob(f"{DRAFT}*"):
            draft.unlink(missing_ok=True)
        self._close_ledgers()
        if self.guard.look() is None:
            self._sweep(None)

    def tidy(self) -> None:
        """Erase what has had its time: sign-ups never confirmed, limits, event names, old proof, old words, people.

        Deliveries of courses that ended long ago become counts.
        """
        unconfirmed.expire(self.service, self.clock.now(), self.clock.real())
        with self.service.store.transaction() as tx:
            limits.forget(tx, self.clock.now())
            provider_events.forget(tx, self.clock.real())
            fresh.forget(tx, self.clock.real())
            moving.forget(tx, self.clock.real())
            resources.forget(tx, self.service, self.clock.real())
            consent.forget(tx, self.service.keys, self.clock.now(), self.clock.real())
        journal.purge(self.service, self.clock.real())
        letter_ends.purge(self.service, self.clock.real())
        workers.forget(self.service.store)
        erasure.end_storage(self.service, self.clock.now(), self.clock.real(), self._for_a_while())
        folding.fold(self.service, self.clock.now(), self._for_a_while())

    def release(self) -> None:
        """Give back at once what is claimed and was not handed over, and hand over no more: a worker's end has begun.

        For another thread than the tick's, which may be waiting for an answer.
        """
        if "ledger" in self.__dict__:
            self.ledger.shut()
            self._at_the_end(doubts.release)

    def abandon(self) -> None:
        """Wait for answers no longer: what is answered is settled, and what is not is in doubt from now on."""
        if "ledger" in self.__dict__:
            now, real_now = self.clock.now(), self.clock.real()
            self._at_the_end(lambda service, page: doubts.close(service, page, now, real_now))

    def close(self) -> None:
        """Let go of the ledger, and say goodbye to the other workers."""
        if "ledger" in self.__dict__:
            self.ledger.close()
            del self.ledger
        if "heartbeat" in self.__dict__:
            self.heartbeat.end()

    @cached_property
    def heartbeat(self) -> Heartbeat:
        """This worker's signs of life."""
        return Heartbeat(self.service.store, self.worker, self.clock.monotonic)

    @cached_property
    def ledger(self) -> Ledger:
        """What this worker gave away; made when it is first needed, so that a command that sends nothing makes none."""
        return Ledger(doubts.ledgers(self.service), self.worker, self.guard.known.database)

    def _at_the_end(self, act: Callable[[Service, Page], None]) -> None:
        page = of_one(doubts.ledgers(self.service), self.worker)
        try:
            act(self.service, page or Page(self.worker, frozenset(), {}, whole=False))
        except Exception as error:  # noqa: BLE001 (nothing keeps a worker from its end; what it left is swept)
            log.warning("some claims could not be released at the end", error=type(error).__name__)

    def _calendar(self) -> Tally:
        """Plan, tell, sweep, send and erase, if anything is due: most ticks ask one question, and that is all."""
        if not due.anything(self.service, self.clock.now()):
            self._given.clear()  # nothing is claimed any more
            return Tally()
        planning.plan(self.service, self.clock.now())
        letters.tell(self.service, self.clock.now(), self.clock.real())
        self._sweep(Page(self.worker, frozenset(self._given), {}))
        self._given.clear()
        tally = self._send()
        self._erase()
        return tally

    def _erase(self) -> None:
        """Erase whoever asked for it, once their last mail is over."""
        for address in erasing.over(self.service, self.clock.now()):
            erased = erasure.erase(self.service, address, self.clock.now(), but_new=True)
            log.info("a person was erased, as they asked by mail")
            if erased.refused:
                log.error("SendGrid has not taken the request to erase its copies of an address", why=erased.refused)

    def _for_a_while(self) -> Callable[[], bool]:
        """Return what tells whether to go on: for some seconds, unless the worker ends. The rest waits for an hour."""
        end = self.clock.monotonic() + FOLDING
        return lambda: not self.stopped.is_set() and self.clock.monotonic() < end

    def _close_ledgers(self) -> None:
        now, real_now, database = self.clock.now(), self.clock.real(), self.guard.known.database
        doubts.close_ledgers(self.service, now, real_now, database)

    def _sweep(self, own: Page | None) -> None:
        wait = doubts.EVENT if self.transport.has_events else timedelta(0)
        now, real_now, dead = self.clock.now(), self.clock.real(), self.heartbeat.silent()
        doubts.sweep(self.service, own, now, real_now, wait=wait, dead=dead)

    def _shift(self) -> Shift:
        return Shift(
            service=self.service,
            transport=self.transport,
            worker=self.worker,
            clock=self.clock,
            stopped=self.stopped,
            unsettled=self._unsettled,
            given=self._given,
            ledger=self.ledger,
            heartbeat=self.heartbeat,
        )

    def _send(self) -> Tally:
        if breaker.is_open(self.service, self.clock.real()):
            return Tally()
        try:
            shift = self._shift()
        except OSError as error:
            tally = Tally(halt=f"the ledger cannot be made: {error.strerror}. Check DATA_DIR: its disk and its owner")
        else:
            tally = sending.send_due(shift)
        breaker.note(self.service, tally, self.clock.real())
        return tally
