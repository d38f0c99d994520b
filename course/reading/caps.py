"""In charge of the caps: how much of everything a mail may have before it is put aside instead of read."""

from __future__ import annotations

import re

LARGEST = 35 * 1024 * 1024  # bytes of a whole message
HEADER_BLOCK = 64 * 1024  # bytes
ONE_HEADER = 8 * 1024  # bytes
ADDRESS_HEADER = 4 * 1024  # bytes
FIELDS = 500
PARAMETERS = 100  # of a field; `email` takes them apart in time that grows with their square
PARTS = 200
DEPTH = 20
TEXT = 512 * 1024  # bytes of one text part that are looked at
WRAPPED = 1024 * 1024  # bytes of an S/MIME signature or a winmail.dat around the text that are looked into
LINES = 1_000_000  # of what is left of a mail when its attachments are cut
BOUNDARIES = 20 * PARTS  # lines that begin like a boundary
BLOCKS = 2_000  # empty lines of a report: `email` makes a message of each block of its fields

EMPTY_LINE = re.compile(rb"(?:\r\n?|\n)(?=[\r\n])")
HEAD_END = re.compile(rb"\r?\n\r?\n")  # RFC 5322 section 2.1
BOUNDARY = re.compile(rb"^--", re.MULTILINE)
PART_HEADER = re.compile(rb"^content-[a-z-]{1,40}:[^\n]*(?:\n[ \t][^\n]*)*", re.MULTILINE | re.IGNORECASE)


class TooMuchError(ValueError):
    """The message is over a cap; the text says which one. It is put aside, not read."""


def check_head(raw: bytes) -> None:
    """Check the size of a message and of its header. Raises TooMuchError."""
    if len(raw) > LARGEST:
        raise TooMuchError("larger than 35 MB")
    end = HEAD_END.search(raw, 0, HEADER_BLOCK + 4)
    if end is None and len(raw) > HEADER_BLOCK:
        raise TooMuchError("a header block over 64 kB")
    block = raw[: end.start()] if end else raw
    fields = re.split(rb"\r?\n(?![ \t])", block)
    if len(fields) > FIELDS:
        raise TooMuchError(f"more than {FIELDS} header fields")
    for field in fields:
        most = ADDRESS_HEADER if re.match(rb"(from|to|cc|reply-to|sender):", field, re.IGNORECASE) else ONE_HEADER
        if len(field) > most:
            raise TooMuchError("a header field that is too long")


def check_body(raw: bytes) -> None:
    """Check what would make parsing slow; on a message whose attachments are cut. Raises TooMuchError."""
    if raw.count(b"\n") > LINES:
        raise TooMuchError(f"more than {LINES} lines")
    if sum(1 for _ in BOUNDARY.finditer(raw)) > BOUNDARIES:
        raise TooMuchError(f"more than {BOUNDARIES} boundaries")
    if b"message/delivery-status" in raw.lower() and sum(1 for _ in EMPTY_LINE.finditer(raw)) > BLOCKS:
        raise TooMuchError(f"a report of more than {BLOCKS} blocks")
    for field in PART_HEADER.finditer(raw):
        if len(field[0]) > ONE_HEADER or field[0].count(b";") > PARAMETERS:
            raise TooMuchError("a header field of a part that is too long")
