"""In charge of the notes that tests hand to a transport: what was given away, and what became of it, in order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from course.outgoing import Outcome, Outgoing


@dataclass
class Told:
    """Whom it was given away for and what was answered; by the one thread that may speak to it, and each in its turn.

    `more` is asked before each call, `ledger` before each message leaves.
    """

    more: Callable[[], bool] = lambda: True
    ledger: Callable[[Outgoing], Outcome | None] = lambda _: None
    given: list[str] = field(default_factory=list)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    most_open: int = 0
    _thread: int = field(default_factory=threading.get_ident)

    def go_on(self) -> bool:
        assert threading.get_ident() == self._thread
        return self.more()

    def giving(self, outgoing: Outgoing) -> Outcome | None:
        assert threading.get_ident() == self._thread
        kept_back = self.ledger(outgoing)
        if kept_back is None:
            self.given.append(person(outgoing))
            self.most_open = max(self.most_open, len(set(self.given) - set(self.outcomes)))
        return kept_back

    def answered(self, outgoing: Outgoing, outcome: Outcome) -> None:
        assert threading.get_ident() == self._thread
        assert person(outgoing) not in self.outcomes, "answered twice"
        self.outcomes[person(outgoing)] = outcome

    def giving_all(self, call: Sequence[Outgoing]) -> list[Outcome | None]:
        return [self.giving(outgoing) for outgoing in call]

    def answered_all(self, answers: Sequence[tuple[Outgoing, Outcome]]) -> None:
        for outgoing, outcome in answers:
            self.answered(outgoing, outcome)

    def people(self, kind: type[Outcome]) -> list[str]:
        """Return who had this outcome, in the order of the answers."""
        return [name for name, outcome in self.outcomes.items() if isinstance(outcome, kind)]


def person(outgoing: Outgoing) -> str:
    """Return a recipient's name: what stands before the @."""
    return outgoing.to.partition("@")[0]
