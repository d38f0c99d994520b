"""In charge of what SendGrid is asked: which messages share a call, and the body of the request.

In a call of many, what differs from person to person stands in the text as a tag, and beside each address what to put
there ("substitutions", which SendGrid also applies to Reply-To). Tags are drawn anew for each call, and none of them
occurs in any text or value, so that no value is ever read as a tag.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from json.encoder import encode_basestring_ascii as in_json
from secrets import token_hex
from typing import Any

from course.content import slots
from course.content.mailing import Mailing, shown
from course.outgoing import Outgoing, clean_header

LARGEST = 20_000_000  # bytes of a call; SendGrid takes less than 30 MB
LARGEST_PART = 10_000  # bytes of one person's substitutions, names and values
MOST_TAGS = 150  # of one person (SendGrid's page "Errors")
TAG = 24  # bytes that a tag has at most
AROUND, FIXED = 40, 200  # bytes of JSON around a value, a header's name among them; and around a person
ESCAPED = 6  # bytes that JSON makes of one byte of UTF-8, at most (RFC 8259 section 7)

# Everything that would change a link, count an opening or add a second List-Unsubscribe.
TRACKING_OFF = {
    "click_tracking": {"enable": False, "enable_text": False},
    "open_tracking": {"enable": False},
    "subscription_tracking": {"enable": False},
    "ganalytics": {"enable": False},
}
# What every call says after what is its own, as JSON; in a sandbox, that nothing is to be sent.
SETTINGS = {
    sandbox: json.dumps(
        {"tracking_settings": TRACKING_OFF, "mail_settings": {"sandbox_mode": {"enable": sandbox}}},
    )[1:-1]
    for sandbox in (False, True)
}


@dataclass(frozen=True)
class Frame:
    """A mailing as it stands in a request: JSON, written once, and split at its slots as `slots.split` does it."""

    texts: list[str]  # subject and text
    html: list[str]
    plain: tuple[str, ...]  # the slots of subject and text
    escaped: tuple[str, ...]  # those of the HTML
    size: int  # bytes


@dataclass(frozen=True)
class Part:
    """One message, made ready: what SendGrid is told of this person, and the values of the slots that are used."""

    outgoing: Outgoing = field(repr=False)
    person: dict[str, Any] = field(repr=False)
    plain: dict[str, str] = field(repr=False)
    escaped: dict[str, str] = field(repr=False)
    size: int  # bytes of its substitutions, if each value were one
    weight: int  # bytes of JSON that this person makes of a call, at most

    @property
    def sociable(self) -> bool:
        """Whether it may share a call with others; what SendGrid would not substitute goes alone."""
        return self.size <= LARGEST_PART and len(self.plain) + len(self.escaped) < MOST_TAGS


@dataclass
class _Draft:
    """A call that may still grow."""

    room: int  # bytes
    parts: list[Part] = field(default_factory=list)
    addresses: set[str] = field(default_factory=set)


def part(outgoing: Outgoing) -> Part:
    """Make a message ready. Raises KeyError for a slot without a value, ValueError for a header that would be two."""
    frame, values, headers = _frame(outgoing.mailing), outgoing.values, outgoing.extra_headers()
    written = clean_header("".join(headers.values()))
    person = {
        "to": [{"email": outgoing.to}],
        "headers": headers,
        # SendGrid keeps these and cannot delete them: an opaque number and nothing else.
        "custom_args": {"ds_delivery": str(outgoing.delivery_id)},
    }
    plain = {slot: values[slot] for slot in frame.plain}
    escaped = {slot: shown(slot, values[slot]) for slot in frame.escaped}
    tags = 1 + len(plain) + len(escaped)
    size = TAG * tags + len("".join((outgoing.reply_to, *plain.values(), *escaped.values())).encode())
    weight = ESCAPED * (size + len(written) + len(outgoing.to)) + AROUND * (tags + len(headers)) + FIXED
    return Part(outgoing, person, plain, escaped, size, weight)


def calls(parts: Iterable[Part], most: int) -> Iterator[list[Part]]:
    """Put messages together that may share a call: up to `most`, within the sizes, no address twice."""
    drafts: dict[tuple[str, ...], _Draft] = {}
    for each in parts:
        if most == 1 or not each.sociable:
            yield [each]
            continue
        same, to = _same(each.outgoing), each.outgoing.to.lower()
        if same in drafts and (to in drafts[same].addresses or each.weight > drafts[same].room):
            yield drafts.pop(same).parts
        if same not in drafts:
            drafts[same] = _Draft(LARGEST - ESCAPED * _frame(each.outgoing.mailing).size)
        draft = drafts[same]
        draft.parts.append(each)
        draft.addresses.add(to)
        draft.room -= each.weight
        if len(draft.parts) == most:
            yield drafts.pop(same).parts
    for draft in drafts.values():
        yield draft.parts


def payload(call: Sequence[Part], *, sandbox: bool) -> bytes:
    """Return the request's body, JSON. Nothing in it says who takes which course, but for the messages themselves."""
    first = call[0]
    frame, sender_name = _frame(first.outgoing.mailing), _ascii(first.outgoing.sender_name)
    people, plain, escaped, reply_to = [first.person], first.plain, first.escaped, first.outgoing.reply_to
    if len(call) > 1:
        mark = _mark(call, frame)
        reply_tag, plain_tags, escaped_tags = f"{mark}r", {}, {}
        for place, slot in enumerate(plain):
            if any(each.plain[slot] != plain[slot] for each in call):
                plain_tags[slot] = f"{mark}{place}p"
        for place, slot in enumerate(escaped):
            if slot in plain_tags and all(each.escaped[slot] == each.plain[slot] for each in call):
                escaped_tags[slot] = plain_tags[slot]  # a link, or names without a sign of HTML's
            elif any(each.escaped[slot] != escaped[slot] for each in call):
                escaped_tags[slot] = f"{mark}{place}h"
        people = [
            each.person
            | {
                "substitutions": {
                    reply_tag: each.outgoing.reply_to.rpartition("@")[0],
                    **{tag: each.plain[slot] for slot, tag in plain_tags.items()},
                    **{tag: each.escaped[slot] for slot, tag in escaped_tags.items()},
                }
            }
            for each in call
        ]
        plain, escaped = plain | plain_tags, escaped | escaped_tags
        # As it stands it is an address of ours too: an answer to it is recognised by what it answers.
        reply_to = f"{reply_tag}@{reply_to.rpartition('@')[2]}"
    head = {
        "personalizations": people,
        "from": {"email": first.outgoing.sender} | ({"name": sender_name} if sender_name else {}),
        "reply_to": {"email": reply_to},
    }
    words = (_filled(pieces, values) for pieces, values in ((frame.texts, plain), (frame.html, escaped)))
    return "".join((json.dumps(head)[:-1], ", ", SETTINGS[sandbox], *words)).encode("ascii")


def _filled(pieces: list[str], values: dict[str, str]) -> str:
    return slots.fill(pieces, {slot: in_json(value)[1:-1] for slot, value in values.items()})


def _mark(call: Sequence[Part], frame: Frame) -> str:
    """Draw what this call's tags begin with: nothing that anybody wrote holds it."""
    pieces = [*frame.texts, *frame.html]
    for each in call:
        pieces += (each.outgoing.reply_to, *each.plain.values(), *each.escaped.values())
    written = "\n".join(pieces)
    while True:
        mark = f"t{token_hex(8)}x"
        if mark not in written:
            return mark


def _same(outgoing: Outgoing) -> tuple[str, ...]:
    """Return what cannot differ within a call."""
    return (
        outgoing.mailing.digest,
        outgoing.sender,
        outgoing.sender_name,
        outgoing.reply_to.rpartition("@")[2],
    )


@lru_cache(256)
def _frame(mailing: Mailing) -> Frame:
    subject, text, html = map(in_json, (mailing.subject, mailing.text, mailing.html))
    # A marker is plain letters, so it stands in the JSON as it stands in the text.
    texts = slots.split(f', "subject": {subject}, "content": [{{"type": "text/plain", "value": {text}}}, ')
    page = slots.split(f'{{"type": "text/html", "value": {html}}}]}}')
    size = len((mailing.subject + mailing.text + mailing.html).encode())
    return Frame(texts, page, tuple(dict.fromkeys(texts[1::2])), tuple(dict.fromkeys(page[1::2])), size)


@lru_cache(16)
def _ascii(name: str) -> str:
    """Return the sender's name without accents, or "" if that is not enough.

    SendGrid supports no Unicode in it, and encoded words arrive as they are (sendgrid-nodejs issue 1457).
    """
    folded = "".join(char for char in unicodedata.normalize("NFKD", name) if not unicodedata.combining(char))
    return folded if folded.isascii() else ""
