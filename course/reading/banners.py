"""In charge of what a firm's mail server puts above a message from elsewhere: "CAUTION: This comes from outside"."""

from __future__ import annotations

import re

from course.reading.lines import FOOTER, OWN, QUOTE, Line
from course.reading.words import Words, key

HIGHEST = 6  # lines above our message that are looked at
LONGEST = 500  # characters of one
FINISHED = re.compile(r"[.!\u3002]$")
SENTENCE = re.compile(r"(?<=[.!?\u3002])\s+")
WORDS = re.compile(r"[^\W_]+(?:[-'\u2019][^\W_]+)*")


def drop(lines: list[Line], ours: list[bool], words: Words) -> None:
    """Count a banner right above our first line, within the quote, as ours: no person wrote it."""
    first = next((index for index, one in enumerate(ours) if one), 0)
    goes_on = False
    for index in [at for at in range(first) if not lines[at].blank][-HIGHEST:]:
        line = lines[index]
        goes_on = goes_on and not lines[index - 1].blank
        if line.kind is QUOTE and len(line.seen) < LONGEST and (goes_on or words.banner.search(line.seen)):
            ours[index] = True
            goes_on = not FINISHED.search(line.seen)
        else:
            goes_on = False


def topped(lines: list[Line], words: Words) -> None:
    """Cut a banner above what a person wrote: a mail server on our own side put it there."""
    top = next((index for index, line in enumerate(lines) if not line.blank), len(lines))
    banner: list[Line] = []
    for line in lines[top : top + HIGHEST]:
        if line.blank or line.kind is not OWN or line.depth or not _follows(banner, line, words):
            break
        banner.append(line)
    while banner and not _is_banner(" ".join(line.seen for line in banner), words):
        banner.pop()
    for line in banner:
        line.kind = FOOTER


def _follows(banner: list[Line], line: Line, words: Words) -> bool:
    """Whether a line goes on with what stands above it: within a sentence, or by another one of a mail server's."""
    within = bool(banner) and not FINISHED.search(banner[-1].seen) and not line.seen[0].isupper()
    return not banner or within or bool(words.banner.search(line.seen))


def _is_banner(text: str, words: Words) -> bool:
    """Whether a text is nothing else: it begins like one, and each of its sentences is one of a mail server's."""
    if len(text) > LONGEST or not (text.startswith("[") or words.banner.search(text)):
        return False
    alerts, said = words.of("alert"), key(" ".join(WORDS.findall(text)))
    if said in set(words.of("banner")) or (text.startswith("[") and said in alerts):
        return True
    alert, notice = ("|".join(map(re.escape, some)) or "(?!)" for some in (alerts, words.of("notice")))
    begins = re.match(rf"\W{{0,6}}(?:(?:{alert})\s?[:!\]*|\u2013\u2014-]\W*|(?=(?:{notice})\b))", text, re.IGNORECASE)
    return begins is not None and all(words.banner.search(one) for one in SENTENCE.split(text[begins.end() :]))
