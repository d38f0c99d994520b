"""In charge of the rules as a whole: in which order lines are judged, and what is left as the person's words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from course.reading import announcements, banners, endings, headblocks, ours, words
from course.reading.bodies import Body
from course.reading.hypertext import from_html
from course.reading.lines import HEAD, OWN, QUOTE, SIGNATURE, Hint, Kind, Line, bounded, from_text
from course.reading.marks import MARKS, Mark
from course.reading.prompt import Prompt
from course.reading.words import Words

SENT = "what we sent"
Apply = Callable[[list[Line], Words], None]


@dataclass(frozen=True)
class Rule:
    """One thing that clients do, and where it is written or seen."""

    name: str
    source: str
    apply: Apply


# In English and most languages, Spanish and Hebrew; nobody's card has one.
POSTSCRIPT = re.compile(r"(?:p\.\s?s\.?|ps\s?[:.,]|p\.\s?d\.|\u05e0\.\u05d1\.?)\W{0,3}\w", re.IGNORECASE)


def _signature_marked(lines: list[Line], _: Words) -> None:
    """Cut what the HTML marks as a signature. A P.S. typed into it stays, if the mail has other words."""
    words = any(line.kind is OWN and not line.blank and line.hint is not Hint.SIGNATURE for line in lines)
    added = False
    for line in lines:
        if line.hint is not Hint.SIGNATURE or line.blank:
            added = False
        added = added or (words and not line.depth and bool(POSTSCRIPT.match(line.seen)))
        if line.hint is Hint.SIGNATURE and not added:
            line.kind = SIGNATURE


def _typed_into_it(lines: list[Line], words: Words) -> None:
    """Where nothing else is left, keep what a marked signature holds, but for what other rules call a signature too."""
    if any(line.kind is OWN and not line.blank for line in lines):
        return
    for line in lines:
        if line.hint is Hint.SIGNATURE and not line.depth and line.kind is SIGNATURE:
            line.kind = OWN
    for end in (endings.signed, endings.footed, endings.ruled):
        end(lines, words)


HEADS = (
    Rule("the client says so", "class and id of Outlook, Yahoo, Spark, Zoho, Netease", announcements.hinted),
    Rule("separator", "Outlook, AOL, Samsung, Gmail's and Apple's forwards", headblocks.separated),
    Rule("header block", "Outlook, Exchange, AOL, Hotmail, Orange", headblocks.headed),
    Rule("attribution", "Gmail, Apple Mail, Thunderbird, Yahoo, mutt and nearly all others", announcements.attributed),
    Rule("arrows", "GroupWise", announcements.arrowed),
    Rule("marked head", "Orange, La Poste, Open-Xchange, GroupWise, Gnus", headblocks.bared),
    Rule("typed mark", "a person's own arrow", endings.typed),
)
ENDS = (
    Rule("banner", "firms' mail servers", banners.topped),
    Rule("marked signature", "class and id of Gmail, Thunderbird, Proton, Roundcube and others", _signature_marked),
    Rule("signature", "RFC 3676 section 4.3", endings.signed),
    Rule("footer", "phones and apps", endings.footed),
    Rule("visiting card", "Outlook's and Gmail's typed signatures", endings.carded),
    Rule("sign-off", "mailing lists", endings.named),
    Rule("dividers", "Outlook's underscores, Orange's equals signs", endings.ruled),
    Rule("written within the signature", "Outlook on the web, Apple Mail", _typed_into_it),
)


@dataclass(frozen=True)
class Sieve:
    """All rules; a benchmark leaves one out to see what it is good for."""

    heads: tuple[Rule, ...] = HEADS
    ends: tuple[Rule, ...] = ENDS
    marks: tuple[Mark, ...] = MARKS
    words: Words = words.ALL

    def announced(self, body: Body) -> list[Line]:
        """Return the lines of a body, judged by what can be told before it is known what was sent."""
        lines = self.lines(body)
        for _ in self.announcing(lines):
            pass
        return lines

    def judged(self, announced: list[Line], prompt: Prompt | None = None) -> list[Line]:
        """Return these lines judged to the end; they themselves stay as they are, for whoever knows more."""
        lines = [line.again() for line in announced]
        for _ in self.ending(lines, prompt):
            pass
        return lines

    def lines(self, body: Body) -> list[Line]:
        """Return the lines of a body before any rule has seen them."""
        if body.html:
            return bounded(from_html(body.text, self.marks))
        return bounded(from_text(body.text, flowed=body.flowed, delsp=body.delsp))

    def judging(self, lines: list[Line], prompt: Prompt | None = None) -> Iterator[str]:
        """Judge these lines; yield the name of each rule once it has had its turn."""
        yield from self.announcing(lines)
        yield from self.ending(lines, prompt)

    def announcing(self, lines: list[Line]) -> Iterator[str]:
        """Judge what announces a quote, which does not depend on what was sent."""
        for rule in self.heads:
            rule.apply(lines, self.words)
            yield rule.name
        _believe_no_heads(lines)

    def ending(self, lines: list[Line], prompt: Prompt | None = None) -> Iterator[str]:
        """Judge what was sent, and then what stands below a person's words."""
        if prompt is not None:
            ours.sift(lines, prompt, self.words)
            yield SENT
        far = [(line, line.kind) for line in lines if line.beyond]
        for rule in self.ends:
            rule.apply(lines, self.words)
            _as_before(far)
            yield rule.name


def _believe_no_heads(lines: list[Line]) -> None:
    """Keep what is beyond as what it stands in: many lines in one announce nothing."""
    for line in lines:
        if line.beyond and line.kind is HEAD:
            line.kind = QUOTE if line.depth else OWN


def _as_before(far: list[tuple[Line, Kind]]) -> None:
    """Let no rule about endings cut what is beyond: it looked at the beginning of many lines."""
    for line, kind in far:
        line.kind = kind


def own(lines: list[Line]) -> str:
    """Return the person's lines as a text."""
    kept, gap = [], False
    for line in lines:
        if line.kind is OWN:
            kept += ["", line.text] if gap and line.text else [line.text]
        gap = line.kind is not OWN
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()


def rest(lines: list[Line]) -> str:
    """Return what was cut, with its quote marks: neither what is the person's nor what we sent."""
    return _text(line for line in _not_ours(lines) if line.kind is not OWN)


def whole(lines: list[Line]) -> str:
    """Return the person's lines and what was cut, in their order."""
    return _text(_not_ours(lines))


def _not_ours(lines: list[Line]) -> list[Line]:
    """Leave out what we sent, and what announces it."""
    kept, above = list[Line](), False
    for line in reversed(lines):
        if line.ours:
            above = True
        elif not (above and (line.kind is HEAD or (line.blank and line.kind is not OWN))):
            above = above and line.blank
            kept.append(line)
    return kept[::-1]


def _text(lines: Iterable[Line]) -> str:
    shown = (f"{'> ' * line.depth if line.kind is not OWN else ''}{line.text}".rstrip() for line in lines)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(shown)).strip()
