"""In charge of what is measured and what it comes to: the limits, alternated runs, medians and ratios."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class MissingError(Exception):
    """A tool is not here; the text names it and says how to get it."""


class MismatchError(Exception):
    """Something did not arrive, arrived twice or was not the same: no number may come of it."""


class Speed(NamedTuple):
    """Messages (or rows, or recipients) a second, and our own process's CPU time for each in µs, if that is known."""

    per_second: float
    cpu: float | None = None


@dataclass(frozen=True)
class Limit:
    """One row of the table: what is measured, what it must be, and what we aim for. `at_most`: less is better."""

    what: str
    must: float
    aim: float
    unit: str = "×"
    at_most: bool = False

    def result(self, values: Sequence[float], words: str) -> Result:
        """Return the median of these values, one from each run, and how far they spread."""
        return Result(self, statistics.median(values), (min(values), max(values)), words)

    def against(self, ours: Sequence[Speed], theirs: Sequence[Speed], name: str, what: str = "") -> Result:
        """Return how much faster ours was, run by run; `what` is counted, `name` is who it is compared with."""
        ratios = [one.per_second / other.per_second for one, other in zip(ours, theirs, strict=True)]
        cpu = [one.cpu for one in ours if one.cpu is not None]
        costs = f" at {statistics.median(cpu):.0f} µs CPU each" if cpu else ""
        words = f"{_median(ours):,.0f}{what}/s{costs}; {name} {_median(theirs):,.0f}/s"
        return self.result(ratios, words)


@dataclass(frozen=True)
class Result:
    """What was measured for a limit; without a value, `words` say why there is none."""

    limit: Limit
    value: float | None
    spread: tuple[float, float] | None
    words: str
    failed: bool = False

    @property
    def missed(self) -> bool:
        """Whether it was measured and is not what it must be."""
        if self.value is None:
            return False
        return self.value > self.limit.must if self.limit.at_most else self.value < self.limit.must


def none(limit: Limit, words: str, *, failed: bool = False) -> Result:
    """Return the result of a limit without a number: skipped, not asked for, or failed."""
    return Result(limit, None, None, words, failed)


def rounds(times: int, contenders: Mapping[str, Callable[[], Speed]]) -> dict[str, list[Speed]]:
    """Let the contenders take turns, so many times; each time another one begins."""
    speeds: dict[str, list[Speed]] = {name: [] for name in contenders}
    names = list(contenders)
    for turn in range(times):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            speeds[name].append(contenders[name]())
    return speeds


def _median(speeds: Sequence[Speed]) -> float:
    return statistics.median(one.per_second for one in speeds)
