"""In charge of the command line: `python -m benchmarks [NAMES…]` measures, and with `--write` keeps the table."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
from collections.abc import Iterator, Sequence
from types import ModuleType

from benchmarks import table
from benchmarks.results import Limit, MismatchError, MissingError, Result, none
from benchmarks.run import Run
from course import logs

# In the order of the table.
NAMES = ("fill", "smtp", "nodemailer", "latency", "sendgrid", "claims", "idle", "memory")
FEWEST = 5  # runs behind a number that is kept
NOT_RUN = "not measured in this run"


def main() -> None:
    """Measure, print, write; exit with 1 when a row is not what it must be, or something did not arrive."""
    asked = asked_for(sys.argv[1:])
    modules = {name: importlib.import_module(f"benchmarks.{name}") for name in NAMES}
    results: dict[Limit, Result] = {}
    load, began = os.getloadavg()[0], time.monotonic()
    logs.set_up("error")
    failed = False
    with Run(times=asked.runs, messages=asked.messages, small=asked.small) as run:
        for name in asked.names or NAMES:
            for result in measured(modules[name], run):
                results[result.limit] = result
                failed |= result.failed or result.missed
                print(table.line(result), flush=True)
    limits = [limit for module in modules.values() for limit in module.LIMITS]
    rows = [results.get(limit) or none(limit, NOT_RUN) for limit in limits]
    if asked.write:
        table.write(rows, table.machine(load, sys.argv[1:], time.monotonic() - began))
        print(f"\nWritten: {table.PAGE}")
    sys.exit(1 if failed else 0)


def measured(module: ModuleType, run: Run) -> Iterator[Result]:
    """Yield what a benchmark comes to; what it could not measure says why."""
    left: list[Limit] = list(module.LIMITS)
    try:
        for result in module.measure(run):
            left.remove(result.limit)
            yield result
    except MissingError as missing:
        yield from (none(limit, f"skipped: {missing}") for limit in left)
    except MismatchError as wrong:
        yield from (none(limit, f"FAILED: {wrong}", failed=True) for limit in left)


def asked_for(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="How fast it sends, against others here.")
    parser.add_argument(
        "names", nargs="*", choices=[[], *NAMES], metavar="NAME", help=f"which ones: {', '.join(NAMES)}"
    )
    parser.add_argument("--runs", type=int, default=5, help="how often contenders take turns (default: 5)")
    parser.add_argument("--messages", type=int, default=10_000, help="how many we send each time (default: 10,000)")
    parser.add_argument(
        "--small", action="store_true", help="20,000 people instead of a million: to try, not to measure"
    )
    parser.add_argument("--write", action="store_true", help="write the table into docs/performance.md")
    asked = parser.parse_args(arguments)
    if asked.write and (asked.small or asked.runs < FEWEST):
        parser.error(f"--write wants numbers that mean something: {FEWEST} runs at least, and without --small")
    return asked


if __name__ == "__main__":
    main()
