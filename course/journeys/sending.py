"""In charge of the way from claimed to settled: re-check, fill, hand over outside any transaction, write down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection

from course.clock import Clock
from course.journeys import claiming, filling, settling
from course.journeys.owed import Owed
from course.journeys.service import Service
from course.ledger import Ledger
from course.outgoing import Halt, Outcome, Outgoing, RefusedRecipient, Sent, Transport, Unsure
from course.store.database import AWAY

CLAIM = 100  # messages claimed at a time: so many at most are in doubt when a worker dies
SLICE = 0.25  # seconds after which it is checked again who still wants their mail
log = structlog.get_logger()


@dataclass(frozen=True)
class Shift:
    """One worker's round of sending. `stopping` is asked before each message, `may_go_on` before each claim.

    `unsettled` outlives the shift: outcomes that could not be written down yet.
    """

    service: Service
    transport: Transport
    worker: str
    clock: Clock
    stopping: Callable[[], bool]
    may_go_on: Callable[[], bool]
    unsettled: list[tuple[Owed, Outcome]]
    ledger: Ledger


@dataclass
class Slice:
    """The notes of some messages that are handed over together: by id, until the time comes to check again."""

    shift: Shift
    rows: dict[int, Owed]
    handled: set[int]
    checked_at: float
    halted: bool = False

    def go_on(self) -> bool:
        """Whether another message may begin. The first one always may, or a slow check would keep all from leaving."""
        if self.halted or self.shift.stopping():
            return False
        return not self.shift.unsettled or self.shift.clock.monotonic() - self.checked_at <= SLICE

    def giving(self, outgoing: Outgoing) -> Outcome | None:
        """Write it into the ledger; what cannot be written there does not leave."""
        try:
            self.shift.ledger.giving(outgoing.delivery_id)
        except OSError as error:
            return Halt(f"the ledger cannot be written: {error.strerror}. Check DATA_DIR: its disk and its owner")
        self.handled.add(outgoing.delivery_id)
        return None

    def answered(self, outgoing: Outgoing, outcome: Outcome) -> None:
        """Write the answer into the ledger, before anything is settled."""
        self.handled.add(outgoing.delivery_id)
        self.halted |= isinstance(outcome, Halt)
        self.shift.ledger.answered(outgoing.delivery_id, outcome)
        self.shift.unsettled.append((self.rows[outgoing.delivery_id], outcome))


@dataclass(frozen=True)
class Tally:
    """What a shift came to. `halt` is why nothing can leave at all, if that is so."""

    sent: int = 0
    halt: str = ""


def send_due(shift: Shift) -> Tally:
    """Send all that is due by now, a claim at a time; what was not handed over is released."""
    sent = 0
    while not shift.stopping() and shift.may_go_on():
        ids = claiming.claim(shift.service, shift.worker, CLAIM, shift.clock.now(), shift.clock.real())
        if not ids:
            break
        tally = _send_claimed(shift, ids)
        sent += tally.sent
        if tally.halt:
            return Tally(sent, tally.halt)
    return Tally(sent)


def _send_claimed(shift: Shift, ids: list[int]) -> Tally:
    sent, halt, waiting = 0, "", ids
    handled: set[int] = set()
    try:
        while waiting and not halt and not shift.stopping():
            _send_slice(shift, waiting, handled)
            outcomes = settle(shift)
            sent += sum(isinstance(outcome, Sent) for outcome in outcomes)
            halt = next((outcome.reason for outcome in outcomes if isinstance(outcome, Halt)), "")
            waiting = [waits for waits in waiting if waits not in handled] if outcomes else []
    finally:
        # Released, not forgotten: the next claim sorts out who no longer wants their mail. What was handed over is
        # never released, whatever broke: it is settled, or in doubt.
        with shift.service.store.transaction() as tx:
            settling.put_back(tx, set(ids) - handled)
    return Tally(sent, halt)


def _send_slice(shift: Shift, ids: list[int], handled: set[int]) -> None:
    """Hand over what may still leave, until the time comes to check again; note each outcome as it comes."""
    with shift.service.store.transaction() as tx:
        rows = claiming.still_ours(tx, shift.service, shift.worker, ids, shift.clock.now(), shift.clock.real())
        ready = [(row, _filled(tx, shift, row)) for row in rows]
    notes = Slice(shift, {row.id: row for row in rows}, handled, shift.clock.monotonic())
    for row, made in ready:
        if not isinstance(made, Outgoing):
            handled.add(row.id)
            shift.unsettled.append((row, made))
    letters = [made for _, made in ready if isinstance(made, Outgoing)]
    try:
        shift.transport.send_many(letters, notes)
    except Exception as error:  # noqa: BLE001 (a bug in a transport leaves us as unsure as a broken line)
        log.error("a transport broke", error=type(error).__name__)
        answered = {row.id for row, _ in shift.unsettled}
        unsure = Unsure(f"the transport broke: {type(error).__name__}")
        shift.unsettled.extend((row, unsure) for row in rows if row.id in handled - answered)


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


def _filled(tx: Connection, shift: Shift, row: Owed) -> Outgoing | Outcome:
    """Fill one message. One that cannot be made keeps nobody else from theirs; it is tried again like a refused one."""
    try:
        made = filling.fill(tx, shift.service, row, shift.clock.now(), shift.clock.real())
        made.as_bytes()
    except Exception as error:  # noqa: BLE001 (whatever is wrong with it, it is wrong with this one alone)
        log.error("a message could not be made", delivery=row.id, error=type(error).__name__)
        return RefusedRecipient(f"could not be made: {type(error).__name__}")
    return made
