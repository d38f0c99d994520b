"""In charge of the whole way from a message to the words that a person wrote in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from email.message import Message
from functools import cached_property, lru_cache

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


def sift(texts: Texts, sent: bytes, also: tuple[str, ...] = ()) -> Found:
    """Return what the person wrote in texts that answer `sent`, and what was cut. Nothing is raised.

    `also` are other forms of its text, one of which may be the one that went out.
    """
    return Reader().sifted(texts, known(sent, also))


@dataclass(frozen=True)
class Texts:
    """A mail's own texts, line by line, before it is known what was sent: read once, they can be judged twice.

    `to` is what is known of it all the same: whom the mail is written to.
    """

    plain: tuple[list[Line], ...] = field(default=(), repr=False)
    html: tuple[list[Line], ...] = field(default=(), repr=False)
    to: Prompt | None = None


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
            return self._words(self.sieve.announced(body), prompt).text
        try:
            return self.of(mime.parse(message), prompt)
        except TooMuchError:
            return ""

    def of(self, message: Message, prompt: Prompt | None = None) -> str:
        """Return what the person wrote in a parsed message."""
        return self.sifted(self.texts(message), prompt).text

    def texts(self, message: Message) -> Texts:
        """Return the texts of a parsed message."""
        plain, html = (tuple(self.sieve.announced(body) for body in some) for some in bodies.of(message))
        return Texts(plain, html, Prompt.by(bodies.addressee(message)))

    def sifted(self, texts: Texts, prompt: Prompt | None = None) -> Found:
        """Return what the person wrote in these texts, and what was cut."""
        plain, html = ([self._words(one, prompt or texts.to) for one in some] for some in (texts.plain, texts.html))
        return fuller(joined(plain), joined(html))

    def _words(self, announced: list[Line], prompt: Prompt | None) -> Found:
        lines = self.sieve.judged(announced, prompt)
        return Found(own(lines), any(line.kind is not OWN for line in lines), (lines,))


@dataclass(frozen=True)
class Found:
    """What a body says, or several, and whether anything in it was not the person's."""

    text: str = field(repr=False)
    cut: bool = False
    bodies: tuple[list[Line], ...] = field(default=(), repr=False)

    @cached_property
    def rest(self) -> str:
        """What was cut, but nothing of what we sent."""
        return _parts(map(rest, self.bodies)) if self.cut else ""

    @cached_property
    def whole(self) -> str:
        """The text and what was cut, in their order, or "" where nothing was cut."""
        return _parts(map(whole, self.bodies)) if self.cut else ""


def joined(found: list[Found]) -> Found:
    """Return the texts of several parts as one: Apple Mail puts a picture between two."""
    text, cut = _parts(one.text for one in found), any(one.cut for one in found)
    return Found(text, cut, tuple(lines for one in found for lines in one.bodies))


def fuller(text: Found, page: Found) -> Found:
    """Choose between the plain text and the HTML of a mail: the one that shows best what the person wrote.

    That is the only one with words; else the only one in which anything was cut; else the HTML, if it has all words of
    the plain text and more; else the plain text. Where neither has words, the one of which something was cut.
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
def known(sent: bytes, also: tuple[str, ...] = ()) -> Prompt | None:
    """Return what is to be known of a message that was sent, or None if it cannot be read."""
    try:
        message = mime.parse(sent)
    except TooMuchError:
        return None
    plain, html = bodies.of(message)
    subject = [Line(mime.header(message, "Subject"))]
    texts = [subject + from_text(body.text, flowed=body.flowed, delsp=body.delsp) for body in plain]
    pages = [subject + from_html(body.text, marks=()) for body in html]
    return Prompt.of([*texts, *pages, *map(from_text, also)], bodies.names(message))
