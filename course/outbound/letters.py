"""In charge of the letters that wait for a connection: made one at a time, as they are asked for."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable

from course.outbound.dialogue import Letter
from course.outgoing import Halt, Notes, Outcome, Outgoing, RefusedRecipient

# An address is written as it comes, so a line break in one would become a command of its own.
ONE_ADDRESS = re.compile(r"[!-;=?A-~]+@[!-;=?A-~]+")


class Letters:
    """What is still to be begun, in turn; nothing more once `notes` say that no other message may begin."""

    def __init__(self, batch: Iterable[Outgoing], notes: Notes) -> None:
        self.notes = notes
        self._batch = iter(batch)
        self._waiting: deque[Letter] = deque()
        self._over = not notes.go_on()
        self._asked = True  # go_on() was asked and nothing begun since

    def ahead(self, most: int) -> int:
        """Return how many letters wait, up to so many."""
        while not self._over and len(self._waiting) < most:
            outgoing = next(self._batch, None)
            if outgoing is None:
                break
            wrong = _unwritable(outgoing)
            if wrong:
                self.notes.answered(outgoing, wrong)
            else:
                self._waiting.append(Letter(outgoing, outgoing.as_bytes(), outgoing.envelope_from))
        return 0 if self._over else min(len(self._waiting), most)

    def take(self) -> Letter | None:
        """Return the next letter, which may begin; None if there is none."""
        if not self.ahead(1):
            return None
        if not self._asked:
            self._over = not self.notes.go_on()
        self._asked = False
        return None if self._over else self._waiting.popleft()

    def again(self, letter: Letter, outcome: Outcome) -> None:
        """Let a letter wait once more, before the others: its kept connection turned out to be dead."""
        refused = outcome if letter.given_at >= 0 else letter.refused
        fresh = Letter(letter.outgoing, letter.data, letter.outgoing.envelope_from, refused=refused)
        self._waiting.appendleft(fresh)

    def refused(self) -> list[tuple[Letter, Outcome]]:
        """Return those that still wait although they were given away, with what became of that."""
        return [(letter, letter.refused) for letter in self._waiting if letter.refused]


def _unwritable(outgoing: Outgoing) -> Outcome | None:
    """Return what it means that an address of this message cannot stand in a command, if so."""
    if not ONE_ADDRESS.fullmatch(outgoing.to):
        return RefusedRecipient("this address cannot be written in SMTP (RFC 3463: 5.1.3)", dead=True)
    if not ONE_ADDRESS.fullmatch(outgoing.reply_to):
        return Halt("our return address cannot be written in SMTP: check REPLY_DOMAIN")
    return None
