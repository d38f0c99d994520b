"""In charge of what a firm's mail server puts above a message from elsewhere: "CAUTION: This comes from outside"."""

from __future__ import annotations

import re

from course.reading.lines import QUOTE, Line
from course.reading.words import Words

HIGHEST = 6  # lines above our message that are looked at
LONGEST = 500  # characters of one
FINISHED = re.compile(r"[.!\u3002]$")


def drop(lines: list[Line], ours: list[bool], words: Words) -> None:
    """Take a banner in the quote, right above our first line, for no word of a person, on however many lines."""
    first = next((index for index, one in enumerate(ours) if one), 0)
    goes_on = False
    for index in [at for at in range(first) if not lines[at].blank][-HIGHEST:]:
        line = lines[index]
        goes_on = goes_on and not lines[index - 1].blank
        if line.kind is QUOTE and len(line.seen) < LONGEST and (goes_on or words.banner.search(line.seen)):
            ours[index] = True
            goes_on = not FINISHED.search(line.seen)
        else:
            goes_on = False
