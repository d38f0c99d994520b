"""SendGrid's hooks: mail is safe before it is accepted, nothing is lost by a status, and only SendGrid is believed."""

from __future__ import annotations

import base64
import json
import os
import random
from email import message_from_bytes

import pytest
import structlog
from conftest import make_settings
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import SecretStr
from starlette.testclient import TestClient

from course.app import App
from course.inbound import sendgrid as inbound
from course.inbound import spool
from course.inbound.room import Room
from course.reading import read
from course.web import create_app, hooks

SITE = "http://127.0.0.1:8000"
SECRET = "s3cret" * 8
URL = f"/hooks/sendgrid/inbound/{SECRET}"
EVENTS = "/hooks/sendgrid/events"
KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC = base64.b64encode(KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
KIND = {"Content-Type": "multipart/form-data; boundary=xYzZY"}
# Latin-1, GB18030 and ISO-2022-JP in one mail: bytes that are no UTF-8.
MAIL = b"From: alice@example.org\r\nSubject: Re\r\n\r\ncaf\xe9 \xc4\xe3\xba\xc3 \x1b$B$3\x1b(B\r\n--xYz\r\n\x00\xff"


@pytest.fixture
def database(tmp_path):
    """Return an SQLite database: what the web room does is the same on both."""
    return f"sqlite:///{tmp_path / 'course.db'}"


@pytest.fixture
def settings(tmp_path, database):
    """Return settings with both hooks open."""
    return make_settings(
        data_dir=tmp_path / "var",
        database_url=database,
        sendgrid_inbound_secret=SECRET,
        sendgrid_event_key=PUBLIC,
    )


@pytest.fixture
def sendgrid(world):
    """Return SendGrid, as far as the hooks can tell."""
    return TestClient(create_app(world.app), base_url=SITE)


@pytest.fixture
def received(world, monkeypatch):
    """Return what reaches the App's door."""
    taken = []

    def receive(raw, *, source, to=(), passed=()):
        taken.append((raw, source, to, passed))

    monkeypatch.setattr(world.app, "receive", receive)
    return taken


def form(**fields):
    """Return a multipart body as SendGrid writes it."""
    parts = [
        b'--xYzZY\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), value)
        for name, value in fields.items()
    ]
    return b"".join(parts) + b"--xYzZY--\r\n"


def post(client, body, url=URL, **headers):
    """Post a body to the inbound hook."""
    return client.post(url, content=body, headers=KIND | headers)


def parsed(**fields):
    """Return the form of SendGrid's parsed mode; an attachment is (name, kind, content)."""
    parts = []
    for name, value in fields.items():
        file, kind, content = value if isinstance(value, tuple) else ("", "", value)
        head = f'Content-Disposition: form-data; name="{name}"' + (f'; filename="{file}"' if file else "")
        head += f"\r\nContent-Type: {kind}" if kind else ""
        parts.append(b"--xYzZY\r\n%s\r\n\r\n%s\r\n" % (head.encode(), content))
    return b"".join(parts) + b"--xYzZY--\r\n"


def signed(body, timestamp=b"1616161616", key=KEY):
    """Return the headers that make these bytes SendGrid's."""
    signature = key.sign(timestamp + body, ec.ECDSA(hashes.SHA256()))
    return {hooks.SIGNATURE: base64.b64encode(signature).decode(), hooks.TIMESTAMP: timestamp.decode()}


@pytest.mark.parametrize("url", [URL, URL + "/"])
def test_a_mail_arrives_byte_by_byte(sendgrid, received, url):
    """The field `email` in whatever charset, the envelope's recipients, and whose DKIM mark was good."""
    body = form(
        dkim=b"{@example.org : pass}{@evil.example : fail}",
        email=MAIL,
        charsets=b'{"to":"UTF-8"}',
        envelope=b'{"to":["reply-abc@reply.dearself.example"],"from":"alice@example.org"}',
        subject=b"\xff\xfe",
    )

    assert post(sendgrid, body, url).status_code == 200
    assert received == [(MAIL, "sendgrid", ("reply-abc@reply.dearself.example",), ("example.org",))]


def test_a_long_mail_arrives_whole_and_leaves_nothing_behind(world, sendgrid, received):
    """Five megabytes of noise, in chunks that cut the boundary anywhere."""
    mail = random.Random(7).randbytes(5_000_000)  # noqa: S311 (the same noise every time)
    body = form(email=mail, envelope=b'{"to":["a@b.example"]}')
    cuts = range(0, len(body), 61_111)

    assert post(sendgrid, (body[at : at + 61_111] for at in cuts)).status_code == 200
    assert received[0][0] == mail
    folder = world.app.settings.data_dir / "tmp"
    assert (folder.stat().st_mode & 0o777, list(folder.iterdir())) == (0o700, [])


@pytest.mark.parametrize(
    ("head", "dkim", "done"),
    [
        ("From: alice@example.org", b"{@example.org : pass}", [(1,)]),
        ("From: alice@example.org\r\nFrom: mallory@example.org", b"{@example.org : pass}", []),
        ("Authentication-Results: mx.example.net; dkim=pass header.d=example.org\r\nFrom: alice@example.org", b"", []),
    ],
    ids=["proven", "two senders", "our server's word, which no server of ours wrote"],
)
def test_what_sendgrid_has_not_proven_is_nobody_s(world, head, dkim, done):
    """By SendGrid only its own word counts, and of one sender: whoever writes a mail writes its other headers too."""
    world.join()
    world.pass_hours(24)
    settings = world.app.settings.model_copy(update={"authserv_id": "mx.example.net"})
    app = App.build(settings, transport=world.box, clock=world.clock)
    mail = f"{head}\r\nTo: hello@dearself.example\r\nMessage-ID: <1@c.example>\r\n\r\nIt was hard.\r\n"
    post(TestClient(create_app(app), base_url=SITE), form(email=mail.encode(), dkim=dkim))
    app.close()

    assert world.rows("SELECT day FROM completions") == done


def test_a_reply_becomes_a_completion_and_a_receipt(world, sendgrid):
    """From the hook to the receipt, decided right after the answer, without a tick."""
    world.join()
    world.pass_hours(24)
    lesson = world.box.last("day-1")
    mail = f"From: {lesson.to}\r\nTo: {lesson.reply_to}\r\nMessage-ID: <1@c.example>\r\n\r\nIt was hard.\r\n"
    body = form(email=mail.encode(), envelope=json.dumps({"to": [lesson.reply_to], "from": lesson.to}).encode())

    assert post(sendgrid, body).status_code == 200
    assert world.rows("SELECT day FROM completions") == [(1,)]
    assert list(world.app.spool_folder.glob("*.mail")) == []


REPLY = b"From: alice@example.org\r\nTo: %s\r\nMessage-ID: <1@c.example>\r\n\r\nIt was hard.\r\n"
FAILED = {"SPF": b"fail", "dkim": b"{@example.org : fail}"}


@pytest.mark.parametrize(
    ("said", "held"),
    [
        ({"envelope": b'{"from": ""}'}, False),
        (FAILED, True),
        (FAILED | {"dkim": b"{@list.example : fail, @example.org : fail}"}, True),
        ({"spam_score": b"5.0"}, True),
        ({"spam_score": b" 30.5\n"}, True),
    ],
    ids=["null-sender", "forged", "forged-twice", "spam", "much-spam"],
)
def test_what_sendgrid_says_beside_a_mail_decides_like_what_a_server_writes_into_it(world, sendgrid, said, held):
    """A null sender is no person; a forgery or spam is for whoever looks after the service: no day, no receipt."""
    world.join()
    world.pass_hours(24)
    body = form(email=REPLY % world.box.last("day-1").reply_to.encode(), **said)

    assert post(sendgrid, body).status_code == 200
    assert world.rows("SELECT day FROM completions") == []
    assert "receipt" not in world.box.names()
    assert bool(list((world.app.spool_folder / "held").glob("*.mail"))) == held


@pytest.mark.parametrize(
    "said",
    [
        {"SPF": b"fail"},
        {"SPF": b"softfail", "dkim": b"{@example.org : fail}"},
        FAILED | {"SPF": b"pass"},
        FAILED | {"dkim": b"{@list.example : fail, @example.org : pass}"},
        {"spam_score": b"4.9"},
        {"spam_score": b"-2"},
        {"spam_score": b"a lot"},
        {"envelope": b'{"from": null}'},
        {"envelope": b'{"from": "alice@example.org"}', "SPF": b"none", "dkim": b"none"},
    ],
)
def test_what_says_little_keeps_no_reply_from_counting(world, sendgrid, received, said):
    """A forwarded mail fails SPF, a group's fails DKIM: such a reply counts, and its bytes are as they came."""
    raw = REPLY % b"reply@reply.dearself.example"

    assert post(sendgrid, form(email=raw, **said)).status_code == 200
    assert received[0][0] == raw


def test_d7_a_post_again_changes_nothing(world, sendgrid):
    """SendGrid tries again, or somebody repeats what they overheard a day later: one day done, one receipt."""
    world.join()
    world.pass_hours(24)
    lesson = world.box.last("day-1")
    mail = f"From: {lesson.to}\r\nTo: {lesson.reply_to}\r\nMessage-ID: <1@c.example>\r\n\r\nIt was hard.\r\n"
    for hours in (0, 1, 25):
        world.pass_hours(hours)
        assert post(sendgrid, form(email=mail.encode())).status_code == 200

    assert world.rows("SELECT day FROM completions") == [(1,)]
    assert world.box.names().count("receipt") == 1


def test_a_wrong_secret_is_refused_and_not_written_down(sendgrid, received):
    """403 for a forgery; the log warns and has neither the secret nor the guess."""
    with structlog.testing.capture_logs() as lines:
        answer = post(sendgrid, form(email=MAIL), URL[:-1] + "x")

    assert answer.status_code == 403
    assert received == []
    assert [line["log_level"] for line in lines] == ["warning", "info"]
    assert SECRET[:12] not in str(lines)


def test_without_a_secret_the_hook_is_closed(world, received):
    """503: SendGrid keeps the mail until the setting is there; an empty secret opens nothing."""
    world.app.settings = make_settings(data_dir=world.app.settings.data_dir)
    client = TestClient(create_app(world.app), base_url=SITE)

    assert post(client, form(email=MAIL)).status_code == 503
    assert post(client, form(email=MAIL), "/hooks/sendgrid/inbound/").status_code == 503
    assert client.post(EVENTS, content=b"[]", headers=signed(b"[]")).status_code == 503
    assert received == []


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("words")])
def test_what_could_not_be_made_safe_comes_again(world, sendgrid, monkeypatch, error):
    """A full disk or any other trouble: 503, and no word of the mail in the log."""

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(world.app, "receive", fail)
    with structlog.testing.capture_logs() as lines:
        answer = post(sendgrid, form(email=MAIL))

    assert answer.status_code == 503
    assert "words" not in str(lines)


def test_trouble_after_the_mail_is_safe_changes_nothing(world, sendgrid, received, monkeypatch):
    """It was accepted; the next tick decides it."""
    monkeypatch.setattr(world.app, "read_spool", lambda: 1 / 0)

    assert post(sendgrid, form(email=MAIL)).status_code == 200
    assert len(received) == 1


def test_a_form_without_a_mail_comes_again_and_is_complained_about(sendgrid, received):
    """Neither `email` nor `headers`: it tries for 72 hours, time to mend the setting; the log says what is wrong."""
    with structlog.testing.capture_logs() as lines:
        answer = post(sendgrid, form(text=b"hello", envelope=b'{"to":["a@b.example"]}'))

    assert answer.status_code == 503
    assert received == []
    assert "it will come again" in str(lines)


@pytest.mark.parametrize(
    "envelope",
    [b"", b"no json", b"[]", b'{"to":"a@b.example"}', b'{"to":[7,null]}', b"\xff", b"[" * 50_000, b'{"from":"a"}'],
)
def test_an_odd_envelope_loses_no_mail(sendgrid, received, envelope):
    """The mail is taken; the recipients are then found in the mail itself."""
    assert post(sendgrid, form(email=MAIL, envelope=envelope)).status_code == 200
    assert received == [(MAIL, "sendgrid", (), ())]


HEADERS = b"""Received: by mx (Postfix)\n\tid 1
From: =?utf-8?q?Al=C3=ADce?= <alice@example.org>
To: reply-abc@reply.dearself.example
Message-ID: <1@client.example>
Content-Type: multipart/mixed;\n boundary="theirs"
Content-Transfer-Encoding: 7bit
MIME-Version: 1.0
Subject: Re: Day 1
"""


def test_a_mail_in_parts_is_made_whole_again(sendgrid, received):
    """Parsed mode: headers as they were, each text in its own charset, each attachment with its bytes and kind."""
    photo = random.Random(3).randbytes(50_000)  # noqa: S311 (the same noise every time)
    body = parsed(
        headers=HEADERS,
        text="caf\xe9, \u4f60\u597d".encode("gb18030"),
        html="<p>Gr\xfc\xdfe</p>".encode("latin-1"),
        charsets=b'{"text":"gb18030","html":"iso-8859-1"}',
        attachment1=("photo \xe9.jpg", "image/jpeg", photo),
        attachment2=("", "text/rfc822-headers; charset=x", b"Subject: old"),
        envelope=b'{"to":["reply-abc@reply.dearself.example"]}',
        dkim=b"{@example.org : pass}",
    )

    assert post(sendgrid, body).status_code == 200
    ((raw, source, to, passed),) = received
    mail = message_from_bytes(raw)
    parts = list(mail.walk())
    texts = [part.get_payload(decode=True).decode(part.get_content_charset()) for part in parts[2:4]]
    assert (source, to, passed) == ("sendgrid", ("reply-abc@reply.dearself.example",), ("example.org",))
    assert texts == ["caf\xe9, \u4f60\u597d", "<p>Gr\xfc\xdfe</p>"]
    assert [part.get_content_type() for part in parts] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "image/jpeg",
        "text/rfc822-headers",
    ]
    assert mail.get_payload()[1].get_payload(decode=True) == photo
    assert (mail["Message-ID"], mail["Received"], mail.get_all("MIME-Version")) == (
        "<1@client.example>",
        "by mx (Postfix)\n\tid 1",
        ["1.0"],
    )


def test_a_report_in_parts_is_still_a_report(sendgrid, received):
    """Its type stays, and what it reports can be read: a bounce must not be taken for a person's words."""
    report = (
        "Reporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; bob@example.org\nAction: failed\nStatus: 5.1.1\n"
    )
    body = parsed(
        headers=b"From: MAILER-DAEMON@mx.example\nContent-Type: multipart/report;\n report-type=delivery-status\n",
        text=b"It could not be delivered.",
        attachment1=("", "message/delivery-status", report.encode()),
        attachment2=("", "message/rfc822", b"Message-ID: <ours@dearself.example>\n\nDear Bob"),
    )
    post(sendgrid, body)
    mail = read(received[0][0])

    assert (mail.report, mail.failures) == (True, (("bob@example.org", "hard"),))


@pytest.mark.parametrize(
    "fields",
    [
        {"headers": b"From: a@b.example\n\nContent-Type: text/x\n\nbody"},
        {"headers": b"\r\nFrom: a@b.example\r\nno header at all\r\nTo: x@y.example"},
        {"headers": b"From: a@b.example", "charsets": b'{"text":"x\\r\\nBcc: evil@evil.example"}', "text": b"x"},
        {"headers": b"From: a@b.example", "charsets": b'[["text"]]', "text": b"\xff"},
        {"headers": b"From: a@b.example", "attachment1": ("a\\r\\nBcc: evil", "text/html\t; x=\x0b", b"--xYz\n--\n")},
        {"headers": b"From: a@b.example", "attachment1": ("x", "multipart/mixed; boundary=x", b"--x\n\n--x--")},
        {"headers": b""},
    ],
)
def test_odd_fields_make_a_mail_that_can_be_read(sendgrid, received, fields):
    """Whatever stands in them: no header is added by a stranger, and reading raises nothing."""
    assert post(sendgrid, parsed(**fields)).status_code == 200
    raw = received[0][0]
    assert "bcc" not in message_from_bytes(raw)
    assert read(raw).sender in {"a@b.example", ""}


def test_a_header_block_that_is_too_long_is_not_cut_off(world, sendgrid):
    """It is put aside as any such mail is."""
    post(sendgrid, parsed(headers=b"From: alice@example.org\n" + b"X-Much: x\n" * 20_000, text=b"hello"))

    assert len(list((world.app.spool_folder / "held").glob("*.mail"))) == 1


@pytest.fixture
def policy(world):
    """Return SendGrid with a security policy that signs what it posts, and no secret."""
    more = {"sendgrid_inbound_key": PUBLIC, "sendgrid_inbound_secret": SecretStr("")}
    world.app.settings = world.app.settings.model_copy(update=more)
    return TestClient(create_app(world.app), base_url=SITE)


def test_a_signed_mail_needs_no_secret(policy, received):
    """The signature over timestamp and body decides, as for events; also when it came in chunks."""
    body = form(email=MAIL)
    for content in (body, iter([body[:50], body[50:]])):
        answer = post(policy, content, "/hooks/sendgrid/inbound", **signed(body, b"1"))

        assert answer.status_code == 200
    assert [raw for raw, *_ in received] == [MAIL] * 2


def test_a_wrong_signature_is_refused_and_its_mail_put_aside(world, policy):
    """403 and an error in the log; the mail is kept unread and encrypted: the key may have been changed by mistake."""
    body, stranger = form(email=MAIL), ec.generate_private_key(ec.SECP256R1())
    with structlog.testing.capture_logs() as lines:
        answers = [
            post(policy, body, "/hooks/sendgrid/inbound", **head).status_code
            for head in ({}, signed(body, key=stranger), signed(body[:-1]))
        ]
    unproven = list((world.app.spool_folder / "unproven").glob("*.mail"))

    assert answers == [403] * 3
    assert [line["log_level"] for line in lines].count("error") == 3
    assert [spool.take(path, world.app.keys) for path in unproven] == [spool.Spooled("sendgrid", (), (), MAIL)] * 3
    assert world.app.read_spool() == []


def test_a_forger_cannot_fill_the_disk(world, policy, monkeypatch):
    """So many are put aside and no more; what is no form leaves nothing at all."""
    monkeypatch.setattr(spool, "FOR_UNPROVEN", Room(files=2, bytes=1_000_000))
    for body in (b"no form", *[form(email=MAIL)] * 4):
        assert post(policy, body, "/hooks/sendgrid/inbound").status_code == 403

    assert len(spool.everywhere(world.app.spool_folder)) == 2


def test_what_was_put_aside_can_be_decided_after_all(world, policy):
    """Moved back by hand, it is read like any mail; nothing it says of whose mark was good is believed."""
    world.join()
    world.pass_hours(24)
    lesson = world.box.last("day-1")
    mail = f"From: {lesson.to}\r\nTo: {lesson.reply_to}\r\nMessage-ID: <1@c.example>\r\n\r\nIt was hard.\r\n"
    post(policy, form(email=mail.encode(), dkim=b"{@example.org : pass}"), "/hooks/sendgrid/inbound")
    (path,) = (world.app.spool_folder / "unproven").glob("*.mail")
    path.rename(world.app.spool_folder / path.name)

    assert world.app.read_spool() == ["completed"]


def test_with_a_key_a_secret_alone_is_not_enough(world, received):
    """Both set: the signature is wanted by whichever address."""
    world.app.settings = world.app.settings.model_copy(update={"sendgrid_inbound_key": PUBLIC})
    client, body = TestClient(create_app(world.app), base_url=SITE), form(email=MAIL)

    assert post(client, body).status_code == 403
    assert post(client, body, **signed(body)).status_code == 200
    assert len(received) == 1


def test_a_key_that_is_none_closes_the_hook_for_mail(world, received):
    """503: SendGrid keeps the mail while the setting is mended, and no secret helps."""
    world.app.settings = world.app.settings.model_copy(update={"sendgrid_inbound_key": "rubbish"})
    client = TestClient(create_app(world.app), base_url=SITE)

    assert post(client, form(email=MAIL)).status_code == 503
    assert received == []


def test_the_first_field_of_a_name_counts(sendgrid, received):
    """A second `email` does not replace the first."""
    body = form(email=MAIL)[: -len(b"--xYzZY--\r\n")] + form(email=b"other")
    post(sendgrid, body)

    assert [taken[0] for taken in received] == [MAIL]


def test_a_mail_over_35_megabytes_is_dropped_with_a_200(sendgrid, received, monkeypatch):
    """It would come again for three days and never be shorter. The log says so."""
    monkeypatch.setattr(hooks, "CAP", 1024**2)
    with structlog.testing.capture_logs() as lines:
        answer = post(sendgrid, (b"a" * 999 for _ in range(1_100)))

    assert answer.status_code == 200
    assert received == []
    assert "over 1 MB" in str(lines)


def test_what_a_form_says_of_its_fields_writes_no_line_into_the_mail():
    """A charset that goes on in the next line is none; a kind that would open a mail in parts is a file's."""
    charsets = json.dumps({"text": "utf-8\nX-Spam-Flag: NO", "html": ["utf-8"]}).encode()
    fields = {"headers": b"From: alice@example.org", "text": b"It helped.", "html": b"<p>", "charsets": charsets}
    raw = inbound.mail_of(fields, [inbound.Attachment(b"multipart/mixed; boundary=b", b"a", b"--b\n\nx")])
    parts = list(message_from_bytes(raw).walk())

    assert b"X-Spam-Flag" not in raw
    assert [part.get_content_charset() for part in parts if part.get_content_maintype() == "text"] == ["utf-8"] * 2
    assert parts[-1].get_content_type() == "application/octet-stream"


def test_what_is_over_the_cap_fills_no_disk(sendgrid, monkeypatch):
    """The rest is read and let go."""
    wrote, write = [], hooks.Arriving.write
    monkeypatch.setattr(hooks, "CAP", 10_000)
    monkeypatch.setattr(hooks.Arriving, "write", lambda body, data: write(body, data) or wrote.append(len(data)))
    post(sendgrid, (b"a" * 999 for _ in range(100)))

    assert sum(wrote) <= 10_000


def test_more_events_than_a_batch_ever_has_are_refused(sendgrid):
    """Anybody can send them until their signature is known: 5 MB are read, not 35."""
    answer = sendgrid.post(EVENTS, content=(b"a" * 999 for _ in range(5_400)), headers={hooks.TIMESTAMP: "1"})

    assert answer.status_code == 413


@pytest.mark.parametrize("content", ["gzip", "br", "deflate"])
def test_packed_bodies_are_not_opened(sendgrid, received, content):
    """No bomb is unpacked: 503 for mail, 415 for events."""
    headers = {"Content-Encoding": content}

    assert post(sendgrid, form(email=MAIL), **headers).status_code == 503
    assert sendgrid.post(EVENTS, content=b"[]", headers=signed(b"[]") | headers).status_code == 415
    assert received == []


@pytest.mark.parametrize(
    ("spf", "sender", "domains"),
    [
        (b"pass", "alice@Example.org", ("example.org",)),
        (b" Pass\n", "alice@example.org", ("example.org",)),
        (b"softfail", "alice@example.org", ()),
        (b"fail", "alice@example.org", ()),
        (b"none", "alice@example.org", ()),
        (b"", "alice@example.org", ()),
        (b"pass", "", ()),
        (b"pass", "alice", ()),
        (b"pass", "alice@exa mple.org", ()),
        (b"pass", "alice@example.org\r\nBcc: eve@example.org", ()),
        (b"pass", ["alice@example.org"], ()),
    ],
)
def test_spf_proves_the_envelope_s_sender_and_no_other(spf, sender, domains):
    """SendGrid's own look at the connection: only "pass" proves a domain, and only one that is well formed."""
    envelope = json.dumps({"from": sender, "to": ["reply-abc@reply.dearself.example"]}).encode()

    assert inbound.passed(b"none", spf, envelope) == domains
    assert inbound.passed(b"{@list.example : pass}", spf, envelope) == ("list.example", *domains)


def test_nothing_under_hooks_answers_with_a_status_that_loses_mail(sendgrid, received):
    """Other methods, mistyped paths, odd kinds of content, no length: 2xx, 403 or 5xx, and never a redirect."""
    dice = random.Random(15)  # noqa: S311 (the same throws every time)
    paths = (
        URL,
        URL + "/",
        "/hooks/sendgrid/inbound",
        "/hooks/sendgrid/inbound/",
        "/hooks/sendgrid",
        "/hooks/",
        "/hooks",
    )
    kinds = (
        "",
        "text/plain",
        "application/json",
        "multipart/form-data",
        "multipart/mixed; boundary=x",
        KIND["Content-Type"],
    )
    sizes = (0, 1, 100, 70_000, 3_000_000)
    for path in (*paths, "/hooks/Sendgrid/inbound/x", URL + "/x", "/hooks/%2e%2e/privacy"):
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"):
            body = dice.randbytes(dice.choice(sizes))
            answer = sendgrid.request(
                method,
                path,
                content=body if dice.random() < 0.5 else iter([body]),
                headers={"Content-Type": dice.choice(kinds)},
                follow_redirects=False,
            )

            assert answer.status_code in {200, 403, 503}, (method, path)
    long = [dice.randbytes(30_000_000), form(other=bytes(30_000_000)), form(email=MAIL)[:-9] + bytes(30_000_000)]
    short = [form(email=MAIL)[:-9], form(email=MAIL)[: len(MAIL) // 2], b"--xYzZY\r\n", form(email=MAIL)[5:]]
    for body in (*short, *long):
        for kind in kinds:
            assert post(sendgrid, body, **{"Content-Type": kind}).status_code in {200, 503}
    assert received == []


def test_signed_events_reach_the_app(world, sendgrid, monkeypatch):
    """One batch, in order; what is no event is left out and does not lose the others."""
    batches = []
    monkeypatch.setattr(world.app, "provider_events", batches.append)
    body = json.dumps([{"event": "bounce"}, "odd", None, 7, [], {"event": "delivered", "sg_event_id": "x"}]).encode()

    assert sendgrid.post(EVENTS, content=body, headers=signed(body)).status_code == 200
    assert sendgrid.post(EVENTS + "/", content=body, headers=signed(body)).status_code == 200
    assert batches == [[{"event": "bounce"}, {"event": "delivered", "sg_event_id": "x"}]] * 2


def test_a_signature_is_over_exactly_these_bytes(world, sendgrid, monkeypatch):
    """One byte more, less or other; another time; another key; rubbish; nothing: 403."""
    batches = []
    monkeypatch.setattr(world.app, "provider_events", batches.append)
    body, good = b'[{"event": "bounce"}]\r\n', signed(b'[{"event": "bounce"}]\r\n')
    stranger = ec.generate_private_key(ec.SECP256R1())
    forged = [
        (body + b" ", good),
        (body[:-1], good),
        (body.replace(b"b", b"B", 1), good),
        (json.dumps(json.loads(body)).encode(), good),
        (body, good | {hooks.TIMESTAMP: "1616161617"}),
        (body, signed(body, key=stranger)),
        (body, good | {hooks.SIGNATURE: "no base64!"}),
        (body, good | {hooks.SIGNATURE: base64.b64encode(os.urandom(70)).decode()}),
        (body, good | {hooks.SIGNATURE: ""}),
        (body, {hooks.SIGNATURE: good[hooks.SIGNATURE]}),
        (body, {}),
        (b"", {hooks.TIMESTAMP: ""}),
        (body, signed(body, b"")),  # of no time at all
    ]

    assert [sendgrid.post(EVENTS, content=content, headers=head).status_code for content, head in forged] == [403] * 13
    assert sendgrid.post(EVENTS, content=iter([body[:7], body[7:]]), headers=good).status_code == 200
    assert len(batches) == 1


@pytest.mark.parametrize("body", [b"", b"no json", b"\xff\xfe\xff", b"{}", b"7", b"[" * 100_000])
def test_signed_rubbish_is_taken_once(sendgrid, body):
    """It would come again for a day and be no better."""
    assert sendgrid.post(EVENTS, content=body, headers=signed(body)).status_code == 200


def test_events_that_were_not_recorded_come_again(world, sendgrid, monkeypatch):
    """The database was away: 503."""
    monkeypatch.setattr(world.app, "provider_events", lambda _: 1 / 0)

    assert sendgrid.post(EVENTS, content=b"[]", headers=signed(b"[]")).status_code == 503


def test_an_event_key_that_is_none_closes_the_hook(world):
    """503, not 403: nothing is lost while the setting is mended."""
    for key in ("", "rubbish", base64.b64encode(b"rubbish").decode()):
        world.app.settings = world.app.settings.model_copy(update={"sendgrid_event_key": key})
        client = TestClient(create_app(world.app), base_url=SITE)

        assert client.post(EVENTS, content=b"[]", headers=signed(b"[]")).status_code == 503


def test_a_bounce_that_sendgrid_signs_reaches_the_delivery(world, sendgrid):
    """From the hook to the store: an unknown event in the batch does no harm."""
    world.join()
    body = json.dumps([{"event": "odd"}, {"event": "bounce", "email": "alice@example.org", "timestamp": 1}]).encode()

    assert sendgrid.post(EVENTS, content=body, headers=signed(body)).status_code == 200
