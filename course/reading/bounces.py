"""In charge of reports about mail of ours that did not arrive, or that somebody complained about.

`failures` reads them all: delivery status notifications (RFC 3464), what mail servers wrote before there was a format
or write without it, feedback reports (RFC 5965) and the notifications of Amazon SES, which come as JSON.
"""

from __future__ import annotations

import re
from email.message import Message
from itertools import accumulate, islice

from course.reading import bounce_text, mime, notifications
from course.reading.bounce_kinds import kinds
from course.reading.caps import TooMuchError

ARRIVED = re.compile(r"(delivered|deliverable|relayed|expanded)\b", re.IGNORECASE)
RECIPIENT = ("final-recipient", "x-actual-recipient", "original-recipient")
ROUTE = re.compile(r"@[\w.,@-]+:")  # RFC 5321 appendix C
FIELD = re.compile(r"^([A-Za-z-]{2,40}):[ \t]*(.*(?:\n[ \t]+\S.*)*)", re.MULTILINE)
REPORTED = re.compile(r"^(?:final|original)-recipient:", re.MULTILINE | re.IGNORECASE)
LONGEST = 16_384  # characters of a text that are looked at; what a report has to say stands at its beginning
RECIPIENT_FIELD = 1024  # characters of a field that names a recipient
STATUS = 4 * LONGEST  # characters of its fields, and of all its texts together
MOST = 50  # recipients that are looked at; a mail of ours has one
COMPLAINT = re.compile(r"complaint about message|abuse report|junk report|fbl\b", re.IGNORECASE)
COMPLAINED = ("original-rcpt-to", "removal-recipient", "x-hmxmroriginalrecipient")
NO_COMPLAINT = re.compile(r"^feedback-type:\s*(auth-failure|dmarc|not-spam|opt-out-list)", re.MULTILINE | re.IGNORECASE)
FEEDBACK = re.compile(r"^feedback-type:\s*\w", re.MULTILINE | re.IGNORECASE)


def failures(raw: bytes) -> list[tuple[str, str]]:
    """Return whom a report is about, as (address, `hard` | `soft` | `complaint`); [] for what is no such report.

    The address is "" where a report names nobody. Never raises; what is over a cap is no report.
    """
    try:
        return of(mime.parse(raw))
    except TooMuchError:
        return []


def of(message: Message) -> list[tuple[str, str]]:
    """Do what `failures` does, for a message that is parsed already."""
    texts, copies = map(_bounded, _parts(message))
    found = notifications.read(texts)
    if found is not None:
        return found
    complaint = _complaint(message, texts, copies)
    if complaint is not None:
        return complaint
    if not bounce_text.is_report(message, "\n".join(texts)):
        return []
    # A server that passes a report on may put all of it into the copy.
    for some in (texts, copies):
        reported = [one for text in some if REPORTED.search(text) for one in _structured(text, "\n".join(some))]
        if reported or any(map(bounce_text.addresses, some)):
            break
    if reported:
        return _once([one for one in reported if one[1]])
    return _once(bounce_text.failed(message, "\n\n".join(texts), "\n".join(copies)))


def enclosed(message: Message) -> str:
    """Return the Message-IDs in a report and in the mail that it encloses: they tell which mail it is about."""
    said = "\n".join(text for some in _parts(message) for text in _bounded(some))
    return " ".join(value for name, value in FIELD.findall(said) if name.lower() == "message-id")


def _parts(message: Message) -> tuple[list[str], list[str]]:
    """Return the texts of a report, and what is in it of the message that it is about."""
    texts: list[str] = []
    copies: list[str] = []
    _collect(message, texts, copies)
    return texts, copies


def _bounded(texts: list[str]) -> list[str]:
    """Return the first of some texts, so many that all together are not too long."""
    ends = accumulate(map(len, texts))
    return [text for text, end in zip(texts, ends, strict=True) if end - len(text) < STATUS]


def _collect(part: Message, texts: list[str], copies: list[str]) -> None:
    subtype = mime.content_type(part)
    if subtype == "message/delivery-status" or subtype.startswith("message/feedback"):
        fields = "\n\n".join(_fields(block) for block in part.walk() if block is not part)
        texts.append((fields or mime.text_of(part))[:STATUS])
    elif subtype in {"message/rfc822", "message/global", "text/rfc822-headers"}:
        fields = "\n".join(_fields(one) for one in part.walk() if one is not part)
        copies.append((fields or mime.text_of(part))[:STATUS])
    elif part.is_multipart():
        for one in mime.children(part):
            _collect(one, texts, copies)
    elif subtype.startswith("text/html"):
        texts.append(re.sub(r"<[^<>]{1,2000}>", " ", mime.text_of(part)[:LONGEST]))
    elif subtype.startswith("text/") or subtype.partition("/")[0] not in {"image", "audio", "video", "application"}:
        texts.append(mime.text_of(part)[:LONGEST])


def _fields(block: Message) -> str:
    lines = [
        f"{name}: {mime.to_text(str(value).encode('utf-8', 'surrogateescape'), 'utf-8')}".replace("\x00", "")
        for name, value in block.raw_items()
    ]
    return "\n".join(lines)


def _complaint(message: Message, texts: list[str], copies: list[str]) -> list[tuple[str, str]] | None:
    """Return who complained; [] for another kind of feedback report, None for what is none."""
    said = "\n".join(texts)
    head = mime.header(message, "Subject")
    if not FEEDBACK.search(said) and not (COMPLAINT.search(head) and copies):
        return None
    if NO_COMPLAINT.search(said):
        return []
    everything = {name.lower(): value for name, value in FIELD.findall("\n".join([said, *copies]))}
    named = next((bounce_text.addresses(everything[name]) for name in COMPLAINED if name in everything), [])
    to = named or bounce_text.addresses(next((v for n, v in FIELD.findall("\n".join(copies)) if n.lower() == "to"), ""))
    return [(address, "complaint") for address in to[:1]] or [("", "complaint")]


def _structured(text: str, said: str) -> list[tuple[str, str]]:
    """Return the recipients of the groups of fields in a text (RFC 3464 section 2.3); "" for one that was reached."""
    found: list[str] = []
    failed: dict[int, tuple[str, str]] = {}  # by their place, what is said of those that were not reached
    for group in islice(_groups(text), MOST):
        said_of = (group.get(name, "")[:RECIPIENT_FIELD] for name in RECIPIENT)
        named = [address for value in said_of for address in bounce_text.addresses(ROUTE.sub("", value))]
        named.sort(key=lambda address: "." not in address.partition("@")[2])  # a name within a machine comes last
        if not named:
            continue
        status, words = group.get("status", ""), group.get("diagnostic-code", "")
        if not (ARRIVED.match(group.get("action", "")) or re.match(r"2\.", status)):
            words = " ".join(words.partition(";")[2].split() or words.split())
            enough = re.search(r"[a-z]{3}", words, re.IGNORECASE)
            failed[len(found)] = (words if enough else f"{words} {bounce_text.about(named[0], said)}", status)
        found.append(named[0])
    what = dict(zip(failed, kinds(failed.values()), strict=True))
    return [(address, what.get(place, "")) for place, address in enumerate(found)]


def _groups(text: str) -> list[dict[str, str]]:
    """Return the fields about each recipient: a group begins behind an empty line, or where a field comes again."""
    groups: list[dict[str, str]] = [{}]
    for block in re.split(r"\n[ \t\r]*\n", text):
        groups.append({})
        for name, value in FIELD.findall(block):
            if name.lower() == "final-recipient" and "final-recipient" in groups[-1]:
                groups.append({})
            groups[-1].setdefault(name.lower(), value)
    return [group for group in groups if any(name in group for name in RECIPIENT)]


def _once(found: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return each address once; said twice, the worse counts."""
    kinds: dict[str, str] = {}
    for address, what in found:
        kinds[address] = "hard" if "hard" in {what, kinds.get(address)} else what
    return list(kinds.items())
