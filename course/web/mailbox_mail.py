"""In charge of one mail as the mailbox shows it, and of the reply that a mail program would make to it.

These are our own mails, read back from the outbox; what strangers send is read by course/reading/ alone.
"""

from __future__ import annotations

import email
import html
import re
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP, default
from email.utils import format_datetime, make_msgid
from pathlib import Path

PEEK = re.compile(r'<div class="peek"[^>]*>(.*?)</div>', re.DOTALL)
LONGEST = 40  # steps that the style sheet knows


@dataclass(frozen=True)
class Letter:
    """One mail. `name` is its file's, without the ending; `headers` are all of them, in order."""

    name: str
    headers: tuple[tuple[str, str], ...]
    text: str
    html: str

    def header(self, name: str) -> str:
        """Return a header's value, or ""."""
        return next((value for key, value in self.headers if key.lower() == name), "")

    @property
    def subject(self) -> str:
        """The subject."""
        return self.header("subject")

    @property
    def answer_to(self) -> str:
        """Where a reply to it goes."""
        return self.header("reply-to") or self.header("from")

    @property
    def answerable(self) -> bool:
        """Whether a reply to it means anything: there is no place in a course yet when somebody is asked to confirm."""
        return bool(self.header("list-unsubscribe"))

    @property
    def date(self) -> datetime | None:
        """When it left, if it says so."""
        try:
            return email.utils.parsedate_to_datetime(self.header("date"))
        except ValueError:
            return None

    @property
    def peek(self) -> str:
        """The line that inboxes show beside the subject."""
        found = PEEK.search(self.html)
        return html.unescape(found[1]).strip() if found else ""

    @property
    def framed(self) -> str:
        """The HTML for a frame: its links open in the whole window."""
        return self.html.replace("<head>", '<head><base target="_top">', 1)

    @property
    def length(self) -> int:
        """How long the text is, in steps of a hundred characters: the style sheet makes the frame tall enough.

        The frame is sandboxed, so nobody can measure it. Too tall shows more paper; too short, a scroll bar.
        """
        shown = re.sub(r"https?://\S+", "", self.text)  # links stand behind words in HTML
        return min(len(shown) // 100 + 1, LONGEST)


def read(path: Path) -> Letter:
    """Read one mail of our own."""
    message = email.message_from_bytes(path.read_bytes(), policy=default)
    headers = tuple((name, " ".join(str(value).split())) for name, value in message.items())
    return Letter(path.stem, headers, _part(message, "plain"), _part(message, "html"))


def reply(letter: Letter, words: str, attribution: str, real_now: datetime) -> bytes:
    """Return a reply as a person's mail program makes it: their words on top, the mail quoted below.

    It has a Message-ID at the person's own domain, and a date of real time, whatever the course's clock says.
    """
    answer = EmailMessage(policy=SMTP)
    sender = letter.header("to")
    answer["From"] = sender
    answer["To"] = letter.answer_to
    answer["Subject"] = f"Re: {letter.subject}"
    answer["Date"] = format_datetime(real_now)
    answer["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2].strip("<> ") or "localhost")
    answer["In-Reply-To"] = letter.header("message-id")
    answer["References"] = f"{letter.header('references')} {letter.header('message-id')}".strip()
    quoted = "\n".join(f"> {line}".rstrip() for line in letter.text.splitlines())
    typed = "\n".join(words.splitlines())
    answer.set_content(f"{typed}\n\n{attribution}\n\n{quoted}\n")
    return answer.as_bytes()


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return str(part.get_content()) if part else ""
