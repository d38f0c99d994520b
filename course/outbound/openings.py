"""In charge of connections that are being made: in the background, so that those that are there go on meanwhile."""

from __future__ import annotations

import binascii
import smtplib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for

Opened = tuple[smtplib.SMTP, float]  # a greeted connection, and since when (by the stopwatch) it is there


class Openings:
    """Up to `most` at once. `opened` makes one, and raises what is in the way of it."""

    def __init__(self, opened: Callable[[], smtplib.SMTP], most: int, monotonic: Callable[[], float]) -> None:
        self._opened = opened
        self._monotonic = monotonic
        self._openers = ThreadPoolExecutor(most, "smtp")
        self._begun: set[Future[Opened]] = set()

    def __len__(self) -> int:
        """Return how many are not taken in yet."""
        return len(self._begun)

    def begin(self, wanted: int) -> None:
        """Let so many be on their way."""
        for _ in range(wanted - len(self._begun)):
            self._begun.add(self._openers.submit(self._open))

    def take(self) -> tuple[list[Opened], Exception | None]:
        """Return those that are there by now, and why one could not be had, if so."""
        there, trouble = list[Opened](), None
        for answer in [each for each in self._begun if each.done()]:
            self._begun.discard(answer)
            try:
                there.append(answer.result())
            except (OSError, binascii.Error) as error:  # smtplib's own errors are OSErrors
                trouble = error
        return there, trouble

    def wait(self) -> None:
        """Wait for the next one."""
        wait_for(self._begun, return_when="FIRST_COMPLETED")

    def close(self) -> None:
        """Wait for all, and let go of them."""
        wait_for(self._begun)
        for smtp, _ in self.take()[0]:
            smtp.close()

    def _open(self) -> Opened:
        return self._opened(), self._monotonic()
