"""In charge of what we sent ourselves: finding our own prompt's words again, however a client has quoted them.

A client may re-wrap the text part, or make a text of the HTML part: with the hidden preheader, capitals for headings
and stars for numbers. So words are compared, not lines: what stands in both for some words on end is ours.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from course.reading.lines import HEAD, Line

URL = re.compile(
    r"[<(\[]?\b(?:https?://|mailto:|tel:|sms:|cid:)[^\s<>\])]*[>)\]]?|\[\d{1,3}\]", re.IGNORECASE
)  # and its number in a list
LINKED = ("://", "mailto:", "tel:", "sms:", "cid:", "[")  # one of which is in each of them
# Words; single characters where words are not spaced; and signs like emoji, which are somebody's words as well.
WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+(?:['\u2019][^\W_]+)*"
    r"|[\u2190-\u2bff\U0001f000-\U0001faff]"
)
PLAIN = re.compile(r"[a-z0-9]+(?:'[a-z0-9]+)*")  # the same in ASCII's small letters, in a third of the time
NUMBER = re.compile(r"\s*\d{1,2}[.)]\s")  # of a list: clients count anew, or make bullets of it
ENOUGH = 4  # words on end that are ours within a quote
MANY = 8  # the same where no quote mark stands
LONGEST = 8_000  # words of a reply that are compared
MOST = 0.7  # of a quoted line's words: the rest is a client's doing
STRANGE = " "  # the sign of a word that is not in our message
FIRST_SIGN = 0x10000
RUNS = {size: re.compile(f"[^{STRANGE}]{{{size},}}") for size in (ENOUGH, MANY)}


@dataclass(frozen=True)
class Prompt:
    """A message as it went out: a sign for each of its words, which of them stand in a row, its short lines.

    With one character for a word, a row of words is a piece of a text, which is found at once.
    """

    signs: Mapping[str, str]
    rows: frozenset[str]  # of ENOUGH and of MANY words
    lines: frozenset[tuple[str, ...]]
    names: frozenset[str] = field(default_factory=frozenset)  # the sender's and the reply address, the sender's name

    @classmethod
    def of(cls, bodies: Iterable[Sequence[Line]], names: Iterable[str] = ()) -> Prompt:
        """Return what is known of a message from the lines of each of its bodies."""
        said = [[tuple(words(line.text)) for line in body] for body in bodies]
        whole = {row for body in said for row in body}
        signs = {word: chr(FIRST_SIGN + at) for at, word in enumerate(sorted({word for row in whole for word in row}))}
        texts = ["".join(signs[word] for row in body for word in row) for body in said]
        rows = {text[at : at + size] for size in RUNS for text in texts for at in range(len(text) - size + 1)}
        known = frozenset(name.casefold() for name in names if len(name) > 2)  # noqa: PLR2004
        return cls(signs, frozenset(rows), frozenset(whole - {()}), known)

    @classmethod
    def by(cls, name: str) -> Prompt:
        """Return what is known of a message that only its sender's name is known of."""
        return cls({}, frozenset(), frozenset(), frozenset({name.casefold()} if len(name) > 2 else ()))  # noqa: PLR2004


def words(text: str) -> list[str]:
    """Return the words of a text, links left out, in small letters."""
    if ":" in text or "[" in text:
        small = text.lower()
        text = URL.sub(" ", text) if any(sign in small for sign in LINKED) else text
    if number := NUMBER.match(text):
        text = text[number.end() :]
    if text.isascii():
        return PLAIN.findall(text.lower())
    found = WORD.findall(text)
    if unicodedata.is_normalized("NFKC", text):  # nearly all are, and to normalise each word takes three times as long
        return [word.casefold().replace("\u2019", "'") for word in found]
    return [word for said in found if (word := _folded(said))]


def end(text: str, count: int) -> int:
    """Return where the last of so many of its words ends."""
    text = URL.sub(lambda found: " " * len(found[0]), text)
    number = NUMBER.match(text)
    ends = [said.end() for said in WORD.finditer(text, number.end() if number else 0) if _folded(said[0])]
    return ends[count - 1]


def _folded(word: str) -> str:
    if len(word) == 1 and "\u3041" <= word <= "\ud7a3":  # where words are not spaced there are no capitals
        return word
    if word.isascii():
        return word.lower()
    return unicodedata.normalize("NFKC", word).casefold().replace("\u2019", "'")  # nothing unseen is in a WORD


@dataclass(slots=True)
class Match:
    """Which of a line's words are ours, by a 1 for each that is."""

    words: list[str] = field(default_factory=list)
    ours: bytearray = field(default_factory=bytearray)

    @property
    def count(self) -> int:
        """How many of its words are ours."""
        return self.ours.count(1)

    @property
    def mostly(self) -> bool:
        """Whether so many of its words are ours that the line is."""
        return bool(self.ours) and self.ours.count(1) >= MOST * len(self.ours)


def matches(lines: Sequence[Line], prompt: Prompt) -> list[Match]:
    """Return for each line which of its words are ours, for being in a row of ours."""
    found = [Match() for _ in lines]
    for index, said in _compared(lines):
        found[index].words = said
    signs, ours = prompt.signs, prompt.rows
    rows = ["".join([signs.get(word, STRANGE) for word in match.words]) for match in found]
    covered = bytearray(sum(map(len, rows)))
    quoted = [row if line.depth else STRANGE * len(row) for row, line in zip(rows, lines, strict=True)]
    for size, row in ((ENOUGH, "".join(quoted)), (MANY, "".join(rows))):
        marks = b"\1" * size
        for run in RUNS[size].finditer(row):
            for start in range(run.start(), run.end() - size + 1):
                if row[start : start + size] in ours:
                    covered[start : start + size] = marks
    at = 0
    for match, row in zip(found, rows, strict=True):
        match.ours, at = covered[at : at + len(row)], at + len(row)
    _whole_lines(lines, found, prompt)
    return found


def _compared(lines: Sequence[Line]) -> Iterator[tuple[int, list[str]]]:
    """Yield the lines that are compared, with their words: none that announces, none beyond, so many words in all."""
    count = 0
    for index, line in enumerate(lines):
        if line.beyond:
            return
        said = words(line.text)
        count += len(said)
        if count >= LONGEST:
            return
        if line.kind is not HEAD:
            yield index, said


def _whole_lines(lines: Sequence[Line], found: list[Match], prompt: Prompt) -> None:
    """Take a short line of ours for ours within a quote, and elsewhere beside another line of ours."""
    said = [index for index, match in enumerate(found) if match.words]
    whole = {index for index in said if tuple(found[index].words) in prompt.lines}
    if not whole:
        return
    for indices in (said, said[::-1]):
        beside = False
        for index in indices:
            match = found[index]
            if index in whole and (beside or lines[index].depth):
                match.ours = bytearray(b"\1" * len(match.words))
            beside = match.mostly
