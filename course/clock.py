"""In charge of what a clock is: two times, a stopwatch and a rest. Only system_clock.py has one that really ticks."""

from __future__ import annotations

from datetime import datetime
from threading import Event
from typing import Protocol

TICK = 1.0  # seconds between two looks at what is due
TIDY = 3600.0  # seconds between two times of tidying up


class Clock(Protocol):
    """Course time runs fast in time lapse and drives schedules and daily limits; real time drives the rest."""

    def now(self) -> datetime:
        """Return course time, aware UTC."""

    def real(self) -> datetime:
        """Return real time, aware UTC."""

    def monotonic(self) -> float:
        """Return seconds that never jump, and go on while the machine sleeps."""

    def rest(self, seconds: float, until: Event) -> None:
        """Let so many seconds go by, or fewer: until the event is set."""
