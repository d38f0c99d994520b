"""In charge of telling by which rule each line of a mail was kept or cut."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from course.reading import bodies, mime
from course.reading.bodies import Body
from course.reading.extracting import known
from course.reading.lines import Kind, Line
from course.reading.prompt import Prompt
from course.reading.sieve import Sieve

MARKED = "quote marks"  # what stands behind ">" or in a quote of the HTML, before any rule


@dataclass(frozen=True)
class Piece:
    """Lines on end that were judged alike. `rule` is "" for those that were kept."""

    kind: Kind
    rule: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Explained:
    """One text of a mail, piece by piece."""

    html: bool
    pieces: tuple[Piece, ...]


def explain(raw: bytes, sent: bytes, also: tuple[str, ...]) -> list[Explained]:
    """Return each text of a message with what was cut of it, and by which rule. Raises TooMuchError.

    `sent` is the message that it answers, as it went out, or b"" for an unknown one; `also`, other forms of its text.
    """
    message = mime.parse(raw)
    plain, html = bodies.of(message)
    prompt = (known(sent, also) if sent else None) or Prompt.by(bodies.addressee(message))
    return [Explained(body.html, _pieces(body, Sieve(), prompt)) for body in (*plain, *html)]


def _pieces(body: Body, sieve: Sieve, prompt: Prompt) -> tuple[Piece, ...]:
    lines = sieve.lines(body)
    kinds, why = [line.kind for line in lines], [MARKED] * len(lines)
    for rule in sieve.judging(lines, prompt):
        for place, line in enumerate(lines):
            if line.kind is not kinds[place]:
                kinds[place], why[place] = line.kind, rule

    def judged(place: int) -> tuple[Kind, str]:
        return kinds[place], "" if kinds[place] is Kind.OWN else why[place]

    alike = groupby(range(len(lines)), judged)
    return tuple(Piece(*how, tuple(_shown(lines[place]) for place in places)) for how, places in alike)


def _shown(line: Line) -> str:
    return f"{'> ' * line.depth}{line.text}"
