"""In charge of the other side of the wire in tests: small real servers on this machine, and a letter to send them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar, NamedTuple, Self

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from course.content.mailing import Mailing
from course.outgoing import Outgoing

DROP, RESET, HANG, TRICKLE, BYE = "drop", "reset", "hang", "trickle", " and bye"
MEGABYTE = 1_000_000

DAY_ONE = Mailing(
    course="self-compassion",
    name="day-1",
    locale="en-GB",
    day=1,
    subject="Day 1: a letter",
    text="Dear zqgreetingqz,\n.a line that starts with a dot\n..and two\nLeave: zqleave_urlqz\n",
    html="<p>Dear zqgreetingqz,</p>\n<p>.dot</p>\n",
)
ALICE = Outgoing(
    delivery_id=7,
    to="alice@example.org",
    mailing=DAY_ONE,
    values={"greeting": "Alice", "leave_url": "https://course.example/leave/abc"},
    sender="hello@dearself.example",
    sender_name="Dear Self",
    reply_to="reply-abc234@reply.dearself.example",
    message_id="<abc234@dearself.example>",
    date=datetime(2026, 3, 1, 8, 0, 5, tzinfo=UTC),
    leave=("https://course.example/leave/abc", "leave-abc@reply.dearself.example"),
    list_id="<self-compassion.dearself.example>",
    feedback_id="1:lesson:dearself",
)
BOB = replace(ALICE, delivery_id=8, to="bob@example.org", message_id="<bbb234@dearself.example>")
CHARLIE = replace(ALICE, delivery_id=9, to="charlie@example.org", message_id="<ccc234@dearself.example>")
# More than the buffers of a connection hold, so that it cannot have left before anybody reads it.
ENDLESS = replace(ALICE, mailing=replace(DAY_ONE, text="A long story. " * 1_500_000))


class Authority:
    """A certificate authority of our own."""

    def __init__(self, folder) -> None:
        self._ca = trustme.CA()
        self.file = str(folder / "ca.pem")
        self._ca.cert_pem.write_to_path(self.file)

    def pem(self, name: str = "127.0.0.1") -> bytes:
        """Return a key and its certificate for a server of this name, as one file has them."""
        made = self._ca.issue_cert(name)
        return made.private_key_pem.bytes() + b"".join(one.bytes() for one in made.cert_chain_pems)

    def context(self, name: str = "127.0.0.1") -> ssl.SSLContext:
        """Return what a server of this name needs."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(name).configure_cert(context)
        return context


class Tunnel(ThreadingHTTPServer):
    """A proxy that lets one reach any host of this machine by CONNECT; `asked` is what it was told each time."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Passage)
        self.port = self.server_port
        self.asked: list[tuple[str, str | None]] = []
        self.daemon_threads = False
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Passage(BaseHTTPRequestHandler):
    server: Tunnel

    def do_CONNECT(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Proxy-Authorization")))
        host, _, port = self.path.rpartition(":")
        with socket.create_connection((host, int(port))) as there:
            self.send_response_only(200)
            self.end_headers()
            ends = {self.connection: there, there: self.connection}
            while True:
                for end in select.select(list(ends), [], [])[0]:
                    data = end.recv(65536)
                    if not data:
                        return
                    ends[end].sendall(data)

    def log_message(self, *_) -> None:
        """Keep the tests' output quiet."""


class Mail(NamedTuple):
    """What a mail server was given."""

    sender: str
    to: list[str]
    data: bytes


class MailServer(Controller):
    """A mail server that follows the rules and gives the answers it is told: {"RCPT": ["550 no"]}, each once."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, pipelining: bool = False, **options) -> None:
        options.setdefault("auth_require_tls", False)
        self._pipelining = pipelining
        super().__init__(self, hostname="127.0.0.1", port=0, ssl_context=tls, authenticator=self._login, **options)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.answers: dict[str, list[str]] = {}
        self.mails: list[Mail] = []
        self.logins: list[tuple[str, str]] = []
        self.callers: set[tuple[str, int]] = set()
        self._talks: list = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_) -> None:
        asyncio.run_coroutine_threadsafe(self._hang_up(), self.loop).result()
        self.stop()

    def factory(self):
        self._talks.append(super().factory())
        return self._talks[-1]

    def _create_server(self):
        return self.loop.create_server(self._factory_invoker, sock=self._listener, ssl=self.ssl_context)

    async def _hang_up(self) -> None:
        """Close what clients left open, so that no transport outlives its loop."""
        for talk in self._talks:
            if talk.transport is not None:
                with contextlib.suppress(AttributeError):  # a TLS connection that is over already (Python 3.11)
                    talk.transport.abort()
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()}, return_exceptions=True)

    def _answer(self, step: str, usual: str) -> str:
        queue = self.answers.get(step)
        return queue.pop(0) if queue else usual

    def _login(self, _server, _session, _envelope, _mechanism, data) -> AuthResult:
        self.logins.append((data.login.decode(), data.password.decode()))
        answer = self._answer("AUTH", "")
        return AuthResult(success=not answer, handled=False, message=answer or None)

    async def handle_EHLO(self, _server, session, _envelope, hostname, responses):  # noqa: N802 (aiosmtpd's name)
        session.host_name = hostname
        self.callers.add(session.peer)
        return [*responses[:1], *(["250-PIPELINING"] if self._pipelining else []), *responses[1:]]

    async def handle_MAIL(self, _server, _session, envelope, address, _options):  # noqa: N802
        answer = self._answer("MAIL", "250 2.1.0 OK")
        if answer.startswith("2"):
            envelope.mail_from = address
        return answer

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802
        answer = self._answer("RCPT", "250 2.1.5 OK")
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802
        answer = self._answer("DATA", "250 Ok: queued as 4X2y-9")
        if answer.startswith("2"):
            self.mails.append(Mail(envelope.mail_from, list(envelope.rcpt_tos), envelope.original_content))
        return answer


class RudeServer:
    """A mail server that breaks the rules: {step: answer}, where an answer may also be DROP, RESET or HANG.

    A list of answers is given in turn, the last of it for ever; a function is asked for one. "HI" is the greeting, "."
    the final dot; BODY is done instead of reading the message, READ after every megabyte of it; what ends with BYE
    leaves in one piece with the connection's end. Takes one script per connection; the last one serves all that follow.
    """

    POLITE: ClassVar = {
        "HI": "220 rude",
        "EHLO": "250 rude",
        "DATA": "354 go on",
        "QUIT": "221 bye",
        **dict.fromkeys(("HELO", "MAIL", "RCPT", ".", "RSET", "NOOP"), "250 ok"),
    }

    def __init__(self, *scripts: dict, tls: ssl.SSLContext | None = None) -> None:
        self._scripts = list(scripts)
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.heard: list[list[str]] = []  # the commands of each connection
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._talks: list[socket.socket] = []

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_) -> None:
        self._over.set()
        for one in (self._listener, *self._talks):  # a client that never lets go must not stop the tests
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _start(self, target, *args) -> None:
        self._threads.append(threading.Thread(target=target, args=args))
        self._threads[-1].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                talk, _ = self._listener.accept()
                self._talks.append(talk)
                self.heard.append([])
                script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
                self._start(self._talk, talk, {**self.POLITE, **script}, self.heard[-1])

    def _talk(self, talk: socket.socket, script: dict, heard: list[str]) -> None:
        talk = self._tls.wrap_socket(talk, server_side=True) if self._tls else talk
        with talk, contextlib.suppress(OSError), talk.makefile("rwb") as file:
            step = "HI"
            while (answer := _next(script, step)) not in {DROP, RESET, HANG}:
                if answer.endswith(BYE):
                    talk.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
                    file.write(answer.removesuffix(BYE).encode() + b"\r\n")
                    return
                file.write(answer.encode() + b"\r\n")
                file.flush()
                if step == "DATA" and "BODY" in script:
                    step = "BODY"
                    continue
                if step == "DATA" and answer.startswith("354"):
                    read = 0
                    while (line := file.readline()) not in {b".\r\n", b""}:
                        read += len(line)
                        if "READ" in script and read >= MEGABYTE:
                            read = 0
                            script["READ"]()
                    step = "."
                    continue
                line = file.readline().decode("latin-1").strip()
                if not line:
                    return
                step = line[:4].upper()
                heard.append(line)
            if answer == HANG:
                self._over.wait()
            if answer == RESET:
                reset(talk)


def _next(script: dict, step: str) -> str:
    answer = script.get(step, "500 what?")
    if isinstance(answer, list):
        answer = answer.pop(0) if len(answer) > 1 else answer[0]
    return answer() if callable(answer) else answer


def reset(talk: socket.socket) -> None:
    """Make the coming close() a TCP reset."""
    talk.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@dataclass
class Answer:
    """What the fake provider says next; `act` is HANG, RESET, DROP or TRICKLE instead, perhaps before reading.

    `goodbye` is DROP or RESET: the connection is ended by `Provider.end_idle`, unannounced, as servers do. `early` is
    the status of an interim answer, which comes first.
    """

    status: int = 202
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    act: str = ""
    unread: bool = False
    goodbye: str = ""
    early: int = 0


class Request(NamedTuple):
    """What the fake provider was asked, and by which client's port."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict
    port: int = 0

    @property
    def people(self) -> list[str]:
        """Whom it writes to, by name."""
        return [one["to"][0]["email"].partition("@")[0] for one in self.body["personalizations"]]


class Provider(ThreadingHTTPServer):
    """A web server in the place of api.sendgrid.com, which keeps connections open as that does.

    It gives the answers it is told, then 202 for ever; or what `rule` makes of each request.
    """

    request_queue_size = 100

    def __init__(
        self,
        *answers: Answer,
        tls: ssl.SSLContext | None = None,
        rule: Callable[[Request], Answer] | None = None,
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.server_port}"
        self.answers = list(answers)
        self.rule = rule
        self.requests: list[Request] = []
        self.over = threading.Event()
        self.leave = threading.Event()
        self.gone = threading.Event()
        self.daemon_threads = False  # so that server_close() waits for them
        self._talks: list[socket.socket] = []
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.over.set()
        self.leave.set()
        self.shutdown()
        self._thread.join()
        for talk in self._talks:
            with contextlib.suppress(OSError):  # the client has gone already
                socket.socket.shutdown(talk, socket.SHUT_RDWR)
        self.server_close()

    def end_idle(self) -> None:
        """End the connections whose answer was followed by a goodbye, now that they are idle."""
        self.gone.clear()
        self.leave.set()
        self.gone.wait()

    @property
    def connections(self) -> int:
        """How many connections its requests came by."""
        return len({request.port for request in self.requests})

    def get_request(self):
        talk, address = super().get_request()
        self._talks.append(talk)
        return talk, address

    def shutdown_request(self, request) -> None:
        self.close_request(request)  # at once, and without the end of the stream that a reset would not have
        self.gone.set()

    def answer(self, request: Request | None) -> Answer:
        if self.rule and request:
            return self.rule(request)
        return self.answers.pop(0) if self.answers else Answer()

    def handle_error(self, request, client_address) -> None:
        """Say nothing: a client that gives up is what some tests are about."""


class _Conversation(BaseHTTPRequestHandler):
    server: Provider
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        unread = bool(self.server.answers) and self.server.answers[0].unread
        request = None if unread else self._read()
        answer = self.server.answer(request)
        if answer.act == TRICKLE:
            self.wfile.write(b"HTTP/1.1 ")
            while not self.server.over.wait(0.02):
                self.wfile.write(b" ")
        if answer.act == HANG:
            self.server.over.wait()
        if answer.act == RESET:
            reset(self.connection)
        if answer.act:
            self.close_connection = True
            self.connection.close()
            return
        if answer.early:
            self.send_response_only(answer.early)
            self.end_headers()
        self.send_response_only(answer.status)
        for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)
        # What it promised and has not got leaves it only one way to end the answer.
        self.close_connection |= bool(answer.goodbye) or "Content-Length" in answer.headers
        if answer.goodbye:
            self.server.leave.wait()
        if answer.goodbye == RESET:
            reset(self.connection)

    do_GET = do_POST  # noqa: N815

    def _read(self) -> Request:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "{}")
        request = Request(self.command, self.path, dict(self.headers), body, self.client_address[1])
        self.server.requests.append(request)
        return request

    def log_message(self, *_) -> None:
        """Keep the tests' output quiet."""
