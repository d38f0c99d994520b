"""In charge of `course backup`, `course restore` and `course transfer`."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import typer

from course import sole
from course.cli.service import load
from course.content import catalogue
from course.journeys import restoring, transferring
from course.journeys.restoring import Restored
from course.settings import Settings, SettingsError
from course.store import backup as backups
from course.store import replacing
from course.store.database import Store
from course.store.failures import BackupError
from course.system_clock import SystemClock


def backup(file: Path, *, overwrite: bool) -> None:
    """Write a backup, and say what else to keep."""
    settings = load()
    store = Store(settings.database)
    try:
        counts = backups.take(store, file, overwrite=overwrite)
    finally:
        store.close()
    rows = ", ".join(f"{count} {name}" for name, count in counts.items())
    typer.echo(f"{file}: {file.stat().st_size / 1e6:.1f} MB, verified ({rows}).")
    typer.echo(
        "\n".join(["", "Keep these, too; the secret key in another place than the backups:", *_beside(settings)])
    )


def restore(file: Path, *, sure: bool, with_erased: bool, force: bool) -> None:
    """Put a backup in the database's place, and say what that means."""
    settings = load()
    courses = catalogue.load(settings)
    replacing.expect(settings.database, file)  # before anything is asked: a name is easily mistyped
    if not sure and not (settings.sqlite and not settings.database_file.exists()):
        typer.confirm(f"Replace the database by {file}? The present one is kept under another name.", abort=True)
    with _alone(settings, "restore"):
        clock = SystemClock.of(settings)
        done = restoring.restore(settings, courses, file, clock, with_erased=with_erased, force=force)
    typer.echo("\n".join(_said(done)))


def transfer(file: Path | None, *, sure: bool) -> None:
    """Carry everything from SQLite into the PostgreSQL database of the settings, and say what comes next."""
    after = load()
    before = transferring.as_it_was(after, file)
    courses = catalogue.load(after)
    if not sure:
        typer.confirm(f"Carry everything from {before.database_file} into PostgreSQL?", abort=True)
    with _alone(before, "transfer"):
        clock = SystemClock.of(before)
        kept = transferring.transfer_all(before, after, courses, clock, _went)
    typer.echo(
        f"Everything is in PostgreSQL. The file is kept as {kept}, without people's keys: delete it when all is well, "
        "for whoever is erased from now on is still in it.\nStart the service. Its DATA_DIR stays what it is."
    )


def _alone(settings: Settings, act: str) -> ExitStack:
    """Hold the locks of the only clock. Raises BackupError while another one runs."""
    try:
        return sole.hold(settings)
    except SettingsError:
        raise BackupError(f"A worker is running on {settings.data_dir}: end it first, then {act}") from None


def _went(table: str, count: int) -> None:
    if count:
        typer.echo(f"{count:>12,}  {table}")


def _beside(settings: Settings) -> list[str]:
    """Return what no backup of the database holds."""
    key = settings.data_dir / "secret.key"
    secret = f"{key}  " if key.exists() else "SECRET_KEY, in .env or the environment  "
    journal = ["  people's keys: course keys backup FOLDER"] if settings.journal_keys.get_secret_value() else []
    erasures = settings.data_dir / "erasures.log"
    return [
        *journal,
        *([f"  {erasures}  who was erased, for a restore to erase them again"] if erasures.exists() else []),
        f"  {secret}without it no link, no reply and no suppressed address is recognised",
        f"  {settings.emails_dir}  your courses and words",
        "  .env  your settings, if you have one",
    ]


def _said(done: Restored) -> list[str]:
    carried = done.carried
    lines = [f"The database is restored{f', as of {done.backup:%Y-%m-%d %H:%M} UTC' if done.backup else ''}."]
    if done.kept_as:
        lines += [f"The one before is kept as {done.kept_as}."]
    if done.keys_left:
        lines += ["It still holds people's keys: what they wrote can be read there, whoever is erased from now on."]
    counted = {
        "addresses that want no mail": carried.suppressions,
        "consents given or withdrawn": carried.consents,
        "courses stopped, because their people left": carried.stopped,
        "courses paused, or for longer or shorter": carried.paused,
        "courses that go on again": carried.resumed,
        "people erased again": carried.erased,
        "parts of journals taken back": carried.taken_back,
        "people who chose another hour, zone, language, country, name or kind of letter": carried.chosen,
        "courses at another pace": carried.paced,
        "courses of people who write on paper": carried.on_paper,
        "links to exercises revoked, and marks for those in letters": carried.revoked,
    }
    if any(counted.values()):
        lines += ["", "Carried over from it, because it happened since the backup:"]
        lines += [f"  {count} {what}" for what, count in counted.items() if count]
    if carried.lost:
        lines += [
            "",
            f"{carried.lost} people who signed up since the backup are not in it; they have to sign up again.",
        ]
    if carried.unread:
        lines += [
            "",
            "It could not be read to the end. Not carried over, so that somebody may get mail who asked for none:",
        ]
        lines += [f"  {what}" for what in carried.unread]
        lines += ["Look into your provider's suppression list, and hold mail back rather than resume in doubt."]
    return [*lines, "", "Sending is off. Start the service, then see what is owed: course sending"]
