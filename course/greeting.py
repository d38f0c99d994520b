"""In charge of what whoever starts the service reads: where to sign up, how mail comes in, and whether it leaves."""

from __future__ import annotations

from collections.abc import Sequence

from course.inbound import Source
from course.journeys.switch import WHAT_TO_DO, Off
from course.settings import Settings


def greeting(settings: Settings, only: str | None, off: Off | None, sources: Sequence[Source] = ()) -> str:
    """Return what the person who started the service reads."""
    lines = [
        "",
        f"Dear Self is running{f' ({only} only)' if only else ''}. Ctrl-C ends it; nothing is lost.",
        "",
    ]
    pages = only in {None, "web"}
    if pages:
        lines += [f"  Sign up        {settings.site}/"]
    lines += [f"  Mail comes by  {source.says}" for source in sources]
    if settings.transport == "folder" and pages:
        lines += [
            f"  Read the mail  {settings.site}/mailbox   (no mail leaves this machine: TRANSPORT=folder)",
            "",
            "Sign up with any address, then confirm and answer in the mailbox.",
        ]
        if not settings.timelapse:
            lines += ["To live the five days in two minutes: TIMELAPSE=20 DATA_DIR=var-demo make run"]
    if off:
        lines += ["", f"Sending is off: {off.because}. {WHAT_TO_DO}."]
    if settings.timelapse:
        lines += ["", f"Time lapse: a day takes {settings.timelapse:g} seconds."]
    return "\n".join([*lines, ""])
