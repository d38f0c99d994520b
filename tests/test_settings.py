"""Promises of the settings: documented, read strictly, wrong ones named with what to put, and secrets never shown."""

from __future__ import annotations

import logging
import os
import re
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import structlog
from conftest import make_settings
from pydantic import SecretStr

from course import links, logs, settings_rules
from course.keys import Keys
from course.links import Purpose
from course.settings import EMAILS, Settings, SettingsError, load

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / ".env.example"
SECRET = "c4nary-" * 6
LIVE = {
    "base_url": "https://course.example.org",
    "transport": "smtp",
    "smtp_url": "smtps://us3r:p4ssw0rd@mx.example.org:465",
    "mail_from": "hello@course.example.org",
    "reply_domain": "reply.course.example.org",
    "postal_address": "1 Quiet Lane, London",
    "controller_name": "Quiet Lane Press",
    "contact_email": "people@course.example.org",
}


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """Stand in an empty folder with no settings in the environment; return the folder."""
    for name in list(os.environ):
        if name.lower() in Settings.model_fields:
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(**given):
    """Return what a start with these settings says, line by line."""
    with pytest.raises(SettingsError) as error:
        make_settings(**given)
    return str(error.value).splitlines()


# What .env.example says is so.


def documented():
    """Return the settings of .env.example and what they are set to there."""
    return dict(re.findall(r"^([A-Z_]+)=(.*)$", EXAMPLE.read_text(), re.MULTILINE))


def test_every_setting_is_documented_and_every_documented_one_exists():
    """The file lists each setting once, none is missing and none is made up."""
    names = re.findall(r"^([A-Z_]+)=", EXAMPLE.read_text(), re.MULTILINE)

    assert sorted(name.lower() for name in names) == sorted(Settings.model_fields)


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_the_documented_default_is_the_default(name):
    """What the file sets is what holds without it; an empty value is an empty default."""
    said, default = documented()[name.upper()], Settings.model_fields[name].default
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    meant = {"None": "", "False": "false", "True": "true", str(EMAILS): ""}.get(str(default), str(default))

    assert said == meant


def test_the_documented_file_can_be_used_as_it_is(alone):
    """Copied to .env and left alone, it changes nothing."""
    (alone / ".env").write_text(EXAMPLE.read_text())
    copied = Settings()

    assert copied == Settings(_env_file=None)


def test_every_setting_has_words_before_it():
    """Each block of settings begins with a comment that says what it is for."""
    blocks = [block.strip().splitlines() for block in EXAMPLE.read_text().split("\n\n")]

    assert [block[0] for block in blocks if not block[0].startswith("#")] == []


# Where they are read from.


def test_the_environment_is_read(alone, monkeypatch):
    """In any letter case."""
    monkeypatch.setenv("PORT", "9000")
    monkeypatch.setenv("log_level", "DEBUG")

    settings = load()
    assert (settings.port, settings.log_level) == (9000, "debug")


def test_dotenv_is_read(alone):
    """The .env of the folder one stands in; quotes and comments as dotenv has them."""
    (alone / ".env").write_text('PORT=9001  # a free one\nMAIL_FROM_NAME="Dear, Self"\nSOMETHING_ELSE=kept out\n')

    settings = load()
    assert (settings.port, settings.mail_from_name) == (9001, "Dear, Self")


def test_the_environment_wins_over_dotenv(alone, monkeypatch):
    """What is said at the prompt holds for this start."""
    (alone / ".env").write_text("PORT=9001\nHOST=localhost\n")
    monkeypatch.setenv("PORT", "9002")

    settings = load()
    assert (settings.port, settings.host) == (9002, "localhost")


def test_a_misspelt_name_in_dotenv_stops_the_start(alone):
    """TRANPSORT=smtp would otherwise start with a folder; a name that is like none of ours is another program's."""
    (alone / ".env").write_text("TRANPSORT=smtp\nCOMPOSE_PROJECT_NAME=mail\n")

    with pytest.raises(SettingsError) as stopped:
        load()

    assert str(stopped.value) == "TRANPSORT: there is no such setting; put TRANSPORT, or take the line out of .env"


def test_dotenv_in_another_charset_stops_the_start(alone):
    """It says what to do, and shows nothing of what is in it."""
    (alone / ".env").write_bytes("MAIL_FROM_NAME=Ren\u00e9".encode("latin-1"))

    with pytest.raises(SettingsError, match=r"\.env cannot be read: save it as UTF-8"):
        load()


@pytest.mark.parametrize("name", ["sendgrid_event_key", "sendgrid_inbound_key"])
@pytest.mark.parametrize("key", ["bad", "YmFk", "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"])
def test_a_key_that_is_none_stops_the_start(name, key):
    """With it every bounce and every reply would be turned away, until SendGrid gives them up."""
    assert refused(**{name: key}) == [
        f"{name.upper()}: put the public key as SendGrid shows it, one line that begins with MFkw, or leave it empty"
    ]


def test_every_setting_that_is_no_text_says_what_to_put():
    """The settings library's own words are about types; people want to know what to write."""
    texts = {name for name, field in Settings.model_fields.items() if field.annotation in {str, SecretStr}}

    assert set(Settings.model_fields) - texts == set(settings_rules.KINDS)


def test_an_empty_value_is_no_value(alone, monkeypatch):
    """`TIMELAPSE= make run` and an empty line in .env mean the default."""
    (alone / ".env").write_text("PORT=\nBASE_URL=\n")
    monkeypatch.setenv("TIMELAPSE", "")

    settings = load()
    assert (settings.port, settings.site, settings.timelapse) == (8000, "http://127.0.0.1:8000", None)


def test_settings_do_not_change_while_the_service_runs(tmp_path):
    """They are frozen."""
    settings = make_settings(data_dir=tmp_path)

    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1


def test_nothing_needs_to_be_set(tmp_path):
    """With no configuration at all it is a service for this machine, on SQLite, mail going to a folder."""
    settings = make_settings(data_dir=tmp_path / "var")

    assert not settings.production
    assert settings.transport == "folder"
    assert settings.database == f"sqlite:///{tmp_path / 'var' / 'course.db'}"
    assert settings.site == "http://127.0.0.1:8000"


def test_sqlite_s_file_is_known_however_its_address_is_put(tmp_path):
    """What is said to the driver behind a question mark is no part of the file's name."""
    addresses = ("", f"sqlite:///{tmp_path}/course.db", f"sqlite:///{tmp_path}/course.db?timeout=9")
    files = [make_settings(data_dir=tmp_path, database_url=address).database_file for address in addresses]

    assert files == [tmp_path / "course.db"] * 3


# What is wrong, and what to put instead.

WRONG = [
    ("PORT", {"port": "http"}, "from 1 to 65535"),
    ("PORT", {"port": 0}, "from 1 to 65535"),
    ("PORT", {"port": 65_536}, "from 1 to 65535"),
    ("TRANSPORT", {"transport": "pigeon"}, "put folder, smtp or sendgrid"),
    ("LOG_LEVEL", {"log_level": "loud"}, "put debug, info, warning or error"),
    ("SENDGRID_REGION", {"sendgrid_region": "mars"}, "put global or eu"),
    ("SENDGRID_SANDBOX", {"sendgrid_sandbox": "perhaps"}, "put true or false"),
    ("SENDGRID_BATCH", {"sendgrid_batch": 0}, "a whole number from 1 to 1000"),
    ("SENDGRID_BATCH", {"sendgrid_batch": 1001}, "a whole number from 1 to 1000"),
    ("SENDGRID_CONNECTIONS", {"sendgrid_connections": 0}, "a whole number from 1 to 100"),
    ("SENDGRID_CONNECTIONS", {"sendgrid_connections": "many"}, "a whole number from 1 to 100"),
    ("MIN_AGE", {"min_age": 12}, "from 13 to 21"),
    ("MIN_AGE", {"min_age": "grown"}, "a whole number"),
    ("SPREAD_MINUTES", {"spread_minutes": 0}, r"from 1 \(all at once\) to 60"),
    ("SPREAD_MINUTES", {"spread_minutes": 61}, r"from 1 \(all at once\) to 60"),
    ("SPREAD_MINUTES", {"spread_minutes": "wide"}, r"from 1 \(all at once\) to 60"),
    ("KEEP_RAW_DAYS", {"keep_raw_days": 366}, "put a whole number of days from 0"),
    ("KEEP_DELIVERIES_DAYS", {"keep_deliveries_days": 29}, "from 30 to 36500"),
    ("KEEP_DELIVERIES_DAYS", {"keep_deliveries_days": "long"}, "from 30 to 36500"),
    ("TIMELAPSE", {"timelapse": 0}, "from 1 to 86400"),
    ("TIMELAPSE", {"timelapse": 86_401}, "from 1 to 86400"),
    ("TIMELAPSE", {"timelapse": "fast"}, "the seconds of a course day"),
    ("TIMELAPSE", {"timelapse": "nan"}, "leave it empty"),
    ("MAIL_FROM", {"mail_from": "Dear Self <hello@example.org>"}, "one bare address"),
    ("MAIL_FROM", {"mail_from": "hello"}, "like hello@example.org"),
    ("MAIL_FROM", {"mail_from": "hello@localhost"}, "one bare address"),
    ("MAIL_FROM", {"mail_from": "a@example.org,b@example.org"}, "one bare address"),
    ("MAIL_FROM", {"mail_from": "a@example.org\r\nBcc: b@example.org"}, "one bare address"),
    ("MAIL_FROM", {"mail_from": "a@b@example.org"}, "one bare address"),
    ("MAIL_FROM", {"mail_from": "hallo@exämple.org"}, "one bare address|ASCII"),
    ("MAIL_FROM", {"mail_from": "jos\u00e9@example.org"}, "one bare address|ASCII"),
    ("MAIL_FROM", {"mail_from": "hello@example..org"}, "one bare address"),
    ("MAIL_FROM", {"mail_from": "hello\t@example.org"}, "one bare address"),
    ("CONTACT_EMAIL", {"contact_email": "nobody"}, "one bare address"),
    ("REPLY_DOMAIN", {"reply_domain": "https://reply.example.org"}, "bare domain"),
    ("REPLY_DOMAIN", {"reply_domain": "hello@reply.example.org"}, "bare domain"),
    ("REPLY_DOMAIN", {"reply_domain": "reply"}, "like reply.example.org"),
    ("REPLY_DOMAIN", {"reply_domain": "reply.example.org."}, "bare domain"),
    ("MAIL_FROM_NAME", {"mail_from_name": "Dear\nSelf"}, "on one line"),
    ("MAIL_FROM_NAME", {"mail_from_name": "Dear\x85Self"}, "on one line"),
    ("POSTAL_ADDRESS", {"postal_address": "1 Quiet Lane\nLondon"}, "comma"),
    ("CONTROLLER_NAME", {"controller_name": "Quiet\u2028Lane"}, "on one line"),
    ("BASE_URL", {"base_url": "localhost:8000"}, "scheme and host only"),
    ("BASE_URL", {"base_url": "ftp://localhost"}, "like https://course.example.org"),
    ("BASE_URL", {"base_url": "http://localhost/course"}, "scheme and host only"),
    ("BASE_URL", {"base_url": "http://localhost?x=1"}, "scheme and host only"),
    ("BASE_URL", {"base_url": "http://localhost#top"}, "scheme and host only"),
    ("BASE_URL", {"base_url": "http://alice:pw@localhost"}, "scheme and host only"),
    ("BASE_URL", {"base_url": "http://[::1"}, "scheme and host only"),
    ("BASE_URL", {"base_url": "http://localhost:eighty"}, "scheme and host only"),
    ("DATABASE_URL", {"database_url": "mysql://us3r:p4ssw0rd@db/course"}, "sqlite:///|postgresql://"),
    ("SECRET_KEY", {"secret_key": "p4ssw0rd"}, "at least 32 random characters"),
    ("SECRET_KEY", {"secret_key": f"{'x' * 40},p4ssw0rd"}, "parted by commas, the newest first"),
    ("SECRET_KEY", {"secret_key": f"{'x' * 40},"}, "at least 32 random characters"),
    ("EMAILS_DIR", {"emails_dir": "/nowhere"}, "the folder emails/"),
    ("UNREVIEWED_LOCALES", {"unreviewed_locales": "es, Hebrew"}, "as they stand in course.toml: es, he"),
    ("TRUSTED_PROXIES", {"trusted_proxies": "10.0.0.1, proxy.example.org"}, "like 10.0.0.0/8"),
    ("SMTP_URL", {"transport": "smtp"}, "smtps://user:password@host:465"),
    ("SMTP_URL", {"transport": "smtp", "smtp_url": "http://us3r:p4ssw0rd@mx.example.org"}, "smtps://"),
    ("SMTP_URL", {"transport": "smtp", "smtp_url": "smtp://us3r:p4ssw0rd@[::1"}, "smtps://"),
    ("SENDGRID_API_KEY", {"transport": "sendgrid"}, "a key with the scope Mail Send"),
    ("SENDGRID_INBOUND_SECRET", {"sendgrid_inbound_secret": "p4ssw0rd"}, "at least 32 letters and digits"),
    ("DATA_DIR", {"data_dir": "/proc/nothing/here"}, "cannot be used"),
]


@pytest.mark.parametrize(
    ("name", "given", "put"), WRONG, ids=[f"{name}={[*given.values()][-1]}" for name, given, _ in WRONG]
)
def test_a_wrong_setting_is_named_with_what_to_put(tmp_path, name, given, put):
    """The start stops; the line begins with the setting's name and says what would be right."""
    lines = refused(**{"data_dir": tmp_path, **given})

    assert lines[0].startswith(f"{name}: ")
    assert re.search(put, lines[0])


@pytest.mark.parametrize(
    "given", [given for _, given, _ in WRONG if "p4ssw0rd" in str(given)], ids=lambda given: list(given)[-1]
)
def test_what_is_wrong_with_a_secret_is_said_without_it(tmp_path, given):
    """Neither the value nor a part of it stands in the message: start-up messages get pasted into chats."""
    said = "\n".join(refused(**{"data_dir": tmp_path, **given}))

    assert "p4ssw0rd" not in said
    assert "us3r" not in said
    assert "xxxx" not in said


def test_a_secret_of_the_wrong_kind_is_not_repeated(tmp_path):
    """Nor when it is not even a text."""
    said = "\n".join(refused(data_dir=tmp_path, secret_key=["p4ssw0rd"], smtp_url=4711))

    assert "SECRET_KEY: " in said
    assert "p4ssw0rd" not in said
    assert "4711" not in said


def test_all_that_is_wrong_is_said_at_once(tmp_path):
    """One line each, so that nobody starts five times to find five mistakes."""
    lines = refused(data_dir=tmp_path, port="x", min_age=1, mail_from="x", log_level="x", reply_domain="x")

    assert sorted(line.partition(":")[0] for line in lines) == [
        "LOG_LEVEL",
        "MAIL_FROM",
        "MIN_AGE",
        "PORT",
        "REPLY_DOMAIN",
    ]


@pytest.mark.parametrize(
    "given",
    [
        {"base_url": "http://localhost:8000/"},
        {"base_url": "http://127.0.0.1"},
        {"base_url": "http://[::1]:8000"},
        {"host": "::1"},
        {"base_url": "http://course.localhost"},
        {"trusted_proxies": "10.0.0.0/8, ::1, 192.0.2.7"},
        {"secret_key": f"{SECRET},{SECRET[::-1]}"},
        {"transport": "SMTP", "smtp_url": "smtp://localhost:2525"},
        {"transport": "SendGrid", "sendgrid_api_key": "SG.x", "sendgrid_region": "EU"},
        {"mail_from": "Hello@Course.Example.ORG"},
        {"database_url": "postgresql://us3r@db/course"},
        {"min_age": 13},
        {"timelapse": 86_400},
    ],
    ids=lambda given: "-".join(f"{value}" for value in given.values())[:40],
)
def test_what_is_right_is_taken(tmp_path, given):
    """Strict is not petty: other spellings of right values start the service, and it is not production."""
    settings = make_settings(data_dir=tmp_path, **given)

    assert not settings.production
    assert not settings.site.endswith("/")


def test_an_ipv6_host_has_brackets_in_links(tmp_path):
    """HOST=::1 makes links that a browser can open."""
    assert make_settings(data_dir=tmp_path, host="::1", port=9000).site == "http://[::1]:9000"


# Production.


def test_a_site_that_others_reach_is_production(tmp_path):
    """With all that it needs it starts."""
    settings = make_settings(data_dir=tmp_path, **LIVE)

    assert settings.production
    assert settings.site_host == "course.example.org"
    assert settings.mail_domain == "course.example.org"


@pytest.mark.parametrize(
    ("name", "changed", "put"),
    [
        ("BASE_URL", {"base_url": "http://course.example.org"}, "https://"),
        ("POSTAL_ADDRESS", {"postal_address": "Sample address, set POSTAL_ADDRESS"}, "a real postal address"),
        ("POSTAL_ADDRESS", {"postal_address": " "}, "a real postal address"),
        (
            "CONTROLLER_NAME",
            {"controller_name": "Dear Self (sample name, set CONTROLLER_NAME)"},
            "person or organisation",
        ),
        ("CONTROLLER_NAME", {"controller_name": " "}, "person or organisation"),
        ("CONTACT_EMAIL", {"contact_email": "hello@dearself.example"}, "where a person answers"),
        ("MAIL_FROM", {"mail_from": "hello@dearself.example"}, "in a domain of yours"),
        ("MAIL_FROM", {"mail_from": "hello@mail.DearSelf.example"}, "in a domain of yours"),
        ("REPLY_DOMAIN", {"reply_domain": "reply.dearself.example"}, "whose mail comes to this service"),
        ("TRANSPORT", {"transport": "folder"}, "smtp or sendgrid"),
        ("TIMELAPSE", {"smtp_url": "smtp://localhost", "timelapse": 20}, "leave it empty"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isupper() else "",
)
def test_production_needs_what_the_law_and_mail_houses_want(tmp_path, name, changed, put):
    """Each is asked for by its name; a sample value or blanks are none."""
    lines = refused(data_dir=tmp_path, **(LIVE | changed))

    assert len(lines) == 1
    assert lines[0].startswith(f"{name}: ")
    assert put in lines[0]


def test_production_with_nothing_set_asks_for_everything(tmp_path):
    """BASE_URL alone is not enough; the list is complete at once."""
    names = [line.partition(":")[0] for line in refused(data_dir=tmp_path, base_url="https://course.example.org")]

    assert sorted(names) == [
        "CONTACT_EMAIL",
        "CONTROLLER_NAME",
        "MAIL_FROM",
        "POSTAL_ADDRESS",
        "REPLY_DOMAIN",
        "TRANSPORT",
    ]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"transport": "folder"},
        {"transport": "smtp", "smtp_url": "smtp://localhost:2525"},
        {"transport": "smtp", "smtp_url": "smtp://127.0.0.1"},
        {"transport": "smtp", "smtp_url": "smtp://u:p@[::1]:25"},
    ],
    ids=["default", "folder", "localhost", "ipv4", "ipv6"],
)
def test_time_may_run_fast_where_mail_stays_here(tmp_path, given):
    """A folder, or SMTP to this machine."""
    assert make_settings(data_dir=tmp_path, timelapse=20, **given).timelapse == 20


@pytest.mark.parametrize(
    "given",
    [
        {"transport": "smtp", "smtp_url": "smtps://us3r:p4ssw0rd@mx.example.org:465"},
        {"transport": "smtp", "smtp_url": "smtp://127.0.0.1.example.org"},
        {"transport": "sendgrid", "sendgrid_api_key": "SG.x"},
    ],
    ids=["smtp", "lookalike", "sendgrid"],
)
def test_time_may_not_run_fast_where_mail_reaches_people(tmp_path, given):
    """Five letters in two minutes are for nobody's inbox."""
    lines = refused(data_dir=tmp_path, timelapse=20, **given)

    assert [line.partition(":")[0] for line in lines] == ["TIMELAPSE"]


# Secrets.


def test_a_secret_key_is_made_once_and_kept(tmp_path):
    """The first start writes it for its owner's eyes only; the next ones read it."""
    first, again = (make_settings(data_dir=tmp_path / "var") for _ in range(2))
    path = tmp_path / "var" / "secret.key"
    key = first.secret_key.get_secret_value()

    assert again.secret_key.get_secret_value() == key == path.read_text().strip()
    assert len(key) >= 43
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_of_two_first_starts_at_once_one_makes_the_key(tmp_path):
    """Both read the same one, and never an empty file."""
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: load(data_dir=tmp_path / "new").secret_key.get_secret_value(), range(24)))

    assert len(set(made)) == 1


def test_every_service_has_a_key_of_its_own(tmp_path):
    """Two data folders, two keys."""
    keys = {make_settings(data_dir=tmp_path / who).secret_key.get_secret_value() for who in ("alice", "bob")}

    assert len(keys) == 2


def test_a_key_that_is_set_is_not_written_down(tmp_path):
    """Whoever keeps it elsewhere finds no copy in DATA_DIR."""
    settings = make_settings(data_dir=tmp_path, secret_key=SECRET)

    assert settings.secret_key.get_secret_value() == SECRET
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kept", ["", "\n", "short"], ids=["empty", "blank", "short"])
def test_a_key_file_that_holds_no_key_stops_the_start(tmp_path, kept):
    """A disk that was full when the key was written must not make links that anybody can forge."""
    (tmp_path / "secret.key").write_text(kept)
    lines = refused(data_dir=tmp_path)

    assert len(lines) == 1
    assert "secret.key" in lines[0]


SECRETS = {
    "secret_key": SECRET,
    "database_url": f"postgresql://us3r:{SECRET}@db/course",
    "smtp_url": f"smtps://us3r:{SECRET}@mx.example.org",
    "sendgrid_api_key": f"SG.{SECRET}",
    "sendgrid_inbound_secret": SECRET,
}


@pytest.fixture
def secretive(tmp_path):
    """Return settings in which every secret is the same canary."""
    return make_settings(data_dir=tmp_path, **SECRETS)


@pytest.mark.parametrize(
    "shown",
    [
        repr,
        str,
        lambda settings: f"{settings}",
        lambda settings: settings.model_dump_json(),
        lambda one: repr(vars(one)),
    ],
    ids=["repr", "str", "format", "json", "vars"],
)
def test_settings_show_no_secret(secretive, shown):
    """However they are printed."""
    assert SECRET not in shown(secretive)
    assert "us3r" not in shown(secretive)


def test_every_setting_that_sounds_like_a_secret_is_one():
    """Nothing called key, secret or password, and no address that may hold one, is a plain text."""
    plain = {
        name
        for name, field in Settings.model_fields.items()
        if re.search("key|secret|password|_url$", name) and field.annotation is not SecretStr
    }

    # Two public keys, and two addresses without credentials.
    assert plain == {"sendgrid_event_key", "sendgrid_inbound_key", "base_url", "sendgrid_base_url"}


def test_a_wrong_setting_beside_good_secrets_shows_none(tmp_path):
    """A whole-model error says what is wrong, not what else was set."""
    said = "\n".join(refused(data_dir=tmp_path, **SECRETS, transport="pigeon", base_url="nonsense", timelapse=-1))

    assert "TRANSPORT: " in said
    assert SECRET not in said
    assert "us3r" not in said


def test_the_errors_cause_is_not_carried_along(tmp_path):
    """A traceback of the error shows no inner error that holds the values."""
    with pytest.raises(SettingsError) as error:
        make_settings(data_dir=tmp_path, **SECRETS, port="x")

    assert error.value.__cause__ is None
    assert error.value.__suppress_context__


# Logs.


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("refused by alice.b+1@mail.example.org", "refused by <address>"),
        ("key SG.aaaa1111-bbbb.cccc_2222 is bad", "key <api key> is bad"),
        ("GET /leave/0123456789abcdef0123456789abcdef0123 200", "GET /leave/<token> 200"),
        ("smtps://us3r:p4$$!x@localhost is away", "smtps://us3r:<password>@localhost is away"),
        ("day 3 of 5 left at 08:00", "day 3 of 5 left at 08:00"),
    ],
    ids=["address", "api-key", "token", "password", "harmless"],
)
def test_logs_are_scrubbed(said, kept):
    """What must not be read in a log is replaced by what it was."""
    assert logs.scrubbed(said) == kept


@pytest.mark.parametrize("password", ["p4ss", "p4$$w0rd", "p4%24%24", "p4!x", "p4(x)y"])
def test_no_part_of_a_password_is_logged(password):
    """Whatever signs it is made of: the rule for addresses does not eat its end and leave the rest."""
    assert "p4" not in logs.scrubbed(f"cannot reach smtps://us3r:{password}@mx.example.org:465")


def test_a_links_token_is_not_logged_whichever_purpose_it_has():
    """Whatever a token opens, no line of the log gives it away."""
    keys = Keys.of(SECRET)
    tokens = [links.sign(keys, purpose, number) for purpose in Purpose for number in (0, 7, 10**9)]

    assert [token for token in tokens if token in logs.scrubbed(f"GET /leave/{token} 200")] == []


@pytest.fixture
def record():
    """Return a line of a library that knows no better, about an error that names an address and a key."""
    said = "mail to alice@example.org with SG.aaaa1111.bbbb2222"
    try:
        raise ValueError(said)  # noqa: TRY301
    except ValueError:
        return logging.LogRecord("library", logging.ERROR, "x.py", 1, "to %s", ("bob@example.org",), sys.exc_info())


@pytest.fixture
def sieve():
    """Return the handlers that lines of libraries go through."""
    found = [handler for handler in logging.getLogger().handlers if handler.filters]
    assert found
    return found


def test_other_libraries_logs_are_scrubbed_too(record, sieve):
    """The words of the line, its arguments included."""
    for handler in sieve:
        handler.filter(record)

    assert record.getMessage() == "to <address>"


def test_the_errors_in_other_libraries_logs_are_scrubbed_too(record, sieve):
    """A traceback's last line is where a value most often stands."""
    for handler in sieve:
        handler.filter(record)
    written = logging.Formatter("%(message)s").format(record)

    assert "ValueError" in written
    assert "alice@example.org" not in written
    assert "SG.aaaa" not in written


def test_the_errors_in_our_own_logs_are_scrubbed(capsys):
    """And they show no local variable."""
    canary = "l0cal-canary"
    logs.set_up("debug")
    try:
        raise ValueError("mail to alice@example.org", len(canary))  # noqa: TRY301
    except ValueError:
        structlog.get_logger().exception("it broke", key="SG.aaaa1111.bbbb2222")
    written = capsys.readouterr().err

    assert "it broke" in written
    assert "ValueError" in written
    assert "alice@example.org" not in written
    assert "SG.aaaa" not in written
    assert canary not in written.replace(f'"{canary}"', "")
