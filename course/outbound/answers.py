"""In charge of what a mail server's answer means, at each step of handing a message over."""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Callable
from functools import partial

from course.outbound import said
from course.outgoing import Halt, Outcome, RefusedMailing, RefusedRecipient, Sent, TryLater, Unsure

DONE, GO_ON, NOT_NOW, REFUSED = 2, 3, 4, 5  # RFC 5321 section 4.2.1: the first digit decides
NONSENSE = -1  # no SMTP at all
GOODBYE = 421  # the server closes the connection: RFC 5321 section 3.8
QUEUED_AS = re.compile(rb"queued as ([\w.-]+)")
BAD_CERTIFICATE = "the mail server's certificate is not valid: put the name it was made for into SMTP_URL"
NO_SUCH_USER = (
    r"(unknown|no such) (user|recipient|mailbox)\b"
    r"|(user|recipient|mailbox) (is )?(unknown|not found|does not exist|doesn't exist)\b"
)

# "STEP code words" and what it means; the first that fits counts. 5.x.y are the codes of RFC 3463.
MEANINGS: tuple[tuple[str, Callable[[str], Outcome]], ...] = (
    # SendGrid's page "SMTP errors": the account's credits are used up, and waiting does not help.
    (r"\w+ 451 Authentication failed: Maximum credits exceeded", Halt),
    (r"\w+ 4", TryLater),
    (r"\w+ 53[0458]\b", Halt),  # the login: RFC 4954 section 6
    (r"\w+ 5\d\d 5\.3\.4\b|MAIL 552|DATA 552(?! 5\.2\.)", RefusedMailing),  # too big: RFC 1870 section 6
    (r"DATA 50[0-4]|DATA 5\d\d 5\.6\.", RefusedMailing),  # lines or MIME that the server cannot read
    (r"\w+ 5\d\d 5\.1\.[78]\b", Halt),  # our own address is not accepted
    # Postfix refuses a sender only at RCPT (smtpd_delay_reject).
    (r"RCPT 5\d\d 5\.7\.1 <[^>]*>: Sender address rejected", Halt),
    # No mailbox, no host, bad syntax, moved, null MX (RFC 7505 section 4.1): such an address never works.
    (r"(RCPT|DATA) 5\d\d 5\.1\.([1236]|10)\b", partial(RefusedRecipient, dead=True)),
    (rf"RCPT 55[01] (?!\d\.\d)(.*\W)?({NO_SUCH_USER})", partial(RefusedRecipient, dead=True)),
    (r"(RCPT|DATA) 5", RefusedRecipient),
    (r"\w+ 5", Halt),  # greeting, EHLO, STARTTLS, login, MAIL: no message can pass
)


def meaning(step: str, code: int, words: bytes, private: tuple[str, ...]) -> Outcome:
    """Return what an answer to a step means. Its reason keeps neither an address nor what is `private`."""
    line = " ".join(words.decode("utf-8", "replace").split())[:1000]
    reason = f"{step}: {code} {said(line, *private)}".rstrip()
    for pattern, outcome in MEANINGS:
        if re.match(pattern, f"{step} {code} {line}", re.IGNORECASE):
            return outcome(reason)
    return TryLater(reason)  # this was no SMTP at all


def broken(error: Exception, private: tuple[str, ...]) -> Outcome:
    """Return what it means that there is no connection, or none any more, with the message still ours."""
    if isinstance(error, smtplib.SMTPResponseException) and isinstance(error.smtp_error, bytes):
        return meaning("CONNECT", error.smtp_code, error.smtp_error, private)
    if isinstance(error, ssl.SSLCertVerificationError):
        return Halt(f"{BAD_CERTIFICATE} ({said(error.verify_message)})")
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return Halt(str(error))
    return TryLater(f"no connection to the mail server: {said(str(error), *private)}")


def verdict(code: int, words: bytes, private: tuple[str, ...]) -> Outcome:
    """Return what became of a message after its final dot."""
    if code // 100 == DONE:
        name = QUEUED_AS.search(words)
        return Sent(name[1].decode() if name else "")
    if code // 100 in {NOT_NOW, REFUSED}:
        return meaning("DATA", code, words, private)
    return Unsure("the mail server took the message, and its answer was no SMTP")
