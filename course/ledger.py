"""In charge of the ledger: what a worker gave away and what it was answered, on disk before the database knows.

An append-only file per worker, locked for as long as its worker lives. What is noted together is one write to the
file, made before the messages leave, so it survives kill -9. No line waits for the disk, so a power cut may take some
with it. The first line therefore says in which boot of the machine the ledger was begun: after another boot, whatever
the ledger does not tell of is in doubt. It also names the database: the numbers mean nothing to another one.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from json.encoder import encode_basestring_ascii
from pathlib import Path

import structlog

from course.outgoing import Halt, Outcome, RefusedMailing, RefusedRecipient, Sent, TryLater, Unsure

KINDS = {kind.__name__: kind for kind in (Sent, TryLater, RefusedRecipient, RefusedMailing, Halt, Unsure)}
HEAD = re.compile(r"since (\S*) of (\S*)")
STARTS = Path("/proc/sys/kernel/random/boot_id")  # a new random name each time that Linux boots
log = structlog.get_logger()


@dataclass(frozen=True)
class Page:
    """What a ledger says: `given` are the deliveries handed over, `answers` what became of those that were answered.

    `whole`: nothing else was given away.
    """

    worker: str
    given: frozenset[int]
    answers: dict[int, Outcome]
    whole: bool = True
    database: str = ""


class Ledger:
    """The ledger of this worker. Raises OSError when it cannot be made, or when another worker holds it."""

    def __init__(self, folder: Path, worker: str, database: str = "") -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = folder / f"{worker}.ledger"
        new = self.path.with_suffix(".new")  # whoever looks for ledgers of the dead sees none before it is locked
        self._file = os.open(new, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        new.rename(self.path)
        self._head = self._begin(_head(database))
        self._shut = False
        self._turn = threading.Lock()

    def giving(self, ids: Sequence[int]) -> bool:
        """Write down that these are given away from now on; return False where nothing may be any more.

        Raises OSError (disk full): then they must not be either.
        """
        with self._turn:
            if not self._shut:
                self._write("".join([f"{one}\n" for one in ids]))
            return not self._shut

    def shut(self) -> None:
        """Let nothing be given away from now on: what is not noted by now never will be. For another thread."""
        with self._turn:
            self._shut = True

    def answered(self, answers: Sequence[tuple[int, Outcome]]) -> None:
        """Write down what became of these. They have left: a full disk leaves them in doubt after a crash, no more."""
        try:
            self._write("".join([f"{one} {_said(outcome)}\n" for one, outcome in answers]))
        except OSError as error:
            log.error("the ledger cannot be written; check DATA_DIR: its disk and its owner", error=error.strerror)

    def settled(self) -> None:
        """Begin anew: the database knows it all."""
        os.ftruncate(self._file, self._head)

    def close(self) -> None:
        """Let go of it; a ledger that says nothing is removed."""
        if os.fstat(self._file).st_size == self._head:
            self.path.unlink(missing_ok=True)
        os.close(self._file)

    def _begin(self, head: bytes) -> int:
        """Write the first line; return its length, 0 where the disk is full: then nothing can be given away either."""
        with contextlib.suppress(OSError):
            if os.write(self._file, head) == len(head):
                return len(head)
        os.ftruncate(self._file, 0)
        return 0

    def _write(self, lines: str) -> None:
        data = lines.encode("ascii")
        written = os.write(self._file, data)
        if written < len(data):
            # Half a number must not become the beginning of the next line.
            os.ftruncate(self._file, os.fstat(self._file).st_size - written)
            raise OSError(0, "the disk is full")


def of_the_dead(folder: Path, settle: Callable[[Page], None], database: str = "") -> None:
    """Give the ledger of each worker that is dead to `settle`, and remove it when that is done.

    One of another database is left alone, until somebody works on that one again.

    Its lock tells: the system frees it when a process ends, however it ends. A torn last line is ignored: its message
    was not given away, or is in doubt by the line before.
    """
    for path in sorted(folder.glob("*.ledger")):
        with _unlocked(path) as free:
            if free and (page := _read(path)).database in {"", database}:
                settle(page)
                path.unlink(missing_ok=True)


def of_one(folder: Path, worker: str) -> Page | None:
    """Return what this worker's ledger says so far, whether it lives or not; None if it is not here."""
    try:
        return _read(folder / f"{worker}.ledger")
    except FileNotFoundError:
        return None


@contextlib.contextmanager
def _unlocked(path: Path) -> Iterator[bool]:
    try:
        file = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        yield False
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(file)


def _read(path: Path) -> Page:
    given: set[int] = set()
    answers: dict[int, Outcome] = {}
    *lines, _ = path.read_text(encoding="ascii", errors="replace").split("\n")
    head = HEAD.fullmatch(lines[0]) if lines else None
    for line in lines[1 if head else 0 :]:
        number, _, said = line.partition(" ")
        try:
            given.add(int(number))
            if said:
                kind, fields = json.loads(said)
                answers[int(number)] = KINDS[kind](**fields)
        except (ValueError, TypeError, KeyError):
            log.error("a line of a ledger cannot be read", ledger=path.name)
    whole = head is not None and head[1] == this_start()
    return Page(path.stem, frozenset(given), answers, whole, head[2] if head else "")


def this_start() -> str:
    """Return the name of the machine's present boot; "" where the system gives none."""
    try:
        return STARTS.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _said(outcome: Outcome) -> str:
    if isinstance(outcome, Sent):  # almost all: the same as below, in a fifth of the time
        return f'["Sent", {{"provider_id": {encode_basestring_ascii(outcome.provider_id)}}}]'
    return json.dumps([type(outcome).__name__, vars(outcome)])


def _head(database: str) -> bytes:
    return f"since {this_start()} of {database}\n".encode("ascii")
