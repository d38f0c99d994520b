"""In charge of what a resource's PDF is made of, and of whether a PDF is the one of its present text.

`make scripts` sets them with typst by emails/script.typ; the service hands them out only while they are fresh.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from babel import Locale
from markdown_it.token import Token

from course.content import markdown, sources
from course.content.resources import FOLDER, Resource
from course.content.sources import ContentError

TEMPLATE = "script.typ"
DIGESTS = "scripts.toml"
STYLES = {"em_open": "em", "strong_open": "strong", "em_close": "em", "strong_close": "strong"}


def fresh(course: Path, found: Mapping[str, Resource]) -> dict[str, Resource]:
    """Return these resources without the PDFs that are not those of their texts any more."""
    known = digests(course)
    template = (course.parents[1] / TEMPLATE).read_bytes() if known else b""
    return {name: _fresh(resource, known, template) for name, resource in found.items()}


def digests(course: Path) -> Mapping[str, Any]:
    """Return what each PDF of a course was made of, by its place: a-kind-voice/en-GB."""
    try:
        return sources.read_toml(course / FOLDER / DIGESTS)
    except ContentError:
        return {}  # none was made yet


def source(resource: Resource, locale: str) -> str:
    """Return all that stands in a PDF, as JSON for the template."""
    script = resource.scripts[locale]
    language, _, region = locale.partition("-")
    order = Locale.parse(locale, sep="-").character_order
    blocks = [*_blocks(script.introduction)]
    for section in script.sections:
        blocks += [{"kind": "heading", "spans": [{"text": section.heading, "style": ""}]}, *_blocks(section.markdown)]
    said = {
        "title": script.title,
        "summary": script.summary,
        "language": language,
        "region": region,
        "direction": "rtl" if order == "right-to-left" else "ltr",
        "blocks": blocks,
        "references": resource.references,
    }
    return json.dumps(said, ensure_ascii=False, sort_keys=True)


def digest(template: bytes, said: str) -> str:
    """Return what a PDF is known by: the template and the text that it was made of."""
    return hashlib.sha256(template + b"\0" + said.encode()).hexdigest()


def _fresh(resource: Resource, known: Mapping[str, Any], template: bytes) -> Resource:
    kept = {
        locale: script
        if script.pdf and known.get(f"{resource.id}/{locale}") == digest(template, source(resource, locale))
        else replace(script, pdf=None)
        for locale, script in resource.scripts.items()
    }
    return replace(resource, scripts=kept)


def _blocks(text: str) -> Iterator[dict[str, Any]]:
    """Yield the paragraphs, headings and list items of a Markdown text, each with its runs of words."""
    lists: list[str] = []
    kind = "paragraph"
    for token in markdown.parse(text):
        match token.type:
            case "bullet_list_open" | "ordered_list_open":
                lists.append(token.type.partition("_")[0])
            case "bullet_list_close" | "ordered_list_close":
                lists.pop()
            case "heading_open":
                kind = "heading"
            case "inline":
                yield {"kind": lists[-1] if lists else kind, "spans": list(_spans(token.children or []))}
                kind = "paragraph"
            case _:
                pass


def _spans(tokens: list[Token]) -> Iterator[dict[str, str]]:
    style = ""
    for token in tokens:
        if token.type in STYLES:
            style = STYLES[token.type] if token.nesting > 0 else ""
        elif token.type in {"softbreak", "hardbreak"}:
            yield {"text": " " if token.type == "softbreak" else "\n", "style": style}
        elif token.content:
            yield {"text": token.content, "style": style}
