"""In charge of the stamp in a form: for how long somebody had it before them.

A program fills a form in at once. Nobody is refused for being quick: they get the form again, without a stamp, and
press once more. Forms on other sites have no stamp either.
"""

from __future__ import annotations

from datetime import datetime

from course import links
from course.keys import Keys
from course.links import Purpose

SOON = 3  # seconds


def stamp(keys: Keys, real_now: datetime) -> str:
    """Return what a form that is shown now carries."""
    return links.sign(keys, Purpose.FORM, int(real_now.timestamp()))


def too_soon(keys: Keys, carried: str, real_now: datetime) -> bool:
    """Whether a form came back sooner than a person can read it. One without a stamp of ours never does."""
    shown = links.read(keys, Purpose.FORM, carried)
    return shown is not None and real_now.timestamp() - shown[0] < SOON
