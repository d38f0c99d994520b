"""A tick with nothing due: how much longer it takes with a million enrolments than with ten thousand."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Iterator

from sqlalchemy import text

from benchmarks import crowd
from benchmarks.results import Limit, MismatchError, Result
from benchmarks.run import Run
from course.app import App

FEWER = 100  # a hundredth of the crowd is what it is compared with
TICKS = 200  # in each turn
WHAT = "a tick with nothing due, 1,000,000 against 10,000 enrolments, {}"
LIMITS = [Limit(WHAT.format(name), 1.3, 1.1, at_most=True) for name in ("SQLite", "PostgreSQL")]


def measure(run: Run) -> Iterator[Result]:
    """Measure on SQLite, then on PostgreSQL."""
    many, few = crowd.size(run), crowd.size(run) // FEWER
    with contextlib.ExitStack() as stack:
        large = stack.enter_context(contextlib.closing(crowd.of(crowd.copied(run, owed=False))))
        little = stack.enter_context(contextlib.closing(crowd.of(run.new_folder())))
        crowd.fill(little, few)
        for app in (large, little):
            crowd.welcome(app)
        yield _compared(run, LIMITS[0], large, little)
    with contextlib.ExitStack() as stack:
        addresses = [stack.enter_context(run.new_postgres()) for _ in range(2)]
        large, little = (crowd.of(run.new_folder(), address) for address in addresses)
        for app, people in ((large, many), (little, few)):
            stack.callback(app.close)
            crowd.fill(app, people)
            crowd.welcome(app)
            _tidied(app)
        yield _compared(run, LIMITS[1], large, little)


def _compared(run: Run, limit: Limit, large: App, little: App) -> Result:
    _turn(large, little)  # the first ticks open connections and read pages that are in no cache yet
    turns = [_turn(large, little) for _ in range(run.times)]
    of_large, of_little = (statistics.median(side) * 1000 for side in zip(*turns, strict=True))
    return limit.result([one / other for one, other in turns], f"{of_large:.2f} ms against {of_little:.2f} ms")


def _turn(large: App, little: App) -> tuple[float, float]:
    """Return the median time of a tick of each, in seconds. They alternate: the disk has its own moods."""
    both = [(_ticked(large), _ticked(little)) for _ in range(TICKS)]
    of_large, of_little = (statistics.median(side) for side in zip(*both, strict=True))
    return of_large, of_little


def _ticked(app: App) -> float:
    began = time.perf_counter()
    sent = app.tick()
    took = time.perf_counter() - began
    if sent:
        raise MismatchError("something was due after all")
    return took


def _tidied(app: App) -> None:
    """Let PostgreSQL look at its tables now; its cleaners would do it a minute later, while we measure."""
    engine = app.service.store.engine.execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("VACUUM ANALYZE"))
