"""In charge of the way out that TRANSPORT names: one file each (folder, smtp, sendgrid), found by its name.

A transport gets an Outgoing and answers with an Outcome. It knows mailings and bytes, never a table.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import cast

import structlog

from course.outgoing import Notes, Outcome, Outgoing, Transport, TryLater, Unsure
from course.settings import Settings

LONGEST_SAYING = 120  # characters of a server's own words that are kept
log = structlog.get_logger()
ADDRESS = re.compile(r"<?[^\s<>()@,;:\"]+@[^\s<>()@,;:\"']+>?")


def open_transport(settings: Settings) -> Transport:
    """Return the transport that the settings name. Raises SettingsError if it cannot work with them."""
    module = importlib.import_module(f"course.outbound.{settings.transport}")
    return cast("Transport", module.open(settings))


def said(words: str, *private: str) -> str:
    """Return a server's words as they may be kept: one short line without addresses and what is `private`."""
    line = " ".join("".join(char if char.isprintable() else " " for char in words[:4000]).split())[:1000]
    for secret in (one for one in private if one and one.lower() in line.lower()):
        line = re.sub(rf"(?<!\w){re.escape(secret)}(?![\w@])", "<hidden>", line, flags=re.IGNORECASE)
    return ADDRESS.sub("<address>", line)[:LONGEST_SAYING].rstrip()


def local_part(address: str) -> str:
    """Return what stands before the @: a server may repeat it alone."""
    return address.rpartition("@")[0]


def one_by_one(send: Callable[[Outgoing], Outcome], batch: Iterable[Outgoing], notes: Notes) -> None:
    """Hand messages over one after the other, by a transport that does no more at a time."""
    for outgoing in batch:
        if not notes.go_on():
            return
        outcome = notes.giving(outgoing)
        if outcome is None:
            try:
                outcome = send(outgoing)
            except Exception as error:  # noqa: BLE001 (a bug in a transport leaves us as unsure as a broken line)
                log.error("a transport broke", delivery=outgoing.delivery_id, error=type(error).__name__)
                outcome = Unsure(f"the transport broke: {type(error).__name__}")
        notes.answered(outgoing, outcome)


@dataclass
class OneAnswer:
    """The notes of a single message that no delivery stands behind."""

    outcome: Outcome | None = None

    def go_on(self) -> bool:
        """Let it begin."""
        return True

    def giving(self, outgoing: Outgoing) -> Outcome | None:  # noqa: ARG002 (there is nothing to note it in)
        """Let it leave."""
        return None

    def giving_all(self, call: Sequence[Outgoing]) -> list[Outcome | None]:
        """Let it leave."""
        return [None for _ in call]

    def answered(self, outgoing: Outgoing, outcome: Outcome) -> None:  # noqa: ARG002 (there is only one)
        """Keep the answer."""
        self.outcome = outcome

    def answered_all(self, answers: Sequence[tuple[Outgoing, Outcome]]) -> None:
        """Keep the answer."""
        _, self.outcome = answers[0]  # there is only one


def send_one(transport: Transport, outgoing: Outgoing) -> Outcome:
    """Hand a single message over and return what became of it."""
    notes = OneAnswer()
    transport.send_many([outgoing], notes)
    return notes.outcome or TryLater("the message was not taken up")
