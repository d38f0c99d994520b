"""In charge of one text as `course check` sees it: a lesson or notice, and the slots that have a value in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from course.content import slots
from course.content.sources import Section, Source

LESSON = "lesson"
NONE = frozenset[str]()  # no slot at all
BRACED = re.compile(r"\{([^{}#\n]*)\}")
# What a rule finds: lines, and what to do there.
Found = Iterator[tuple[int, str]]


@dataclass(frozen=True)
class Written:
    """One author's text: `kind` is "lesson" or the notice's name."""

    source: Source
    kind: str

    @property
    def slots(self) -> frozenset[str]:
        """The slots that have a value here."""
        own = slots.EVERYWHERE if self.kind == LESSON else slots.NOTICE.get(self.kind, slots.EVERYWHERE)
        return own | slots.FIXED

    @property
    def sections(self) -> tuple[Section, ...]:
        """What stands under the head."""
        return self.source.sections


Rule = Callable[[Written], Found]


def unknown_slots(text: str, known: frozenset[str], line: int) -> Found:
    """Yield what stands in braces but has no value here, in a text that begins on this line."""
    names = ", ".join(f"{{{name}}}" for name in sorted(known))
    for found in BRACED.finditer(text):
        if found[1] not in known:
            say = f"write one of {names}" if known else "write plain words"
            yield line + text.count("\n", 0, found.start()), f"{found[0]} is no slot here; {say}"


def markers(text: str) -> Found:
    """Yield what looks like a marker of ours: it would be taken for a slot."""
    for number, line in enumerate(text.splitlines(), 1):
        for found in slots.MARKER.finditer(line):
            yield number, f"write {found[0]} another way: it looks like a mark of the program's own"
