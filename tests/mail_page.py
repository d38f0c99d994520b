"""In charge of reading the HTML of our own mails: enough of it to see what a person sees."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

INLINE = re.compile(r"</?(?:a|b|em|strong)\b[^>]*>")
URL = re.compile(r"https?://[^\s)>\"]+")
VOID = {"meta", "br", "hr", "img", "link"}


@dataclass(frozen=True)
class Element:
    """A tag with what it says of itself."""

    tag: str
    attributes: dict

    @property
    def classes(self):
        """Return its classes."""
        return set((self.attributes.get("class") or "").split())

    @property
    def style(self):
        """Return its inlined declarations."""
        pairs = (one.split(":", 1) for one in (self.attributes.get("style") or "").split(";") if ":" in one)
        return {name.strip(): value.strip() for name, value in pairs}


@dataclass
class Page(HTMLParser):
    """The elements of a page, and each text with the elements around it."""

    open: list = field(default_factory=list)
    elements: list = field(default_factory=list)
    texts: list = field(default_factory=list)
    comments: list = field(default_factory=list)

    @classmethod
    def of(cls, html):
        """Take a page apart."""
        page = cls()
        HTMLParser.__init__(page)
        page.feed(html)
        page.close()
        assert page.open == []
        return page

    def handle_starttag(self, tag, attrs):
        """Open an element."""
        element = Element(tag, dict(attrs))
        self.elements.append((element, tuple(self.open)))
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag):
        """Close the innermost element, which must be of this kind."""
        assert self.open[-1].tag == tag, f"</{tag}> closes <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data):
        """Keep a text with where it stands."""
        if data.strip():
            self.texts.append((data, tuple(self.open)))

    def handle_comment(self, data):
        """Keep a comment: old Outlook reads some."""
        self.comments.append(data)

    def shown(self):
        """Return what a person sees, in turn."""
        return [
            (text, path)
            for text, path in self.texts
            if not {"head", "style", "title"} & {one.tag for one in path}
            and not any(one.style.get("display") == "none" for one in path)
        ]

    def all(self, tag):
        """Return the elements with this tag."""
        return [element for element, _ in self.elements if element.tag == tag]

    def sheet(self):
        """Return the style sheets that are left, as they are."""
        return "\n".join(text for text, path in self.texts if path[-1].tag == "style")


def words(text):
    """Return the words of a text: letters and digits, hyphens and apostrophes inside."""
    return re.findall(r"[^\W_]+(?:['\u2019-][^\W_]+)*", text)


def in_sight(html):
    """Return what a person sees of a page as one text; a link may begin inside a word."""
    return " ".join(said for said, _ in Page.of(INLINE.sub("", html)).shown())
