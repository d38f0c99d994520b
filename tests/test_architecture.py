"""The import rules of ARCHITECTURE.md, and the habits that a machine can check."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
COURSE = ROOT / "course"
MODULES = sorted([*COURSE.rglob("*.py"), ROOT / "worker.py"])
PLAIN = {
    "settings",
    "settings_rules",
    "hosts",
    "signers",
    "files",
    "schedule",
    "offsets",
    "links",
    "keys",
    "locking",
    "addresses",
    "outgoing",
    "clock",
    "jumps",
    "timelapse",
    "sole",
    "ledger",
    "garbage",
    "logs",
    "content",
    "reading",
}
LEVEL = (
    dict.fromkeys(PLAIN, 0)
    | {"store": 1, "journeys": 2}
    | dict.fromkeys(
        (
            "app",
            "ticking",
            "erasure",
            "failures",
            "greeting",
            "system_clock",
            "sockets",
            "cli",
            "web",
            "outbound",
            "inbound",
        ),
        3,
    )
)
LEVEL |= {"worker": 4, "__main__": 4, "__init__": 0}
# Each library's only doors. A name that is not here may be imported anywhere.
DOORS = {
    "apscheduler": {"worker"},
    "uvicorn": {"worker", "web/connections"},
    "dotenv": {"settings"},
    "pydantic_settings": {"settings"},
    "sendgrid": {"outbound/sendgrid_client"},
    "python_http_client": {"outbound/sendgrid_client"},
    "smtplib": {"outbound"},
    "fastapi": {"web"},
    "starlette": {"web"},
    "sqlalchemy": {"store", "journeys", "app", "failures", "cli"},
    "alembic": {"store"},
    "sqlite3": {"store"},
    "psycopg": {"store"},
    "subprocess": {"store/postgresql", "inbound/tasting"},
    "jinja2": {"content", "web"},
    "typer": {"cli"},
    "requests": set(),
    "urllib.request": {"outbound/sendgrid_client"},
    "http.client": {
        "outbound/http_answer",
        "outbound/sendgrid_client",
        "outbound/sendgrid",
        "outbound/sendgrid_erasing",
    },
    "socket": {"sockets", "app", "outbound", "inbound", "worker"},
    "typst": set(),  # the developer's tool: the service only hands its PDFs out
    "aiosmtpd": {"inbound/smtp_talk"},
    "dkim": {"inbound/signatures"},
    "imap_tools": {"inbound/imap_talk"},
    "imaplib": {"inbound/imap_talk"},
}

TEST = re.compile(r"\btest_\w+")


def room(path: Path) -> str:
    """Return a module's room: `journeys` for course/journeys/signup.py, `schedule` for course/schedule.py."""
    if path.parent == ROOT:
        return path.stem
    return path.relative_to(COURSE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    """Yield every module that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def name(path: Path) -> str:
    """Return a path as the tests show it."""
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_imports_point_down(path):
    """A room imports only from its own level's room and from the levels below."""
    own = room(path)
    wrong = []
    for imported in imports(path):
        parts = imported.split(".")
        if parts[0] != "course" or len(parts) < 2 or parts[1] not in LEVEL:
            continue
        there = parts[1]
        same_room = there == own
        if not same_room and LEVEL[there] > LEVEL[own]:
            wrong.append(imported)

    assert wrong == []


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_transports_and_sources_know_no_table(path):
    """The ways in and out get bytes and mailings handed in; they import neither the store nor a journey."""
    if room(path) not in {"outbound", "inbound"}:
        return
    known = [imported for imported in imports(path) if imported.startswith(("course.store", "course.journeys"))]

    assert known == []


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_each_library_has_one_door(path):
    """A library is imported only where ARCHITECTURE.md says that its door is."""
    where = name(path).removeprefix("course/").removesuffix(".py")
    wrong = [
        imported
        for imported in imports(path)
        for library, doors in DOORS.items()
        if (imported == library or imported.startswith(f"{library}."))
        and not any(where == door or where.startswith(f"{door}/") for door in doors)
    ]

    assert wrong == []


def test_every_library_that_is_imported_is_asked_for():
    """None is there only because another one happens to bring it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = {canonicalize_name(Requirement(one).name) for one in project["dependencies"]}
    brought = packages_distributions()
    used = {imported.partition(".")[0] for path in MODULES for imported in imports(path)}
    theirs = {one: set(map(canonicalize_name, brought[one])) for one in used & brought.keys() - {"course"}}

    assert len(theirs) > 20
    assert {one for one, named in theirs.items() if not named & asked} == set()


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_only_the_system_clock_reads_the_time(path):
    """Everywhere else the time is an argument."""
    source = path.read_text(encoding="utf-8")
    reads = re.findall(r"datetime\.now\(|datetime\.utcnow|date\.today\(|time\.time\(|\btime_ns\(", source)
    if room(path) == "system_clock":
        return

    assert reads == []


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_only_settings_reads_the_environment(path):
    """Everywhere else a setting is an attribute of Settings."""
    if room(path) == "settings":
        return

    assert re.findall(r"os\.environ|getenv|load_dotenv", path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_modules_say_what_they_are_in_charge_of_and_stay_small(path):
    """A module begins with a docstring, has at most 230 lines, and no function has over 45."""
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    table = path.name in {"tables.py", "0001_first_tables.py"}
    long = [
        f"{node.name}: {node.end_lineno - node.lineno + 1}"
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > 45
        and not table
    ]

    assert ast.get_docstring(tree)
    assert long == []
    # app.py is one short method for everything that an edge may ask for.
    assert table or source.count("\n") <= (250 if path.name == "app.py" else 230)


def test_architecture_names_every_module_it_points_to():
    """Every path in ARCHITECTURE.md's table of places is there."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:\w+/)?\w+\.py)`", text))
    missing = [
        path for path in named if not any((base / path).exists() for base in (ROOT, COURSE, COURSE / "journeys"))
    ]

    assert missing == []


def test_what_it_exists_for_is_an_afternoons_reading():
    """ARCHITECTURE.md lists the modules to begin with; together they have fewer lines than it says."""
    chapter = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").partition("## An afternoon's reading")[2]
    chapter = chapter.partition("\n## ")[0]
    modules = re.findall(r"`([\w/]+\.py)`", chapter)
    most = int(re.search(r"fewer than ([\d,]+) lines", chapter)[1].replace(",", ""))

    assert {"journeys/claiming.py", "journeys/settling.py", "journeys/replies.py"} <= set(modules)
    lines = sum(len((COURSE / module).read_text(encoding="utf-8").splitlines()) for module in modules)
    assert most / 2 < lines < most


def test_no_machine_and_no_package_index_is_named():
    """Nothing that is committed names a path of somebody's machine or the address of a package index."""
    pattern = re.compile(r"(?<![\w.])/(?:root|home/\w+|work)/|--(?:extra-)?index-url|--find-links|://\S+/simple\b")
    texts = [
        *MODULES,
        *ROOT.glob("*.lock"),
        *ROOT.glob("*.md"),
        ROOT / "Makefile",
        ROOT / "pyproject.toml",
        ROOT / ".ci/run",
    ]
    found = [name(path) for path in texts if pattern.search(path.read_text(encoding="utf-8"))]

    assert found == []


def test_every_fault_in_the_documents_names_its_test():
    """What docs/sending.md, sendgrid.md, hostile-mail.md and threats.md promise is held by a test of that name."""
    pages = "sending", "sendgrid", "hostile-mail", "threats"
    named = {name for page in pages for name in TEST.findall((ROOT / f"docs/{page}.md").read_text())}
    there = {name for path in (ROOT / "tests").glob("test_*.py") for name in TEST.findall(path.read_text())}

    assert len(named) > 50
    assert sorted(named - there) == []
