"""In charge of opening MIME safely: caps before anything is parsed, and reads that never raise.

The standard library's modern policy can be driven to gigabytes or minutes by one hostile header, and raises on reading
some broken ones; so: caps on the raw bytes first, the compat32 policy, our own decoding of words and charsets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import copy
from email import policy
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesFeedParser

from course.reading.caps import DEPTH, HEAD_END, PARTS, TEXT, TooMuchError, check_body, check_head
from course.reading.cutting import Walk, cut

PIECE = 64 * 1024  # bytes that are parsed at once
CHARSETS = re.compile(
    r"(utf-?8|us-ascii|ascii|iso-8859-\d{1,2}|iso-8859-[68]-[ei]|windows-125\d|cp125\d|koi8-[ru]|gb2312|gbk|gb18030|big5"
    r"|shift_jis|x-sjis|windows-31j|iso-2022-jp|euc-(jp|kr)|ks_c_5601-1987)",
    re.IGNORECASE,
)
# What programs mean by a name, which is more than it says: https://encoding.spec.whatwg.org/#names-and-labels
MEANT = {
    "iso-8859-1": "cp1252",
    "iso-8859-9": "cp1254",
    **dict.fromkeys(("iso-8859-6-e", "iso-8859-6-i"), "iso-8859-6"),
    **dict.fromkeys(("iso-8859-8-e", "iso-8859-8-i"), "iso-8859-8"),
    **dict.fromkeys(("gb2312", "gbk"), "gb18030"),
    "big5": "big5hkscs",
    **dict.fromkeys(("shift_jis", "x-sjis", "windows-31j"), "cp932"),
    **dict.fromkeys(("euc-kr", "ks_c_5601-1987"), "cp949"),
}


def parse(raw: bytes, *, photos: bool = False) -> Message:
    """Return the parsed message, attachments cut, unless `photos` are wanted whole. Raises TooMuchError over a cap."""
    small = reduced(raw, photos=photos)
    try:
        message = _fed(small)
        parts = sum(1 for _ in walk(message))
    except (RecursionError, MemoryError):
        raise TooMuchError("nested too deeply") from None
    except TooMuchError:
        raise
    except (ValueError, LookupError, TypeError):
        raise TooMuchError("cannot be taken apart") from None  # a boundary in a charset that is none
    if parts > PARTS:
        raise TooMuchError(f"more than {PARTS} parts")
    return message


def reduced(raw: bytes, *, photos: bool = False) -> bytes:
    """Return the message without what no reader looks at, not parsed yet. Raises TooMuchError like `parse`."""
    check_head(raw)
    try:
        small = cut(raw, photos=photos)
    except TooMuchError:
        raise
    except (ValueError, LookupError, TypeError):
        raise TooMuchError("cannot be taken apart") from None  # a boundary in a charset that is none
    check_body(small)
    return small


def _fed(small: bytes) -> Message:
    """Parse a message. Where there are no parts only its header is parsed: `email` makes an object of each line."""
    end = Walk(small).end_of_header(0)
    message = _parsed(small[:end])
    if message.get_content_maintype() in {"multipart", "message"}:
        return _parsed(small)
    # A line like "From " that ends a header is put back by `email`: it begins the text.
    message.set_payload(str(message.get_payload()) + small[end:].decode("ascii", "surrogateescape"))
    return message


def _parsed(raw: bytes) -> Message:
    """Parse piece by piece: `message_from_bytes` first makes a text of all of it, with four bytes a character."""
    parser = BytesFeedParser(policy=policy.compat32)
    for at in range(0, len(raw), PIECE):
        parser.feed(raw[at : at + PIECE])
    return parser.close()


def head(raw: bytes) -> bytes:
    """Return a message's header block, or all of what has no end of one."""
    end = HEAD_END.search(raw)
    return raw[: end.start()] if end else raw


def walk(message: Message, depth: int = 0) -> Iterator[Message]:
    """Yield every part, the message itself first. Raises TooMuchError below the deepest level allowed."""
    if depth > DEPTH:
        raise TooMuchError(f"nested more than {DEPTH} deep")
    yield message
    for child in children(message):
        yield from walk(child, depth + 1)


def children(message: Message) -> list[Message]:
    """Return the parts right below a message or a part."""
    below = message.get_payload() if message.is_multipart() else []
    return [child for child in below if isinstance(child, Message)]


def header(message: Message, name: str) -> str:
    """Return the first header of this name as text on one line, or ""."""
    return decoded(next(iter(_raw_headers(message, name)), ""))


def headers(message: Message, name: str) -> list[str]:
    """Return all headers of this name, each as text on one line."""
    return [decoded(value) for value in _raw_headers(message, name)]


def decoded(value: str) -> str:
    """Decode RFC 2047 words; what comes out is one line without control characters, whatever they hid."""
    try:
        pieces = decode_header(value)
    except (HeaderParseError, ValueError, LookupError):
        pieces = [(value, None)]
    text = "".join(
        to_text(piece, charset or "utf-8") if isinstance(piece, bytes) else piece for piece, charset in pieces
    )
    return " ".join("".join(char if char >= " " and char != "\x7f" else " " for char in text).split())


def text_of(part: Message) -> str:
    """Return a text part's text, decoded by its own charset or the likeliest one; NULs are dropped."""
    content = payload(part)
    if len(content) > TEXT:  # whole lines, or half a character at the end would hide the charset of them all
        content = content[: content.rfind(b"\n", 0, TEXT) + 1 or TEXT]
    return to_text(content, parameter(part, "charset") or "utf-8").replace("\x00", "")


def payload(part: Message) -> bytes:
    """Return a part's content, its transfer encoding undone; b"" for a multipart or what cannot be undone."""
    plain = copy(part)
    del plain["Content-Type"]  # or the parser tries its charset first, whatever codec that names
    try:
        content = plain.get_payload(decode=True)
    except (ValueError, LookupError, TypeError):
        return b""
    return content if isinstance(content, bytes) else b""


def parameter(part: Message, name: str, header_name: str = "Content-Type") -> str:
    """Return a parameter of a header as text, or "" for none that can be read."""
    try:
        value = part.get_param(name, header=header_name)
    except (ValueError, LookupError, TypeError):
        return ""
    text = value[2] if isinstance(value, tuple) else value
    return text if isinstance(text, str) else ""


def attached(part: Message) -> bool:
    """Whether a part is a file of its own, not the mail's own text."""
    said = header(part, "Content-Disposition").partition(";")[0].strip().lower()
    return said == "attachment" or bool(parameter(part, "filename", "Content-Disposition") or parameter(part, "name"))


def to_text(raw: bytes, charset: str) -> str:
    """Decode by a charset from the allow-list, then as UTF-8, then as Windows-1252; nothing raises or is lost.

    Some mail programs say Big5 or Latin-1 of what is UTF-8.
    """
    said = charset.strip().lower()
    tries = [name for name in (MEANT.get(said), said) if name] if CHARSETS.fullmatch(said) else []
    if tries and not raw.isascii() and _is_utf8(raw):
        tries = []
    for name in (*tries, "utf-8"):
        try:
            return raw.decode(name)
        except (UnicodeError, LookupError):
            continue
    return raw.decode("cp1252", errors="replace")


def _is_utf8(raw: bytes) -> bool:
    """Whether bytes can only be UTF-8, whatever charset they are said to be in: three bytes make a character."""
    try:
        return max(raw.decode("utf-8"), default="") >= "\u0800"
    except UnicodeError:
        return False


def content_type(part: Message) -> str:
    """Return the part's type in lower case, `text/plain` when it says none that can be read."""
    try:
        return part.get_content_type()
    except (ValueError, IndexError, LookupError):
        return "text/plain"


def _raw_headers(message: Message, name: str) -> list[str]:
    found = [str(value) for key, value in message.raw_items() if key.lower() == name.lower()]
    # Bytes that are no ASCII are kept as surrogates; decoded here, or no hash and no database would take them.
    return [to_text(value.encode("utf-8", "surrogateescape"), "utf-8") for value in found]
