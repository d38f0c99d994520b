"""Promises of the keys: each use is apart from the others, a new key spoils nothing, and none is ever shown."""

from __future__ import annotations

import base64

import pytest
from cryptography.fernet import InvalidToken
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from course.keys import Keys
from course.signers import public_key

OLDEST, OLDER, NEWEST = (f"key-{number}-of-the-tests-0123456789abcdef" for number in (1, 2, 3))


@pytest.fixture
def first():
    """Return the ring of a service that has never changed its key."""
    return Keys.of(OLDEST)


@pytest.fixture
def rotated():
    """Return the same service's ring after two changes."""
    return Keys.of(f"{NEWEST},{OLDER},{OLDEST}")


def test_the_setting_is_read_leniently():
    """Spaces, a line break at the end and a comma too many change no key."""
    assert Keys.of(f" {NEWEST} , {OLDEST},\n").ring == (NEWEST.encode(), OLDEST.encode())


def test_keyed_hashes_outlive_a_new_key(first, rotated):
    """A suppressed address is still found after two changes of the key."""
    assert rotated.hash("address", "alice@example.org") == first.hash("address", "alice@example.org")


def test_keyed_hashes_need_the_key(first):
    """Without the key nobody can test a guess: the same address under another key is another hash."""
    assert first.hash("address", "alice@example.org") != Keys.of(NEWEST).hash("address", "alice@example.org")


def test_keyed_hashes_of_one_kind_say_nothing_about_another(first):
    """The same value as an address and as a message are two hashes of 64 hex digits."""
    hashes = {first.hash(what, "alice@example.org") for what in ("address", "message", "inbox")}

    assert len(hashes) == 3
    assert all(len(one) == 64 and int(one, 16) for one in hashes)


def test_purpose_and_message_are_kept_apart(first):
    """No purpose and message can be shifted into another pair."""
    assert first.mac("hash a", b"bc") != first.mac("hash ab", b"c")
    assert first.mac("confirm", b"x") != first.mac("leave", b"x")


def test_what_an_earlier_version_made_is_known():
    """However they are derived: what was sealed or hashed with a key once is opened and found with it for ever."""
    keys = Keys.of("a-key-of-the-tests-0123456789abcdefghij")
    sealed = b"gAAAAABrDHeoCjvl4AyKC0A77lCwzBJK6sSrf1Ld925xfzULQqLVfiiu4Eop4Pg2T3ZqEqEZRy0-TM_u8OKN3xkCisQKwwHtYQ=="

    assert keys.open(sealed) == b"kept"
    assert keys.hash("x", "y") == "b20561284e0e6cea417a453a5e9e25092928d732ca736a78a4b72f926d2f09da"
    assert keys.mac("p", b"m").hex() == "9c740306a25055d1c48756bb80d99a3703a8312da8d689ebaf1d00de587ea072"


def encoded(key):
    """Return a public key as SendGrid shows it."""
    return base64.b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def test_a_key_of_sendgrid_is_one_of_its_own_kind():
    """Another kind of key, a curve that nobody knows, a stray sign: no key, so nothing that it signed is let in."""
    theirs = encoded(ec.generate_private_key(ec.SECP256R1()).public_key())
    unknown = base64.b64decode(theirs).replace(bytes.fromhex("2a8648ce3d030107"), bytes.fromhex("2a8648ce3d030163"))

    assert encoded(public_key(theirs)) == theirs
    assert public_key(encoded(rsa.generate_private_key(65537, 2048).public_key())) is None
    assert public_key(base64.b64encode(unknown).decode()) is None
    assert public_key(f"{theirs[:20]}!{theirs[20:]}") is None


@given(st.binary(max_size=2000))
def test_what_is_sealed_opens_again(secret):
    """Whatever it holds."""
    keys = Keys.of(OLDEST)

    assert keys.open(keys.seal(secret)) == secret


def test_what_was_sealed_before_two_new_keys_still_opens(first, rotated):
    """Mail that waited in the spool over a change of the key is read."""
    assert rotated.open(first.seal(b"It helped a little.")) == b"It helped a little."


def test_what_is_sealed_shows_nothing(first):
    """Neither the words nor that two texts are the same."""
    one, other = first.seal(b"It helped a little."), first.seal(b"It helped a little.")

    assert one != other
    assert b"helped" not in one


@pytest.mark.parametrize("place", [0, 5, 9, 30, -1], ids=["version", "time", "iv", "words", "mac"])
def test_what_was_changed_does_not_open(first, place):
    """Sealed text that somebody touched is refused, not half read."""
    sealed = bytearray(first.seal(b"It helped a little."))
    sealed[place] ^= 1 if place != -1 else 0
    if place == -1:
        sealed[-8:] = b"AAAAAAA="

    with pytest.raises(InvalidToken):
        first.open(bytes(sealed))


def test_another_service_opens_nothing(first):
    """Nor does this one when its key was taken away."""
    with pytest.raises(InvalidToken):
        Keys.of(NEWEST).open(first.seal(b"It helped a little."))


def test_no_key_is_ever_shown(first, rotated):
    """Neither repr() nor str(), nor that of what holds the ring, nor an f-string shows a key."""
    first.seal(b"now everything that is derived has been derived")
    _ = first.marks
    shown = f"{first!r} {first} {rotated!r} {[rotated]} { ({'keys': rotated}) }"

    for key in (OLDEST, OLDER, NEWEST):
        assert key not in shown
        assert repr(key.encode())[2:-1] not in shown
