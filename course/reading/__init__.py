"""From raw MIME to what a person wrote, or which machine wrote it. No database, no network, no clock."""

from course.reading.incoming import Incoming, read

__all__ = ["Incoming", "read"]

from course.reading.bounces import failures
from course.reading.robots import is_automatic

__all__ = ["failures", "is_automatic"]
