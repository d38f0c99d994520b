"""Promises of what a visitor types about themselves: one strict reading of an address; a name that is only a name."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course import addresses
from course.addresses import AddressError

OWN = frozenset({"course.example.org", "reply.course.example.org"})
# Every character of Unicode that is a control or breaks a line: C0, DEL, C1 (NEL among them), U+2028, U+2029.
CONTROLS = [chr(code) for code in (*range(32), *range(0x7F, 0xA0), 0x2028, 0x2029)]
# What turns text around or stands in it unseen: marks, embeddings, overrides, isolates, joiners, the soft hyphen.
UNSEEN = "\u00ad\u061c\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"


def refused(typed, own=frozenset()):
    """Return why an address is refused."""
    with pytest.raises(AddressError) as error:
        addresses.parse(typed, own)
    return error.value.reason


# Addresses.


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("alice@example.org", "alice@example.org"),
        ("  alice@example.org\t", "alice@example.org"),
        ("Alice@EXAMPLE.Org", "Alice@example.org"),
        ("alice+letters@example.org", "alice+letters@example.org"),
        ("a.b-c_d'e@sub.example.co.uk", "a.b-c_d'e@sub.example.co.uk"),
        ("alice@exämple.de", "alice@xn--exmple-cua.de"),
        ("alice@straße.de", "alice@xn--strae-oqa.de"),
        ("alice@пример.рф", "alice@xn--e1afmkfd.xn--p1ai"),
        ("alice@XN--EXMPLE-CUA.de", "alice@xn--exmple-cua.de"),
        (f"{'a' * 64}@example.org", f"{'a' * 64}@example.org"),
    ],
    ids=["plain", "spaces", "case", "tag", "atoms", "umlaut", "sharp-s", "cyrillic", "a-label", "longest"],
)
def test_an_address_is_kept_as_it_will_be_written_to(typed, kept):
    """The domain in ASCII lower case, by IDNA 2008; the local part as it was typed."""
    assert addresses.parse(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "alice",
        "alice@",
        "@example.org",
        "alice@localhost",
        "alice@example",
        "alice@@example.org",
        "alice@bob@example.org",
        "a@b.org, d@e.org",
        "a@b.org; d@e.org",
        "a@b.org d@e.org",
        "a@b.org>",
        "<a@b.org>",
        "Alice <alice@example.org>",
        '"Alice" <alice@example.org>',
        "alice(a comment)@example.org",
        "alice@example.org (a comment)",
        '"alice"@example.org',
        '"a b"@example.org',
        "a b@example.org",
        "alice@[127.0.0.1]",
        "alice@[IPv6:::1]",
        "alice@127.0.0.1",
        "alice@example.org.",
        "alice@.example.org",
        "alice@example..org",
        ".alice@example.org",
        "alice.@example.org",
        "al..ice@example.org",
        "alice@-example.org",
        "alice@exa_mple.org",
        "alice@example.org)bob@evil.example",
        "alice@example.org\nbcc:bob@example.org",
        "alice%0abcc:bob@example.org\0",
        "mailto:alice@example.org@",
        "alice@example.org?subject=x",
        f"{'a' * 65}@example.org",
        f"alice@{'.'.join(['a' * 60] * 5)}.org",
        "josé@example.org",
        "\N{CYRILLIC SMALL LETTER A}lice@example.org",
        "\N{KELVIN SIGN}elvin@example.org",
        "alice\N{FULLWIDTH COMMERCIAL AT}example.org",
        "alice@exam\u200bple.org",
        "al\u202eice@example.org",
        "alice\u00ad@example.org",
        "alice@exa\u0000mple.org",
        "alice@xn--.org",
        "alice@ex\u2024org",
    ],
    ids=ascii,
)
def test_what_is_not_one_plain_address_is_refused(typed):
    """One dot-atom, one @, a domain with a dot; nothing is guessed, cut off or mended."""
    assert refused(typed) == "email_wrong"


@pytest.mark.parametrize("typed", ["", "   ", "\t\n"], ids=["empty", "spaces", "white"])
def test_an_empty_field_is_told_apart(typed):
    """Whoever typed nothing is asked for an address, not told that it is wrong."""
    assert refused(typed) == "email_missing"


@pytest.mark.parametrize("control", CONTROLS, ids=[f"{ord(char):04x}" for char in CONTROLS])
def test_no_control_character_gets_into_an_address(control):
    """Neither a line break nor any other control character, wherever it stands inside."""
    for typed in (f"al{control}ice@example.org", f"alice@exa{control}mple.org", f"alice{control}@example.org"):
        assert refused(typed) == "email_wrong"


@given(st.text(max_size=100))
def test_whatever_is_typed_is_an_address_or_an_error(typed):
    """What comes out is ASCII without spaces, has one @, and reads the same a second time; nothing else is raised."""
    try:
        kept = addresses.parse(typed)
    except AddressError:
        return

    assert kept.isascii()
    assert kept.count("@") == 1
    assert kept == "".join(kept.split())
    assert addresses.parse(kept) == kept


@given(st.from_regex(r"\A[a-zA-Z0-9.+'_<>()\"\[\],;:@ -]{1,40}@[a-z0-9.\[\]<>()-]{1,30}\Z"))
def test_what_looks_nearly_like_an_address_is_one_or_none(typed):
    """Whatever is accepted is what was typed, but for letter case: nothing is dropped on the way."""
    try:
        kept = addresses.parse(typed)
    except AddressError:
        return

    assert kept.casefold() == typed.strip().casefold()


@pytest.mark.parametrize(
    "typed",
    [
        "abuse@example.org",
        "Postmaster@example.org",
        "NO-REPLY@example.org",
        "webmaster@example.org",
        "root@a.example.org",
    ],
)
def test_a_role_is_no_person(typed):
    """Mail to postmaster and its kin lands with somebody who did not ask for a course."""
    assert refused(typed) == "email_role"


@pytest.mark.parametrize(
    "typed",
    ["alice@course.example.org", "reply-abc@reply.course.example.org", "ALICE@COURSE.example.ORG"],
    ids=["sender", "reply", "case"],
)
def test_nobody_subscribes_from_our_own_domains(typed):
    """The course would write to itself."""
    assert refused(typed, OWN) == "email_ours"


def test_a_domain_that_only_ends_like_ours_is_anybodys():
    """Bob's domain has ours as its last letters."""
    assert addresses.parse("bob@mycourse.example.org", OWN) == "bob@mycourse.example.org"


# Which addresses are one subscriber, and which are one inbox.


@pytest.mark.parametrize(
    ("one", "other"),
    [("Alice@example.org", "alice@example.org"), ("ALICE@example.org", "aLiCe@example.org")],
)
def test_letter_case_makes_no_second_subscriber(one, other):
    """Alice who writes her name in capitals is the same Alice."""
    assert addresses.key(addresses.parse(one)) == addresses.key(addresses.parse(other))


def test_no_two_letters_fold_into_one_subscriber():
    """What casefold() would make one (the long s and s, ß and ss) never gets so far: local parts are ASCII."""
    for typed in ("\u017fam@example.org", "stra\u00dfe@example.org", "\ufb01n@example.org", "i\u0307@example.org"):
        assert refused(typed) == "email_wrong"


@pytest.mark.parametrize(
    ("typed", "inbox"),
    [
        ("alice@example.org", "alice@example.org"),
        ("Alice+1@example.org", "alice@example.org"),
        ("alice+a+b@example.org", "alice@example.org"),
        ("a.lice@example.org", "a.lice@example.org"),
        ("a.l.i.c.e+1@gmail.com", "alice@gmail.com"),
        ("A.Lice@Gmail.com", "alice@gmail.com"),
    ],
    ids=["plain", "tag", "two-tags", "dots-count", "gmail", "gmail-case"],
)
def test_aliases_are_one_inbox(typed, inbox):
    """A limit on an inbox is not dodged by a +tag, nor by dots where they mean nothing."""
    assert addresses.inbox(addresses.parse(typed)) == inbox


def test_gmail_has_two_names_and_one_inbox():
    """Mail to googlemail.com lands in the Gmail inbox of that name: the limit counts both."""
    assert addresses.inbox("alice@googlemail.com") == addresses.inbox("a.lice+1@gmail.com")


# Names.


@pytest.mark.parametrize("control", CONTROLS, ids=[f"{ord(char):04x}" for char in CONTROLS])
def test_a_control_character_is_no_part_of_a_name(control):
    """A one-line field sends none, so whoever does is told so: at the beginning, inside and at the end."""
    for typed in (f"{control}Alice", f"Ali{control}ce", f"Alice{control}"):
        with pytest.raises(ValueError, match="no line breaks"):
            addresses.clean_name(typed)


@given(st.text(max_size=60), st.sampled_from(CONTROLS), st.text(max_size=60))
def test_no_control_character_gets_into_a_name(before, control, after):
    """Whatever stands around it."""
    with pytest.raises(ValueError, match="no line breaks"):
        addresses.clean_name(before + control + after)


@given(st.text(st.characters(exclude_categories=["Cc", "Zl", "Zp"]), max_size=120))
def test_a_clean_name_is_one_line_to_greet_with(typed):
    """NFC, at most 80 characters, single spaces, nothing unseen, and a second cleaning changes nothing."""
    name = addresses.clean_name(typed)

    assert len(name) <= 80
    assert unicodedata.is_normalized("NFC", name)
    assert name == " ".join(name.split())
    assert not {unicodedata.category(char) for char in name} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert addresses.clean_name(name) == name


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("Alice", "Alice"),
        ("  Alice \u00a0 B. ", "Alice B."),
        ("Jose\u0301", "José"),
        ("Zoë O\u2019Neill-Smith", "Zoë O\u2019Neill-Smith"),
        ("李小龍", "李小龍"),
        ("مريم", "مريم"),
        ("J.R.R. Tolkien", "J.R.R. Tolkien"),
        ("St.John", "St.John"),
        ("Alice 🌻", "Alice 🌻"),
        ("🌻", "🌻"),
        ("Alice, ", "Alice"),
        ("Alice B. :", "Alice B."),
        ("", ""),
        ("   ", ""),
        ("a" * 80, "a" * 80),
    ],
    ids=ascii,
)
def test_a_name_stays_a_name(typed, name):
    """People are called what they are called, in any script."""
    assert addresses.clean_name(typed) == name


@pytest.mark.parametrize(
    "typed",
    [
        "evil@bank.com",
        '"Ana" <x@y.org>',
        "see http://evil.example",
        "HTTPS://evil.example",
        "www.evil.example",
        "WWW.evil.example now",
        "evil.example/login",
        "hxxp://evil.example",
        "-",
        "...",
        "?!",
        "a" * 81,
        "Alice" * 40,
    ],
    ids=ascii,
)
def test_what_is_no_name_is_left_out(typed):
    """A link, an address, an essay or a dash is no name: the greeting goes without."""
    assert addresses.clean_name(typed) == ""


def test_nothing_unseen_stays_in_a_name():
    """Neither what turns the line around nor what hides in it: `moc.live` written backwards stays backwards."""
    assert addresses.clean_name(f"Ali{UNSEEN}ce") == "Alice"
    assert addresses.clean_name("\u202emoc.live") == "moc.live"


@pytest.mark.parametrize("hidden", UNSEEN, ids=[f"{ord(char):04x}" for char in UNSEEN])
def test_nothing_unseen_hides_a_link(hidden):
    """A link with something unseen in it is a link all the same."""
    assert addresses.clean_name(f"http:{hidden}//evil.example") == ""
    assert addresses.clean_name(f"alice{hidden}@{hidden}evil.example") == ""
