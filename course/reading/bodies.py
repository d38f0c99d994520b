"""In charge of a message's own texts: which parts are what the person sees, decoded; attached files are not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message

from course.reading import mime, wrappers
from course.reading.caps import DEPTH, TEXT, WRAPPED

SKIPPED = frozenset({"message/rfc822", "message/delivery-status", "text/rfc822-headers"})

SMIME = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})  # RFC 8551 section 3.2
ENCRYPTED = frozenset({"multipart/encrypted", "application/pgp-encrypted"})  # RFC 1847 section 2.2, RFC 3156
TNEF = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})
MOST = 50  # texts that are looked at; Apple Mail begins a new one behind each picture


@dataclass(frozen=True)
class Body:
    """One text of a message."""

    text: str
    html: bool = False
    flowed: bool = False
    delsp: bool = False


def of(message: Message, *, unwrap: bool = True) -> tuple[list[Body], list[Body]]:
    """Return the plain texts and the HTML texts that are the mail's own, in order."""
    plain: list[Body] = []
    html: list[Body] = []
    parts = list(_own_parts(message)) or list(mime.walk(message))  # a mail that is only a forward is read, too
    for part in parts:
        kind = mime.content_type(part)
        if part.is_multipart() or mime.attached(part):
            continue
        if kind == "text/html":
            if room := _room(html):
                html.append(Body(mime.text_of(part)[:room], html=True))
        elif kind in {"text/plain", "text"} and (room := _room(plain)):
            flowed = mime.parameter(part, "format").lower() == "flowed"
            delsp = mime.parameter(part, "delsp").lower() == "yes"
            plain.append(Body(wrappers.unsigned(mime.text_of(part)[:room]), flowed=flowed, delsp=delsp))
    return (plain, html) if plain or html or not unwrap else _unwrapped(message)


def _room(before: list[Body]) -> int:
    """Return how many characters of one more text are looked at: none behind so many texts, or so long ones."""
    return max(0, TEXT - sum(len(body.text) for body in before)) if len(before) < MOST else 0


def _unwrapped(message: Message) -> tuple[list[Body], list[Body]]:
    """Return the texts in an S/MIME signature around a message, or in a winmail.dat, where there are no others."""
    for part in mime.walk(message):
        kind = mime.content_type(part)
        if kind in SMIME and (inner := wrappers.signed_content(mime.payload(part)[:WRAPPED])):
            return of(mime.parse(inner), unwrap=False)
        if kind in TNEF:
            plain, html = wrappers.tnef_texts(mime.payload(part)[:WRAPPED])
            return [Body(plain)] if plain else [], [Body(html, html=True)] if html else []
    return [], []


def unreadable(message: Message) -> bool:
    """Whether what a person wrote is in here and cannot be read: it is encrypted, or Outlook put it into RTF only."""
    plain, html = of(message)
    silent = not any(body.text.strip() for body in (*plain, *html))
    return any(_closed(part, silent=silent) for part in mime.walk(message))


def _closed(part: Message, *, silent: bool) -> bool:
    kind = mime.content_type(part)
    if kind in TNEF:
        return silent and not any(wrappers.tnef_texts(mime.payload(part)[:WRAPPED]))
    if kind in SMIME:
        return not wrappers.signed_content(mime.payload(part)[:WRAPPED])
    return kind in ENCRYPTED or (kind == "text/plain" and wrappers.encrypted(mime.text_of(part)))


def _own_parts(message: Message, depth: int = 0) -> Iterator[Message]:
    """Yield the text parts; a forwarded message within is somebody else's."""
    if mime.content_type(message) in SKIPPED or depth > DEPTH:
        return
    if message.is_multipart():
        for child in mime.children(message):
            yield from _own_parts(child, depth + 1)
    elif mime.content_type(message).startswith("text") and not mime.attached(message):
        yield message


def addressee(message: Message) -> str:
    """Return the name of the one whom a message is to, or "" for none or several."""
    said = mime.header(message, "To")
    return re.sub(r"\s*<[^<>]*>", "", said).strip('" ') if said.count("@") == 1 and "<" in said else ""


def names(message: Message) -> list[str]:
    """Return the sender's and the reply address of a message and the sender's name, as an attribution gives them."""
    said = [mime.header(message, header) for header in ("From", "Reply-To")]
    found = [address for value in said for address in re.findall(r"[^\s<>@\"]{1,64}@[^\s<>\"]{1,255}", value)]
    return [*found, re.sub(r"\s*<[^<>]*>", "", said[0]).strip('" ')]
