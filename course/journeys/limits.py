"""In charge of limits at the door: so many sign-ups per window, counted in the database that all processes share."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select

from course.keys import Keys
from course.store.tables import limits

DAY = timedelta(days=1)
V6_HOME = 64  # bits: what one household or server gets


@dataclass(frozen=True)
class Limit:
    """At most `most` in any `window`."""

    name: str
    most: int
    window: timedelta


INBOX = (Limit("inbox-day", 1, DAY), Limit("inbox-month", 3, timedelta(days=30)))
NETWORK = (Limit("network", 5, timedelta(hours=1)),)
EVERYBODY = (Limit("everybody", 300, timedelta(minutes=10)),)
# Sign-ups by mail are counted for themselves, so that no flood of mail closes the page. Anybody can write anybody's
# address into a From line: where nothing proves it, a whole group may ask at once, but not a thousand strangers a day.
BY_MAIL = (Limit("by-mail", 300, timedelta(minutes=10)),)
UNPROVEN = (Limit("unproven", 40, timedelta(minutes=10)), Limit("unproven-day", 200, DAY))
MESSAGE = (Limit("message", 1, timedelta(days=30)),)  # the same mail once more is no second sign-up
REFUSED = (Limit("refused", 1, timedelta(days=30)),)  # "this was not me", of whoever has a course
LONGEST = max(limit.window for limit in (*INBOX, *NETWORK, *EVERYBODY, *BY_MAIL, *UNPROVEN, *MESSAGE, *REFUSED))


def place(tx: Connection, keys: Keys, rules: tuple[Limit, ...], who: str, now: datetime) -> datetime:
    """Return the first moment, from now on, at which one more is within all these limits. Takes nothing."""
    return max(_free(tx, _key(keys, rule, who), rule, now) for rule in rules)


def take(tx: Connection, keys: Keys, rules: tuple[Limit, ...], who: str, at: datetime) -> None:
    """Count one at this moment, which may lie ahead."""
    tx.execute(insert(limits), [{"key": _key(keys, rule, who), "at": at} for rule in rules])


def release(tx: Connection, keys: Keys, rules: tuple[Limit, ...], who: str) -> None:
    """Forget what was counted: the owner of the inbox has shown that they want our mail."""
    tx.execute(delete(limits).where(limits.c.key.in_([_key(keys, rule, who) for rule in rules])))


def forget(tx: Connection, now: datetime) -> None:
    """Erase what no limit looks at any more."""
    tx.execute(delete(limits).where(limits.c.at < now - LONGEST))


def network(address: str) -> str:
    """Return the network that counts as one visitor: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped or ipaddress.ip_network((parsed, V6_HOME), strict=False))
    return str(parsed)


def _key(keys: Keys, rule: Limit, who: str) -> str:
    return keys.hash(f"limit {rule.name}", who)


def _free(tx: Connection, key: str, rule: Limit, now: datetime) -> datetime:
    query = select(limits.c.at).where(limits.c.key == key).order_by(limits.c.at.desc())
    nth: datetime | None = tx.execute(query.limit(1).offset(rule.most - 1)).scalar()
    return max(now, nth + rule.window) if nth else now
