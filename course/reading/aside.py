"""In charge of mail that is put aside, because nobody can decide it: why."""

from __future__ import annotations

from enum import StrEnum


class Why(StrEnum):
    """Why a mail is put aside; it stands in the name of its file."""

    UNCLEAR = "unclear"  # nobody can tell whether a person wrote it
    NOBODY = "nobody"  # nobody can tell whose it is
    SEALED = "sealed"  # encrypted, or in a format of Outlook's own
    TOO_MUCH = "too-much"  # over a cap
    OTHER_SENDER = "other-sender"  # not from the address on file, where OTHER_SENDERS=hold
    EMPTY = "empty"  # no word and no photo in it, where EMPTY_MAIL=hold
    BROKEN = "broken"  # it could not be read
    LOST_KEY = "lost-key"  # sealed with a key that SECRET_KEY no longer holds


class HeldError(Exception):
    """A mail is to be put aside: nothing is decided of it, and nothing is written."""

    def __init__(self, why: Why) -> None:
        """Say why."""
        super().__init__(str(why))
        self.why = why
