"""In charge of JOURNAL_KEYS: what each person's own key is wrapped by, and how that key locks their words.

The setting is a ring like SECRET_KEY, newest key first; a new key wraps what is new, and every key of the ring still
unwraps. Each wrapped key goes with the mark of the one that wrapped it, so nobody has to try.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from functools import cached_property

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from course.keys import ring_of

NONCE = 12  # bytes, NIST SP 800-38D section 8.2.2: random for each message, of which a person's key sees few
KEY = 32  # bytes: AES-256


class LockedError(Exception):
    """Something cannot be unlocked by the keys that are here; it is as it was, and the text says what is missing."""


@dataclass(frozen=True)
class KeyRing:
    """The ring; never shown by repr()."""

    ring: tuple[bytes, ...] = field(repr=False)

    @classmethod
    def of(cls, setting: str) -> KeyRing:
        """Read the ring from JOURNAL_KEYS: keys parted by commas, the newest first. "" is an empty one."""
        return cls(ring_of(setting))

    def __bool__(self) -> bool:
        """Whether there is any key."""
        return bool(self.ring)

    @cached_property
    def marks(self) -> tuple[str, ...]:
        """Eight hex digits for each key, which give nothing of it away."""
        return tuple(hashlib.sha256(b"journal mark" + key).hexdigest()[:8] for key in self.ring)

    def wrap(self, key: bytes, name: str) -> tuple[str, bytes]:
        """Return the mark of the newest key, and a person's key wrapped by it. `name` is what the key is kept under."""
        return self.marks[0], lock(_derived(self.ring[0]), key, name)

    def unwrap(self, mark: str, wrapped: bytes, name: str) -> bytes:
        """Undo `wrap`. Raises LockedError when the ring has no key of this mark, or it is not what was wrapped."""
        if mark not in self.marks:
            raise LockedError(f"JOURNAL_KEYS: the key with the mark {mark} is missing; put it back, after the newest")
        return unlock(_derived(self.ring[self.marks.index(mark)]), wrapped, name)


def new_key() -> bytes:
    """Return a key for one person."""
    return secrets.token_bytes(KEY)


def lock(key: bytes, what: bytes, name: str) -> bytes:
    """Encrypt and authenticate (AES-256-GCM), bound to the name of the place where it is kept."""
    nonce = secrets.token_bytes(NONCE)
    return nonce + AESGCM(key).encrypt(nonce, what, name.encode())


def unlock(key: bytes, locked: bytes, name: str) -> bytes:
    """Undo `lock`. Raises LockedError for another key, another place, or what was changed since."""
    try:
        return AESGCM(key).decrypt(locked[:NONCE], locked[NONCE:], name.encode())
    except (InvalidTag, ValueError):
        raise LockedError("What is kept here was locked by another key, or was changed; nobody can open it") from None


def _derived(key: bytes) -> bytes:
    return hmac.digest(key, b"journal wrap", "sha256")
