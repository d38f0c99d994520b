"""In charge of one round: some messages given to SendGrid call by call, and what each answer means for whom.

A call that is refused was sent to nobody. Whom the refusal names is refused; the others are sent once more. When it
names nobody, halves of the call find out. A single message that is refused waits for a second opinion: when another
of the same mailing is taken, it was the person; when another is refused alike, it is the mailing. Where no other
goes out in its round, what earlier rounds heard is the second opinion.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from course.outbound.sendgrid_answers import Verdict
from course.outbound.sendgrid_calls import Part
from course.outgoing import Halt, Notes, Outcome, RefusedMailing, RefusedRecipient, Sent, TryLater

MOST_REPEATS = 64  # calls of a round that repeat parts of refused ones; who is left then is tried later


@dataclass
class Heard:
    """What earlier rounds were told of each mailing, by its digest: that it was taken, and then for whom it was not."""

    taken: set[str] = field(default_factory=set)
    refused: dict[str, tuple[str, tuple[int, frozenset[str]]]] = field(default_factory=dict)  # to whom, and how

    def note_taken(self, digest: str) -> None:
        """Somebody was sent it: whoever was refused it paid for themselves."""
        self.taken.add(digest)
        self.refused.pop(digest, None)

    def of(self, one: Part, verdict: Verdict) -> Outcome:
        """Return what it means that this one was refused in a round that asked for no other."""
        digest, this = _digest([one]), (one.outgoing.to, verdict.likeness)
        if digest not in self.taken or not isinstance(verdict.outcome, RefusedMailing):
            return verdict.outcome
        before, self.refused[digest] = self.refused.get(digest, this), this
        return verdict.outcome if before[0] != this[0] and before[1] == this[1] else _of_the_person(verdict)


@dataclass
class Round:
    """The calls of a round that are still to be made, and what was learnt from the answers so far."""

    notes: Notes
    todo: Iterator[list[Part]]  # made when they are asked for
    before: Heard = field(default_factory=Heard)
    ahead: list[Part] = field(default_factory=list)  # the next of them, once it is made
    again: deque[list[Part]] = field(default_factory=deque)
    repeats: int = 0
    over: Outcome | None = None  # what becomes of all that is not sent by now
    taken: set[str] = field(default_factory=set)  # mailings, by digest
    probed: set[str] = field(default_factory=set)
    refused: dict[str, Outcome] = field(default_factory=dict)
    suspects: dict[str, list[tuple[Part, Verdict]]] = field(default_factory=dict)

    def next(self) -> list[Part] | None:
        """Return the next call to make, its messages noted as given away; None if there is none for now.

        Of repeats it is not asked whether they may begin: they did already, and there are few of them.
        """
        while self.again:
            if given := self._give(self.again.popleft()):
                return given
        # Made first and asked for then: a thousand messages are not made in no time.
        while self._look_ahead() and self.notes.go_on():
            call, self.ahead = self.ahead, []
            known = self.refused.get(_digest(call))
            if known is not None:
                self._answer(call, known)
            elif given := self._give(call):
                return given
        return None

    def heard(self, call: list[Part], verdict: Verdict) -> None:
        """Draw the conclusions of an answer."""
        outcome, digest = verdict.outcome, _digest(call)
        if verdict.doubtful and len(call) > 1:
            self._look_closer(call, verdict)
            return
        if verdict.doubtful:
            self._alone(call[0], verdict)
            return
        self._answer(call, outcome)
        if isinstance(outcome, Sent):
            self.taken.add(digest)
            self.before.note_taken(digest)
            for suspect, doubt in self.suspects.pop(digest, ()):
                self._answer([suspect], _of_the_person(doubt))
        elif isinstance(outcome, Halt):
            self.over = outcome
            self.todo, self.ahead = iter(()), []  # it never began, and no attempt is counted
            self._call_off(self.over)
        elif verdict.over:
            self.over = outcome if isinstance(outcome, TryLater) else TryLater(_reason(verdict))
            self._call_off(self.over)
            while call := self._look_ahead():
                self._answer(call, self.over)
                self.ahead = []

    def end(self) -> None:
        """Answer those who waited for a second opinion: there is none in this round."""
        for suspects in self.suspects.values():
            for suspect, verdict in suspects:
                self._answer([suspect], self.before.of(suspect, verdict))
        self.suspects.clear()

    def _look_ahead(self) -> list[Part]:
        self.ahead = self.ahead or next(self.todo, [])
        return self.ahead

    def _give(self, call: list[Part]) -> list[Part]:
        given = []
        for each, kept_back in zip(call, self.notes.giving_all([each.outgoing for each in call]), strict=True):
            if kept_back is None:
                given.append(each)
            else:
                self._answer([each], kept_back)
        return given

    def _call_off(self, outcome: Outcome, digest: str = "") -> None:
        """Answer the repeats (of one mailing) that need not be made: each would take as long, or fare alike."""
        waiting, self.again = self.again, deque()
        for call in waiting:
            if digest in {"", _digest(call)}:
                self._answer(call, outcome)
            else:
                self.again.append(call)

    def _look_closer(self, call: list[Part], verdict: Verdict) -> None:
        """Refuse whom the answer names; send the others once more, in halves if it names nobody."""
        named = verdict.named(len(call))
        for place, theirs in named.items():
            if theirs.of_an_address:
                self._answer([call[place]], theirs.outcome)
            else:
                self._repeat([call[place]])
        rest = [each for place, each in enumerate(call) if place not in named]
        if named:
            self._repeat(rest)
            return
        digest, singles = _digest(call), []
        if digest not in self.taken | self.probed:
            # Two single sends tell soon whether it is the mailing: of the two ends, as neighbours may be alike.
            self.probed.add(digest)
            singles, rest = [rest[0], rest[-1]], rest[1:-1]
        middle = len(rest) // 2
        for some in (rest[middle:], rest[:middle], *([one] for one in singles)):
            self._repeat(some)

    def _repeat(self, call: list[Part]) -> None:
        """Make this call next, unless it is known by now what would become of it."""
        self.repeats += 1
        known = self.over or (self.refused.get(_digest(call)) if call else None)
        if known is None and self.repeats > MOST_REPEATS:
            known = TryLater("others in the same call were refused")
        if known is not None:
            self._answer(call, known)
        elif call:
            self.again.appendleft(call)

    def _alone(self, one: Part, verdict: Verdict) -> None:
        """Decide whether it is the person or the mailing that was refused."""
        digest = _digest([one])
        if verdict.of_an_address:
            self._answer([one], verdict.outcome)
        elif digest in self.refused:
            self._answer([one], self.refused[digest])
        elif digest in self.taken:
            self._answer([one], _of_the_person(verdict))
        elif any(doubt.likeness == verdict.likeness for _, doubt in self.suspects.get(digest, ())):
            self.refused[digest] = _of_the_mailing(verdict)
            self._answer([one, *(suspect for suspect, _ in self.suspects.pop(digest))], self.refused[digest])
            self._call_off(self.refused[digest], digest)
        else:
            self.suspects.setdefault(digest, []).append((one, verdict))

    def _answer(self, parts: Iterable[Part], outcome: Outcome) -> None:
        answers = [(each.outgoing, outcome) for each in parts]
        if answers:
            self.notes.answered_all(answers)


def _digest(call: Sequence[Part]) -> str:
    return call[0].outgoing.mailing.digest


def _of_the_person(verdict: Verdict) -> Outcome:
    return RefusedRecipient(_reason(verdict))


def _of_the_mailing(verdict: Verdict) -> Outcome:
    """Hold the mailing; but a page without errors is a proxy's and no verdict on the text, so it is later for all."""
    return verdict.outcome if isinstance(verdict.outcome, TryLater) else RefusedMailing(_reason(verdict))


def _reason(verdict: Verdict) -> str:
    return "" if isinstance(verdict.outcome, Sent) else verdict.outcome.reason
