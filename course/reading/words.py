"""In charge of the words that mail clients write around a person's: words.toml, language by language, as patterns."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files

from course.reading.lines import UNSEEN

BRANDS, KEYS = "brands", ("device", "ordinary")
CJK = "\u2e80"  # from here on there are no spaces
HEBREW = "\u0590"  # from here on words are glued together
LABELS = ("from", "sent", "date", "to", "cc", "reply-to", "subject")
# A label, bold in Markdown or not, and its colon; the French put a space before it, Chinese has a wide one.
LABEL = r"[ \t]*[*_]{{0,2}}({})[*_]{{0,2}}[ \t]{{0,2}}[:\uff1a][*_]{{0,2}}[ \t]*"


@dataclass(frozen=True)
class Words:
    """The words of some languages."""

    tables: Mapping[str, Mapping[str, list[str]]]

    def without(self, language: str) -> Words:
        """Return the words of all languages but one."""
        return Words({name: table for name, table in self.tables.items() if name != language})

    def of(self, *keys: str) -> list[str]:
        """Return all languages' words of these kinds, the longest first, so that none hides a longer one."""
        found = {
            word.strip().translate(UNSEEN)
            for table in self.tables.values()
            for key in keys
            for word in table.get(key, [])
        }
        return sorted(found, key=lambda word: (-len(word), word))

    @cached_property
    def wrote(self) -> re.Pattern[str]:
        """The verb of an attribution in small letters, as a word; where words are not spaced, anywhere."""
        verbs = _any(lowered(word) for word in self.of("wrote"))
        return re.compile(rf"(?:(?<!\w)|(?<=[\u3040-\u9fff\uac00-\ud7af]))(?:{verbs})(?!\w)")

    @cached_property
    def start(self) -> re.Pattern[str]:
        """How an attribution begins: a word for "on", then soon a digit, or a weekday and a comma."""
        said = "|".join(re.escape(word) + ("" if word[0] >= HEBREW else r"(?![^\W\d_])") for word in self.of("start"))
        return re.compile(rf"(?<!\w)(?:{said})(?=[^\n]{{0,30}}\d|[ \t]\w{{2,14}},)")

    @cached_property
    def label(self) -> re.Pattern[str]:
        """A header's label at the beginning of a line, in group 1."""
        return re.compile(LABEL.format(_any(self.of(*LABELS))), re.IGNORECASE)

    @cached_property
    def labels(self) -> dict[str, frozenset[str]]:
        """Which headers a label may stand for: "A" is "to" in French, Spanish and Italian."""
        found: dict[str, set[str]] = {}
        for key in LABELS:
            for word in self.of(key):
                found.setdefault(word.casefold(), set()).add(key)
        return {word: frozenset(keys) for word, keys in found.items()}

    @cached_property
    def separator(self) -> re.Pattern[str]:
        """A line that says "Original message" between dashes, or "Begin forwarded message:" with a colon."""
        said = _any(self.of("original", "forwarded"))
        return re.compile(
            rf"[-_=*\u2014 ]{{2,40}}+(?:{said})\b[^\n]{{0,80}}?[-_=*\u2014 ]{{2,40}}:?|(?:{said})[ \t]?[:\uff1a]"
            rf"|[-_=\u2014]{{2,40}}+(?:{said})|(?:{_any(self.of('alone'))}).{{0,20}}",
            re.IGNORECASE,
        )

    @cached_property
    def title(self) -> re.Pattern[str]:
        """The same words, where nothing but a header below says that they stand above one."""
        return re.compile(rf"(?:{_any(self.of('original', 'forwarded'))})", re.IGNORECASE)

    @cached_property
    def footer(self) -> re.Pattern[str]:
        """How a footer begins, or all of one around its device."""
        return re.compile("|".join(_gapped(phrase) for phrase in self.of("footer", "get")), re.IGNORECASE)

    @cached_property
    def get(self) -> re.Pattern[str]:
        """How a footer begins that says where an app is to be had."""
        return re.compile("|".join(_gapped(phrase) for phrase in self.of("get")) or "(?!)", re.IGNORECASE)

    @cached_property
    def devices(self) -> frozenset[str]:
        """What is called a phone or a mail program, in small letters."""
        return frozenset(word.casefold() for word in self.of("device"))

    @cached_property
    def brands(self) -> re.Pattern[str]:
        """Names of phones and apps, where words are not spaced too."""
        named, ordinary = (
            _any(sorted(self.tables.get(BRANDS, {}).get(key, []), key=len, reverse=True)) for key in KEYS
        )
        return re.compile(rf"(?<![a-zA-Z])(?:(?i:{named or '(?!)'})|{ordinary or '(?!)'})(?![a-zA-Z])")

    @cached_property
    def unspaced(self) -> re.Pattern[str]:
        """What is called a phone where words are not spaced."""
        return re.compile(_any(word for word in self.of("device") if word[0] > CJK) or "(?!)")

    @cached_property
    def small(self) -> frozenset[str]:
        """The little words of footers, in small letters."""
        return frozenset(word.casefold() for word in self.of("small"))


def lowered(text: str) -> str:
    """Return a text in small letters, as long as it was: in these a pattern finds words in a third of the time."""
    return text.replace("\u0130", "i").lower()


def _any(words: Iterable[str]) -> str:
    return "|".join(re.escape(word).replace(r"\ ", r"\s") for word in words)


def _gapped(phrase: str) -> str:
    """Return the pattern of a footer; its star is any device, and where it ends with a word, that word ends."""
    pattern = re.escape(phrase).replace(r"\*", r"(.{1,40}?)").replace(r"\ ", r"\s{0,2}" if "*" in phrase else r"\s")
    spaced = phrase[-1] < CJK and (phrase[-1].isascii() or phrase[-1].isalpha())
    return f"(?:{pattern})" + (r"$" if "*" in phrase else r"(?![a-z])" if spaced else "")


def load() -> Words:
    """Return the words of every language there is."""
    return Words(tomllib.loads(files(__package__).joinpath("words.toml").read_text(encoding="utf-8")))


ALL = load()
