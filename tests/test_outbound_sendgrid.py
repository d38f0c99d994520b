"""Promises of the way out by SendGrid's Web API, kept against a real web server in its place."""

from __future__ import annotations

import json
import logging
import socket
import traceback
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from servers import ALICE, BOB, DROP, ENDLESS, HANG, RESET, Answer, Authority, Provider
from told import Told

from course.outbound import open_transport
from course.outbound.sendgrid import SendGrid
from course.outbound.sendgrid_calls import part, payload
from course.outgoing import Halt, RefusedMailing, RefusedRecipient, Sent, TryLater, Unsure
from course.settings import SettingsError, load

KEY = "SG.canary-key.0123456789abcdef"
DATE = "Sun, 01 Mar 2026 08:00:00 GMT"
AT_DATE = 1_772_352_000  # the same moment as X-RateLimit-Reset writes it
LITTLE_WHILE = 0.5  # seconds that a test waits for a provider that never answers
SPECIFICATION = Path(__file__).parents[2] / "shared/reference/sendgrid_mail_v3.openapi.json"
RESERVED = {
    *("x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding"),
    *("to", "from", "subject", "reply-to", "cc", "bcc"),
}


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    """Keep requests to this machine away from a proxy that the developer may have set."""
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture(scope="session")
def specification():
    """Check a request's body against the provider's own specification."""
    if not SPECIFICATION.is_file():
        pytest.skip("the provider's OpenAPI document is not kept in this repository")
    components = json.loads(SPECIFICATION.read_text())["components"]
    body = components["requestBodies"]["PostMailSend"]["content"]["application/json"]["schema"]
    return Draft202012Validator({**body, "components": components}, format_checker=FormatChecker())


def ask(*answers: Answer, outgoing=ALICE, **options):
    """Send one message to a provider that gives these answers; return it and the outcome."""
    with Provider(*answers) as provider, closing(SendGrid(KEY, provider.url, **{"seconds": 5, **options})) as transport:
        outcome = transport.send(outgoing)
    return provider, outcome


def refusal(*fields: str | None, status: int = 400) -> Answer:
    """Return the answer that names these fields, in the form of SendGrid's page "Errors"."""
    errors = [{"message": "Does not work.", "field": name, "help": None} for name in fields]
    return Answer(status, json.dumps({"errors": errors}).encode())


# What is sent


@pytest.mark.parametrize(
    "outgoing",
    [
        ALICE,
        BOB,
        replace(ALICE, leave=None, replied=True),
        replace(ALICE, sender_name="Café"),
        replace(ALICE, sender_name="日本"),
        replace(ALICE, values={"greeting": "Zoë “Zed” 🌱", "leave_url": "https://course.example/leave/abc"}),
    ],
)
@pytest.mark.parametrize("sandbox", [False, True])
def test_a_request_is_as_the_specification_wants_it(specification, outgoing, sandbox):
    """Every body that SendGrid gets is valid by SendGrid's own OpenAPI document."""
    provider, _ = ask(outgoing=outgoing, sandbox=sandbox)

    specification.validate(provider.requests[0].body)


def test_a_request_says_who_what_and_nothing_else():
    """The body holds one recipient without a name, both texts in order, our headers, an opaque number; no more."""
    provider, _ = ask()
    body = provider.requests[0].body

    assert body == {
        "personalizations": [
            {
                "to": [{"email": "alice@example.org"}],
                "headers": ALICE.extra_headers(),
                "custom_args": {"ds_delivery": "7"},
            }
        ],
        "from": {"email": "hello@dearself.example", "name": "Dear Self"},
        "reply_to": {"email": ALICE.reply_to},
        "subject": "Day 1: a letter",
        "content": [
            {"type": "text/plain", "value": ALICE.mailing.text_for(ALICE.values)},
            {"type": "text/html", "value": ALICE.mailing.html_for(ALICE.values)},
        ],
        "tracking_settings": {
            "click_tracking": {"enable": False, "enable_text": False},
            "open_tracking": {"enable": False},
            "subscription_tracking": {"enable": False},
            "ganalytics": {"enable": False},
        },
        "mail_settings": {"sandbox_mode": {"enable": False}},
    }


def test_a_request_goes_to_mail_send_with_the_key():
    """The request is POST /v3/mail/send with the key as a bearer token, in JSON."""
    provider, _ = ask()
    request = provider.requests[0]

    assert (request.method, request.path) == ("POST", "/v3/mail/send")
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert request.headers["Content-Type"] == "application/json"


def test_no_header_is_one_that_sendgrid_reserves():
    """None of our headers is refused as reserved, and each is a string in ASCII."""
    headers = json.loads(payload([part(replace(ALICE, replied=True))], sandbox=False))["personalizations"][0]["headers"]

    assert RESERVED.isdisjoint(name.lower() for name in headers)
    assert all(isinstance(value, str) and value.isascii() for value in headers.values())


def test_a_header_with_a_line_break_is_a_mistake_of_ours():
    """A header that would become two is a programming error; SendGrid never hears of it."""
    with Provider() as provider, pytest.raises(ValueError, match="header"):
        SendGrid(KEY, provider.url).prepare(replace(ALICE, list_id="<a>\r\nBcc: eve@example.net"))
    assert provider.requests == []


@pytest.mark.parametrize("name", ["{{7*7}}", "{{{name}}}", "-name-", "<% x %>", "%open-track%", "[unsubscribe]"])
def test_what_looks_like_a_template_stays_text(name):
    """A name that looks like one of SendGrid's tags arrives as it is, and nothing in the request would fill it."""
    provider, _ = ask(outgoing=replace(ALICE, values={**ALICE.values, "greeting": name}))
    body = provider.requests[0].body

    assert f"Dear {name}," in body["content"][0]["value"]
    assert not {"template_id", "categories", "asm", "send_at"} & set(body)
    assert set(body["personalizations"][0]) == {"to", "headers", "custom_args"}


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("Dear Self", {"name": "Dear Self"}),
        ("Señor Café", {"name": "Senor Cafe"}),
        ("日本", {}),
        ("Jørgen", {}),
        ("", {}),
    ],
)
def test_a_senders_name_is_ascii_or_left_out(name, sent):
    """SendGrid takes no Unicode in the sender's name: accents go, and what is still not ASCII is left out."""
    assert json.loads(payload([part(replace(ALICE, sender_name=name))], sandbox=False))["from"] == {
        "email": ALICE.sender,
        **sent,
    }


# What the answers mean


@pytest.mark.parametrize(
    ("answer", "sandbox", "expected"),
    [
        (Answer(202, headers={"X-Message-ID": "14c5d75ce93"}), False, Sent("14c5d75ce93")),
        (Answer(202), False, Sent("")),
        (Answer(202, b"surprise"), False, Sent("")),
        (Answer(200), True, Sent("")),
        (Answer(202), True, Sent("")),
    ],
)
def test_accepted_is_sent(answer, sandbox, expected):
    """202 is sent, with SendGrid's name for it if there is one; 200 is sent in the sandbox only."""
    provider, outcome = ask(answer, sandbox=sandbox)

    assert outcome == expected
    assert provider.requests[0].body["mail_settings"] == {"sandbox_mode": {"enable": sandbox}}


def test_a_sandbox_in_earnest_halts():
    """200 outside the sandbox means that SendGrid delivers nothing: an alarm, not a success."""
    _, outcome = ask(Answer(200))

    assert isinstance(outcome, Halt)
    assert "sandbox" in outcome.reason


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (refusal("personalizations.0.to.0.email"), RefusedRecipient),
        (refusal("personalizations.0.to"), RefusedRecipient),
        (refusal("personalizations"), RefusedRecipient),
        (refusal("to"), RefusedRecipient),
        (refusal("reply_to.email"), RefusedRecipient),
        (refusal("content.0.value", "personalizations.0.to.0.email"), RefusedRecipient),
        (refusal("from.email"), Halt),
        (refusal("personalizations.0.to.0.email", "from.email"), Halt),
        (refusal("subject"), RefusedMailing),
        (refusal("content.0.value"), RefusedMailing),
        (refusal("personalizations.0.headers"), RefusedMailing),
        (refusal("personalizations.0.custom_args"), RefusedMailing),
        (refusal("total"), RefusedMailing),
        (refusal(None), RefusedMailing),
        (Answer(400), TryLater),
        (Answer(400, b"<html>nginx</html>"), TryLater),
        (Answer(400, b"\xff\xfe not UTF-8"), TryLater),
        (Answer(400, b'{"errors": null}'), TryLater),
        (Answer(400, b'{"errors": ["to"]}'), TryLater),
        (Answer(400, b"[" * 200_000), TryLater),
        (Answer(400, b'["errors"]'), TryLater),
        (refusal(None, status=401), Halt),
        (refusal(None, status=403), Halt),
        (refusal(None, status=404), Halt),
        (refusal(None, status=405), Halt),
        (Answer(406), Halt),
        (Answer(408), TryLater),
        (Answer(413, b"<html><head><title>413 Request Entity Too Large</title></head></html>"), RefusedMailing),
        (Answer(413, b"x" * 3_000_000), RefusedMailing),
        (refusal(None, status=415), Halt),
        (refusal(None, status=429), TryLater),
        (Answer(500), TryLater),
        (Answer(502, b"<html>bad gateway</html>"), TryLater),
        (Answer(503, b"<html>"), TryLater),
        (Answer(504), Unsure),
        (Answer(599), TryLater),
        (Answer(204), Unsure),
    ],
)
def test_each_answer_means_what_to_do_next(answer, expected):
    """An answer becomes the outcome that says what to do next, whatever its body holds; no address dies of one."""
    _, outcome = ask(answer)

    assert isinstance(outcome, expected)
    assert not getattr(outcome, "dead", False)
    assert len(outcome.reason) < 260


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status):
    """A redirect halts: the key and the letter go to the host that the settings name and to no other."""
    with Provider() as other:
        _, outcome = ask(Answer(status, headers={"Location": f"{other.url}/v3/mail/send"}), sandbox=True)

    assert isinstance(outcome, Halt)
    assert other.requests == []


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Date": DATE, "X-RateLimit-Reset": str(AT_DATE + 42)}, 42),
        ({"Date": DATE, "X-RateLimit-Reset": str(AT_DATE)}, 1),
        ({"Date": DATE, "X-RateLimit-Reset": str(AT_DATE - 9)}, 1),
        ({"Date": DATE, "X-RateLimit-Reset": str(AT_DATE + 86_400)}, 3600),
        ({"Date": DATE, "X-RateLimit-Reset": "soon"}, 60),
        ({"Date": DATE, "X-RateLimit-Reset": "-5"}, 60),
        ({"Date": DATE, "X-RateLimit-Reset": "9" * 400}, 60),
        ({"Date": DATE}, 60),
        ({"Date": "yesterday", "X-RateLimit-Reset": str(AT_DATE)}, 60),
        ({"X-RateLimit-Reset": str(AT_DATE)}, 60),
    ],
)
def test_a_rate_limit_says_when(headers, seconds):
    """429 waits until the limit's reset by SendGrid's clock, a second to an hour; a minute if it says nothing."""
    _, outcome = ask(Answer(429, headers=headers))

    assert isinstance(outcome, TryLater)
    assert outcome.seconds == seconds


@pytest.mark.parametrize("act", [HANG, RESET, DROP])
def test_no_answer_to_a_whole_request_is_unsure(act):
    """When SendGrid took the whole request and no answer came, nobody knows whether it left."""
    provider, outcome = ask(Answer(act=act), seconds=LITTLE_WHILE)

    assert isinstance(outcome, Unsure)
    assert len(provider.requests) == 1


@pytest.mark.parametrize(
    ("status", "expected"), [(202, Sent), (400, TryLater), (401, Halt), (429, TryLater), (503, TryLater)]
)
def test_an_answer_whose_body_breaks_off_is_one(status, expected):
    """Whether the mail was taken stands in its first line; only why it was not may be lost."""
    _, outcome = ask(Answer(status, b"half", {"Content-Length": "900"}))

    assert isinstance(outcome, expected)


@pytest.mark.parametrize("act", [HANG, RESET])
def test_a_request_that_breaks_off_is_tried_later(act):
    """When the connection breaks before the whole request has left, it was not sent."""
    _, outcome = ask(Answer(act=act, unread=True), outgoing=ENDLESS, seconds=LITTLE_WHILE)

    assert isinstance(outcome, TryLater)


def test_nobody_listens_there():
    """A refused connection is tried again later."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    outcome = SendGrid(KEY, f"http://127.0.0.1:{port}").send(ALICE)

    assert isinstance(outcome, TryLater)
    assert "refused" in outcome.reason


@pytest.mark.parametrize("trouble", [socket.gaierror(-2, "Name or service not known"), TimeoutError("timed out")])
def test_a_host_that_cannot_be_reached(monkeypatch, trouble):
    """A DNS failure, or a connection that is not made in time, is tried again later."""

    def fail(*_args, **_kwargs):
        raise trouble

    monkeypatch.setattr("socket.create_connection", fail)
    outcome = SendGrid(KEY, "https://api.sendgrid.com").send(ALICE)

    assert isinstance(outcome, TryLater)


def test_a_bad_certificate_halts(tmp_path):
    """A certificate that no known authority vouches for gets neither key nor letter."""
    with Provider(tls=Authority(tmp_path).context()) as provider:
        outcome = SendGrid(KEY, provider.url, seconds=5).send(ALICE)

    assert isinstance(outcome, Halt)
    assert "certificate" in outcome.reason
    assert provider.requests == []


# Settings and secrets


@pytest.fixture
def opened(tmp_path):
    """Open the transport by settings."""

    def with_settings(**given):
        given = {"sendgrid_api_key": KEY, "data_dir": tmp_path, **given}
        return open_transport(load(transport="sendgrid", **given))

    return with_settings


def test_settings_choose_host_and_sandbox(opened):
    """SENDGRID_BASE_URL and SENDGRID_SANDBOX are what a request goes by; its events come later."""
    with Provider(Answer(200)) as provider:
        transport = opened(sendgrid_base_url=f"{provider.url}/", sendgrid_sandbox=True)
        outcome = transport.send(ALICE)
        transport.close()

    assert isinstance(outcome, Sent)
    assert provider.requests[0].path == "/v3/mail/send"
    assert provider.requests[0].body["mail_settings"] == {"sandbox_mode": {"enable": True}}
    assert transport.has_events is True


def test_settings_choose_batch_and_connections(opened):
    """SENDGRID_BATCH and SENDGRID_CONNECTIONS are what it goes by; unset, each message is a call of its own."""
    with Provider() as provider, closing(opened(sendgrid_base_url=provider.url, sendgrid_batch=2)) as transport:
        transport.send_many([ALICE, BOB, replace(BOB, to="charlie@example.org")], told := Told())

    assert len(told.people(Sent)) == 3
    assert sorted(len(request.people) for request in provider.requests) == [1, 2]
    assert opened(sendgrid_batch=500, sendgrid_connections=3).most == 1500
    assert opened().most == 4


@pytest.mark.parametrize(("region", "host"), [("global", "api.sendgrid.com"), ("eu", "api.eu.sendgrid.com")])
def test_the_region_chooses_the_host(opened, monkeypatch, region, host):
    """SENDGRID_REGION=eu keeps people's letters in the EU: no other host is even looked for."""
    called = []

    def unreachable(address, *_args, **_kwargs):
        called.append(address)
        raise TimeoutError

    monkeypatch.setattr("socket.create_connection", unreachable)
    opened(sendgrid_region=region).send(ALICE)

    assert called == [(host, 443)]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("SENDGRID_API_KEY", f"{KEY}\r\nX-Evil: 1"),
        ("SENDGRID_API_KEY", f"{KEY} {KEY}"),
        ("SENDGRID_API_KEY", f"{KEY}é"),
        ("SENDGRID_BASE_URL", "http://api.example.org"),
        ("SENDGRID_BASE_URL", "http://localhost.example.org"),
        ("SENDGRID_BASE_URL", "ftp://localhost"),
        ("SENDGRID_BASE_URL", "api.sendgrid.com"),
        ("SENDGRID_BASE_URL", "https://"),
        ("SENDGRID_BASE_URL", "https://api.example.org:port"),
    ],
)
def test_a_key_or_host_that_cannot_work_is_named_and_not_shown(opened, setting, value):
    """What could not be sent, or would be sent in the open, stops the start; the key is not shown."""
    with pytest.raises(SettingsError) as caught:
        opened(**{setting.lower(): value})
    assert str(caught.value).startswith(f"{setting}:")
    assert KEY not in "".join(traceback.format_exception(caught.value))


def test_a_line_break_after_the_key_is_no_trouble(opened):
    """A key that was read from a file works, line break and all."""
    with Provider() as provider, closing(opened(sendgrid_api_key=f"{KEY}\n", sendgrid_base_url=provider.url)) as way:
        way.send(ALICE)

    assert provider.requests[0].headers["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    "answer",
    [
        Answer(202),
        Answer(401, f'{{"errors": [{{"message": "{KEY} was revoked", "field": null}}]}}'.encode()),
        Answer(400, b'{"errors": [{"message": "<alice@example.org>, that is Alice, is odd", "field": "to"}]}'),
        Answer(500, f"Bearer {KEY} alice@example.org".encode()),
        Answer(act=DROP),
        Answer(act=HANG),
    ],
)
def test_no_reason_and_no_log_tells_a_secret(caplog, capfd, answer):
    """The key, the recipient and the letter are in no reason, repr or log, though the client would log them all."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="python_http_client.client")
    with Provider(answer) as provider, closing(SendGrid(KEY, provider.url, seconds=LITTLE_WHILE)) as transport:
        outcome = transport.send(ALICE)
    told = f"{outcome!r} {transport!r} {caplog.text} {capfd.readouterr()}"

    assert KEY not in told
    assert "alice" not in told.lower()
    assert "a line that starts with a dot" not in told


def test_a_reason_says_field_and_words():
    """A reason keeps status, field and SendGrid's own words on one short line."""
    _, outcome = ask(refusal("subject"))

    assert outcome.reason == "SendGrid answered 400: subject: Does not work."
