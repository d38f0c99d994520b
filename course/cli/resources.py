"""In charge of what can be typed about resources and the links to them. It imports what it needs when it is called."""
# ruff: noqa: PLC0415

from __future__ import annotations

from typing import Annotated

import typer

from course.cli.arguments import Address, Json

app = typer.Typer()
resources = typer.Typer(
    no_args_is_help=True,
    help="Look after the exercises and the links to them.\n\nA link opens one exercise for one "
    "person, without an account. It works for RESOURCE_LINK_DAYS days, and can be revoked.",
    epilog="Example: course resources list | course resources link alice@example.org a-kind-voice",
)
app.add_typer(resources, name="resources")
Name = Annotated[str, typer.Argument(metavar="NAME", help="As `course resources list` shows it, like a-kind-voice.")]


@resources.command("list", epilog="Example: course resources list --json")
def list_(*, json: Json = False) -> None:
    """Show the exercises, and the links that were made.

    For each exercise: its minutes, languages, recordings and PDFs, and the guidance for whoever passes it on.
    """
    from course.cli import resource_links

    resource_links.show(as_json=json)


@resources.command(epilog="Example: course resources link alice@example.org a-kind-voice")
def link(address: Address, name: Name) -> None:
    """Make a link to an exercise for somebody, and print it.

    Nothing is sent: pass it on yourself, to them only. Whoever holds it can open the exercise, and nothing else. Ends
    with 1 when nobody is known by this address, or no exercise has this name.
    """
    from course.cli import resource_links

    raise typer.Exit(resource_links.link(address, name))


@resources.command(epilog="Example: course resources revoke alice@example.org a-kind-voice")
def revoke(address: Address, name: Name) -> None:
    """End every link of somebody to an exercise.

    Those in the letters they have had end as well. A new link, or a later letter, opens it again. Ends with 1 when
    nobody is known by this address.
    """
    from course.cli import resource_links

    raise typer.Exit(resource_links.revoke(address, name))
