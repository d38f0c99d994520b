"""In charge of signed tokens: one purpose each, made of nothing but opaque numbers, readable only with our keys.

A token is hexadecimal (safe in an address whose case gets folded, in a header and in a link, and many times faster to
write than base32) of: one byte that names the key; the numbers, each after its length; the MAC. Nothing is stored, so
a stolen database holds no live token. How long a token lives, and whether it works only once, is for the store to say:
a link to leave never expires.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from typing import Self

from course.keys import Keys

LINK_MAC = 16  # bytes: 128 bits, RFC 8058 section 5 asks for a hard-to-forge link
ADDRESS_MAC = 12  # bytes: 96 bits, so that the local part stays far below 64 characters
REPLY, LEAVE = "reply-", "leave-"  # what our addresses begin with, or what follows their plus
PAGES = ("mine", "write", "checkin")  # a mail's own pages
LONGEST = 120  # characters; a longer token is not ours


class Purpose(StrEnum):
    """What a token lets its bearer do. The purpose is inside the MAC: one never passes for another."""

    CONFIRM = "confirm", LINK_MAC  # enrolment id
    LEAVE = "leave", LINK_MAC  # subscriber id, mark of the course
    PAGES = "pages", LINK_MAC  # delivery id: the pages that belong to this mail
    FRESH = "fresh", LINK_MAC  # fresh link id: a person's own words, for fifteen minutes, once
    ADDRESS = "address", LINK_MAC  # address change id
    RESOURCE = "resource", LINK_MAC  # resource link id
    JOIN = "join", LINK_MAC  # enrolment id, mark of another course that it offers
    FORM = "form", LINK_MAC  # the moment at which a form was shown
    REPLY = "reply", ADDRESS_MAC  # delivery id, in an address
    MESSAGE = "message", ADDRESS_MAC  # delivery id, in a Message-ID
    OUT = "out", ADDRESS_MAC  # delivery id, in an address to leave by, where a longer token has no room
    TRIAL = "trial", ADDRESS_MAC  # moment, mark of the recipient; in the address and the Message-ID of a test mail

    def __new__(cls, value: str, _: int) -> Self:
        """Let a purpose be the text that stands in the MAC."""
        purpose = str.__new__(cls, value)
        purpose._value_ = value
        return purpose

    def __init__(self, _: str, size: int) -> None:
        """Note how many bytes of the MAC a token has."""
        self.size = size

    __hash__ = str.__hash__  # as equality is; each message is signed for three of them


def sign(keys: Keys, purpose: Purpose, *numbers: int) -> str:
    """Return the token for these non-negative numbers."""
    body = keys.marks[0]
    for number in numbers:
        body += _written(number)
    return (body + keys.mac(purpose, body)[: purpose.size]).hex()


def read(keys: Keys, purpose: Purpose, token: str) -> tuple[int, ...] | None:
    """Return a token's numbers, or None for anything that we did not sign for this purpose."""
    raw = _decode(token)
    size = purpose.size
    if raw is None or len(raw) <= size + 1:
        return None
    body, mac = raw[:-size], raw[-size:]
    for place, mark in enumerate(keys.marks):
        if body[:1] == mark and hmac.compare_digest(keys.mac(purpose, body, key=place)[:size], mac):
            return _numbers(body[1:])
    return None


@lru_cache(1024)
def course_mark(course: str) -> int:
    """Return a course's number in a token: its name would say something about the person's health."""
    return int.from_bytes(hashlib.sha256(course.encode()).digest()[:4])


def at(place: str, name: str) -> str:
    """Return our address of this name: in a domain of ours, or after the plus of one mailbox (RFC 5233)."""
    mailbox, _, domain = place.rpartition("@")
    return f"{mailbox}+{name}@{domain}" if mailbox else f"{name}@{domain}"


def reply_address(keys: Keys, delivery_id: int, place: str) -> str:
    """Return the address that ties a reply to the delivery it answers."""
    return at(place, f"{REPLY}{sign(keys, Purpose.REPLY, delivery_id)}")


def leave_links(
    keys: Keys, subscriber_id: int, course: str, site: str, place: str, delivery_id: int = 0
) -> tuple[str, str]:
    """Return the one-click link and the address by which this person leaves this course.

    After a mailbox and its plus there is no room for the whole token: there the delivery says who leaves what.
    """
    token = sign(keys, Purpose.LEAVE, subscriber_id, course_mark(course))
    short = sign(keys, Purpose.OUT, delivery_id) if "@" in place else token
    return f"{site}/leave/{token}", at(place, f"{LEAVE}{short}")


def pages(keys: Keys, delivery_id: int, site: str) -> dict[str, str]:
    """Return the links to the pages that belong to a mail, by their slots. One token opens all of them.

    Whoever holds the mail holds the token: none of these pages shows a word that its reader wrote.
    """
    token = sign(keys, Purpose.PAGES, delivery_id)
    found = {f"{page}_url": f"{site}/{page}/{token}" for page in PAGES}
    return {**found, "resource_url": f"{site}/r/{token}"}


def letter(keys: Keys, delivery_id: int, site: str) -> str:
    """Return the link to the page about a letter that comes back: one of the mail's own pages."""
    return f"{site}/letter/{sign(keys, Purpose.PAGES, delivery_id)}"


def leave_tokens(recipients: Iterable[str]) -> list[str]:
    """Return the tokens in those of these addresses that are for leaving; not verified yet."""
    return _tokens(LEAVE, recipients)


def leave_deliveries(keys: Keys, recipients: Iterable[str]) -> list[int]:
    """Return the ids of the deliveries to whose leave address a mail came, where such addresses follow a plus."""
    named = [read(keys, Purpose.OUT, token) for token in leave_tokens(recipients)]
    return [numbers[0] for numbers in named if numbers]


def answered(keys: Keys, recipients: Iterable[str], references: Iterable[str]) -> list[int]:
    """Return the ids of the deliveries that a mail answers: by our reply addresses, then by our Message-IDs."""
    recipients = list(recipients)
    named = [read(keys, Purpose.REPLY, token) for token in _tokens(REPLY, recipients)]
    named += [read(keys, Purpose.OUT, token) for token in _tokens(LEAVE, recipients)]
    named += [read(keys, Purpose.MESSAGE, one.strip("<>").partition("@")[0]) for one in references]
    return [numbers[0] for numbers in named if numbers]


def message_id(keys: Keys, delivery_id: int, domain: str) -> str:
    """Return a delivery's Message-ID: stable over retries, and proof that a reference to it is genuine."""
    return f"<{sign(keys, Purpose.MESSAGE, delivery_id)}@{domain}>"


def trial(keys: Keys, moment: int, mark: int, place: str, mail_domain: str) -> tuple[str, str]:
    """Return the reply address and the Message-ID of a test mail, by which its answer tells whether they are a pair."""
    token = sign(keys, Purpose.TRIAL, moment, mark)
    return at(place, f"{REPLY}{token}"), f"<{token}@{mail_domain}>"


def tried(
    keys: Keys, recipients: Iterable[str], references: Iterable[str]
) -> tuple[set[tuple[int, ...]], set[tuple[int, ...]]]:
    """Return the numbers of test mails: of those to whose address a mail came, and of those that it answers."""
    came_to = (read(keys, Purpose.TRIAL, token) for token in _tokens(REPLY, recipients))
    answers = (read(keys, Purpose.TRIAL, one.strip("<>").partition("@")[0]) for one in references)
    return {numbers for numbers in came_to if numbers}, {numbers for numbers in answers if numbers}


def _tokens(prefix: str, recipients: Iterable[str]) -> list[str]:
    local_parts = (address.rpartition("@")[0].rpartition("+")[2].lower() for address in recipients)
    return [local.removeprefix(prefix) for local in local_parts if local.startswith(prefix)]


def _decode(token: str) -> bytes | None:
    if len(token) > LONGEST:
        return None
    try:
        raw = bytes.fromhex(token)
    except ValueError:
        return None
    return raw if raw.hex() == token.lower() else None  # one spelling only: no spaces between the digits


@lru_cache(64)  # a message is signed for several times by one number
def _written(number: int) -> bytes:
    """Return a number as bytes: how many follow, then the bytes, the highest first."""
    size = (number.bit_length() + 7) // 8
    return (size << 8 * size | number).to_bytes(size + 1)


def _numbers(body: bytes) -> tuple[int, ...]:
    numbers, place = [], 0
    while place < len(body):
        start, place = place + 1, place + 1 + body[place]
        numbers.append(int.from_bytes(body[start:place]))
    return tuple(numbers)
