"""What the pages promise when connections come that say nothing, or say it slowly."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from course.web import connections

ASKING = b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"
WAIT = 20  # seconds that a test waits for what should come in a fraction of one
Address = tuple[str, int]


class Pages:
    """An application that answers when a request is whole, and notes whose was not."""

    def __init__(self) -> None:
        self.gone = threading.Event()
        self.asked = threading.Event()
        self.answer = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            await request.body()
        except ClientDisconnect:
            self.gone.set()
            return
        if request.url.path == "/slow":
            self.asked.set()
            await self.answer.wait()
        await PlainTextResponse("here you are")(scope, receive, send)


@pytest.fixture
def pages() -> Pages:
    """Return an application."""
    return Pages()


@pytest.fixture
def address(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> Iterator[Address]:
    """Serve these pages as worker.py does; who is silent has a fraction of a second."""
    monkeypatch.setattr(connections.Connection, "seconds", {connections.HEAD: 0.3, connections.BODY: 0.3})
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(pages, http=connections.Connection, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield listening.getsockname()
    server.should_exit = True
    thread.join(WAIT)


@contextlib.contextmanager
def calling(address: Address, said: bytes = b"") -> Iterator[socket.socket]:
    """Open a connection and say this much."""
    with socket.create_connection(address, timeout=WAIT) as line:
        line.sendall(said)
        yield line


def heard(line: socket.socket) -> bytes:
    """Return what comes until the other end hangs up."""
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := line.recv(4096):
            found += piece
    return found


def answered(line: socket.socket) -> bool:
    """Whether an answer comes by this connection."""
    found = b""
    while not found.endswith(b"here you are") and (piece := line.recv(4096)):
        found += piece
    return found.startswith(b"HTTP/1.1 200")


def dripping(line: socket.socket, piece: bytes) -> None:
    """Say so little, again and again, that no silence is long; return when the other end has hung up."""
    line.settimeout(0.05)
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        for _ in range(WAIT * 20):
            line.sendall(piece)
            with contextlib.suppress(TimeoutError):
                assert line.recv(1) == b""
                return
        pytest.fail("nobody hung up")


def test_who_says_nothing_is_hung_up_on(address: Address) -> None:
    """Alice's browser opens a connection and never asks: it is not kept for ever."""
    with calling(address) as line:
        assert heard(line) == b""


def test_who_says_it_by_the_letter_has_no_more_time(address: Address) -> None:
    """A request that is made to take for ever is not waited for, however busily it goes on."""
    with calling(address, b"GET / HTTP/1.1\r\nX-Slow: ") as line:
        dripping(line, b"a")


def test_a_form_that_never_ends_is_not_waited_for(address: Address, pages: Pages) -> None:
    """Half of what was announced came: the page behind it is told that the rest will not."""
    with calling(address, b"POST / HTTP/1.1\r\nHost: example.org\r\nContent-Length: 1000000\r\n\r\n") as line:
        dripping(line, b"a")
    assert pages.gone.wait(WAIT)


def test_a_second_request_has_its_own_time(address: Address) -> None:
    """A kept connection is no way around: the head of the next request ends in time, too."""
    with calling(address, ASKING) as line:
        assert answered(line)
        dripping(line, b"G")


def test_an_answer_may_take_its_time(address: Address, pages: Pages) -> None:
    """Bob's request is whole; that the answer takes longer than others have to ask keeps nothing from him."""
    with calling(address, ASKING.replace(b"/ ", b"/slow ", 1)) as bob, calling(address) as silent:
        assert pages.asked.wait(WAIT)
        assert heard(silent) == b""
        pages.answer.set()
        bob.sendall(ASKING)  # which wakes the loop
        assert answered(bob)


def test_a_crowd_of_the_silent_keeps_nobody_out(address: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many connections say nothing, charlie is answered: whoever has been silent for longest makes room."""
    monkeypatch.setattr(connections, "MOST", 5)
    monkeypatch.setattr(
        connections.Connection, "seconds", dict.fromkeys((connections.HEAD, connections.BODY), WAIT * 2)
    )
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(calling(address)) for _ in range(5)]
        charlie = stack.enter_context(calling(address, ASKING))
        assert answered(charlie)
        assert heard(silent[0]) == b""


def test_who_is_being_answered_makes_no_room(address: Address, pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bob was there first and his page takes its time: in a crowd the silent go, and he gets it."""
    monkeypatch.setattr(connections, "MOST", 3)
    monkeypatch.setattr(
        connections.Connection, "seconds", dict.fromkeys((connections.HEAD, connections.BODY), WAIT * 2)
    )
    with contextlib.ExitStack() as stack:
        stack.callback(pages.answer.set)  # whatever happens: the server waits for it
        bob = stack.enter_context(calling(address, ASKING.replace(b"/ ", b"/slow ", 1)))
        assert pages.asked.wait(WAIT)
        silent = [stack.enter_context(calling(address)) for _ in range(4)]
        assert heard(silent[0]) == b""
        pages.answer.set()
        stack.enter_context(calling(address, ASKING))  # which wakes the loop
        assert answered(bob)
