"""Promises of links: nobody can make one, one never passes for another, none is stored, and old ones work for ever."""

from __future__ import annotations

import re
from itertools import product
from string import printable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course import links
from course.keys import Keys
from course.links import Purpose
from course.store.tables import metadata

KEYS = Keys.of("the-key-of-the-tests-0123456789-abcdef")
ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
NUMBERS = {
    Purpose.CONFIRM: (7,),
    Purpose.LEAVE: (7, links.course_mark("self-compassion")),
    Purpose.PAGES: (123_456,),
    Purpose.FRESH: (7,),
    Purpose.ADDRESS: (7,),
    Purpose.RESOURCE: (7,),
    Purpose.JOIN: (7, links.course_mark("self-compassion")),
    Purpose.FORM: (1_772_352_000,),
    Purpose.REPLY: (123_456,),
    Purpose.MESSAGE: (123_456,),
    Purpose.OUT: (123_456,),
    Purpose.TRIAL: (1_772_352_000, 4_294_967_295),
}
PURPOSES = pytest.mark.parametrize("purpose", list(Purpose))
many = st.lists(st.integers(0, 2**62), min_size=1, max_size=4).map(tuple)


@pytest.fixture
def database(tmp_path):
    """Return an SQLite database: what is stored is the same on both."""
    return f"sqlite:///{tmp_path / 'course.db'}"


@pytest.fixture
def token():
    """Return a function that makes the token of a purpose."""
    return lambda purpose: links.sign(KEYS, purpose, *NUMBERS[purpose])


def raw(token):
    """Return the bytes of a token."""
    return bytes.fromhex(token)


def spelled(data):
    """Return bytes as a token spells them."""
    return data.hex()


@given(st.sampled_from(Purpose), many)
def test_a_token_says_what_was_signed(purpose, numbers):
    """Any non-negative numbers come back as they were, for the purpose they were signed for."""
    assert links.read(KEYS, purpose, links.sign(KEYS, purpose, *numbers)) == numbers


@given(st.sampled_from(Purpose), many)
def test_a_token_is_safe_wherever_it_stands(purpose, numbers):
    """Nothing but a-z and 2-7: no case to lose, no + or % to mangle, nothing to quote."""
    assert re.fullmatch("[0-9a-f]+", links.sign(KEYS, purpose, *numbers))


@PURPOSES
def test_case_may_get_lost_on_the_way(token, purpose):
    """A mail program that writes the token in capitals, or in part, does no harm."""
    good = token(purpose)

    assert links.read(KEYS, purpose, good.upper()) == NUMBERS[purpose]
    assert links.read(KEYS, purpose, good.title()) == NUMBERS[purpose]


@PURPOSES
def test_every_single_bit_counts(token, purpose):
    """Flip any one bit of a token's bytes: it is none of ours."""
    good = raw(token(purpose))
    flipped = [
        good[:place] + bytes([good[place] ^ 1 << bit]) + good[place + 1 :]
        for place, bit in product(range(len(good)), range(8))
    ]

    assert [one for one in flipped if links.read(KEYS, purpose, spelled(one)) is not None] == []


@PURPOSES
def test_every_single_character_counts(token, purpose):
    """Change any one character into any other: it is none of ours, the spare bits of the last one included."""
    good = token(purpose)
    changed = [
        good[:place] + char + good[place + 1 :]
        for place, char in product(range(len(good)), printable)
        if char.lower() != good[place]
    ]

    assert [one for one in changed if links.read(KEYS, purpose, one) is not None] == []


@PURPOSES
def test_a_token_has_one_spelling(token, purpose):
    """Letters that only look or fold like the ones we use (a long s, full-width letters) are not ours."""
    good = token(purpose)
    alike = {"s": "\N{LATIN SMALL LETTER LONG S}", "i": "\N{LATIN SMALL LETTER DOTLESS I}"}
    wide = {char: chr(ord(char) + 0xFEE0) for char in ALPHABET}
    respelled = [good.replace(char, other) for table in (alike, wide) for char, other in table.items() if char in good]

    assert respelled
    assert [one for one in respelled if links.read(KEYS, purpose, one) is not None] == []


def test_a_digit_of_another_script_is_no_digit():
    """What looks like a digit, or has spaces between, does not pass for what was signed."""
    found = next(token for number in range(50) if "7" in (token := links.sign(KEYS, Purpose.CONFIRM, number)))

    assert links.read(KEYS, Purpose.CONFIRM, found.replace("7", "\N{ARABIC-INDIC DIGIT SEVEN}")) is None
    assert links.read(KEYS, Purpose.CONFIRM, f"{found[:2]} {found[2:]}") is None


@PURPOSES
def test_a_part_of_a_token_is_nothing(token, purpose):
    """Cut it off anywhere, at either end: it is none of ours."""
    good = token(purpose)
    parts = [good[:end] for end in range(len(good))] + [good[start:] for start in range(1, len(good))]

    assert [one for one in parts if links.read(KEYS, purpose, one) is not None] == []


@PURPOSES
def test_more_than_a_token_is_nothing(token, purpose):
    """Put anything before or behind it: it is none of ours."""
    good = token(purpose)
    longer = [
        good + more for more in (*ALPHABET, "=", "==", "a" * 8, " ", "\n", "\0", good, "/", ".", "@x.org", "a" * 1000)
    ]
    longer += [char + good for char in (*ALPHABET, " ", "\n", "=")]

    assert [one for one in longer if links.read(KEYS, purpose, one) is not None] == []


@given(st.sampled_from(Purpose), st.text(max_size=200))
def test_what_anybody_types_is_nothing(purpose, typed):
    """Whatever stands where a token should, reading it does not raise."""
    assert links.read(KEYS, purpose, typed) is None


@given(st.sampled_from(Purpose), st.binary(max_size=70))
def test_bytes_that_we_did_not_sign_are_nothing(purpose, data):
    """Well-spelled tokens with the mark of our key, but not our signature, are none of ours."""
    assert links.read(KEYS, purpose, spelled(KEYS.marks[0] + data)) is None


@pytest.mark.parametrize(
    ("made", "asked"), list(product(Purpose, Purpose)), ids=lambda purpose: str(purpose) if purpose else ""
)
def test_a_token_serves_its_own_purpose_only(made, asked):
    """A reply address is no key to the confirm button, a leave link confirms nothing, and so on: with equal numbers."""
    token = links.sign(KEYS, made, 7, 8)

    assert links.read(KEYS, asked, token) == ((7, 8) if made == asked else None)


def test_another_services_tokens_are_nothing():
    """Whoever has another key, even one with the same mark, makes no token of ours."""
    other = next(keys for number in range(10_000) if (keys := Keys.of(f"another-key-{number:032}")).marks == KEYS.marks)
    token = links.sign(other, Purpose.LEAVE, 7, 8)

    assert links.read(other, Purpose.LEAVE, token) == (7, 8)
    assert links.read(KEYS, Purpose.LEAVE, token) is None


@pytest.mark.parametrize(
    ("purpose", "bits"),
    [
        (purpose, 80 if purpose in (Purpose.REPLY, Purpose.MESSAGE, Purpose.OUT, Purpose.TRIAL) else 128)
        for purpose in Purpose
    ],
    ids=str,
)
def test_a_token_is_hard_to_guess(purpose, bits):
    """At least 128 bits of signature in a link, 80 in an address or a Message-ID."""
    plain = 2  # the mark of the key, and the number 0

    assert 8 * (len(raw(links.sign(KEYS, purpose, 0))) - plain) >= bits


@given(st.integers(0, 2**63 - 1))
def test_a_reply_address_is_one_that_every_mail_house_takes(delivery_id):
    """At most 64 characters before the @, of 0-9, a-f and the one hyphen; no +."""
    local, _, domain = links.reply_address(KEYS, delivery_id, "reply.course.example.org").partition("@")

    assert re.fullmatch("reply-[0-9a-f]+", local)
    assert len(local) <= 64
    assert domain == "reply.course.example.org"
    assert links.read(KEYS, Purpose.REPLY, local.removeprefix("reply-")) == (delivery_id,)


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**32 - 1))
def test_a_leaving_address_is_one_that_every_mail_house_takes(subscriber_id, mark):
    """The same for leave-<token>, which stands in List-Unsubscribe: for 280 thousand billion people."""
    assert len(f"leave-{links.sign(KEYS, Purpose.LEAVE, subscriber_id, mark)}") <= 64


@given(st.integers(0, 2**63 - 1))
def test_a_message_id_is_stable_and_ours(delivery_id):
    """Made twice it is the same, in our own domain, and a reference to it says which delivery it was."""
    first, again = (links.message_id(KEYS, delivery_id, "course.example.org") for _ in range(2))
    found = re.fullmatch(r"<([0-9a-f]+)@course\.example\.org>", first)

    assert first == again
    assert found
    assert links.read(KEYS, Purpose.MESSAGE, found[1]) == (delivery_id,)


def test_a_course_is_a_number_in_its_links():
    """The number is the course's own and stays the same from one version to the next: old links depend on it."""
    assert links.course_mark("self-compassion") == 454_033_618
    assert links.course_mark("writing") != links.course_mark("self-compassion")


@PURPOSES
def test_after_two_rotations_an_old_link_still_works(token, purpose):
    """The ring has two newer keys by now; the link from before them does what it did."""
    old = token(purpose)
    once = Keys.of(f"a-newer-key-of-the-tests-0123456789abc,{KEYS.ring[0].decode()}")
    twice = Keys.of(f"the-newest-key-of-the-tests-0123456789,{','.join(key.decode() for key in once.ring)}")
    between = links.sign(once, purpose, *NUMBERS[purpose])
    newest = links.sign(twice, purpose, *NUMBERS[purpose])

    assert len({old, between, newest}) == 3
    assert [links.read(twice, purpose, one) for one in (old, between, newest)] == [NUMBERS[purpose]] * 3
    assert links.read(KEYS, purpose, newest) is None


def test_no_live_token_is_in_the_database(world):
    """Whoever steals the database can confirm, leave and reply for nobody: no token and no reply address is in it."""
    world.join("alice")
    world.sign_up("bob")
    world.app.tick()
    world.pass_hours(24)
    world.reply(world.box.last("day-1"))
    world.app.tick()
    tokens = {world.confirm_token(), world.leave_token(world.box.last("day-1"))}
    for mail in world.box.sent:
        tokens |= set(re.findall("[0-9a-f]{20,}", f"{mail.reply_to} {mail.message_id} {mail.leave}"))
    dump = "\n".join(repr(row) for table in metadata.sorted_tables for row in world.rows(f"SELECT * FROM {table}"))  # noqa: S608

    assert len(tokens) > 8
    assert "alice@example.org" in dump
    assert [one for one in tokens if one in dump.lower()] == []
    assert [key for key in world.app.keys.ring if key.decode() in dump] == []


def test_a_test_mails_address_and_message_id_are_a_pair():
    """What an answer came to and what it answers are read apart, in any letter case, and fit into a local part."""
    ours = links.trial(KEYS, 4_102_444_800, 2**32 - 1, "reply.example.org", "example.org")
    other = links.trial(KEYS, 4_102_444_800, 7, "reply.example.org", "example.org")

    assert links.tried(KEYS, [ours[0].upper()], [other[1]]) == ({(4_102_444_800, 2**32 - 1)}, {(4_102_444_800, 7)})
    assert links.tried(KEYS, [links.reply_address(KEYS, 7, "reply.example.org")], ["<made-up@example.org>"]) == (
        set(),
        set(),
    )
    assert len(ours[0].partition("@")[0]) <= 64
