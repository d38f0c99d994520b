"""In charge of the way from claimed to settled: fill, hand over outside any transaction, write down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import structlog

from course.journeys import claiming, filling, settling
from course.journeys.filling import Known
from course.journeys.owed import Owed
from course.journeys.shift import TURN, Shift, Slice, asked_to_wait
from course.outgoing import Halt, Outcome, Outgoing, RefusedRecipient, Sent, Unsure

CLAIM = 1_000  # messages claimed at a time
# Where workers share a database from many machines, a ledger may be lost with its machine: so many are then in doubt.
CLAIM_SHARED = 200
log = structlog.get_logger()


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
            wait = max(map(asked_to_wait, outcomes), default=0.0)
            goes_on = outcomes and not halt and not wait
            waiting, checked_at = _renewed(shift, set(ids) - handled) if goes_on else ([], 0.0)
    finally:
        # Released, not forgotten: the next claim sorts out who no longer wants their mail. What was handed over is
        # never released, whatever broke: it is settled, or in doubt.
        shift.given.update(handled)
        left = set(ids) - handled
        if left:
            with shift.service.store.transaction() as tx:
                settling.put_back(tx, shift.worker, left)
    return Tally(sent, halt, wait)


def _renewed(shift: Shift, ids: set[int]) -> tuple[list[Owed], float]:
    """Return those of these claims that may still leave, dated and read anew, and when that was checked."""
    checked_at = shift.clock.monotonic()
    if not ids:
        return [], checked_at
    with shift.service.store.transaction() as tx:
        claiming.renew(tx, shift.worker, ids, shift.clock.real())
        return claiming.still_ours(tx, shift.service, shift.worker, ids, shift.clock.now()), checked_at


def _send_slice(shift: Shift, rows: list[Owed], handled: set[int], checked_at: float) -> None:
    """Hand over what may still leave, until the time comes to write down what became of it."""
    known = filling.known(shift.service, rows, shift.clock.now())
    by_id = {row.id: row for row in rows}
    notes = Slice(shift, by_id, handled, checked_at, began=shift.clock.monotonic(), wanted=set(by_id))
    try:
        shift.transport.send_many(_made(notes, known), notes)
    except Exception as error:  # noqa: BLE001 (a bug in a transport leaves us as unsure as a broken line)
        log.error("a transport broke", error=type(error).__name__)
        answered = {row.id for row, _ in shift.unsettled}
        unsure = Unsure(f"the transport broke: {type(error).__name__}")
        shift.unsettled.extend((row, unsure) for row in rows if row.id in handled - answered)
    if notes.broke:
        raise notes.broke


def _made(notes: Slice, known: Known) -> Iterator[Outgoing]:
    """Fill each message when its turn comes, if it is still wanted then.

    One that cannot be made keeps nobody else from theirs; it is tried again like a refused one.
    """
    shift = notes.shift
    now, real_now = shift.clock.now(), shift.clock.real()
    for delivery_id in list(notes.rows):
        if delivery_id not in notes.wanted:
            continue
        row = notes.rows[delivery_id]
        try:
            made = filling.fill(shift.service, known, row, now, real_now)
            shift.transport.prepare(made)
        except Exception as error:  # noqa: BLE001 (whatever is wrong with it, it is wrong with this one alone)
            log.error("a message could not be made", delivery=row.id, error=type(error).__name__)
            notes.handled.add(row.id)
            shift.unsettled.append((row, RefusedRecipient(f"could not be made: {type(error).__name__}")))
        else:
            yield made


def settle(shift: Shift) -> list[Outcome]:
    """Write down all outcomes that are not yet; what the database does not take now is kept for the next shift."""
    outcomes = [outcome for _, outcome in shift.unsettled]
    if not outcomes:
        return []
    if settling.settle_all(shift.service, shift.unsettled, shift.clock.now(), shift.clock.real()):
        shift.ledger.settled()  # else it alone knows that they left
    shift.unsettled.clear()
    return outcomes
