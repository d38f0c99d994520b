"""In charge of SendGrid's two hooks: mail that comes in, and events about mail that went out.

Inbound Parse drops a mail for ever at any 3xx or 4xx, and says so to nobody; at a 5xx it tries again for 72 hours. So
the inbound hook answers 2xx once the mail is safe, 503 when it is not, and 403 to a forgery: nothing else.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import structlog
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from fastapi import APIRouter
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from course.inbound import sendgrid
from course.inbound.arriving import Arriving
from course.reading.authentication import SENDGRID
from course.signers import public_key
from course.web import render
from course.web.forms import MailForm
from course.web.guards import place

router = APIRouter()
CAP = 35 * 1024 * 1024  # bytes of a mail; Inbound Parse itself takes 30 MB
EVENTS_CAP = 5 * 1024 * 1024  # bytes; whose they are is known only at their end, and a batch is far smaller
SIGNATURE = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP = "X-Twilio-Email-Event-Webhook-Timestamp"
CHUNK = 256 * 1024  # bytes
log = structlog.get_logger()


class TooLongError(Exception):
    """What came is over the cap, was read to its end and is dropped."""


@router.post("/hooks/sendgrid/inbound")
@router.post("/hooks/sendgrid/inbound/")
@router.post("/hooks/sendgrid/inbound/{secret}")
@router.post("/hooks/sendgrid/inbound/{secret}/")
async def inbound(request: Request, secret: str = "") -> Response:
    """Take one mail: verify, spool durably, then say 200. With a key, the signature decides, else the secret."""
    settings = render.app_of(request).settings
    expected = settings.sendgrid_inbound_secret.get_secret_value()
    key = public_key(settings.sendgrid_inbound_key)
    if key is None and (settings.sendgrid_inbound_key or not (expected and secret)):
        log.error("mail came in by SendGrid; neither SENDGRID_INBOUND_KEY nor SENDGRID_INBOUND_SECRET lets it in")
        return _say(503)
    if key is None and not hmac.compare_digest(secret.encode(), expected.encode()):
        log.warning("mail came in by SendGrid under a wrong secret; check the address of the hook")
        return _say(403)
    try:
        return await _take(request, key)
    except ClientDisconnect:
        raise
    except TooLongError as error:
        # The same bytes would come again and again, and be no shorter.
        log.warning("mail came in by SendGrid and was dropped", why=str(error))
        return _say(200)
    except Exception as error:  # noqa: BLE001 (whatever it was, the mail must come again)
        log.error("a mail could not be made safe; it will come again", error=type(error).__name__, where=place(error))
        return _say(503)


@router.post("/hooks/sendgrid/events")
@router.post("/hooks/sendgrid/events/")
async def events(request: Request) -> Response:
    """Take a batch of events, if SendGrid signed exactly these bytes. Anything but a 2xx makes it try for a day."""
    app = render.app_of(request)
    key = public_key(app.settings.sendgrid_event_key)
    if key is None:
        log.error("events came in, but SENDGRID_EVENT_KEY is missing or no key")
        return _say(503)
    if request.headers.get("content-encoding", "identity") != "identity":
        return _say(415)  # the signature is over the bytes as they came
    with Arriving(_tmp(request)) as body:
        try:
            digest = await _spooled(request, body, EVENTS_CAP)
        except TooLongError:
            return _say(413)
        if not _signed(key, request, digest):
            log.warning("events came in under a wrong signature; check SENDGRID_EVENT_KEY")
            return _say(403)
        body.seek(0)
        found = _events(body.read())
    try:
        await run_in_threadpool(app.provider_events, found)
    except Exception as error:  # noqa: BLE001 (whatever it was, the events must come again)
        log.error("events were not recorded; they will come again", error=type(error).__name__, where=place(error))
        return _say(503)
    return _say(200)


async def _take(request: Request, key: ec.EllipticCurvePublicKey | None) -> Response:
    if request.headers.get("content-encoding", "identity") != "identity":
        raise ValueError("a form is never packed")
    app = render.app_of(request)
    with Arriving(_tmp(request)) as body:
        digest = await _spooled(request, body, CAP)
        if key is None or _signed(key, request, digest):
            await run_in_threadpool(_read, request, body, app.receive)
            return _say(200, BackgroundTask(app.read_spool))
        log.error("mail came in by SendGrid under a wrong signature and was put aside; check SENDGRID_INBOUND_KEY")
        try:
            await run_in_threadpool(_read, request, body, app.put_unproven)
        except Exception as error:  # noqa: BLE001 (a forgery need not be a form)
            log.warning("what came in under a wrong signature could not be put aside", error=type(error).__name__)
    return _say(403)


def _read(request: Request, body: Arriving, keep: Callable[..., object]) -> None:
    """Keep the mail of a form. Raises ValueError for what is none, OSError when it could not be kept."""
    body.seek(0)
    with MailForm(request.headers.get("content-type", ""), _tmp(request)) as form:
        while chunk := body.read(CHUNK):
            form.write(chunk)
        if not form.whole:
            raise ValueError("the form has no end")
        raw, small = form.mail(), form.small
    if raw is None:
        raise ValueError("it has neither the field `email` nor `headers`: it is not from Inbound Parse")
    said = {name: bytes(small[name.encode()]) for name in ("dkim", "SPF", "spam_score", "envelope")}
    to, passed = sendgrid.recipients(said["envelope"]), sendgrid.passed(said["dkim"], said["SPF"], said["envelope"])
    keep(sendgrid.stamped(raw, said), source=SENDGRID, to=to, passed=passed)


async def _spooled(request: Request, body: Arriving, cap: int) -> bytes:
    """Write the request's body into the file; return the digest that its signature is over."""
    digest = hashlib.sha256(request.headers.get(TIMESTAMP, "").encode("latin-1"))
    async for chunk in _body(request, cap):
        digest.update(chunk)
        body.write(chunk)
    return digest.digest()


async def _body(request: Request, cap: int) -> AsyncIterator[bytes]:
    """Yield the body's chunks up to the cap. A longer one is read on, so that its sender hears the answer."""
    taken = 0
    async for chunk in request.stream():
        taken += len(chunk)
        if taken <= cap:
            yield chunk
    if taken > cap:
        raise TooLongError(f"it is over {cap // 1024**2} MB")


def _events(body: bytes) -> list[dict[str, object]]:
    """Return a batch's events. What is no event is left out: one bad element must not lose the others."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        log.warning("SendGrid signed something that is no JSON; it was dropped")
        return []
    return [event for event in found if isinstance(event, dict)] if isinstance(found, list) else []


def _signed(key: ec.EllipticCurvePublicKey, request: Request, digest: bytes) -> bool:
    """Whether SendGrid signed timestamp and body. An old one may be a retry, and what comes twice counts once."""
    signature = request.headers.get(SIGNATURE, "")
    if not request.headers.get(TIMESTAMP):
        return False
    try:
        key.verify(base64.b64decode(signature, validate=True), digest, ec.ECDSA(Prehashed(hashes.SHA256())))
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def _tmp(request: Request) -> Path:
    folder = render.app_of(request).settings.data_dir / "tmp"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _say(status: int, after: BackgroundTask | None = None) -> Response:
    return PlainTextResponse("ok\n" if status == 200 else "no\n", status, background=after)  # noqa: PLR2004
