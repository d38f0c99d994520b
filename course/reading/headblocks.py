"""In charge of what stands above a quote that has no marks: a header block, "-----Original Message-----", a forward."""

from __future__ import annotations

import re
from collections.abc import Iterator

from course.reading.announcements import ADDRESS, LONGEST, TIME, following, rest
from course.reading.lines import Kind, Line
from course.reading.words import Words

ANY_DASHED = re.compile(r"-{4,}\s?[^-\n]{3,60}-{4,}")
FIELD = re.compile(r"[^\s:\uff1a][^:\uff1a]{0,30}[:\uff1a]\s?\S")
BLOCK = 14  # lines of a header block


def separated(lines: list[Line], words: Words) -> None:
    """Cut at "-----Original Message-----" and its like: Outlook, Samsung, Gmail's and Apple's forwards."""
    for index, line in enumerate(lines):
        text = line.seen
        if line.kind is Kind.HEAD or len(text) > LONGEST:
            continue
        after = following(lines, index)
        unknown = ANY_DASHED.fullmatch(text) and after is not None and FIELD.match(after.seen)
        if unknown or words.separator.fullmatch(text.strip("*")):
            line.kind = Kind.HEAD
            rest(lines, index + 1, line.depth)


def headed(lines: list[Line], words: Words) -> None:
    """Cut at "From: … Sent: … To: … Subject: …": Outlook in all its forms, AOL, Exchange, Windows Mail."""
    for index, line in enumerate(lines):
        if line.kind is Kind.HEAD or not words.label.match(line.seen):
            continue
        block = list(_block(lines, index, words))
        if _is_head(block, words):
            for one in block:
                one.kind = Kind.HEAD
            rest(lines, index + len(block), line.depth)


def _block(lines: list[Line], index: int, words: Words) -> Iterator[Line]:
    """Yield the lines of a header block: labels, with at most two other lines after each."""
    other = 0
    held: list[Line] = []
    for line in lines[index : index + BLOCK]:
        labelled = bool(words.label.match(line.seen))
        other = 0 if labelled else other + 1
        if line.depth != lines[index].depth or other > 2:  # noqa: PLR2004
            return
        held.append(line)
        if labelled:
            yield from held
            held.clear()


def _is_head(block: list[Line], words: Words) -> bool:
    """Whether these labels are a mail's: a letter "From: me, To: me" has no address and no time."""
    found: dict[str, str] = {}
    for line in block:
        label = words.label.match(line.seen)
        if label:
            keys = words.labels[" ".join(label[1].casefold().split())]
            for key in keys:
                found.setdefault(key, line.seen[label.end() :])
    address = any(ADDRESS.search(line.seen) for line in block)
    if "from" not in found or len(found) < 2:  # noqa: PLR2004
        return False
    when = found.get("sent", "") + " " + found.get("date", "")
    return (address and len(block) > 1) or bool(TIME.search(when)) or bool(re.search(r"\d", found.get("sent", "")))
