"""In charge of a sealed file made of pieces: a mail of 35 MB is written and read with no second copy of it in memory.

A line for each piece, sealed by itself. Within the seal stand a number that was drawn for this file, the piece's place
and whether it is the last: nobody can take one away, add one or change their order without its being noticed.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from cryptography.fernet import InvalidToken

from course.keys import Keys

PIECE = 512 * 1024  # bytes
MARK = struct.Struct(">16sI?")  # the file's number, the place, whether it is the last


def sealed(keys: Keys, head: bytes, body: bytes) -> Iterator[bytes]:
    """Yield the lines of a file that holds these two."""
    number, places = secrets.token_bytes(16), range(0, len(body), PIECE)
    yield keys.seal(MARK.pack(number, 0, not places) + head) + b"\n"
    view = memoryview(body)
    for place, at in enumerate(places, start=1):
        last = place == len(places)
        yield keys.seal(b"".join([MARK.pack(number, place, last), view[at : at + PIECE]])) + b"\n"


def opened(path: Path, keys: Keys) -> tuple[bytes, bytes]:
    """Return what a file holds, head and body. Files of an earlier version, sealed as one line, are opened too.

    Raises FileNotFoundError, and InvalidToken for what is not ours or not whole.
    """
    with path.open("rb") as file:
        first = file.readline()
        if not first.endswith(b"\n"):
            head, _, body = keys.open(first).partition(b"\n")
            return head, body
        number, last, head = _piece(keys, first, b"", 0)
        whole = BytesIO()
        for place, line in enumerate(file, start=1):
            if last:
                raise InvalidToken
            number, last, piece = _piece(keys, line, number, place)
            whole.write(piece)
    if not last:
        raise InvalidToken
    return head, whole.getvalue()


def _piece(keys: Keys, line: bytes, number: bytes, place: int) -> tuple[bytes, bool, bytes]:
    """Return the file's number, whether this piece is the last, and what it holds."""
    content = keys.open(line.rstrip(b"\n"))
    if len(content) < MARK.size:
        raise InvalidToken
    said, at, last = MARK.unpack_from(content)
    if at != place or (number and said != number):
        raise InvalidToken
    return said, last, content[MARK.size :]
