"""From raw MIME to what a person wrote, or which machine wrote it. No database, no network, no clock."""

from course.reading.bounces import failures
from course.reading.extracting import extract
from course.reading.incoming import Incoming, read
from course.reading.robots import is_automatic

__all__ = ["Incoming", "extract", "failures", "is_automatic", "read"]
