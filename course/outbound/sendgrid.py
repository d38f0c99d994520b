"""In charge of sending by SendGrid's Web API v3 (POST /v3/mail/send), one request per message.

One request each: SendGrid refuses a whole request for one bad address, and Reply-To cannot differ in it.
"""

from __future__ import annotations

import http.client
import json
import logging
import re
import ssl
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from email.utils import mktime_tz, parsedate_tz
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler

import python_http_client
import sendgrid

from course.outbound import local_part, one_by_one, said
from course.outgoing import (
    Halt,
    Notes,
    Outcome,
    Outgoing,
    RefusedMailing,
    RefusedRecipient,
    Sent,
    TryLater,
    Unsure,
    clean_header,
)
from course.settings import Settings, SettingsError

HOSTS = {"global": "https://api.sendgrid.com", "eu": "https://api.eu.sendgrid.com"}
# The key goes along with every request, so it travels in the open only to this machine itself.
BASE_URL = re.compile(r"(https://[\w.-]+|http://(localhost|127\.0\.0\.1|\[::1\]))(:\d{1,5})?(/[\w./-]*)?")
LONGEST_WAIT = 3600  # seconds; whatever the rate limit says, we ask again within the hour

# Everything that would change a link, count an opening or add a second List-Unsubscribe.
TRACKING_OFF = {
    "click_tracking": {"enable": False, "enable_text": False},
    "open_tracking": {"enable": False},
    "subscription_tracking": {"enable": False},
    "ganalytics": {"enable": False},
}

# By status; SendGrid's page "Errors" and, for what stops everything, what to look at.
MEANINGS: dict[int, tuple[Callable[[str], Outcome], str]] = {
    200: (Halt, "it answers as a sandbox and delivers nothing; check SENDGRID_BASE_URL and the account"),
    401: (Halt, "check SENDGRID_API_KEY, SENDGRID_REGION and the account's credits"),
    403: (Halt, "the key needs the scope Mail Send, and MAIL_FROM a verified sender"),
    408: (TryLater, ""),
    413: (RefusedMailing, ""),
}
NOT_SENDGRID = (Halt, "check SENDGRID_BASE_URL")  # 404, 405, 415, a redirect: nobody there takes our requests
# By the field that a 400 complains of; the first that fits counts. Anything else is the mailing's fault.
FIELDS: tuple[tuple[str, Callable[[str], Outcome]], ...] = (
    (r"from\b", Halt),
    (r"personalizations(\.\d+)?(\.to\b.*)?$|to\b|reply_to\b", RefusedRecipient),
)

# At DEBUG the client logs every header, the key among them, and every body: nobody gets to see those.
logging.getLogger("python_http_client.client").addFilter(lambda _: False)


class SendGrid:
    """The account that the key belongs to."""

    has_events = True

    def __init__(self, key: str, host: str, *, sandbox: bool = False, seconds: float = 30) -> None:
        api = sendgrid.SendGridAPIClient(key, host)
        # The client has no time limit unless it is given one here.
        self._mail_send = _MailSend(host, api.client.request_headers, 3, ["mail", "send"], timeout=seconds)
        self._key = key
        self._sandbox = sandbox

    def send(self, outgoing: Outgoing) -> Outcome:
        """Give one message to SendGrid. There is no idempotency key, so a lost answer leaves us unsure."""
        private = (self._key, local_part(outgoing.to))
        try:
            answer = self._mail_send.post(request_body=payload(outgoing, sandbox=self._sandbox))
            status, headers, body = answer.status_code, answer.headers, answer.body
        except python_http_client.HTTPError as error:
            status, headers, body = error.status_code, error.headers, error.body
        except URLError as error:
            # urllib wraps only what goes wrong before the whole request has left.
            return _unreached(error.reason, private)
        except (OSError, http.client.HTTPException) as error:
            return Unsure(f"SendGrid took the message and did not answer: {said(repr(error), *private)}")
        if status == http.client.ACCEPTED or (status == http.client.OK and self._sandbox):
            return Sent(headers.get("X-Message-ID", ""))
        return meaning(status, headers, body, private)

    def prepare(self, outgoing: Outgoing) -> None:
        """Make the request's body once, so that a message that cannot be made is known for it."""
        payload(outgoing, sandbox=self._sandbox)

    def send_many(self, batch: Iterable[Outgoing], notes: Notes) -> None:
        """Hand these messages over, one after the other."""
        one_by_one(self.send, batch, notes)

    def close(self) -> None:
        """Nothing is kept open: the client makes a connection for each request."""


def open(settings: Settings) -> SendGrid:  # noqa: A001 (every transport offers `open`)
    """Return the transport to SendGrid. Raises SettingsError for a key or a host that it cannot work with."""
    key = settings.sendgrid_api_key.get_secret_value().strip()
    if not re.fullmatch(r"[!-~]+", key):
        raise SettingsError("SENDGRID_API_KEY: put the key alone, as SendGrid showed it")
    host = (settings.sendgrid_base_url or HOSTS[settings.sendgrid_region]).rstrip("/")
    if not BASE_URL.fullmatch(host):
        raise SettingsError("SENDGRID_BASE_URL: put https:// and a host, or leave it empty")
    return SendGrid(key, host, sandbox=settings.sendgrid_sandbox)


def payload(outgoing: Outgoing, *, sandbox: bool) -> dict[str, Any]:
    """Return the request's body. Nothing in it says who takes which course, but for the message itself."""
    sender_name = _ascii(outgoing.sender_name)
    return {
        "personalizations": [
            {
                "to": [{"email": outgoing.to}],
                "headers": {name: clean_header(value) for name, value in outgoing.extra_headers()},
                # SendGrid keeps these and cannot delete them: an opaque number and nothing else.
                "custom_args": {"ds_delivery": str(outgoing.delivery_id)},
            }
        ],
        "from": {"email": outgoing.sender} | ({"name": sender_name} if sender_name else {}),
        "reply_to": {"email": outgoing.reply_to},
        "subject": outgoing.mailing.subject_for(outgoing.values),
        "content": [
            {"type": "text/plain", "value": outgoing.mailing.text_for(outgoing.values)},
            {"type": "text/html", "value": outgoing.mailing.html_for(outgoing.values)},
        ],
        "tracking_settings": TRACKING_OFF,
        "mail_settings": {"sandbox_mode": {"enable": sandbox}},
    }


def meaning(status: int, headers: Mapping[str, str], body: bytes, private: tuple[str, ...]) -> Outcome:
    """Return what an answer other than success means."""
    errors = list(_errors(body))
    words = "; ".join(": ".join(filter(None, error)) for error in errors) or body.decode("utf-8", "replace")
    reason = f"SendGrid answered {status}: {said(words, *private)}".rstrip(": ")
    if status == http.client.BAD_REQUEST and errors:
        fits = (outcome for pattern, outcome in FIELDS for field, _ in errors if re.match(pattern, field))
        return next(fits, RefusedMailing)(reason)
    if status == http.client.TOO_MANY_REQUESTS:
        return TryLater(reason, _wait(headers))
    if status == http.client.GATEWAY_TIMEOUT:
        return Unsure(reason)  # a gateway gave up waiting; what stands behind it may have taken the message
    if status >= http.client.INTERNAL_SERVER_ERROR or status == http.client.BAD_REQUEST:
        return TryLater(reason)  # a 400 without errors is a proxy's page, no verdict on the text
    if status in MEANINGS or not 200 <= status < 300:  # noqa: PLR2004 (RFC 9110 section 15.3)
        outcome, advice = MEANINGS.get(status, NOT_SENDGRID)
        return outcome(f"{reason} ({advice})" if advice else reason)
    return Unsure(reason)


class _MailSend(python_http_client.Client):  # type: ignore[misc]
    """The client without redirects: urllib would follow one by GET and take the key along to any host."""

    def _make_request(self, opener: Any, request: Any, timeout: float | None = None) -> Any:
        opener.add_handler(_NoRedirect())
        return super()._make_request(opener, request, timeout)


class _NoRedirect(HTTPRedirectHandler):
    handler_order = HTTPRedirectHandler.handler_order - 1  # asked before urllib's own

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> None:  # noqa: ARG002
        raise HTTPError(req.full_url, code, msg, headers, fp)


def _unreached(cause: object, private: tuple[str, ...]) -> Outcome:
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Halt(f"the certificate of SendGrid's host is not valid ({said(cause.verify_message)})")
    return TryLater(f"SendGrid cannot be reached: {said(str(cause), *private)}")


def _errors(body: bytes) -> Iterator[tuple[str, str]]:
    """Yield field and message of each error in a body; a 413 may be a proxy's HTML instead."""
    try:
        for error in json.loads(body)["errors"]:
            yield str(error.get("field") or ""), str(error.get("message") or "")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return


def _wait(headers: Mapping[str, str]) -> float | None:
    """Return the seconds until the rate limit ends, by SendGrid's own clock."""
    sent, reset = parsedate_tz(headers.get("Date", "")), headers.get("X-RateLimit-Reset", "")
    if sent is None or not re.fullmatch(r"[0-9]{1,12}", reset):
        return None
    return float(min(max(int(reset) - mktime_tz(sent), 1), LONGEST_WAIT))


def _ascii(name: str) -> str:
    """Return the sender's name without accents, or "" if that is not enough.

    SendGrid supports no Unicode in it, and encoded words arrive as they are (sendgrid-nodejs issue 1457).
    """
    folded = "".join(char for char in unicodedata.normalize("NFKD", name) if not unicodedata.combining(char))
    return folded if folded.isascii() else ""
