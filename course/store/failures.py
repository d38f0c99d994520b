"""In charge of what goes wrong with a backup or a restore; the text says what to do."""

from __future__ import annotations


def reason(error: BaseException | None) -> str:
    """Return the first line of what a driver said: those after it may be somebody's data."""
    return (str(error).strip().splitlines() or ["no reason was given"])[0]


class BackupError(Exception):
    """A backup could not be made, or cannot be used; nothing was changed."""
