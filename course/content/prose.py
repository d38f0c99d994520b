"""In charge of prose: what stands in an author's section, piece by piece and sentence by sentence, with its lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from markdown_it.token import Token

from course.content import markdown, slots
from course.content.sources import Section

BREAKS = frozenset({"softbreak", "hardbreak"})
# What may end a sentence: a stop, the quotes and brackets that close with it, white space.
END = re.compile(r"[.!?…][\"'”\N{RIGHT SINGLE QUOTATION MARK}»)\]]*\s+")
WORD = re.compile(r"\S*\w\S*")
LONG = 20  # words; a sentence of so many asks too much on a hard day


@lru_cache(maxsize=64)  # several rules look at a section
def blocks(section: Section) -> list[Token]:
    """Return the section's Markdown tokens, its slots marked: a slot may be a link's target."""
    return markdown.parse(slots.mark(section.markdown, {}))


def pieces(section: Section) -> Iterator[tuple[int, Token]]:
    """Yield each piece of running text (words, a link's start, a picture) with the line of the file it is on."""
    for block in blocks(section):
        line = _line(section, block)
        for token in block.children or []:
            yield line, token
            line += token.type in BREAKS


def sentences(section: Section) -> Iterator[tuple[int, str]]:
    """Yield each sentence with the line it begins on. A list item or heading without a stop is one too."""
    for block in blocks(section):
        text = "".join("\n" if token.type in BREAKS else token.content for token in block.children or [])
        yield from split(text, _line(section, block))


def split(text: str, line: int) -> Iterator[tuple[int, str]]:
    """Yield the sentences of a text that begins on this line, each with its own line."""
    start = 0
    ends = [found.end() for found in END.finditer(text) if not _goes_on(text[found.end() :])]
    for end in (*ends, len(text)):
        if text[start:end].strip():
            yield line + text.count("\n", 0, start), text[start:end].strip()
        start = end


def too_long(found: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Yield what to do about each of these sentences that is hard to read, with its line."""
    for line, sentence in found:
        count = len(WORD.findall(sentence))  # a dash that stands alone is no word
        if count >= LONG:
            yield line, f"split this sentence of {count} words: “{' '.join(sentence.split()[:5])} …”"


def _goes_on(rest: str) -> bool:
    """Whether a small letter follows: "no wonder … and let" and "e.g. a walk" are one sentence."""
    return next((char for char in rest if char.isalnum()), "").islower()


def _line(section: Section, block: Token) -> int:
    return section.line + (block.map[0] if block.map else 0)
