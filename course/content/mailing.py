"""In charge of the compiled mailing: one lesson or notice in one locale, with its slots left open, ready for bytes."""

from __future__ import annotations

import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from html import escape

from course.content import slots

CRLF = b"\r\n"
SOFT = b"=" + CRLF
NOT_HTML = re.compile(r"[&<>\"'\r\n\0]")
# What quoted-printable and HTML leave as it is, in one line with a place for a soft break: most values, all links.
AS_IT_IS = re.compile(r"(?![. ])[ !#-%(-;?-~]{1,74}(?<! )")
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

    def mime(self, values: Mapping[str, str], head: bytes = b"") -> bytes:
        """Return `head`, then the MIME headers and both parts, quoted-printable (RFC 2045 section 6.7) with CRLF.

        No line begins with a dot, so it goes into an SMTP dialogue as it is (RFC 5321 section 4.5.2).
        """
        literal, open_ = self._frame
        pieces = [head, *literal]
        for slot, in_text, in_html in open_:
            text, html = _encoded(values[slot])
            for place in in_text:
                pieces[place] = text
            for place in in_html:
                pieces[place] = html
        return b"".join(pieces)

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
    def _frame(self) -> tuple[list[bytes], list[tuple[str, list[int], list[int]]]]:
        """Everything that is the same for all, encoded once; and for each slot its places in text and HTML, from 1."""
        # "=_" cannot occur in quoted-printable text, so no value can forge a boundary.
        boundary = f"=_{self.digest}"
        head = f'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="{boundary}"\r\n\r\n'
        literal = [f"{head}--{boundary}\r\n{_part('plain')}".encode()]
        open_: dict[str, tuple[list[int], list[int]]] = {}
        for which, (split, after) in enumerate(
            (
                (self._text, f"\r\n--{boundary}\r\n{_part('html')}"),
                (self._html, f"\r\n--{boundary}--\r\n"),
            )
        ):
            for place, piece in enumerate(split):
                if place % 2:
                    # A soft line break on both sides keeps lines short, whatever the value is.
                    literal[-1] += SOFT
                    literal += [b"", SOFT]
                    open_.setdefault(piece, ([], []))[which].append(len(literal) - 1)
                else:
                    literal[-1] += _quoted(piece)
            literal[-1] += after.encode()
        return literal, [(slot, *places) for slot, places in open_.items()]


def in_html(value: str) -> str:
    """Return a value as it may stand in HTML text or in a quoted attribute."""
    if not NOT_HTML.search(value):
        return value
    return escape(_plain(value)).replace("\n", "<br>")


def _plain(text: str) -> str:
    """Return a text with one kind of line break and no NUL: a bare CR has no place in a mail (RFC 5322 section 2.3)."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")


def _part(subtype: str) -> str:
    return f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"


@lru_cache(4096)  # help lines, dates, days: the same for many
def _quoted(text: str) -> bytes:
    encoded = binascii.b2a_qp(_plain(text).encode(), istext=True)
    *lines, last = encoded.split(b"\n")
    # The soft break that follows a piece needs a place on its last line too.
    return CRLF.join([*(_bounded(line, LONGEST) for line in lines), _bounded(last, LONGEST - 1)])


def _encoded(value: str) -> tuple[bytes, bytes]:
    """Return what stands for a value in the text, and in the HTML."""
    if AS_IT_IS.fullmatch(value):
        return (same := value.encode("ascii"), same)
    return _quoted(value), _quoted(in_html(value))


def _bounded(line: bytes, most: int) -> bytes:
    """Encode a dot at the line's start (RFC 2049 section 3), and break an encoded line that is too long.

    binascii makes such lines where it encodes the space at a line's end; so does the dot.
    """
    if line[:1] == b".":
        line = b"=2E" + line[1:]
    if len(line) <= most:
        return line
    cut = LONGEST - 4
    cut -= next((back for back in (1, 2) if line[cut - back : cut - back + 1] == b"="), 0)  # never inside =C3
    return line[:cut] + SOFT + _bounded(line[cut:], most)
