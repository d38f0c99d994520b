"""In charge of what help_lines.toml must be like: whole rows, each of them checked by somebody not long ago."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from course.content.help_lines import AUDIENCES, EVERYONE, FRESH, WAYS, day_of
from course.content.sources import Problem

FIELDS = ("name", "how", "contact", "hours", "url", "audience")
DATE = "verified_on"
KNOWN = {"how": WAYS, "audience": (EVERYONE, *AUDIENCES)}


def problems(path: Path, table: Mapping[str, Any], today: date) -> Iterator[Problem]:
    """Yield every mistake in the rows of this file, and every row that is not printed for want of a fresh check."""
    lines = path.read_text(encoding="utf-8").splitlines()
    for country, rows in table.items():
        at = [number for number, line in enumerate(lines, 1) if line.strip() == f"[[{country}]]"]
        if not re.fullmatch(r"[A-Z]{2}", country):
            yield Problem(path, at[0] if at else 1, f"{country}: write the country as two capital letters, like [[GB]]")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            yield Problem(path, 1, f"{country}: write [[{country}]] above each of its rows")
            continue
        # Rows that are written in another way than [[GB]] have no line of their own.
        for line, row in zip(at + [1] * (len(rows) - len(at)), rows, strict=False):
            yield from (Problem(path, line, f"{country}: {say}", warn) for say, warn in _of_a_row(row, today))


def _of_a_row(row: Mapping[str, Any], today: date) -> Iterator[tuple[str, bool]]:
    """Yield what is wrong with a row, and whether it is a warning only."""
    for field in FIELDS:
        if not isinstance(row.get(field), str) or not row[field].strip():
            yield f'write {field} = "…" in this row', False
    for field, known in KNOWN.items():
        if row.get(field) and row[field] not in known:
            yield f"{field}: write one of {', '.join(known)}", False
    name = f"{row.get('name', 'this row')} ({row.get('how', '')})"
    said = row.get(DATE)
    if said == "":
        yield f"{name} is not printed: check it at {row.get('url', 'its source')}, then write the day", True
        return
    checked = day_of(said)
    if checked is None or checked > today:
        yield f'{name}: write {DATE} = "YYYY-MM-DD", the day it was checked, or "" for never', False
    elif today - checked > FRESH:
        yield f"{name} is no longer printed: it was checked on {checked}; check it again", True
