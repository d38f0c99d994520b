"""In charge of telling machines from people: the signals of RFC 3834 and its neighbours, as data."""

from __future__ import annotations

import re
from email.message import Message

from course.reading import mime

# header, what its value must look like for the message to be a machine's. Sources: RFC 3834 section 2 and 5; RFC 3464;
# RFC 5965; the headers that mail houses' own responders add.
SIGNALS: tuple[tuple[str, str], ...] = (
    ("Auto-Submitted", r"^\s*(?!no\b)\w"),
    ("Return-Path", r"^\s*<\s*>"),
    ("Precedence", r"^\s*(auto_reply|bulk|junk|list)\b"),
    ("X-Autoreply", r"."),
    ("X-Autorespond", r"."),
    ("X-Auto-Reply-From", r"."),
    ("X-Mail-Autoreply", r"."),
    ("X-POST-MessageClass", r"autoresponder"),
    ("X-FC-MachineGenerated", r"true"),
    ("X-Cron-Env", r"."),
    ("Delivered-To", r"^\s*autoresponder"),
    ("List-Id", r"."),
    ("Mailing-List", r"."),
    ("X-Loop", r"."),
    ("Content-Type", r"^\s*multipart/report\b"),
    ("Content-Type", r"^\s*(message/(delivery-status|disposition-notification)|text/calendar)\b"),
)
SENDERS = re.compile(
    r"^(mailer-daemon|postmaster|owner-.*|.*-(request|owner)|bounces?([+-].*)?|no-?reply|autoreply)@",
    re.IGNORECASE,
)
# The only signal that a heuristic gives by itself: a subject that its machine wrote, in several languages.
SUBJECTS = re.compile(
    r"^(automatic reply|auto(matic)?[- ]?reply|out of (the )?office|abwesenheit(snotiz)?|automatische antwort"
    r"|r[ée]ponse automatique|absence du bureau|respuesta autom[aá]tica|risposta automatica|resposta autom[aá]tica"
    r"|automatisch antwoord|autosvar|automaattinen vastaus|自动回复|自動返信|자동 회신)\s*[:\uff1a]",
    re.IGNORECASE,
)


def why_automatic(message: Message, sender: str) -> str:
    """Return which signal says that no person wrote this, or "" if none does."""
    for name, pattern in SIGNALS:
        if any(re.search(pattern, value, re.IGNORECASE) for value in mime.headers(message, name)):
            return name
    if SENDERS.match(sender):
        return "From"
    return "Subject" if SUBJECTS.match(mime.header(message, "Subject")) else ""
