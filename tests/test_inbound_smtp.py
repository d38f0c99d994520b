"""The door for mail servers: what is answered is kept, only our mail is taken, and nothing is smuggled in."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import random
import signal
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path
from queue import Queue
from types import SimpleNamespace

import pytest
import structlog
from conftest import ON_SQLITE, make_settings
from doors import Caller, Kept, free_port, open_ways

from course import inbound, sockets
from course.hosts import listening
from course.inbound import arriving, lmtp, smtp_talk
from course.settings import SettingsError

ROOT = Path(__file__).parents[1]
TO = "reply-abc@reply.dearself.example"
OTHER = "leave-abc@reply.dearself.example"
MAIL = b"From: alice@example.org\r\nSubject: Re\r\n\r\nIt helped.\r\n"
TOP = b"Return-Path: <alice@example.org>\r\n"
END = b".\r\n"
CANARY = "heron-canary"


@pytest.fixture
def kept():
    """Return what keeps the mail that comes in."""
    return Kept()


@pytest.fixture
def port(tmp_path, kept):
    """Open the door for LMTP on a port, and return it."""
    port = free_port()
    with open_ways(door_settings(tmp_path, f"lmtp://127.0.0.1:{port}"), kept):
        yield port


@pytest.fixture
def smtp_port(tmp_path, kept):
    """Open the door for SMTP on a port, and return it."""
    port = free_port()
    with open_ways(door_settings(tmp_path, f"smtp://127.0.0.1:{port}"), kept):
        yield port


def door_settings(tmp_path, place, **more):
    """Return settings with this door."""
    return make_settings(data_dir=tmp_path / "var", mail_listen=place, **more)


# What is taken.


def test_a_mail_by_lmtp_arrives_byte_by_byte(port, kept):
    """Bytes that are no UTF-8, dots at the start of lines; its envelope's sender on top, its recipients beside it."""
    said = b"From: alice@example.org\r\n\r\ncaf\xe9\x00\r\n..two dots\r\n..\r\n\xff\r\n"
    with Caller(port) as server:
        answer = server.mail(said + END, TO)

    assert answer == smtp_talk.KEPT
    assert kept.mails == [(TOP + said.replace(b"\r\n..", b"\r\n."), "lmtp", (TO,))]


def test_a_mail_by_smtp_arrives(smtp_port, kept):
    """The same by SMTP, which says EHLO and gets one answer for all recipients."""
    with Caller(smtp_port, b"EHLO client") as server:
        answer = server.mail(MAIL + END, TO, OTHER)

        assert answer == smtp_talk.KEPT
        assert server.say(b"QUIT\r\n") == "221 Bye"
    assert kept.mails == [(TOP + MAIL, "smtp", (TO, OTHER))]


def test_a_socket_is_for_its_owner_and_group(tmp_path, kept):
    """A path instead of a port: mode 0660, and gone when the service ends."""
    path = tmp_path / "mail.sock"
    with open_ways(door_settings(tmp_path, f"lmtp:{path}"), kept):
        mode = stat.S_IMODE(path.stat().st_mode)
        with Caller(path) as server:
            answer = server.mail(MAIL + END, TO)

    assert (mode, answer, len(kept.mails)) == (0o660, smtp_talk.KEPT, 1)
    assert not path.exists()


def test_lmtp_answers_for_each_recipient(port, kept):
    """One mail with two recipients is kept once and answered twice (RFC 2033 section 4.2), also when it is refused."""
    with Caller(port) as server:
        answers = [server.mail(MAIL + END, TO, OTHER), server.answer()]
        refused = [server.mail(b"a\rb\r\n" + END, TO, OTHER), server.answer()]

        assert server.say(b"NOOP\r\n").startswith("250")
    assert answers == [smtp_talk.KEPT] * 2
    assert refused == [f"550 {smtp_talk.BARE}"] * 2
    assert len(kept.mails) == 1


def test_commands_may_come_several_at_once(port, kept):
    """PIPELINING, which LMTP must offer: a whole talk in two packets."""
    with Caller(port) as server:
        server.sock.sendall(f"MAIL FROM:<a@b.example>\r\nRCPT TO:<{TO}>\r\nDATA\r\n".encode())
        answers = [server.answer() for _ in range(3)]

        assert "PIPELINING" in server.features
        assert [answer[:3] for answer in answers] == ["250", "250", "354"]
        assert server.say(MAIL + b".\r\nQUIT\r\n") == smtp_talk.KEPT
    assert len(kept.mails) == 1


def test_a_bounce_has_no_sender(port, kept):
    """MAIL FROM:<> is what delivery reports say, and the mark that says so is kept."""
    with Caller(port) as server:
        assert [answer[:3] for answer in server.envelope(TO, sender="")] == ["250", "250"]
        server.say(b"DATA\r\n")
        server.say(MAIL + END)

    assert kept.mails[0][0] == b"Return-Path: <>\r\n" + MAIL


def test_an_address_in_another_script_may_write(port, kept):
    """SMTPUTF8: people with such addresses can answer."""
    with Caller(port) as server:
        answer = server.say("MAIL FROM:<ælis@例え.example> SMTPUTF8\r\n".encode())
        server.say(f"RCPT TO:<{TO}>\r\n".encode())
        server.say(b"DATA\r\n")
        server.say(MAIL + END)

    assert answer.startswith("250")
    assert kept.mails[0][0].startswith("Return-Path: <ælis@例え.example>\r\n".encode())


# What is not.


@pytest.mark.parametrize(
    "address",
    ["alice@example.org", "reply-abc@dearself.example", "x@sub.reply.dearself.example", f"{TO}.evil.example", "reply"],
)
def test_mail_for_another_domain_is_refused(port, kept, address):
    """No open relay: 550 5.1.1, and no mail without a recipient."""
    with Caller(port) as server:
        answers = server.envelope(address)

        assert answers[1].startswith(("550 5.1.1", "553 5.1.3"))
        assert server.say(b"DATA\r\n").startswith("503")
    assert kept.mails == []


@pytest.mark.parametrize("hello", [b"LHLO x", b"EHLO x"])
def test_no_tls_is_offered_so_nothing_can_be_slipped_in_before_it(port, kept, hello):
    """STARTTLS with commands right behind it, which a careless server obeys as if they had come under TLS: refused."""
    with Caller(port, hello) as server:
        injected = b"STARTTLS\r\nMAIL FROM:<eve@example.org>\r\nRCPT TO:<%s>\r\n" % TO.encode()
        refused, *rest = server.say(injected), server.answer(), server.answer()

        assert "STARTTLS" not in server.features.upper()
        assert refused.startswith(("454", "500", "502"))
        assert all(answer[:3] in {"250", "500", "501", "503"} for answer in rest)
        assert server.say(b"NOOP\r\n") == "250 OK"
    assert kept.mails == []


@ON_SQLITE
def test_nobody_learns_which_addresses_mean_something(world, tmp_path):
    """A true reply address, a made-up one and one that cannot be are answered alike, before and after the mail."""
    world.join()
    true = world.box.sent[-1].reply_to
    port, answers = free_port(), []
    with open_ways(door_settings(tmp_path, f"lmtp://127.0.0.1:{port}"), world.app), Caller(port) as server:
        for address in (true, TO, "nobody@REPLY.dearself.example", "postmaster@reply.dearself.example"):
            answers += [(*server.envelope(address), server.say(b"DATA\r\n"), server.say(MAIL + END))]

    assert len(set(answers)) == 1


def test_the_end_of_a_line_that_is_too_long_does_not_end_the_mail():
    """Its dot may come in one piece with the next line's end: what follows would be read as commands."""

    async def arriving_in_pieces():
        reader = asyncio.StreamReader(limit=smtp_talk.LONGEST_LINE)
        talk = SimpleNamespace(_reader=reader, _refused=smtp_talk.Talk._refused)  # noqa: SLF001 (a line at a time)
        reader.feed_data(b"x" * 20_000 + b".")
        mail = asyncio.create_task(smtp_talk.Talk._arrived(talk, io.BytesIO()))  # noqa: SLF001
        for _ in range(10):  # it reads all of that but the dot
            await asyncio.sleep(0)
        reader.feed_data(b"\r\nRSET\r\n.\r\n")
        reader.feed_eof()
        return await mail, await reader.read()

    assert asyncio.run(arriving_in_pieces()) == (smtp_talk.LONG_LINE, b"")


def test_data_takes_nothing_with_it(port, kept):
    """501, and no mail is begun: it would be one whose first line is a command."""
    with Caller(port) as server:
        server.envelope(TO)

        assert server.say(b"DATA now\r\n").startswith("501")
    assert kept.mails == []


def test_a_mail_over_35_megabytes_is_refused(port, kept, monkeypatch):
    """By what it says of itself, and by what it turns out to be: 552, and the talk goes on."""
    monkeypatch.setattr(smtp_talk, "LARGEST", 100_000)
    with Caller(port) as server:
        said = server.say(f"MAIL FROM:<a@b.example> SIZE={36 * 1024 * 1024}\r\n".encode())
        answer = server.mail(b"x" * 70 + b"\r\n" + b"y\r\n" * 40_000 + END, TO)

        assert server.say(b"NOOP\r\n").startswith("250")
    assert said.startswith("552")
    assert answer == smtp_talk.TOO_LARGE
    assert kept.mails == []


@pytest.mark.parametrize("length", [8 * 1024 - 1, 8 * 1024, 20_000, 300_000])
def test_a_line_has_an_end(port, kept, length):
    """A line of eight kilobytes is taken, a longer one refused, however long; the next mail is taken again."""
    with Caller(port) as server:
        answer = server.mail(b"x" * (length - 2) + b"\r\n" + END, TO)
        after = server.mail(MAIL + END, TO)

    assert answer == (smtp_talk.KEPT if length < 8 * 1024 + 1 else smtp_talk.LONG_LINE)
    assert after == smtp_talk.KEPT


SMUGGLED = f"MAIL FROM:<x@evil.example>\r\nRCPT TO:<{TO}>\r\nDATA\r\nFrom: x\r\n\r\nsmuggled\r\n.\r\n".encode()
NO_ENDS = [
    b"\n.\n",
    b"\n.\r\n",
    b"\r.\r",
    b"\r\n.\r",
    b"\r\n.\n",
    b"\r.\r\n",
    b"\n.\r",
    b"\r\n\x00.\r\n",
    b"\r\r\n.\r\r\n",
    b"\r\n.\x00\r\n",
    b"\r\n. \r\n",
]


@pytest.mark.parametrize("sequence", NO_ENDS, ids=repr)
def test_only_one_sequence_ends_a_mail(port, kept, sequence):
    """CRLF, dot, CRLF. What else some server takes for an end smuggles no second mail in: it gets one answer."""
    with Caller(port) as server:
        answer = server.mail(b"From: alice@example.org\r\n\r\nhello" + sequence + SMUGGLED, TO)
        bare = smtp_talk.bare(sequence + b"\r\n") and sequence.replace(b"\r\n", b"").strip(b".\x00 ") != b""

        assert server.say(b"NOOP\r\n") == "250 OK"
    assert answer == (f"550 {smtp_talk.BARE}" if bare else smtp_talk.KEPT)
    assert [b"smuggled" in raw for raw, _, _ in kept.mails] == ([] if bare else [True])


@pytest.mark.parametrize("command", [b"NOOP\n", b"NOOP\r\r\n", b"NOOP a\rNOOP b\r\n", b"\n", b"RSET\n"])
def test_a_command_ends_with_crlf(port, command):
    """A bare CR or LF is told, and the talk goes on."""
    with Caller(port) as server:
        answer = server.say(command)

        assert answer == f"500 {smtp_talk.BARE}"
        assert server.say(b"NOOP\r\n") == "250 OK"


def test_the_hundred_and_first_recipient_is_asked_to_come_later(port):
    """452: the mail server sends the rest in another mail."""
    with Caller(port) as server:
        answers = server.envelope(*[TO] * 102)

    assert [answer[:3] for answer in answers] == ["250"] * 101 + ["452"] * 2


def test_a_page_in_a_browser_cannot_hand_in_mail(smtp_port, kept):
    """A web page may post to any port of this machine: what begins with the lines of HTTP is hung up on."""
    post = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: x\r\nAccept: */*\r\nOrigin: null\r\nA: b\r\n\r\n"
    with Caller(smtp_port, b"") as page:
        page.sock.sendall(post + b"EHLO x\r\n" + SMUGGLED)
        while page.answer():
            pass

    assert kept.mails == []


# Trouble.


@pytest.mark.parametrize("trouble", [OSError(28, "No space left on device"), RuntimeError(CANARY)])
def test_what_could_not_be_kept_is_asked_for_again(port, kept, trouble):
    """A full disk or any other trouble: 451, no word in the log, and the next one is taken."""
    kept.trouble = trouble
    with Caller(port) as server, structlog.testing.capture_logs() as lines:
        answer = server.mail(MAIL + END, TO)
        kept.trouble = None
        after = server.mail(MAIL + END, TO)

    assert (answer, after) == (smtp_talk.NOT_KEPT, smtp_talk.KEPT)
    assert CANARY not in str(lines)
    assert [line["log_level"] for line in lines] == ["error"]


def test_a_full_disk_while_a_mail_arrives_is_no_end_of_it(port, kept, monkeypatch):
    """The rest is read on to its end, or its lines would be taken for commands; then 451 for each recipient."""

    class Full(io.BytesIO):
        def write(self, _):
            raise OSError(28, "No space left on device")

        def close(self):
            if not self.closed:
                super().close()
                raise OSError(28, "No space left on device")

    monkeypatch.setattr(smtp_talk, "Arriving", lambda _: Full())
    with Caller(port) as server:
        answers = [server.mail(MAIL + b"NOOP\r\n" + END, TO, OTHER), server.answer()]

        assert server.say(b"NOOP\r\n") == "250 OK"
    assert answers == [smtp_talk.NOT_KEPT] * 2
    assert kept.mails == []


def test_trouble_before_a_mail_begins_is_told_before_it_does(port, tmp_path):
    """No 354, so that nobody sends the mail's lines where commands belong."""
    (tmp_path / "var/tmp").write_text("in the way")
    with Caller(port) as server:
        server.envelope(TO)

        assert server.say(b"DATA\r\n").startswith("451 4.3.0")
        assert server.say(b"NOOP\r\n") == "250 OK"


def test_nothing_of_a_mail_is_logged(port, kept, caplog):
    """Neither commands nor lines, however odd, at any level."""
    with caplog.at_level(logging.DEBUG), structlog.testing.capture_logs() as lines, Caller(port) as server:
        server.say(f"{CANARY}\r\n".encode())
        server.say(f"VRFY {CANARY}\xff\r\n".encode("latin-1"))
        server.mail(f"Subject: {CANARY}\r\n\r\n{CANARY}\r\n".encode() + END, f"{CANARY}@reply.dearself.example")
        server.mail(f"{CANARY}\r{CANARY}\r\n".encode() + END, TO)

    assert len(kept.mails) == 1
    assert CANARY not in caplog.text + str(lines)


def test_who_is_silent_is_hung_up_on(port, monkeypatch):
    """Before a command, and in the middle of a mail, however slowly it drips."""
    monkeypatch.setattr(smtp_talk, "DATA_SECONDS", 0.2)
    with Caller(port) as server:
        server.envelope(TO)
        server.say(b"DATA\r\n")
        server.sock.sendall(b"From: alice\r\n")
        in_data = server.answer()
    monkeypatch.setattr(smtp_talk, "COMMAND_SECONDS", 0.2)
    with Caller(port, b"") as server:
        before = server.answer()

    assert (in_data, before) == ("", "")


def test_no_connection_stays_for_ever(port, monkeypatch):
    """Its own time is over long before it would be hung up on for its silence, or for too many commands."""
    monkeypatch.setattr(smtp_talk, "LIFE_SECONDS", 0.2)
    with Caller(port) as server:
        assert server.say(b"NOOP\r\n") == "250 OK"
        assert server.answer() == ""


def test_what_comes_in_is_decided_at_once(tmp_path, kept, monkeypatch):
    """Not at the next look at what waits: a STOP may be in it."""
    monkeypatch.setattr(inbound, "LOOK", 3600)
    looks = threading.Semaphore(0)
    kept.read_spool = looks.release
    port = free_port()
    with open_ways(door_settings(tmp_path, f"lmtp://127.0.0.1:{port}"), kept):
        assert looks.acquire(timeout=10)
        with Caller(port) as server:
            server.mail(MAIL + END, TO)

        assert looks.acquire(timeout=10)


def test_what_could_not_be_decided_stops_nothing(kept, monkeypatch):
    """What comes next is looked at all the same, what is old was swept, and the end waits for no further look."""
    monkeypatch.setattr(inbound, "LOOK", 3600)
    monkeypatch.setattr(inbound, "GOODBYE", 10)
    troubles, swept, looks, receptions = [None, OSError(), None], [], threading.Semaphore(0), Queue()

    def read_spool():
        looks.release()
        if trouble := troubles.pop(0):
            raise trouble

    def serve(reception):
        receptions.put(reception)
        reception.stopped.wait()

    kept.read_spool, kept.sweep_spool = read_spool, lambda: swept.append(len(troubles))
    stop = inbound.start([inbound.Source("test", "a test", serve)], kept)
    came = receptions.get(timeout=10).came
    assert looks.acquire(timeout=10)
    for _ in range(2):
        came.set()
        assert looks.acquire(timeout=10)
    stop()

    assert swept == [2]
    assert not [run.name for run in threading.enumerate() if run.name in {"test", "deciding"}]


def test_a_crowd_waits_outside(port, kept, monkeypatch):
    """One too many is told to come again; when somebody leaves there is room."""
    monkeypatch.setattr(lmtp, "MOST_CONNECTIONS", 2)
    with Caller(port) as first, Caller(port):
        with Caller(port, b"") as third:
            refused = third.greeting
        first.say(b"QUIT\r\n")
        first.answer()
        with Caller(port) as fourth:
            answer = fourth.mail(MAIL + END, TO)

    assert refused.startswith("421 4.3.2")
    assert answer == smtp_talk.KEPT


def test_who_hangs_up_in_the_middle_has_sent_nothing(port, kept):
    """Half a mail is no mail."""
    with Caller(port) as server:
        server.envelope(TO)
        server.say(b"DATA\r\n")
        server.sock.sendall(MAIL)
    with Caller(port) as server:
        server.mail(MAIL + END, OTHER)

    assert [to for _, _, to in kept.mails] == [(OTHER,)]


def test_a_mail_that_is_being_kept_when_the_service_ends_is_kept_and_answered(tmp_path, kept, monkeypatch):
    """The goodbye waits for it, and no longer; others are told to come again."""
    port, begun, go_on = free_port(), threading.Event(), threading.Event()
    keep = kept.receive

    def slowly(*args, **how):
        begun.set()
        go_on.wait(10)
        return keep(*args, **how)

    kept.receive = slowly
    settings = door_settings(tmp_path, f"lmtp://127.0.0.1:{port}")
    stop = inbound.start(inbound.prepared(settings), kept)
    with Caller(port) as idle, Caller(port) as server:
        server.envelope(TO)
        server.say(b"DATA\r\n")
        server.sock.sendall(MAIL + END)
        begun.wait(10)
        ending = threading.Thread(target=stop)
        ending.start()
        goodbye = idle.answer()
        go_on.set()
        answer, parting = server.answer(), server.answer()
        ending.join()

    assert goodbye.startswith("421 4.3.2")
    assert answer == smtp_talk.KEPT
    assert parting.startswith("421 4.3.2")
    assert len(kept.mails) == 1


def test_a_long_mail_leaves_nothing_behind(port, kept, tmp_path):
    """Ten megabytes arrive whole; the file they came through has no name."""
    body = b"".join(b"%076d\r\n" % number for number in range(130_000))
    with Caller(port) as server:
        answer = server.mail(MAIL + body + END, TO)

    assert answer == smtp_talk.KEPT
    assert kept.mails[0][0] == TOP + MAIL + body
    assert list((tmp_path / "var/tmp").iterdir()) == []


@pytest.mark.parametrize("size", [0, 1000, arriving.IN_MEMORY, arriving.IN_MEMORY + 1, 3 * arriving.IN_MEMORY + 5])
def test_what_arrives_is_read_as_it_was_written_from_anywhere(tmp_path, size):
    """In memory or veiled in a file: any piece of it, whole blocks or not, in any order."""
    whole = random.Random(3).randbytes(size)  # noqa: S311 (the same noise every time)
    with arriving.Arriving(tmp_path) as body:
        for at in range(0, size, 99_991):
            body.write(whole[at : at + 99_991])
        for start, length in ((0, size), (size // 2, 33), (17, 1), (16, 16), (max(0, size - 5), 100), (1, size)):
            body.seek(start)

            assert body.read(length) == whole[start : start + length]
        body.seek(0)
        assert body.read(7) + body.read() == whole


# Where it listens.


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("lmtp", "put lmtp:/path"),
        ("http://127.0.0.1:80", "put lmtp:/path"),
        ("lmtp://127.0.0.1", "put lmtp:/path"),
        ("lmtp://127.0.0.1:many", "put lmtp:/path"),
        ("lmtp:relative", "put lmtp:/path"),
        ("smtp://user:secret-canary@127.0.0.1:25", "put lmtp:/path"),
        ("smtp://0.0.0.0:25", "MAIL_LISTEN_PUBLIC=true"),
        ("lmtp://[::]:24", "MAIL_LISTEN_PUBLIC=true"),
        ("smtp://mail.example.org:25", "MAIL_LISTEN_PUBLIC=true"),
    ],
)
def test_a_place_that_is_none_or_too_open_stops_the_start(tmp_path, place, said):
    """Anything but this machine must be asked for; the sentence says what to put."""
    with pytest.raises(SettingsError, match=r"^MAIL_LISTEN: ") as stopped:
        door_settings(tmp_path, place)

    assert said in str(stopped.value)
    assert "canary" not in str(stopped.value)


def test_other_machines_may_be_let_in_if_that_is_meant(tmp_path):
    """MAIL_LISTEN_PUBLIC=true."""
    assert door_settings(tmp_path, "smtp://0.0.0.0:8025", mail_listen_public=True).mail_listen == "smtp://0.0.0.0:8025"


def test_a_port_in_use_stops_the_start(tmp_path):
    """The error names the setting and the place."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        place = f"lmtp://127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(SettingsError, match=f"^MAIL_LISTEN: {place} cannot be used .Address already in use.; "):
            inbound.prepared(door_settings(tmp_path, place))


def test_a_path_in_use_stops_the_start_and_one_left_behind_does_not(tmp_path):
    """A socket that nobody answers at was left by a process that was killed; a file of somebody's stays."""
    path = tmp_path / "mail.sock"
    place = listening(f"lmtp:{path}")
    with sockets.for_mail(place) as first:
        first.listen()
        with pytest.raises(SettingsError, match="Address already in use"):
            sockets.for_mail(place)
    sockets.for_mail(place).close()
    path.unlink()
    path.write_text("somebody's")
    with pytest.raises(SettingsError, match=r"^MAIL_LISTEN: "):
        sockets.for_mail(place)

    assert path.read_text() == "somebody's"


# The worker.


def worker(tmp_path, *arguments, **environment):
    """Start a real worker with these settings; its output is one stream."""
    known = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path / "var"), **environment}
    command = [sys.executable, str(ROOT / "worker.py"), *arguments]
    return subprocess.Popen(
        command, cwd=tmp_path, env=known, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def test_a_worker_of_mail_alone_says_where_it_listens_and_ends_when_asked(tmp_path):
    """`--only mail`: it has no pages and no clock, takes mail, and ends with 0."""
    place = f"lmtp://127.0.0.1:{(port := free_port())}"
    with worker(tmp_path, "--only", "mail", MAIL_LISTEN=place) as running:
        said = [line for _ in range(3) for line in iter(running.stdout.readline, "\n")]  # to its third empty line
        with Caller(port) as server:
            answer = server.mail(MAIL + END, TO)
        running.send_signal(signal.SIGTERM)

        assert running.wait(20) == 0
    assert f"  Mail comes by  {place} (mail for reply.dearself.example)\n" in said
    assert not any("Sign up" in line for line in said)
    assert answer == smtp_talk.KEPT
    assert len(list((tmp_path / "var/spool").rglob("*.mail"))) == 1


def test_a_worker_of_mail_alone_wants_a_way_in(tmp_path):
    """Without one it does not start, and says what to put."""
    with worker(tmp_path, "--only", "mail") as running:
        said = running.stdout.read()

    assert running.returncode == 1
    assert "MAIL_LISTEN: --only mail needs a way in" in said
