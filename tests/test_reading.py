"""Promises of reading: what a person wrote is found, a machine is told apart, and no mail can break or stall it."""

from __future__ import annotations

import base64
import resource
import subprocess
import sys
import time
from dataclasses import fields
from email.message import EmailMessage, Message
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course.reading import Counts, authentication, mime, read
from course.reading.caps import TooMuchError

ROOT = Path(__file__).parents[1]
HEAD = b"From: Alice <alice@example.org>\nTo: reply-abc@reply.example.org\nMessage-ID: <1@client.example.org>\n"


def mail(body=b"It helped a little.\n", *headers, kind="text/plain; charset=utf-8", encoding="8bit"):
    """Return a mail of one part; headers are whole lines."""
    lines = b"".join(line if isinstance(line, bytes) else line.encode() for line in (one + "\n" for one in headers))
    content = f"MIME-Version: 1.0\nContent-Type: {kind}\nContent-Transfer-Encoding: {encoding}\n\n".encode()
    return HEAD + lines + content + (body if isinstance(body, bytes) else body.encode())


def many(*parts, kind="mixed"):
    """Return a multipart mail; parts are bytes with their headers."""
    body = b"".join(b"--b\n" + part + b"\n" for part in parts)
    return HEAD + b"MIME-Version: 1.0\nContent-Type: multipart/%s; boundary=b\n\n%s--b--\n" % (kind.encode(), body)


def part(kind, body, *headers):
    """Return one part."""
    return "\n".join([f"Content-Type: {kind}", *headers, "", ""]).encode() + (
        body if isinstance(body, bytes) else body.encode()
    )


# What a mail says of itself.


def test_a_plain_mail_is_read_whole():
    """Who, to whom, which message, which date, what it answers, and the words."""
    found = read(
        mail(
            b"It helped a little.\n",
            "Date: Tue, 2 Mar 2027 09:00:00 +0000",
            "In-Reply-To: <lesson@course.example.org>",
            "References: <welcome@course.example.org>\n <lesson@course.example.org>",
        )
    )

    assert found.sender == "alice@example.org"
    assert found.recipients == ("reply-abc@reply.example.org",)
    assert found.message_id == "<1@client.example.org>"
    assert found.date == "Tue, 2 Mar 2027 09:00:00 +0000"
    assert found.references == ("<lesson@course.example.org>", "<welcome@course.example.org>")
    assert found.words == "It helped a little."
    assert (found.signals, found.report, found.photo, found.passed) == ((), False, False, ())


def test_what_was_written_is_in_no_repr():
    """A mail that lands in a log or a traceback shows no word of it."""
    assert "helped" not in repr(read(mail()))


@pytest.mark.parametrize(
    ("line", "sender"),
    [
        ("alice@example.org", "alice@example.org"),
        ("<alice@example.org>", "alice@example.org"),
        ('"Alice, of Kent" <alice@example.org>', "alice@example.org"),
        ('"bob@example.net" <alice@example.org>', "alice@example.org"),
        ("=?utf-8?q?Zo=C3=AB?= <zoe@example.org>", "zoe@example.org"),
        ("=?utf-8?q?a=0ABcc:_x=40y.z?= <alice@example.org>", "alice@example.org"),
        ("alice@example.org (Alice)", "alice@example.org"),
        ("alice@example.org, bob@example.org", ""),
        ("<alice@example.org> <bob@example.org>", "bob@example.org"),
        ("undisclosed", ""),
        ("", ""),
        ("<>", ""),
    ],
    ids=ascii,
)
def test_a_sender_is_one_address_or_none(line, sender):
    """The one in angle brackets; a name that looks like an address is a name."""
    raw = mail().replace(b"From: Alice <alice@example.org>", f"From: {line}".encode())

    assert read(raw).sender == sender


def test_the_first_of_two_is_meant():
    """A second Date or Content-Type changes nothing: who reads the first is never told otherwise."""
    found = read(mail(b"<b>bold</b>", "Date: 1", "Date: 2", "Content-Type: text/html", kind="text/html"))

    assert found.date == "1"


def test_of_two_senders_none_is_meant():
    """Where a mail says twice whom it is from, a server may have checked the one and we read the other."""
    assert read(mail(b"x", "From: eve@example.net")).sender == ""


@pytest.mark.parametrize("name", ["To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To"])
def test_every_header_that_may_hold_our_address_is_looked_at(name):
    """A forwarding mail house often leaves the token in one of these only."""
    found = read(mail(b"x", f"{name}: Someone <Reply-Token@reply.example.org>, b@example.org"))

    assert "Reply-Token@reply.example.org" in found.recipients


# Caps: found before anything expensive happens.


def nested(levels):
    """Return multiparts inside each other."""
    return HEAD + b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (level, level) for level in range(levels)
    )


OVER = {
    "e1-parts": many(*[part("text/plain", "x")] * 10_000),
    "e1-parts-without-headers": many(*[b"\nx"] * 10_000),
    "e1-just-over": many(*[part("text/plain", "x")] * 201),
    "e2-multiparts": nested(30),
    "e2-multiparts-deep": nested(1500),
    "e2-forwards": HEAD + b"Content-Type: message/rfc822\n\n" * 1000 + b"x",
    "e3-encoded-words": HEAD + b"Subject: " + b"=?utf-8?q?a?= " * 20_000 + b"\n\nx",
    "e3-one-long-header": mail(b"x", "Subject: " + "a" * 8200),
    "e3-folded": mail(b"x", "Subject: " + "\n ".join(["aaaa"] * 2000)),
    "e4-quotes-in-from": b"From: " + b'"' * 50_000 + b"\n\nx",
    "e4-quotes-in-to": b"To: " + b'"' * 5000 + b"\n\nx",
    "e4-quotes-in-cc": b"cC: " + b'"' * 5000 + b"\n\nx",
    "e4-quotes-in-reply-to": b"Reply-To: " + b'"' * 5000 + b"\n\nx",
    "e5-headers": HEAD + b"X: y\n" * 100_000 + b"\nx",
    "e5-just-over": HEAD + b"X: y\n" * 500 + b"\nx",
    "e5-block": HEAD + b"".join(b"X-%d: %s\n" % (n, b"y" * 1000) for n in range(80)) + b"\nx",
    "no-end-of-headers": b"x" * 70_000,
    "e7-boundary": HEAD + b"Content-Type: multipart/mixed; boundary=" + b"b" * 1_000_000 + b"\n\nx",
    "blocks-of-a-report": many(part("message/delivery-status", b"\n" * 2_100)),
    "larger-than-anything": mail(b"x" * (35 * 1024 * 1024)),
}


@pytest.mark.parametrize("raw", OVER.values(), ids=OVER)
def test_what_is_over_a_cap_is_not_read(raw):
    """It is put aside as a whole, and says which cap."""
    with pytest.raises(TooMuchError):
        read(raw)


UNDER = {
    "199-parts": many(part("text/plain", "Yes."), *[part("image/png", "x")] * 197),
    "ten-levels": nested(10) + b"Content-Type: text/plain\n\nYes.\n",
    "ten-forwards": HEAD + b"Content-Type: message/rfc822\n\n" * 10 + b"Content-Type: text/plain\n\nYes.\n",
    "long-headers": mail(b"Yes.", *[f"Received: {'x' * 900}" for _ in range(40)], f"Subject: {'a' * 7000}"),
    "400-headers": mail(b"Yes.", *["X: y"] * 400),
    "many-recipients": mail(b"Yes.", "Cc: " + ", ".join(f"p{n}@example.org" for n in range(200))),
    "dashes": mail(b"Yes.\n\n" + b"-- \n--\n-----\n" * 500),
    "long-text": mail(b"Yes.\n" + b"More words.\n" * 20_000),
    "one-long-line": mail(b"Yes. " * 100_000),
    "html-with-a-long-style": mail(
        b"<style>" + b"p { color: red }\n" * 6000 + b"</style><p>Yes.</p>", kind="text/html"
    ),
    "html-with-a-header": mail(b"<header><p>Yes.</p></header>" + b"<div></div>" * 3000, kind="text/html"),
    "html-of-many-blocks": mail(b"<div><p>Yes.</p></div><br/>" * 15_000, kind="text/html"),
}


@pytest.mark.parametrize("raw", UNDER.values(), ids=UNDER)
def test_what_is_long_but_a_persons_is_read(raw):
    """Forwarded chains, long threads and signatures are no attack."""
    assert read(raw).words.startswith("Yes.")


DEEP = {
    "multiparts": lambda levels: nested(levels) + b"Content-Type: text/plain\n\nYes.\n",
    "forwards": lambda levels: (
        HEAD + b"Content-Type: message/rfc822\n\n" * levels + b"Content-Type: text/plain\n\nYes.\n"
    ),
}


@pytest.mark.parametrize("made", DEEP.values(), ids=DEEP)
def test_twenty_levels_are_read_and_one_more_is_not(made):
    """The cap is exact: the twentieth part within another is read, the twenty-first puts the mail aside."""
    assert read(made(20)).words.startswith("Yes.")
    with pytest.raises(TooMuchError, match="deep"):
        read(made(21))


# In a process of its own, with five seconds of processor time and a gigabyte.

CHILD = """
import sys
from course.reading import read
from course.reading.caps import TooMuchError
raw = sys.stdin.buffer.read()
try:
    read(raw)
except TooMuchError:
    print("too much")
else:
    print("read")
"""


def limited():
    """Give the child so much and no more."""
    resource.setrlimit(resource.RLIMIT_CPU, (5, 5))
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))


def html(body):
    """Return a mail that has HTML only."""
    return mail(body, kind="text/html; charset=utf-8")


HOSTILE = {
    "e1-1500000-parts": lambda: many(*[b""] * 1_500_000),
    "e2-nested-2000": lambda: nested(2000),
    "e3-words-in-a-forward": lambda: HEAD + b"Content-Type: message/rfc822\n\nSubject: " + b"=?utf-8?q?a?= " * 100_000,
    "e5-headers-in-a-part": lambda: many(b"X: y\n" * 4_000_000 + b"\nx"),
    "e7-parameters-in-a-part": lambda: many(b"Content-Type: text/plain;" + b";" * 600_000 + b"\n\nx"),
    "e7-quotes-in-a-part": lambda: many(b'Content-Type: text/plain; x="' + b';\\"' * 50_000 + b"\n\nx"),
    "e8-pieces-of-a-name": lambda: many(
        b"Content-Disposition: attachment;" + b"".join(b" filename*%d*=a;" % n for n in range(20_000)) + b"\n\nx"
    ),
    "e9-photo-of-30-mb": lambda: many(
        part("image/jpeg", (b"QUFB" * 18 + b"\n") * 400_000, "Content-Transfer-Encoding: base64")
    ),
    "e10-tags-that-never-end": lambda: html(b"<br " * 125_000),
    "e10-tags-in-tags": lambda: html(b"<div>" * 100_000 + b"x"),
    "e10-links-in-links": lambda: html(b"<a><b><i>" * 50_000 + b"x"),
    "e10-tables-in-tables": lambda: html(b"<table><tr><td>" * 30_000 + b"x"),
    "e10-comments": lambda: html(b"<!--" * 120_000),
    "e10-entities": lambda: html(b"&lt;" * 120_000),
    "e10-marks-of-outlook": lambda: html(b'<div style="border:none;border-top:solid 1pt">x</div>' * 9_000),
    "e12-quotes": lambda: mail((b"> " * 190 + b"\n") * 250),
    "e12-one-quote": lambda: mail(b"> " * 50_000),
    "e12-on-on-on": lambda: mail((b"On " * 130 + b"\n") * 250),
    "e12-nobody-wrote": lambda: mail((b"On " + b"a " * 190 + b"\n") * 250),
    "e12-underscores": lambda: mail((b"_" * 390 + b"\n") * 200),
    "e12-heads": lambda: mail(b"From: a\nSent: b\nTo: c\nSubject: d\n" * 60),
    "e12-spaces": lambda: mail((b" " * 390 + b"x\n") * 200),
    "e12-sent-from": lambda: mail((b"Sent from " * 39 + b"\n") * 200),
    "e12-report-of-dashes": lambda: server(b"-" * 60_000),
    "e12-report-of-empty-lines": lambda: server(b"\n" * 60_000),
    "e12-report-of-lines-of-dashes": lambda: server((b"-" * 20 + b"\n") * 3_000),
    "e12-report-about-many": lambda: server(b"p%d@example.org " * 50 % (*range(50),) + b"exceed" * 2_500),
    "e12-report-in-blocks": lambda: report(b"\r" * 700_000),
}


def server(body):
    """Return what a mail server writes without a format."""
    return b"From: mailer-daemon@example.org\nSubject: Undelivered Mail\nReturn-Path: <>\n\n" + body


def report(fields):
    """Return a report with a format (RFC 3464)."""
    return many(part("text/plain", "x"), part("message/delivery-status", b"Reporting-MTA: dns; x\n\n" + fields))


@pytest.mark.parametrize("made", HOSTILE.values(), ids=HOSTILE)
def test_no_mail_takes_long(made):
    """Whatever it is made of, it is read or put aside within five seconds of processor time and a gigabyte."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD],
        input=made(),
        capture_output=True,
        cwd=ROOT,
        check=False,
        preexec_fn=limited,
    )

    assert done.stdout.decode().strip() in {"read", "too much"}, f"{done.returncode} {done.stderr[-300:]!r}"


# Broken and odd mail: read as well as can be.

CHARSETS = {
    "utf-8": ("utf-8", "Grüße, 你好"),
    "UTF8": ("utf-8", "Grüße"),
    "us-ascii": ("ascii", "plain"),
    "iso-8859-1": ("latin-1", "Grüße"),
    "iso-8859-2": ("iso-8859-2", "Dobrý večer, Łódź"),
    "iso-8859-15": ("iso-8859-15", "5 €"),
    "windows-1250": ("cp1250", "Dobrý večer"),
    "windows-1252": ("cp1252", "„quoted“ …"),
    "windows-1251": ("cp1251", "Спасибо"),
    "koi8-r": ("koi8-r", "Спасибо"),
    "gb2312": ("gb2312", "你好"),
    "gb18030": ("gb18030", "你好"),
    "big5": ("big5", "你好嗎"),
    "shift_jis": ("shift_jis", "こんにちは"),
    "iso-2022-jp": ("iso-2022-jp", "こんにちは"),
    "euc-jp": ("euc-jp", "こんにちは"),
    "euc-kr": ("euc-kr", "안녕"),
    # Named after a smaller charset than what was written in, as Outlook and many others do.
    "ISO-8859-1": ("cp1252", "“late again”, I said…"),
    "iso-8859-9": ("cp1254", "“yine geç”, dedim…"),
    "iso-8859-8-i": ("iso-8859-8", "שוב איחרתי, אמרתי."),
    "iso-8859-6-e": ("iso-8859-6", "قلت لنفسي: أسرع."),
    "ks_c_5601-1987": ("cp949", "괜찮아, 똠방각하."),
    "GB2312": ("gbk", "朱镕基 休息一下。"),
    "gbk": ("gb18030", "𠮷 慢慢来。"),
    "Big5": ("big5hkscs", "我哋慢慢嚟。"),
    "Shift_JIS": ("cp932", "①急がない ②髙橋さん"),
    "x-sjis": ("cp932", "①急がない"),
    "windows-31j": ("cp932", "②髙橋さん"),
}


@pytest.mark.parametrize(("label", "encoding", "text"), [(k, *v) for k, v in CHARSETS.items()], ids=CHARSETS)
@pytest.mark.parametrize("how", ["8bit", "base64"])
def test_e6_words_are_read_in_their_charset(label, encoding, text, how):
    """Whichever of the world's charsets a mail program still writes, named as it names it."""
    body = text.encode(encoding)
    raw = mail(
        base64.encodebytes(body) if how == "base64" else body, kind=f'text/plain; charset="{label}"', encoding=how
    )

    assert read(raw).words == text


UNKNOWN = [
    "x-unknown",
    "idna",
    "undefined",
    "unicode_escape",
    "raw_unicode_escape",
    "utf-7",
    "punycode",
    "base64",
    "hex",
]
UNKNOWN += [
    "rot13",
    "zlib",
    "bz2",
    "mbcs",
    "utf-16",
    "",
    '""',
    "utf-8\0",
    "\u00e9",
    "*",
    "utf-8'x'y",
    "../../etc/passwd",
]


@pytest.mark.parametrize("label", UNKNOWN, ids=ascii)
def test_e6_a_charset_that_is_none_changes_nothing(label):
    """Not on our list: UTF-8, or Windows-1252 when it is not that; a codec that is no charset is never called."""
    found = [read(mail(body, kind=f"text/plain; charset={label}")).words for body in ("Grüße".encode(), b"Gr\xfc\xdfe")]

    assert found == ["Grüße", "Grüße"]


@pytest.mark.parametrize("label", ["unicode_escape", "utf-7"])
def test_e6_no_charset_makes_markup_out_of_signs(label):
    r"""Neither `\\u003c` nor `+ADw-` becomes a `<`."""
    assert read(mail(b"\\u003cb\\u003e +ADw-b+AD4-", kind=f"text/plain; charset={label}")).words == (
        "\\u003cb\\u003e +ADw-b+AD4-"
    )


ODD = {
    "empty": b"",
    "one-line-end": b"\n",
    "only-headers": HEAD,
    "only-nul": b"\0" * 100,
    "message-id-empty": mail(b"x", "Message-ID: <>"),
    "message-id-8-bit": HEAD.replace(b"<1@", b"<\xe9@") + b"\nx",
    "references-8-bit": HEAD + b"References: <\xff@x.org> <\xfe>\n\nx",
    "message-id-of-what-came-back": many(
        part(
            "message/delivery-status",
            "Reporting-MTA: dns; x\n\nFinal-Recipient: rfc822; b@example.org\nAction: failed\n",
        ),
        part("message/rfc822", b"Message-ID: <1@exa\0mple.org>\n\nx"),
        kind="report; report-type=delivery-status",
    ),
    "date-8-bit": HEAD + b"Date: \xff\n\nx",
    "from-8-bit": b"From: J\xf6rg <joerg@example.org>\n\nx",
    "from-newline-in-word": b"From: =?utf-8?q?a=0ABcc:_x=40y.z?= <a@example.org>\n\nx",
    "words-broken": HEAD
    + b"Subject: =?utf-8?b?!!!?= =?utf-8?b?abc?= =?x?q?a?= =?idna?q?=FF?= =?utf-8*en?q?a?= =?\n\nx",
    "words-of-no-charset": HEAD + b"Subject: =?undefined?q?a?= =?hex?q?a?= =?utf-16?q?=00?=\n\nx",
    "charset-in-pieces": HEAD + b"Content-Type: text/plain; charset*=utf-8''utf-8\n\nh\xe9\n",
    "charset-in-no-charset": HEAD + b"Content-Type: text/plain; charset*=idna''%ff\n\nh\xe9\n",
    "name-in-no-charset": many(b"Content-Disposition: attachment; filename*=idna''%ff%00\n\nx"),
    "name-undefined": many(b"Content-Disposition: attachment; filename*=undefined''%ff\n\nx"),
    "name-nul": many(b"Content-Disposition: attachment; filename*=a\0b''%ff\n\nx"),
    "name-of-a-path": many(b'Content-Disposition: attachment; filename="..%2f..%2fetc%2fpasswd"\n\nx'),
    "name-in-many-digits": many(b"Content-Disposition: attachment; filename*" + b"9" * 5000 + b"=a\n\nx"),
    "boundary-8-bit": HEAD + b'Content-Type: multipart/mixed; boundary="\xe9"\n\n--\xe9\n\nx\n--\xe9--\n',
    "boundary-none": HEAD + b"Content-Type: multipart/mixed\n\nx",
    "boundary-never-closed": HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nx",
    "type-8-bit": HEAD + b"Content-Type: text/\xff; charset=\xff\n\nh\xe9",
    "type-twice": HEAD + b"Content-Type: text/plain\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nx",
    "type-slashes": HEAD + b"Content-Type: ///;;;===\n\nx",
    "base64-broken": mail(b"SGVsbG8!!!\nx===y", encoding="base64"),
    "quoted-broken": mail(b"=ZZ =\n=3 =", encoding="quoted-printable"),
    "uu-broken": mail(b"begin 666 x\nMMM\n`\nend\n", encoding="x-uuencode"),
    "encoding-8-bit": HEAD + b"Content-Transfer-Encoding: \xff\n\nh\xe9",
    "forward-in-base64": mail(b"SGVsbG8=\n", kind="message/rfc822", encoding="base64"),
    "status-report": mail(b"A: b\n\nC: d\n", kind="message/delivery-status"),
    "folded-nothing": HEAD + b"Subject: \n \n \n\nx",
    "header-without-colon": b"From alice\nnonsense\nSubject: x\n\nx",
    "mbox": b"From alice@example.org Tue Mar  2 09:00:00 2027\n" + HEAD + b"\nx",
    "only-cr": HEAD.replace(b"\n", b"\r") + b"\rx\r",
}


def test_e7_a_boundary_that_cannot_be_read_is_put_aside():
    """A multipart whose boundary is in no charset has parts that nobody can find: read as far as can be, or held."""
    raw = HEAD + b"Content-Type: multipart/mixed; boundary*=idna''%ff\n\n--x\n\nx"
    try:
        found = read(raw)
    except TooMuchError:
        return

    assert encodable(found)


def encodable(found):
    """Whether all that was read can be written down: a lone surrogate cannot."""
    said = [getattr(found, one.name) for one in fields(found)] + [found.first_line]
    texts = [one for value in said for one in (value if isinstance(value, tuple) else (value,)) if isinstance(one, str)]
    return [one for one in texts if "\0" in one or one.encode(errors="ignore").decode() != one] == []


@pytest.mark.parametrize("raw", ODD.values(), ids=ODD)
def test_e7_odd_mail_is_read_and_what_was_read_can_be_kept(raw):
    """Nothing is raised; no NUL (PostgreSQL refuses it) and no half of a character (nothing can write it) comes out."""
    assert encodable(read(raw))


PIECES = [
    *b"From: |To: |Message-ID: <|Date: |Subject: |References: <a@b> |Content-Type: text/plain|; charset=".split(b"|"),
    *b"Content-Type: text/html; charset=|Content-Type: multipart/mixed; boundary=b|charset*=|boundary*=".split(b"|"),
    *b"Content-Type: message/rfc822|Content-Type: image/png; name*=|*0*=|*1=".split(b"|"),
    *b"Content-Disposition: attachment; filename*=|Content-Transfer-Encoding: |base64|8bit|x-uuencode".split(b"|"),
    *b"quoted-printable|utf-8|idna|undefined|punycode|hex|utf-7|''|%ff|=?utf-8?q?|=?idna?b?|?=|=E9".split(b"|"),
    *b"--b|--b--|<|>|@|alice@example.org|(|\\|;|:|\xe9|\xff|\0| |\t".split(b"|"),
    *b"<br>|<blockquote>|<p |> |On Tue, Alice wrote:\n|-- \n|\r\n|\n|\n\n|\r".split(b"|"),
    b'"',
]
pieces = st.sampled_from(PIECES)
made_up = st.lists(pieces | st.binary(max_size=8), max_size=40).map(b"".join)


@settings(max_examples=500, deadline=None)
@given(made_up | made_up.map(lambda body: HEAD + body) | st.binary(max_size=400))
def test_e7_no_bytes_break_reading(raw):
    """Whatever bytes come, read() returns or says that it is too much; and what it returns can be kept."""
    try:
        found = read(raw)
    except TooMuchError:
        return

    assert encodable(found)


@given(st.binary(max_size=300), st.text(max_size=20))
def test_e6_decoding_never_fails(raw, charset):
    """By any charset, of any bytes."""
    assert isinstance(mime.to_text(raw, charset), str)


@given(st.text(max_size=200))
def test_a_decoded_header_is_one_line(value):
    """Whatever its encoded words hid: no line break and no control character."""
    said = mime.decoded(value)

    assert not any(char < " " or char == "\x7f" for char in said)
    assert said == " ".join(said.split(" "))


@pytest.mark.parametrize("hidden", ["=0A", "=0D=0A", "=00", "=0B", "=C2=85", "=E2=80=A8", "=E2=80=A9"])
def test_a2_no_line_break_comes_out_of_an_encoded_word(hidden):
    """Not even one of Unicode's: a subject is never two headers."""
    said = mime.decoded(f"=?utf-8?q?a{hidden}Bcc:_x=40y.z?=")

    assert len(said.splitlines()) == 1
    assert said == "a Bcc: x@y.z"


# A person's new words.

QUOTE = "You might catch one thing you said to yourself."
REPLIES = {
    "nothing-quoted": "It helped a little.\n",
    "gmail": f"It helped a little.\n\nOn Tue, 2 Mar 2027 at 08:00, Dear Self <h@x.org> wrote:\n\n> {QUOTE}\n",
    "gmail-wrapped": (
        "It helped a little.\n\nOn Tue, 2 Mar 2027 at 08:00, Dear Self <\n"
        f"reply-abc@reply.course.example.org> wrote:\n\n> {QUOTE}\n>\n> More.\n"
    ),
    "apple": f"It helped a little.\n\n> On 2 Mar 2027, at 08:00, Dear Self <h@x.org> wrote:\n>\n> {QUOTE}\n",
    "apple-plain": f"It helped a little.\n\nOn 2 Mar 2027, at 08:00, Dear Self <h@x.org> wrote:\n\n{QUOTE}\n",
    "outlook": (
        "It helped a little.\n\n________________________________\nFrom: Dear Self <hello@course.example.org>\n"
        f"Sent: 02 March 2027 08:00\nTo: Alice\nSubject: Day 1: two ways of saying it\n\n{QUOTE}\n"
    ),
    "outlook-desktop": (
        "It helped a little.\n\nFrom: Dear Self [mailto:h@x.org]\nSent: Tuesday, March 2, 2027 8:00 AM\n"
        f"To: Alice <alice@example.org>\nSubject: Day 1\n\n{QUOTE}\n"
    ),
    "outlook-original": (
        "It helped a little.\n\n-----Original Message-----\nFrom: Dear Self <h@x.org>\nSent: 2 March 2027\nTo: Alice\n"
        f"Subject: Day 1\n\n{QUOTE}\n"
    ),
    "signature": "It helped a little.\n\n-- \nAlice\n12 Quiet Lane\n",
    "signature-and-quote": f"It helped a little.\n\nOn Tue, Dear Self wrote:\n> {QUOTE}\n\n-- \nAlice\n",
    "iphone": f"It helped a little.\n\nSent from my iPhone\n\n> On 2 Mar, Dear Self <h@x.org> wrote:\n>\n> {QUOTE}\n",
    "outlook-phone": "It helped a little.\n\nGet Outlook for iOS<https://aka.ms/o0ukef>\n",
    "windows-line-ends": f"It helped a little.\r\n\r\nOn Tue, Dear Self wrote:\r\n> {QUOTE}\r\n",
}


@pytest.mark.parametrize("body", REPLIES.values(), ids=REPLIES)
def test_only_new_words_are_a_persons(body):
    """Whatever their mail program puts below: the quoted lesson, its own head, a signature."""
    assert read(mail(body)).words == "It helped a little."


BELOW = {
    "gmail": f"On Tue, 2 Mar 2027 at 08:00, Dear Self <h@x.org> wrote:\n\n> {QUOTE}\n\nIt helped a little.\n",
    "bare-quote": f"> {QUOTE}\n> More.\n\nIt helped a little.\n",
}


@pytest.mark.parametrize("body", BELOW.values(), ids=BELOW)
def test_words_below_the_quote_count_too(body):
    """Some people answer at the bottom, as one used to."""
    assert "It helped a little." in read(mail(body)).words


@pytest.mark.parametrize(
    "body",
    [
        "",
        "\n \n\t\n",
        f"> {QUOTE}\n",
        f"On Tue, 2 Mar 2027 at 08:00, Dear Self <h@x.org> wrote:\n\n> {QUOTE}\n",
        f"\n\nSent from my iPhone\n\n> On 2 Mar 2027, at 08:00, Dear Self <h@x.org> wrote:\n>\n> {QUOTE}\n",
        "-- \nAlice\n",
        f"\nFrom: Dear Self <h@x.org>\nSent: 02 March 2027 08:00\nTo: Alice\nSubject: Day 1\n\n{QUOTE}\n",
        f"-----Original Message-----\nFrom: Dear Self\nSent: 02 March 2027 08:00\nTo: Alice\n\n{QUOTE}\n",
    ],
    ids=["empty", "blank", "quote", "gmail", "iphone", "signature", "outlook", "old outlook"],
)
def test_a_reply_without_words_says_nothing(body):
    """Sent by mistake, with nothing but what the mail program adds: no day is counted for it."""
    found = read(mail(body))

    assert found.words == ""
    assert not found.says_something


HTML = {
    "plain": "<html><body><p>It helped a little.</p></body></html>",
    "gmail": (
        '<div dir="ltr">It helped a little.</div><br><div class="gmail_quote"><div class="gmail_attr">On Tue, 2 Mar '
        f"at 08:00, Dear Self &lt;h@x.org&gt; wrote:<br></div><blockquote>{QUOTE}</blockquote></div>"
    ),
    "apple": f'<body>It helped a little.<div><br><blockquote type="cite"><div>On 2 Mar</div>{QUOTE}</blockquote></div>',
    "outlook": (
        "<p>It helped a little.</p><div style='border:none'><p><b>From:</b> Dear Self &lt;h@x.org&gt;<br>"
        f"<b>Sent:</b> 02 March 2027 08:00<br><b>To:</b> Alice<br><b>Subject:</b> Day 1</p></div><p>{QUOTE}</p>"
    ),
    "below": f"<blockquote>{QUOTE}<blockquote>older</blockquote></blockquote><p>It helped a little.</p>",
    "unclosed": f"<p>It helped a little.</p><blockquote>{QUOTE}<blockquote>older</blockquote>",
    "style": "<style>p { color: red }</style><script>alert(1)</script><p>It helped a little.</p>",
    "entities": "<p>It&nbsp;helped&#32;a little&period;</p>",
}


@pytest.mark.parametrize("body", HTML.values(), ids=HTML)
def test_a_mail_of_html_only_has_words(body):
    """Without a text part they are taken from the HTML, without its quotes, styles and scripts."""
    assert " ".join(read(html(body)).words.split()) == "It helped a little."


def test_html_without_words_says_nothing():
    """An empty page around a quote."""
    found = read(html(f"<html><body><div><br></div><blockquote>{QUOTE}</blockquote></body></html>"))

    assert not found.says_something


def test_the_text_part_is_read_before_the_html():
    """Both say the same: the one without markup is looked at."""
    raw = many(part("text/html", "<p>from html</p>"), part("text/plain", "from text"), kind="alternative")

    assert read(raw).words == "from text"


def test_an_empty_text_part_leaves_it_to_the_html():
    """Some programs send a blank one beside the HTML."""
    raw = many(part("text/plain", " \n"), part("text/html", "<p>from html</p>"), kind="alternative")

    assert read(raw).words == "from html"


def test_an_attached_text_is_not_the_mails_own():
    """A file called notes.txt is an attachment, not what Alice wrote."""
    raw = many(part("text/plain", "attached", 'Content-Disposition: attachment; filename="notes.txt"'))

    assert not read(raw).says_something


@pytest.mark.parametrize(
    "body",
    [
        "On balance, here is what I would say:",
        "On reflection I said two things:\n\nto myself, hurry\nto a friend, rest",
        "Am I allowed to be tired:",
        "Le plus dur:",
        f"On reflection, what struck me most was this line:\n> {QUOTE}",
        "From: me\nTo: me\n\nyou did what you could",
        "I wrote:\nbe gentle",
    ],
    ids=ascii,
)
def test_words_that_begin_like_a_quote_are_words(body):
    """A letter to oneself may look like anything: its day counts."""
    assert read(mail(body)).says_something


@pytest.mark.parametrize(
    "body",
    [
        "On Tue, 2 Mar 2027 at 08:00, Dear Self <hello@dearself.example> wrote:\n> Day 1\n> Hello Alice,\n\nSTOP\n",
        "> Day 1\n> Hello Alice,\n\nSTOP\n",
    ],
    ids=["announced", "bare"],
)
def test_a_command_below_the_quote_is_the_first_line(body):
    """Whoever answers below what was quoted leaves as well as somebody who answers above it."""
    assert read(mail(body)).first_line == "STOP"


def test_the_first_line_is_the_first_that_holds_anything():
    """It is where a command stands."""
    assert read(mail(b"\n\n  STOP  \n\nthank you\n")).first_line == "STOP"


@pytest.mark.parametrize("line", ["STOP", "Stop.", "pause"])
def test_a_word_above_a_quote_is_the_first_line(line):
    """In the reply of a mail program that quotes all."""
    assert read(mail(REPLIES["gmail"].replace("It helped a little.", line))).first_line == line


SALUTED = [
    ("Hello,", "STOP"),
    ("Hi,", "please stop"),
    ("Hi there!", "stop"),
    ("Dear team,", "Unsubscribe"),
    ("Good morning", "PAUSE"),
    ("Hey 👋", "HELP"),
    ("Hello, good evening.", "HELP"),
    ("Hola,", "CANCELAR"),
    ("¡Buenos días!", "AYUDA"),
    ("Bueno" + "s di\u0301as,", "AYUDA"),
    ("שלום רב,", "הסרה"),
    ("Guten Tag,", "STOP"),
]


@pytest.mark.parametrize(("salutation", "asked"), SALUTED, ids=ascii)
def test_what_stands_below_a_salutation_is_the_first_line(salutation, asked):
    """People greet before they ask; a greeting alone asks for nothing."""
    found = read(mail(f"{salutation}\n\n{asked}\n\nThank you\n"))

    assert (found.first_line, found.rest, found.says_more) == (asked, "Thank you", True)


def test_a_salutation_is_nothing_more_beside_a_command():
    """Or HELP with a greeting above it would make a day done."""
    assert not read(mail("Hello,\n\nHELP\n")).says_more


LETTERS = ["Dear inner critic,", "Dear Self,", "Hello darkness, my old friend", "Hi Mum, it is me", "Good"]


@pytest.mark.parametrize("line", LETTERS)
def test_whom_a_letter_is_written_to_is_no_salutation(line):
    """What follows "Dear inner critic, stop" was said to somebody else."""
    assert read(mail(f"{line}\n\nStop.\n")).first_line == line


def test_a_salutation_alone_is_the_first_line():
    """Whoever writes no more has said hello."""
    found = read(mail("Hello,\n"))

    assert (found.first_line, found.rest, found.says_more) == ("Hello,", "", False)


# Photos.


def picture(size, kind="image/jpeg", *headers, begins=b""):
    """Return a picture of so many bytes as a part."""
    content = base64.encodebytes(begins + bytes(size))
    return part(kind, content, "Content-Transfer-Encoding: base64", *headers)


@pytest.mark.parametrize(
    "raw",
    [
        many(part("text/plain", "\n"), picture(200_000)),
        many(picture(200_000, "image/heic", "Content-Disposition: attachment; filename=IMG_1.HEIC")),
        many(part("text/html", '<img src="cid:1">'), picture(60_000, "image/png", "Content-ID: <1>"), kind="related"),
        many(
            part("text/plain", "Sent from my iPhone\n"), picture(200_000, "image/jpeg", "Content-Disposition: inline")
        ),
        many(part("text/plain", ""), picture(90_000, "audio/mp4")),
        mail(base64.encodebytes(bytes(100_000)), kind="image/jpeg", encoding="base64"),
    ],
    ids=["attached", "heic", "pasted", "iphone", "voice", "nothing-else"],
)
def test_a_photo_alone_says_something(raw):
    """A picture of a page, or a voice message: the day counts without a word."""
    found = read(raw)

    assert found.photo
    assert found.says_something
    assert found.words == ""


BEGINS = {
    "jpeg": b"\xff\xd8\xff\xe1",
    "png": b"\x89PNG\r\n\x1a\n",
    "heic": b"\0\0\0\x18ftypheic",
    "webp": b"RIFF\0\0\0\0WEBP",
}


@pytest.mark.parametrize("begins", BEGINS.values(), ids=BEGINS)
@pytest.mark.parametrize("size", [30_000, 3_000_000])
@pytest.mark.parametrize("kind", ["application/octet-stream", "binary/octet-stream"])
def test_a_photo_that_came_as_a_file_is_a_photo(begins, size, kind):
    """Some mail programs do not say what they send: its first bytes do."""
    named = 'Content-Disposition: attachment; filename="IMG_2031"'
    found = read(many(part("text/plain", "\n"), picture(size, kind, named, begins=begins)))

    assert (found.photo, found.says_something) == (True, True)


@pytest.mark.parametrize(
    "raw",
    [
        many(part("text/html", "<img src=cid:1>"), picture(4000, "image/png", "Content-ID: <1>"), kind="related"),
        many(part("text/plain", "-- \nAlice\n"), picture(8000, "image/gif")),
        many(part("text/plain", ""), part("image/svg+xml", "<svg/>")),
        many(part("text/plain", ""), picture(300_000, "application/pdf")),
        many(part("text/plain", ""), picture(300_000, "application/octet-stream")),
        many(part("text/plain", ""), picture(4000, "application/octet-stream", begins=b"\xff\xd8\xff")),
    ],
    ids=["logo", "signature", "svg", "not-a-picture", "a-file", "logo-as-a-file"],
)
def test_a_logo_is_no_photo(raw):
    """The little picture that an office puts below every mail says nothing."""
    found = read(raw)

    assert not found.photo
    assert not found.says_something


def test_what_is_attached_is_never_opened():
    """E8, E9: an archive that would grow to anything, a name that is a path: neither is looked into."""
    raw = many(
        part("text/plain", "It helped."),
        part("application/zip", b"PK\x03\x04" + bytes(50_000), "Content-Disposition: attachment; filename=../../x.zip"),
    )
    found = read(raw)

    assert (found.words, found.photo) == ("It helped.", False)


# Machines.

MACHINES = [
    ("Auto-Submitted: auto-replied", "Auto-Submitted"),
    ("Auto-Submitted: auto-generated; owner-email=x@y.org", "Auto-Submitted"),
    ("auto-submitted: AUTO-NOTIFIED (rejected)", "Auto-Submitted"),
    ("Return-Path: <>", "Return-Path"),
    ("Return-Path:   < > ", "Return-Path"),
    ("Precedence: bulk", "Precedence"),
    ("Precedence: auto_reply", "Precedence"),
    ("Precedence: Junk", "Precedence"),
    ("Precedence: list", "list"),
    ("X-Autoreply: yes", "X-Autoreply"),
    ("X-Autorespond: Re: Day 1", "X-Autorespond"),
    ("X-Auto-Reply-From: bob@example.org", "X-Auto-Reply-From"),
    ("X-Mail-Autoreply: bob@example.org", "X-Mail-Autoreply"),
    ("X-POST-MessageClass: 9; Autoresponder", "X-POST-MessageClass"),
    ("X-FC-MachineGenerated: true", "X-FC-MachineGenerated"),
    ("X-Cron-Env: <HOME=/root>", "X-Cron-Env"),
    ("Delivered-To: Autoresponder", "Delivered-To"),
    ("List-Id: Friends <friends.example.org>", "list"),
    ("Mailing-List: contact friends@example.org", "list"),
    ("X-Loop: bob@example.org", "list"),
    ("Subject: Automatic reply: Day 1: two ways of saying it", "absence"),
    ("Subject: Out of office: Day 1", "absence"),
    ("Subject: Out of the Office : Day 1", "absence"),
    ("Subject: Auto-Reply: Day 1", "absence"),
    ("Subject: Abwesenheitsnotiz: Tag 1", "absence"),
    ("Subject: Automatische Antwort: Tag 1", "absence"),
    ("Subject: =?utf-8?q?R=C3=A9ponse_automatique?= : Jour 1", "absence"),
    ("Subject: =?iso-8859-1?q?Respuesta_autom=E1tica?=: D=?utf-8?q?=C3=ADa?= 1", "absence"),
    ("Subject: =?utf-8?b?6Ieq5Yqo5Zue5aSN77yaRGF5IDE=?=", "absence"),
]


@pytest.mark.parametrize(("line", "signal"), MACHINES, ids=[line for line, _ in MACHINES])
def test_a_machine_is_known_by_its_header(line, signal):
    """Each signal, with the header that means it; the one that told is named."""
    assert read(mail(b"I am away until Monday.\n", line)).signs.row == signal


@pytest.mark.parametrize(
    ("kind", "signal"),
    [
        ("multipart/report; report-type=delivery-status; boundary=b", "report"),
        ("Multipart/Report; report-type=disposition-notification; boundary=b", "report"),
        ("multipart/report; report-type=feedback-report; boundary=b", "report"),
        ("message/delivery-status", "status"),
        ("message/disposition-notification", "status"),
        ("text/calendar; method=REPLY", "calendar"),
    ],
)
def test_a_machine_is_known_by_its_type(kind, signal):
    """Bounces, read receipts, complaints and answers to invitations; reports are told apart."""
    found = read(mail(b"--b\nContent-Type: text/plain\n\nx\n--b--\n", kind=kind))

    assert found.signs.row == signal
    assert found.report == (signal == "report")


@pytest.mark.parametrize(
    "sender",
    [
        "mailer-daemon", "MAILER-DAEMON", "postmaster", "owner-friends", "friends-request", "friends-owner", "bounce",
        "bounces", "bounce+abc=x", "bounces-17", "noreply", "no-reply", "NoReply", "autoreply",
    ],
)  # fmt: skip
def test_a_machine_is_known_by_its_name(sender):
    """Nobody of that name writes back to a prompt."""
    raw = mail().replace(b"Alice <alice@example.org>", f"Someone <{sender}@example.org>".encode())

    assert read(raw).signs.row == "sender"


PEOPLE = [
    "Auto-Submitted: no",
    "Auto-Submitted: No (a person wrote this)",
    "X-Auto-Response-Suppress: OOF, AutoReply",
    "X-Auto-Response-Suppress: All",
    "Return-Path: <alice@example.org>",
    "Precedence: normal",
    "Precedence: first-class",
    "Delivered-To: reply-abc@reply.example.org",
    "X-FC-MachineGenerated: false",
    "X-Mailer: Automatic Transmission 2.0",
    "Subject: Re: Day 1: two ways of saying it",
    "Subject: Out of office hours I was kinder to myself",
    "Subject: Re: Automatic reply: why I never send one",
    "Subject: Automatically I said no",
    "Disposition-Notification-To: alice@example.org",
    "Importance: high",
    "X-Spam-Flag: NO",
    "Thread-Topic: Out of office: x",
]


@pytest.mark.parametrize("line", PEOPLE)
def test_a_person_is_not_taken_for_a_machine(line):
    """What looks automatic and is not: asking for silence says nothing of who asks."""
    assert read(mail(b"It helped a little.\n", line)).signs.counts is Counts.YES


@pytest.mark.parametrize(
    "sender", ["alice", "noreplying", "anna.bounce", "postmaster.bob", "owner", "reply", "request"]
)
def test_a_persons_name_is_not_taken_for_a_machines(sender):
    """It only holds such a word."""
    raw = mail().replace(b"Alice <alice@example.org>", f"Someone <{sender}@example.org>".encode())

    assert read(raw).signals == ()


def test_a_part_does_not_make_the_whole_automatic():
    """Alice forwards a bounce inside of her own mail: she wrote it."""
    raw = many(part("text/plain", "Look what came."), part("message/rfc822", "Auto-Submitted: auto-replied\n\nx"))
    found = read(raw)

    assert (found.signals, found.report, found.words) == ((), False, "Look what came.")


# Whose mail it is proven to be.

OURS = "mx.course.example.org"


@pytest.mark.parametrize(
    ("results", "passed"),
    [
        ("dkim=pass header.d=example.org", ("example.org",)),
        ("dkim=pass header.i=@Example.ORG. header.s=s1", ("example.org",)),
        ("dkim=pass header.i=alice@mail.example.org", ("mail.example.org",)),
        ("dmarc=pass (p=none dis=none) header.from=example.org", ("example.org",)),
        ('dkim=pass (2048-bit key; secure) header.d=example.org header.b="abc"', ("example.org",)),
        ("dkim=fail header.d=bank.example; dkim=pass header.d=example.org", ("example.org",)),
        ("dkim=pass header.d=a.example; dmarc=pass header.from=b.example", ("a.example", "b.example")),
        ("dkim=pass header.d=a.example; dkim=pass header.d=a.example", ("a.example",)),
        ("DKIM=PASS header.d=example.org", ("example.org",)),
        ("spf=pass smtp.mailfrom=example.org", ()),
        ("dkim=none; dmarc=fail header.from=example.org", ()),
        ("dkim=fail (pass) header.d=example.org", ()),
        ("dkim=temperror; spf=pass smtp.mailfrom=alice@example.org; header.d=example.org", ()),
        ("none", ()),
        ("", ()),
    ],
)
def test_a_domain_has_passed_when_our_mail_server_says_so(results, passed):
    """DKIM or DMARC, with the domain that it is about; SPF alone proves nothing of the From line."""
    assert read(mail(b"x", f"Authentication-Results: {OURS}; {results}"), OURS).passed == passed


@pytest.mark.parametrize(
    "line",
    [
        f"{OURS}.evil.example; dkim=pass header.d=example.org",
        f"evil.example; {OURS}; dkim=pass header.d=example.org",
        "dkim=pass header.d=example.org",
        f'"{OURS}.evil" x; dkim=pass header.d=example.org',
        f"x{OURS}; dkim=pass header.d=example.org",
    ],
    ids=["longer", "second", "none", "quoted", "prefixed"],
)
def test_nobody_elses_word_is_taken(line):
    """Only the configured server's name at the very beginning counts."""
    assert read(mail(b"x", f"Authentication-Results: {line}"), OURS).passed == ()


def test_without_a_server_of_ours_nothing_has_passed():
    """AUTHSERV_ID is empty: such headers are whatever the sender wrote."""
    assert read(mail(b"x", f"Authentication-Results: {OURS}; dkim=pass header.d=example.org")).passed == ()
    assert read(mail(b"x", "Authentication-Results: ; dkim=pass header.d=example.org")).passed == ()


def test_only_the_topmost_result_of_ours_counts():
    """Our server writes above what came: whatever has our name below it was written by the sender."""
    forged = f"Authentication-Results: {OURS}; dkim=pass header.d=bank.example"
    true = f"Authentication-Results: {OURS}; dkim=fail header.d=bank.example"

    assert read(mail(b"x", true, forged), OURS).passed == ()
    assert (
        read(
            mail(b"x", "Authentication-Results: other.example; dkim=pass header.d=x.example", true, forged), OURS
        ).passed
        == ()
    )


@pytest.mark.parametrize(
    "results",
    [
        'spf=pass smtp.mailfrom="dkim=pass header.d=bank.example"@evil.example',
        'spf=fail reason="; dkim=pass header.d=bank.example"',
        "spf=fail (sender said dkim=pass header.d=bank.example) smtp.mailfrom=evil.example",
        "spf=fail (; dkim=pass header.d=bank.example) smtp.mailfrom=evil.example",
        "x-dkim=pass header.d=bank.example",
        "dkim=fail reason=dkim=pass header.d=bank.example",
        'dkim=pass header.d=evil.example header.b="; dkim=pass header.d=bank.example"',
        "dkim=pass header.i=header.d=bank.example@evil.example header.s=s1",
        "dkim=pass header.d=evil.example header.from=bank.example",
        "spf=fail (a (nested; dkim=pass header.d=bank.example) one) smtp.mailfrom=evil.example",
        "spf=fail (an escaped \\) ; dkim=pass header.d=bank.example) smtp.mailfrom=evil.example",
        'spf=fail (of "a) ; dkim=pass header.d=bank.example; x=("@evil.example) smtp.mailfrom=evil.example',
        'spf=fail (a " b) smtp.mailfrom="); dkim=pass header.d=bank.example; x=("@evil.example (c " d)',
        "spf=fail (which never ends ; dkim=pass header.d=bank.example",
        'spf=fail reason="which never ends ; dkim=pass header.d=bank.example',
        "spf=fail) ; dkim=pass header.d=bank.example",
        'spf=fail reason=\\"; dkim=pass header.d=bank.example',
    ],
    ids=[
        "sender",
        "reason",
        "comment",
        "comment-with-semicolon",
        "another-method",
        "reason-unquoted",
        "signature",
        "signer",
        "from",
        "nested",
        "escaped",
        "quoted-in-a-comment",
        "quoted-across-comments",
        "comment-without-end",
        "quoted-without-end",
        "end-without-comment",
        "escaped-outside",
    ],
)
def test_a_sender_cannot_write_a_pass_into_our_servers_result(results):
    """Quoted texts and comments hold what a stranger chose: only a result that is one counts (RFC 8601 section 2.2)."""
    assert "bank.example" not in read(mail(b"x", f"Authentication-Results: {OURS}; {results}"), OURS).passed


@pytest.mark.parametrize("second", ["From: bob@example.net", "FROM : alice@example.org", "from: "])
def test_a_mail_with_two_senders_has_none(second):
    """A mark may be about one From line while we look at another, so neither is the sender (RFC 5322 section 3.6)."""
    assert read(mail(b"x", second)).sender == ""


def test_a_second_sender_makes_no_person_of_a_machine():
    """What a mail server writes is a machine's, whatever else stands there."""
    machine = b"From: mailer-daemon@example.org\n" + mail(b"x")

    assert read(machine).verdict.counts is Counts.NO


@pytest.mark.parametrize("results", ["(" * 30_000 + ")" * 30_000, '"' + '\\"' * 30_000, "()" * 30_000, "(" * 60_000])
def test_a_result_takes_no_longer_than_its_length(results):
    """One that was made to be slow costs a moment: seconds would mean that it grows with the square."""
    message = Message()
    message["Authentication-Results"] = f"{OURS}; {results}; dkim=pass header.d=example.org"
    began = time.process_time()
    authentication.passed(message, OURS)

    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("sender", "domains", "aligned"),
    [
        ("alice@example.org", ("example.org",), True),
        ("alice@mail.example.org", ("example.org",), True),
        ("alice@example.org", ("mail.example.org",), True),
        ("ALICE@Example.ORG", ("example.org",), True),
        ("alice@example.org", ("other.example", "example.org"), True),
        ("alice@example.org", ("notexample.org",), False),
        ("alice@notexample.org", ("example.org",), False),
        ("alice@example.org", ("org",), False),
        ("alice@example.org", (), False),
        ("", ("example.org",), False),
    ],
)
def test_a_senders_domain_is_in_line_with_what_has_passed(sender, domains, aligned):
    """The same one, or one below the other; never one that only ends alike."""
    assert authentication.aligned(sender, domains) is aligned


def test_a_mail_by_pythons_own_hand_is_read():
    """What another program makes by the book is read as it was meant."""
    message = EmailMessage()
    message["From"], message["To"] = "Zoë <zoe@example.org>", "reply-abc@reply.example.org"
    message["Message-ID"], message["Subject"] = "<z@client.example.org>", "Re: Tag 1: zwei Stimmen, größer"
    message.set_content("Es hat ein bisschen geholfen. Grüße 🌻\n")
    message.add_alternative("<p>Es hat ein bisschen geholfen. Grüße 🌻</p>", subtype="html")
    found = read(message.as_bytes())

    assert found.sender == "zoe@example.org"
    assert found.words == "Es hat ein bisschen geholfen. Grüße 🌻"
