"""In charge of slots: the named places in a text that differ from person to person.

Authors write {name}. Before Markdown, Jinja and the CSS inliner see the text, each slot becomes a marker of plain
letters that all of them leave alone; a compiled mailing is split at its markers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

# What each kind of text may leave open. A slot that is not named here is an author's mistake.
EVERYWHERE = frozenset({"greeting"})
NOTICE = {
    "confirm": frozenset({"confirm_url"}),
    "joining": frozenset({"confirm_url", "consent", "rhythm", "outline"}),
    "welcome": frozenset({"greeting", "comes", "kept", "first_day", "send_hour", "rhythm", "goes_on"}),
    "receipt": frozenset({"greeting", "day", "lesson", "kept"}),
    "help": frozenset({"greeting", "help_lines"}),
    "farewell": frozenset({"greeting", "done", "late_reply", "offer", "offer_label", "offer_url"}),
    "paused": frozenset({"greeting", "pause_end"}),
    "resumed": frozenset({"greeting", "next_lesson"}),
    "next": frozenset({"greeting", "next_lesson"}),
    "hour": frozenset({"greeting", "send_hour", "stands"}),
    "quiet": frozenset({"greeting", "mine_url"}),
    "resting": frozenset({"greeting", "mine_url"}),
    "skipped": frozenset({"greeting", "day", "lesson", "stands"}),
    "left": frozenset({"greeting", "forgets"}),
    "unread": frozenset({"greeting", "help_lines", "contact", "kept"}),
    "move": frozenset({"confirm_url", "contact"}),
    "moved": frozenset({"contact"}),
    "kept": frozenset({"greeting", "letter_comes", "letter_day", "letter_url"}),
    "unwritten": frozenset({"greeting", "letter_url"}),
    "months": frozenset({"greeting", "letter_url"}),
    "letter": frozenset({"greeting", "letter_url"}),
    "unkept": frozenset({"greeting"}),
    "closed": frozenset({"greeting"}),
    "over": frozenset({"greeting", "stands", "mine_url"}),
    "returned": frozenset({"greeting", "letter_text", "letter_url"}),
    "fresh": frozenset({"greeting", "open_url"}),
    "settings": frozenset(
        {"greeting", "days_now", "stands", "rhythm", "send_hour", "place", "clock", "language", "contact"}
    )
    | {"pace_words", "language_words"},
    "exercise": frozenset({"greeting", "lesson", "exercise", "exercise_text"}),
}
# What a text must leave open, to say what it is for: help, what becomes of words, the letter that comes back.
NEEDED = {
    "joining": ("consent",),
    "welcome": ("kept",),
    "receipt": ("kept",),
    "help": ("help_lines",),
    "unread": ("help_lines",),
    "fresh": ("open_url",),
    "returned": ("letter_text",),
    "exercise": ("exercise_text",),
}
# What the layout leaves open around a text.
FOOTER = frozenset({"date", "leave_url", "help_lines", "kept", "readers", "mine_url", "write_url", "checkin_url"})
FOOTER |= {"resource_url"}  # a lesson that names a resource
# What takes a slot's place in the HTML of mails with links: the same, as HTML in which it can be pressed.
SHOWN = {"help_lines": "help_lines_html"}
FOOTER |= frozenset(SHOWN.values())
# Known when the mailing is compiled, so they are plain text by the time it is kept.
FIXED = frozenset({"course", "days", "site"})

WRITTEN = re.compile(r"\{([a-z_]+)\}")
MARKER = re.compile(r"zq([a-z_]+)qz")


def mark(text: str, fixed: Mapping[str, str]) -> str:
    """Turn {slots} into markers, and those with a fixed value into it."""
    return WRITTEN.sub(lambda found: fixed.get(found[1], marker(found[1])), text)


def marker(slot: str) -> str:
    """Return what stands for a slot in a compiled text."""
    return f"zq{slot}qz"


def written(text: str) -> Iterator[tuple[str, int]]:
    """Yield each slot's name in a text, and the offset of its line (from 0)."""
    for found in WRITTEN.finditer(text):
        yield found[1], text.count("\n", 0, found.start())


def say(words: str, **values: str) -> str:
    """Put values into one of the short strings, once: what a value holds is never read as a slot."""
    return WRITTEN.sub(lambda found: values.get(found[1], found[0]), words)


def counted(words: Mapping[str, str], key: str, number: int, **values: str) -> str:
    """Return a short string in the form that this number has: one has its own."""
    return say(words[f"{key}_one" if number == 1 else key], days=str(number), **values)


def split(text: str) -> list[str]:
    """Return literal text and slot names in turn: even places are text, odd places are names."""
    return MARKER.split(text)


def fill(pieces: list[str], values: Mapping[str, str]) -> str:
    """Put the values in. Raises KeyError naming a slot without a value: no mail leaves with a hole."""
    filled = pieces.copy()
    filled[1::2] = [values[slot] for slot in pieces[1::2]]
    return "".join(filled)
