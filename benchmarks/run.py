"""In charge of one run of the benchmarks: how much is sent, where temporary files are, a PostgreSQL of its own."""

from __future__ import annotations

import importlib.util
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, chdir, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Self

from sqlalchemy import create_engine, text

from benchmarks.beside import ROOT
from benchmarks.results import MissingError
from course.settings import Settings
from course.store import migrate
from course.store.database import Store


@dataclass
class Run:
    """`times` is how often contenders take turns; `small` is for development: its numbers mean nothing."""

    times: int = 5
    messages: int = 10_000
    small: bool = False
    numbers: count[int] = field(default_factory=count)

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="bench")))
        self._stack.enter_context(alone(self.folder))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def new_folder(self) -> Path:
        """Return a folder that is removed when the run ends."""
        folder = self.folder / str(next(self.numbers))
        folder.mkdir()
        return folder

    @contextmanager
    def new_postgres(self) -> Iterator[str]:
        """Yield the address of an empty PostgreSQL database with our tables, which is gone afterwards.

        Dropped, so that its cleaners do not run while others are measured. Raises MissingError.
        """
        name, server = f"bench_{next(self.numbers)}", self._server
        admin = create_engine(server % "postgres", isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        try:
            store = Store(server % name)
            migrate.upgrade(store)
            store.close()
            yield server % name
        finally:
            with admin.connect() as connection:
                connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
            admin.dispose()

    @cached_property
    def _server(self) -> str:
        postgres = _tests_postgres()
        if postgres.binaries() is None:
            raise MissingError("no PostgreSQL programs here; on Debian: apt install postgresql (it need not run)")
        address: str = self._stack.enter_context(postgres.server(durable=True))
        return address


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep this machine's environment and .env out meanwhile: they may name a database with people in it."""
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.lower() in Settings.model_fields}
    try:
        with chdir(folder):
            yield
    finally:
        os.environ.update(kept)


def _tests_postgres() -> ModuleType:
    """Return the module by which the tests start PostgreSQL; they are no package."""
    spec = importlib.util.spec_from_file_location("postgres", ROOT / "tests" / "postgres.py")
    if spec is None or spec.loader is None:
        raise MissingError("tests/postgres.py is not here")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
