"""In charge of the line: what all bodies become before anything is decided, with its depth of quoting and its kind."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby
from operator import itemgetter

# Left-to-right marks, joiners and soft hyphens that clients weave into dates and preheaders. The joiner of emoji stays.
UNSEEN = {
    ord(sign): None
    for sign in "\u200b\u200c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2069\ufeff\xad"
}
HIDDEN = re.compile(f"[{''.join(map(chr, UNSEEN))}]+")  # the same, taken out in half the time
MARKS = re.compile(r"(?:>[ \t]?)+")
# Gmail breaks "<address>" over two or three lines (and so puts a ">" where a quote would begin).
BROKEN_ADDRESS = re.compile(r"<[ \t]*\n{1,2}[ \t]*([^<>\n]{1,200}(?:<[^<>\n]{1,200}>)?)\n?[ \t]*>")
MAYBE = frozenset(" \t>")
LONGEST = 4000  # characters of a line that rules look at
ROWS = 1150  # lines that a text is split into
FEW = 250  # texts that the lines beyond are put together to
MOST = 1050  # lines that are judged one by one; 64 kB of a letter has no more
FAR = 250  # runs of lines beyond that are kept apart; the lines of one are quoted equally deep


class Kind(StrEnum):
    """What a line is."""

    OWN = "own"  # the person's
    QUOTE = "quote"  # of an earlier message
    HEAD = "head"  # announces one: "On …, Alice wrote:", "From: … Sent: …"
    SIGNATURE = "signature"
    FOOTER = "footer"  # "Sent from my phone"


# Every rule asks each line for its kind, and `Kind.OWN` takes ten times as long as a name of the module.
OWN, QUOTE, HEAD, SIGNATURE, FOOTER = Kind


class Hint(StrEnum):
    """What the HTML says of a line, in its client's own names."""

    NONE = ""
    HEAD = "head"
    REST = "rest"  # from here on it is an earlier message
    SIGNATURE = "signature"
    RULE = "rule"  # a horizontal rule


NO_HINT = Hint.NONE


@dataclass(slots=True)
class Line:
    """One line without its quote marks. `depth` is how often it is quoted; `marks` is what stood there.

    `seen` is the text as rules look at it: nothing invisible, no blanks around it, not too long. Every rule asks for it
    of every line, so it is made once, and `say` is the way to change a text.
    """

    text: str
    depth: int = 0
    kind: Kind = OWN
    hint: Hint = NO_HINT
    marks: str = ""
    ours: bool = False  # quoted from the message that we sent
    beyond: bool = False  # many lines in one, beyond what is judged: they are kept as they stand
    seen: str = field(init=False)
    blank: bool = field(init=False)  # whether there is nothing to see

    def __post_init__(self) -> None:
        """Take what is quoted for a quote until somebody says otherwise."""
        if self.depth and self.kind is OWN:
            self.kind = QUOTE
        self.say(self.text)

    def again(self) -> Line:
        """Return one like it."""
        return Line(self.text, self.depth, self.kind, self.hint, self.marks, self.ours, self.beyond)

    def say(self, text: str) -> None:
        """Change the text."""
        self.text = text
        seen = text[:LONGEST] if "&nbsp;" not in text else text[:LONGEST].replace("&nbsp;", " ")  # QQ, in plain texts
        self.seen = seen.strip() if seen.isascii() else HIDDEN.sub("", seen).replace("\xa0", " ").strip()
        self.blank = not self.seen


def from_text(text: str, *, flowed: bool = False, delsp: bool = False) -> list[Line]:
    """Return the lines of a plain text; `flowed` and `delsp` as in RFC 3676."""
    whole = BROKEN_ADDRESS.sub(r"<\1>", text.replace("\r\n", "\n").replace("\r", "\n"))
    rows = whole.split("\n", ROWS)
    rows[ROWS:] = [text for rest in rows[ROWS:] for text in _in_few(rest)]
    if flowed:
        return list(_unflowed(rows, delsp=delsp))
    lines = [_marked(row) for row in rows]
    return _unwrapped_links(lines) if "://" in whole else lines


def _in_few(rest: str) -> list[str]:
    """Return the rows beyond as few texts, by whether they have marks; the last may be all that is left."""
    rows, far, at = rest.split("\n"), list[str](), 0
    for marked, group in groupby(rows, key=lambda row: row[:1] == ">"):
        if len(far) > FEW or (len(far) == FEW and not marked):
            return [*far, "\n".join(rows[at:])]
        some = list(group)
        far.append("\n".join(some))
        at += len(some)
    return far


def bounded(lines: list[Line]) -> list[Line]:
    """Return so many lines that rules may look at each; what is below them becomes a few long ones."""
    return lines[:MOST] + in_few_lines((line.depth, line.text) for line in lines[MOST:])


def in_few_lines(rows: Iterable[tuple[int, str]]) -> list[Line]:
    """Return what is beyond, texts and how deep each stands, as a few long lines: none is lost."""
    far = [(depth, [text for _, text in group]) for depth, group in groupby(rows, key=itemgetter(0))]
    kept = [Line("\n".join(texts), depth, beyond=True) for depth, texts in far[:FAR]]
    last = "\n".join("> " * depth + text for depth, texts in far[FAR:] for text in texts)
    return [*kept, Line(last, beyond=True)] if last else kept


def _marked(row: str) -> Line:
    """Return a line without its ">", before which a blank may stand."""
    if row[:1] not in MAYBE:
        return Line(row.rstrip())
    stripped = row.lstrip(" \t")
    found = MARKS.match(stripped) if len(row) - len(stripped) <= 1 else None  # more is indented text
    if found is None:
        return Line(row.rstrip())
    marks = found[0]
    return Line(stripped[len(marks) :].rstrip(), marks.count(">"), marks=marks)


def _unflowed(rows: Iterable[str], *, delsp: bool) -> Iterator[Line]:
    """Undo format=flowed, RFC 3676 section 4: marks first, then the stuffed space, then soft line breaks."""
    whole: Line | None = None
    pieces: list[str] = []
    for row in rows:
        text = row.lstrip(">")
        depth = len(row) - len(text)
        text = text.removeprefix(" ")
        soft = text.endswith(" ") and text != "-- "
        if whole is not None and whole.depth != depth:  # a mark always ends a paragraph
            yield _joined(whole, pieces)
            whole, pieces = None, []
        whole = whole or Line("", depth, marks=">" * depth)
        pieces.append(text[:-1] if soft and delsp else text)
        if not soft:
            yield _joined(whole, pieces)
            whole, pieces = None, []
    if whole is not None:
        yield _joined(whole, pieces)


def _joined(line: Line, pieces: list[str]) -> Line:
    line.say("".join(pieces).rstrip())
    return line


def _unwrapped_links(lines: list[Line]) -> list[Line]:
    """Put the rest of a quoted link back: wrapping it lost the quote mark, and it is a word with no spaces."""
    kept: list[Line] = []
    for line in lines:
        before = kept[-1] if kept else None
        if before is not None and before.depth and not line.depth and _goes_on(before.text, line.text):
            before.say(before.text + line.text)
        else:
            kept.append(line)
    return kept


def _goes_on(link: str, rest: str) -> bool:
    last = link[-LONGEST:].rpartition(" ")[2] if "://" in link else ""
    return "://" in last and bool(re.fullmatch(r"\S*[=/_&%?]\S*", rest[:LONGEST].strip()))
