"""In charge of what a text may be wrapped in: a signature by PGP or S/MIME around it, or Outlook's winmail.dat.

Only what is signed is opened, never what is encrypted: we hold no key of anybody's.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

PGP = re.compile(r"-----BEGIN PGP SIGNED MESSAGE-----[ \t]*\n(?:[A-Z][A-Za-z]*:[^\n]*\n)*[ \t]*\n")
PGP_END = "-----BEGIN PGP SIGNATURE-----"
PGP_LAST = "-----END PGP SIGNATURE-----"
ENCRYPTED = re.compile(r"\s*-----BEGIN PGP MESSAGE-----")

TNEF = 0x223E9F78
BODY, MAPI = 0x0002800C, 0x00069003  # attBody, attMAPIProps: MS-OXTNEF section 2.1.3
PLAIN, HTML = 0x1000, 0x1013  # PidTagBody, PidTagHtml: MS-OXPROPS
SIGNED = bytes.fromhex("06092a864886f70d010702")  # id-signedData, RFC 5652 section 5.1
DATA = bytes.fromhex("06092a864886f70d010701")  # id-data
OCTETS, BUILT = 0x04, 0x24  # an octet string in one piece, or built of several (X.690 section 8.7)
LENGTHS = {0x0002: 4, 0x0003: 4, 0x0004: 4, 0x0005: 8, 0x0006: 8, 0x0007: 8, 0x000A: 4, 0x000B: 4, 0x0014: 8, 0x0040: 8}
NAMED = 0x8000  # a property by name
MOST = 2000  # attributes, properties and pieces that are looked at


def unsigned(text: str) -> str:
    """Return a text without the PGP signature around it, RFC 4880 section 7; an encrypted one says nothing."""
    text = text.replace("\r\n", "\n")
    begin = PGP.search(text)
    if begin is None:
        return "" if encrypted(text) else text
    end = text.find(PGP_END, begin.end())
    last = text.find(PGP_LAST, end) if end >= 0 else -1
    inner = text[begin.end() : end if end >= 0 else len(text)]
    after = text[last + len(PGP_LAST) :] if last >= 0 else ""
    return text[: begin.start()] + re.sub(r"^- ", "", inner, flags=re.MULTILINE) + after


def encrypted(text: str) -> bool:
    """Whether a text is a PGP message that only its recipient can read."""
    return bool(ENCRYPTED.match(text))


def signed_content(der: bytes) -> bytes:
    """Return the message that an S/MIME signature holds (application/pkcs7-mime, signed-data), or b""."""
    if SIGNED not in der[:64]:
        return b""
    at = der.find(DATA)
    return b"".join(_octets(der, at + len(DATA))) if at >= 0 else b""


def _octets(der: bytes, at: int) -> Iterator[bytes]:
    """Yield the pieces of the octet string that begins hereabouts; other tags before it only wrap it."""
    wraps = 0
    for _ in range(MOST):
        if at + 2 > len(der):
            return
        tag, length, start = der[at], *_length(der, at + 1)
        if tag == OCTETS and length is not None:
            yield der[start : start + length]
            at = start + length
        elif tag in {BUILT, 0xA0} and wraps < 3:  # noqa: PLR2004
            at, wraps = start, wraps + 1
        else:
            return


def _length(der: bytes, at: int) -> tuple[int | None, int]:
    """Return a length and where the content begins; None for "until an end mark" (X.690 section 8.1.3)."""
    first = der[at]
    if first < 0x80:  # noqa: PLR2004
        return first, at + 1
    count = first & 0x7F
    return (int.from_bytes(der[at + 1 : at + 1 + count]) if count else None), at + 1 + count


def tnef_texts(raw: bytes) -> tuple[str, str]:
    """Return the plain text and the HTML that a winmail.dat holds, "" for none."""
    plain = html = ""
    try:
        for name, value in _attributes(raw):
            if name == BODY:
                plain = plain or _decoded(value)
            elif name == MAPI:
                said = dict(_properties(value))
                plain, html = plain or said.get(PLAIN, ""), html or said.get(HTML, "")
    except (struct.error, IndexError):
        pass  # cut off: what was found so far is all there is
    return plain, html


def _attributes(raw: bytes) -> Iterator[tuple[int, bytes]]:
    if len(raw) < 6 or struct.unpack_from("<I", raw)[0] != TNEF:  # noqa: PLR2004
        return
    at = 6
    for _ in range(MOST):
        if at + 9 > len(raw):
            return
        name, length = struct.unpack_from("<xII", raw, at)
        yield name, raw[at + 9 : at + 9 + length]
        at += 9 + length + 2  # a checksum follows


def _properties(raw: bytes) -> Iterator[tuple[int, str]]:
    """Yield the body properties of a list of them; the walk ends at the first that is of an unknown type."""
    (count,), at = struct.unpack_from("<I", raw), 4
    for _ in range(min(count, MOST)):
        kind, name = struct.unpack_from("<HH", raw, at)
        at += 4
        if name >= NAMED or kind & 0x1000:
            return
        if kind in LENGTHS:
            at += LENGTHS[kind]
            continue
        if kind not in {0x001E, 0x001F, 0x0102, 0x000D, 0x0048}:
            return
        if kind == 0x0048:  # noqa: PLR2004
            at += 16
            continue
        _, length = struct.unpack_from("<II", raw, at)
        value = raw[at + 8 : at + 8 + length]
        at += 8 + length + -length % 4
        if name in {PLAIN, HTML}:
            yield name, value.decode("utf-16-le", "replace").rstrip("\0") if kind == 0x001F else _decoded(value)  # noqa: PLR2004


def _decoded(value: bytes) -> str:
    value = value.rstrip(b"\0")
    try:
        return value.decode("utf-8")
    except UnicodeError:
        return value.decode("cp1252", "replace")
