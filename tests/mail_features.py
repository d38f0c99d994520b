"""In charge of finding in a mail what caniemail's tests call a feature, and which mail programs lack it.

The mails are our own and well formed, so small patterns are enough: tests/test_mail_features.py proves that what was
planted is found, and that no tag, attribute or property is left that nobody looks for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mail_page import Page

DATA = json.loads((Path(__file__).parent / "caniemail/features.json").read_text(encoding="utf-8"))
FEATURES = DATA["features"]
MSO = {"outlook.windows", "outlook.windows-mail"}  # who reads what stands in <!--[if mso]>
CONDITIONAL = re.compile(r"\[if mso\]>(.*?)<!\[endif\]", re.DOTALL)
RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")


@dataclass(frozen=True)
class Facts:
    """What a mail is made of. A declaration has its tag: "" in a style sheet."""

    tags: list[tuple[str, dict[str, str]]] = field(default_factory=list)  # with their attributes
    declarations: list[tuple[str, str, str]] = field(default_factory=list)  # tag, property, value
    selectors: list[str] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)  # what stands after an @, up to its block
    sheet: str = ""
    blocks: str = ""  # the sheet without comments and without the frames of its @rules
    doctype: bool = False
    comments: bool = False
    late: bool = False  # a style sheet that is not in the head


Finder = Callable[[Facts], bool]


def facts(page: Page, html: str = "") -> Facts:
    """Return what a page is made of, without what stands in its conditional comments."""
    said = page.sheet()
    plain = re.sub(r"/\*.*?\*/", "", said, flags=re.DOTALL)
    blocks = re.sub(r"@[^{};]+[{;]", "", plain)
    found = [("", *pair) for _, body in RULE.findall(blocks) for pair in _declared(body)]
    found += [(one.tag, *pair) for one, _ in page.elements for pair in _declared(one.attributes.get("style") or "")]
    tags = {(one.tag, tuple(one.attributes.items())): one for one, _ in page.elements}
    return Facts(
        tags=[(one.tag, one.attributes) for one in tags.values()],
        declarations=sorted(set(found)),
        selectors=[selectors.strip() for selectors, _ in RULE.findall(blocks)],
        rules=[one.strip() for one in re.findall(r"@([^{};]+)", plain)],
        sheet=said,
        blocks=blocks,
        doctype=html.lower().startswith("<!doctype html>"),
        comments=bool(page.comments),
        late=any(one.tag == "style" and "head" not in {outer.tag for outer in path} for one, path in page.elements),
    )


def conditional(page: Page) -> Facts:
    """Return what only Outlook on Windows reads of a page: its conditional comments, put together."""
    return facts(Page.of("".join(found[1] for one in page.comments for found in CONDITIONAL.finditer(one))))


def _declared(body: str) -> Iterator[tuple[str, str]]:
    for one in body.split(";"):
        name, colon, value = one.partition(":")
        if colon:
            yield name.strip().lower(), value.strip()


# How each feature is found.


def tag(*names: str) -> Finder:
    """Find one of these elements."""
    return lambda mail: any(name in names for name, _ in mail.tags)


def attribute(name: str, value: str = "", tags: str = ".*") -> Finder:
    """Find an attribute: with a value like this, on one of these elements (patterns)."""
    like, on = re.compile(value), re.compile(tags)
    return lambda mail: any(
        name in attributes and like.search(attributes[name] or "") and on.fullmatch(one)
        for one, attributes in mail.tags
    )


def declared(names: str, value: str = "", tags: str = ".*") -> Finder:
    """Find a property whose whole name is like `names`: with a value like this, on one of these elements."""
    called, like, on = re.compile(names), re.compile(value), re.compile(tags)
    return lambda mail: any(
        called.fullmatch(name) and like.search(said) and on.fullmatch(one) for one, name, said in mail.declarations
    )


def value(pattern: str) -> Finder:
    """Find a value like this, of whichever property."""
    return declared("[a-z-]+", pattern)


def unit(name: str) -> Finder:
    """Find a length in this unit."""
    return value(rf"(?<![\w#.-])-?[\d.]+{name}(?![\w-])")


def selector(pattern: str) -> Finder:
    """Find a selector like this in the style sheet."""
    like = re.compile(pattern)
    return lambda mail: any(like.search(one) for one in mail.selectors)


def rule(pattern: str) -> Finder:
    """Find an @rule like this in the style sheet."""
    like = re.compile(pattern)
    return lambda mail: any(like.match(one) for one in mail.rules)


def sheet(pattern: str) -> Finder:
    """Find this anywhere in the style sheet."""
    like = re.compile(pattern)
    return lambda mail: like.search(mail.sheet) is not None


SEMANTIC = "article", "aside", "details", "figcaption", "figure", "footer", "header", "main", "mark", "nav", "section"
SEMANTIC += "summary", "time"
INPUTS = "checkbox", "hidden", "radio", "reset", "submit"
WORD = r"[\w*\]-]"
SIDE = "(?:left|right|top|bottom)"
BLOCK = "(?:inline|block)"
# What most features are called says how they are found.
TITLES: tuple[tuple[re.Pattern[str], Callable[[str], Finder]], ...] = (
    (re.compile(r"([a-z]+(?:-[a-z]+)*)(?: property| CSS property)?"), declared),
    (re.compile(r"<([a-z]+)>(?: element)?"), tag),
    (re.compile(r"([a-z-]+) attribute"), attribute),
    (re.compile(r":([a-z-]+)(?:\(\))?"), lambda name: selector(rf"(?<!:):{name}(?![\w-])")),
    (re.compile(r"::([a-z-]+)"), lambda name: selector(rf"::?{name}(?![\w-])")),
    (re.compile(r"([a-z]+) unit"), unit),
    (re.compile(r"(?:CSS )?([a-z-]+)\(\)(?: function)?"), lambda name: value(rf"(?<![\w-]){name}\(")),
)


def _titled() -> Iterator[tuple[str, Finder]]:
    for feature, told in FEATURES.items():
        for title, finder in TITLES:
            if found := title.fullmatch(told["title"].strip()):
                yield feature, finder(found[1])


FOUND: dict[str, Finder] = {
    **dict(_titled()),
    **{f"html-input-{kind}": attribute("type", f"^{kind}$", "input") for kind in INPUTS},
    "css-at-font-face": rule("font-face"),
    "css-at-import": rule("import"),
    "css-at-keyframes": rule("(?:-webkit-)?keyframes"),
    "css-at-media": rule("media"),
    "css-at-media-device-pixel-ratio": rule("media.*device-pixel-ratio"),
    "css-at-media-hover": rule(r"media.*(?:any-)?hover"),
    "css-at-media-orientation": rule("media.*orientation"),
    "css-at-media-prefers-color-scheme": rule("media.*prefers-color-scheme"),
    "css-at-media-prefers-reduced-motion": rule("media.*prefers-reduced-motion"),
    "css-at-supports": rule("supports"),
    "css-background": declared("background"),
    "css-block-inline-size": declared("block-size|inline-size"),
    "css-border": declared(f"border(?:-{SIDE})?(?:-(?:width|style|color))?"),
    "css-border-inline-block": declared(f"border-{BLOCK}"),
    "css-border-inline-block-individual": declared(f"border-{BLOCK}-(?:start|end)(?:-\\w+)?"),
    "css-border-inline-block-longhand": declared(f"border-{BLOCK}-(?:width|style|color)"),
    "css-border-radius": declared(f"border(?:-{SIDE}-{SIDE})?-radius"),
    "css-border-radius-logical": declared("border-(?:start|end)-(?:start|end)-radius"),
    "css-column-layout-properties": declared("columns|column-(?:fill|rule.*|span|width)"),
    "css-comments": sheet(r"/\*"),
    "css-font": declared("font"),
    "css-modern-color": value(r"(?<![\w-])(?:ok)?(?:lch|lab)\("),
    "css-pseudo-class-lang": selector(r":lang\("),
    "css-display-flex": declared("display", "flex"),
    "css-display-grid": declared("display", "grid"),
    "css-display-none": declared("display", "none"),
    "css-flex-direction": declared("flex-(?:direction|flow)"),
    "css-flex-wrap": declared("flex-(?:wrap|flow)"),
    "css-gap": declared("(?:column-|row-|grid-)?gap"),
    "css-grid-template": declared("grid-template.*|grid"),
    "css-important": value(r"!\s*important"),
    "css-inert-attribute": attribute("inert"),
    "css-inset": declared("inset.*"),
    "css-intrinsic-size": value("(?:fit|min|max)-content"),
    "css-left-right-top-bottom": declared(SIDE),
    "css-list-style": declared("list-style"),
    "css-margin": declared(f"margin(?:-{SIDE})?"),
    "css-margin-block-start-end": declared("margin-block-(?:start|end)"),
    "css-margin-inline-block": declared(f"margin-{BLOCK}"),
    "css-margin-inline-start-end": declared("margin-inline-(?:start|end)"),
    "css-nesting": lambda mail: re.search(r"&|\{[^{}]*\{", mail.blocks) is not None,
    "css-overflow": declared("overflow(?:-[xy]|-inline|-block)?"),
    "css-padding": declared(f"padding(?:-{SIDE})?"),
    "css-padding-block-start-end": declared("padding-block-(?:start|end)"),
    "css-padding-inline-block": declared(f"padding-{BLOCK}"),
    "css-padding-inline-start-end": declared("padding-inline-(?:start|end)"),
    "css-scroll-snap": declared("scroll-snap.*"),
    "css-selector-adjacent-sibling": selector(r"\+"),
    "css-selector-attribute": selector(r"\["),
    "css-selector-chaining": selector(r"\.[\w-]+\."),
    "css-selector-child": selector(">"),
    "css-selector-class": selector(r"\."),
    "css-selector-descendant": selector(rf"{WORD} +[.#\w*]"),
    "css-selector-general-sibling": selector("~"),
    "css-selector-grouping": selector(","),
    "css-selector-id": selector("#"),
    "css-selector-type": selector(r"(?:^|[\s,>+~])[a-z]"),
    "css-selector-universal": selector(r"\*"),
    "css-sytem-ui": declared("font(?:-family)?", r"\b(?:system-ui|ui-(?:serif|sans-serif|rounded|monospace))\b"),
    "css-unit-initial": value(r"^initial\b"),
    "css-unit-percent": value(r"[\d.]%"),
    "css-variables": lambda mail: declared("--.+")(mail) or value(r"var\(")(mail),
    "html-address": tag("address"),
    "html-svg": tag("svg"),
    "html-anchor-links": attribute("href", "^#", "a"),
    "html-button-reset": attribute("type", "^reset$", "button"),
    "html-button-submit": tag("button"),
    "html-comments": lambda mail: mail.comments,
    "html-doctype": lambda mail: mail.doctype,
    "html-h1-h6": tag("h1", "h2", "h3", "h4", "h5", "h6"),
    "html-image-maps": tag("map", "area"),
    "html-input-text": tag("input"),
    "html-lists": tag("ul", "ol", "dl"),
    "html-loading-attribute": attribute("loading"),
    "html-mailto-links": attribute("href", "^mailto:"),
    "html-meta-color-scheme": attribute("name", "color-scheme", "meta"),
    "html-semantics": tag(*SEMANTIC),
    "html-srcset": lambda mail: attribute("srcset")(mail) or attribute("sizes")(mail),
}
# What a note is about, where that is less than the whole feature: the finding counts only if this is there, too.
NOTES: dict[tuple[str, str], Finder] = {
    ("css-at-media", "1"): sheet(r"@media[^{]*\{[^{}]*(?:\{[^{}]*\}[^{}]*)*@media"),  # media queries inside another
    ("css-at-media", "10"): sheet(r"@media[^{]*\{[^{}]*(?:\{[^{}]*\}[^{}]*)*@media"),
    ("css-at-media", "7"): rule("media.*height"),
    ("css-at-media", "8"): rule("media.*landscape"),
    ("css-border", "1"): declared("border.*", r"(?<!\d)(?:9|\d\d+)px (?:solid|dotted|dashed)"),
    ("css-border-radius", "2"): declared("border-radius", "/"),
    ("css-display", "1"): declared("display", "flex|grid|flow|contents|initial|revert|unset"),
    ("css-display", "4"): tag("table"),
    ("css-display", "6"): declared("display", "flow-root|inline-flex|inline-grid|inline flow|contents|revert"),
    ("css-display-none", "1"): tag("table"),
    ("css-display-none", "2"): tag("img"),
    ("css-font-size", "1"): declared("font-size", "rem"),
    ("css-font-size", "2"): declared("font-size", r"%|r?em\b|larger|smaller"),
    ("css-font-weight", "1"): declared("font-weight", r"\d"),
    ("css-font-weight", "2"): declared("font-weight", r"\d"),
    ("css-important", "1"): sheet("!(?=[a-z ]*[A-Z])"),
    ("css-important", "4"): sheet(r"[^\s]!"),
    ("css-important", "5"): declared("[a-z-]+", "!", "[a-z].*"),
    ("css-important", "7"): declared("background-image", "!"),
    ("css-important", "8"): sheet("!(?=[a-z ]*[A-Z])"),
    ("css-letter-spacing", "1"): declared("letter-spacing", "-"),
    ("css-letter-spacing", "2"): declared("letter-spacing", "em"),
    ("css-line-height", "1"): declared("line-height", "em|px"),
    ("css-margin", "1"): declared("margin.*", r"(?<![\w.])-\d"),
    ("css-margin", "2"): declared("margin.*", "", "span|body"),
    ("css-margin", "4"): declared("margin.*", "auto"),
    ("css-overflow", "1"): declared("overflow.*", "scroll|auto"),
    ("css-overflow", "3"): declared("overflow-(?:block|inline)"),
    ("css-overflow", "4"): declared("overflow-(?:block|inline)"),
    ("css-text-align", "1"): declared("text-align", "start|end"),
    ("css-text-align", "3"): declared("text-align", "match-parent"),
    ("css-text-align", "5"): declared("text-align", "match-parent"),
    ("css-text-decoration", "2"): declared("text-decoration", r"\S\s+[^\s!]"),
    ("css-text-decoration", "3"): declared("text-decoration", "overline"),
    ("html-align", "1"): tag("img"),
    ("html-align", "3"): attribute("align", "left|right", "table"),
    ("html-dir", "3"): attribute("dir", "", "a"),
    ("html-lists", "1"): attribute("reversed"),
    ("html-lists", "2"): attribute("value", "", "li"),
    ("html-lang", "1"): attribute("lang", "", "td"),
    ("html-role", "2"): attribute("role", "", "(?!table).*"),
    ("html-style", "1"): lambda mail: mail.late,
    ("html-style", "4"): lambda mail: mail.late,
    ("html-style", "6"): lambda mail: len(mail.sheet.encode()) > 16_000,
    ("html-width", "1"): attribute("width", "%", "img"),
}


def lacks(html: str) -> dict[str, dict[str, str]]:
    """Return each feature of a mail that some program lacks, with these programs and the marks of caniemail."""
    page = Page.of(html)
    found: dict[str, dict[str, str]] = {}
    for mail, readers in ((facts(page, html), set(DATA["clients"])), (conditional(page), MSO)):
        for feature in sorted(FOUND):
            if FOUND[feature](mail):
                lacking = {one: mark for one, mark in _lacking(feature, mail).items() if one in readers}
                if lacking:
                    found[feature] = found.get(feature, {}) | lacking
    return found


def _lacking(feature: str, mail: Facts) -> dict[str, str]:
    """Return the programs that lack what this mail needs of a feature: wholly, or by a note that is about this mail."""
    said = {}
    for mark, programs in FEATURES[feature]["lacking"].items():
        notes = re.findall(r"#(\d+)", mark)
        about = [note for note in notes if NOTES.get((feature, note), lambda _: True)(mail)]
        if mark.startswith("n") or about or not notes:
            said |= dict.fromkeys(programs, " ".join([mark[0], *(f"#{note}" for note in about)]))
    return said
