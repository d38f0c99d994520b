"""In charge of when Python looks for garbage: seldom, and not among what lives as long as the process."""

from __future__ import annotations

import gc

NEW_OBJECTS = 50_000  # so many before it looks


def seldom() -> None:
    """Leave alone what is there by now, and look for cycles less often; for a process that is about to work.

    A claim of a thousand messages makes tens of thousands of objects without a cycle; looking through all modules for
    each few hundred of them took a tenth of the sending.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, 20, 20)
