"""In charge of the way from claimed to settled: re-check, fill, hand over outside any transaction, write down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from threading import Event

import structlog

from course.clock import Clock
from course.journeys import claiming, filling, settling
from course.journeys.filling import Known
from course.journeys.owed import Owed
from course.journeys.service import Service
from course.journeys.workers import Heartbeat
from course.ledger import Ledger
from course.outgoing import Halt, Outcome, Outgoing, RefusedRecipient, Sent, Transport, TryLater, Unsure
from course.store.database import AWAY

CLAIM = 1_000  # messages claimed at a time
# Where workers share a database from many machines, a ledger may be lost with its machine: so many are then in doubt.
CLAIM_SHARED = 200
SLICE = 0.25  # seconds after which it is checked again who still wants their mail
TURN = 1.0  # seconds after which others get their turn: mail that came in may be somebody's STOP
log = structlog.get_logger()


@dataclass(frozen=True)
class Shift:
    """One worker's round of sending. `stopped` is looked at before each message.

    What outlives the shift: `unsettled`, outcomes that could not be written down yet, and `given`, what was handed over
    since the last sweep.
    """

    service: Service
    transport: Transport
    worker: str
    clock: Clock
    stopped: Event
    unsettled: list[tuple[Owed, Outcome]]
    given: set[int]
    ledger: Ledger
    heartbeat: Heartbeat


@dataclass
class Slice:
    """The notes of some messages that are handed over together: by id, until the time comes to check again.

    `checked_at` is when (by the stopwatch) it was checked who still wants their mail, and that the claims are ours.
    """

    shift: Shift
    rows: dict[int, Owed]
    handled: set[int]
    checked_at: float
    halted: bool = False

    def go_on(self) -> bool:
        """Whether another message may begin. The first one always may, or a slow check would keep all from leaving."""
        if self.halted or self.shift.stopped.is_set() or not self.shift.heartbeat.in_touch(self.checked_at):
            return False
        return not self.shift.unsettled or self.shift.clock.monotonic() - self.checked_at <= SLICE

    def giving(self, outgoing: Outgoing) -> Outcome | None:
        """Write it into the ledger; what cannot be written there does not leave, nor what may be another's by now."""
        if not self.shift.heartbeat.in_touch(self.checked_at):
            return TryLater("this worker was out of touch with the database")
        try:
            self.shift.ledger.giving(outgoing.delivery_id)
        except OSError as error:
            return Halt(f"the ledger cannot be written: {error.strerror}. Check DATA_DIR: its disk and its owner")
        self.handled.add(outgoing.delivery_id)
        return None

    def answered(self, outgoing: Outgoing, outcome: Outcome) -> None:
        """Write the answer into the ledger, before anything is settled."""
        self.handled.add(outgoing.delivery_id)
        self.halted |= isinstance(outcome, Halt) or _wait(outcome) > 0
        self.shift.ledger.answered(outgoing.delivery_id, outcome)
        self.shift.unsettled.append((self.rows[outgoing.delivery_id], outcome))


@dataclass(frozen=True)
class Tally:
    """What a shift came to.

    `halt` is why nothing can leave at all, if that is so; `wait` the seconds that the other side asks for; `more` says
    that it ended only to give others their turn.
    """

    sent: int = 0
    halt: str = ""
    wait: float = 0.0
    more: bool = False


def send_due(shift: Shift) -> Tally:
    """Send what is due by now, a claim at a time, for a second or so; what was not handed over is released."""
    most = max(CLAIM, shift.transport.most) if shift.service.store.sqlite else CLAIM_SHARED
    began, sent = shift.clock.monotonic(), 0
    if not claiming.waiting(shift.service, shift.clock.now()):
        return Tally()
    while not shift.stopped.is_set():
        checked_at = shift.clock.monotonic()
        if not shift.heartbeat.in_touch(checked_at):
            break
        if checked_at - began >= TURN:
            return Tally(sent, more=True)
        claimed = claiming.claim(shift.service, shift.worker, most, shift.clock.now(), shift.clock.real())
        if claimed.again is not None:
            shift.clock.rest(min(claimed.again, TURN), shift.stopped)
        elif not claimed.rows:
            break
        tally = _send_claimed(shift, claimed.rows, checked_at)
        sent += tally.sent
        if tally.halt or tally.wait:
            return replace(tally, sent=sent)
    return Tally(sent)


def _send_claimed(shift: Shift, rows: list[Owed], checked_at: float) -> Tally:
    sent, halt, wait = 0, "", 0.0
    ids, waiting = [row.id for row in rows], rows
    handled: set[int] = set()
    try:
        while waiting and not shift.stopped.is_set():
            _send_slice(shift, waiting, handled, checked_at)
            outcomes = settle(shift)
            sent += sum(isinstance(outcome, Sent) for outcome in outcomes)
            halt = next((outcome.reason for outcome in outcomes if isinstance(outcome, Halt)), "")
            wait = max(map(_wait, outcomes), default=0.0)
            goes_on = outcomes and not halt and not wait
            waiting, checked_at = _still_ours(shift, set(ids) - handled) if goes_on else ([], 0.0)
    finally:
        # Released, not forgotten: the next claim sorts out who no longer wants their mail. What was handed over is
        # never released, whatever broke: it is settled, or in doubt.
        shift.given.update(handled)
        left = set(ids) - handled
        if left:
            with shift.service.store.transaction() as tx:
                settling.put_back(tx, shift.worker, left)
    return Tally(sent, halt, wait)


def _wait(outcome: Outcome) -> float:
    """Return the seconds that the other side asks everybody to wait."""
    return outcome.seconds or 0.0 if isinstance(outcome, TryLater) else 0.0


def _still_ours(shift: Shift, ids: set[int]) -> tuple[list[Owed], float]:
    checked_at = shift.clock.monotonic()
    if not ids:
        return [], checked_at
    with shift.service.store.transaction() as tx:
        now, real_now = shift.clock.now(), shift.clock.real()
        return claiming.still_ours(tx, shift.service, shift.worker, ids, now, real_now), checked_at


def _send_slice(shift: Shift, rows: list[Owed], handled: set[int], checked_at: float) -> None:
    """Hand over what may still leave, until the time comes to check again; note each outcome as it comes."""
    known = filling.known(shift.service, rows, shift.clock.now())
    notes = Slice(shift, {row.id: row for row in rows}, handled, checked_at)
    try:
        shift.transport.send_many(_made(shift, known, rows, handled), notes)
    except Exception as error:  # noqa: BLE001 (a bug in a transport leaves us as unsure as a broken line)
        log.error("a transport broke", error=type(error).__name__)
        answered = {row.id for row, _ in shift.unsettled}
        unsure = Unsure(f"the transport broke: {type(error).__name__}")
        shift.unsettled.extend((row, unsure) for row in rows if row.id in handled - answered)


def _made(shift: Shift, known: Known, rows: list[Owed], handled: set[int]) -> Iterator[Outgoing]:
    """Fill each message when its turn comes.

    One that cannot be made keeps nobody else from theirs; it is tried again like a refused one.
    """
    real_now = shift.clock.real()
    for row in rows:
        try:
            made = filling.fill(shift.service, known, row, shift.clock.now(), real_now)
            shift.transport.prepare(made)
        except Exception as error:  # noqa: BLE001 (whatever is wrong with it, it is wrong with this one alone)
            log.error("a message could not be made", delivery=row.id, error=type(error).__name__)
            handled.add(row.id)
            shift.unsettled.append((row, RefusedRecipient(f"could not be made: {type(error).__name__}")))
        else:
            yield made


def settle(shift: Shift) -> list[Outcome]:
    """Write down all outcomes that are not yet; what the database does not take now is kept for the next shift."""
    outcomes = [outcome for _, outcome in shift.unsettled]
    if not outcomes:
        return []
    try:
        _write_down(shift, shift.unsettled)
        shift.unsettled.clear()
    except AWAY:
        raise
    except Exception:  # noqa: BLE001 (one of them cannot be written down: find out which)
        for one in list(shift.unsettled):
            _write_down_alone(shift, one)
    shift.ledger.settled()
    return outcomes


def _write_down(shift: Shift, some: list[tuple[Owed, Outcome]]) -> None:
    settling.settle(shift.service, some, shift.clock.now(), shift.clock.real())


def _write_down_alone(shift: Shift, one: tuple[Owed, Outcome]) -> None:
    """Settle one outcome. What cannot be written down stays claimed: in doubt, and the sweep's to bring to an end."""
    try:
        _write_down(shift, [one])
    except AWAY:
        raise
    except Exception as error:  # noqa: BLE001 (whatever is wrong with it, it is wrong with this one alone)
        log.error("an outcome could not be written down", delivery=one[0].id, error=type(error).__name__)
    shift.unsettled.remove(one)
