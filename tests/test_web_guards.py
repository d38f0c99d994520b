"""What holds for every request: headers, hosts, sizes, the log, and calm pages when something is wrong."""

from __future__ import annotations

import re

import pytest
import structlog
from conftest import make_settings
from sqlalchemy.exc import OperationalError
from starlette.requests import Request
from starlette.testclient import TestClient

from course.web import create_app, guards, render

SITE = "http://127.0.0.1:8000"
HERE = ("127.0.0.1", 50_000)
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")
ALWAYS = {
    "referrer-policy": {"no-referrer", "same-origin"},
    "x-content-type-options": {"nosniff"},
    "cache-control": {"no-store", "public, max-age=86400", "public, max-age=3600"},
    "cross-origin-resource-policy": {"same-origin", "cross-origin"},
}
LIVE = {
    "base_url": "https://course.example.org",
    "transport": "sendgrid",
    "sendgrid_api_key": "SG.not-a-real-key",
    "mail_from": "hello@course.example.org",
    "reply_domain": "reply.course.example.org",
    "postal_address": "1 Quiet Lane, London",
    "controller_name": "Quiet Lane Press",
    "contact_email": "people@course.example.org",
}

ONE_FIELD = b'--x\r\nContent-Disposition: form-data; name="f"\r\n\r\nb\r\n--x--\r\n'


@pytest.fixture
def database(tmp_path):
    """Return an SQLite database: what the web room does is the same on both."""
    return f"sqlite:///{tmp_path / 'course.db'}"


@pytest.fixture
def site(world):
    """Return the site of the world's service."""
    return create_app(world.app)


@pytest.fixture
def browser(site):
    """Return a visitor's browser."""
    return TestClient(site, base_url=SITE, client=HERE)


@pytest.fixture
def live(world):
    """Return the same service as the world sees it: behind https, under its own name."""
    world.app.settings = make_settings(data_dir=world.app.settings.data_dir, **LIVE)
    return TestClient(create_app(world.app), base_url="https://course.example.org")


def every_path(site):
    """Every route of the site, its parameters filled with something that is not there."""
    found = set()
    for route in site.routes:
        contexts = route.effective_route_contexts() if hasattr(route, "effective_route_contexts") else [route]
        found |= {re.sub(r"\{\w+\}", "abc", context.path) for context in contexts}
    return found | {"/nothing", "/hooks/nothing", "/static/../guards.py", "/static/site.css"}


def test_every_answer_of_every_route_carries_the_guards_headers(site, browser):
    """All routes, all methods, all statuses: not cached, not framed, no referrer, no sniffing, no foreign source."""
    paths = every_path(site)

    assert len(paths) > 15
    for path in paths:
        for method in METHODS:
            answer = browser.request(method, path, follow_redirects=False)
            policy = answer.headers["content-security-policy"]

            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "base-uri 'none'" in policy
            assert "script-src 'self';" in policy
            assert "set-cookie" not in answer.headers
            assert not 300 <= answer.status_code < 400
            for name, allowed in ALWAYS.items():
                assert answer.headers[name] in allowed, (method, path, name)


def test_only_the_mailbox_loosens_anything(site, browser):
    """The mailbox alone differs, where a mail's own style is shown or new mail is asked for."""
    policies = {path: browser.get(path).headers["content-security-policy"] for path in every_path(site)}

    assert {path for path, policy in policies.items() if "unsafe" in policy} == set()
    assert {path for path, policy in policies.items() if "connect-src" in policy} == {"/mailbox"}


def test_only_course_pages_may_be_indexed(site, browser):
    """Every other page, and every mistake, says noindex."""
    indexed = {path for path in every_path(site) if "x-robots-tag" not in browser.get(path).headers}

    assert indexed == {"/"}
    assert "x-robots-tag" not in browser.get("/courses/self-compassion").headers
    assert browser.post("/courses/self-compassion").headers["x-robots-tag"] == "noindex"
    form = {"email": "alice@example.org", "timezone": "Europe/London", "send_hour": "8", "consent": "yes"}
    done = browser.post("/courses/self-compassion", data=form)
    assert (done.status_code, done.headers["x-robots-tag"]) == (200, "noindex")


def test_there_is_no_page_about_the_site_itself(browser):
    """No API pages, no listing, no metrics, no debug."""
    for path in ("/docs", "/redoc", "/openapi.json", "/static/", "/static", "/metrics", "/.env", "/privacy/"):
        assert browser.get(path).status_code == 404


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "evil.example:8000", "user@127.0.0.1", "127.0.0.1 evil", "", "[::2]"],
)
def test_an_unknown_host_is_turned_away(browser, host):
    """421 and plain text, and no link anywhere is made from the Host header."""
    answer = browser.get("/", headers={"Host": host})

    assert answer.status_code == 421
    assert answer.headers["content-type"].startswith("text/plain")
    assert "evil" not in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "LOCALHOST", "[::1]:8000", "course.localhost"])
def test_this_machine_answers_to_its_own_names(browser, host):
    """While nobody else can reach it."""
    assert browser.get("/", headers={"Host": host}).status_code == 200


def test_a_live_site_answers_to_its_own_name_only(live):
    """Not to localhost either; but monitors and mail providers are never turned away for a Host."""
    assert live.get("/").status_code == 200
    assert live.get("/", headers={"Host": "localhost"}).status_code == 421
    assert live.get("/healthz", headers={"Host": "10.0.0.7:8000"}).status_code != 421
    assert live.post("/hooks/sendgrid/inbound/abc", headers={"Host": "evil.example"}).status_code == 503
    assert live.get("/").headers["strict-transport-security"] == "max-age=31536000"


def test_two_hosts_are_one_too_many(site):
    """A request that names two hosts gets neither."""
    client = TestClient(site, base_url=SITE)
    request = client.build_request("GET", "/", headers=[("Host", "127.0.0.1:8000"), ("Host", "evil.example")])

    assert client.send(request).status_code == 421


def test_a_body_longer_than_a_form_is_refused(browser):
    """413 as a page, whether its length is said or only found out; what is shorter passes."""
    long = b"email=" + b"a" * 70_000
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    said = browser.post("/courses/self-compassion", content=long, headers=kind)
    found_out = browser.post("/courses/self-compassion", content=(long[at : at + 999] for at in range(0, 70_000, 999)))
    streamed = browser.post(
        "/courses/self-compassion", content=(long[at : at + 999] for at in range(0, 70_000, 999)), headers=kind
    )

    assert (said.status_code, streamed.status_code) == (413, 413)
    assert "too much at once" in said.text
    assert found_out.status_code in {413, 422}
    assert browser.post("/courses/self-compassion", content=long[:60_000], headers=kind).status_code == 422


@pytest.mark.parametrize("length", ["a lot", "-1", "1e9", "64000000000000000000"])
def test_a_length_that_is_none_is_refused(browser, length):
    """What announces nothing that can be measured is not begun with."""
    assert browser.post("/courses/self-compassion", headers={"Content-Length": length}).status_code == 413


@pytest.mark.parametrize(
    ("said", "elsewhere", "here"),
    [
        ("same-origin", False, True),
        ("none", False, False),  # typed, or followed from a mail
        ("same-site", True, False),  # a blog beside the course is somebody else, too
        ("cross-site", True, False),
        (None, False, False),
    ],
)
def test_only_a_page_of_ours_is_from_here(world, said, elsewhere, here):
    """By what browsers say themselves (Sec-Fetch-Site); where they say nothing, Origin has to."""
    headers = [(b"sec-fetch-site", said.encode())] if said else []
    scope = {"type": "http", "scheme": "http", "path": "/", "query_string": b"", "server": ("127.0.0.1", 8000)}
    request = Request({**scope, "headers": [(b"host", b"127.0.0.1:8000"), *headers]})

    assert (guards.from_elsewhere(request), guards.from_here(request, world.app.settings)) == (elsewhere, here)


def test_what_asks_every_few_seconds_is_no_news_until_it_fails(world, browser, monkeypatch):
    """A monitor's question is in the log when the answer is that something is wrong."""
    world.app.tick()
    with structlog.testing.capture_logs() as lines:
        browser.get("/healthz")
        monkeypatch.setattr(world.app, "health", lambda: {"ok": False})
        browser.get("/healthz")
        browser.get("/help")

    assert [(line["log_level"], line["status"]) for line in lines if line["event"] == "request"] == [
        ("debug", 200),
        ("info", 503),
    ]


def test_a_broken_form_is_a_calm_page(browser):
    """Multipart without a boundary, with files, a charset that there is none of, a thousand fields: 4xx, no detail."""
    for content, kind, status in (
        (b"--x\r\n", "multipart/form-data", 400),
        (b"--x\r\nrubbish", "multipart/form-data; boundary=x", 422),
        (
            b'--x\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\nb\r\n--x--',
            "multipart/form-data; boundary=x",
            400,
        ),
        (ONE_FIELD, "multipart/form-data; boundary=x; charset=undefined", 400),
        (b"&".join([b"f%d=1" % number for number in range(1001)]), "application/x-www-form-urlencoded", 400),
    ):
        answer = browser.post("/courses/self-compassion", content=content, headers={"Content-Type": kind})

        assert answer.status_code == status
        assert "boundary" not in answer.text


def test_a_failure_of_ours_is_a_calm_page_without_a_detail(world, browser, monkeypatch):
    """500, the guard's headers, no trace on the page; the log has the type and the place, never what was typed."""

    def fail(_):
        raise RuntimeError("secret words of alice@example.org")

    monkeypatch.setattr(world.app, "confirmation", fail)
    with structlog.testing.capture_logs() as lines:
        answer = browser.get("/confirm/abc")

    assert answer.status_code == 500
    assert "Something went wrong on our side" in answer.text
    assert "secret" not in answer.text
    assert "RuntimeError" not in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert next(line for line in lines if line["log_level"] == "error")["error"] == "RuntimeError"
    assert "secret" not in str(lines)


def test_the_log_says_why_the_database_took_no_page(world, browser, monkeypatch):
    """A full disk can be mended by whoever reads of it; what was to be written stays out."""
    full = OperationalError("INSERT", {"email": "alice@example.org"}, Exception("database or disk is full"))

    def fail(_):
        raise full

    monkeypatch.setattr(world.app, "confirmation", fail)
    with structlog.testing.capture_logs() as lines:
        browser.get("/confirm/abc")
    said = next(line for line in lines if line["log_level"] == "error")

    assert said["why"] == "database or disk is full"
    assert "alice" not in str(lines)


def test_the_log_has_the_template_of_a_path_and_nothing_of_a_person(world, browser):
    """Method, route, status and milliseconds; no token, no query, no address."""
    world.join()
    token = world.leave_token()
    with structlog.testing.capture_logs() as lines:
        browser.get(f"/leave/{token}?email=alice@example.org")
        browser.post(f"/leave/{token}", data={"choice": "pause"})
        browser.get("/nothing/alice@example.org")
    seen = [(line["method"], line["route"], line["status"]) for line in lines if line["event"] == "request"]

    assert seen == [("GET", "/leave/{token}", 200), ("POST", "/leave/{token}", 200), ("GET", "-", 404)]
    assert token not in str(lines)
    assert "alice" not in str(lines)


def test_health_is_the_apps_own_word(world, browser, monkeypatch):
    """200 while all is well, 503 when not; GET and HEAD."""
    world.app.tick()
    well = browser.get("/healthz")
    monkeypatch.setattr(world.app, "health", lambda: {"ok": False})

    assert (well.status_code, well.json()["ok"]) == (200, True)
    assert browser.get("/healthz").status_code == 503
    assert browser.head("/healthz").status_code == 503


def test_the_few_files_have_fixed_kinds_and_may_be_kept(browser):
    """A name is looked up among those that there are; a changed file gets another address."""
    for name, kind in (("site.css", "text/css"), ("zone.js", "text/javascript"), ("mark.svg", "image/svg+xml")):
        answer = browser.get(f"/static/{name}")

        assert answer.headers["content-type"].startswith(kind)
        assert answer.headers["cache-control"] == "public, max-age=86400"
    assert re.search(r'href="/static/site.css\?v=[0-9a-f]{8}"', browser.get("/").text)
    for path in ("/static/..%2f__init__.py", "/static/%2e%2e/guards.py", "/static/site.css%00", "/static/CON"):
        assert browser.get(path).status_code == 404


@pytest.mark.parametrize(
    ("takes", "packed"),
    [
        ("gzip, deflate, br", True),
        ("gzip;q=0.5", True),
        ("br", False),
        ("gzip;q=0", False),
        ("br, gzip; q=0", False),
        ("", False),
    ],
)
def test_the_few_files_are_packed_for_whoever_takes_that(browser, takes, packed):
    """The same to read, and a fifth of it on the wire; no page is packed: its length would tell of what is in it."""
    whole = (render.STATIC / "site.css").read_bytes()
    answer = browser.get("/static/site.css", headers={"Accept-Encoding": takes})

    assert answer.content == whole
    assert answer.headers["vary"] == "Accept-Encoding"
    assert ("content-encoding" in answer.headers, int(answer.headers["content-length"]) < 7_000) == (packed, packed)
    assert "content-encoding" not in browser.get("/", headers={"Accept-Encoding": takes}).headers


def test_robots_are_told_where_the_course_pages_are(browser):
    """Nothing else is theirs; no secret path is named."""
    answer = browser.get("/robots.txt")

    assert answer.headers["content-type"].startswith("text/plain")
    assert "Disallow: /\n" in answer.text
    assert "hooks" not in answer.text


def test_no_tracing_is_switched_on(site):
    """FastAPI would write whole paths, tokens and all, to whatever OpenTelemetry provider is about."""
    assert not any(site._telemetry[part] for part in ("tracing", "metrics", "logs", "operation_spans"))  # noqa: SLF001
