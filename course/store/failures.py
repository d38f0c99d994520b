"""In charge of what goes wrong with a backup or a restore; the text says what to do."""

from __future__ import annotations


class BackupError(Exception):
    """A backup could not be made, or cannot be used; nothing was changed."""
