"""In charge of the bytes of what is just arriving: in memory while they are few, then on disk, unreadable there.

The file has no name, so nothing is left of it after a crash, and its key is only in memory: what a disk or a snapshot
still holds of it cannot be read by anybody, nor by us.
"""

from __future__ import annotations

import secrets
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Self

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

IN_MEMORY = 1024 * 1024  # bytes; what is longer goes to the file
BLOCK = 16  # bytes of AES


class Arriving:
    """A file that is written once, from its beginning to its end, and then read from anywhere.

    AES in counter mode (NIST SP 800-38A section 6.5): each byte can be read by itself, and no byte is written twice
    under one key, for each file has its own. Nobody else can write into it, so there is no seal.
    """

    def __init__(self, folder: Path) -> None:
        self.size = 0
        self._folder = folder
        self._key = secrets.token_bytes(32)
        self._stream: CipherContext | None = None  # none while it is in memory
        self._kept: IO[bytes] = BytesIO()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of all of it. Raises OSError for a full disk."""
        self._kept.close()

    def write(self, data: bytes) -> None:
        """Add to the end. Raises OSError for a full disk."""
        if self._stream is None and self.size + len(data) > IN_MEMORY:
            self._to_disk()
        self._kept.write(self._stream.update(data) if self._stream else data)
        self.size += len(data)

    def seek(self, place: int) -> None:
        """Go to where reading begins; nothing can be written from then on."""
        self._kept.seek(place)
        if self._stream:
            self._stream = self._from(place)

    def read(self, size: int = -1) -> bytes:
        """Return so many bytes, or all that are left."""
        found = self._kept.read(size)
        return self._stream.update(found) if self._stream else found

    def _to_disk(self) -> None:
        before, self._kept = self._kept, TemporaryFile(dir=self._folder)  # noqa: SIM115 (closed by __exit__)
        self._stream = self._from(0)
        with before:
            before.seek(0)
            self._kept.write(self._stream.update(before.read()))

    def _from(self, place: int) -> CipherContext:
        """Return what encrypts and decrypts the bytes from this place on: in counter mode both are the same."""
        stream = Cipher(AES(self._key), CTR((place // BLOCK).to_bytes(BLOCK, "big"))).encryptor()
        stream.update(bytes(place % BLOCK))
        return stream
