"""In charge of time lapse: a course day in so many seconds, from an anchor that DATA_DIR keeps."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from course.files import write_whole
from course.settings import Settings, SettingsError

DAY = 86_400  # seconds


@dataclass(frozen=True)
class Lapse:
    """Course time was `course` when real time was `real`, and a course day takes `seconds`."""

    real: datetime
    course: datetime
    seconds: float

    def course_time(self, real_now: datetime) -> datetime:
        """Return course time at this real time."""
        return self.course + (real_now - self.real) * (DAY / self.seconds)


def lapse(settings: Settings, real_now: datetime) -> Lapse | None:
    """Return the lapse that worker and command line share, or None for the usual speed.

    The anchor is written at the first start, and anew (going on from the course time reached) when TIMELAPSE changes.
    Raises SettingsError for a DATA_DIR that was lived in time lapse when TIMELAPSE is no longer set.
    """
    path = settings.data_dir / "timelapse.json"
    known = _read(path)
    if settings.timelapse is None:
        if known is not None and known.course_time(real_now) - real_now > timedelta(minutes=1):
            raise SettingsError(
                f"TIMELAPSE: {settings.data_dir} was lived in time lapse, ahead of today; set TIMELAPSE again, or put "
                "another DATA_DIR for real people; if only you tried things out there, you may delete that folder"
            )
        return None
    if known is not None and known.seconds == settings.timelapse:
        return known
    begun = Lapse(real_now, known.course_time(real_now) if known else real_now, settings.timelapse)
    anchor = {"real": begun.real.isoformat(), "course": begun.course.isoformat(), "seconds": begun.seconds}
    write_whole(path, json.dumps(anchor).encode())
    return begun


def _read(path: Path) -> Lapse | None:
    try:
        said = json.loads(path.read_text())
        known = Lapse(datetime.fromisoformat(said["real"]), datetime.fromisoformat(said["course"]), said["seconds"])
        if not 0 < known.seconds <= DAY or known.real.tzinfo is None or known.course.tzinfo is None:
            raise ValueError("a moment without a zone, or a pace that is none")  # noqa: TRY301
    except FileNotFoundError:
        return None
    except (ArithmeticError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(f"TIMELAPSE: {path} cannot be read ({type(error).__name__}); delete it") from None
    return known
