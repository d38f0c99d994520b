"""In charge of what a visitor types about themselves: one strict reading of an address; a name that is only a name."""

from __future__ import annotations

import re
import unicodedata

from email_validator import EmailNotValidError, validate_email

LONGEST_NAME = 80  # characters
LONGEST_LOCAL = 64  # characters, RFC 5321 section 4.5.3.1.1
ROLES = frozenset(
    {"abuse", "admin", "bounce", "hostmaster", "mailer-daemon", "no-reply", "noc", "noreply", "postmaster", "root"}
    | {"security", "spam", "webmaster"}
)
# Mail houses that ignore dots in the local part, so that one inbox has many spellings.
DOTLESS = frozenset({"gmail.com"})
SAME_HOUSE = {"googlemail.com": "gmail.com"}


class AddressError(ValueError):
    """The address cannot be used; `reason` is a key of the words under [pages.errors]."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def parse(typed: str, own: frozenset[str] = frozenset()) -> str:
    """Return the one address in `typed`, its domain in ASCII lower case (IDNA 2008).

    Exactly one dot-atom local part and a domain with a dot; no display name, comment, quotes or IP address (RFC 5321
    section 4.1.2 allows more than mail houses do). Raises AddressError.
    """
    typed = typed.strip()
    if not typed:
        raise AddressError("email_missing")
    if any(unicodedata.category(char) in {"Cc", "Cf", "Zl", "Zp"} for char in typed):
        raise AddressError("email_wrong")
    try:
        # A non-ASCII local part would need SMTPUTF8 all the way to the inbox: refused, never mangled.
        valid = validate_email(typed, check_deliverability=False, allow_smtputf8=False, allow_domain_literal=False)
    except EmailNotValidError:
        raise AddressError("email_wrong") from None
    local, domain = valid.local_part, (valid.ascii_domain or "").lower()
    if len(local) > LONGEST_LOCAL:
        raise AddressError("email_wrong")
    if local.lower() in ROLES:
        raise AddressError("email_role")
    if domain in own or inbox(f"{local}@{domain}") in own:
        raise AddressError("email_ours")
    return f"{local}@{domain}"


def key(address: str) -> str:
    """Return what makes two spellings one subscriber: nothing but letter case."""
    return address.casefold()


def inbox(address: str) -> str:
    """Return what makes several addresses one inbox, for limits only: no +tag, no dots where they mean nothing."""
    local, _, domain = key(address).rpartition("@")
    domain = SAME_HOUSE.get(domain, domain)
    local = local.partition("+")[0]
    return f"{local.replace('.', '') if domain in DOTLESS else local}@{domain}"


def clean_name(typed: str) -> str:
    """Return a name that is safe to greet with, or "" for what is not a name.

    NFC, single spaces, no control or direction characters, no comma or colon at its end, where the greeting has one;
    links, addresses, overlong texts and bare punctuation ("-") are no names.
    Raises ValueError for line breaks and other control characters: no browser's one-line field sends them.
    """
    if any(unicodedata.category(char) in {"Cc", "Zl", "Zp"} for char in typed):
        raise ValueError("a name has no line breaks")
    kept = "".join(char for char in typed if unicodedata.category(char) not in {"Cf", "Cs", "Co", "Cn"})
    name = " ".join(unicodedata.normalize("NFC", kept).split()).rstrip(" ,;:،؛")
    if not any(unicodedata.category(char)[0] in "LN" or unicodedata.category(char) == "So" for char in name):
        return ""
    if len(name) > LONGEST_NAME or re.search(r"@|://|www\.|\.\w{2,}/", name, re.IGNORECASE):
        return ""
    return name
