"""In charge of reducing a line to what it asks for: without capitals, courtesy, emoji, a name, repeated words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

TRIM = " .!?,;:*_>\"'“”„«»¡¿؟،؛…״"
TRIM += "\N{HEBREW PUNCTUATION GERESH}\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}"
# What no eye sees is left out: marks of writing direction (Unicode annex 9), of joining, of a file's beginning.
# A Hebrew maqaf is a hyphen to whoever types one, and so are those that a word processor puts in its place.
ALIKE = {
    **dict.fromkeys(map(ord, "\u061c\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\ufeff")),
    **dict.fromkeys((0x5BE, 0x2010, 0x2011, 0x2013), "-"),
    **dict.fromkeys((0x2018, 0x2019), "'"),  # as phones write "don't"
}
ALIKE |= dict.fromkeys(range(0x2066, 0x206A))
APART = "[ .!,¡؛،]"  # what may stand between a courtesy and what is asked for
SMILE = re.compile(r"(?<=\w)[\s.!]*(?:[\u2190-\u2bff\U0001f000-\U0001faff\ufe0f]+|[:;]-?[()])[\s.!]*$")
AGAIN = re.compile(r"([^\W\d_]+)(?:[ .!,]+\1)+")  # "stop stop stop"
ADDRESS = re.compile(r"\s*\S+@\S+")  # "unsubscribe alice@example.org": whose it is, the mail says
ENOUGH = 3  # words that ask so clearly that "Thanks, Alice" may follow; "Stop. Thanks, mind" is said to a mind
LONGEST = 300  # characters of a line that may be a command


@dataclass(frozen=True)
class Courtesy:
    """The courtesy of one locale, at the ends of a line."""

    ends: re.Pattern[str]
    signed: re.Pattern[str]

    @classmethod
    def of(cls, words: Iterable[str]) -> Courtesy:
        """Return that of these words and phrases."""
        polite = either(words)
        return cls(
            re.compile(rf"(?:(?:{polite})\b{APART}*)*(.*?)(?:{APART}+(?:{polite}))*"),
            re.compile(rf"(.*?){APART}+(?:{polite}), ?[^\W\d_]+"),
        )

    def bare(self, said: str) -> str:
        """Return what is said without it: "please stop, thank you" is "stop"."""
        return found[1].strip(TRIM) if (found := self.ends.fullmatch(said)) else said

    def readings(self, line: str) -> tuple[str, ...]:
        """Return what a line says, all of it first; then without courtesy, addresses, a name, and repetition."""
        if len(line) > LONGEST:
            return ()
        said = trimmed(line)
        bare = self.bare(said)
        signed, again = self.signed.fullmatch(said), AGAIN.fullmatch(bare)
        unsigned = self.bare(signed[1]) if signed else ""
        return (
            *(said, bare, self.bare(ADDRESS.sub("", said).strip(TRIM))),
            *([unsigned] if len(unsigned.split()) >= ENOUGH else []),
            *([again[1]] if again else []),
        )


def trimmed(line: str) -> str:
    """Return a line in small letters, single spaces, without what stands around it, like the emoji of "Stop 🙏"."""
    seen = unicodedata.normalize("NFC", line).translate(ALIKE)  # some keyboards write é as two characters
    return SMILE.sub("", re.sub(r"\s+", " ", seen.casefold())).strip(TRIM)


def either(words: Iterable[str]) -> str:
    """Return a pattern for any of these words, the longest first."""
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True))) or r"(?!)"
