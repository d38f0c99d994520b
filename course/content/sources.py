"""In charge of reading one author's file: front matter, sections, and every mistake by its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import frontmatter
import yaml

INDENTED = re.compile(r" +[a-z_]+:")
ROUND = re.compile("^[a-z_]+:\\s*[“”„«»‹›‘’‚]")  # noqa: RUF001 (quotes of many languages)
HEADING = re.compile(r"^##\s+(?P<words>.*?)\s*(?:\{#(?P<id>[a-z]+)\})?\s*$")


@dataclass(frozen=True)
class Problem:
    """One mistake. `warning` means that the course works all the same."""

    path: Path
    line: int
    message: str
    warning: bool = False

    def __str__(self) -> str:
        """Return `file:line: what to do`."""
        return f"{self.path}:{self.line}: {'warning: ' if self.warning else ''}{self.message}"


class ContentError(Exception):
    """The folder emails/ cannot be used as it is; `problems` says where and what to do."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it. The opening has no heading; `line` is that of the first body line."""

    id: str
    heading: str
    markdown: str
    line: int


@dataclass(frozen=True)
class Source:
    """One lesson or notice as its author wrote it."""

    path: Path
    front: Mapping[str, Any]
    sections: tuple[Section, ...]
    problems: tuple[Problem, ...] = field(default=(), compare=False)

    @property
    def missing(self) -> bool:
        """Whether there is no such file."""
        return not self.path.is_file()

    def line_of(self, key: str) -> int:
        """Return the line of a front-matter key, or 1."""
        lines = self.path.read_text(encoding="utf-8-sig").splitlines()
        return next((number for number, line in enumerate(lines, 1) if line.startswith(f"{key}:")), 1)


def read(path: Path) -> Source:
    """Read one Markdown file. A file that cannot be read gives a Source with problems, never an exception."""
    if not path.is_file():
        return Source(path, {}, (), (Problem(path, 1, missing(path)),))
    try:
        text = path.read_text(encoding="utf-8-sig")
        front, body = frontmatter.parse(text)
    except UnicodeDecodeError:
        return Source(path, {}, (), (Problem(path, 1, "save this file as UTF-8"),))
    except yaml.MarkedYAMLError as error:
        line = (error.problem_mark.line if error.problem_mark else 0) + 1
        return Source(path, {}, (), (Problem(path, line, _head_mistake(text.splitlines()[line - 1 : line])),))
    except (yaml.YAMLError, ValueError):  # a control character, a day that is none
        say = "mend the lines between --- and ---: put each value in double quotes"
        return Source(path, {}, (), (Problem(path, 1, say),))
    problems = () if front else (Problem(path, 1, "begin with --- and the lines subject:, preheader:, then ---"),)
    lines_before = text[: text.rindex(body)].count("\n") if body else 0
    return Source(path, front, tuple(sections(body, lines_before + 1)), problems)


def missing(path: Path) -> str:
    """Return what to do about a text that is not there; it may have been saved under a name that is nearly the same."""
    near = [one.name for one in path.parent.glob("*") if one.name.casefold().startswith(f"{path.stem.casefold()}.")]
    if not near:
        return "this file is missing: write it"
    return f"this file is missing: {min(near)} is beside it; save that as plain text, under the name {path.name}"


def _head_mistake(line: list[str]) -> str:
    """Return what to do with a line of a head that cannot be read; a tab in it cannot be seen."""
    if any("\t" in said.partition('"')[0] for said in line):
        return "there is a tab in this line; put a space in its place, and none before the first word"
    if any(INDENTED.match(said) for said in line):
        return "there is a space before the first word of this line; take it out"
    if any(ROUND.search(said) for said in line):
        return 'the quotes in this line are round ones; put straight ones (") in their place'
    return "put the value after the colon in double quotes"


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file. Raises ContentError naming the line."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ContentError([Problem(path, 1, "this file is missing: write it")]) from None
    except UnicodeDecodeError:
        raise ContentError([Problem(path, 1, "save this file as UTF-8")]) from None
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        raise ContentError([Problem(path, int(line[1]) if line else 1, f"mend this line: {error}")]) from None


def is_whole(value: object, low: int, high: int) -> bool:
    """Whether a value is a whole number between these two."""
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def toml_line(path: Path, key: str) -> int:
    """Return the line of a key or table in a TOML file, or 1."""
    begins, lines = (f"{key} ", f"{key}=", f"[{key}]"), path.read_text(encoding="utf-8-sig").splitlines()
    return next((number for number, line in enumerate(lines, 1) if line.strip().startswith(begins)), 1)


def sections(body: str, first_line: int) -> list[Section]:
    """Return what stands under each heading of a body that begins on this line of its file; the opening has none."""
    found: list[tuple[str, str, int, list[str]]] = [("opening", "", first_line, [])]
    for number, line in enumerate(body.splitlines(), first_line):
        heading = HEADING.match(line)
        if heading:
            found.append((heading["id"] or "", heading["words"], number + 1, []))
        else:
            found[-1][3].append(line)
    return [Section(id_, words, "\n".join(lines), line) for id_, words, line, lines in found]
