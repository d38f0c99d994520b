"""In charge of what we sent ourselves: finding our own prompt's words again, however a client has quoted them.

A client may re-wrap the text part, or make a text of the HTML part: with the hidden preheader, capitals for headings
and stars for numbers. So words are compared, not lines: what stands in both for some words on end is ours.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from course.reading.lines import UNSEEN, Kind, Line

URL = re.compile(
    r"[<(\[]?\b(?:https?://|mailto:|cid:)[^\s<>\])]*[>)\]]?|\[\d{1,3}\]", re.IGNORECASE
)  # and its number in a list
# Words; single characters where words are not spaced; and signs like emoji, which are somebody's words as well.
WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+(?:['\u2019][^\W_]+)*"
    r"|[\u2190-\u2bff\U0001f000-\U0001faff]"
)
NUMBER = re.compile(r"^\s*\d{1,2}[.)]\s")  # of a list: clients count anew, or make bullets of it
ENOUGH = 4  # words on end that are ours within a quote
MANY = 8  # the same where no quote mark stands
LONGEST = 8_000  # words of a reply that are compared
MOST = 0.7  # of a quoted line's words: the rest is a client's doing


class Token(NamedTuple):
    """A word, and where it stands."""

    word: str
    line: int
    start: int
    end: int


@dataclass(frozen=True)
class Prompt:
    """The words of a message as it went out: in a row, for its text and its HTML, and its lines that are short."""

    grams: frozenset[tuple[str, ...]]
    many: frozenset[tuple[str, ...]]
    lines: frozenset[tuple[str, ...]]
    words: frozenset[str]
    names: frozenset[str] = field(default_factory=frozenset)  # the sender's and the reply address, the sender's name

    @classmethod
    def of(cls, bodies: Iterable[Sequence[Line]], names: Iterable[str] = ()) -> Prompt:
        """Return what is known of a message from the lines of each of its bodies."""
        grams: set[tuple[str, ...]] = set()
        many: set[tuple[str, ...]] = set()
        whole: set[tuple[str, ...]] = set()
        words: set[str] = set()
        for body in bodies:
            row = [token.word for token in tokens(body)]
            grams.update(_grams(row, ENOUGH))
            many.update(_grams(row, MANY))
            words.update(row)
            whole.update(tuple(token.word for token in tokens([line])) for line in body)
        known = frozenset(name.casefold() for name in names if len(name) > 2)  # noqa: PLR2004
        return cls(frozenset(grams), frozenset(many), frozenset(whole - {()}), frozenset(words), known)


def tokens(lines: Iterable[Line]) -> Iterator[Token]:
    """Yield the words of lines, links left out, in small letters."""
    for number, line in enumerate(lines):
        text = line.text
        if ":" in text or "[" in text:
            text = URL.sub(_blanked, text)
        text = NUMBER.sub(_blanked, text)
        for found in WORD.finditer(text):
            said = found[0]
            word = said.lower() if said.isascii() else _folded(said)
            if word:
                yield Token(word, number, found.start(), found.end())


def _folded(word: str) -> str:
    return unicodedata.normalize("NFKC", word.translate(UNSEEN)).casefold().replace("\u2019", "'")


def _blanked(found: re.Match[str]) -> str:
    return " " * len(found[0])


def _grams(row: Sequence[str], size: int) -> Iterator[tuple[str, ...]]:
    return zip(*(row[start:] for start in range(size)), strict=False)


@dataclass(slots=True)
class Match:
    """How much of a reply's line is ours."""

    words: list[Token] = field(default_factory=list)
    ours: list[bool] = field(default_factory=list)

    @property
    def share(self) -> float:
        """Which share of its words is ours."""
        return sum(self.ours) / len(self.ours) if self.ours else 0.0


def matches(lines: Sequence[Line], prompt: Prompt) -> list[Match]:
    """Return for each line which of its words are ours, for being in a row of ours."""
    found = [Match() for _ in lines]
    row = list(islice(tokens(lines), LONGEST))
    last = row[-1].line if len(row) == LONGEST else len(lines)  # of which there may be more
    row = [token for token in row if token.line != last and lines[token.line].kind is not Kind.HEAD]
    row = [token for token in row if not lines[token.line].beyond]
    covered = [False] * len(row)
    for size, known in ((ENOUGH, prompt.grams), (MANY, prompt.many)):
        for start, gram in enumerate(_grams([token.word for token in row], size)):
            if gram in known and (size == MANY or all(lines[one.line].depth for one in row[start : start + size])):
                covered[start : start + size] = [True] * size
    for token, ours in zip(row, covered, strict=True):
        match = found[token.line]
        match.words.append(token)
        match.ours.append(ours)
    _whole_lines(lines, found, prompt)
    return found


def _whole_lines(lines: Sequence[Line], found: list[Match], prompt: Prompt) -> None:
    """Take a short line of ours for ours within a quote, and elsewhere beside another line of ours."""
    whole = [tuple(token.word for token in match.words) in prompt.lines for match in found]
    for step in (1, -1):
        beside = False
        for index in range(len(lines))[::step]:
            match, line = found[index], lines[index]
            if not match.words:
                continue
            if whole[index] and (line.depth or beside):
                match.ours = [True] * len(match.words)
            beside = match.share >= MOST
