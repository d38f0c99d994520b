"""In charge of what can become of a mail that comes in."""

from __future__ import annotations

from enum import StrEnum


class Decision(StrEnum):
    """What became of a mail; also the kind of its row in `replies`."""

    COMPLETED = "completed"
    COMMAND = "command"
    LEFT = "left"
    NOTED = "noted"  # a person wrote to something that is not a lesson
    EMPTY = "empty"  # nobody can see that a person wrote
    AUTOMATIC = "automatic"
    JOINED = "joined"  # somebody asks for a course, and is asked back
    REPEATED = "repeated"  # the same mail once more
    DROPPED = "dropped"  # ours to forget: a machine's, or that of somebody who was erased
    HELD = "held"  # it is put aside for whoever looks after the service: reading.aside says why
