"""In charge of what holds for every request, whatever its route: hosts, sizes, headers and the log.

One pure ASGI layer, so that no answer leaves without it: not a 404, not a failure, not a hook's.
"""

from __future__ import annotations

import re
import time
import traceback
from collections.abc import Callable, Iterable

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from course.failures import cause
from course.hosts import is_loopback
from course.settings import Settings
from course.web.visitors import address_of

PAGE_CAP = 64 * 1024  # bytes of a form; the largest is a reply typed in the mailbox
# Bytes of a long text that is typed on a page: more than it takes in any script, so that the page can show it again.
WRITING, WRITING_CAP = ("/write/", "/letter/"), 1024 * 1024
HOOKS = "/hooks/"
# Monitors ask by address, and Inbound Parse drops a mail at any 4xx: neither is turned away for its Host.
ANY_HOST = ("/healthz", HOOKS)
POLLED = frozenset({"/healthz", "/mailbox", "/static/{name}", "/embed.js"})
UNTOLD = frozenset({"/help"})  # that somebody looked for help is written down nowhere
INDEXED = frozenset({"/", "/courses/{course}"})
HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:\d{1,5})?", re.IGNORECASE)
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")
CONTENT_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
# For pages whose POST must come from themselves: with no-referrer, browsers send `Origin: null`, which tells nothing.
# Only where the path of the page says nothing about anybody.
SAME_ORIGIN = {"Referrer-Policy": "same-origin"}
log = structlog.get_logger()


class Guard:
    """The outermost layer. `failed` makes the page for a status, for failures that no page caught."""

    def __init__(self, app: ASGIApp, settings: Settings, failed: Callable[[Request, int], Response]) -> None:
        self.app = app
        self.settings = settings
        self.failed = failed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        answer = _Answer(scope, send, self.settings)
        try:
            inner = self._refusal(scope) or self.app
            await inner(scope, _capped(scope, receive), answer.send)
        except ClientDisconnect:
            log.info("the client went away")
        except Exception as error:  # noqa: BLE001 (whatever it was, the answer is one calm page)
            known = {"error": type(error).__name__, "why": cause(error), "where": place(error)}
            log.error("a page failed", **known, route=_route(scope))
            if not answer.status:
                await self.failed(Request(scope), 500)(scope, receive, answer.send)
        finally:
            spent = round((time.perf_counter() - started) * 1000, 1)
            # The template, never the path: a path holds somebody's token. What asks every few seconds is no news.
            if _route(scope) not in UNTOLD:
                tell = log.debug if _route(scope) in POLLED and answer.status < 400 else log.info  # noqa: PLR2004
                tell("request", method=scope["method"], route=_route(scope), status=answer.status, ms=spent)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        path, headers = scope["path"], Headers(scope=scope)
        if not path.startswith(ANY_HOST) and not _host_known(headers.getlist("host"), self.settings):
            return PlainTextResponse("This server does not answer to that host name.\n", 421)
        length = headers.get("content-length", "0")
        if not path.startswith(HOOKS) and (not length.isdecimal() or int(length) > _cap(path)):
            return self.failed(Request(scope), 413)
        return None


def on_this_machine(request: Request) -> bool:
    """Whether the browser runs on this very machine and nothing stands between: no proxy, no foreign Host."""
    peer = address_of(request.client.host if request.client else "")
    host = HOST.fullmatch(request.headers.get("host", ""))
    straight = not any(name in request.headers for name in FORWARDED)
    return bool(peer and peer.is_loopback and straight and host and is_loopback(host["name"].lower()))


def mailbox_open(request: Request, settings: Settings) -> bool:
    """Whether this request may see the mailbox: mail goes to a folder, and the browser is on the same machine."""
    return settings.transport == "folder" and on_this_machine(request)


def from_elsewhere(request: Request) -> bool:
    """Whether the browser says that another site made it send this (Fetch Metadata, Sec-Fetch-Site)."""
    return request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}


def from_here(request: Request, settings: Settings) -> bool:
    """Whether a page of ours made the browser send this: by Sec-Fetch-Site, and by Origin where a browser lacks it.

    Without TLS browsers leave the first out; the second needs a page whose Referrer-Policy is not no-referrer.
    """
    if "sec-fetch-site" in request.headers:
        return request.headers["sec-fetch-site"] == "same-origin"
    own = f"{request.url.scheme}://{request.headers.get('host', '')}"
    return request.headers.get("origin") in {settings.site, own}


def place(error: Exception) -> str:
    """Return where an error arose; its message may quote what a person typed, so no log gets that."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{frame.filename}:{frame.lineno}"


class _Answer:
    """What goes back: remembers the status, adds the headers that the page did not set itself."""

    def __init__(self, scope: Scope, send: Send, settings: Settings) -> None:
        self.scope, self._send, self.settings, self.status = scope, send, settings, 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in _headers(self.scope, self.status, self.settings):
                headers.setdefault(name, value)
        await self._send(message)


def _headers(scope: Scope, status: int, settings: Settings) -> Iterable[tuple[str, str]]:
    yield "Cache-Control", "no-store"
    yield "Referrer-Policy", "no-referrer"
    yield "X-Content-Type-Options", "nosniff"
    yield "Cross-Origin-Resource-Policy", "same-origin"  # embed.js says otherwise for itself alone
    yield "Content-Security-Policy", CONTENT_POLICY
    if status != 200 or scope["method"] == "POST" or _route(scope) not in INDEXED:  # noqa: PLR2004
        yield "X-Robots-Tag", "noindex"
    if settings.site.startswith("https:"):
        yield "Strict-Transport-Security", "max-age=31536000"


def _capped(scope: Scope, receive: Receive) -> Receive:
    """Stop a page's body that is longer than it said. Hooks count for themselves: they must not answer 413."""
    if scope["path"].startswith(HOOKS):
        return receive
    taken = 0

    async def counted() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > _cap(scope["path"]):
            raise HTTPException(413)
        return message

    return counted


def _cap(path: str) -> int:
    return WRITING_CAP if path.startswith(WRITING) else PAGE_CAP


def _host_known(hosts: list[str], settings: Settings) -> bool:
    match = HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
    if match is None:
        return False
    name = match["name"].lower()
    return name.strip("[]") == settings.site_host or (not settings.production and is_loopback(name))


def _route(scope: Scope) -> str:
    return str(getattr(scope.get("route"), "path", "-"))
