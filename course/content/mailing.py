"""In charge of the compiled mailing: one lesson or notice in one locale, with its slots left open, ready for bytes."""

from __future__ import annotations

import binascii
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from html import escape

from course.content import slots

CRLF = b"\r\n"
SOFT = b"=" + CRLF
NOT_HTML = re.compile(r"[&<>\"'\r\n\0]")
ROOM = 74  # characters of a value that is broken into lines; each has a place for a soft break
# What quoted-printable and HTML leave as it is, broken so that no line begins with a dot: almost all links.
AS_IT_IS = re.compile(rf"(?:(?!\.)[!#-%(-;?-~]{{{ROOM}}})*(?!\.)[!#-%(-;?-~]{{1,{ROOM}}}")
LINK = "_url"  # what the name of a slot for a link ends with
MARKUP = "_html"  # and of one whose value is HTML: it stands in the HTML only, as it is
Encode = Callable[[str], tuple[bytes, bytes]]  # what stands for a value in the text, and in the HTML
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
        """Return the HTML with each value escaped that is not HTML itself, its line breaks kept."""
        return slots.fill(self._html, {name: shown(name, value) for name, value in values.items()})

    def subject_for(self, values: Mapping[str, str]) -> str:
        """Return the subject with values as they are."""
        return slots.fill(self._subject, values)

    def mime(self, values: Mapping[str, str], head: bytes = b"") -> bytes:
        """Return `head`, then the MIME headers and both parts, quoted-printable (RFC 2045 section 6.7) with CRLF.

        No line begins with a dot, so it goes into an SMTP dialogue as it is (RFC 5321 section 4.5.2).
        """
        literal, open_, places = self._frame
        encoded = [encode(values[slot]) for slot, encode in open_]
        pieces = [head, *literal]
        pieces[2::2] = [encoded[slot][part] for slot, part in places]
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
    def _frame(self) -> tuple[list[bytes], list[tuple[str, Encode]], list[tuple[int, int]]]:
        """Everything that is the same for all, encoded once, with an empty place wherever a slot is; then the slots.

        Then for each such place which slot it is, and whether of the text (0) or of the HTML (1).
        """
        # "=_" cannot occur in quoted-printable text, so no value can forge a boundary.
        boundary = f"=_{self.digest}"
        head = f'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="{boundary}"\r\n\r\n'
        literal = [f"{head}--{boundary}\r\n{_part('plain')}".encode()]
        open_ = list(dict.fromkeys(self._text[1::2] + self._html[1::2]))
        places: list[tuple[int, int]] = []
        for part, (split, after) in enumerate(
            (
                (self._text, f"\r\n--{boundary}\r\n{_part('html')}"),
                (self._html, f"\r\n--{boundary}--\r\n"),
            )
        ):
            for number, piece in enumerate(split):
                if number % 2:
                    # A soft line break on both sides keeps lines short, whatever the value is.
                    literal[-1] += SOFT
                    literal += [b"", SOFT]
                    places.append((open_.index(piece), part))
                else:
                    literal[-1] += _quoted(piece)
            literal[-1] += after.encode()
        return literal, [(slot, ENCODE.get(slot[slot.rfind("_") :], _often)) for slot in open_], places


def in_html(value: str) -> str:
    """Return a value as it may stand in HTML text or in a quoted attribute."""
    if not NOT_HTML.search(value):
        return value
    return escape(_plain(value)).replace("\n", "<br>")


def shown(slot: str, value: str) -> str:
    """Return a slot's value as it stands in the HTML."""
    return value if slot.endswith(MARKUP) else in_html(value)


def _plain(text: str) -> str:
    """Return a text with one kind of line break and no NUL: a bare CR has no place in a mail (RFC 5322 section 2.3)."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")


def _part(subtype: str) -> str:
    return f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"


def _quoted(text: str) -> bytes:
    encoded = binascii.b2a_qp(_plain(text).encode(), istext=True)
    *lines, last = encoded.split(b"\n")
    # The soft break that follows a piece needs a place on its last line too.
    return CRLF.join([*(_bounded(line, LONGEST) for line in lines), _bounded(last, LONGEST - 1)])


def _encoded(value: str) -> tuple[bytes, bytes]:
    """Return what stands for a value in the text, and in the HTML."""
    if not AS_IT_IS.fullmatch(value):
        return _quoted(value), _quoted(in_html(value))
    same = value.encode("ascii")
    if len(same) > ROOM:
        same = SOFT.join([same[start : start + ROOM] for start in range(0, len(same), ROOM)])
    return same, same


_often = lru_cache(4096)(_encoded)  # help lines, dates, days, names: the same for many; no two links are


@lru_cache(4096)
def _markup(value: str) -> tuple[bytes, bytes]:
    return b"", _quoted(value)


ENCODE: dict[str, Encode] = {LINK: _encoded, MARKUP: _markup}  # by what a slot's name ends with


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
