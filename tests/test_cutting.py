"""Promises of cutting: what is left out is what nobody looks at, and the parts stay where `email` finds them."""

from __future__ import annotations

import base64
import quopri
import random
from email import message_from_bytes
from email.message import Message

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from course.reading import cutting, extract, failures, is_automatic, mime, read
from course.reading.caps import TEXT, TooMuchError

HEAD = b"From: Alice <alice@example.org>\nMessage-ID: <1@client.example.org>\nMIME-Version: 1.0\n"


def cut_to_ten(raw: bytes) -> bytes:
    """Cut a mail, however small it is, to ten bytes of each body."""
    keep = cutting.SMALL, cutting.room
    cutting.SMALL, cutting.room = 0, lambda *_: 10
    try:
        return cutting.cut(raw)
    finally:
        cutting.SMALL, cutting.room = keep


def shape(part: Message) -> object:
    """Return what a message is made of: its headers, and those of its parts; not what it says."""
    below = part.get_payload() if part.is_multipart() else None
    inside = [shape(one) for one in below] if isinstance(below, list) else below
    return (part.get_content_type(), [(name, str(value)) for name, value in part.raw_items()], inside)


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


noise = st.lists(line, max_size=3).map(b"".join)
leaf = st.tuples(st.sampled_from([b"", b"Content-Type: image/png\n", b"X: y\n"]), noise).map(b"\n".join)
ways = st.tuples(st.sampled_from([b"mixed", b"digest", b"alternative"]), st.sampled_from([b"a", b"ab", b"a--", b"a:"]))


def multipart(way, before, parts, end, after):
    """Return a multipart, header first, whose parts are what they are; it may have no end."""
    kind, boundary = way
    inside = b"".join(b"--%s\n%s\n" % (boundary, one) for one in parts)
    close = b"--%s--%s" % (boundary, end) if end else b""
    return b'Content-Type: multipart/%s; boundary="%s"\n\n%s%s%s%s' % (kind, boundary, before, inside, close, after)


ends = st.sampled_from([b"\n", b"\n", b" \t\n", b"\r\n", b"", b"x\n"])
trees = st.recursive(
    leaf | leaf.map(lambda one: b"Content-Type: message/rfc822\n\n" + one),
    lambda below: st.builds(multipart, ways, noise, st.lists(below, min_size=1, max_size=3), ends, noise),
    max_leaves=8,
)


@settings(max_examples=1000, deadline=None)
@given(st.tuples(top, st.lists(line, max_size=30).map(b"".join)).map(b"".join) | trees)
@example(b"Content-Type: multipart/mixed; boundary=a\n\n--a\n--a\n--a--\nX: y\n\nwords and words\n--a--\n")
@example(multipart((b"mixed", b"a--"), b"", [multipart((b"mixed", b"a"), b"", [b"\nx"], b"\n", b"")], b"\n", b""))
@example(
    multipart((b"digest", b"a"), b"", [b"\n" + multipart((b"mixed", b"b"), b"", [b"X: y\n\nx"], b"\n", b"")], b"", b"")
)
def test_parts_are_cut_where_email_finds_them(raw):
    """Whatever the boundaries: what `email` makes of the mail has the same parts and headers, cut or not."""
    whole, cut = message_from_bytes(raw), message_from_bytes(cut_to_ten(raw))

    assert bare(shape(cut)) == bare(shape(whole))


def bare(found):
    """Return a shape without the texts of status reports, which are messages of headers and can be cut."""
    kind, headers, inside = found
    if kind == "message/delivery-status" or not isinstance(inside, list):
        return kind, headers
    return kind, headers, [bare(one) for one in inside]


def test_cutting_does_cut():
    """Ten bytes of each body are left, in whole lines; headers and boundaries stay."""
    raw = multipart((b"mixed", b"a"), b"", [b"X: y\n\nword\nword\nword\nword\n"], b"\n", b"the rest of it\n")

    assert cut_to_ten(raw) == multipart((b"mixed", b"a"), b"", [b"X: y\n\nword\nword"], b"\n", b"\n")


# What the readers say of a mail with attachments, cut or not. The photo is just over or just under a logo's size.


def encoded(body, how):
    """Return a body in a transfer encoding."""
    return {"base64": base64.encodebytes, "quoted-printable": quopri.encodestring}.get(how, lambda same: same)(body)


def attachment(kind, size, how, place):
    """Return an attached file of so many bytes."""
    body = random.Random(size).randbytes(size).replace(b"\n--", b"\n++")  # noqa: S311 (the same every time)
    return b"Content-Type: %s\nContent-Transfer-Encoding: %s\nContent-Disposition: %s\n\n%s" % (
        kind.encode(),
        how.encode(),
        place.encode(),
        encoded(body, how),
    )


files = st.builds(
    attachment,
    st.sampled_from(["image/jpeg", "image/png", "audio/mp4", "application/pdf", "application/ms-tnef", "x/y"]),
    st.sampled_from([100, 12_000, 12_288, 12_289, 30_000, 200_000]),
    st.sampled_from(["base64", "quoted-printable", "8bit", "binary"]),
    st.sampled_from(["inline", "attachment; filename=a.b"]),
)
WORDS = {"a few": "It helped.", "quoted": "> On Tue, Bob wrote:\n> so", "one": "STOP", "long": "Grüße 你好\n" * 20_000}
written = st.builds(
    lambda kind, words, how: (
        b"Content-Type: text/%s; charset=utf-8\nContent-Transfer-Encoding: %s\n\n%s"
        % (kind.encode(), how.encode(), encoded(WORDS[words].encode(), how))
    ),
    st.sampled_from(["plain", "html"]),
    st.sampled_from(sorted(WORDS)),
    st.sampled_from(["base64", "quoted-printable", "8bit"]),
)
REPORT = b"Content-Type: message/delivery-status\n\n" + b"Final-Recipient: rfc822; bob@example.org\nStatus: 5.1.1\n\n"
mails = st.recursive(
    files | written | st.just(REPORT),
    lambda below: st.builds(
        multipart,
        st.tuples(st.sampled_from([b"mixed", b"report", b"related"]), st.uuids().map(lambda one: one.hex.encode())),
        st.just(b""),
        st.lists(below, min_size=1, max_size=4),
        st.sampled_from([b"\n", b""]),
        st.just(b""),
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(mails)
def test_what_is_read_is_the_same_cut_or_not(body):
    """The words, whether there is a photo, whom a report names, whether a machine wrote: attachments decide nothing."""
    raw = HEAD + body
    small = cutting.SMALL
    cutting.SMALL = len(raw)
    try:
        whole = read(raw), extract(raw), failures(raw), is_automatic(raw)
    finally:
        cutting.SMALL = small

    assert (read(raw), extract(raw), failures(raw), is_automatic(raw)) == whole


def test_a_mail_that_is_small_is_not_touched():
    """Most mails have nothing to cut."""
    raw = HEAD + b"\n" + b"words\n" * 10_000

    assert cutting.cut(raw) is raw


@pytest.mark.parametrize("how", ["8bit", "base64", "quoted-printable"])
def test_words_are_never_cut_below_what_is_read(how):
    """Of a text that never ends its first half megabyte is read, in each encoding, and no character is halved."""
    body = "Grüße 你好 =\n".encode() * (3 * TEXT // 18)
    raw = HEAD + f"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: {how}\n\n".encode()
    text = mime.text_of(mime.parse(raw + encoded(body, how)))

    assert TEXT - 100 < len(text.encode()) <= TEXT
    assert set(text.splitlines()) == {"Grüße 你好 ="}


def test_the_first_texts_are_read_and_the_rest_is_not():
    """A hundred long texts are no person's: the first are read, and what is left of the mail is small."""
    one = b"Content-Type: text/plain\n\nSTOP\n" + b"words\n" * 50_000
    raw = HEAD + multipart((b"mixed", b"a"), b"", [one] * 100, b"\n", b"")

    assert len(mime.reduced(raw)) < 3 * 1024 * 1024
    assert read(raw).first_line == "STOP"


@pytest.mark.parametrize(
    "raw",
    [
        HEAD + multipart((b"mixed", b"a"), b"", [b"X: y\n" * 20_000 + b"\nx"], b"\n", b""),
        HEAD + multipart((b"mixed", b"a"), b"", [b"X: y\n" * 8_000 + b"\nx"] * 40, b"\n", b""),
        HEAD + multipart((b"mixed", b"a"), b"", [b"Content-Type: x; " + b"a=b;" * 101 + b"\n\nx"], b"\n", b""),
        HEAD + b"\n" + b"--\n" * 30_000,
    ],
    ids=["a header", "all headers", "parameters", "lines like boundaries"],
)
def test_what_would_take_long_to_cut_is_put_aside(raw):
    """Headers of parts have caps as the mail's own has."""
    with pytest.raises(TooMuchError):
        read(raw)
