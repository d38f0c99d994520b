"""In charge of what the body of a lesson or notice must be like: sections, links, pictures, slots, sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator

from markdown_it.token import Token

from course.content import prose, slots
from course.content.catalogue import ASKING
from course.content.markdown import BUTTON
from course.content.written import LESSON, Found, Rule, Written, markers, unknown_slots

SECTIONS = ("steps", "small", "prompt", "closing")
# What every lesson offers, with a heading to begin from.
REQUIRED = {"small": "The small version", "prompt": "What you might write back"}
ID = re.compile(r"\{#([^{}\n]*)\}")
HTML = re.compile(r"</?[a-zA-Z][\w-]*(?:[\s/>]|$)|<!")
BARE_LINK = re.compile(rf"https?://|{slots.marker('confirm_url')}")


def _slots(text: Written) -> Found:
    for section in text.sections:
        yield from unknown_slots(section.heading, text.slots, section.line - 1)
        yield from unknown_slots(section.markdown, text.slots, section.line)


def _markers(text: Written) -> Found:
    return markers(text.source.path.read_text(encoding="utf-8"))


def _links(text: Written) -> Found:
    for line, token in _pieces(text):
        if token.type == "link_open":
            address = str(token.attrs["href"])
            if not (address.lower().startswith(("https://", "mailto:")) or slots.MARKER.fullmatch(address)):
                yield line, f"link to https://… or mailto:…, not to {address or 'nothing'}"
        elif token.type == "text" and "](" in token.content:
            yield line, "mend this link: [words](https://…), without spaces in the address"


def _pictures(text: Written) -> Found:
    for line, token in _pieces(text):
        if token.type == "image":
            if not str(token.attrs["src"]).lower().startswith("https://"):
                yield line, f"show a picture from https://…, not from {token.attrs['src'] or 'nowhere'}"
            if not token.content.strip():
                yield line, "say what the picture shows: ![a cup of tea](https://…)"


def _html(text: Written) -> Found:
    for line, token in _pieces(text):
        found = HTML.search(token.content) if token.type == "text" else None
        if found:
            yield line, f"write Markdown, not HTML: {found[0].strip()} would be shown as it stands"


def _ids(text: Written) -> Found:
    known = ", ".join(f"{{#{name}}}" for name in SECTIONS)
    for section in text.sections[1:]:  # the opening has no heading
        wrong = [section.id] if section.id and section.id not in SECTIONS else ID.findall(section.heading)
        yield from ((section.line - 1, f"{{#{name}}} is no section; write one of {known}") for name in wrong)
    for section in text.sections:
        for found in ID.finditer(section.markdown):
            line = section.line + section.markdown.count("\n", 0, found.start())
            yield line, f"{found[0]} works only on a heading that begins with ##, as one of {known}"


def _required(text: Written) -> Found:
    there = {section.id: section for section in text.sections}
    for name, heading in REQUIRED.items() if text.kind == LESSON else ():
        if name not in there:
            yield text.sections[-1].line, f"add a section to this lesson: ## {heading} {{#{name}}}"
        elif not there[name].markdown.strip():
            yield there[name].line - 1, f"write something under this heading; {{#{name}}} is empty"


def _left_open(text: Written) -> set[str]:
    """Return the slots that the sections of a text have."""
    return {name for section in text.sections for name, _ in slots.written(section.markdown)}


def _needed(text: Written) -> Found:
    there = _left_open(text)
    for name in slots.NEEDED.get(text.kind, ()):
        if name not in there:
            yield text.sections[0].line, f"write {{{name}}} where it belongs in this text; without it, it is not told"


def _greeting(text: Written) -> Found:
    if text.kind == LESSON and "greeting" not in _left_open(text):
        yield text.sections[0].line, "begin with {greeting}: it becomes “Hello Alice,”"


def _twice(text: Written) -> Found:
    """Find a section that is marked like another one: the mail would have two of it."""
    seen = set[str]()
    for section in text.sections:
        if section.id and section.id in seen:
            yield section.line - 1, f"{{#{section.id}}} is there already; mark this heading with another name, or none"
        seen.add(section.id)


def _button(text: Written) -> Found:
    """Allow one button in the confirmation, and nothing else to press: it may reach a stranger."""
    if text.kind not in ASKING:
        return
    links = [(line, token.attrs) for line, token in _pieces(text) if token.type == "link_open"]
    bare = [line for line, token in _pieces(text) if token.type == "text" and BARE_LINK.search(token.content)]
    wanted = {"href": slots.marker("confirm_url"), "title": BUTTON}
    others = [line for line, attrs in links if attrs != wanted] + bare
    if others or len(links) != 1:
        line = others[0] if others else text.sections[0].line
        yield line, 'keep exactly one link here: [Yes, …]({confirm_url} "button")'


def _steps(text: Written) -> Found:
    listed = any(block.type == "ordered_list_open" for section in text.sections for block in prose.blocks(section))
    if text.kind == LESSON and not listed:
        yield text.sections[0].line, "a numbered list of steps is easier to follow: 1. … 2. …"


def _long_sentences(text: Written) -> Found:
    return (long for section in text.sections for long in prose.too_long(prose.sentences(section)))


def _pieces(text: Written) -> Iterator[tuple[int, Token]]:
    return (piece for section in text.sections for piece in prose.pieces(section))


ANY_TEXT: tuple[Rule, ...] = (_links, _pictures, _html)  # of a resource, too
MISTAKES: tuple[Rule, ...] = (_slots, _markers, _links, _pictures, _html, _ids, _required, _needed, _button)
ADVICE: tuple[Rule, ...] = (_greeting, _twice, _steps, _long_sentences)
