"""In charge of what stands above a quote that has no marks: a header block, "-----Original Message-----", a forward."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from course.reading.announcements import LONGEST, following, quote_below, quote_below_unless_marked
from course.reading.attributions import ADDRESS, DATE, TIME
from course.reading.endings import DIVIDER, SHORT
from course.reading.lines import HEAD, OWN, Line
from course.reading.words import DASHES, LINE, Words, key

ANY_DASHED = re.compile(r"-{4,}\s?[^-\n]{3,60}-{4,}")
UNDERSCORES = re.compile(r"_{10,}")  # Outlook's line, also where little of the header follows
# Lotus Notes: "Inactive hide details for Alice Example ---16/11/2026 07:00:00---Day 4".
NOTES = re.compile(r"\S[^\n]{1,80}? ?---\d{1,4}[./-]\d{1,2}[./-]\d{2,4} \d{1,2}[:.]\d{2}[^\n-]{0,10}---[^\n]*")
FIELD = re.compile(r"[^\s:\uff1a][^:\uff1a]{0,30}[:\uff1a]\s?\S")
HEADS = 50  # separators in a mail
TRIES = 80  # blocks that are looked at
BLOCK = 14  # lines of a header block


Labels = Sequence[re.Match[str] | None]


def separated(lines: list[Line], words: Words) -> None:
    """Cut at "-----Original Message-----" and its like: Outlook, Samsung, Gmail's and Apple's forwards."""
    seen = tries = 0
    for index, line in enumerate(lines):
        text = line.seen
        if line.kind is HEAD or len(text) > LONGEST or not text:
            continue
        said = words.separates(text.strip("*"))
        alone = said and (text[0] not in DASHES or key(text.strip(LINE + ":")) in words.titles)
        lined = text[0] == "_" and UNDERSCORES.fullmatch(text) and _is_sender(_below(lines, index), words)
        found = alone or lined or ("---" in text and NOTES.fullmatch(text))
        if not found and tries < TRIES and (said or _is_dashed(lines, index)):
            tries += 1
            found = _heads_a_mail(lines, index, said=said)
        if found:
            line.kind = HEAD
            seen += 1
            if seen > HEADS:
                return
            quote_below_unless_marked(lines, _fields(lines, index, words), line.depth)


def _is_dashed(lines: list[Line], index: int) -> bool:
    """Whether it stands between dashes, above a field, in words that nobody here knows."""
    text = lines[index].seen
    return text[0] == "-" and bool(ANY_DASHED.fullmatch(text) and FIELD.match(_below(lines, index)))


def _heads_a_mail(lines: list[Line], index: int, *, said: bool) -> bool:
    """Whether an address, or a date with its time, stands right below; "---- 23 November, 7:00 ----" is a title.

    Where it is `said` what follows, they may stand in the line itself.
    """
    begun = False
    for line in lines[index + (not said) : index + BLOCK]:
        if ADDRESS.search(line.seen) or (TIME.search(line.seen) and DATE.search(line.seen)):
            return True
        if line.blank and begun:
            return False
        begun = begun or (not line.blank and line is not lines[index])
    return False


def _below(lines: list[Line], index: int) -> str:
    after = following(lines, index)
    return after.seen if after is not None else ""


def _is_sender(text: str, words: Words) -> bool:
    label = words.label(text)
    return label is not None and bool(ADDRESS.search(text)) and "from" in words.labels[key(label[1])]


def _fields(lines: list[Line], index: int, words: Words) -> int:
    """Mark the labels below a separator, however few; return the last line of them."""
    for at in range(index + 1, min(len(lines), index + BLOCK)):
        if words.label(lines[at].seen) and lines[at].depth == lines[index].depth:
            lines[at].kind, index = HEAD, at
        elif not lines[at].blank:
            break
    return _unlabelled(lines, index)


def _unlabelled(lines: list[Line], index: int) -> int:
    """Mark what goes on right below and stands above a marked quote, in no form that is known: eM Client, NetEase."""
    for at in range(index + 1, min(len(lines), index + BLOCK)):
        if lines[at].blank or lines[at].depth != lines[index].depth:
            break
    else:
        return index
    after = following(lines, at - 1)
    addressed = any(ADDRESS.search(line.seen) for line in lines[max(0, at - BLOCK) : at])
    if at - 1 == index or not addressed or after is None or after.depth <= lines[index].depth:
        return index
    for line in lines[index + 1 : at]:
        line.kind = HEAD
    return at - 1


def headed(lines: list[Line], words: Words) -> None:
    """Cut at "From: … Sent: … To: … Subject: …": Outlook in all its forms, AOL, Exchange, Windows Mail."""
    labels = [None if line.beyond else words.label(line.seen) for line in lines]  # many lines in one are no label
    tries = 0
    for index, line in enumerate(lines):
        if line.kind is HEAD or labels[index] is None or tries > TRIES:
            continue
        tries += 1
        block = list(_block(lines, index, labels))
        if _is_head(block, labels[index : index + len(block)], words):
            for one in (*_title(lines[max(0, index - 3) : index], words), *block):
                one.kind = HEAD
            quote_below_unless_marked(lines, index + len(block) - 1, line.depth)


def _title(above: list[Line], words: Words) -> list[Line]:
    """Return what stands right above a header block and belongs to it, without dashes: BlackBerry 10, Orange."""
    found: list[Line] = []
    for line in reversed(above):
        text = line.seen
        dated = not found and len(text) < SHORT and DATE.search(text) and TIME.search(text) and _is_dated(text, words)
        if not (key(text) in words.titles or dated or DIVIDER.fullmatch(text)):
            if not line.blank or found:
                break
            continue
        found.append(line)
    return found


def _is_dated(text: str, words: Words) -> bool:
    """Whether it begins as a date's label does: "Message du 16/11/26 07:00"."""
    return any(key(text).startswith(f"{label} ") for label, names in words.labels.items() if "date" in names)


def _block(lines: list[Line], index: int, labels: Labels) -> Iterator[Line]:
    """Yield the lines of a header block: labels, with at most two other lines after each."""
    other, awaited = 0, False
    held: list[Line] = []
    for line, label in zip(lines[index : index + BLOCK], labels[index : index + BLOCK], strict=False):
        labelled = label is not None or awaited
        awaited = label is not None and label.end() == len(line.seen)  # its value stands on the next line
        other = 0 if labelled else other + 1
        if line.depth != lines[index].depth or other > 2:  # noqa: PLR2004
            return
        held.append(line)
        if labelled:
            yield from held
            held.clear()


def _is_head(block: list[Line], labels: Labels, words: Words) -> bool:
    """Whether these labels are a mail's: a letter "From: me, To: me" has no address and no time."""
    found: dict[str, str] = {}
    for line, label in zip(block, labels, strict=True):
        if label:
            for name in words.labels[key(label[1])]:
                found.setdefault(name, line.seen[label.end() :])
    address = any(ADDRESS.search(line.seen) for line in block)
    if "from" not in found or len(found) < 2:  # noqa: PLR2004
        return False
    when = found.get("sent", "") + " " + found.get("date", "")
    return (address and len(block) > 1) or bool(TIME.search(when)) or bool(re.search(r"\d", found.get("sent", "")))


def bared(lines: list[Line], _: Words) -> None:
    """Cut what stands without marks below a head that has some: Orange, La Poste, Open-Xchange, GroupWise.

    Only where something was written above: whoever deletes a quote and leaves its head may answer below it.
    """
    above, headed_by = False, False
    for index, line in enumerate(lines):
        if line.blank:
            continue
        if headed_by and not line.depth:
            if above and line.kind is OWN:
                quote_below(lines, index, 0)
                return
            headed_by = False
        if line.depth and line.marks:
            headed_by = line.kind is HEAD and (headed_by or not index or not _is_quoted(lines, index - 1))
        above = above or line.kind is OWN


def _is_quoted(lines: list[Line], index: int) -> bool:
    """Whether the last line up to this one that is not blank is one of a quote's."""
    before = next((line for line in lines[index::-1] if not line.blank), None)
    return before is not None and before.depth > 0 and before.kind is not HEAD
