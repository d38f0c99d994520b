"""In charge of tasting: a long mail is read in a process of its own before it is read in ours.

What kills, stalls or fills that process is put aside, and the service has not noticed. The words go through a pipe and
nowhere else; nothing of them comes back. A fresh process for each mail, so that the limits are each mail's own.
"""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from pathlib import Path
from threading import Lock

from course.reading import extract, mime, read
from course.reading.caps import TooMuchError

SMALL = 64 * 1024  # bytes, attachments cut; at most 50 ms of work, less than a process takes to start
MEMORY = 256 * 1024 * 1024  # bytes of address space
SECONDS = 5  # of processor time
PATIENCE = 60.0  # seconds by the clock on the wall, on a machine that is busy with something else
OVER_A_CAP = 3  # how the process ends
STOPPED = frozenset({-signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP})  # the service is stopping
ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-B", "-m", "course.inbound.tasting")
one_at_a_time = Lock()  # twenty long mails at once take no more memory than one


class NotTastedError(Exception):
    """There was no process to be had, or it was stopped from outside: the mail waits, for it is not its fault."""


def tasted(raw: bytes) -> bytes:
    """Return the mail, attachments cut, when it can be read within the limits.

    Raises TooMuchError when it cannot, NotTastedError when nobody could try.
    """
    small = mime.reduced(raw)
    if len(small) > SMALL:
        with one_at_a_time:
            _judge(_taste(small))
    return small


def _taste(small: bytes) -> int:
    """Let a process read the mail; return how it ended."""
    try:
        child = subprocess.Popen(  # noqa: S603 (ourselves)
            COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,  # a traceback may hold what a person wrote
            cwd=ROOT,
            env={},  # it needs no secret
            start_new_session=True,  # Ctrl-C is for us
        )
    except OSError as error:
        raise NotTastedError(type(error).__name__) from None
    with child:
        try:
            child.communicate(small, PATIENCE)
        except subprocess.TimeoutExpired:
            child.kill()
            raise TooMuchError(f"not read within {PATIENCE:.0f} seconds") from None
        finally:
            child.kill()
    return child.returncode


def _judge(ended: int) -> None:
    if ended in STOPPED:
        raise NotTastedError("stopped")
    if ended == OVER_A_CAP:
        raise TooMuchError("over a cap within one of its parts")
    if ended != 0:
        raise TooMuchError(f"not read within {MEMORY // 1024**2} MB and {SECONDS} seconds of processor time")


def limit() -> None:
    """Let this process have so much and no more."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # no word on the disk, whatever happens
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def main() -> None:
    """Read the mail on standard input as the service would, within the limits, and say only by the exit code how."""
    limit()
    raw = sys.stdin.buffer.read()
    try:
        read(raw)
    except TooMuchError:
        sys.exit(OVER_A_CAP)
    extract(raw)


if __name__ == "__main__":
    main()
