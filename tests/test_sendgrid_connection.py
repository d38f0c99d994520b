"""Promises of the connections to SendGrid: kept, timed, verified, and never a second copy by their fault."""

from __future__ import annotations

import http.client
import inspect
import json
import socket
import threading
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest
import python_http_client
import sendgrid
from servers import ALICE, BOB, CHARLIE, DROP, HANG, RESET, TRICKLE, Answer, Authority, Provider, Tunnel
from structlog.testing import capture_logs
from told import Told

from course.outbound import http_answer, sendgrid_client
from course.outbound.sendgrid import SendGrid
from course.outbound.sendgrid_calls import part, payload
from course.outbound.sendgrid_client import LONGEST_IDLE, KeptClient
from course.outgoing import Halt, Outgoing, Sent, TryLater, Unsure

KEY = "SG.canary-key.0123456789abcdef"
LITTLE_WHILE = 0.3  # seconds that a test waits for a provider that never answers


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    """Keep requests to this machine away from a proxy that the developer may have set."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@contextmanager
def account(provider: Provider, **options):
    """Open the way to this provider."""
    with closing(SendGrid(KEY, provider.url, **{"seconds": 5, **options})) as transport:
        yield transport


def people(count: int) -> list[Outgoing]:
    """Make messages to p0, p1 and so on."""
    return [replace(ALICE, delivery_id=n, to=f"p{n}@example.org") for n in range(count)]


# Kept


def test_messages_share_a_connection():
    """Ten messages leave by one connection, those of a later round too."""
    with Provider() as provider, account(provider) as transport:
        transport.send_many(people(9), told := Told())
        later = transport.send(ALICE)

    assert len(told.people(Sent)) == 9
    assert isinstance(later, Sent)
    assert (len(provider.requests), provider.connections) == (10, 1)


@pytest.mark.parametrize("end", [DROP, RESET])
@pytest.mark.parametrize("tls", [False, True])
def test_a_connection_that_was_closed_while_idle_costs_nothing(tmp_path, monkeypatch, tls, end):
    """The provider ended the idle connection: the next message leaves once, by a fresh one."""
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", authority.file)
    context = authority.context() if tls else None
    with Provider(Answer(goodbye=end), tls=context) as provider, account(provider) as transport:
        first = transport.send(ALICE)
        provider.end_idle()
        second = transport.send(BOB)

    assert isinstance(first, Sent)
    assert isinstance(second, Sent)
    assert [request.people for request in provider.requests] == [["alice"], ["bob"]]
    assert provider.connections == 2


def test_a_request_that_cannot_be_written_is_written_once_more(monkeypatch):
    """The connection died between the look at it and the writing: nobody read a request, so it is no doubt."""
    monkeypatch.setattr(sendgrid_client, "_quiet", lambda _: True)
    with Provider(Answer(goodbye=RESET)) as provider, account(provider) as transport:
        transport.send(ALICE)
        provider.end_idle()
        outcome = transport.send(BOB)

    assert isinstance(outcome, Sent)
    assert [request.people for request in provider.requests] == [["alice"], ["bob"]]


def test_a_request_that_was_written_is_never_written_again(monkeypatch):
    """The goodbye crosses the request: it may have been read, so it is in doubt and not repeated."""
    monkeypatch.setattr(sendgrid_client, "_quiet", lambda _: True)
    with Provider(Answer(goodbye=DROP)) as provider, account(provider) as transport:
        transport.send(ALICE)
        provider.end_idle()
        outcome = transport.send(BOB)

    assert isinstance(outcome, Unsure)
    assert len(provider.requests) == 1


@pytest.mark.parametrize(("idle", "connections"), [(LONGEST_IDLE, 1), (LONGEST_IDLE + 1, 2)])
def test_a_connection_is_not_trusted_for_long(idle, connections):
    """After a few idle seconds a new one is made: the old one's end may be on its way already."""
    now = [1000.0]
    with Provider() as provider, account(provider, monotonic=lambda: now[0]) as transport:
        transport.send(ALICE)
        now[0] += idle
        transport.send(BOB)

    assert provider.connections == connections


@pytest.mark.parametrize(
    "answer", [Answer(headers={"Connection": "close"}), Answer(413, b"x" * 3_000_000), Answer(500), Answer(400)]
)
def test_the_next_message_gets_its_own_answer(monkeypatch, answer):
    """Whatever was answered before, and however much of it was not read, the next message's answer is its own."""
    monkeypatch.setattr(sendgrid_client, "_quiet", lambda _: True)  # the rest may come after the look
    with Provider(answer, Answer(headers={"X-Message-ID": "second"})) as provider, account(provider) as transport:
        transport.send(ALICE)
        outcome = transport.send(BOB)

    assert outcome == Sent("second")


@pytest.mark.parametrize(
    "said",
    [
        "202 Accepted\r\nServer: nginx\r\nContent-Length: 0\r\nConnection: keep-alive\r\nX-Message-Id: a b",
        "202 Accepted\r\nContent-Length: 0\r\nConnection: close",
        "202 Accepted\r\nContent-Length: 5\r\n\r\nhello",
        "202 Accepted\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0",
        "202 Accepted\r\nX-Message-Id: no length",
        "202 Accepted\r\nX-Folded: a\r\n b\r\nContent-Length: 0",
        "202 Accepted\r\nX-Message-Id: \u00e9\r\nContent-Length: 0",
        "400 Bad Request\r\nContent-Length: 2\r\n\r\n{}",
    ],
)
def test_an_answer_is_read_as_python_reads_it(said):
    """Whichever way an answer is read: status, fields and body are those of http.client, and so is whether it stays."""
    data = f"HTTP/1.1 {said}\r\n\r\n".encode("latin-1")
    heard = []
    for read in (http_answer.heard, by_http_client):
        here, there = socket.socketpair()
        with here, there:
            there.sendall(data)
            there.shutdown(socket.SHUT_WR)
            heard.append(read(here))
    (ours, kept), (theirs, stays) = heard

    assert (ours.getcode(), ours.info().items(), ours.read()) == theirs
    assert kept == stays


@pytest.mark.parametrize("early", [100, 102, 103])
def test_an_interim_answer_is_not_the_answer(early):
    """A server may say one first (RFC 9110 section 15.2): the mail was taken, and the next one gets its own answer."""
    answers = Answer(headers={"X-Message-ID": "one"}, early=early), Answer(headers={"X-Message-ID": "two"}, early=early)
    with Provider(*answers) as provider, account(provider) as transport:
        outcomes = [transport.send(ALICE), transport.send(BOB)]

    assert outcomes == [Sent("one"), Sent("two")]


def by_http_client(sock):
    """Read an answer by Python's own means."""
    answer = http.client.HTTPResponse(sock, method="POST")
    answer.begin()
    body = answer.read()
    return (answer.status, answer.headers.items(), body), not answer.will_close


def test_a_closed_transport_opens_again():
    """`close` lets go of the connection; a later message makes a new one."""
    with Provider() as provider, account(provider) as transport:
        transport.send(ALICE)
        transport.close()
        outcome = transport.send(BOB)

    assert isinstance(outcome, Sent)
    assert provider.connections == 2


# Timed


def test_an_answer_that_trickles_is_ended():
    """A provider that answers letter by letter does not hold the worker for ever; the message is in doubt."""
    with Provider(Answer(act=TRICKLE)) as provider, account(provider, seconds=LITTLE_WHILE / 4) as transport:
        outcome = transport.send(ALICE)
        later = transport.send(BOB)

    assert isinstance(outcome, Unsure)
    assert isinstance(later, Sent)


def test_whoever_does_not_answer_is_not_given_more():
    """A time limit that ran out leaves one message in doubt; the others are tried later, not given away in turn."""
    with Provider(Answer(act=HANG)) as provider, account(provider, seconds=LITTLE_WHILE) as transport:
        transport.send_many(people(50), told := Told())

    assert told.given == ["p0"]
    assert told.people(Unsure) == ["p0"]
    assert len(told.people(TryLater)) == 49


def test_a_provider_that_cannot_be_reached_is_asked_once():
    """Nobody waits through a time limit for each message of a batch."""
    with Provider() as provider:
        url = provider.url
    with closing(SendGrid(KEY, url)) as transport:
        transport.send_many(people(50), told := Told(more=iter([True, False]).__next__))

    assert told.given == ["p0"]
    assert len(told.people(TryLater)) == 50


# Several at once


def test_so_many_connections_work_at_once():
    """With three connections three requests are under way together: each is answered when all have come."""
    meeting = threading.Barrier(3, timeout=10)

    def together(_request):
        meeting.wait()
        return Answer()

    with Provider(rule=together) as provider, account(provider, connections=3) as transport:
        transport.send_many(people(9), told := Told())

    assert len(told.people(Sent)) == 9
    assert provider.connections == 3


def test_at_most_one_message_a_connection_is_open():
    """What was given away and not answered, and so would be in doubt after a crash, is one request a connection."""
    with Provider() as provider, account(provider, connections=3) as transport:
        transport.send_many(people(60), told := Told())

    assert len(told.people(Sent)) == 60
    assert told.most_open <= 3


def test_when_told_to_stop_nothing_more_begins():
    """What is under way is finished, and the rest stays with whoever asked."""
    with Provider() as provider, account(provider) as transport:
        transport.send_many(people(9), told := Told(more=iter([True, True, False]).__next__))

    assert told.given == told.people(Sent) == ["p0", "p1"]


def test_what_the_ledger_does_not_take_does_not_leave():
    """A message that could not be noted is answered with the reason, and its request is never made."""
    halt = Halt("the ledger cannot be written")
    ledger = {"p1": halt}.get
    with Provider() as provider, account(provider, batch=3) as transport:
        transport.send_many(people(3), told := Told(ledger=lambda one: ledger(one.to.partition("@")[0])))

    assert told.outcomes["p1"] == halt
    assert [request.people for request in provider.requests] == [["p0", "p2"]]


def test_after_a_halt_nothing_begins():
    """A key that is refused is not tried again with the next message, whose state stays as it was."""
    with Provider(*[Answer(401)] * 9) as provider, account(provider) as transport:
        transport.send_many(people(9), told := Told())

    assert told.people(Halt) == told.given == ["p0"]
    assert list(told.outcomes) == ["p0"]
    assert len(provider.requests) == 1


def test_a_round_that_breaks_leaves_nothing_to_the_next():
    """An answer to a round whose notes broke is nobody else's."""

    class Broken(Told):
        def answered(self, _outgoing, _outcome):
            raise RuntimeError("the notes broke")

    with Provider() as provider, account(provider, connections=3) as transport:
        with pytest.raises(RuntimeError, match="the notes broke"):
            transport.send_many(people(9), Broken())
        transport.send_many([BOB, CHARLIE], told := Told())

    assert sorted(told.people(Sent)) == ["bob", "charlie"]


def test_a_mistake_of_ours_leaves_a_message_in_doubt(monkeypatch):
    """A bug on the way out is as bad as a broken line, and no worse: the others leave, and the log tells of it."""
    broken = iter([ValueError("alice@example.org")])

    def post(self, request_body):
        for error in broken:
            raise error
        return original(self, request_body)

    original = KeptClient.post
    monkeypatch.setattr(KeptClient, "post", post)
    with Provider() as provider, account(provider) as transport, capture_logs() as logs:
        transport.send_many([ALICE, BOB], told := Told())

    assert told.outcomes == {"alice": Unsure("the transport broke: ValueError"), "bob": Sent("")}
    assert logs == [{"event": "a transport broke", "error": "ValueError", "log_level": "error"}]


# Ready before it leaves


def test_a_message_is_made_before_it_leaves():
    """`prepare` raises what is wrong with a message, and what it made is what leaves."""
    with Provider() as provider, account(provider) as transport:
        with pytest.raises(KeyError, match="leave_url"):
            transport.prepare(replace(ALICE, values={"greeting": "Alice"}))
        transport.prepare(ALICE)
        transport.send_many([ALICE], Told())

    assert provider.requests[0].body == json.loads(payload([part(ALICE)], sandbox=False))


def test_what_was_made_ready_is_nobody_elses():
    """Two messages by one number (tests have none of their own) are not mistaken for each other."""
    with Provider() as provider, account(provider) as transport:
        transport.prepare(ALICE)
        transport.send_many([replace(BOB, delivery_id=ALICE.delivery_id)], Told())

    assert provider.requests[0].people == ["bob"]


def test_a_message_that_cannot_be_made_keeps_nobody_from_theirs():
    """Without `prepare` the mistake is that message's alone too."""
    with Provider() as provider, account(provider) as transport:
        transport.send_many([replace(ALICE, values={}), BOB], told := Told())

    assert not isinstance(told.outcomes["alice"], Sent)
    assert told.people(Sent) == ["bob"]
    assert told.given == ["bob"]


# Where the key may go


@pytest.mark.parametrize("login", ["", "me:s%40cret@"])
def test_https_goes_by_the_proxy_of_the_environment(tmp_path, monkeypatch, login):
    """HTTPS_PROXY is a tunnel: it learns the host and its own password, and neither key nor letter."""
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", authority.file)
    monkeypatch.delenv("no_proxy", raising=False)
    with Provider(tls=authority.context()) as provider, Tunnel() as tunnel:
        monkeypatch.setenv("https_proxy", f"http://{login}127.0.0.1:{tunnel.port}")
        with account(provider) as transport:
            outcomes = [transport.send(ALICE), transport.send(BOB)]

    assert outcomes == [Sent(""), Sent("")]
    knock = "Basic bWU6c0BjcmV0" if login else None
    assert tunnel.asked == [(f"127.0.0.1:{provider.server_port}", knock)]


def test_no_proxy_is_minded(tmp_path, monkeypatch):
    """A host that NO_PROXY names is reached directly."""
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", authority.file)
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Provider(tls=authority.context()) as provider, account(provider) as transport:
        outcome = transport.send(ALICE)

    assert isinstance(outcome, Sent)


def test_the_key_never_goes_to_a_proxy_in_the_open(monkeypatch):
    """Plain http is for this machine alone; a proxy for http does not get to see it."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    with Provider() as provider, account(provider) as transport:
        outcome = transport.send(ALICE)

    assert isinstance(outcome, Sent)


# What is used of the library


def test_what_leaves_is_what_the_official_client_would_send():
    """Method, path, headers and body are those of the client as shipped, but that the connection is kept."""
    with Provider() as provider, account(provider) as transport:
        sendgrid.SendGridAPIClient(KEY, provider.url).send(json.loads(payload([part(ALICE)], sandbox=False)))
        transport.send(ALICE)
    shipped, ours = provider.requests

    assert (ours.method, ours.path, ours.body) == (shipped.method, shipped.path, shipped.body)
    only_shipped = {name: value for name, value in shipped.headers.items() if ours.headers.get(name) != value}
    assert only_shipped == {"Accept-Encoding": "identity", "Connection": "close"}
    assert set(ours.headers) <= set(shipped.headers)


def test_the_library_is_as_we_use_it():
    """What the kept client builds upon is there: a change of the library's insides fails here and not in the field."""
    client = KeptClient(KEY, "https://api.sendgrid.com", None, seconds=7, monotonic=lambda: 0)

    assert list(inspect.signature(python_http_client.Client.__init__).parameters)[1:] == [
        *("host", "request_headers", "version", "url_path", "append_slash", "timeout")
    ]
    assert client._build_url(None) == "https://api.sendgrid.com/v3/mail/send"  # noqa: SLF001 (that is what it pins)
    assert client.timeout == 7
    assert client.request_headers["Authorization"] == f"Bearer {KEY}"
    assert list(inspect.signature(python_http_client.client.Response.__init__).parameters) == ["self", "response"]
    assert "post" in python_http_client.Client.methods


def test_an_answer_is_the_librarys_response():
    """`post` returns what the library's own would: status, headers and body, of every status alike."""
    with Provider(Answer(418, b"short and stout", {"X-Message-ID": "tea"})) as provider:
        client = KeptClient(KEY, provider.url, None, seconds=5, monotonic=lambda: 0)
        answer = client.post({"personalizations": []})
        client.close()

    assert isinstance(answer, python_http_client.client.Response)
    assert (answer.status_code, answer.body, answer.headers["X-Message-ID"]) == (418, b"short and stout", "tea")
