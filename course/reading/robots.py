"""In charge of judging a mail by its signals: does it count, may it be answered, did a machine write it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from course.reading import mime
from course.reading.caps import TooMuchError
from course.reading.looking import Look
from course.reading.signals import SIGNALS, Counts, Signal

ADDRESS = re.compile(r"[^\s<>\"]+@[^\s<>\"]+")


@dataclass(frozen=True)
class Verdict:
    """Whether a mail counts, whether it may be answered, and which row of SIGNALS decided ("" if none)."""

    counts: Counts = Counts.YES
    answer: bool = True
    row: str = ""


def found(look: Look) -> tuple[Signal, ...]:
    """Return the signals of a mail, in the order of the table; what has no check is told later."""
    return tuple(signal for signal in SIGNALS if signal.check and signal.check(look))


def verdict(signals: tuple[Signal, ...], *told: Signal) -> Verdict:
    """Judge: the first row decides whether it counts; one that forbids an answer is enough."""
    rows = [signal for signal in SIGNALS if signal in (*signals, *told)]
    if not rows:
        return Verdict()
    return Verdict(rows[0].counts, all(row.answer for row in rows), rows[0].name)


def is_automatic(raw: bytes) -> bool:
    """Whether no person wrote this, as far as that can be known. Never raises.

    A plain yes or no, where journeys ask an `Incoming` whether it counts and whether it may be answered: they hold what
    nobody can be sure of. A mail through a group and a notice of absence without a header are a machine's here, and a
    reaction is a person's. What is over a cap is taken for a machine's.
    """
    try:
        message = mime.parse(raw)
    except TooMuchError:
        return True
    senders = ADDRESS.findall(mime.header(message, "From"))
    look = Look(message, senders[-1] if senders else "")
    return any(signal.machine and signal.check and signal.check(look) for signal in SIGNALS)
