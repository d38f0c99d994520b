"""In charge of what SendGrid's Inbound Parse posts: a raw mail, or the fields of one from which a mail is made again.

Each field has a charset of its own. None is decoded here: the mail that is made names it, and is read like any other.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from secrets import token_hex
from urllib.parse import quote_from_bytes

from course.reading import mime
from course.reading.authentication import INBOUND_PARSE

PASSED = re.compile(r"@([a-z0-9.-]+)\s*:\s*pass\b")
FAILED = re.compile(rb":\s*fail\b")
SCORE = re.compile(rb"-?[0-9]{1,6}(\.[0-9]{1,6})?")
SPAM = 5.0  # SpamAssassin's own threshold (required_score)
SENDER = re.compile(r"[^\s@]+@([a-z0-9.-]{3,253})")
CHARSET = re.compile(r"[A-Za-z0-9._:-]{1,40}")
KIND = re.compile(rb"[A-Za-z0-9.+_-]{1,60}/[A-Za-z0-9.+_-]{1,60}")
FIELD = re.compile(rb"\r?\n(?![ \t])")
OWN = re.compile(rb"(content-[a-z-]+|mime-version)[ \t]*:", re.IGNORECASE)  # what the made mail says of itself
REPORT = re.compile(rb"multipart/report\b", re.IGNORECASE)
REPORT_TYPE = re.compile(rb"report-type\s*=\s*\"?([A-Za-z-]{1,40})", re.IGNORECASE)


@dataclass(frozen=True)
class Attachment:
    """A file that came with a mail, its content as it is."""

    kind: bytes
    name: bytes = field(repr=False)
    data: bytes = field(repr=False)


def recipients(envelope: bytes) -> tuple[str, ...]:
    """Return the envelope's recipients: who was really written to, whatever the To header says."""
    to = _object(envelope).get("to")
    return tuple(address for address in to if isinstance(address, str)) if isinstance(to, list) else ()


def passed(dkim: bytes, spf: bytes, envelope: bytes) -> tuple[str, ...]:
    """Return the domains that SendGrid found proven: by a DKIM mark, or as the envelope's sender by SPF (RFC 7208).

    Of marks it writes `{@example.org : pass}`, which is no JSON.
    """
    sender = str(_object(envelope).get("from"))
    found = SENDER.fullmatch(sender.lower()) if spf.strip().lower() == b"pass" else None
    marks = PASSED.findall(dkim.decode("ascii", "replace").lower())
    return (*marks, *([found[1]] if found else []))


def stamped(raw: bytes, said: Mapping[str, bytes]) -> bytes:
    """Return a mail with what SendGrid says beside it on top, as a mail server would have written it into the mail.

    That is a null sender, a failure of both SPF and DKIM, and a spam score from SpamAssassin's usual threshold on: what
    keeps a mail from being counted, or from being answered. What proves a sender is not written; `passed` has it.
    """
    dkim, spf, envelope = said["dkim"].lower(), said["SPF"].strip().lower(), _object(said["envelope"])
    lines = [
        (envelope.get("from") == "", "Return-Path: <>"),
        (
            spf == b"fail" and FAILED.search(dkim) is not None and b"pass" not in dkim,
            f"Authentication-Results: {INBOUND_PARSE}; spf=fail; dkim=fail",
        ),
        (_score(said["spam_score"]) >= SPAM, "X-Spam-Flag: YES"),
    ]
    return b"".join(line.encode() + b"\r\n" for true, line in lines if true) + raw


def mail_of(fields: Mapping[str, bytes], attachments: Sequence[Attachment]) -> bytes | None:
    """Return the mail of a form: its field `email`, or one made of `headers`, `text`, `html` and attachments.

    None for a form that has neither. Of a report it says so: whether a machine wrote it hangs on that.
    """
    if "email" in fields:
        return fields["email"]
    if "headers" not in fields:
        return None
    block = mime.head(fields["headers"].lstrip(b"\r\n"))
    lines = [line for line in FIELD.split(block) if line.strip()]
    own = next((line for line in lines if line.lower().startswith(b"content-type")), b"")
    parts = [_texts(fields), *map(_attached, attachments)]
    # Ours come first: a header block that breaks off in the middle must not take them with it.
    head = [b"MIME-Version: 1.0", *(line for line in lines if not OWN.match(line))]
    return _multipart(_kind(own), parts, head)


def _texts(fields: Mapping[str, bytes]) -> bytes:
    charsets = _object(fields.get("charsets", b""))
    there = [(name, kind) for name, kind in (("text", b"plain"), ("html", b"html")) if name in fields]
    parts = [_text(fields[name], kind, charsets.get(name)) for name, kind in there]
    if len(parts) > 1:
        return _multipart(b"multipart/alternative", parts)
    return parts[0] if parts else _text(b"", b"plain", "us-ascii")


def _text(data: bytes, kind: bytes, charset: object) -> bytes:
    known = charset if isinstance(charset, str) and CHARSET.fullmatch(charset) else "utf-8"
    return _part(b"text/%s; charset=%s" % (kind, known.encode()), data)


def _attached(attachment: Attachment) -> bytes:
    kind = attachment.kind.strip().split(b";")[0].strip().lower()
    kind = kind if KIND.fullmatch(kind) and not kind.startswith(b"multipart/") else b"application/octet-stream"
    named = b"Content-Disposition: attachment; filename*=utf-8''%s\n" % quote_from_bytes(attachment.name, "").encode()
    if kind.startswith(b"message/"):  # a mail within a mail is never encoded (RFC 2046 section 5.2.1)
        return b"Content-Type: %s\n\n%s\n" % (kind, attachment.data)
    return _part(kind, attachment.data, named)


def _part(kind: bytes, data: bytes, more: bytes = b"") -> bytes:
    head = b"Content-Type: %s\n%sContent-Transfer-Encoding: base64\n\n" % (kind, more)
    return head + base64.encodebytes(data)


def _multipart(kind: bytes, parts: Sequence[bytes], head: Sequence[bytes] = ()) -> bytes:
    boundary = token_hex(16).encode()  # no stranger can guess it
    start = [b'Content-Type: %s; boundary="%s"' % (kind, boundary), *head]
    pieces = [piece for part in parts for piece in (b"\n--%s\n" % boundary, part)]
    return b"".join([b"\n".join(start), b"\n", *pieces, b"\n--%s--\n" % boundary])


def _kind(own: bytes) -> bytes:
    if not REPORT.search(own):
        return b"multipart/mixed"
    found = REPORT_TYPE.search(own)
    return b"multipart/report" + (b"; report-type=" + found[1] if found else b"")


def _score(text: bytes) -> float:
    found = SCORE.fullmatch(text.strip())
    return float(found[0]) if found else 0.0


def _object(text: bytes) -> dict[str, object]:
    """Return a JSON object, or an empty one for whatever is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
