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
# "On Tue, 2 Mar 2027 at 08:00, Dear Self <…> wrote:"; with a time, a year or an address, or it may be a person's words.
ANNOUNCED = re.compile(r"(on|am|le|el|il|op|den|em|w dniu)\b(?=.{0,300}(\d:\d\d|\d{4}|@)).{4,400}:", re.IGNORECASE)
BLOCK = re.compile(r"<\s*(?:br|/p|/div|/li|/h\d|/tr|/blockquote)\b[^<>]*>", re.IGNORECASE)
TAG = re.compile(r"<[^<>]*>")
MANY_TAGS = 2_000  # more are taken out without building a tree: the cleaner is slow on deeply nested ones
UNSEEN = ("style", "script", "head", "title")
QUOTE = re.compile(r"<(/?)blockquote\b[^<>]*>", re.IGNORECASE)
# What Outlook puts above the mail that it quotes, where nothing was written above it.
OUTLOOK = re.compile(
    r"^(?:-{2,} ?original message ?-{2,}|_{10,}\s*\nfrom:|from:[^\n]*\n+(?:sent|date):[^\n]*\n+(?:to|cc|subject):).*",
    re.IGNORECASE | re.MULTILINE | re.DOTALL,
)


def new_words(text: str) -> str:
    """Return what was written in this mail, as far as it is looked at; "" when there is nothing but quotes."""
    lines = [line[:LINE].rstrip() for line in text.replace("\r\n", "\n").split("\n")[:LINES]]
    short = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
    if not short:
        return ""
    found = EmailReplyParser(languages=LANGUAGES).parse_reply(text=short) or ""
    signature = SIGNATURES.search(found)
    own = (found[: signature.start()] if signature else found).strip()
    return _unquoted(own)


def _unquoted(text: str) -> str:
    """Take out quoted lines and what announces them: whoever answers below a quote, or within, begins there.

    Where nobody wrote anything the library keeps the whole quote, its announcement on one line or wrapped over several.
    """
    lines = [line for line in OUTLOOK.sub("", text).splitlines() if not line.lstrip().startswith(">")]
    if ANNOUNCED.fullmatch(" ".join(line.strip() for line in lines if line.strip())):
        return ""
    return "\n".join(line for line in lines if not ANNOUNCED.fullmatch(line.strip())).strip()


def from_html(html: str) -> str:
    """Return the text of an HTML mail without what stands in its quotes."""
    text = BLOCK.sub("\n", _outside_quotes(html))
    if text.count("<") > MANY_TAGS:
        for tag in UNSEEN:
            text = _without(text, tag)
        return TAG.sub("", text).replace("&nbsp;", " ").strip()
    return nh3.clean(text, tags=set(), attributes={}).replace("&nbsp;", " ").strip()


def _outside_quotes(html: str) -> str:
    """Return what stands in no <blockquote>; one that is never closed goes on to the end."""
    kept, depth, at = [], 0, 0
    for tag in QUOTE.finditer(html):
        if depth == 0:
            kept.append(html[at : tag.start()])
        depth = max(0, depth - 1) if tag[1] else depth + 1
        at = tag.end()
    return "\n".join([*kept, html[at:] if depth == 0 else ""])


def _without(html: str, tag: str) -> str:
    """Cut every element of this name, from its beginning to its end or the text's; linear in its length."""
    small, kept, at = html.lower(), [], 0
    begins = re.compile(rf"<{tag}\b")  # not <header> for <head>
    while found := begins.search(small, at):
        start = found.start()
        kept.append(html[at:start])
        end = small.find(f"</{tag}", start)
        at = len(html) if end < 0 else end
    return "".join([*kept, html[at:]])
