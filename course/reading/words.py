"""In charge of the words that mail clients add to what a person wrote: words.toml, in all languages, as patterns."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files

from course.reading.lines import UNSEEN

BRANDS, KEYS = "brands", ("device", "ordinary")
NEVER = "(?!)"  # fits no text
CJK = "\u2e80"  # from here on there are no spaces
HEBREW = "\u0590"  # from here on words are glued together
LABELS = ("from", "sent", "date", "to", "cc", "reply-to", "subject")
# A label, bold in Markdown or not, and its colon; the French put a space before it, Chinese has a wide one.
LABEL = re.compile(
    r"[ \t]*[*_]{0,2}([^\s:\uff1a](?:[^:\uff1a\n]{0,40}?[^\s:\uff1a])?)[*_]{0,2}[ \t]{0,2}[:\uff1a][*_]{0,2}[ \t]*"
)
COLONS = frozenset(":\uff1a")
LINE = "-_=*\u2010\u2014 "  # what stands around a separator
DASHES = frozenset(LINE)
# Words, and single characters where none are spaced.
PIECE = re.compile(r"[^\W\u3040-\u9fff\uac00-\ud7af]+|[\u3040-\u9fff\uac00-\ud7af]")


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
            for name in keys
            for word in table.get(name, [])
        }
        return sorted(found, key=lambda word: (-len(word), word))

    @cached_property
    def wrote(self) -> re.Pattern[str]:
        """The verb of an attribution in small letters, as a word; where words are not spaced, anywhere."""
        verbs = _any(lowered(word) for word in self.of("wrote"))
        return re.compile(rf"(?:(?<!\w)|(?<=[\u3040-\u9fff\uac00-\ud7af]))(?:{verbs})(?!\w)")

    @cached_property
    def _verb_pieces(self) -> frozenset[str]:
        """The longest piece of each verb: to ask for these first takes a tenth of the time."""
        return frozenset(max(PIECE.findall(lowered(word)), key=len) for word in self.of("wrote"))

    def verb(self, text: str) -> re.Match[str] | None:
        """Return the last verb of saying in a text."""
        small = lowered(text)
        if self._verb_pieces.isdisjoint(PIECE.findall(small)):
            return None
        return max(self.wrote.finditer(small), key=lambda found: found.start(), default=None)

    @cached_property
    def me(self) -> frozenset[str]:
        """Who writes of themselves, in small letters."""
        return frozenset(word.casefold() for word in self.of("me"))

    @cached_property
    def start(self) -> re.Pattern[str]:
        """How an attribution begins: a word for "on", then soon a digit, or a weekday and a comma."""
        said = "|".join(re.escape(word) + ("" if word[0] >= HEBREW else r"(?![^\W\d_])") for word in self.of("start"))
        return re.compile(rf"(?<!\w)(?:{said})(?=[^\n]{{0,30}}\d|[ \t]\w{{2,14}},)")

    @cached_property
    def quoting(self) -> re.Pattern[str]:
        """An attribution without a verb of saying: whom it names and the address, and no more."""
        said = _any(self.of("quoting"))
        address = r"[^\s<>()@]{1,64}@[^\s<>()@:]{2,}"
        return re.compile(rf"(?:{said})[ \t]+(?:[^<>()@:\n]{{0,60}}[<(]{address}[>)]|{address})[ \t]?:", re.IGNORECASE)

    def label(self, text: str) -> re.Match[str] | None:
        """Return a header's label at the beginning of a line, in group 1."""
        found = LABEL.match(text) if ":" in text or "\uff1a" in text else None
        return found if found and key(found[1]) in self.labels else None

    @cached_property
    def labels(self) -> dict[str, frozenset[str]]:
        """Which headers a label may stand for: "A" is "to" in French, Spanish and Italian."""
        found: dict[str, set[str]] = {}
        for label in LABELS:
            for word in self.of(label):
                found.setdefault(key(word), set()).add(label)
        return {word: frozenset(names) for word, names in found.items()}

    @cached_property
    def titles(self) -> frozenset[str]:
        """What says that an earlier message follows, as `key` gives it."""
        return frozenset(map(key, self.of("original", "forwarded")))

    def separates(self, text: str) -> bool:
        """Whether a line says "Original message" between dashes, or "Begin forwarded message:" with a colon."""
        if text[:1] in DASHES:
            return lowered(text.lstrip(LINE)[:2]) in self._titles_begin and bool(self._dashed.fullmatch(text))
        return (text[-1:] in COLONS and key(text[:-1]) in self.titles) or bool(self._alone.fullmatch(text))

    @cached_property
    def _titles_begin(self) -> frozenset[str]:
        return frozenset(title[:2] for title in self.titles)

    @cached_property
    def _dashed(self) -> re.Pattern[str]:
        said = _any(self.of("original", "forwarded"))
        return re.compile(
            rf"[-_=*\u2010\u2014 ]{{2,40}}+(?:{said})\b[^\n]{{0,80}}?[-_=*\u2010\u2014 ]{{2,40}}:?"
            rf"|[-_=\u2010\u2014]{{2,40}}+(?:{said})",
            re.IGNORECASE,
        )

    @cached_property
    def _alone(self) -> re.Pattern[str]:
        return re.compile(rf"(?:{_any(self.of('alone'))}).{{0,20}}", re.IGNORECASE)

    def footer(self, text: str) -> re.Match[str] | None:
        """Return how a footer begins, or all of one around its device."""
        small, phrases = lowered(text[:2]), self._footers
        letters = small if small in phrases else small[:1]
        if letters in phrases and letters not in self._begun:
            self._begun[letters] = re.compile("|".join(map(_gapped, phrases[letters])), re.IGNORECASE)
        found = self._begun[letters].match(text) if letters in phrases else None
        return found or (self._ending.match(text) if lowered(text[-2:]) in self._ends else None)

    @cached_property
    def _footers(self) -> dict[str, list[str]]:
        """The phrases that may be meant by their first letters: a pattern of them all takes ten times as long."""
        phrases = self.of("footer", "get")
        letters = {phrase: lowered(phrase.partition("*")[0][:2].strip()) for phrase in phrases if phrase[0] != "*"}
        return {
            begin: [phrase for phrase in letters if letters[phrase] in {begin, begin[:1]}] for begin in letters.values()
        }

    @cached_property
    def _begun(self) -> dict[str, re.Pattern[str]]:
        return {}

    @cached_property
    def _ending(self) -> re.Pattern[str]:
        """The footers that begin with their device."""
        said = [phrase for phrase in self.of("footer", "get") if phrase[0] == "*"]
        return re.compile("|".join(map(_gapped, said)) or NEVER, re.IGNORECASE)

    @cached_property
    def _ends(self) -> frozenset[str]:
        return frozenset(lowered(phrase[-2:]) for phrase in self.of("footer", "get") if phrase[0] == "*")

    @cached_property
    def after(self) -> re.Pattern[str]:
        """What may stand behind a footer's first sentence: "Please excuse my brevity"."""
        return re.compile(_any(self.of("after")), re.IGNORECASE)

    @cached_property
    def stamps(self) -> frozenset[str]:
        """Whole lines that firms and virus scanners put below, as `key` gives them."""
        return frozenset(map(key, self.of("stamp")))

    @cached_property
    def banner(self) -> re.Pattern[str]:
        """What a firm's mail server says of a message from elsewhere."""
        return re.compile(_any(self.of("banner")), re.IGNORECASE)

    @cached_property
    def get(self) -> re.Pattern[str]:
        """How a footer begins that says where an app is to be had."""
        return re.compile("|".join(map(_gapped, self.of("get"))) or NEVER, re.IGNORECASE)

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
        return re.compile(rf"(?<![a-zA-Z])(?:(?i:{named})|{ordinary})(?![a-zA-Z])")

    @cached_property
    def unspaced(self) -> re.Pattern[str]:
        """What is called a phone where words are not spaced."""
        return re.compile(_any(word for word in self.of("device") if word[0] > CJK))

    @cached_property
    def small(self) -> frozenset[str]:
        """The little words of footers, in small letters."""
        return frozenset(word.casefold() for word in self.of("small"))


def key(said: str) -> str:
    """Return some words as they are looked up: in small letters, one blank between two."""
    return " ".join(lowered(said).split())


def lowered(text: str) -> str:
    """Return a text in small letters, as long as it was: in these a pattern finds words in a third of the time."""
    return text.replace("\u0130", "i").lower()


def _any(words: Iterable[str]) -> str:
    """Return the pattern of any of these words; of none, one that fits nothing."""
    return "|".join(re.escape(word).replace(r"\ ", r"\s") for word in words) or NEVER


def _gapped(phrase: str) -> str:
    """Return the pattern of a footer; its star is any device, and where it ends with a word, that word ends."""
    pattern = re.escape(phrase).replace(r"\*", r"(.{1,48}?)").replace(r"\ ", r"\s{0,2}" if "*" in phrase else r"\s")
    spaced = phrase[-1] < CJK and (phrase[-1].isascii() or phrase[-1].isalpha())
    return f"(?:{pattern})" + (r"$" if "*" in phrase else r"(?![a-z])" if spaced else "")


ALL = Words(tomllib.loads(files(__package__).joinpath("words.toml").read_text(encoding="utf-8")))
