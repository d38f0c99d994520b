"""From raw MIME to what a person wrote, or which machine wrote it. No database, no network, no clock."""

from course.reading.extracting import extract
from course.reading.incoming import Incoming, read

__all__ = ["Incoming", "extract", "read"]
