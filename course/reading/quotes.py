"""In charge of telling a person's new words from what their mail client quoted below or above them.

A library does it, behind caps: its patterns are super-linear, so long texts are looked at from their beginning only.
That is enough to know whether somebody wrote anything, and what their first line is.
"""

from __future__ import annotations

import re

import nh3
from mailparser_reply import EmailReplyParser

LINES = 200
LINE = 400  # characters
LANGUAGES = ["en", "de", "fr", "es", "it", "nl", "pl", "sv", "da", "cs", "ja", "ko", "zh", "he"]
SIGNATURES = re.compile(
    r"^\s*(-- ?$|(sent|envoyé|gesendet|enviado|inviato|verzonden) "
    r"(from|with|via|depuis|von|desde|da|vanaf|vom)\b.{0,60}$"
    r"|get outlook for\b.{0,40}$)",
    re.IGNORECASE | re.MULTILINE,
)
ANNOUNCED = re.compile(r"(on|am|le|el|il|op|den|em|w dniu)\b.{4,300}:", re.IGNORECASE)
BLOCK = re.compile(r"<\s*(?:br|/p|/div|/li|/h\d|/tr|/blockquote)\b[^>]*>", re.IGNORECASE)
QUOTED = re.compile(r"<blockquote\b.*", re.IGNORECASE | re.DOTALL)


def new_words(text: str) -> str:
    """Return what was written in this mail, as far as it is looked at; "" when there is nothing but quotes."""
    lines = [line[:LINE].rstrip() for line in text.replace("\r\n", "\n").split("\n")[:LINES]]
    short = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
    if not short:
        return ""
    found = EmailReplyParser(languages=LANGUAGES).parse_reply(text=short) or ""
    signature = SIGNATURES.search(found)
    own = (found[: signature.start()] if signature else found).strip()
    return "" if _only_quotes(own) else own


def _only_quotes(text: str) -> bool:
    """Whether nothing is left but quoted lines and the one that announces them: the library then keeps them all."""
    rest = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith(">")]
    return not rest or bool(ANNOUNCED.fullmatch(" ".join(line.strip() for line in rest)))


def from_html(html: str) -> str:
    """Return the text of an HTML mail without what stands in its quotes."""
    unquoted = QUOTED.sub("", html)
    return nh3.clean(BLOCK.sub("\n", unquoted), tags=set(), attributes={}).replace("&nbsp;", " ").strip()
