"""In charge of the compiled mailing: one lesson or notice in one locale, with its slots left open, ready for bytes."""

from __future__ import annotations

import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from html import escape

from course.content import slots

CRLF = b"\r\n"
LONGEST = 76  # characters of an encoded line, RFC 2045 section 6.7


@dataclass(frozen=True)
class Mailing:
    """`text` and `html` hold slot markers. `name` is day-1 … or a notice's; `day` is None for a notice."""

    course: str
    name: str
    locale: str
    day: int | None
    subject: str
    text: str
    html: str

    @cached_property
    def digest(self) -> str:
        """What this mailing is kept by: it changes with every letter of the text."""
        return hashlib.sha256(self.dump().encode()).hexdigest()[:32]

    def dump(self) -> str:
        """Return the mailing as JSON, for the store."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)

    @classmethod
    def of(cls, dumped: str) -> Mailing:
        """Undo `dump`."""
        return cls(**json.loads(dumped))

    def text_for(self, values: Mapping[str, str]) -> str:
        """Return the plain text with values as they are."""
        return slots.fill(self._text, values)

    def html_for(self, values: Mapping[str, str]) -> str:
        """Return the HTML with each value escaped, its line breaks kept."""
        return slots.fill(self._html, {name: in_html(value) for name, value in values.items()})

    def subject_for(self, values: Mapping[str, str]) -> str:
        """Return the subject with values as they are."""
        return slots.fill(self._subject, values)

    def mime(self, values: Mapping[str, str]) -> bytes:
        """Return the MIME headers and both parts, quoted-printable (RFC 2045 section 6.7) with CRLF."""
        htmls = {name: in_html(value) for name, value in values.items()}
        head, text, middle, html, tail = self._frame
        return head + _filled(text, values) + middle + _filled(html, htmls) + tail

    @cached_property
    def _subject(self) -> list[str]:
        return slots.split(self.subject)

    @cached_property
    def _text(self) -> list[str]:
        return slots.split(self.text)

    @cached_property
    def _html(self) -> list[str]:
        return slots.split(self.html)

    @cached_property
    def _frame(self) -> tuple[bytes, list[bytes | str], bytes, list[bytes | str], bytes]:
        # "=_" cannot occur in quoted-printable text, so no value can forge a boundary.
        boundary = f"=_{self.digest}"
        head = f'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="{boundary}"\r\n\r\n'
        start = f"--{boundary}\r\n{_part('plain')}"
        middle = f"\r\n--{boundary}\r\n{_part('html')}"
        tail = f"\r\n--{boundary}--\r\n"
        return (
            (head + start).encode(),
            _pieces(self._text),
            middle.encode(),
            _pieces(self._html),
            tail.encode(),
        )


def in_html(value: str) -> str:
    """Return a value as it may stand in HTML text or in a quoted attribute."""
    return escape(_plain(value)).replace("\n", "<br>")


def _plain(text: str) -> str:
    """Return a text with one kind of line break and no NUL: a bare CR has no place in a mail (RFC 5322 section 2.3)."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")


def _part(subtype: str) -> str:
    return f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"


def _pieces(split: list[str]) -> list[bytes | str]:
    """Encode the literal text once; a slot's name stays a str. A soft line break on both sides keeps lines short."""
    return [piece if place % 2 else _quoted(piece) for place, piece in enumerate(split)]


def _filled(pieces: list[bytes | str], values: Mapping[str, str]) -> bytes:
    soft = b"=" + CRLF
    return soft.join(_quoted(values[piece]) if isinstance(piece, str) else piece for piece in pieces)


@lru_cache(4096)  # help lines, dates, days: the same for many
def _quoted(text: str) -> bytes:
    encoded = binascii.b2a_qp(_plain(text).encode(), istext=True)
    *lines, last = encoded.split(b"\n")
    # The soft break that follows a piece needs a place on its last line too.
    return CRLF.join([*(_shortened(line, LONGEST) for line in lines), _shortened(last, LONGEST - 1)])


def _shortened(line: bytes, most: int) -> bytes:
    """Break an encoded line that is too long (binascii forgets to, where it encodes the space at a line's end)."""
    if len(line) <= most:
        return line
    cut = LONGEST - 4
    cut -= next((back for back in (1, 2) if line[cut - back : cut - back + 1] == b"="), 0)  # never inside =C3
    return line[:cut] + b"=" + CRLF + line[cut:]
