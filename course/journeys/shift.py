"""In charge of a worker's round of sending: what it has in hand, and whether the next message may begin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Event

from course.clock import Clock
from course.journeys import claiming
from course.journeys.owed import Owed
from course.journeys.service import Service
from course.journeys.workers import Heartbeat
from course.ledger import Ledger
from course.outgoing import Halt, Outcome, Outgoing, Transport, TryLater

SLICE = 0.25  # seconds after which it is checked again who still wants their mail
TURN = 1.0  # seconds after which all is written down, and others get their turn: what came in may be somebody's STOP
OUT_OF_TOUCH = TryLater("this worker was out of touch with the database")


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
    """The notes of some messages that are handed over together, by id, until it is time to write down the answers.

    `wanted` are those that might still leave when that was last checked, at `checked_at` (seconds, by the stopwatch).
    `broke` is what kept it from being checked again.
    """

    shift: Shift
    rows: dict[int, Owed]
    handled: set[int]
    checked_at: float
    began: float
    wanted: set[int]
    halted: bool = False
    broke: Exception | None = None

    def go_on(self) -> bool:
        """Whether another message may begin. The first one always may, or a slow check would keep all from leaving.

        Who still wants their mail is checked again while others are on their way: nobody waits for an answer from afar.
        """
        if self.halted or self.shift.stopped.is_set() or not self._in_touch():
            return False
        if not self.shift.unsettled or not self._stale():
            return True
        return self.shift.clock.monotonic() - self.began <= TURN and self._check_again()

    def _in_touch(self) -> bool:
        return self.shift.heartbeat.in_touch(self.checked_at)

    def _stale(self) -> bool:
        return self.shift.clock.monotonic() - self.checked_at > SLICE

    def _check_again(self) -> bool:
        # Only what is answered is over: any other may still be handed over, or once more.
        left = self.wanted - {row.id for row, _ in self.shift.unsettled}
        try:
            wanted, self.checked_at = still_wanted(self.shift, [self.rows[one] for one in left])
        except Exception as error:  # noqa: BLE001 (a transport has messages on their way; it is raised when they are answered)
            self.broke = error
            return False
        self.wanted -= left - wanted
        return True

    def giving(self, outgoing: Outgoing) -> Outcome | None:
        """Write it into the ledger. What cannot be written does not leave, nor what may be another worker's by now."""
        return self.giving_all([outgoing])[0]

    def giving_all(self, call: Sequence[Outgoing]) -> list[Outcome | None]:
        """Write these into the ledger, all at once.

        Getting here may have taken long (a connection to make, a refused call to repeat), so who still wants their mail
        is checked again first. The disk may take long too, so afterwards it is checked that the other workers still
        know that this one lives.
        """
        if not self._in_touch() or (self._stale() and not self._check_again()):
            return [OUT_OF_TOUCH] * len(call)
        wanted = [one.delivery_id for one in call if one.delivery_id in self.wanted]
        try:
            if not self.shift.ledger.giving(wanted):
                return [TryLater("this worker was asked to end")] * len(call)
        except OSError as error:
            why = f"the ledger cannot be written: {error.strerror}. Check DATA_DIR: its disk and its owner"
            return [Halt(why)] * len(call)
        if not self._in_touch():
            return [OUT_OF_TOUCH] * len(call)
        self.handled.update(wanted)
        if len(wanted) == len(call):
            return [None] * len(call)
        unwanted = TryLater("it was not wanted any more when its turn came")  # the next claim says what becomes of it
        return [None if one.delivery_id in self.wanted else unwanted for one in call]

    def answered(self, outgoing: Outgoing, outcome: Outcome) -> None:
        """Write the answer into the ledger, before anything is settled."""
        self.answered_all([(outgoing, outcome)])

    def answered_all(self, answers: Sequence[tuple[Outgoing, Outcome]]) -> None:
        """Write these answers into the ledger, all at once."""
        said = [(outgoing.delivery_id, outcome) for outgoing, outcome in answers]
        self.handled.update([one for one, _ in said])
        self.halted |= any(isinstance(outcome, Halt) or asked_to_wait(outcome) > 0 for _, outcome in said)
        self.shift.ledger.answered(said)
        self.shift.unsettled.extend([(self.rows[one], outcome) for one, outcome in said])


def still_wanted(shift: Shift, rows: list[Owed]) -> tuple[set[int], float]:
    """Return which of these claims may still leave, and when (by the stopwatch) that was checked."""
    checked_at = shift.clock.monotonic()
    with shift.service.store.reading() as tx:
        return claiming.still_wanted(tx, shift.service, shift.worker, rows, shift.clock.now()), checked_at


def asked_to_wait(outcome: Outcome) -> float:
    """Return the seconds that the other side asks everybody to wait."""
    return outcome.seconds or 0.0 if isinstance(outcome, TryLater) else 0.0
