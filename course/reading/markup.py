"""In charge of taking HTML apart: tags and text, one after the other, in time linear in the length, whatever is broken.

Not `html.parser`, which is quadratic on some broken markup, and no tree: nothing here can be nested too deeply.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html import unescape
from itertools import accumulate

# Possessive, so that nothing is tried twice. A value may hold ">" only within quotes.
NAME = re.compile(r"</?([a-zA-Z][^\s/>]{0,60}+)")
ATTRIBUTE = re.compile(r"""[\s/]*+([^\s=>/]++)(?:\s*+=\s*+("[^"]*+"|'[^']*+'|[^\s>]*+))?""")
RAW = frozenset({"style", "script", "title", "head", "xml", "noscript", "template", "svg"})
KEPT = frozenset({"class", "id", "style", "name", "type", "data-smartmail", "data-signature-widget", "alt", "start"})
TAG = re.compile(r"<[^<>]*>")
ENDS = re.compile(r"<(?:/(?:p|div|li|tr|h[1-6]|table|ul|ol)|br|hr)\b[^<>]*>", re.IGNORECASE)
QUOTES = re.compile(r"<(/?)blockquote\b[^<>]*>", re.IGNORECASE)
SPACES = re.compile(r"[ \t\n\r\f]+")
SHORT = 300  # characters of a tag that is looked up before it is taken apart
TAGS = 4000  # tags that are looked at one by one; a lesson quoted by Word has hundreds
MOST = 30  # attributes of a tag that are looked at
LOOKS = re.compile(
    r"<(?:!doctype|html|body|head|div|p|br|blockquote|table|span|font|hr|ul|ol|a|b|i)\b[^<>]{0,2000}>", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, eq=False)
class Tag:
    """An opening or closing tag, its name in small letters. Each is equal to itself alone: a key to what it means."""

    name: str
    opens: bool
    attributes: dict[str, str] = field(default_factory=dict)

    def says(self, name: str) -> str:
        """Return an attribute, or ""."""
        return self.attributes.get(name, "")


@dataclass(frozen=True, slots=True)
class Remainder:
    """The texts that stand beyond what is looked at tag by tag, with their lines; each deeper by so many quotes."""

    texts: tuple[tuple[int, str], ...]


def is_html(text: str) -> bool:
    """Whether a text is HTML and not a plain text that mentions it."""
    found = LOOKS.search(text)
    if found is None:
        return False
    closed = re.search(
        r"</(?:html|body|div|p|blockquote|table|span|font|a|b|i|ul|ol)\s*>|<(?:br|hr)\b", text, re.IGNORECASE
    )
    return closed is not None and not text.lstrip().startswith((">", "```"))


def pieces(html: str, enough: Callable[[], bool] = lambda: False) -> Iterator[Tag | Remainder | str]:
    """Yield tags and texts in order; what stands in styles, scripts, titles and comments is left out.

    Behind so many tags, or when there is `enough`, the rest follows as one remainder.
    """
    last, small, raw, known = html.rfind(">"), html.lower(), set(RAW), dict[str, Tag]()
    at = count = 0
    while at < len(html):
        start = html.find("<", at)
        if start < 0 or start > last:
            yield unescape(html[at:])
            return
        if start > at:
            yield unescape(html[at:start])
        at = start
        ends = html.find(">", at, at + SHORT) + 1
        tag = known.get(html[at:ends]) if ends else None  # clients write the same ones over and over
        if tag is not None:
            at = ends
        elif html.startswith("<!--", at):
            at = _after(html, "-->", at + 4)
            continue
        elif html.startswith(("<!", "<?"), at):
            at = _after(html, ">", at)
            continue
        elif (name := NAME.match(html, at)) is None:
            yield "<"
            at += 1
            continue
        else:
            tag, at = _tag_once(html, name, known)
        if tag.opens and tag.name in raw:
            ends = _raw_end(html, small, tag.name, at)
            raw -= {tag.name} if ends == at else set()  # it is never closed: look no more
            at = ends
        else:
            yield tag
        count += 1
        if count > TAGS or enough():
            yield _remainder(html[at:])
            return


def _remainder(html: str) -> Remainder:
    """Return what stands beyond, in as many texts as it changes its depth: nothing that was written may be lost."""
    first, *others = QUOTES.split(SPACES.sub(" ", html))
    deeper = accumulate((-1 if slash else 1 for slash in others[::2]), initial=0)
    return Remainder(tuple(zip(deeper, map(_bare, (first, *others[1::2])), strict=True)))


def _bare(html: str) -> str:
    """Return a text without its tags, each of its blocks on a line of its own."""
    return unescape(TAG.sub(" ", ENDS.sub("\n", html)) if "<" in html else html)


def _tag_once(html: str, name: re.Match[str], known: dict[str, Tag]) -> tuple[Tag, int]:
    """Return the tag that begins here and where it ends; clients write the same ones over and over."""
    end = html.find(">", name.end()) + 1
    said = html[name.start() : end]
    if (tag := known.get(said)) is not None:
        return tag, end
    tag, at = _tag(html, name)
    if at == end and said.count('"') % 2 == said.count("'") % 2 == 0:
        known[said] = tag
    return tag, at


def _tag(html: str, name: re.Match[str]) -> tuple[Tag, int]:
    """Return the tag that begins here and where it ends."""
    at = name.end()
    attributes: dict[str, str] = {}
    while (found := ATTRIBUTE.match(html, at)) and found.end() > at:
        at = found.end()
        key = found[1].lower()
        if key in KEPT and len(attributes) < MOST:
            attributes.setdefault(key, unescape((found[2] or "")[:1000].strip("\"'")))
    end = html.find(">", at)
    return Tag(name[1].lower(), not name[0].startswith("</"), attributes), len(html) if end < 0 else end + 1


def _raw_end(html: str, small: str, name: str, at: int) -> int:
    """Return where a style's or script's closing tag ends; a head ends where the body begins, or at once."""
    found = small.find(f"</{name}", at)
    body = small.find("<body", at) if name == "head" else -1
    if body >= 0 and (found < 0 or body < found):
        return body
    if found < 0:
        return len(html) if name in {"style", "script", "title"} else at
    return _after(html, ">", found)


def _after(html: str, end: str, at: int) -> int:
    found = html.find(end, at)
    return len(html) if found < 0 else found + len(end)
