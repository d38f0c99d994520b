"""In charge of what is derived from SECRET_KEY: signatures, keyed hashes and encryption at rest.

The setting is a ring, newest key first. New signatures and ciphertext use the newest key; every key of the ring still
verifies and decrypts, so old links work for ever. Keyed hashes use the oldest key, so they stay equal across rotations.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from cryptography.fernet import Fernet, MultiFernet


def ring_of(setting: str) -> tuple[bytes, ...]:
    """Return the keys of a setting, which are parted by commas, the newest first."""
    return tuple(part.strip().encode() for part in setting.split(",") if part.strip())


@dataclass(frozen=True)
class Keys:
    """The ring; never shown by repr()."""

    ring: tuple[bytes, ...] = field(repr=False)

    @classmethod
    def of(cls, setting: str) -> Keys:
        """Read the ring from SECRET_KEY: keys parted by commas, the newest first."""
        return cls(ring_of(setting))

    def mac(self, purpose: str, message: bytes, *, key: int = 0) -> bytes:
        """Return 32 bytes of keyed BLAKE2b (RFC 7693) over purpose and message, by the key at this place of the ring.

        It is a MAC like HMAC-SHA256, made in a fifth of the time; every message needs four of them.
        """
        begun = self._begun.get((purpose, key)) or self._start(purpose, key)
        mac = begun.copy()
        mac.update(message)
        return mac.digest()

    def hash(self, what: str, value: str) -> str:
        """Return a keyed hash (64 hex digits) that proves equality and gives nothing away without the key."""
        return self.hasher(what)(value)

    def hasher(self, what: str) -> Callable[[str], str]:
        """Return what makes the keyed hashes of many values."""
        purpose = f"hash {what}"
        begin = (self._begun.get((purpose, -1)) or self._start(purpose, -1)).copy

        def hashed(value: str) -> str:
            mac = begin()
            mac.update(value.encode())
            return mac.hexdigest()

        return hashed

    def _start(self, purpose: str, key: int) -> hashlib.blake2b:
        begun = hashlib.blake2b(purpose.encode() + b"\0", key=self._mac_keys[key], digest_size=32)
        self._begun[purpose, key] = begun
        return begun

    def seal(self, secret: bytes) -> bytes:
        """Encrypt and authenticate (Fernet: AES-128-CBC and HMAC-SHA256)."""
        return self._box.encrypt(secret)

    def open(self, sealed: bytes) -> bytes:
        """Undo `seal`. Raises cryptography.fernet.InvalidToken when no key of the ring made it."""
        return self._box.decrypt(sealed)

    @cached_property
    def marks(self) -> tuple[bytes, ...]:
        """One byte per key: which key signed a token, without trying each."""
        return tuple(hashlib.sha256(b"mark" + key).digest()[:1] for key in self.ring)

    @cached_property
    def _mac_keys(self) -> tuple[bytes, ...]:
        # As long as BLAKE2b takes them, however long the setting is.
        return tuple(hashlib.blake2b(b"mac" + key).digest() for key in self.ring)

    @cached_property
    def _begun(self) -> dict[tuple[str, int], hashlib.blake2b]:
        """MACs that have seen only their purpose, by purpose and key; each message goes on from a copy."""
        return {}

    @cached_property
    def _box(self) -> MultiFernet:
        derived = (hmac.digest(key, b"at rest", "sha256") for key in self.ring)
        return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in derived])
