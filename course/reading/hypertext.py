"""In charge of turning an HTML body into lines, each as deep as it stands in quotes."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from course.reading import markup
from course.reading.lines import Hint, Line
from course.reading.marks import MARKS, Mark, Means
from course.reading.markup import Remainder, Tag

VOID = frozenset({"br", "hr", "img", "meta", "link", "input", "base", "col", "wbr", "area", "embed", "source", "o:p"})
BLOCKS = frozenset(
    {"address", "article", "aside", "blockquote", "body", "center", "dd", "div", "dl", "dt", "fieldset", "figure"}
    | {"footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "html", "li", "main", "nav", "ol", "p", "pre"}
    | {"section", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul", "caption", "hr"}
)
SPACED = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "blockquote", "pre", "table"})
ALIKE = frozenset({"p", "li", "tr", "td", "th", "dd", "dt", "option"})  # one closes another of its kind
DEEPEST = 40  # quotes within quotes that are told apart
SPACES = re.compile(r"[ \t\n\r\f]+")


@dataclass(slots=True)
class Open:
    """An element that is open."""

    name: str
    means: frozenset[Means]
    quotes: int


@dataclass
class Page:
    """The lines so far, and which elements are open."""

    marks: tuple[Mark, ...] = MARKS
    lines: list[Line] = field(default_factory=list)
    open: list[Open] = field(default_factory=list)
    # How many of each are open; no Counter, which takes ten times as long for what is not there.
    names: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    active: defaultdict[Means, int] = field(default_factory=lambda: defaultdict(int))
    lists: list[int | None] = field(default_factory=list)  # the next number of an open list, None for bullets
    text: list[str] = field(default_factory=list)
    depth: int = 0
    meant: dict[tuple[object, ...], frozenset[Means]] = field(default_factory=dict)  # by a tag's name and attributes
    hint: Hint = Hint.NONE  # for the line that is being written

    @property
    def level(self) -> int:
        """How deep a line that is written now stands."""
        return min(self.depth, DEEPEST)

    def read(self, html: str) -> list[Line]:
        """Return the lines of a body."""
        for piece in markup.pieces(html):
            if isinstance(piece, str):
                self._write(piece)
            elif isinstance(piece, Remainder):
                self._break()
                level = min(max(0, self.depth + piece.deeper), DEEPEST)
                self.lines.append(Line(piece.text.strip(), level, beyond=True))
            elif piece.opens:
                self._open(piece)
            else:
                self._close(piece.name)
        self._break()
        return self.lines

    def _write(self, text: str) -> None:
        if not self.active[Means.HIDDEN]:
            self.text.append(text if self.names["pre"] else SPACES.sub(" ", text))

    def _open(self, tag: Tag) -> None:
        if tag.name in VOID:
            return self._void(tag)
        if tag.name in ALIKE and self.open and self.open[-1].name == tag.name:
            self._close(tag.name)
        if tag.name in BLOCKS:
            self._break(blank=tag.name in SPACED)
        means = self._means(tag)
        quotes = int(Means.QUOTE in means or (tag.name == "blockquote" and Means.INDENT not in means))
        self.open.append(Open(tag.name, means, quotes))
        self.names[tag.name] += 1
        self.depth += quotes
        for one in means:
            self.active[one] += 1
        if Means.REST in means:
            self._break()
            self.hint = Hint.REST
        self._list(tag)
        return None

    def _void(self, tag: Tag) -> None:
        if tag.name == "br":
            self._break(always=True)
        elif tag.name == "hr":
            self._break()
            self.lines.append(Line("-" * 20, self.level, hint=Hint.RULE))
        elif Means.REST in (means := self._means(tag)) and means:
            self.hint = Hint.REST

    def _means(self, tag: Tag) -> frozenset[Means]:
        if not tag.attributes:
            return frozenset()
        key = (tag.name, *tag.attributes.items())
        if key not in self.meant:
            self.meant[key] = self._looked_up(tag)
        return self.meant[key]

    def _looked_up(self, tag: Tag) -> frozenset[Means]:
        found = {mark.means for mark in self.marks if (said := tag.says(mark.attribute)) and mark.pattern.search(said)}
        if tag.name != "div":
            found -= {Means.REST} if "style" in tag.attributes and not tag.says("id") + tag.says("class") else set()
        return frozenset(found)

    def _list(self, tag: Tag) -> None:
        if tag.name in {"ul", "ol"}:
            first = tag.says("start")
            self.lists.append(None if tag.name == "ul" else int(first) if first.isdecimal() and len(first) < 6 else 1)  # noqa: PLR2004
        elif tag.name == "li":
            number = self.lists[-1] if self.lists else None
            self.text.append("- " if number is None else f"{number}. ")
            if self.lists and number is not None:
                self.lists[-1] = number + 1

    def _close(self, name: str) -> None:
        if not self.names[name]:
            return
        while self.open:
            last = self.open.pop()
            if last.name in BLOCKS or Means.REST in last.means or Means.SIGNATURE in last.means:
                self._break(blank=last.name in SPACED)
            self.names[last.name] -= 1
            self.depth -= last.quotes
            for one in last.means:
                self.active[one] -= 1
            if last.name in {"ul", "ol"} and self.lists:
                self.lists.pop()
            if last.name == name:
                return

    def _break(self, *, blank: bool = False, always: bool = False) -> None:
        """End the line. A blank one follows a paragraph, and a <br> that stands alone."""
        if not self.text and not always:
            if blank and self.lines and self.lines[-1].text:
                self.lines.append(Line("", self.level))
            return
        whole = "".join(self.text)
        text = whole.rstrip() if self.names["pre"] else SPACES.sub(" ", whole.replace("\xa0", " ")).strip()
        self.text.clear()
        for row in text.split("\n") if text else [""] if always else []:
            self.lines.append(self._line(row))
        if blank and self.lines and self.lines[-1].text:
            self.lines.append(Line("", self.level))

    def _line(self, text: str) -> Line:
        hint = self.hint
        if text:
            self.hint = Hint.NONE
        if not hint and self.active[Means.SIGNATURE]:
            hint = Hint.SIGNATURE
        if not hint and self.active[Means.HEAD]:
            hint = Hint.HEAD
        return Line(text, self.level, hint=hint)


def from_html(html: str, marks: Iterable[Mark] = MARKS) -> list[Line]:
    """Return the lines of an HTML body, as deep as they stand in quotes, with what its client says of them."""
    return Page(marks=tuple(marks)).read(html)
