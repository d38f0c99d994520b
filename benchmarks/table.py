"""In charge of how results are shown: a line each while it runs, and the table in docs/performance.md."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.beside import ROOT
from benchmarks.nodemailer import version
from benchmarks.results import Limit, Result

PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
HEAD = "| what | must | aim | measured | lowest and highest run | medians behind it |\n|---|---|---|---|---|---|"


def line(result: Result) -> str:
    """Return a result as one line for a terminal."""
    return f"{result.limit.what}\n    must {_bound(result.limit)}: {_measured(result)} {_spread(result)} {result.words}"


def table(results: Sequence[Result]) -> str:
    """Return the results as a table in Markdown."""
    return "\n".join([HEAD, *(_row(result) for result in results)])


def write(results: Sequence[Result], machine: Sequence[str], page: Path = PAGE) -> None:
    """Put this table, and where it was measured, in the place of the last one. Nothing of the last one is kept."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"{page.name} has no place for the table: {BEGIN} … {END}")
    facts = "\n".join(f"- {fact}" for fact in machine)
    page.write_text(f"{before}{BEGIN}\n{facts}\n\n{table(results)}\n{END}{after}", encoding="utf-8")


def machine(load: float, arguments: Sequence[str], seconds: float) -> list[str]:
    """Return what has to be known about the machine and this run. `load` is the load average before it."""
    tools = {
        "Python": platform.python_version(),
        "Postfix": _said("postconf", "-h", "mail_version"),
        "PostgreSQL": _said("psql", "--version").removeprefix("psql (PostgreSQL) ").partition(" ")[0],
        "node": _said("node", "--version").removeprefix("v"),
        "nodemailer": version(),
        "sendgrid": importlib.metadata.version("sendgrid"),
    }
    here = f"{_cpu()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}"
    return [
        f"{datetime.now(UTC):%Y-%m-%d}, {here}; load {load:.1f} before, {seconds / 60:.0f} minutes",
        ", ".join(f"{name} {found or 'absent'}" for name, found in tools.items()),
        f"`{' '.join(['python -m benchmarks', *arguments])}`",
    ]


def _row(result: Result) -> str:
    limit = result.limit
    cells = [limit.what, _bound(limit), _number(limit, limit.aim), _measured(result), _spread(result), result.words]
    return f"| {' | '.join(cells)} |"


def _measured(result: Result) -> str:
    if result.value is None:
        return "—"
    return f"**{_number(result.limit, result.value)}**{' (missed)' if result.missed else ''}"


def _spread(result: Result) -> str:
    return "–".join(_number(result.limit, value) for value in result.spread) if result.spread else ""


def _bound(limit: Limit) -> str:
    return f"{'≤' if limit.at_most else '≥'} {_number(limit, limit.must)}"


def _number(limit: Limit, value: float) -> str:
    """Return a number with three digits that mean something, and its unit."""
    space = "" if limit.unit == "×" else " "
    return f"{value:.0f}{space}{limit.unit}" if abs(value) >= 100 else f"{value:.3g}{space}{limit.unit}"  # noqa: PLR2004


def _cpu() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    models = [found.partition(":")[2].strip() for found in lines if found.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def _said(program: str, *arguments: str) -> str:
    """Return what a program says of its version, or "" when it is not here."""
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        return ""
    return subprocess.run([found, *arguments], check=False, capture_output=True, text=True).stdout.strip()
