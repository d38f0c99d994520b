"""In charge of `course receive`: a mail from a mail server's pipe, kept before anything else can go wrong.

The exit codes are those of sysexits.h, which mail servers understand. Nothing of the mail is ever printed: a mail
server writes what a pipe prints into its log, or into a bounce.
"""

from __future__ import annotations

import sys

import typer

from course.cli.service import load, opened
from course.failures import told
from course.inbound import spool
from course.inbound.spool import Spooled
from course.keys import Keys
from course.reading.caps import LARGEST
from course.system_clock import SystemClock

KEPT, NO_MAIL, TRY_AGAIN = 0, 65, 75  # EX_OK, EX_DATAERR, EX_TEMPFAIL


def receive(to: tuple[str, ...]) -> int:
    """Keep the mail on standard input and return the exit code; then decide it, unless something is in the way."""
    raw = sys.stdin.buffer.read(LARGEST + 1)
    if len(raw) > LARGEST:
        return _said("The mail is larger than 35 MB and was not taken in.", NO_MAIL)
    if not raw.strip():
        return _said("There was no mail on standard input: course receive < mail.eml", NO_MAIL)
    try:
        settings = load()
        keys = Keys.of(settings.secret_key.get_secret_value())
        spool.put(settings.data_dir / "spool", keys, Spooled("pipe", to, (), raw), SystemClock().real())
    except Exception as error:  # noqa: BLE001 (whatever it is, the mail server still has the mail)
        return _said(f"The mail could not be kept; try again later. {told(error) or type(error).__name__}", TRY_AGAIN)
    try:
        with opened(settings) as app:
            app.read_spool()
    except Exception as error:  # noqa: BLE001 (the mail is safe, and the next tick of the clock looks at it)
        return _said(f"The mail is kept; the worker decides it later ({type(error).__name__}).", KEPT)
    return KEPT


def _said(sentence: str, code: int) -> int:
    typer.echo(sentence, err=True)
    return code
