"""In charge of the settings: environment and .env become one frozen object, or the start stops and says why."""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from course import settings_rules
from course.addresses import inbox
from course.files import write_new
from course.hosts import SAMPLE_DOMAIN, bracketed, is_loopback

EMAILS = Path(__file__).resolve().parent.parent / "emails"

LOCAL_PART = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"  # RFC 5322 section 3.2.3
SENDGRID_HOSTS = {"global": "https://api.sendgrid.com", "eu": "https://api.eu.sendgrid.com"}


class SettingsError(Exception):
    """A setting is missing or wrong; the text names it and says what to put."""


class Settings(BaseSettings):
    """What an operator can set. Every secret is a SecretStr, so no log line and no repr() shows one."""

    model_config = SettingsConfigDict(
        frozen=True,
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        hide_input_in_errors=True,
    )

    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535)
    data_dir: Path = Path("var")
    emails_dir: Path = EMAILS
    database_url: SecretStr = SecretStr("")
    base_url: str = ""
    secret_key: SecretStr = SecretStr("")
    journal_keys: SecretStr = SecretStr("")
    transport: Literal["folder", "smtp", "sendgrid"] = "folder"
    mail_from: str = f"hello@{SAMPLE_DOMAIN}"
    mail_from_name: str = "Dear Self"
    reply_domain: str = f"reply.{SAMPLE_DOMAIN}"
    reply_address: str = ""
    postal_address: str = "Sample address, set POSTAL_ADDRESS"
    controller_name: str = "Dear Self (sample name, set CONTROLLER_NAME)"
    contact_email: str = f"hello@{SAMPLE_DOMAIN}"
    unreviewed_locales: str = ""
    min_age: int = Field(16, ge=13, le=21)
    community_list: str = ""
    trusted_proxies: str = ""
    authserv_id: str = ""
    dkim_check: bool = False
    other_senders: Literal["accept", "hold"] = "accept"
    empty_mail: Literal["answer", "hold"] = "answer"
    sendgrid_api_key: SecretStr = SecretStr("")
    sendgrid_region: Literal["global", "eu"] = "global"
    sendgrid_base_url: str = ""
    sendgrid_sandbox: bool = False
    sendgrid_batch: int = Field(1, ge=1, le=1000)
    sendgrid_connections: int = Field(4, ge=1, le=100)
    sendgrid_inbound_secret: SecretStr = SecretStr("")
    sendgrid_inbound_key: str = ""
    sendgrid_event_key: str = ""
    mail_listen: str = ""
    mail_listen_public: bool = False
    imap_url: SecretStr = SecretStr("")
    imap_after: str = "flag"
    smtp_url: SecretStr = SecretStr("")
    smtp_connections: int = Field(5, ge=1, le=100)
    smtp_messages: int = Field(100, ge=1, le=1_000_000)
    send_rate: float | None = Field(None, ge=0.01, le=100_000)
    send_daily: int | None = Field(None, ge=1, le=1_000_000_000)
    answers_hourly: int = Field(1_000, ge=1, le=1_000_000)
    when_unsure: Literal["resend", "hold"] = "resend"
    spread_minutes: int = Field(20, ge=1, le=60)
    keep_raw_days: int = Field(0, ge=0, le=365)
    keep_words_days: int = Field(365, ge=1, le=3_650)
    resource_link_days: int = Field(90, ge=1, le=3_650)
    keep_people_days: int = Field(90, ge=0, le=36_500)
    keep_deliveries_days: int = Field(180, ge=30, le=36_500)
    timelapse: float | None = Field(None, ge=1, le=86_400)
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator(
        "log_level", "transport", "sendgrid_region", "when_unsure", "other_senders", "empty_mail", mode="before"
    )
    @classmethod
    def _any_case(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("mail_from", "contact_email")
    @classmethod
    def _one_address(cls, value: str) -> str:
        local, _, domain = value.strip().rpartition("@")
        if not (re.fullmatch(LOCAL_PART, local) and re.fullmatch(settings_rules.DOMAIN, domain.lower())):
            raise ValueError("put one bare address, like hello@example.org (the name goes into MAIL_FROM_NAME)")
        return f"{local}@{domain.lower()}"

    @field_validator("reply_domain")
    @classmethod
    def _one_domain(cls, value: str) -> str:
        if not re.fullmatch(settings_rules.DOMAIN, value.strip().lower()):
            raise ValueError("put the bare domain that replies come to, like reply.example.org")
        return value.strip().lower()

    @field_validator("mail_from_name", "controller_name", "postal_address", "community_list")
    @classmethod
    def _one_line(cls, value: str) -> str:
        if any(ord(c) < 32 or c in "\x7f\x85\u2028\u2029" for c in value):  # noqa: PLR2004 (C0 controls)
            raise ValueError("put it on one line; a comma can stand where a line would break")
        return value.strip()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        problems = settings_rules.broken(self)
        if problems:
            raise ValueError("\n".join(problems))
        return self

    @property
    def site(self) -> str:
        """The address that every link begins with, without a slash at its end."""
        return (self.base_url or f"http://{bracketed(self.host)}:{self.port}").rstrip("/")

    @property
    def site_host(self) -> str:
        """The host of every link, which is also the only Host that pages answer to."""
        return (urlsplit(self.site).hostname or "").lower()

    @property
    def production(self) -> bool:
        """Whether people other than this machine's own can reach the site."""
        return not is_loopback(self.site_host)

    @property
    def unreviewed(self) -> frozenset[str]:
        """The locales that are spoken although no native speaker has reviewed them."""
        return frozenset(filter(None, (part.strip() for part in self.unreviewed_locales.split(","))))

    @property
    def database(self) -> str:
        """The database's address, for SQLAlchemy; `postgresql://` means psycopg 3 there."""
        return self.database_url.get_secret_value() or f"sqlite:///{self.data_dir.resolve() / 'course.db'}"

    @property
    def sendgrid_host(self) -> str:
        """The address of SendGrid's API, without a slash at its end."""
        return (self.sendgrid_base_url or SENDGRID_HOSTS[self.sendgrid_region]).rstrip("/")

    @property
    def sqlite(self) -> bool:
        """Whether the database is a file of SQLite: one clock, and only on this machine."""
        return self.database.startswith("sqlite")

    @property
    def database_file(self) -> Path:
        """SQLite's file: the database's address without what is said to the driver."""
        return Path(self.database.removeprefix("sqlite:///").partition("?")[0])

    @property
    def replies_at(self) -> str:
        """Where replies come to: a domain with all its addresses, or one mailbox with all behind its plus."""
        return self.reply_address.strip().lower() or self.reply_domain

    @property
    def replies_domain(self) -> str:
        """The domain of every address of ours that is answered to."""
        return self.replies_at.rpartition("@")[2]

    @property
    def own(self) -> frozenset[str]:
        """Whose mail is our own, and who cannot subscribe: our domains; of a mail house's domain, our inboxes alone."""
        if self.reply_address:
            return frozenset(map(inbox, (self.mail_from, self.reply_address)))
        return frozenset({self.mail_domain, self.reply_domain})

    @property
    def mail_domain(self) -> str:
        """The domain of our own Message-IDs: that of the From address."""
        return self.mail_from.rpartition("@")[2]


def load(**given: object) -> Settings:
    """Read the environment and .env; make the data folder and, once, its secret key.

    `given` values win over both (tests and the command line use them).
    Raises SettingsError with one line per problem: the setting's name and what to put.
    """
    try:
        misspelt = settings_rules.misspelt(dotenv_values(".env", encoding="utf-8"), Settings.model_fields)
        settings = Settings(**given)  # type: ignore[arg-type]  # pydantic checks each of them
    except ValidationError as error:
        raise SettingsError("\n".join(settings_rules.problems(error))) from None
    except UnicodeDecodeError:
        raise SettingsError("The file .env cannot be read: save it as UTF-8") from None
    except OSError as error:
        raise SettingsError(
            f"The file {error.filename} cannot be read ({error.strerror}): it must belong to the service's user"
        ) from None
    if misspelt:
        raise SettingsError("\n".join(misspelt))
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        secret = settings.secret_key.get_secret_value() or _kept_secret(settings.data_dir / "secret.key")
    except OSError as error:
        raise SettingsError(f"DATA_DIR: {settings.data_dir} cannot be used ({error.strerror})") from None
    return settings.model_copy(update={"secret_key": SecretStr(secret)})


def _kept_secret(path: Path) -> str:
    """Return the secret in its owner's file, made on the first start. Raises SettingsError where a full disk cut it."""
    if not path.exists():
        write_new(path, secrets.token_urlsafe(48).encode() + b"\n")
    secret = path.read_text().strip()
    if len(secret) < settings_rules.SHORTEST_SECRET:
        raise SettingsError(f"SECRET_KEY: {path} holds no key; put it back from your copy, or delete it if this is new")
    return secret
