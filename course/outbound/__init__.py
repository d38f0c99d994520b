"""In charge of the way out that TRANSPORT names: one file each (folder, smtp, sendgrid), found by its name.

A transport gets an Outgoing and answers with an Outcome. It knows mailings and bytes, never a table.
"""

from __future__ import annotations

import importlib
import re
from typing import cast

from course.outgoing import Transport
from course.settings import Settings

LONGEST_SAYING = 120  # characters of a server's own words that are kept
ADDRESS = re.compile(r"<?[^\s<>()@,;:\"]+@[^\s<>()@,;:\"']+>?")


def open_transport(settings: Settings) -> Transport:
    """Return the transport that the settings name. Raises SettingsError if it cannot work with them."""
    module = importlib.import_module(f"course.outbound.{settings.transport}")
    return cast("Transport", module.open(settings))


def said(words: str, *private: str) -> str:
    """Return a server's words as they may be kept: one short line without addresses and what is `private`."""
    line = " ".join("".join(char if char.isprintable() else " " for char in words[:4000]).split())[:1000]
    for secret in filter(None, private):
        line = re.sub(rf"(?<!\w){re.escape(secret)}(?![\w@])", "<hidden>", line, flags=re.IGNORECASE)
    return ADDRESS.sub("<address>", line)[:LONGEST_SAYING].rstrip()


def local_part(address: str) -> str:
    """Return what stands before the @: a server may repeat it alone."""
    return address.rpartition("@")[0]
