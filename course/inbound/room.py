"""In charge of how much that strangers sent may lie on the disk: so many files, and so many bytes in all of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple


class Room(NamedTuple):
    """How many files may lie in a folder, and how many bytes in all of them."""

    files: int
    bytes: int

    def full(self, paths: Sequence[Path], more: int) -> bool:
        """Whether there is no room for one more file, of so many bytes."""
        return len(paths) + 1 > self.files or sum(map(_size, paths)) + more > self.bytes

    def over(self, paths: Sequence[Path]) -> Sequence[Path]:
        """Return which of these must go to make room for the others, taken from the beginning."""
        sizes = list(map(_size, paths))
        many, much, gone = len(paths), sum(sizes), 0
        while many - gone > self.files or much > self.bytes:
            much -= sizes[gone]
            gone += 1
        return paths[:gone]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0  # another process was faster
