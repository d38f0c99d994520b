"""In charge of whose mail is proven to be theirs: the domains that passed, as our own mail server wrote it down."""

from __future__ import annotations

import re
from email.message import Message

from course.reading import mime

# The authserv-id under which we note what SendGrid found. A sender can write it too, and harms only their own mail.
INBOUND_PARSE = "inbound-parse"
SENDGRID = "sendgrid"  # the source of mail that has passed no server of ours
METHOD = re.compile(r"\s*(dkim|dmarc)\s*=\s*pass\b", re.IGNORECASE)
FAILED = re.compile(r"\s*(dkim|spf|dmarc)\s*=\s*(pass|fail|hardfail)\b", re.IGNORECASE)
# The domain that a result is about; that of a DKIM pass need not be the one of the From line.
DOMAIN = {
    "dkim": re.compile(r"\sheader\.(?:d|i)=(?:[^\s;@]*@)?([A-Za-z0-9.-]+)", re.IGNORECASE),
    "dmarc": re.compile(r"\sheader\.from=(?:[^\s;@]*@)?([A-Za-z0-9.-]+)", re.IGNORECASE),
}
FROM = re.compile(rb"^from[ \t]*:", re.IGNORECASE | re.MULTILINE)
# Quotes, brackets and escaped signs. What stands in quotes or comments is no part of a result: a stranger may have
# chosen it.
MARK = re.compile(r'\\.|["()]')


def passed(message: Message, authserv_id: str) -> tuple[str, ...]:
    """Return the domains with a DKIM or DMARC pass in the topmost result of this authserv-id (RFC 8601 section 2.2).

    Only a configured id is believed, and only its topmost header: a sender can write any below it.
    """
    found = [
        name
        for result in _results(message, authserv_id)
        if (method := METHOD.match(result))
        for name in DOMAIN[method[1].lower()].findall(result)
    ]
    return tuple(dict.fromkeys(name.lower().rstrip(".") for name in found))


def forged(message: Message, authserv_id: str) -> bool:
    """Whether SPF and DKIM both failed and nothing passed, by our mail server's results or SendGrid's.

    One failure alone proves nothing: forwarding breaks SPF, a mailing list breaks DKIM (RFC 7960).
    """
    return any(_all_failed(_results(message, by)) for by in (authserv_id, INBOUND_PARSE))


def _all_failed(results: list[str]) -> bool:
    found = [FAILED.match(result) for result in results]
    said = {(one[1].lower(), one[2].lower() == "pass") for one in found if one}
    return {("spf", False), ("dkim", False)} <= said and not any(passed for _, passed in said)


def _results(message: Message, authserv_id: str) -> list[str]:
    if authserv_id:
        for value in mime.headers(message, "Authentication-Results"):
            said_by, _, results = value.partition(";")
            if said_by.split()[:1] == [authserv_id]:
                return _bare(results).split(";")
    return []


def _bare(results: str) -> str:
    """Take quoted texts and comments out, in one pass.

    Returns "" where one never ends, or where a quote stands in a comment: there a stranger may have drawn the border.
    """
    kept, depth, quoted, at = "", 0, False, 0
    for mark in MARK.finditer(results):
        sign = mark[0]
        if not quoted and depth == 0:
            kept += results[at : mark.start()]
        if sign == '"' and depth == 0:
            quoted = not quoted
        elif sign in {"(", ")"} and not quoted:
            depth += 1 if sign == "(" else -1
            kept += " "
        elif not quoted and (sign == '"' or depth == 0):
            return ""
        if depth < 0:
            return ""
        at = mark.end()
    return "" if quoted or depth else kept + results[at:]


def one_sender(raw: bytes) -> bool:
    """Whether a mail has exactly one From line (RFC 5322 section 3.6): of several, a mark may be about another one."""
    return len(FROM.findall(mime.head(raw))) == 1


def aligned(sender: str, domains: tuple[str, ...]) -> bool:
    """Whether the sender's domain is one of these or stands in line with it (relaxed, RFC 7489 section 3.1)."""
    own = sender.rpartition("@")[2].lower()
    return bool(own) and any(
        own == domain or own.endswith(f".{domain}") or domain.endswith(f".{own}") for domain in domains if "." in domain
    )
