"""In charge of reading what a browser or a mail provider posts: small forms as text, a raw mail as bytes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from fastapi import Depends
from python_multipart import MultipartParser
from python_multipart.multipart import parse_options_header
from starlette.exceptions import HTTPException
from starlette.requests import Request

from course.inbound.arriving import Arriving
from course.inbound.sendgrid import Attachment, mail_of

LONGEST = 64 * 1024  # bytes of any other field
LARGEST_ID = 10**18 - 1  # fits into a column
CHARSETS = b"charsets"
LONG = (b"email", b"headers", b"text", b"html")
SMALL = (b"envelope", b"dkim", b"SPF", b"spam_score", CHARSETS)
ATTACHED = re.compile(rb"attachment[1-9][0-9]{0,2}")


async def read(request: Request) -> Mapping[str, str]:
    """Return a form's text fields, URL-encoded or multipart; what is no form is an empty one.

    Raises HTTPException for what cannot be read.
    """
    try:
        form = await request.form(max_files=0, max_fields=50)
    except UnicodeError:  # Python's charset `undefined`, which reads nothing; another unknown one is Latin-1
        raise HTTPException(400) from None
    return {name: value for name, value in form.multi_items() if isinstance(value, str)}


Form = Annotated[Mapping[str, str], Depends(read)]


def number(text: str, most: int) -> int | None:
    """Return a whole number from 0 to `most` that is written as one writes it."""
    written = text.isascii() and text.isdecimal() and len(text) <= len(str(most))
    return int(text) if written and int(text) <= most else None


class MailForm:
    """The fields that we use of a form of Inbound Parse, as the bytes that came; the others are left where they are.

    `whole` says whether it came to its end.
    """

    def __init__(self, content_type: str, folder: Path) -> None:
        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data" or not options.get(b"boundary"):
            raise ValueError("not multipart/form-data")
        self.small = {name: bytearray() for name in SMALL}
        self.whole = False
        self._places: dict[bytes, list[int]] = {}  # where a field's content begins and ends in the file
        self._files: dict[bytes, tuple[bytes, bytes]] = {}  # the name and kind of each attachment
        self._name, self._named, self._kind = b"", b"", b""
        self._seen = set[bytes]()
        self._taking = False
        self._header, self._value = bytearray(), bytearray()
        self._file = Arriving(folder)
        self._parser = MultipartParser(
            options[b"boundary"],
            {
                "on_part_begin": self._part_begin,
                "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
                "on_header_end": self._header_end,
                "on_headers_finished": self._part_named,
                "on_part_data": self._part_data,
                "on_end": self._end,
            },
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, chunk: bytes) -> None:
        """Take the next bytes of the body. Raises ValueError for what is no form, OSError for a full disk."""
        self._parser.write(chunk)

    def mail(self) -> bytes | None:
        """Return the mail, as it came or made of its fields, or None if the form has none."""
        fields = {name.decode(): self._content(name) for name in self._places if name not in self._files}
        files = [Attachment(kind, file, self._content(name)) for name, (file, kind) in self._files.items()]
        return mail_of(fields | {"charsets": bytes(self.small[CHARSETS])}, files)

    def _content(self, name: bytes) -> bytes:
        start, end = self._places[name]
        self._file.seek(start)
        return self._file.read(end - start)

    def _part_begin(self) -> None:
        self._name, self._named, self._kind, self._taking = b"", b"", b"", False

    def _header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            _, options = parse_options_header(bytes(self._value))
            self._name, self._named = options.get(b"name", b""), options.get(b"filename", b"")
        elif self._header.lower() == b"content-type":
            self._kind = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _part_named(self) -> None:
        # The first field of a name counts: a second one cannot replace it.
        attached = ATTACHED.fullmatch(self._name) is not None
        known = attached or self._name in {*LONG, *SMALL}
        self._taking = known and self._name not in self._seen
        if self._taking:
            self._seen.add(self._name)
            if self._name not in self.small:
                self._places[self._name] = [self._file.size] * 2
            if attached:
                self._files[self._name] = (self._named, self._kind)

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._taking and self._name in self._places:
            self._file.write(data[start:end])
            self._places[self._name][1] = self._file.size
        elif self._taking and len(self.small[self._name]) < LONGEST:
            self.small[self._name].extend(data[start:end])

    def _end(self) -> None:
        self.whole = True
