"""In charge of telling a failure: what an operator can mend becomes a sentence that says how, and is said once."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from course.content.sources import ContentError
from course.locking import LockedError
from course.settings import SettingsError
from course.store.database import AWAY
from course.store.failures import BackupError
from course.store.migrate import SchemaError

AGAIN = 300.0  # seconds until the same failure is logged once more


@dataclass
class Complaint:
    """What was last logged about work that is tried again and again, and when (stopwatch)."""

    said: str = ""
    at: float = 0.0

    def news(self, why: str, at: float) -> bool:
        """Whether to log this failure: it is another one than before, or five minutes have passed since."""
        if why == self.said and at - self.at < AGAIN:
            return False
        self.said, self.at = why, at
        return True

    def over(self) -> bool:
        """Note that it went well; return whether it had failed before."""
        failed, self.said = bool(self.said), ""
        return failed


def told(error: Exception) -> str:
    """Return what to do about an error, or "" for one that only a programmer can mend."""
    match error:
        case SettingsError():
            return f"A setting is missing or wrong (environment or .env):\n{error}"
        case ContentError():
            return f"The folder emails/ cannot be used as it is; `course check` finds every mistake:\n{error}"
        case SchemaError() | BackupError() | LockedError():
            return str(error)
        case SQLAlchemyError():
            return f"DATABASE_URL: the database did not do its part ({_why(error)}). Is it there, and may we use it?"
        case OSError(filename=str() as name):
            return f"{name}: {error.strerror}. Check DATA_DIR: its disk and its owner."
        case _:
            return ""


def _why(error: SQLAlchemyError) -> str:
    """Return the driver's own words, its first line only: what follows may be somebody's data."""
    words = str(error.orig) if isinstance(error, DBAPIError) else type(error).__name__
    return (words.strip().splitlines() or [type(error).__name__])[0]


def cause(error: Exception) -> str:
    """Return why something failed, for a log: words of the driver while the database is away, or of the system."""
    match error:
        case SQLAlchemyError() if isinstance(error, AWAY):
            return _why(error)
        case OSError(strerror=str() as words):
            return words
        case _:
            return type(error).__name__
