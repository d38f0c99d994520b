"""In charge of what the head of a lesson or notice must be like: a table of its keys, each with its rules."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from course.content import prose, resources, slots
from course.content.course_rules import unread
from course.content.locales import REVIEWED
from course.content.resources import MOST_MINUTES
from course.content.sources import is_whole
from course.content.written import LESSON, NONE, Found, Rule, Written, unknown_slots

LONGEST_SUBJECT = 60  # characters: what a phone's list shows
LONGEST_PREHEADER = 120
SHOUTED = 4  # capital letters that are no mere initials
# "Re:" and its like in several languages, on a mail that answers nothing and forwards nothing.
FAKE = re.compile(r"\s*(re|fwd?|aw|wg|sv|vs|tr|rv)\s*(\[\d+\])?\s*:", re.IGNORECASE)

# A whole value in typographic quotes: a title that holds some, as “A” and “B”, is none.
ROUND = re.compile("[“”„«»‹›‘’‚][^“”„«»‹›‘’‚]+[“”«»‹›‘’]")  # noqa: RUF001 (quotes of many languages)


def _missing(value: object) -> str:
    return "" if isinstance(value, str) and value.strip() else "write it here, in double quotes"


def _minutes(value: object) -> str:
    return "" if is_whole(value, 1, MOST_MINUTES) else f"write a whole number from 1 to {MOST_MINUTES}"


def _one_line(value: str) -> str:
    return "put it on one line" if len(value.splitlines()) > 1 else ""


def _at_most(most: int) -> Callable[[str], str]:
    return lambda value: f"shorten it to {most} characters; it has {len(value)}" if len(value) > most else ""


def _shouting(value: str) -> str:
    letters = "".join(filter(str.isalpha, slots.WRITTEN.sub("", value)))
    return "use small letters too; capitals shout" if letters.isupper() and len(letters) >= SHOUTED else ""


def _fake(value: str) -> str:
    return "take Re: or Fwd: away; this mail answers and forwards nothing" if FAKE.match(value) else ""


# For each key: what must hold for its value to be looked at, then everything else about it.
Rules = tuple[Callable[[object], str], tuple[Callable[[str], str], ...]]
NOTICE_HEAD: Mapping[str, Rules] = {
    "subject": (_missing, (_one_line, _at_most(LONGEST_SUBJECT), _shouting, _fake)),
    "preheader": (_missing, (_one_line, _at_most(LONGEST_PREHEADER))),
}
LESSON_HEAD: Mapping[str, Rules] = {
    **NOTICE_HEAD,
    "minutes": (_minutes, ()),
    "why": (_missing, (_one_line,)),
    "needs": (_missing, (_one_line,)),
}
MORE = {True: ("resource", REVIEWED), False: (REVIEWED,)}  # what a lesson's head, and a notice's, may say besides
PROSE = ("preheader", "why", "needs")


def _keys(text: Written) -> Found:
    for key, (needed, more) in (LESSON_HEAD if text.kind == LESSON else NOTICE_HEAD).items():
        value = text.source.front.get(key)
        lacking = needed(value)
        for say in (lacking,) if lacking else (rule(str(value)) for rule in more):
            if say:
                yield text.source.line_of(key), f"{key}: {say}"


def _slots(text: Written) -> Found:
    # These are one line each, help lines are several; why and needs are printed as they are written.
    short = text.slots - {"help_lines"}
    heads = {"subject": short, "preheader": short, "why": NONE, "needs": NONE}
    for key, known in heads.items():
        line = text.source.line_of(key)
        found = unknown_slots(str(text.source.front.get(key, "")), known, line)
        yield from ((line, f"{key}: {say}") for _, say in found)


def _resource(text: Written) -> Found:
    """Find a resource that is not there: nothing would open."""
    name = text.source.front.get("resource")
    there = text.source.path.parents[1] / resources.FOLDER / str(name) / resources.MANIFEST
    if name is not None and not (resources.ID.fullmatch(str(name)) and there.is_file()):
        where = f"{resources.FOLDER}/{name}/{resources.MANIFEST}"
        yield text.source.line_of("resource"), f"resource: there is no {where}; write it, or take this line out"


def _unknown(text: Written) -> Found:
    known = (*(LESSON_HEAD if text.kind == LESSON else NOTICE_HEAD), *MORE[text.kind == LESSON])
    for key in text.source.front:
        if key not in known:
            yield text.source.line_of(key), f"{key}: {unread(str(key), known)}"


def _typographic(text: Written) -> Found:
    """Find quotes that a text editor made round: what stands between them is printed with them."""
    for key in ("subject", *PROSE):
        if ROUND.fullmatch(str(text.source.front.get(key, "")).strip()):
            say = 'the quotes around it are round ones, which are printed; put straight ones (") in their place'
            yield text.source.line_of(key), f"{key}: {say}"


def _long_sentences(text: Written) -> Found:
    for key in PROSE:
        said = str(text.source.front.get(key, ""))
        yield from prose.too_long(prose.split(said, text.source.line_of(key)))


MISTAKES: tuple[Rule, ...] = (_keys, _slots, _resource)
ADVICE: tuple[Rule, ...] = (_unknown, _typographic, _long_sentences)
