"""One promise for every way in: a reply counts its day once, whatever bytes it is made of, and no kill -9 loses it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from email import message_from_bytes
from email.message import EmailMessage
from functools import partial
from itertools import count, islice
from pathlib import Path

import pytest
from conftest import ON_SQLITE, make_settings
from doors import Caller, free_port, open_ways
from mailboxes import dovecot, dovecot_program
from starlette.testclient import TestClient

from course.inbound import arriving, smtp_talk, spool
from course.reading import read
from course.web import create_app

ROOT = Path(__file__).parents[1]
SECRET = "s3cret" * 8
HOOK = f"/hooks/sendgrid/inbound/{SECRET}"
FORM = {"Content-Type": "multipart/form-data; boundary=xYzZY"}
WAYS = ("sendgrid raw", "sendgrid parsed", "lmtp", "smtp", "imap", "pipe")

pytestmark = [ON_SQLITE, pytest.mark.xdist_group("imap")]


# The mails.


def simple(lesson):
    """Write what most people write."""
    return letter(lesson, b"It helped a little.\r\n")


def letter(lesson, body, kind=b"text/plain; charset=utf-8", more=b""):
    """Return a reply whose body is these bytes."""
    head = f"From: {lesson.to}\r\nTo: {lesson.reply_to}\r\nMessage-ID: <1@client.example.org>\r\n"
    head += "Date: Tue, 02 Mar 2027 10:00:00 +0000\r\nMIME-Version: 1.0\r\n"
    return head.encode() + more + b"Content-Type: %s\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" % kind + body


def chinese(lesson):
    """Bytes that are no UTF-8."""
    return letter(lesson, "今天我对自己很温柔。\r\n".encode("gb18030"), b"text/plain; charset=gb18030")


def eight_bit_headers(lesson):
    """Give it a subject that nobody encoded."""
    return letter(
        lesson, "Café\r\n".encode("latin-1"), b"text/plain; charset=iso-8859-1", b"Subject: Re: d\xe9j\xe0 vu\r\n"
    )


def dots(lesson):
    """Lines that begin with dots, and one that is nothing else."""
    return letter(lesson, b"One\r\n.\r\n..\r\n.two\r\n..three\r\n")


def no_end(lesson):
    """No end of line at its end."""
    return letter(lesson, b"It helped\r\nand that was all")


def photo(lesson):
    """Ten megabytes of a page, and no word."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Message-ID"] = lesson.to, lesson.reply_to, "<1@client.example.org>"
    noise = random.Random(5).randbytes(10_000_000)  # noqa: S311 (the same noise every time)
    mail.add_attachment(noise, "image", "jpeg", filename="page.jpg")
    return mail.as_bytes().replace(b"\n", b"\r\n")


# The ways.


@pytest.fixture
def settings(tmp_path, database):
    """Return settings with SendGrid's hook open."""
    more = {"database_url": database, "spread_minutes": 1, "sendgrid_inbound_secret": SECRET}
    return make_settings(data_dir=tmp_path / "var", **more)


@pytest.fixture
def lesson(world):
    """Let alice get day 1; return it."""
    world.join()
    world.pass_hours(24)
    return world.box.last("day-1")


@pytest.fixture(scope="module")
def mailbox():
    """One Dovecot for the whole module."""
    if dovecot_program() is None:
        pytest.skip("there is no dovecot here: apt-get install dovecot-imapd")
    with dovecot() as running:
        yield running


@pytest.fixture
def spooled(monkeypatch):
    """Return what was written to the spool, by whichever way."""
    mails, put = [], spool.put

    def noted(folder, keys, mail, real_now):
        mails.append(mail)
        return put(folder, keys, mail, real_now)

    monkeypatch.setattr(spool, "put", noted)
    return mails


@pytest.fixture
def deliver(request, world, course):
    """Hand a mail in by this way, and let it be decided."""

    def by(way, raw, to):
        if way == "pipe":
            assert course("receive", "--to", to, stdin=raw).code == 0
        elif way.startswith("sendgrid"):
            fields = parted(raw) if way.endswith("parsed") else {"email": raw}
            by_form(world, fields | {"envelope": json.dumps({"to": [to]}).encode()})
        elif way == "imap":
            by_mailbox(world, request.getfixturevalue("mailbox"), raw)
        else:
            by_mail_server(world, way, raw, to)
        world.app.read_spool()

    return by


def by_form(world, fields):
    """Post a form to the hook, as SendGrid does."""
    client = TestClient(create_app(world.app), base_url="http://127.0.0.1:8000")

    assert client.post(HOOK, content=form(fields), headers=FORM).status_code == 200


def form(fields):
    """Return a form as it is posted."""
    parts = []
    for name, value in fields.items():
        more, data = value if isinstance(value, tuple) else ("", value)
        head = f'Content-Disposition: form-data; name="{name}"{more}'.encode()
        parts.append(b"--xYzZY\r\n%s\r\n\r\n%s\r\n" % (head, data))
    return b"".join(parts) + b"--xYzZY--\r\n"


def parted(raw):
    """Return a mail in the parts that SendGrid makes of it."""
    fields, charsets = {"headers": raw.partition(b"\r\n\r\n")[0] + b"\r\n"}, {"headers": "UTF-8"}
    files = 0
    for part in message_from_bytes(raw).walk():
        content = part.get_payload(decode=True)
        if part.get_content_maintype() == "text":
            fields["text"], charsets["text"] = content, part.get_content_charset()
        elif not part.is_multipart():
            files += 1
            more = f'; filename="{part.get_filename()}"\r\nContent-Type: {part.get_content_type()}'
            fields[f"attachment{files}"] = (more, content)
    return fields | {"charsets": json.dumps(charsets).encode()}


def by_mail_server(world, protocol, raw, to):
    """Say it at the door, with dots stuffed as the protocol wants them."""
    port = free_port()
    settings = world.app.settings.model_copy(update={"mail_listen": f"{protocol}://127.0.0.1:{port}"})
    with open_ways(settings, world.app), Caller(port, b"LHLO x" if protocol == "lmtp" else b"EHLO x") as server:
        assert server.mail(stuffed(raw), to) == smtp_talk.KEPT


def stuffed(raw):
    """Return a mail as it goes through DATA, its end included."""
    whole = raw if raw.endswith(b"\r\n") else raw + b"\r\n"
    return (b"\r\n" + whole).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"


class Noticed:
    """The service, and when it has noted that a mail was taken; what it notes first is where it begins."""

    def __init__(self, app):
        self._app, self.began, self.noted = app, False, threading.Event()

    def __getattr__(self, name):
        return getattr(self._app, name)

    def note_place(self, mailbox, place):
        self._app.note_place(mailbox, place)
        if self.began:
            self.noted.set()
        self.began = True


def emptied(mailbox):
    """Return the mailbox, with no mail in it."""
    with mailbox.owner() as own:
        own.uid("STORE", "1:*", "+FLAGS.SILENT", r"(\Deleted)")
        own.expunge()
    return mailbox


def by_mailbox(world, mailbox, raw):
    """Put it into a mailbox that is watched."""
    settings, service = make_settings(data_dir=world.app.settings.data_dir, imap_url=mailbox.url()), Noticed(world.app)
    emptied(mailbox).deliver(raw)
    with open_ways(settings, service):
        assert service.noted.wait(30)


# What holds for each.


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "make", [simple, chinese, eight_bit_headers, dots, no_end, photo], ids=lambda make: make.__name__
)
def test_a_reply_counts_its_day_and_reads_the_same(world, lesson, spooled, deliver, way, make):
    """Whichever way it came: the day is done once, and words, subject, photo and name are those that were sent."""
    raw = make(lesson)
    deliver(way, raw, lesson.reply_to)
    sent, came = read(raw), read(spooled[-1].raw)

    assert world.rows("SELECT day, via FROM completions") == [(1, "reply")]
    assert world.rows("SELECT kind FROM replies") == [("completed",)]
    assert (came.words, came.subject, came.photo) == (sent.words, sent.subject, sent.photo)
    assert (came.sender, came.message_id, came.date) == (sent.sender, sent.message_id, sent.date)
    assert spool.everywhere(world.app.spool_folder) == []


@pytest.mark.parametrize("way", WAYS)
def test_what_comes_twice_counts_once(world, lesson, deliver, way):
    """By the same way, and by every other: one reply, one day, one receipt."""
    raw = simple(lesson)
    for each in (way, way, *WAYS):
        deliver(each, raw, lesson.reply_to)
    world.app.tick()

    assert world.rows("SELECT kind FROM replies") == [("completed",)]
    assert world.box.names().count("receipt") == 1


@pytest.mark.parametrize("way", WAYS)
def test_an_envelope_is_believed_where_there_is_one(world, lesson, deliver, way):
    """A reply address that stands in no header (Bcc, a forward): the envelope has it. A mailbox knows no envelope."""
    raw = simple(lesson).replace(lesson.reply_to.encode(), b"somebody@example.net")
    if way == "imap":
        raw = f"Delivered-To: {lesson.reply_to}\r\n".encode() + raw
    deliver(way, raw, lesson.reply_to)

    assert world.rows("SELECT day FROM completions") == [(1,)]


@pytest.fixture
def on_disk(world, monkeypatch):
    """Give a name to each file that a mail goes through while it arrives, and keep it; return their folder."""
    folder, numbers = world.app.settings.data_dir / "tmp", count()
    monkeypatch.setattr(
        arriving,
        "TemporaryFile",
        lambda dir: (dir / str(next(numbers))).open("w+b"),  # noqa: A006 (tempfile's name)
    )
    return folder


@pytest.mark.parametrize("way", [way for way in WAYS if way not in {"imap", "pipe"}])  # these have it in memory
def test_a_long_mail_is_unreadable_on_the_disk_while_it_arrives(world, lesson, deliver, on_disk, way):
    """What is over a megabyte goes through files: the bytes that reach them say nothing, and the day counts."""
    raw = letter(lesson, b"The heron stood still again. %s\r\n" % (b"\r\nThe heron stood still." * 100_000))
    deliver(way, raw, lesson.reply_to)
    files = [file.read_bytes() for file in on_disk.iterdir()]

    assert files
    assert all(len(file) > 2_000_000 and b"heron" not in file and lesson.to.encode() not in file for file in files)
    assert world.rows("SELECT day FROM completions") == [(1,)]


# kill -9.


def environment(world, **more):
    """Return what a process of this world needs to know."""
    settings = world.app.settings
    url = settings.database_url.get_secret_value()
    return {"PATH": os.environ["PATH"], "DATA_DIR": str(settings.data_dir), "DATABASE_URL": url, **more}


@contextlib.contextmanager
def worker_of(world, only, **more):
    """Run a real worker on this world, of mail or of pages alone; yield it when it listens."""
    command = [sys.executable, str(ROOT / "worker.py"), "--only", only]
    folder, pipe = world.app.settings.data_dir, subprocess.PIPE
    with subprocess.Popen(
        command, cwd=folder, env=environment(world, **more), stdout=pipe, stderr=subprocess.STDOUT, text=True
    ) as worker:
        try:
            assert any(line.startswith(("  Mail comes by", "  Sign up")) for line in worker.stdout)
            yield worker
        finally:
            worker.kill()


def mail_worker(world, port):
    """Run a real worker of mail alone, which listens at this port."""
    return worker_of(world, "mail", MAIL_LISTEN=f"lmtp://127.0.0.1:{port}")


def test_a_mail_that_was_answered_and_not_decided_outlives_kill_9(world, lesson):
    """The database is locked, so nothing can be decided; the next start reads what waits, without being asked."""
    port = free_port()
    with mail_worker(world, port) as worker:
        with contextlib.closing(sqlite3.connect(world.app.service.store.engine.url.database)) as other:
            other.execute("BEGIN EXCLUSIVE")
            with Caller(port) as server:
                answer = server.mail(stuffed(simple(lesson)), lesson.reply_to)
            worker.send_signal(signal.SIGKILL)
            worker.wait()
        waiting = spool.waiting(world.app.spool_folder)
        before = world.rows("SELECT day FROM completions")
    with mail_worker(world, port) as worker:
        decided = any("a mail was decided" in line for line in worker.stdout)

    assert (answer, len(waiting), before, decided) == (smtp_talk.KEPT, 1, [], True)
    assert world.rows("SELECT day FROM completions") == [(1,)]


KILLS = (1, 4)  # mails that were answered when it is killed, in the middle of the next one
MANY = 8


def sent_again(world, start, mails):
    """Send each until it is answered, to a service that is killed twice; yield after each kill how many were.

    `start` runs the service and yields what kills it, and what sends a mail and says whether it was taken.
    """
    answered = 0
    for kill_at in (*KILLS, None):
        with start(world) as (kill, send), contextlib.suppress(OSError, AssertionError, http.client.HTTPException):
            for raw in mails[answered:]:
                if answered == kill_at:
                    threading.Thread(target=kill).start()
                if not send(raw):
                    break
                answered += 1
        yield answered


@contextlib.contextmanager
def by_lmtp(world, to):
    """Run a worker that is told mail by LMTP."""
    port = free_port()
    with mail_worker(world, port) as worker, Caller(port) as server:
        yield worker.kill, lambda raw: server.mail(stuffed(raw), to) == smtp_talk.KEPT


@contextlib.contextmanager
def by_webhook(world, to):
    """Run a worker that is posted mail by SendGrid."""
    port, envelope = free_port(), json.dumps({"to": [to]}).encode()

    def send(raw):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as talk:
            talk.request("POST", HOOK, form({"email": raw, "envelope": envelope}), FORM)
            return talk.getresponse().status == 200

    with worker_of(world, "web", PORT=str(port), SENDGRID_INBOUND_SECRET=SECRET) as worker:
        while worker.poll() is None:  # it says that it runs a moment before it listens
            with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), 30):
                break
        yield worker.kill, send


@contextlib.contextmanager
def by_pipe(world, to):
    """Start a program for each mail, and kill it when the mail is in the spool, before it can say so."""
    spooling, killed = world.app.spool_folder, threading.Event()

    def send(raw):
        before = set(spool.everywhere(spooling))
        command = [sys.executable, "-m", "course", "receive", "--to", to]
        with subprocess.Popen(
            command, cwd=ROOT, env=environment(world), stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as program:
            program.stdin.write(raw)
            program.stdin.close()
            while killed.is_set() and program.poll() is None:
                if set(spool.everywhere(spooling)) - before:
                    program.kill()
        return program.returncode == 0

    yield killed.set, send


def from_mailbox(world, mailbox, mails):
    """Let a worker read a mailbox, and kill it twice; yield after each kill how many mails it has marked as read."""
    for raw in mails:
        mailbox.deliver(raw)
    for kill_at in KILLS:
        with worker_of(world, "mail", IMAP_URL=mailbox.url()) as worker:
            decided = (line for line in worker.stdout if "a mail was decided" in line)
            assert next(islice(decided, kill_at - 1, None))
        yield mailbox.flags().count(r"\Seen")
    with worker_of(world, "mail", IMAP_URL=mailbox.url()):
        end = time.monotonic() + 60
        while mailbox.flags().count(r"\Seen") < len(mails):
            assert time.monotonic() < end
    yield mailbox.flags().count(r"\Seen")


@pytest.mark.parametrize("way", ["lmtp", "webhook", "imap", "pipe"])
def test_whenever_it_is_killed_what_was_answered_is_there_and_the_rest_is_asked_for_again(request, world, lesson, way):
    """Killed in the middle of one mail after another: no yes without its mail, and in the end each counts once."""
    mails = [simple(lesson).replace(b"<1@", b"<%d@" % number) for number in range(MANY)]
    starts = {"lmtp": by_lmtp, "webhook": by_webhook, "pipe": by_pipe}
    if way == "imap":
        kills = from_mailbox(world, emptied(request.getfixturevalue("mailbox")), mails)
    else:
        kills = sent_again(world, partial(starts[way], to=lesson.reply_to), mails)
    answered = []
    for count_now in kills:
        there = len(world.rows("SELECT kind FROM replies")) + len(spool.waiting(world.app.spool_folder))
        answered.append((count_now, there >= count_now))
    world.app.read_spool()

    assert all(there for _, there in answered)
    assert answered[-1][0] == MANY > answered[0][0]
    assert len(world.rows("SELECT kind FROM replies")) == MANY
    assert spool.everywhere(world.app.spool_folder) == []
