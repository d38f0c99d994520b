"""In charge of what the settings must fulfil together; each broken rule says which setting and what to put."""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import ValidationError

from course.hosts import SAMPLE_DOMAIN, imap_host, is_loopback, listening, smtp_host
from course.signers import public_key

if TYPE_CHECKING:
    from course.settings import Settings

ALIKE = 0.75  # of difflib's ratio: TRANPSORT is like TRANSPORT, MAILCHIMP_KEY is like none
DOMAIN = r"(?=.{3,190}$)([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]{2,}"
# What stands behind the plus has 47 characters; RFC 5321 section 4.5.3.1.1 gives a local part 64.
MAILBOX = rf"[a-z0-9._-]{{1,16}}@{DOMAIN}"
SHORTEST_SECRET = 32  # characters
LOCALE = r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*"
# What to put where something else than text is wanted.
KINDS = {
    "port": "put a port number from 1 to 65535",
    "data_dir": "put the path of a folder",
    "emails_dir": "put the path of the folder emails/",
    "transport": "put folder, smtp or sendgrid",
    "min_age": "put a whole number from 13 to 21",
    "sendgrid_region": "put global or eu",
    "sendgrid_sandbox": "put true or false",
    "sendgrid_batch": "put a whole number from 1 to 1000",
    "sendgrid_connections": "put a whole number from 1 to 100",
    "mail_listen_public": "put true or false",
    "smtp_connections": "put a whole number from 1 to 100",
    "smtp_messages": "put a whole number from 1 to 1000000",
    "send_rate": "put how many messages may leave in a second, like 10 or 0.5, or leave it empty",
    "send_daily": "put how many messages may leave in a day (UTC), or leave it empty",
    "answers_hourly": "put a whole number of answers from 1 to 1000000",
    "when_unsure": "put resend or hold",
    "other_senders": "put accept or hold",
    "empty_mail": "put answer or hold",
    "dkim_check": "put true or false",
    "spread_minutes": "put a whole number from 1 (all at once) to 60",
    "keep_raw_days": "put a whole number of days from 0 (gone once decided) to 365",
    "keep_words_days": "put a whole number of days from 1 to 3650",
    "resource_link_days": "put a whole number of days from 1 to 3650",
    "keep_people_days": "put a whole number of days from 0 (until they ask) to 36500",
    "keep_deliveries_days": "put a whole number of days from 30 to 36500",
    "timelapse": "put the seconds of a course day, from 1 to 86400, or leave it empty",
    "log_level": "put debug, info, warning or error",
}


def broken(settings: Settings) -> list[str]:
    """Return the rules that these settings break."""
    if not _is_base(settings.site):
        return ["BASE_URL: put scheme and host only, like https://course.example.org"]
    return [
        *_reach(settings),
        *_ways_out(settings),
        *_ways_in(settings),
        *(_production(settings) if settings.production else []),
    ]


def _is_database(url: str) -> bool:
    try:
        _ = urlsplit(url).port  # raises for one that is no number
    except ValueError:
        return False
    return url.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://"))


def _is_base(site: str) -> bool:
    try:
        address = urlsplit(site)
        _ = address.port  # raises for one that is no number
    except ValueError:
        return False
    more = address.path or address.query or address.fragment or address.username
    return address.scheme in {"http", "https"} and bool(address.hostname) and not more


def _reach(settings: Settings) -> list[str]:
    problems = []
    url = settings.database_url.get_secret_value()
    if url and not _is_database(url):
        problems.append("DATABASE_URL: put sqlite:///path/to/course.db or postgresql://user:password@host/name")
    for name, secret in (("SECRET_KEY", settings.secret_key), ("JOURNAL_KEYS", settings.journal_keys)):
        ring = secret.get_secret_value()
        if ring and any(len(key.strip()) < SHORTEST_SECRET for key in ring.split(",")):
            problems.append(
                f"{name}: put at least {SHORTEST_SECRET} random characters (openssl rand -base64 48); "
                "several keys are parted by commas, the newest first"
            )
    if not (settings.emails_dir / "layout.html").is_file():
        problems.append("EMAILS_DIR: there is no layout.html in it; put the path of the folder emails/")
    if not all(re.fullmatch(LOCALE, locale) for locale in settings.unreviewed):
        problems.append("UNREVIEWED_LOCALES: put locales parted by commas, as they stand in course.toml: es, he")
    for proxy in filter(None, (part.strip() for part in settings.trusted_proxies.split(","))):
        try:
            ipaddress.ip_network(proxy, strict=False)
        except ValueError:
            problems.append("TRUSTED_PROXIES: put addresses or networks parted by commas, like 10.0.0.0/8")
    return problems


def _ways_out(settings: Settings) -> list[str]:
    problems = []
    host = smtp_host(settings.smtp_url.get_secret_value())
    if settings.transport == "smtp" and not host:
        problems.append("SMTP_URL: put smtps://user:password@host:465 or smtp://user:password@host:587")
    if settings.transport == "sendgrid" and not settings.sendgrid_api_key.get_secret_value():
        problems.append("SENDGRID_API_KEY: put a key with the scope Mail Send, or choose TRANSPORT=smtp")
    local_mail = settings.transport == "folder" or (settings.transport == "smtp" and is_loopback(host))
    if settings.timelapse and not local_mail:
        problems.append("TIMELAPSE: it works with TRANSPORT=folder, or SMTP to this machine; leave it empty")
    return problems


def _ways_in(settings: Settings) -> list[str]:
    problems = [
        f"{name}: put the public key as SendGrid shows it, one line that begins with MFkw, or leave it empty"
        for name, key in (
            ("SENDGRID_INBOUND_KEY", settings.sendgrid_inbound_key),
            ("SENDGRID_EVENT_KEY", settings.sendgrid_event_key),
        )
        if key and public_key(key) is None
    ]
    secret = settings.sendgrid_inbound_secret.get_secret_value()
    if secret and len(secret) < SHORTEST_SECRET:
        problems.append(f"SENDGRID_INBOUND_SECRET: put at least {SHORTEST_SECRET} letters and digits")
    if settings.imap_url.get_secret_value() and not imap_host(settings.imap_url.get_secret_value()):
        problems.append("IMAP_URL: put imaps://user:password@host/INBOX")
    if settings.reply_address and not re.fullmatch(MAILBOX, settings.replies_at):
        problems.append(
            "REPLY_ADDRESS: put the bare address of one mailbox, like hello@example.org, with no plus and at most 16 "
            "characters before the @: what is added behind a plus makes it as long as an address may be"
        )
    how, _, folder = settings.imap_after.partition(":")
    if how not in {"flag", "delete", "move"} or (how == "move") != bool(folder.strip()) or not folder.isprintable():
        problems.append("IMAP_AFTER: put flag, move:Folder or delete")
    place = listening(settings.mail_listen)
    if settings.mail_listen and place is None:
        problems.append("MAIL_LISTEN: put lmtp:/path/to/socket, lmtp://127.0.0.1:8024 or smtp://127.0.0.1:8025")
    if place and not place.here_only and not settings.mail_listen_public:
        problems.append(
            "MAIL_LISTEN: other machines would reach it; put a socket or 127.0.0.1 and a mail server in front, "
            "or MAIL_LISTEN_PUBLIC=true if you mean it"
        )
    return problems


def _production(settings: Settings) -> list[str]:
    """List what a site that others can reach must have (CAN-SPAM, GDPR art. 13; mail-provider rules)."""
    wanted = {
        "POSTAL_ADDRESS": (settings.postal_address, "a real postal address: the law wants it in every mail"),
        "CONTROLLER_NAME": (settings.controller_name, "the person or organisation that runs the course"),
        "CONTACT_EMAIL": (settings.contact_email, "an address where a person answers"),
        "MAIL_FROM": (settings.mail_from, "the address that the course comes from, in a domain of yours"),
        "REPLY_DOMAIN": (settings.replies_at, "the domain whose mail comes to this service"),
    }
    problems = [
        f"{name}: put {what}"
        for name, (value, what) in wanted.items()
        if not value.strip() or "sample" in value.lower() or value.endswith(SAMPLE_DOMAIN)
    ]
    if urlsplit(settings.site).scheme != "https":
        problems.append("BASE_URL: put https://; people's words must not travel in the open")
    if settings.transport == "folder":
        problems.append("TRANSPORT: put smtp or sendgrid; folder only writes mail to disk")
    if settings.timelapse:
        problems.append("TIMELAPSE: leave it empty; people live at the usual speed")
    return problems


def misspelt(written: Iterable[str], settings: Iterable[str]) -> list[str]:
    """Return what is wrong with the names in .env. One that is like none of ours may be another program's."""
    known = [name.upper() for name in settings]
    likely = {name: difflib.get_close_matches(name.upper(), known, 1, ALIKE) for name in written}
    return [
        f"{name}: there is no such setting; put {found[0]}, or take the line out of .env"
        for name, found in likely.items()
        if found and name.upper() != found[0]
    ]


def problems(error: ValidationError) -> list[str]:
    """Return a line for each setting that is wrong: its name, and what to put."""
    lines = []
    for problem in error.errors(include_input=False, include_url=False, include_context=False):
        name = ".".join(str(part) for part in problem["loc"])
        ours = problem["type"] == "value_error"
        message = problem["msg"].removeprefix("Value error, ") if ours else KINDS.get(name, "put text")
        lines.append(f"{name.upper()}: {message}" if name else message)
    return lines
