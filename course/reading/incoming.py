"""In charge of the whole of one incoming mail: who it says it is from, what it answers, what was written."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message

from course.reading import authentication, bodies, bounces, mime, robots, words
from course.reading.extracting import Texts
from course.reading.looking import Look
from course.reading.photos import Kind, kind_of
from course.reading.robots import Verdict
from course.reading.signals import EMPTY, SEALED, Signal

ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}")
MESSAGE_ID = re.compile(r"<[^<>\s]{1,250}>")
RECIPIENTS = ("To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To")
PHOTO = re.compile(r"^(image|video|audio)/")
SALUTED = "|".join(map(words.key, words.ALL.of("salutation")))
SALUTATION = re.compile(rf"(?:{SALUTED})(?: (?:{SALUTED}))*")  # a whole line, of letters and single blanks
SMALL_PICTURE = 12 * 1024  # bytes: less is a logo in a signature, not a photo of a page


@dataclass(frozen=True)
class Incoming:
    """One mail, read. `words` and the rest of what a person wrote are in no repr() and so in no log."""

    sender: str = ""  # also where there are several From lines: nobody knows which of them a server looked at
    recipients: tuple[str, ...] = ()
    message_id: str = ""
    date: str = ""
    references: tuple[str, ...] = ()  # what it answers; of a report, also what it is about
    signals: tuple[Signal, ...] = ()  # what it says of itself
    report: bool = False  # a delivery or disposition report
    failures: tuple[tuple[str, str], ...] = field(default=(), repr=False)  # whom a report is about, and how it ended
    photo: bool = False
    unreadable: bool = False  # it has words that nobody here can read: encrypted, or in a format of Outlook's own
    passed: tuple[str, ...] = ()  # domains whose mark on it was checked
    language: str = ""  # of its Content-Language (RFC 3282), as it stands
    subject: str = field(default="", repr=False)
    words: str = field(default="", repr=False)
    cut: str = field(default="", repr=False)  # what was cut because they did not write it, without what we sent
    whole: str = field(default="", repr=False)  # the words and the cut, in their order; "" where nothing was cut
    raw: bytes = field(default=b"", repr=False)  # the mail as it came
    texts: Texts = field(default_factory=Texts, repr=False)  # for `sift`, once it is known what it answers

    @property
    def signs(self) -> Verdict:
        """What it says of itself, whatever is written in it: `no` is a machine's."""
        return robots.verdict(self.signals)

    @property
    def verdict(self) -> Verdict:
        """Whether it counts and whether it may be answered."""
        if self.says_something:
            return self.signs
        return robots.verdict(self.signals, SEALED if self.unreadable else EMPTY)

    @property
    def first_line(self) -> str:
        """The line that may ask for something: the first that holds anything, below a salutation the next one.

        Where nothing was written, the subject (STOP, and an empty mail).
        """
        return self._first_and_rest[0] or self.subject

    @property
    def rest(self) -> str:
        """What was written below the first line."""
        return self._first_and_rest[1]

    @property
    def says_more(self) -> bool:
        """Whether anything was written or sent besides the first line."""
        return bool(self.rest) or self.photo

    @property
    def _first_and_rest(self) -> tuple[str, str]:
        first, rest = _apart(self.words)
        return _apart(rest) if rest and is_salutation(first) else (first, rest)

    @property
    def says_something(self) -> bool:
        """Whether a person wrote or sent anything at all."""
        return bool(self.words) or self.photo


def _apart(text: str) -> tuple[str, str]:
    """Return the first line that holds anything, and what stands below it; a line ends as Unicode says."""
    first, *rest = text.strip().splitlines(keepends=True) or [""]
    return first.strip(), "".join(rest).strip()


def is_salutation(line: str) -> bool:
    """Whether a whole line only greets, "Hello," or "Dear team!": nobody in particular, whom a letter may be to."""
    said = re.findall(r"\w+", unicodedata.normalize("NFC", line))
    return bool(SALUTATION.fullmatch(words.key(" ".join(said))))


def read(raw: bytes, authserv_id: str = "", ours: frozenset[str] = frozenset()) -> Incoming:
    """Read a whole message. `authserv_id` is the mail server of ours whose Authentication-Results are believed.

    `ours` are the domains that we write from, or where they are a mail house's, our inboxes there.

    Raises TooMuchError when the message is over a cap, and nothing else.
    """
    message = mime.parse(raw)
    sender = _address(mime.header(message, "From"))
    message_id = next(iter(MESSAGE_ID.findall(mime.header(message, "Message-ID"))), "")
    look = Look(message, sender, message_id, authentication.forged(message, authserv_id), ours)
    answers = mime.header(message, "In-Reply-To"), mime.header(message, "References")
    references = MESSAGE_ID.findall(" ".join((*answers, bounces.enclosed(message) if look.failures else "")))
    return Incoming(
        sender=sender if authentication.one_sender(raw) else "",
        recipients=tuple(
            found for name in RECIPIENTS for value in mime.headers(message, name) for found in ADDRESS.findall(value)
        ),
        message_id=message_id,
        date=mime.header(message, "Date"),
        references=tuple(dict.fromkeys(references)),
        signals=robots.found(look),
        report=mime.content_type(message) == "multipart/report",
        failures=look.failures,
        photo=any(True for part in mime.walk(message) for _ in _pictures(part)),
        unreadable=not look.words and bodies.unreadable(message),
        passed=authentication.passed(message, authserv_id),
        language=mime.header(message, "Content-Language"),
        subject=mime.header(message, "Subject"),
        words=look.words,
        cut=look.found.rest,
        whole=look.found.whole,
        raw=raw,
        texts=look.texts,
    )


def typed(words: str) -> Incoming:
    """Return what somebody typed on a page of ours, as a mail with nothing around it: all of it is their words."""
    return Incoming(words=words)


def _address(value: str) -> str:
    """Return the address of a From header: the one in angle brackets, else the only one there is."""
    inside = re.findall(r"<([^<>]*)>\s*$", value)
    found = ADDRESS.findall(inside[0] if inside else value)
    return found[0] if len(found) == 1 else ""


def pictures(raw: bytes) -> tuple[bytes, ...]:
    """Return the photos and films that came with a mail; what is too large to be kept is not whole.

    Raises TooMuchError when the mail is over a cap.
    """
    message = mime.parse(raw, photos=True)
    return tuple(content for part in mime.walk(message) for content in _pictures(part))


def _pictures(part: Message) -> Iterator[bytes]:
    """Yield what is a photo, film or voice by its content or by what is said of it; logos are none."""
    named = mime.content_type(part)
    content = b"" if named.startswith(("text/", "multipart/", "message/")) else mime.payload(part)
    if len(content) > SMALL_PICTURE and (PHOTO.match(named) or kind_of(content) != Kind.OTHER):
        yield content
