"""In charge of the line that announces a quote, "On …, Alice wrote:", in any client's words and on as many lines.

Where the quote itself carries marks, only the announcement goes; where it does not, everything below it is the quote.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from course.reading.attributions import (
    ADDRESS,
    FULL_DATE,
    TIME,
    dated,
    ends_with_colon,
    recounts,
    stamped,
    strong,
    weak,
)
from course.reading.lines import HEAD, OWN, QUOTE, Hint, Line
from course.reading.words import Words

ENDS = frozenset(":\uff1a>\u2026-")
NAMED = re.compile(r"[A-Z]\w{0,11}>")
INITIALS = re.compile(r"[A-Z]{1,4}>")
TRIES = 50  # lines that look as if they ended one; a mail has a few
SENTENCE_END = re.compile(r"\w{2,}[.!?\u2026\u3002]$")
DASHED_LINE = re.compile(r"-{10,}")
LONGEST = 500  # characters of an attribution
SHORT = 80  # characters of a last line
HIGHEST = 5  # lines of one
DEEPEST = 10  # quotes without marks, one within another, that are told apart
MARKED = 50  # the same of quotes that the HTML marks


def quote_below(lines: list[Line], start: int, depth: int) -> None:
    """Take all that follows at this depth for the quote that was announced: its client put no marks."""
    if depth > DEEPEST:
        return
    for line in lines[start:]:
        if line.depth == depth:
            line.depth += 1
            line.kind = QUOTE if line.kind is OWN else line.kind


def quote_below_unless_marked(lines: list[Line], last: int, depth: int) -> None:
    """Do the same below this line, unless the quote has marks of its own: GMX and Apple's forwards."""
    after = following(lines, last)
    if after is None or after.depth <= depth:
        quote_below(lines, last + 1, depth)


def following(lines: list[Line], index: int) -> Line | None:
    """Return the first line after this one that is not blank."""
    return next((line for line in lines[index + 1 : index + 8] if not line.blank), None)


def hinted(lines: list[Line], _: Words) -> None:
    """Believe the HTML where its client says that the rest, or this line, belongs to an earlier message.

    Each mark moves all that follows at its depth by one, as `quote_below` does, in one walk over the lines.
    """
    if not any(line.hint for line in lines):
        return
    now = {line.depth: line.depth for line in lines}
    for line in lines:
        if line.hint is Hint.REST and now[line.depth] < MARKED:
            marked = now[line.depth]
            now = {depth: seen + (seen == marked) for depth, seen in now.items()}
        if now[line.depth] != line.depth:
            line.depth = now[line.depth]
            line.kind = QUOTE if line.kind is OWN else line.kind
        if line.hint is Hint.HEAD:
            line.kind = HEAD


def attributed(lines: list[Line], words: Words) -> None:
    """Cut at "On …, Alice wrote:", on one line or wrapped over several, in any language: nearly every client."""
    index, tries = 0, Counter[bool]()
    while index < len(lines):
        line = lines[index]
        if line.kind is not HEAD and tries[line.depth > 0] < TRIES and _may_end(line, words):
            tries[line.depth > 0] += 1
            first = _begins(lines, index, words) if not _goes_on(lines, index) else None
            if first is not None:
                index += _announce(lines, first, index, words)
        index += 1


def arrowed(lines: list[Line], _: Words) -> None:
    """Cut at GroupWise's ">>> Alice <alice@example.org> 16/11/26 7:00 >>>"."""
    for index, line in enumerate(lines):
        text = line.seen
        if line.marks[:3] == ">>>" and text.endswith(">>>") and (ADDRESS.search(text) or TIME.search(text)):
            line.kind = HEAD
            quote_below_unless_marked(lines, index, 0)
            return


def _may_end(line: Line, words: Words) -> bool:
    text = line.seen
    if not text or len(text) > LONGEST or not text.strip("-"):
        return False
    return text[-1] in ENDS or words.verb(text[-60:]) is not None or stamped(text) or dated(text)


def _goes_on(lines: list[Line], index: int) -> bool:
    """Whether the next line ends it: "… schrieb Dear" and "Self:" below."""
    after = lines[index + 1] if index + 1 < len(lines) else None
    if after is None or after.depth != lines[index].depth or ends_with_colon(lines[index].seen):
        return False
    return len(after.seen) < SHORT and ends_with_colon(after.seen)


def _begins(lines: list[Line], last: int, words: Words) -> int | None:
    """Return where the attribution that ends with this line begins, if it is one."""
    after = following(lines, last)
    quoted = after is not None and (after.depth > lines[last].depth or _mark(lines, last, after.seen) != "")
    fallback, strong_at = None, None
    alone = not lines[last].seen.startswith(("<", "(")) and strong(lines[last].seen, words)
    for first, text in _windows(lines, last, across=not alone):
        sure = strong(text, words) if first != last else alone or strong(text, words)
        if sure or (quoted and weak(text, words)):
            if words.start.match(text) or (text[0].isdigit() and sure):
                return first
            fallback = first if fallback is None else fallback
            strong_at = first if sure and strong_at is None else strong_at
    return strong_at if strong_at is not None else fallback


def _windows(lines: list[Line], last: int, *, across: bool) -> Iterator[tuple[int, str]]:
    """Yield ever more lines that end with this one, each as one text; `across` one blank line if need be."""
    text, gap = "", False
    for first in range(last, max(-1, last - HIGHEST), -1):
        line = lines[first]
        if line.depth != lines[last].depth or line.kind is HEAD:
            return
        if line.blank:
            if gap or not across:
                return
            gap = True
            continue
        if gap and SENTENCE_END.search(line.seen):
            return  # a person's paragraph: what announces a quote is broken in the middle, if at all
        text = f"{line.seen} {text}".strip()
        if len(text) > LONGEST:
            return
        yield first, text


def _announce(lines: list[Line], first: int, last: int, words: Words) -> int:
    """Mark an attribution, keep what a person wrote before it on its line; return how many lines were added."""
    depth = lines[last].depth
    after = following(lines, last)
    unmarked = after is not None and after.depth <= depth and not _mark(lines, last, after.seen)
    if unmarked and recounts(" ".join(line.seen for line in lines[first : last + 1]), words):
        return 0
    own = _before(lines[first].seen, words)
    for line in lines[_with_fields(lines, first, words) : last + 1]:
        line.kind = HEAD if not line.blank else line.kind
    # With nothing above it, and no marks, nobody can tell a bare quote from an answer below one: nothing is lost.
    above = depth or any(line.kind is OWN and not line.blank for line in lines[:first])
    if after is not None and after.depth <= depth and not _piped(lines, last) and (above or own):
        quote_below(lines, last + 1, depth)
    if own is None or depth:
        return 0
    lines.insert(first, Line(own))
    return 1


def _with_fields(lines: list[Line], first: int, words: Words) -> int:
    """Return where the fields begin that stand right above an attribution, of which one is an address: Yandex."""
    at = first
    while at and lines[at - 1].depth == lines[first].depth and words.label(lines[at - 1].seen):
        at -= 1
    if not any(ADDRESS.search(line.seen) for line in lines[at:first]):
        return first
    return at - (at > 0 and bool(DASHED_LINE.fullmatch(lines[at - 1].seen)))


def _before(text: str, words: Words) -> str | None:
    """Return what stands before the attribution on its own first line: "thanks On Wed, Apr 4 … wrote:"."""
    for start in words.start.finditer(text[:LONGEST]):
        own = text[: start.start()]
        if not own or re.search(r"\d", own) or ADDRESS.search(own) or words.verb(own):
            return None
        if re.search(r"[\s-]$", own):
            return own.rstrip(" \t-") or None
    return None


def _piped(lines: list[Line], last: int) -> bool:
    """Mark a quote whose lines begin with "| " (mutt) or with a name, "Dear> " (Emacs); return whether it is one."""
    after = following(lines, last)
    mark = _mark(lines, last, after.seen) if after is not None else ""
    for line in lines[last + 1 :] if mark else ():
        if line.seen.startswith(mark):
            line.kind, line.depth = QUOTE, line.depth + 1
        elif not line.blank and mark == "|":
            break
    return mark != ""


def _mark(lines: list[Line], last: int, after: str) -> str:
    """Return what is a quote's mark and no arrow.

    That may be a name below "Alice writes:" (Emacs), or initials below a date and a time (The Bat!).
    """
    text = lines[last].seen
    named = NAMED.match(after) if text.endswith("writes:") else None
    if FULL_DATE.search(text) and TIME.search(text):
        named = named or INITIALS.match(after)
    return "|" if after.startswith("|") else named[0] if named else ""
