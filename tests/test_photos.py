"""Promises about photos: what they are is seen by their content, and nothing but the picture is left in them."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.reading import photos
from course.reading.photos import Kind, kind_of, stripped

CANARY = b"51.5074 N, 0.1278 W heron-canary"
SCAN = b"\x12\x34\xff\x00\x56\xff\xd3\x78"  # data with a stuffed zero and a restart


def segment(code, body):
    """Return a segment of a JPEG."""
    return bytes([0xFF, code]) + struct.pack(">H", len(body) + 2) + body


JFIF, TABLE, FRAME = segment(0xE0, b"JFIF\0\1\2\0\0\1\0\1\0\0"), segment(0xDB, bytes(65)), segment(0xC2, bytes(15))
ADOBE, HEAD = segment(0xEE, b"Adobe\0d\0\0\0\0\1"), segment(0xDA, bytes(10))


def jpeg(*extra, between=b"", after=b""):
    """Return a JPEG of two scans with these segments in its head, between its scans and after its end."""
    head = JFIF + b"".join(extra) + ADOBE + TABLE + FRAME
    return b"\xff\xd8" + head + HEAD + SCAN + between + HEAD + SCAN + b"\xff\xd9" + after


def chunk(name, body):
    """Return a chunk of a PNG."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(*extra, after=b""):
    """Return a PNG of one grey pixel."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    return photos.PNG + head + b"".join(extra) + chunk(b"IDAT", zlib.compress(b"\0\x7f")) + chunk(b"IEND", b"") + after


def piece(name, body):
    """Return a chunk of a WebP, padded to an even length."""
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def webp(flags, *extra, after=b""):
    """Return a WebP whose head says which other chunks there are."""
    body = b"WEBP" + piece(b"VP8X", bytes([flags]) + bytes(9)) + piece(b"VP8L", b"\x2f\0\0\0\0") + b"".join(extra)
    return b"RIFF" + struct.pack("<I", len(body)) + body + after


LADEN = {
    "jpeg exif": (jpeg(segment(0xE1, b"Exif\0\0" + CANARY)), jpeg()),
    "jpeg xmp, icc, iptc": (jpeg(*(segment(code, CANARY) for code in (0xE1, 0xE2, 0xED))), jpeg()),
    "jpeg maker's own": (jpeg(*(segment(code, CANARY) for code in (0xE3, 0xE9, 0xEC, 0xEF))), jpeg()),
    "jpeg small pictures": (
        jpeg(segment(0xE0, b"JFXX\0" + CANARY)).replace(
            JFIF, segment(0xE0, JFIF[4:16] + b"\4\4" + CANARY + bytes(16)), 1
        ),
        jpeg(),
    ),
    "jpeg comment": (jpeg(segment(0xFE, CANARY)), jpeg()),
    "jpeg between scans": (jpeg(between=segment(0xFE, CANARY) + segment(0xE1, CANARY)), jpeg()),
    "jpeg fill bytes": (jpeg(b"\xff\xff" + segment(0xE1, CANARY)), jpeg()),
    "jpeg after its end": (jpeg(after=CANARY), jpeg()),
    "png texts": (png(*(chunk(name, CANARY) for name in (b"tEXt", b"zTXt", b"iTXt"))), png()),
    "png exif, time": (png(chunk(b"eXIf", CANARY), chunk(b"tIME", CANARY[:7])), png()),
    "png stranger's own": (png(chunk(b"prVt", CANARY), chunk(b"iCCP", CANARY)), png()),
    "png after its end": (png(after=CANARY), png()),
    "webp exif, xmp": (webp(0x1C, piece(b"EXIF", CANARY + b"!"), piece(b"XMP ", CANARY)), webp(0x10)),
    "webp stranger's own": (webp(0x30, piece(b"ICCP", CANARY), piece(b"note", CANARY)), webp(0x10)),
    "webp after its end": (webp(0x10, after=CANARY), webp(0x10)),
}


@pytest.mark.parametrize(("laden", "bare"), LADEN.values(), ids=LADEN)
def test_what_a_camera_wrote_is_gone_and_the_picture_is_as_it_was(laden, bare):
    """Place, time and comments are taken out; every byte of the picture itself stays."""
    photo = stripped(laden)

    assert CANARY[:7] in laden
    assert photo is not None
    assert photo.content == bare


def exif(turned, order=">", kind=3, count=1, before=(), after=b""):
    """Return the EXIF of a camera that was held so, with these entries before."""
    entries = [*before, struct.pack(f"{order}HHIHH", 0x0112, kind, count, turned, 0)]
    head = (b"MM\0*" if order == ">" else b"II*\0") + struct.pack(f"{order}IH", 8, len(entries))
    return segment(0xE1, b"Exif\0\0" + head + b"".join(entries) + bytes(4) + after)


MAKER = struct.pack(">HHII", 0x010F, 2, 4, 0x41424300)  # who made the camera
LITTLE = struct.pack("<HHII", 0x010F, 2, 4, 0x41424300)


@pytest.mark.parametrize("turned", range(2, 9))
@pytest.mark.parametrize(("order", "maker"), [(">", MAKER), ("<", LITTLE)])
def test_a_photo_stays_the_right_way_up(turned, order, maker):
    """A phone writes how it was held into the EXIF; that number alone is kept, whatever stood beside it."""
    laden = jpeg(exif(turned, order, before=[maker], after=CANARY))
    photo = stripped(laden)

    assert photo is not None
    assert photo.content == jpeg(exif(turned))
    assert CANARY[:7] not in photo.content
    assert stripped(photo.content) == photo


@pytest.mark.parametrize(
    "odd",
    [
        exif(1),
        exif(0),
        exif(9),
        exif(6, kind=4),
        exif(6, count=2),
        exif(6)[:20].replace(b"\0\x22", b"\0\x12", 1),
        segment(0xE1, b"Exif\0\0MM\0*\xff\xff\xff\xff"),
        segment(0xE1, b"Exif\0\0"),
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + exif(6)),
        segment(0xE2, exif(6)[4:]),
    ],
)
def test_what_says_nothing_of_the_way_up_leaves_nothing(odd):
    """Upright, out of range, of another type, cut off, pointing outside, or no EXIF at all."""
    photo = stripped(jpeg(odd))

    assert photo is not None
    assert photo.content == jpeg()


def test_only_the_first_word_about_the_way_up_counts():
    """One that follows the first is none, nor is one behind the beginning of the picture itself."""
    photo = stripped(jpeg(exif(6), exif(3), between=exif(8)))
    late = stripped(jpeg(between=exif(8)))

    assert photo is not None
    assert photo.content == jpeg(exif(6))
    assert late is not None
    assert late.content == jpeg()


@pytest.mark.parametrize("bare", [jpeg(), png(), png(chunk(b"gAMA", bytes(4))), webp(0x10)])
def test_a_bare_picture_is_left_alone(bare):
    """What holds nothing else is kept byte for byte, colours included."""
    photo = stripped(bare)

    assert photo is not None
    assert photo.content == bare


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (jpeg(), Kind.JPEG),
        (png(), Kind.PNG),
        (webp(0), Kind.WEBP),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", Kind.HEIC),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", Kind.HEIC),
        (b"\0\0\0\x18ftypisom\0\0\0\0", Kind.OTHER),
        (b"GIF89a", Kind.OTHER),
        (b"<svg onload=alert(1)>", Kind.OTHER),
        (b"RIFF\0\0\0\0WAVE", Kind.OTHER),
        (b"", Kind.OTHER),
    ],
)
def test_a_kind_is_seen_by_its_content(content, kind):
    """A file's name and what its sender calls it do not count."""
    assert kind_of(content) == kind


@pytest.mark.parametrize("content", [b"\0\0\0\x18ftypheic", b"GIF89a", b"<svg>", b"%PDF-1.7", b""])
def test_what_cannot_be_stripped_is_not_kept(content):
    """HEIC and everything else that is no JPEG, PNG or WebP is left out."""
    assert stripped(content) is None


def test_a_photo_that_is_too_large_is_not_kept(monkeypatch):
    """Ten megabytes are enough for a page; one byte more is left out."""
    monkeypatch.setattr(photos, "LARGEST", len(jpeg()))

    assert stripped(jpeg()) is not None
    assert stripped(jpeg(after=b"!")) is None


@pytest.mark.parametrize("whole", [jpeg(), png(), webp(0x10)], ids=["jpeg", "png", "webp"])
def test_a_torn_photo_is_not_kept(whole):
    """Whatever its last byte is, a picture that is cut off is left out, and nothing is raised."""
    assert [end for end in range(len(whole)) if stripped(whole[:end]) is not None] == []


@given(st.sampled_from([b"\xff\xd8\xff", photos.PNG, b"RIFF\x40\0\0\0WEBP"]), st.binary(max_size=200))
def test_hostile_content_raises_nothing(start, rest):
    """Whatever follows the beginning of a picture, there is a picture or none."""
    photo = stripped(start + rest)

    assert photo is None or kind_of(photo.content) == photo.kind
