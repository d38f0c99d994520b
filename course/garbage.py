"""In charge of Python's garbage collector: it runs seldom, and skips what lives as long as the process."""

from __future__ import annotations

import gc

NEW_OBJECTS = 50_000  # so many before it looks


def seldom() -> None:
    """Never look again at what is there by now, and look for cycles less often. Call it when all modules are loaded.

    A claim of a thousand messages makes tens of thousands of objects without a cycle; looking through all modules for
    each few hundred of them took a tenth of the sending.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, 20, 20)
