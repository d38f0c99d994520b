"""In charge of one message on its way out: a filled mailing with its headers, and what can become of it.

Transports get an Outgoing and answer with an Outcome; they know nothing of the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.header import Header
from email.utils import format_datetime, formataddr
from functools import lru_cache
from typing import NamedTuple, Protocol

from course.content.mailing import Mailing

PRINTABLE = bytes(range(0x20, 0x7F))
ONE_CLICK = "List-Unsubscribe=One-Click"  # RFC 8058 section 3.1
LONGEST_LINE = 900  # characters; under the 998 of RFC 5322 section 2.1.1, so that no header needs folding


class _List(NamedTuple):
    """What the headers of all messages of one mailing say alike. `leaving`: there is something to leave."""

    list_id: str
    feedback_id: str
    leaving: bool
    replied: bool


@dataclass
class Outgoing:
    """One message, complete but for the transport's own way of writing it; nobody changes it once it is made.

    `delivery_id` is an opaque number. `values` fill the mailing's slots. `leave` is the one-click link and the address
    to the same end, or None where there is nothing to leave yet. `replied` marks an answer to a person's own mail,
    which goes out with a null return path (RFC 3834 sections 3.3 and 5).
    """

    delivery_id: int
    to: str = field(repr=False)
    mailing: Mailing = field(repr=False)
    values: Mapping[str, str] = field(repr=False)
    sender: str
    sender_name: str
    reply_to: str
    message_id: str
    date: datetime
    leave: tuple[str, str] | None
    list_id: str
    feedback_id: str
    replied: bool = False
    in_reply_to: str = ""
    _bytes: bytes = field(default=b"", init=False, repr=False, compare=False)

    @property
    def envelope_from(self) -> str:
        """Where a bounce goes: the address of this very delivery; nowhere for an answer.

        So the bounce of an answer vanishes, as it should: no two machines begin to talk, and an address that has died
        is noticed with the next lesson. With SendGrid there is no envelope sender to set; its bounces come as events.
        """
        return "" if self.replied else self.reply_to

    def extra_headers(self) -> dict[str, str]:
        """Return the headers besides From, To, Subject, Date, Reply-To; each on one line, ASCII."""
        return {**self._own_headers(), **_list_headers(self._list)}

    def _own_headers(self) -> dict[str, str]:
        own = {"Message-ID": self.message_id}
        if self.leave:
            own["List-Unsubscribe"] = f"<{self.leave[0]}>, <mailto:{self.leave[1]}?subject=unsubscribe>"
        if self.in_reply_to:
            own |= {"In-Reply-To": self.in_reply_to, "References": self.in_reply_to}
        return own

    @property
    def _list(self) -> _List:
        return _List(self.list_id, self.feedback_id, self.leave is not None, self.replied)

    def as_bytes(self) -> bytes:
        """Return the message as it leaves: RFC 5322 with CRLF, 7-bit, multipart/alternative; no line begins with a dot.

        Raises ValueError for a value that cannot stand in a header, and KeyError for a slot without a value.
        """
        self._bytes = self._bytes or self._made()
        return self._bytes

    def _made(self) -> bytes:
        own = {"To": self.to, "Reply-To": self.reply_to, **self._own_headers()}
        alike = _head(self.sender_name, self.sender, self.mailing.subject_for(self.values), self.date, self._list)
        return self.mailing.mime(self.values, alike + _lines(own))


@dataclass(frozen=True)
class Sent:
    """The next hop has taken it. `provider_id` is its own name for the message, if it gave one."""

    provider_id: str = ""


@dataclass(frozen=True)
class TryLater:
    """Not now; nobody is at fault. `seconds` is when, if the other side said."""

    reason: str
    seconds: float | None = None


@dataclass(frozen=True)
class RefusedRecipient:
    """This recipient was refused. `dead`: the address can never work; else it is retried for 72 hours."""

    reason: str
    dead: bool = False


@dataclass(frozen=True)
class RefusedMailing:
    """The mailing itself was refused: it is held until it changes, and nobody fails for it."""

    reason: str


@dataclass(frozen=True)
class Halt:
    """Nothing can leave (bad key, no credit): the breaker opens, and no attempt is counted."""

    reason: str


@dataclass(frozen=True)
class Unsure:
    """It was given away and no answer came: we do not know whether it left."""

    reason: str


Outcome = Sent | TryLater | RefusedRecipient | RefusedMailing | Halt | Unsure


class Notes(Protocol):
    """What a transport is told, and tells, while it hands messages over."""

    def go_on(self) -> bool:
        """Whether another message may begin."""

    def giving(self, outgoing: Outgoing) -> Outcome | None:
        """Note that a message is given away from this moment on. An outcome means: it must not be."""

    def giving_all(self, call: Sequence[Outgoing]) -> list[Outcome | None]:
        """Note the same of messages that leave together; each has an answer of its own."""

    def answered(self, outgoing: Outgoing, outcome: Outcome) -> None:
        """Note what became of a message, as soon as that is known."""

    def answered_all(self, answers: Sequence[tuple[Outgoing, Outcome]]) -> None:
        """Note the same of messages that were answered together."""


class Transport(Protocol):
    """A way out."""

    @property
    def has_events(self) -> bool:
        """Whether the provider reports later on what became of a message."""

    @property
    def most(self) -> int:
        """How many messages it likes to be given at once."""

    def prepare(self, outgoing: Outgoing) -> None:
        """Make what will leave. Raises whatever is wrong with the message, so that nobody else is blamed for it."""

    def send_many(self, batch: Iterable[Outgoing], notes: Notes) -> None:
        """Hand these messages over, in any order, as long as `notes.go_on()`; every one that is given away is answered.

        A message is made when it is asked for, so ask for one at a time, while those before it are on their way.
        Never raises for what the other side or the network does.
        """

    def close(self) -> None:
        """Let go of what is kept open; a later message opens it again."""


def clean_header(value: str) -> str:
    """Return the value if it is safe in a header. Raises ValueError for control characters and line breaks."""
    if not (value.isascii() and value.isprintable()):
        raise ValueError("a header value must be printable ASCII on one line")
    return value


def _lines(headers: Mapping[str, str]) -> bytes:
    """Return these headers as they leave. Raises ValueError as clean_header() does, in one look for all of them."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()]).encode("ascii")
    if lines.translate(None, PRINTABLE) != b"\r\n" * len(headers):  # nothing is left but the line breaks that are ours
        raise ValueError("a header value must be printable ASCII on one line")
    return lines


# Many messages in a row have these in common.


@lru_cache(1024)
def _head(name: str, address: str, subject: str, date: datetime, of_list: _List) -> bytes:
    head = {
        "From": formataddr((name, address)),
        "Subject": Header(subject, maxlinelen=LONGEST_LINE).encode(),
        "Date": format_datetime(date),
    }
    return _lines({**head, **_list_headers(of_list)})


@lru_cache(64)
def _list_headers(of: _List) -> Mapping[str, str]:
    return {
        "List-Id": of.list_id,
        **({"List-Unsubscribe-Post": ONE_CLICK} if of.leaving else {}),
        "Auto-Submitted": "auto-replied" if of.replied else "auto-generated",
        "X-Auto-Response-Suppress": "OOF, AutoReply",
        "Feedback-ID": of.feedback_id,
    }
