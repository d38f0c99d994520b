"""From raw MIME to what a person wrote, or which machine wrote it. No database, no network, no clock."""

from course.reading.bounces import failures
from course.reading.extracting import extract, sift
from course.reading.incoming import Incoming, pictures, read, typed
from course.reading.looking import reacts
from course.reading.robots import Verdict, is_automatic
from course.reading.signals import Counts

__all__ = [
    "Counts",
    "Incoming",
    "Verdict",
    "extract",
    "failures",
    "is_automatic",
    "pictures",
    "reacts",
    "read",
    "sift",
    "typed",
]
