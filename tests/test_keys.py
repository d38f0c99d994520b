"""Promises of the keys: each use is apart from the others, a new key spoils nothing, and none is ever shown."""

from __future__ import annotations

import pytest
from cryptography.fernet import InvalidToken
from hypothesis import given
from hypothesis import strategies as st

from course.keys import Keys

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
