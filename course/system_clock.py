"""In charge of the one clock that really ticks; everywhere else the time is an argument."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event

from course import timelapse
from course.settings import Settings

# On Linux the one that also counts while the machine sleeps: a laptop that wakes up has not jumped.
STOPWATCH = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


@dataclass(frozen=True)
class SystemClock:
    """Time as it passes here; course time may run fast, by the anchor that DATA_DIR keeps."""

    lapse: timelapse.Lapse | None = None

    @classmethod
    def of(cls, settings: Settings) -> SystemClock:
        """Return the clock that these settings ask for; in time lapse, with the anchor that is kept or made now."""
        return cls(timelapse.lapse(settings, cls().real()))

    def now(self) -> datetime:
        """Return course time."""
        return self.lapse.course_time(self.real()) if self.lapse else self.real()

    def real(self) -> datetime:
        """Return real time."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never jump."""
        return time.clock_gettime(STOPWATCH)

    def rest(self, seconds: float, until: Event) -> None:
        """Let so many seconds go by, or fewer: until the event is set."""
        until.wait(seconds)
