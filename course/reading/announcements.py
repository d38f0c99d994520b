"""In charge of the line that announces a quote, "On …, Alice wrote:", in any client's words and on as many lines.

Where the quote itself carries marks, only the announcement goes; where it does not, everything below it is the quote.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from course.reading.lines import Hint, Kind, Line
from course.reading.words import Words

ADDRESS = re.compile(r"[^\s<>@]{1,64}@[^\s<>@]{2,}")
BRACKETED = re.compile(r"[<(\[]\s*(?:mailto:)?[^\s<>@]{1,64}@|&lt;[^\s<>@]{1,64}@")
TIME = re.compile(r"(?<!\d)\d{1,2}\s?[:.h]\s?\d{2}(?!\d)|\d\s?(?:AM|PM|Uhr)\b|\d時|\d시|\d点", re.IGNORECASE)
DATE = re.compile(r"\b(?:19|20)\d\d\b|\b\d{1,4}[./-]\d{1,2}\b|\d\d?\.?\s\w{3,}|\w{3,}\.?\s\d\d?\b|\d\s?[年月日년월일]")
COLON = re.compile(r"[:\uff1a]\W{0,4}$")
FULL_DATE = re.compile(r"\d{4}[./-]\d{1,2}[./-]\d{1,2}|\b(?:19|20)\d\d\b|\b\d{1,2}[./-]\d{1,2}[./-]\d\d")
HOUR = re.compile(r"\b(?:[ap]\.?\s?m\b\.?|Uhr|[A-Z]{3,4}\b)", re.IGNORECASE)
ENDS = re.compile(r"[:\uff1a>\u2026-]$")
DASHED = re.compile(r"-{2,}.*-{2,}:?")
TRIES = 80  # lines that look as if they ended one; a mail has a few
LONGEST = 500  # characters of an attribution
SHORT = 80  # characters of a last line
MOST = 5  # words of a name
HIGHEST = 5  # lines of one


def rest(lines: list[Line], start: int, depth: int) -> None:
    """Take all that follows at this depth for the quote that was announced: its client put no marks."""
    for line in lines[start:]:
        if line.depth == depth:
            line.depth += 1
            line.kind = Kind.QUOTE if line.kind is Kind.OWN else line.kind


def following(lines: list[Line], index: int) -> Line | None:
    """Return the first line after this one that is not blank."""
    return next((line for line in lines[index + 1 : index + 8] if not line.blank), None)


def hinted(lines: list[Line], _: Words) -> None:
    """Believe the HTML where its client says that the rest, or this line, belongs to an earlier message."""
    for index, line in enumerate(lines):
        if line.hint is Hint.REST:
            rest(lines, index, line.depth)
        elif line.hint is Hint.HEAD:
            line.kind = Kind.HEAD


def attributed(lines: list[Line], words: Words) -> None:
    """Cut at "On …, Alice wrote:", on one line or wrapped over several, in any language: nearly every client."""
    index, tries = 0, Counter[bool]()
    while index < len(lines):
        line = lines[index]
        if line.kind is not Kind.HEAD and tries[line.depth > 0] < TRIES and _may_end(line, words):
            tries[line.depth > 0] += 1
            first = _begins(lines, index, words) if not _goes_on(lines, index) else None
            if first is not None:
                index += _announce(lines, first, index, words)
        index += 1


def arrowed(lines: list[Line], _: Words) -> None:
    """Cut at GroupWise's ">>> Alice <alice@example.org> 16/11/26 7:00 >>>"."""
    for index, line in enumerate(lines):
        text = line.seen
        if line.marks.startswith(">>>") and text.endswith(">>>") and (ADDRESS.search(text) or TIME.search(text)):
            line.kind = Kind.HEAD
            rest(lines, index + 1, 0)
            return


def _may_end(line: Line, words: Words) -> bool:
    text = line.seen
    return bool(text) and len(text) <= LONGEST and bool(ENDS.search(text) or words.wrote.search(text[-60:]))


def _goes_on(lines: list[Line], index: int) -> bool:
    """Whether the next line ends it: "… schrieb Dear" and "Self:" below."""
    after = lines[index + 1] if index + 1 < len(lines) else None
    if after is None or after.depth != lines[index].depth or COLON.search(lines[index].seen):
        return False
    return len(after.seen) < SHORT and bool(COLON.search(after.seen))


def _begins(lines: list[Line], last: int, words: Words) -> int | None:
    """Return where the attribution that ends with this line begins, if it is one."""
    after = following(lines, last)
    quoted = after is not None and (after.depth > lines[last].depth or after.seen.startswith("|"))
    fallback, strong_at = None, None
    alone = _strong(lines[last].seen, words) and not lines[last].seen.startswith(("<", "("))
    for first, text in _windows(lines, last, across=not alone):
        strong = _strong(text, words)
        if strong or (quoted and _weak(text, words)):
            if words.start.match(text) or (text[0].isdigit() and strong):
                return first
            fallback = first if fallback is None else fallback
            strong_at = first if strong and strong_at is None else strong_at
    return strong_at if strong_at is not None else fallback


def _windows(lines: list[Line], last: int, *, across: bool) -> Iterator[tuple[int, str]]:
    """Yield ever more lines that end with this one, each as one text; `across` one blank line if need be."""
    text, gap = "", False
    for first in range(last, max(-1, last - HIGHEST), -1):
        line = lines[first]
        if line.depth != lines[last].depth or line.kind is Kind.HEAD:
            return
        if line.blank:
            if gap or not across:
                return
            gap = True
            continue
        text = f"{line.seen} {text}".strip()
        if len(text) > LONGEST:
            return
        yield first, text


def _strong(text: str, words: Words) -> bool:
    """Whether it can be nothing else: an address, or both a date and a time, and a verb or a bracket."""
    verb = _verb(text, words)
    ends = bool(COLON.search(text)) or (verb is not None and verb.end() > len(text) - 6)
    if not ends:
        return False
    if verb is not None and DASHED.fullmatch(text):
        return True
    date, time = bool(DATE.search(text)), bool(TIME.search(text))
    if verb is None:
        written = BRACKETED.search(text) or (text[0].isdigit() and ADDRESS.search(text))
        return bool(written) and (date or time)
    if ADDRESS.search(text):
        return True
    final = verb.end() > len(text) - 6
    name = _is_name(text[: verb.start()]) if final else _is_name(text[verb.end() :]) or _is_name(text[: verb.start()])
    return (date and name) or (time and final and bool(FULL_DATE.search(text)))


def _is_name(said: str) -> bool:
    """Whether only a name stands there, behind a date: "On 3 May 1987 my father wrote:" is a sentence."""
    found = re.findall(r"[^\W\d_]+", HOUR.sub("", re.split(r"\d", said)[-1]))
    return 0 < len(found) <= MOST and all(word[0] == word[0].upper() and len(word) > 1 for word in found)


def _weak(text: str, words: Words) -> bool:
    """Whether it may announce a quote that is marked as one."""
    colon = bool(COLON.search(text))
    address, date = bool(BRACKETED.search(text)), bool(DATE.search(text))
    verb = _verb(text, words)
    if not colon:
        stamped = text[0].isdigit() and bool(FULL_DATE.match(text)) and bool(TIME.search(text))
        return stamped or (address and date) or (verb is not None and verb.end() > len(text) - 6 and date)
    told = verb is not None and (address or date or bool(words.start.match(text)) or verb.end() > len(text) - 6)
    return told or address or (date and bool(TIME.search(text)))


def _verb(text: str, words: Words) -> re.Match[str] | None:
    """Return the last verb of saying."""
    return max(words.wrote.finditer(text), key=lambda found: found.start(), default=None)


def _announce(lines: list[Line], first: int, last: int, words: Words) -> int:
    """Mark an attribution, keep what a person wrote before it on its line; return how many lines were added."""
    depth = lines[last].depth
    after = following(lines, last)
    own = _before(lines[first].seen, words)
    for line in lines[first : last + 1]:
        line.kind = Kind.HEAD if not line.blank else line.kind
    # With nothing above it, and no marks, nobody can tell a bare quote from an answer below one: nothing is lost.
    above = depth or any(line.kind is Kind.OWN and not line.blank for line in lines[:first])
    if after is not None and after.depth <= depth and not _piped(lines, last) and (above or own):
        rest(lines, last + 1, depth)
    if own is None or depth:
        return 0
    lines.insert(first, Line(own))
    return 1


def _before(text: str, words: Words) -> str | None:
    """Return what stands before the attribution on its own first line: "thanks On Wed, Apr 4 … wrote:"."""
    for start in words.start.finditer(text[:LONGEST]):
        own = text[: start.start()]
        if not own or re.search(r"\d", own) or ADDRESS.search(own) or words.wrote.search(own):
            return None
        if re.search(r"[\s-]$", own):
            return own.rstrip(" \t-") or None
    return None


def _piped(lines: list[Line], last: int) -> bool:
    """Mark a quote whose lines begin with "| ", as mutt and others can be told to; return whether it is one."""
    found = False
    for line in lines[last + 1 :]:
        if line.seen.startswith("|"):
            line.kind, line.depth, found = Kind.QUOTE, line.depth + 1, True
        elif not line.blank:
            break
    return found
