"""In charge of mail that goes no further than this machine: one file per message in DATA_DIR/outbox."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC
from pathlib import Path

from course.files import write_whole
from course.outbound import one_by_one
from course.outgoing import Halt, Notes, Outcome, Outgoing, Sent
from course.settings import Settings

NAME = re.compile(r"[a-z0-9-]{1,200}")  # no dot and no slash, so a name never leaves the folder
STAMP = "%Y%m%d-%H%M%S%f"  # to the microsecond, so that names sort as the mails were made
STAMPED = "[0-9]" * 8 + "-" + "[0-9]" * 12  # the same as a glob


class Folder:
    """Writes messages; sending the same Message-ID again replaces its file."""

    has_events = False
    most = 1

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def send(self, outgoing: Outgoing) -> Outcome:
        """Write one message, whole or not at all."""
        name = _name(outgoing)
        data = outgoing.as_bytes()
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # A repeat keeps its first name: the mailbox shows one mail for one Message-ID.
            earlier = next(self.folder.glob(f"{STAMPED}-{_local(outgoing)}.eml"), None)
            path = earlier or self.folder / f"{name}.eml"
            write_whole(path, data)
        except OSError as error:
            return Halt(f"the outbox cannot be written: {error.strerror}. Check DATA_DIR: its disk and its owner")
        return Sent(path.stem)

    def prepare(self, outgoing: Outgoing) -> None:
        """Make the bytes that will be written."""
        outgoing.as_bytes()

    def send_many(self, batch: Iterable[Outgoing], notes: Notes) -> None:
        """Hand these messages over, one after the other."""
        one_by_one(self.send, batch, notes)

    def close(self) -> None:
        """Nothing is kept open."""


def open(settings: Settings) -> Folder:  # noqa: A001 (every transport offers `open`)
    """Return the transport that writes to DATA_DIR/outbox, for its owner's eyes only."""
    folder = settings.data_dir / "outbox"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    return Folder(folder)


def messages(folder: Path) -> list[Path]:
    """Return the files of all messages, newest first; none if there is no folder yet."""
    return sorted(folder.glob(f"{STAMPED}-*.eml"), reverse=True)


def find(folder: Path, name: str) -> Path | None:
    """Return a message's file by its name without .eml, or None; `name` is never taken for a path."""
    if not NAME.fullmatch(name):
        return None
    path = folder / f"{name}.eml"
    return path if path.is_file() else None


def _local(outgoing: Outgoing) -> str:
    return outgoing.message_id.strip("<>").partition("@")[0]


def _name(outgoing: Outgoing) -> str:
    name = f"{outgoing.date.astimezone(UTC).strftime(STAMP)}-{_local(outgoing)}"
    if not NAME.fullmatch(name):
        raise ValueError("our Message-IDs have a local part of a-z, 0-9 and - only (course.links.message_id)")
    return name
