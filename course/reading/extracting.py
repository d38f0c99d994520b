"""In charge of the whole way from a message to the words that a person wrote in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from email.message import Message
from functools import lru_cache

from course.reading import bodies, markup, mime, wrappers
from course.reading.bodies import Body
from course.reading.caps import TooMuchError
from course.reading.hypertext import from_html
from course.reading.lines import OWN, Line, from_text
from course.reading.prompt import Prompt, words
from course.reading.sieve import Sieve, own, rest, whole

LONGEST = 512 * 1024  # characters of a text that are looked at


def extract(message: str | bytes, sent: bytes | None = None) -> str:
    """Return what the person wrote: a text's (plain or HTML) or a whole message's; "" for nothing.

    `sent` is the message that this answers, as it went out. Nothing is raised, whatever comes.
    """
    return Reader().read(message, sent)


def sift(message: bytes, sent: bytes) -> Found:
    """Return what the person wrote in a message that answers `sent`, and what was cut. Nothing is raised."""
    try:
        return Reader().found(mime.parse(message), known(sent))
    except TooMuchError:
        return Found("")


@dataclass(frozen=True)
class Reader:
    """Reads by some rules; `extract` by all of them."""

    sieve: Sieve = field(default_factory=Sieve)

    def read(self, message: str | bytes, sent: bytes | None = None) -> str:
        """Return what the person wrote."""
        prompt = known(sent) if sent else None
        if isinstance(message, str):
            text = wrappers.unsigned(message[:LONGEST])
            body = Body(text, html=markup.is_html(text))
            return self._words(body, prompt).text
        try:
            return self.of(mime.parse(message), prompt)
        except TooMuchError:
            return ""

    def of(self, message: Message, prompt: Prompt | None = None) -> str:
        """Return what the person wrote in a parsed message."""
        return self.found(message, prompt).text

    def found(self, message: Message, prompt: Prompt | None = None) -> Found:
        """Return what the person wrote in a parsed message, and what was cut."""
        plain, html = bodies.of(message)
        prompt = prompt or Prompt.by(bodies.addressee(message))
        texts = [self._words(body, prompt) for body in plain]
        pages = [self._words(body, prompt) for body in html]
        return fuller(joined(texts), joined(pages))

    def _words(self, body: Body, prompt: Prompt | None) -> Found:
        lines = self.sieve.of(body, prompt)
        cut = any(line.kind is not OWN for line in lines)
        return Found(own(lines), cut=cut, rest=rest(lines) if cut else "", whole=whole(lines) if cut else "")


@dataclass(frozen=True)
class Found:
    """What one body says, and whether anything in it was not the person's.

    `rest` is what was cut, but nothing of what we sent; `whole` is both, in their order, or "" where nothing was cut.
    """

    text: str = field(repr=False)
    cut: bool = False
    rest: str = field(default="", repr=False)
    whole: str = field(default="", repr=False)


def joined(found: list[Found]) -> Found:
    """Return the texts of several parts as one: Apple Mail puts a picture between two."""
    cut = any(one.cut for one in found)
    return Found(
        _parts(one.text for one in found),
        cut=cut,
        rest=_parts(one.rest for one in found),
        whole=_parts(one.whole or one.text for one in found) if cut else "",
    )


def fuller(text: Found, page: Found) -> Found:
    """Return the plain text's words; the HTML's where they are those and more, or a quote was found only there.

    Where neither has any, that of which something was cut.
    """
    if not text.text and not page.text:
        return text if text.rest else page
    if not text.text or not page.text:
        return text if text.text else page
    if text.cut != page.cut:
        return text if text.cut else page
    said, shown = (Counter(words(one.text)) for one in (text, page))
    return page if said < shown else text


def _parts(texts: Iterable[str]) -> str:
    return "\n\n".join(text for text in texts if text)


@lru_cache(32)  # a lesson is answered by many
def known(sent: bytes) -> Prompt | None:
    """Return what is to be known of a message that was sent, or None if it cannot be read."""
    try:
        message = mime.parse(sent)
    except TooMuchError:
        return None
    plain, html = bodies.of(message)
    subject = [Line(mime.header(message, "Subject"))]
    texts = [subject + from_text(body.text, flowed=body.flowed, delsp=body.delsp) for body in plain]
    pages = [subject + from_html(body.text, marks=()) for body in html]
    return Prompt.of([*texts, *pages], bodies.names(message))
