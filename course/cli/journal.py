"""In charge of what can be typed about the journal and its keys. It imports what it needs when it is called."""
# ruff: noqa: PLC0415

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from course.cli.arguments import Address

app = typer.Typer()
keys = typer.Typer(
    no_args_is_help=True,
    help="Look after the keys of the journal.\n\nEach person's words are locked by a key of their own. These keys are "
    "not in the database's backups: they have backups of their own, which are gone after thirty days.",
    epilog="Example: course keys backup /mnt/keys | course keys rotate",
)
app.add_typer(keys, name="keys")
journal = typer.Typer(
    no_args_is_help=True,
    help="Read what people have shared, or take it back for them.\n\nOnly replies of people who share them with the "
    "course's owner can be read, and they see when that was. Everybody else's words stay locked.",
    epilog="Example: course journal read | course journal withdraw alice@example.org --sharing",
)
app.add_typer(journal, name="journal")


@journal.command(epilog="Example: course journal read | course journal read --all")
def read(*, all_: Annotated[bool, typer.Option("--all", help="Also what was opened before.")] = False) -> None:
    """Read the replies that were shared and not opened yet.

    Each is noted as opened, and its person sees when. Read them where nobody looks over your shoulder.
    """
    from course.cli import keyring

    keyring.read(again=all_)


@journal.command(epilog="Example: course journal withdraw alice@example.org --sharing")
def withdraw(
    address: Address,
    *,
    sharing: Annotated[
        bool, typer.Option("--sharing", help="Only hide their words from the owner; keep them.")
    ] = False,
) -> None:
    """Take a journal back for a person who asked for that.

    Nothing is kept of their replies any more, in every course, and what was kept is erased. With --sharing it is only
    hidden from the owner. Ends with 1 when there is nothing to take back.
    """
    from course.cli import keyring

    raise typer.Exit(keyring.withdraw(address, sharing=sharing))


@keys.command(epilog="Example: course keys backup /mnt/keys")
def backup(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder apart from the other backups.")],
) -> None:
    """Write people's keys into a new file, and erase those of our files there that are older than thirty days.

    Call it every day: whoever is erased is out of the last backup of the keys thirty days later. The file opens nothing
    without JOURNAL_KEYS.
    """
    from course.cli import keyring

    keyring.backup(folder)


@keys.command(epilog="Example: course keys restore /mnt/keys/journal-keys-20270301T040000Z.json")
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that `course keys backup` wrote.")],
) -> None:
    """Put back the keys that are missing.

    Keys that are there stay as they are, and nobody's comes back who was erased since. A file that is older than thirty
    days is refused.
    """
    from course.cli import keyring

    keyring.restore(file)


@keys.command(epilog="Example: course keys rotate")
def rotate() -> None:
    """Wrap everybody's key by the newest of JOURNAL_KEYS.

    Put the new key before the old one first, and start the service. It can be repeated, and the service may run
    meanwhile.
    """
    from course.cli import keyring

    keyring.rotate()
