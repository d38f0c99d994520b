"""In charge of turning an HTML body into lines, each as deep as it stands in quotes."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field

from course.reading import markup
from course.reading.lines import MOST, NO_HINT, Hint, Line, in_few_lines
from course.reading.marks import Mark, Means
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
LISTS = frozenset({"ul", "ol", "li"})
NOTHING: frozenset[Means] = frozenset()
SPACES = re.compile(r"[\t\n\r\f][ \t\n\r\f]*| [ \t\n\r\f]+")  # all but a single blank
REST, HEAD, SIGNATURE, HIDDEN = Means.REST, Means.HEAD, Means.SIGNATURE, Means.HIDDEN
BREAKING = frozenset({REST, SIGNATURE})  # a line ends with what a client marks so


@dataclass(frozen=True, slots=True)
class Element:
    """What an opening tag begins; the same for each tag that is written alike."""

    name: str
    means: frozenset[Means]
    quotes: int
    block: bool
    spaced: bool

    @classmethod
    def of(cls, tag: Tag, means: frozenset[Means]) -> Element:
        """Return what this tag begins, given what a client means by it."""
        name = tag.name
        quotes = int(Means.QUOTE in means or (name == "blockquote" and Means.INDENT not in means))
        return cls(name, means, quotes, name in BLOCKS, name in SPACED)


@dataclass
class Page:
    """The lines so far, and which elements are open."""

    marks: tuple[Mark, ...]
    lines: list[Line] = field(default_factory=list)
    open: list[Element] = field(default_factory=list)
    # How many of each are open; no Counter, which takes ten times as long for what is not there.
    names: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    active: defaultdict[Means, int] = field(default_factory=lambda: defaultdict(int))
    lists: list[int | None] = field(default_factory=list)  # the next number of an open list, None for bullets
    text: list[str] = field(default_factory=list)
    depth: int = 0
    elements: dict[Tag, Element] = field(default_factory=dict)
    hint: Hint = NO_HINT  # for the line that is being written

    @property
    def level(self) -> int:
        """How deep a line that is written now stands."""
        return min(self.depth, DEEPEST)

    def read(self, html: str) -> list[Line]:
        """Return the lines of a body."""
        for piece in markup.pieces(html, lambda: len(self.lines) > MOST):  # no rule looks beyond these
            if isinstance(piece, str):
                self._write(piece)
            elif isinstance(piece, Remainder):
                self._break()
                self.lines += in_few_lines(
                    (min(max(0, self.depth + deeper), DEEPEST), text.strip()) for deeper, text in piece.texts
                )
            elif piece.opens:
                self._open(piece)
            else:
                self._close(piece.name)
        self._break()
        return self.lines

    def _write(self, text: str) -> None:
        if not self.active[HIDDEN]:
            self.text.append(text)

    def _open(self, tag: Tag) -> None:
        name = tag.name
        if name in VOID:
            return self._void(tag)
        if name in ALIKE and self.open and self.open[-1].name == name:
            self._close(name)
        element = self.elements.get(tag)
        if element is None:
            element = self.elements[tag] = Element.of(tag, self._means(tag))
        if element.block and (self.text or element.spaced):
            self._break(blank=element.spaced)
        self.open.append(element)
        self.names[name] += 1
        self.depth += element.quotes
        for one in element.means:
            self.active[one] += 1
        if REST in element.means:
            self._break()
            self.hint = Hint.REST
        if name in LISTS:
            self._list(tag)
        return None

    def _void(self, tag: Tag) -> None:
        if tag.name == "br":
            self._break(always=True)
        elif tag.name == "hr":
            self._break()
            self.lines.append(Line("-" * 20, self.level, hint=Hint.RULE))
        elif REST in self._means(tag):
            self.hint = Hint.REST

    def _means(self, tag: Tag) -> frozenset[Means]:
        if not tag.attributes:
            return NOTHING
        found = {mark.means for mark in self.marks if (said := tag.says(mark.attribute)) and mark.pattern.search(said)}
        if tag.name != "div":
            found -= {REST} if "style" in tag.attributes and not tag.says("id") + tag.says("class") else set()
        return frozenset(found)

    def _list(self, tag: Tag) -> None:
        if tag.name in {"ul", "ol"}:
            first = tag.says("start")
            self.lists.append(None if tag.name == "ul" else int(first) if first.isdecimal() and len(first) < 6 else 1)  # noqa: PLR2004
        else:
            number = self.lists[-1] if self.lists else None
            self.text.append("- " if number is None else f"{number}. ")
            if number is not None:
                self.lists[-1] = number + 1

    def _close(self, name: str) -> None:
        if not self.names[name]:
            return
        while self.open:
            last = self.open.pop()
            if last.block or not BREAKING.isdisjoint(last.means):
                self._break(blank=last.spaced)
            self.names[last.name] -= 1
            self.depth -= last.quotes
            for one in last.means:
                self.active[one] -= 1
            if last.name in LISTS and last.name != "li" and self.lists:
                self.lists.pop()
            if last.name == name:
                return

    def _break(self, *, blank: bool = False, always: bool = False) -> None:
        """End the line. A blank one follows a paragraph, and a <br> that stands alone."""
        if self.text or always:
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
            self.hint = NO_HINT
        if not hint and self.active[SIGNATURE]:
            hint = Hint.SIGNATURE
        if not hint and self.active[HEAD]:
            hint = Hint.HEAD
        return Line(text, self.level, hint=hint)


def from_html(html: str, marks: tuple[Mark, ...]) -> list[Line]:
    """Return the lines of an HTML body, as deep as they stand in quotes, with what its client says of them."""
    return Page(marks).read(html.replace("\r\n", "\n"))
