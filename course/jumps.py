"""In charge of telling when the wall clock jumped: it went further than a stopwatch did. Pure; no clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from course.clock import Clock

TOO_FAR = timedelta(hours=1)  # ahead; time servers mend seconds, and nobody's hour is missed by less


@dataclass(frozen=True)
class Reading:
    """What the wall clock (`real`, aware UTC) and the stopwatch (`monotonic`, seconds) said at the same moment."""

    real: datetime
    monotonic: float

    @classmethod
    def of(cls, clock: Clock) -> Reading:
        """Read both."""
        return cls(clock.real(), clock.monotonic())


def ahead(before: Reading, now: Reading) -> timedelta:
    """Return how much more time the wall clock says has passed than did; negative when it was put back."""
    return (now.real - before.real) - timedelta(seconds=now.monotonic - before.monotonic)
