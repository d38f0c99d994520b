"""In charge of slips in writing Markdown and slots: what people would read as it was typed."""

from __future__ import annotations

import re

from course.content import prose
from course.content.written import Found, Rule, Written

TWICE = re.compile(r"\{\{|\}\}")
# What is left in the running text after Markdown was read, by what to do.
LEFT = (
    (re.compile(r"^\|?\s*:?-{3,}:?\s*\|"), "a table is no part of a mail here; write a list, or sentences"),
    (re.compile(r"^\s*[•‣▪◦●]\s"), "begin each point of a list with - and a space, on a line of its own"),
    (re.compile(r"\[[^\]\n]+\]\s+\(https?:"), "mend this link: [words](https://…), without a space between ] and ("),
    (re.compile(r"~~\S"), "~~ is printed as it stands; take it out"),
    (
        re.compile(r"\*\*"),
        "** is printed as it stands; put it right before the first word and right after the last one",
    ),
    (re.compile(r"^\[[ xX]\]\s"), "a box to tick is printed as it stands; take it out"),
)


def _twice(text: Written) -> Found:
    for section in text.sections:
        for line, said in ((section.line - 1, section.heading), (section.line, section.markdown)):
            for found in TWICE.finditer(said):
                say = f"write slots in single braces, like {{greeting}}: {found[0]} leaves one of them to be read"
                yield line + said.count("\n", 0, found.start()), say
                break


def _left(text: Written) -> Found:
    for section in text.sections:
        for line, token in prose.pieces(section):
            if token.type == "text":
                yield from ((line, say) for pattern, say in LEFT if pattern.search(token.content))


def _heading(text: Written) -> Found:
    """Find a heading of the first order: the subject is one already, and a mail has one."""
    for section in text.sections:
        for block in prose.blocks(section):
            if block.type == "heading_open" and block.tag == "h1":
                yield section.line + (block.map[0] if block.map else 0), "begin a heading with ##, not with #"


ADVICE: tuple[Rule, ...] = (_twice, _left, _heading)
