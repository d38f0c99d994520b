"""In charge of reports that come as JSON: Amazon SES's notifications, as they are or inside one of SNS."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from course.reading.bounce_kinds import kind

BEGINS = re.compile(r"\s*\{\s*\"(Type|notificationType|eventType)\"")


def read(texts: Iterable[str]) -> list[tuple[str, str]] | None:
    """Return whom a notification is about, like `bounces.failures`; None when none of these texts is one."""
    for text in texts:
        if BEGINS.match(text):
            found = _content(text)
            if found:
                return _about(found)
    return None


def _content(text: str) -> dict[str, Any]:
    """Return the notification itself. A mail reader may stand below it, or lines be broken within it."""
    for candidate in (text, text.replace("\n", "")):
        try:
            found, _ = json.JSONDecoder(strict=False).raw_decode(candidate.strip())
            inner = found.get("Message") if isinstance(found, dict) else None
            content = json.loads(inner, strict=False) if isinstance(inner, str) else found
        except (ValueError, RecursionError):
            continue
        if isinstance(content, dict):
            return content
    return {}


def _about(content: dict[str, Any]) -> list[tuple[str, str]]:
    bounce, complaint = content.get("bounce"), content.get("complaint")
    if isinstance(complaint, dict):
        return [(address, "complaint") for address, _ in _people(complaint.get("complainedRecipients"))]
    if not isinstance(bounce, dict):
        return []
    permanent = bounce.get("bounceType") == "Permanent"
    return [
        (address, kind(str(one.get("diagnosticCode", "")), str(one.get("status", ""))) if permanent else "soft")
        for address, one in _people(bounce.get("bouncedRecipients"))
    ]


def _people(found: Any) -> list[tuple[str, dict[str, Any]]]:
    rows = found if isinstance(found, list) else []
    return [(str(one.get("emailAddress", "")).lower(), one) for one in rows if isinstance(one, dict)]
