"""Promises of DKIM marks that we check ourselves: a good one proves its domain, anything else proves nothing."""

from __future__ import annotations

import base64
from functools import lru_cache

import dkim
import pytest
from conftest import ON_SQLITE
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from course.inbound import signatures

HEAD = b"From: alice@example.org\r\nTo: reply@reply.example.org\r\nSubject: Re: Day 1\r\n"
BODY = b"Both versions, side by side.\r\n"


@lru_cache
def key():
    """Return a private key, and what the DNS says of it."""
    private = rsa.generate_private_key(65537, 2048)
    form = serialization.PrivateFormat.TraditionalOpenSSL
    pem = private.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    shown = serialization.PublicFormat.SubjectPublicKeyInfo
    public = private.public_key().public_bytes(serialization.Encoding.DER, shown)
    return pem, b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)


def dns(name, timeout=5):
    """Answer for one name; every other one has no key."""
    return key()[1] if name == b"s1._domainkey.example.org." else None


def signed(head=HEAD, body=BODY, domain=b"example.org", **how):
    """Return a mail with a mark of this domain."""
    raw = head + b"\r\n" + body
    return dkim.sign(raw, b"s1", domain, key()[0], **how) + raw


def test_a_good_mark_proves_its_domain():
    """What example.org signed is from example.org; also with bare line breaks, as a pipe hands it over."""
    assert signatures.passed(signed(), dns) == ("example.org",)
    assert signatures.passed(signed().replace(b"\r\n", b"\n"), dns) == ("example.org",)


@pytest.mark.parametrize(
    "raw",
    [
        HEAD + b"\r\n" + BODY,
        signed().replace(b"side by side", b"far and wide"),
        signed().replace(b"From: alice@", b"From: bob@"),
        signed(length=True) + b"And more, of somebody else.\r\n",
        signed(length=True),
        signed(HEAD.replace(b"Subject", b"From: bob@example.org\r\nSubject")),
        signed(domain=b"example.net"),
        b"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=s1; h=from; bh=x; b=y\r\n" + HEAD + b"\r\n" + BODY,
        b"DKIM-Signature: nonsense\r\n" + HEAD + b"\r\n" + BODY,
    ],
    ids=["none", "words", "sender", "longer", "length", "two senders", "no key", "made up", "nonsense"],
)
def test_anything_else_proves_nothing(raw):
    """A mark that does not fit, covers a part only, or has no key; nothing breaks."""
    assert signatures.passed(raw, dns) == ()


def test_a_second_mark_counts():
    """A mailing service signs for itself first; the person's own domain is below."""
    raw = dkim.sign(signed(), b"s1", b"example.net", key()[0]) + signed()

    assert signatures.passed(raw, dns) == ("example.org",)


def test_no_answer_is_no_proof():
    """When the DNS is away the mail is not."""

    def away(name, timeout=5):
        raise dkim.DnsTimeoutError

    assert signatures.passed(signed(), away) == ()


@pytest.mark.parametrize(
    "body",
    [b" " * 300_000, b"\r\n" * 150_000, (b" \t\r\n") * 70_000, b"x" * 2_000_000],
    ids=["spaces", "lines", "both", "length"],
)
def test_what_would_take_long_is_not_checked(body):
    """The library would go back and forth over it; no key is even asked for."""

    def asked(name, timeout=5):
        pytest.fail("a key was asked for")

    head = HEAD + b"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=s1; h=from; bh=eA==; b=eA==\r\n"

    assert signatures.passed(head + b"\r\n" + body, asked) == ()


# What a good mark is good for, where the service asks the DNS itself.

CHECKED = pytest.mark.parametrize("settings", [{"dkim_check": True}], indirect=True, ids=["dkim-check"])
WAYS = {
    "signed": (signed, True),
    "by nobody": (lambda head: head + b"\r\n" + BODY, False),
    "by somebody else": (lambda head: signed(head, domain=b"example.net"), False),
    "and changed since": (lambda head: signed(head).replace(b"side by side", b"far and wide"), False),
}


@pytest.fixture
def lesson(world, monkeypatch):
    """Let alice get day 1, and the DNS know the key of her domain and of others; return the lesson."""
    monkeypatch.setattr("dkim.dnsplug._get_txt", lambda *_: key()[1])
    world.join()
    world.pass_hours(24)
    return world.box.last("day-1")


def from_alice(to):
    """Return the head of a mail of hers."""
    return f"From: alice@example.org\r\nTo: {to}\r\nMessage-ID: <1@client.example.org>\r\n".encode()


@ON_SQLITE
@CHECKED
@pytest.mark.parametrize(("made", "proven"), WAYS.values(), ids=WAYS)
def test_an_answer_counts_and_what_its_mark_proves_stands_beside_it(world, lesson, made, proven):
    """Her reply address is enough to count; that it came from her own is proven by a good mark only, else claimed."""
    assert world.deliver(made(from_alice(lesson.reply_to))) == ["completed"]
    assert world.rows("SELECT sender FROM replies") == [("proven" if proven else "claimed",)]


@ON_SQLITE
@CHECKED
@pytest.mark.parametrize(("made", "proven"), WAYS.values(), ids=WAYS)
def test_without_her_reply_address_only_a_good_mark_counts(world, lesson, made, proven):
    """Anybody can write her address into a From line: what is not proven to be hers is put aside, and does no day."""
    decided = world.deliver(made(from_alice(world.app.settings.mail_from)))

    assert decided == ["completed" if proven else "held"]
    assert world.rows("SELECT day FROM completions") == ([(1,)] if proven else [])


@ON_SQLITE
@pytest.mark.usefixtures("lesson")
def test_nobody_is_asked_unless_the_settings_say_so(world, monkeypatch):
    """DKIM_CHECK=false, the default: the DNS hears nothing of who writes to us."""
    monkeypatch.setattr("dkim.dnsplug._get_txt", lambda *_: pytest.fail("a key was asked for"))

    assert world.deliver(signed(from_alice(world.app.settings.mail_from))) == ["held"]
