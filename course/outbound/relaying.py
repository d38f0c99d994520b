"""In charge of a second opinion where a mail server will not relay: it may be about one recipient, or about us.

A server that has forgotten who we are refuses everybody, in words that sound like one recipient's fault.
"""

from __future__ import annotations

import re

from course.outgoing import Halt, Outcome, RefusedRecipient, Sent

NOT_FOR_US = re.compile(
    r"\brelay(ing)?\b.{0,40}\b(denied|refused|prohibited|forbidden|not (permitted|allowed|authorized))"
    r"|\b(unable|not (permitted|allowed|authorized)) to relay\b|\b(requires|required) authentication\b"
    r"|\bauthentication (is )?required\b",
    re.IGNORECASE,
)


class Relaying:
    """What one server said. One odd address can stop nobody: only a second domain that fares alike does."""

    def __init__(self) -> None:
        self._refused: set[str] = set()  # domains, since a message was last taken

    def judge(self, to: str, outcome: Outcome) -> Outcome:
        """Return what this outcome means, with what was heard before it."""
        if isinstance(outcome, Sent):
            self._refused.clear()
        elif isinstance(outcome, RefusedRecipient) and NOT_FOR_US.search(outcome.reason):
            self._refused.add(to.rpartition("@")[2].lower())
            if len(self._refused) > 1:
                return Halt(outcome.reason)
        return outcome
