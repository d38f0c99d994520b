"""Promises of cutting: what is left out is what nobody looks at, and the parts stay where `email` finds them."""

from __future__ import annotations

from email import message_from_bytes
from email.message import Message

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from course.reading import cutting

HEAD = b"From: Alice <alice@example.org>\nMessage-ID: <1@client.example.org>\nMIME-Version: 1.0\n"


@pytest.fixture
def tiny(monkeypatch):
    """Let cutting begin with the first byte, and keep ten bytes of each body."""
    monkeypatch.setattr(cutting, "SMALL", 0)
    monkeypatch.setattr(cutting, "room", lambda *_: 10)


def shape(part: Message) -> object:
    """Return what a message is made of: its headers, and those of its parts; not what it says."""
    below = part.get_payload() if part.is_multipart() else None
    inside = [shape(one) for one in below] if isinstance(below, list) else below
    return (part.get_content_type(), [(name, str(value)) for name, value in part.raw_items()], inside)


def part(kind, body, *headers):
    """Return one part."""
    lines = [f"Content-Type: {kind}".encode(), *headers, b"", body]
    return b"\n".join(lines)


def multipart(*parts, boundary=b"b", kind=b"mixed"):
    """Return a multipart, headers first."""
    inside = b"".join(b"\n--%s\n%s" % (boundary, one) for one in parts)
    return b'Content-Type: multipart/%s; boundary="%s"\n\n%s\n--%s--\n' % (kind, boundary, inside, boundary)


# What a hostile or broken MIME structure is made of; boundaries that begin like one another, or end like an end mark.
LINES = [
    *b"--a|--a--|--ab|--ab--|--a-- |--a \t|--a--x|--|----|--a--a|-- |--a:|--a:--|--a: b".split(b"|"),
    *b"Content-Type: multipart/mixed; boundary=a|Content-Type: multipart/alternative; boundary=ab".split(b"|"),
    *b'Content-Type: multipart/digest; boundary="a:"|Content-Type: multipart/mixed; boundary="a--"'.split(b"|"),
    *b'Content-Type: multipart/mixed; boundary=""|Content-Type: multipart/mixed|content-type:'.split(b"|"),
    *b"Content-Type: multipart/mixed; boundary*=utf-8''a%62|Content-Type: message/rfc822|X: y|: z| more".split(b"|"),
    *b"Content-Type: message/delivery-status|Content-Type: text/plain|Content-Type: image/png".split(b"|"),
    *b'Content-Type: multipart/mixed; boundary="\xe9"|--\xe9|From alice|Subject: a|words and words||||'.split(b"|"),
    b'Content-Type: multipart/mixed; boundary="a\n b"',
    b"a line that is longer than ten bytes",
]
ENDS = st.sampled_from([b"\n", b"\n", b"\n", b"\r\n", b"\r", b""])
line = st.tuples(st.sampled_from(LINES), ENDS).map(b"".join)
top = st.sampled_from([one + b"\n\n" for one in LINES if one.lower().startswith(b"content-type: m")])


@settings(max_examples=1500, deadline=None)
@given(top, st.lists(line, max_size=30).map(b"".join))
@example(b"Content-Type: multipart/mixed; boundary=a\n\n", b"--a\n--a\n--a--\nX: y\n\nwords and words\n--a--\n")
@example(b"Content-Type: multipart/mixed; boundary=a\n\n", b"--a\nContent-Type: multipart/mixed; boundary=a\n\n--a--\n")
def test_parts_are_cut_where_email_finds_them(start, rest):
    """Whatever the boundaries: what `email` makes of the mail has the same parts and headers, cut or not."""
    raw = start + rest
    keep = cutting.SMALL, cutting.room
    cutting.SMALL, cutting.room = 0, lambda *_: 10
    try:
        small = cutting.cut(raw)
    finally:
        cutting.SMALL, cutting.room = keep
    whole, cut = message_from_bytes(raw), message_from_bytes(small)

    assert bare(shape(cut)) == bare(shape(whole))


def bare(found):
    """Return a shape without the texts of status reports, which are messages of headers and can be cut."""
    kind, headers, inside = found
    if kind == "message/delivery-status" or not isinstance(inside, list):
        return kind, headers
    return kind, headers, [bare(one) for one in inside]
