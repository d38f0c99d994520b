"""Promises of the way out by SMTP, kept against real servers on this machine."""

from __future__ import annotations

import logging
import socket
import traceback
from contextlib import ExitStack
from dataclasses import replace

import pytest
from servers import ALICE, BOB, CHARLIE, DROP, ENDLESS, HANG, RESET, Authority, MailServer, RudeServer

from course.outbound import open_transport, send_one
from course.outbound.greeting import Server, server_of
from course.outbound.smtp import Smtp
from course.outgoing import Halt, RefusedMailing, RefusedRecipient, Sent, TryLater, Unsure
from course.settings import SettingsError, load

PASSWORD = "canary-pa55word"
LITTLE_WHILE = 0.5  # seconds that a test waits for a server that never answers


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """Make certificates that only the tests trust."""
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def serve():
    """Start servers and open transports to them; the transports are closed first."""
    with ExitStack() as stack:

        def start(server, *, tls="none", user="", password="", **options):
            stack.enter_context(server)
            options = {"connect_seconds": 5, "answer_seconds": 5} | options
            smtp = Smtp(Server("127.0.0.1", server.port, user, password, tls), "course.example", **options)
            stack.callback(smtp.close)
            return smtp

        yield start


class Hours:
    """A clock that only moves when it is told to."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


# What is sent


def test_the_very_bytes_arrive(serve):
    """The server gets exactly the message's bytes, a text whose lines start with a dot included."""
    server = MailServer()
    outcome = send_one(serve(server), ALICE)

    assert b"\r\n=2Ea line" in ALICE.as_bytes()
    assert server.mails == [(ALICE.reply_to, ["alice@example.org"], ALICE.as_bytes())]
    assert outcome == Sent("4X2y-9")


def test_an_answer_without_a_name_is_enough(serve):
    """A server need not say what it calls the message."""
    server = MailServer()
    server.answers = {"DATA": ["250 2.0.0 thanks"]}

    assert send_one(serve(server), ALICE) == Sent("")


def test_an_answer_to_a_person_has_no_return_path(serve):
    """Mail that answers a person's own goes out with a null return path, so no loop can begin."""
    server = MailServer()
    send_one(serve(server), replace(ALICE, replied=True))

    assert [mail.sender for mail in server.mails] == ["<>"]


def test_a_server_without_null_return_path_gets_the_deliverys_address(serve):
    """A provider that refuses the null return path (Amazon SES) does not stop the mail."""
    server = MailServer()
    server.answers = {"MAIL": ["501 Invalid MAIL FROM address provided"]}
    outcome = send_one(serve(server), replace(ALICE, replied=True))

    assert isinstance(outcome, Sent)
    assert [mail.sender for mail in server.mails] == [ALICE.reply_to]


@pytest.mark.parametrize(
    "to",
    [
        "alice@example.org\r\nRCPT TO:<eve@example.net>",
        "alice@example.org\n",
        "al ice@example.org",
        "alice@example.org> SIZE=1",
        "<alice@example.org>",
        "alicé@example.org",
        "alice",
        "",
    ],
)
def test_an_address_that_is_none_is_never_put_on_the_wire(serve, to):
    """A recipient with a line break, space or bracket is refused before the server hears of it."""
    server = RudeServer({})
    outcome = send_one(serve(server), replace(ALICE, to=to))

    assert outcome == RefusedRecipient("this address cannot be written in SMTP (RFC 3463: 5.1.3)", dead=True)
    assert server.heard == []


@pytest.mark.parametrize("replied", [False, True])
def test_a_return_address_that_is_none_halts(serve, replied):
    """A broken return address is a setting's fault: nothing leaves, and the setting is named."""
    server = RudeServer({})
    outcome = send_one(serve(server), replace(ALICE, reply_to="reply@a b\r\n", replied=replied))

    assert isinstance(outcome, Halt)
    assert "REPLY_DOMAIN" in outcome.reason
    assert server.heard == []


# What the answers mean

DEAD, ALIVE = {"dead": True}, {"dead": False}


@pytest.mark.parametrize(
    ("step", "answer", "expected"),
    [
        ("MAIL", "421 4.3.2 going down", TryLater),
        ("MAIL", "450 4.7.1 greylisted", TryLater),
        ("MAIL", "451 4.3.0 local error", TryLater),
        ("MAIL", "452 4.3.1 no space", TryLater),
        ("MAIL", "451 Authentication failed: Maximum credits exceeded", Halt),
        ("MAIL", "530 5.7.0 Authentication required", Halt),
        ("MAIL", "550 5.7.1 sender not allowed", Halt),
        ("MAIL", "550 5.7.60 no permission to send as this sender", Halt),
        ("MAIL", "553 5.7.1 sender is not owned by you", Halt),
        ("MAIL", "501 5.1.7 bad sender syntax", Halt),
        ("MAIL", "554 no", Halt),
        ("MAIL", "552 5.3.4 message size exceeds limit", RefusedMailing),
        ("MAIL", "552 message size exceeds fixed maximum", RefusedMailing),
        ("MAIL", "gibberish", TryLater),
        ("MAIL", "354 what?", TryLater),
        ("RCPT", "421 4.3.2 going down", TryLater),
        ("RCPT", "450 4.2.1 mailbox busy", TryLater),
        ("RCPT", "451 4.7.1 greylisted", TryLater),
        ("RCPT", "452 4.2.2 mailbox full", TryLater),
        ("RCPT", "450 4.1.1 user unknown, perhaps", TryLater),
        ("RCPT", "451 Authentication failed: Maximum credits exceeded", Halt),
        ("RCPT", "530 5.7.0 Must issue a STARTTLS command first", Halt),
        ("RCPT", "550 5.1.1 no such user", DEAD),
        ("RCPT", "550-5.1.1 The account that you tried to reach\r\n550 5.1.1 does not exist", DEAD),
        ("RCPT", "550 5.1.2 no such host", DEAD),
        ("RCPT", "553 5.1.3 bad syntax", DEAD),
        ("RCPT", "551 5.1.6 has moved", DEAD),
        ("RCPT", "550 5.1.10 null MX", DEAD),
        ("RCPT", "556 5.1.10 accepts no mail", DEAD),
        ("RCPT", "550 No such user here", DEAD),
        ("RCPT", "550 alice: User unknown", DEAD),
        ("RCPT", "551 Recipient not found", DEAD),
        ("RCPT", "550 <alice@example.org>: mailbox does not exist", DEAD),
        ("RCPT", "550 mailbox unavailable", ALIVE),
        ("RCPT", "550 Unknown sender of user mail", ALIVE),
        ("RCPT", "550 5.1.0 address rejected", ALIVE),
        ("RCPT", "550 5.1.4 two of that name", ALIVE),
        ("RCPT", "550 5.1.16 not one of ours", ALIVE),
        ("RCPT", "550 5.7.1 no such user, or so we say of spammers", ALIVE),
        ("RCPT", "550 5.2.1 mailbox disabled", ALIVE),
        ("RCPT", "552 5.2.2 mailbox full", ALIVE),
        ("RCPT", "552 mailbox full", ALIVE),
        ("RCPT", "553 not a local user", ALIVE),
        ("RCPT", "554 5.7.1 blocked", ALIVE),
        ("RCPT", "550 5.1.8 sender's domain not found", Halt),
        ("RCPT", "553 5.7.1 <hello@dearself.example>: Sender address rejected: not owned by user", Halt),
        ("DATA", "421 4.3.2 going down", TryLater),
        ("DATA", "450 4.7.1 later", TryLater),
        ("DATA", "451 4.7.1 later", TryLater),
        ("DATA", "452 4.3.1 no space", TryLater),
        ("DATA", "451 Authentication failed: Maximum credits exceeded", Halt),
        ("DATA", "552 5.3.4 message too big", RefusedMailing),
        ("DATA", "554 5.3.4 message too big", RefusedMailing),
        ("DATA", "552 message too big", RefusedMailing),
        ("DATA", "500 Line too long", RefusedMailing),
        ("DATA", "554 5.6.0 malformed MIME", RefusedMailing),
        ("DATA", "552 5.2.2 mailbox full", ALIVE),
        ("DATA", "554 5.7.1 looks like spam", ALIVE),
        ("DATA", "550 5.7.1 content refused", ALIVE),
        ("DATA", "554 transaction failed", ALIVE),
        ("DATA", "550 5.1.1 no such user after all", DEAD),
        ("DATA", "gibberish", Unsure),
        ("DATA", "354 what?", Unsure),
    ],
)
def test_each_answer_means_what_to_do_next(serve, step, answer, expected):
    """An answer becomes the outcome that says what to do next, and nothing counts as delivered."""
    server = MailServer()
    server.answers = {step: [answer]}
    outcome = send_one(serve(server), ALICE)

    if isinstance(expected, dict):
        assert isinstance(outcome, RefusedRecipient)
        assert outcome.dead == expected["dead"]
    else:
        assert isinstance(outcome, expected)
    assert server.mails == []


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ({"HI": "421 too busy"}, TryLater),
        ({"HI": "554 no service for your network"}, Halt),
        ({"HI": "SSH-2.0-OpenSSH_9.2"}, TryLater),
        ({"HI": DROP}, TryLater),
        ({"HI": RESET}, TryLater),
        ({"HI": HANG}, TryLater),
        ({"EHLO": "550 not you", "HELO": "550 not you"}, Halt),
        ({"EHLO": "421 too busy", "HELO": DROP}, TryLater),
        ({"EHLO": DROP}, TryLater),
        ({"EHLO": HANG}, TryLater),
        ({"MAIL": DROP}, TryLater),
        ({"MAIL": HANG}, TryLater),
        ({"MAIL": "2" * 9000}, TryLater),
        ({"RCPT": DROP}, TryLater),
        ({"RCPT": HANG}, TryLater),
        ({"DATA": DROP}, TryLater),
        ({"DATA": RESET}, TryLater),
        ({"DATA": HANG}, TryLater),
        ({"DATA": "554 no valid recipients"}, RefusedRecipient),
        ({".": DROP}, Unsure),
        ({".": RESET}, Unsure),
        ({".": HANG}, Unsure),
        ({".": "2" * 9000}, Unsure),
    ],
)
def test_a_broken_talk_is_unsure_only_after_the_final_dot(serve, script, expected):
    """Until the final dot has left, a broken connection means that nothing was sent; after it, that nobody knows."""
    limits = ("connect_seconds", "answer_seconds", "taking_seconds")
    quick = dict.fromkeys(limits, LITTLE_WHILE) if HANG in script.values() else {}

    assert isinstance(send_one(serve(RudeServer(script), **quick), ALICE), expected)


@pytest.mark.parametrize("act", [RESET, HANG])
def test_a_message_cut_short_was_not_given_away(serve, act):
    """A connection that breaks in the middle of the message means that it was not sent: its final dot never left."""
    server = RudeServer({"BODY": act})

    assert isinstance(send_one(serve(server, answer_seconds=LITTLE_WHILE), ENDLESS), TryLater)


def test_nobody_listens_there(serve):
    """A refused connection is tried again later."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    outcome = send_one(Smtp(Server("127.0.0.1", port, tls="none"), "course.example"), ALICE)

    assert isinstance(outcome, TryLater)
    assert "refused" in outcome.reason


def test_a_name_that_does_not_resolve(monkeypatch):
    """A DNS failure is tried again later."""

    def unknown(*_args, **_kwargs):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", unknown)
    outcome = send_one(Smtp(Server("mail.example.org", 587), "course.example"), ALICE)

    assert outcome == TryLater("no connection to the mail server: [Errno -2] Name or service not known")


# The login


def test_user_and_password_are_decoded(serve, tmp_path):
    """SMTP_URL's user and password may hold any ASCII, percent-encoded."""
    server = MailServer()
    serve(server)
    url = f"smtp://alice%40example.org:p%3A%2F%40s@127.0.0.1:{server.port}"
    transport = open_transport(load(transport="smtp", smtp_url=url, data_dir=tmp_path))
    outcome = send_one(transport, ALICE)
    transport.close()

    assert isinstance(outcome, Sent)
    assert server.logins == [("alice@example.org", "p:/@s")]
    assert transport.has_events is False


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("535 5.7.8 Authentication credentials invalid", Halt),
        ("534 5.7.9 mechanism too weak", Halt),
        ("530 5.7.0 no", Halt),
        ("550 account suspended", Halt),
        ("451 Authentication failed: Maximum credits exceeded", Halt),
        ("454 4.7.0 temporary authentication failure", TryLater),
        ("421 4.7.0 too many logins", TryLater),
    ],
)
def test_a_refused_login_stops_everything_unless_it_passes(serve, answer, expected):
    """A refused login means that nothing can leave; a passing trouble with it does not."""
    server = MailServer()
    server.answers = {"AUTH": [answer] * 3}

    assert isinstance(send_one(serve(server, user="alice", password=PASSWORD), ALICE), expected)
    assert server.mails == []


@pytest.mark.parametrize("offer", ["250 rude", "250-rude\r\n250 AUTH XOAUTH2 GSSAPI"])
def test_no_login_that_we_know_halts(serve, offer):
    """With user and password given, a server without a login that we know gets nothing."""
    server = RudeServer({"EHLO": offer})
    outcome = send_one(serve(server, user="alice", password=PASSWORD), ALICE)

    assert isinstance(outcome, Halt)
    assert "SMTP_URL" in outcome.reason
    assert server.heard == [["ehlo course.example"]]


def test_a_challenge_that_is_no_base64_is_tried_later(serve):
    """A server that garbles its own login does not bring us down."""
    server = RudeServer({"EHLO": "250-rude\r\n250 AUTH CRAM-MD5", "AUTH": "334 a"})

    assert isinstance(send_one(serve(server, user="alice", password=PASSWORD), ALICE), TryLater)


# TLS


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_mail_goes_by_verified_tls(serve, authority, tls):
    """Both ways into TLS work with a certificate that the authority vouches for."""
    context = authority.context()
    server = MailServer(tls=context) if tls == "implicit" else MailServer(tls_context=context, require_starttls=True)
    outcome = send_one(serve(server, tls=tls, cafile=authority.file, user="alice", password=PASSWORD), ALICE)

    assert isinstance(outcome, Sent)
    assert server.logins == [("alice", PASSWORD)]


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
@pytest.mark.parametrize("trouble", ["unknown authority", "other name"])
def test_a_bad_certificate_halts(serve, authority, tls, trouble):
    """A certificate of an unknown authority, or for another name, gets neither password nor mail."""
    context = authority.context("mail.example.org" if trouble == "other name" else "127.0.0.1")
    server = MailServer(tls=context) if tls == "implicit" else MailServer(tls_context=context)
    cafile = authority.file if trouble == "other name" else None
    outcome = send_one(serve(server, tls=tls, cafile=cafile, user="alice", password=PASSWORD), ALICE)

    assert isinstance(outcome, Halt)
    assert "certificate" in outcome.reason
    assert (server.logins, server.mails) == ([], [])


def test_starttls_taken_away_halts(serve):
    """Where STARTTLS is due and not offered, nothing is sent in the open: no login, no address."""
    server = RudeServer({"EHLO": "250-rude\r\n250 AUTH PLAIN LOGIN"})
    outcome = send_one(serve(server, tls="starttls", user="alice", password=PASSWORD), ALICE)

    assert isinstance(outcome, Halt)
    assert "STARTTLS" in outcome.reason
    assert server.heard == [["ehlo course.example"]]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("454 4.7.0 TLS not available", TryLater), ("501 no", Halt), ("220 go", TryLater), (DROP, TryLater)],
)
def test_starttls_refused_or_broken(serve, answer, expected):
    """A server that offers STARTTLS and fails at it gets nothing in the open."""
    server = RudeServer({"EHLO": "250-rude\r\n250 STARTTLS", "STAR": answer})
    outcome = send_one(serve(server, tls="starttls"), ALICE)

    assert isinstance(outcome, expected)
    assert server.heard[0][:2] == ["ehlo course.example", "STARTTLS"]
    assert not any(line.startswith("MAIL") for line in server.heard[0])


def test_tls_to_a_port_without_it_is_tried_later(serve):
    """A server that answers in the open where TLS should begin is no certificate's fault."""
    assert isinstance(send_one(serve(RudeServer({}), tls="implicit"), ALICE), TryLater)


# The connection that is kept


def test_the_connection_is_used_again(serve):
    """A second message goes by the same connection, also after a refused one."""
    server = MailServer()
    server.answers = {"RCPT": ["250 ok", "550 5.1.1 no such user"]}
    smtp = serve(server)
    outcomes = [send_one(smtp, who) for who in (ALICE, BOB, CHARLIE)]

    assert [type(outcome) for outcome in outcomes] == [Sent, RefusedRecipient, Sent]
    assert [mail.to for mail in server.mails] == [["alice@example.org"], ["charlie@example.org"]]
    assert len(server.callers) == 1


@pytest.mark.parametrize(
    "first",
    [
        {"MAIL": ["250 ok", "421 idle for too long"]},
        {"MAIL": ["250 ok", DROP]},
        {"RCPT": ["250 ok", RESET]},
        {"DATA": ["354 go on", "421 shutting down"]},
        {".": ["250 ok", "421 shutting down"]},
    ],
)
def test_a_connection_lost_between_messages_is_made_anew(serve, first):
    """When the server has let go of the kept connection, the next message goes by a fresh one."""
    server = RudeServer(first, {})
    smtp = serve(server)
    send_one(smtp, ALICE)
    outcome = send_one(smtp, BOB)

    assert isinstance(outcome, Sent)
    assert len(server.heard) == 2
    assert f"RCPT TO:<{BOB.to}>" in server.heard[1]


def test_a_fresh_connection_is_tried_once(serve):
    """A server that always lets go is tried again later, not for ever."""
    server = RudeServer({"MAIL": ["250 ok", DROP]}, {"MAIL": DROP})
    smtp = serve(server)
    send_one(smtp, ALICE)
    outcome = send_one(smtp, BOB)

    assert isinstance(outcome, TryLater)
    assert len(server.heard) == 2


def test_a_message_in_doubt_is_not_sent_again(serve):
    """When a kept connection breaks after the final dot, the message does not go by a fresh one as well."""
    server = RudeServer({".": ["250 ok", DROP]}, {})
    smtp = serve(server)
    send_one(smtp, ALICE)
    outcome = send_one(smtp, BOB)

    assert isinstance(outcome, Unsure)
    assert len(server.heard) == 1


def test_after_doubt_the_next_message_has_a_fresh_connection(serve):
    """A late answer to one message can never be taken for the answer to the next."""
    server = RudeServer({".": "gibberish"}, {})
    smtp = serve(server)

    assert [type(send_one(smtp, who)) for who in (ALICE, BOB)] == [Unsure, Sent]
    assert len(server.heard) == 2


def test_a_connection_that_cannot_be_cleared_is_dropped(serve):
    """When RSET fails after a refusal, what is left of that message cannot reach the next."""
    server = RudeServer({"RCPT": "550 5.1.1 no", "RSET": "500 what?"}, {})
    smtp = serve(server)

    assert [type(send_one(smtp, who)) for who in (ALICE, BOB)] == [RefusedRecipient, Sent]
    assert len(server.heard) == 2


def test_a_connection_serves_so_many_messages(serve):
    """After its share of messages a connection is closed politely and a new one opened."""
    server = RudeServer({})
    smtp = serve(server, messages_each=2)
    for who in (ALICE, BOB, CHARLIE):
        send_one(smtp, who)

    assert len(server.heard) == 2
    assert server.heard[0][-1].upper() == "QUIT"


@pytest.mark.parametrize(("unused", "connections"), [(29, 1), (31, 2)])
def test_a_connection_unused_for_a_while_is_made_anew(serve, unused, connections):
    """After half a minute nobody knows whether it is still there; to ask would take as long as a new one."""
    clock = Hours()
    server = RudeServer({})
    smtp = serve(server, monotonic=clock)
    send_one(smtp, ALICE)
    clock.seconds += unused
    outcome = send_one(smtp, BOB)

    assert isinstance(outcome, Sent)
    assert len(server.heard) == connections


def test_a_connection_in_use_is_kept(serve):
    """Half a minute counts from its last message, not from its first."""
    clock = Hours()
    server = RudeServer({})
    smtp = serve(server, monotonic=clock)
    for who in (ALICE, BOB, CHARLIE):
        assert isinstance(send_one(smtp, who), Sent)
        clock.seconds += 20

    assert len(server.heard) == 1


def test_closing_is_polite_and_not_the_end(serve):
    """Closing says QUIT, may be done twice, and a later message opens a new connection."""
    server = RudeServer({})
    smtp = serve(server)
    send_one(smtp, ALICE)
    smtp.close()
    smtp.close()
    outcome = send_one(smtp, BOB)

    assert server.heard[0][-1].upper() == "QUIT"
    assert isinstance(outcome, Sent)


# Secrets


@pytest.mark.parametrize(
    ("script", "options"),
    [
        ({"RCPT": "550 5.1.1 <alice@example.org> (ALICE) is unknown"}, {}),
        ({"DATA": "554 5.7.1 alice@example.org: alice may not read this"}, {}),
        ({"MAIL": f"550 {PASSWORD} is not your name"}, {}),
        ({"AUTH": f"535 5.7.8 {PASSWORD} is wrong for alice"}, {}),
        ({".": HANG}, {"taking_seconds": LITTLE_WHILE}),
        ({"HI": DROP}, {}),
    ],
)
def test_no_reason_and_no_log_tells_a_secret(serve, caplog, capfd, script, options):
    """Password and recipient are in no reason, repr or log, even where the server repeats them."""
    caplog.set_level(logging.DEBUG)
    server = RudeServer({"EHLO": "250-rude\r\n250 AUTH PLAIN", "AUTH": "235 ok", **script})
    smtp = serve(server, user="alice", password=PASSWORD, **options)
    outcome = send_one(smtp, ALICE)
    told = f"{outcome!r} {smtp!r} {smtp._server!r} {caplog.text} {capfd.readouterr()}"  # noqa: SLF001

    assert PASSWORD not in told
    assert "alice" not in outcome.reason.lower()


def test_a_reason_is_short_and_says_code_and_words(serve):
    """A reason keeps the step, the codes and the server's own words on one short line, without addresses."""
    server = MailServer()
    server.answers = {"RCPT": [f"550-5.1.1 <alice@example.org>: no\r\n550 5.1.1 such user{' blah' * 80}"]}
    outcome = send_one(serve(server), ALICE)

    assert outcome.reason.startswith("RCPT: 550 5.1.1 <address>: no 5.1.1 such user blah")
    assert len(outcome.reason) <= 130


# SMTP_URL


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtps://u:p@mail.example.org", Server("mail.example.org", 465, "u", "p", "implicit")),
        ("smtps://u:p@mail.example.org:4650", Server("mail.example.org", 4650, "u", "p", "implicit")),
        ("smtp://u:p@mail.example.org", Server("mail.example.org", 587, "u", "p", "starttls")),
        ("smtp://mail.example.org:25", Server("mail.example.org", 25, "", "", "starttls")),
        ("smtp://localhost:25", Server("localhost", 25, "", "", "none")),
        ("smtp://[::1]:2525", Server("::1", 2525, "", "", "none")),
        ("smtps://localhost", Server("localhost", 465, "", "", "implicit")),
    ],
)
def test_smtp_url_says_where_and_how(url, server):
    """Smtps is TLS from the start, smtp is STARTTLS; only mail to this machine itself goes without."""
    assert server_of(url) == server


@pytest.mark.parametrize(
    "url",
    [
        "smtp://",
        "http://mail.example.org",
        f"smtp://alice:{PASSWORD}/x@mail.example.org:587",
        f"smtp://alice:{PASSWORD}#x@mail.example.org:587",
        f"smtp://alice:{PASSWORD}?x@mail.example.org:587",
        f"smtp://alice:{PASSWORD}é@mail.example.org:587",
        f"smtp://alice:{PASSWORD}@mail..example.org:587",
        f"smtp://alice:{PASSWORD}@mail.example.org:99999",
        f"smtp://alice:{PASSWORD}@mail.example.org/path",
        f"smtp://alice:{PASSWORD}@[mail.example.org",
    ],
)
def test_a_misread_smtp_url_is_named_and_not_shown(url):
    """A URL that cannot be read stops the start, names the setting, and shows no piece of the password."""
    with pytest.raises(SettingsError) as caught:
        server_of(url)
    assert str(caught.value).startswith("SMTP_URL:")
    assert "canary" not in "".join(traceback.format_exception(caught.value))
