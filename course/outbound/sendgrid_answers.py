"""In charge of what SendGrid's answers mean: for a whole call, and for those people whom a refusal names."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import mktime_tz, parsedate_tz
from http import HTTPStatus

from course.outbound import said
from course.outgoing import Halt, Outcome, RefusedMailing, RefusedRecipient, Sent, TryLater, Unsure

LONGEST_WAIT = 3600  # seconds; whatever the rate limit says, we ask again within the hour
USUAL_WAIT = 60.0  # seconds, where it does not say: SendGrid's limits are those of a minute

# By status; SendGrid's page "Errors" and, for what stops everything, what to look at.
MEANINGS: dict[int, tuple[Callable[[str], Outcome], str]] = {
    200: (Halt, "it answers as a sandbox and delivers nothing; check SENDGRID_BASE_URL and the account"),
    400: (TryLater, ""),  # without errors it is a proxy's page, no verdict on the text
    401: (Halt, "check SENDGRID_API_KEY, SENDGRID_REGION and the account's credits"),
    403: (Halt, "the key needs the scope Mail Send, and MAIL_FROM a verified sender"),
    408: (TryLater, ""),
    413: (RefusedMailing, ""),
    504: (Unsure, ""),  # a gateway gave up waiting; what stands behind it may have taken the message
}
CLASSES: dict[int, tuple[Callable[[str], Outcome], str]] = {2: (Unsure, ""), 5: (TryLater, "")}
NOT_SENDGRID = (Halt, "check SENDGRID_BASE_URL")  # 404, 405, 415, a redirect: nobody there takes our requests
# By the field that a 400 complains of; the first that fits counts. Anything else is the mailing's fault.
FIELDS: tuple[tuple[str, Callable[[str], Outcome]], ...] = (
    (r"from\b", Halt),
    (r"personalizations(\.\d+)?(\.to\b.*)?$|to\b|reply_to\b", RefusedRecipient),
)
ONE_PERSON = re.compile(r"personalizations[.\[](\d+)\b")
ADDRESS_OF_ONE = re.compile(r"(personalizations[.\[]\d+\]?(\.to\b.*)?|to\b.*)")


@dataclass(frozen=True)
class Verdict:
    """What became of a call. `outcome` holds for every message in it, unless it is `doubtful`.

    `errors` are field and message of each error that a 400 names. `over` means that the next call would fare the same.
    `private` is what no reason may repeat.
    """

    outcome: Outcome
    status: int = 0
    errors: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    over: bool = False
    private: Sequence[str] = field(default=(), repr=False)

    @property
    def doubtful(self) -> bool:
        """Whether it is the text, or some of the people, that were refused, and nothing was sent to anybody."""
        return self.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE} and not isinstance(
            self.outcome, Halt
        )

    @property
    def likeness(self) -> tuple[int, frozenset[str]]:
        """What is equal when two messages, each in a call of its own, are refused alike: the status and the fields."""
        return self.status, frozenset(name for name, _ in self.errors)

    @property
    def of_an_address(self) -> bool:
        """Whether every error names an address that the message goes to."""
        return bool(self.errors) and all(ADDRESS_OF_ONE.fullmatch(name) for name, _ in self.errors)

    def named(self, people: int) -> dict[int, Verdict]:
        """Return what was said of single people in a call, by their place in it."""
        theirs: dict[int, list[tuple[str, str]]] = {}
        for name, message in self.errors:
            one = ONE_PERSON.match(name)
            if one and int(one[1]) < people:
                theirs.setdefault(int(one[1]), []).append((name, message))
        return {place: _refusal(self.status, tuple(some), self.private) for place, some in theirs.items()}


def verdict(
    status: int, headers: Mapping[str, str], body: bytes, private: Sequence[str], *, sandbox: bool = False
) -> Verdict:
    """Return what an answer means. `private` is what no reason may repeat."""
    if status == HTTPStatus.ACCEPTED or (status == HTTPStatus.OK and sandbox):
        return Verdict(Sent(headers.get("X-Message-ID", "")), status)
    errors = tuple(_errors(body))
    if status == HTTPStatus.BAD_REQUEST and errors:
        return _refusal(status, errors, private)
    reason = _reason(status, errors, body, private)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Verdict(TryLater(reason, _wait(headers)), status, over=True)
    outcome, advice = MEANINGS.get(status) or CLASSES.get(status // 100, NOT_SENDGRID)
    return Verdict(outcome(f"{reason} ({advice})" if advice else reason), status)


def unreached(cause: object, private: Sequence[str]) -> Verdict:
    """Return what it means that a request could not leave: nothing was sent."""
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Verdict(Halt(f"the certificate of SendGrid's host is not valid ({said(cause.verify_message)})"))
    return Verdict(TryLater(f"SendGrid cannot be reached: {said(str(cause), *private)}"), over=True)


def unanswered(error: Exception, private: Sequence[str]) -> Verdict:
    """Return what it means that a whole request got no answer. There is no idempotency key: nobody knows."""
    reason = f"SendGrid took the message and did not answer: {said(repr(error), *private)}"
    return Verdict(Unsure(reason), over=isinstance(error, TimeoutError))


def _refusal(status: int, errors: tuple[tuple[str, str], ...], private: Sequence[str]) -> Verdict:
    fits = (outcome for pattern, outcome in FIELDS for name, _ in errors if re.match(pattern, name))
    outcome = next(fits, RefusedMailing)(_reason(status, errors, b"", private))
    return Verdict(outcome, status, errors, private=private)


def _reason(status: int, errors: Sequence[tuple[str, str]], body: bytes, private: Sequence[str]) -> str:
    words = "; ".join(": ".join(filter(None, error)) for error in errors) or body.decode("utf-8", "replace")
    return f"SendGrid answered {status}: {said(words, *private)}".rstrip(": ")


def _errors(body: bytes) -> Iterator[tuple[str, str]]:
    """Yield field and message of each error in a body; a 413 may be a proxy's HTML instead."""
    try:
        for error in json.loads(body)["errors"]:
            yield str(error.get("field") or ""), str(error.get("message") or "")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return


def _wait(headers: Mapping[str, str]) -> float:
    """Return the seconds until the rate limit ends, by SendGrid's own clock."""
    sent, reset = parsedate_tz(headers.get("Date", "")), headers.get("X-RateLimit-Reset", "")
    if sent is None or not re.fullmatch(r"[0-9]{1,12}", reset):
        return USUAL_WAIT
    return float(min(max(int(reset) - mktime_tz(sent), 1), LONGEST_WAIT))
