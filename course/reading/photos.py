"""In charge of photos that people send: which kind they are by their content, and nothing in them but the picture.

What a camera writes beside the picture (where and when, by whom) is taken out of the file as it stands: the picture
itself is not decoded, so nothing in it can be hurt, and no image library has to be trusted with a stranger's file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from course.reading import orientation

LARGEST = 10 * 1024 * 1024  # bytes of one photo
MOST = 10  # photos of one reply

# Markers of JPEG (ITU-T T.81 table B.1) that stand alone, without a length.
ALONE = frozenset({0x01, *range(0xD0, 0xD8)})
END, SCAN = 0xD9, 0xDA
# Everything that is no APPn and no comment belongs to the picture; of two APPn so many bytes, which say how its colours
# are meant: after them comes a small picture, which may show what was cut off the large one.
APPS, COMMENT, EXIF = range(0xE0, 0xF0), 0xFE, 0xE1
COLOURS = {0xE0: (b"JFIF\0", 12), 0xEE: (b"Adobe", 12)}
PNG = b"\x89PNG\r\n\x1a\n"
# Chunks that a PNG's picture needs (W3C PNG, third edition, section 11); text, time, EXIF and strangers' own go.
PNG_KEPT = frozenset(b"IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB cICP sBIT bKGD pHYs acTL fcTL fdAT".split())
WEBP_KEPT = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF"})
EXIF_AND_XMP = 0x08 | 0x04  # flags of VP8X (RFC 9649 section 2.7)
ICC = 0x20
HEIC = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1", b"heif")


class Kind(StrEnum):
    """What a file is, by its content."""

    JPEG = "image/jpeg"
    PNG = "image/png"
    WEBP = "image/webp"
    HEIC = "image/heic"  # cannot be stripped here, so it is not kept
    OTHER = "application/octet-stream"


@dataclass(frozen=True)
class Photo:
    """A picture without anything about it."""

    kind: Kind
    content: bytes = field(repr=False)


def kind_of(content: bytes) -> Kind:
    """Return what a file is; its name, and what the mail says of it, do not count."""
    if content[:3] == b"\xff\xd8\xff":
        return Kind.JPEG
    if content[:8] == PNG:
        return Kind.PNG
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return Kind.WEBP
    return Kind.HEIC if content[4:8] == b"ftyp" and content[8:12] in HEIC else Kind.OTHER


def stripped(content: bytes) -> Photo | None:
    """Return the picture alone; None for what is too large, of another kind, or not whole."""
    kind = kind_of(content)
    strip = {Kind.JPEG: _jpeg, Kind.PNG: _png, Kind.WEBP: _webp}.get(kind)
    if strip is None or len(content) > LARGEST:
        return None
    try:
        return Photo(kind, strip(content))
    except (ValueError, IndexError, struct.error):
        return None


def _jpeg(content: bytes) -> bytes:
    """Leave out APP1 to APP13, APP15 and comments, also between scans, and whatever follows the end.

    Which way up it is stays, where its first scan has not begun: browsers and viewers look for it there.
    """
    kept, at, turned = bytearray(content[:2]), 2, 0
    while True:
        if content[at] != 0xFF:  # noqa: PLR2004 (a marker begins so)
            raise ValueError("no marker")
        code = content[at + 1]
        if code == 0xFF:  # noqa: PLR2004 (a fill byte)
            at += 1
        elif code == END:
            return bytes(kept) + b"\xff\xd9"
        elif code in ALONE:
            kept += content[at : at + 2]
            at += 2
        else:
            end = at + 2 + int.from_bytes(_exactly(content, at + 2, 2))
            _exactly(content, at, end - at)
            if code == EXIF and not turned and (turned := orientation.of(content[at + 4 : end])):
                kept += orientation.segment(turned)
            turned = turned or int(code == SCAN)
            end = _after_scan(content, end) if code == SCAN else end
            kept += _of_segment(code, content[at:end])
            at = end


def _of_segment(code: int, segment: bytes) -> bytes:
    """Return what of a JPEG's segment belongs to the picture."""
    if code not in APPS and code != COMMENT:
        return segment
    name, size = COLOURS.get(code, (b"", 0))
    body = segment[4:]
    if not name or not body.startswith(name) or len(body) < size:
        return b""
    body = body[:size] + (b"\0\0" if code == 0xE0 else b"")  # noqa: PLR2004 (JFIF: a small picture of 0 by 0)
    return bytes([0xFF, code]) + struct.pack(">H", len(body) + 2) + body


def _after_scan(content: bytes, at: int) -> int:
    """Return where a scan's data ends: at the next marker that is neither a stuffed zero nor a restart."""
    while True:
        at = content.index(b"\xff", at)
        if content[at + 1] not in (0x00, *range(0xD0, 0xD8)):
            return at
        at += 2


def _png(content: bytes) -> bytes:
    kept, at, name = [PNG], len(PNG), b""
    while name != b"IEND":
        size, name = struct.unpack(">I4s", _exactly(content, at, 8))
        chunk = _exactly(content, at, size + 12)
        if name in PNG_KEPT:
            kept.append(chunk)
        at += size + 12
    return b"".join(kept)


def _webp(content: bytes) -> bytes:
    whole = _exactly(content, 0, 8 + int.from_bytes(content[4:8], "little"))
    kept = b"".join(_without_flags(name, body) for name, body in _chunks(whole[12:]) if name in WEBP_KEPT)
    if not kept:
        raise ValueError("no picture")
    return b"RIFF" + struct.pack("<I", 4 + len(kept)) + b"WEBP" + kept


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(content):
        name, size = struct.unpack("<4sI", _exactly(content, at, 8))
        yield name, _exactly(content, at + 8, size)
        at += 8 + size + size % 2


def _without_flags(name: bytes, body: bytes) -> bytes:
    """Return a WebP chunk; one that says which chunks follow says no more of those that were left out."""
    if name == b"VP8X":
        body = bytes([body[0] & ~(EXIF_AND_XMP | ICC)]) + body[1:]
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _exactly(content: bytes, at: int, size: int) -> bytes:
    piece = content[at : at + size]
    if len(piece) != size or size < 0:
        raise ValueError("cut off")
    return piece
