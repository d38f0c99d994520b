"""In charge of letters without links, for people who fear them: what becomes of a text's links, buttons and pictures.

Nothing that can be pressed is left, and no address but the short one in the footer; what a link said stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from markdown_it.token import Token

from course.content import markdown

PREFIX = "plain_"  # a word of [mail] that takes another one's place in these letters: plain_footer_why
# Notices that are of no use without the link in them: they keep it. All others name words to reply with.
LINKED = frozenset({"confirm", "move", "fresh", "over"})
ADDRESS = re.compile(r"(?:https?://|mailto:)([^\s<>()\[\]\"]*[^\s<>()\[\]\".,;:!?])", re.IGNORECASE)
SPOKEN = {".": "plain_dot", "/": "plain_slash", "@": "plain_at"}


def keeps_link(name: str) -> bool:
    """Whether the text of this name is about a link, which it keeps; what stands around it has none all the same."""
    return name in LINKED


def words(mail: Mapping[str, str]) -> dict[str, str]:
    """Return the words of [mail] as these letters have them."""
    instead = {key.removeprefix(PREFIX): said for key, said in mail.items() if key.startswith(PREFIX)}
    return {**mail, **instead}


def tokens(parsed: Sequence[Token], mail: Mapping[str, str]) -> list[Token]:
    """Return a Markdown text without links: their words stay, a button goes, a picture is what is said of it."""
    kept: list[Token] = []
    for token in parsed:
        if token.type == "inline":
            token.children = list(_unlinked(token.children or [], mail))
        kept.append(token)
        # A paragraph that held a button and nothing else.
        if token.type == "paragraph_close" and kept[-2].type == "inline" and not kept[-2].children:
            del kept[-3:]
    return kept


def _unlinked(children: Sequence[Token], mail: Mapping[str, str]) -> Iterator[Token]:
    button = False
    for child in children:
        match child.type:
            case "link_open":
                button = child.attrs.get("title") == markdown.BUTTON
            case "link_close":
                button = False
            case "image":
                yield Token("text", "", 0, content=_said(child.content, mail))
            case "text" if not button:
                child.content = _said(child.content, mail)
                yield child
            case _ if not button:
                yield child


def _said(text: str, mail: Mapping[str, str]) -> str:
    """Return a text with each address as one would say it aloud, which no mail program makes a link of."""
    return ADDRESS.sub(lambda found: _aloud(found[1].rstrip("/"), mail), text)


def _aloud(address: str, mail: Mapping[str, str]) -> str:
    return "".join(f" {mail[SPOKEN[sign]]} " if sign in SPOKEN else sign for sign in address)
