"""Promises of the only clock: on SQLite a second one does not start, and says why."""

from __future__ import annotations

import sys

import pytest
from conftest import ON_SQLITE, make_settings

import worker
from course import sole
from course.settings import SettingsError


@ON_SQLITE
def test_a_second_clock_does_not_start_and_says_why(settings, monkeypatch):
    """One service runs; whoever starts it once more reads what to do, and nothing is touched."""
    monkeypatch.setenv("DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("DATABASE_URL", settings.database)
    monkeypatch.setattr(sys, "argv", ["worker.py", "--only", "clock"])

    with sole.hold(settings), pytest.raises(SystemExit, match="another clock is running") as ended:
        worker.main()
    assert "end the other one first" in str(ended.value)


@pytest.mark.parametrize("name", ["course.db", "letters.db"])
def test_two_folders_with_one_database_have_one_clock(tmp_path, name):
    """Each has its own DATA_DIR, and both name the same file: the second one would take the first one's for dead."""
    one, two = (
        make_settings(data_dir=tmp_path / folder, database_url=f"sqlite:///{tmp_path}/{name}") for folder in ("a", "b")
    )

    with sole.hold(one), pytest.raises(SettingsError, match="another clock"):
        sole.hold(two)


def test_the_folder_s_own_database_is_the_same_by_its_name(tmp_path):
    """A service that names none has course.db in its folder; one that names that file shares it."""
    one = make_settings(data_dir=tmp_path / "var")
    two = make_settings(data_dir=tmp_path / "b", database_url=f"sqlite:///{tmp_path}/var/../var/course.db?timeout=9")

    with sole.hold(one), pytest.raises(SettingsError, match="another clock"):
        sole.hold(two)


def test_a_database_by_another_name_is_the_same_one(tmp_path):
    """One service reaches the file by a link that lies elsewhere: it is still one database, with one clock."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "course.db").symlink_to(tmp_path / "disk" / "course.db")
    one, two = (
        make_settings(data_dir=tmp_path / folder, database_url=f"sqlite:///{tmp_path}/{where}/course.db")
        for folder, where in (("a", "disk"), ("b", "links"))
    )

    with sole.hold(one), pytest.raises(SettingsError, match="another clock"):
        sole.hold(two)


def test_two_databases_in_one_folder_have_two_clocks(tmp_path):
    """Two services that keep their databases side by side are in nobody's way."""
    one, two = (
        make_settings(data_dir=tmp_path / name, database_url=f"sqlite:///{tmp_path}/{name}.db") for name in ("a", "b")
    )

    with sole.hold(one):
        sole.hold(two).close()


@ON_SQLITE
def test_the_next_one_starts_when_the_first_has_ended(settings):
    """A lock that was let go, or half of one that was not had, stands in nobody's way."""
    with sole.hold(settings), pytest.raises(SettingsError):
        sole.hold(settings)

    sole.hold(settings).close()


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_on_postgresql_several_clocks_run(settings):
    """They know of each other by the database."""
    with sole.hold(settings):
        sole.hold(settings).close()
