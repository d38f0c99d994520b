"""In charge of logs: one line an event, times in UTC, secrets and addresses scrubbed, no locals in a traceback."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

# What must never be read in a log: provider keys, our own tokens, people's addresses.
SECRETS = (
    (re.compile(r"SG\.[\w.-]{8,}"), "<api key>"),
    (re.compile(r"(://[^:/\s]+:)[^@\s]+@"), r"\1<password>@"),
    (re.compile(r"[\w.+%'-]+@[\w-]+(\.[\w-]+)+"), "<address>"),
    (re.compile(r"\b[0-9a-f]{26,120}\b"), "<token>"),
)


def set_up(level: str) -> None:
    """Write logs from this level on to standard error."""
    threshold = getattr(logging, level.upper())
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            scrub,
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(
        level=max(threshold, logging.WARNING), stream=sys.stderr, format="%(levelname)s %(name)s %(message)s"
    )
    # A tick that takes longer than the time between two is no news: the next one does what is left.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    for handler in logging.getLogger().handlers:
        handler.addFilter(_scrub_record)


def scrub(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take secrets and addresses out of every field (a structlog processor)."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = scrubbed(value)
    return event


def scrubbed(text: str) -> str:
    """Return the text with secrets and addresses replaced by what they were."""
    for pattern, instead in SECRETS:
        text = pattern.sub(instead, text)
    return text


def _scrub_record(record: logging.LogRecord) -> bool:
    record.msg, record.args = scrubbed(record.getMessage()), ()
    if record.exc_info:
        record.exc_text = scrubbed(logging.Formatter().formatException(record.exc_info))
    return True
