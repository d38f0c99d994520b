"""In charge of the two lock files: `python tests/lock.py` makes them, `--check` tells whether they fit pyproject.toml.

The check needs no network. A lock must install on a bare Debian by pip with hashes, from whatever index the machine
uses: so it names no index, no address and no option, and every requirement in it has its hashes.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT, RUN, DEV = "pyproject.toml", "requirements.lock", "requirements-dev.lock"
OPTIONS = (
    "--generate-hashes",
    "--universal",
    *("--python-version", "3.11"),
    "--no-header",
    "--no-annotate",
    "--no-emit-index-url",
    *("--group", "build"),
)
# `name==version`, maybe with extras and a marker, then its hashes on lines of their own.
PINNED = re.compile(r"(?P<name>[\w.-]+)(\[[\w.,-]+\])?==(?P<version>[^\s;\\]+)(\s*;[^\\]*)?\s*\\?")
HASH = re.compile(r"\s+--hash=sha256:[0-9a-f]{64}(\s*\\)?")


def main() -> None:
    """Make both locks, or check them."""
    if sys.argv[1:] == ["--check"]:
        problems = list(check(ROOT))
        if problems:
            sys.exit("\n".join([*problems, "The locks do not fit pyproject.toml: run `make lock`."]))
        return
    make(())
    make(("--group", "dev", "--constraint", RUN))


def make(more: tuple[str, ...]) -> None:
    """Let uv write one lock; what is pinned in it already stays, if it still fits."""
    uv = Path(sys.executable).with_name("uv")
    command = [uv, "pip", "compile", "--quiet", *OPTIONS, *more, PROJECT, "--output-file", DEV if more else RUN]
    done = subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.DEVNULL)
    if done.returncode:
        sys.exit("The locks could not be made; the lines above say why.")


def check(root: Path) -> Iterator[str]:
    """Yield what is wrong with the locks in this folder."""
    project = tomllib.loads((root / PROJECT).read_text(encoding="utf-8"))
    groups = project["dependency-groups"]
    run = [*project["project"]["dependencies"], *groups["build"]]
    pins: dict[str, dict[str, set[str]]] = {}
    for lock, wanted in ((RUN, run), (DEV, [*run, *groups["dev"]])):
        lines = (root / lock).read_text(encoding="utf-8").splitlines()
        yield from (f"{lock}:{number}: {say}" for number, say in odd_lines(lines))
        pins[lock] = pinned(lines)
        yield from (f"{lock}: {say}" for say in unmet(wanted, pins[lock]))
    for name, versions in pins[RUN].items():
        if pins[DEV].get(name) != versions:
            yield f"{DEV}: {name} is not as in {RUN}"


def odd_lines(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Yield each line that is neither a pinned requirement nor a hash, and each requirement without a hash."""
    for number, line in enumerate(lines, 1):
        if PINNED.fullmatch(line):
            following = lines[number] if number < len(lines) else ""
            if not (line.endswith("\\") and HASH.fullmatch(following)):
                yield number, "this requirement has no hash"
        elif line.strip() and not line.startswith("#") and not HASH.fullmatch(line):
            yield number, "this line is no pinned requirement: an option, an address or an index has no place here"


def pinned(lines: list[str]) -> dict[str, set[str]]:
    """Return the versions of each requirement; several, where they depend on the Python."""
    versions: dict[str, set[str]] = {}
    for found in filter(None, map(PINNED.fullmatch, lines)):
        versions.setdefault(canonicalize_name(found["name"]), set()).add(found["version"])
    return versions


def unmet(wanted: list[str], pins: dict[str, set[str]]) -> Iterator[str]:
    """Yield what pyproject.toml asks for and a lock does not hold, or not in a version that will do."""
    for requirement in map(Requirement, wanted):
        versions = pins.get(canonicalize_name(requirement.name), set())
        if not versions:
            yield f"{requirement.name} is missing"
        for version in sorted(versions):
            if not requirement.specifier.contains(version, prereleases=True):
                yield f"{requirement.name} {version} is not {requirement.specifier}"


if __name__ == "__main__":
    main()
