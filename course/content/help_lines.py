"""In charge of help lines: by country, printed only while somebody's own check of them is fresh."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from babel.core import get_global

from course.content.mailing import in_html
from course.content.sources import ContentError, Problem, read_toml

FRESH = timedelta(days=180)
GROUPS = ("phone", "written", "young", "deaf")
EVERYONE = "everyone"
AUDIENCES = {"young people": "young", "deaf": "deaf"}  # everyone's rows are told apart by how they are reached
WAYS = ("call", "text", "email", "videophone", "relay")  # of reaching one: what `how` may say
# In a line that runs from the right "116 123" would be shown as "123 116": from the left, whatever stands around it.
FROM_LEFT = "\u2066{}\u2069"
# What a tap opens, by how a line is reached: a call or a message (RFC 3966, RFC 5724), the word to send already in it.
NUMBER = r"(?P<number>\+?\d[\d ()-]*)"
SCHEMES = {
    "call": (re.compile(NUMBER), "tel:{number}"),
    "text": (re.compile(rf"(?:(?P<word>[A-Z]+) to )?{NUMBER}"), "sms:{number}{body}"),
}
ADDRESS = re.compile(r"(https://[^\s<>()\[\]\"]*[^\s<>()\[\]\".,;:!?])")
LINK = '<a href="{}" style="color: inherit">{}</a>'  # in a colour of its surroundings: no style sheet is inlined here


@dataclass(frozen=True)
class HelpLine:
    """One row of help_lines.toml. `verified_on` is None until the operator has checked it."""

    country: str
    name: str
    how: str
    contact: str
    hours: str
    audience: str
    verified_on: date | None

    def fresh(self, today: date) -> bool:
        """Whether it may be printed: checked by somebody, at most 180 days ago."""
        return self.verified_on is not None and today - self.verified_on <= FRESH

    @property
    def reach(self) -> str:
        """What a tap on the contact opens, or "" where it is more than a number or an address."""
        if self.how == "email":
            return f"mailto:{self.contact}"
        pattern, address = SCHEMES.get(self.how, (None, ""))
        found = pattern.fullmatch(self.contact) if pattern else None
        said = found.groupdict() if found else {}
        body = f"?body={said['word']}" if said.get("word") else ""
        return address.format(number=re.sub(r"[^\d+]", "", said["number"]), body=body) if said else ""

    def said(self, words: Mapping[str, str], *, rtl: bool = False) -> str:
        """Return the row as it is printed, how it is reached in a locale's words."""
        before, contact, after = self._parts(words, rtl=rtl)
        return f"{before}{contact}{after}"

    def shown(self, words: Mapping[str, str], *, rtl: bool = False) -> str:
        """Return the row as HTML: what is said, and what can be tapped is a link."""
        before, contact, after = self._parts(words, rtl=rtl)
        link = LINK.format(in_html(self.reach), in_html(contact)) if self.reach else linked(contact)
        return f"{in_html(before)}{link}{in_html(after)}"

    def _parts(self, words: Mapping[str, str], *, rtl: bool) -> tuple[str, str, str]:
        how = words.get(f"help_{self.how}", self.how)
        contact = FROM_LEFT.format(self.contact) if rtl and self.contact else self.contact
        before = f"{self.name}: {how}" + (" " if how and contact else "")
        return before, contact, f" ({self.hours})" if self.hours else ""


def load(path: Path) -> tuple[HelpLine, ...]:
    """Read the data file. Raises ContentError for a table that is no list of rows, or a day that is none."""
    found = []
    for country, rows in read_toml(path).items():
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ContentError([Problem(path, 1, f"{country}: write [[{country}]] above each of its rows")])
        found += [_row(path, country, row) for row in rows]
    return tuple(found)


@lru_cache(1024)
def country_of(timezone: str) -> str:
    """Return the country (ISO 3166) that a time zone lies in, or ""."""
    known = get_global("zone_aliases").get(timezone, timezone)
    country = str(get_global("zone_territories").get(known, ""))
    return "" if country in {"001", "ZZ"} else country


def country_for(chosen: str | None, timezone: str) -> str:
    """Return whose help lines somebody gets: of the country that they chose, else of the one that they live by."""
    return chosen or country_of(timezone)


def block(
    lines: tuple[HelpLine, ...], words: Mapping[str, str], country: str, today: date, *, rtl: bool = False
) -> str:
    """Return what every mail prints, a line each: the country's checked rows, or what holds everywhere."""
    rows = [line.said(words, rtl=rtl) for line in _checked(lines, country, today)]
    return "\n".join([words["help_intro"], words["help_emergency"], *rows, words["help_directory"]])


def block_html(
    lines: tuple[HelpLine, ...], words: Mapping[str, str], country: str, today: date, *, rtl: bool = False
) -> str:
    """Return the same as HTML, in which whatever leads to somebody is a link."""
    rows = [line.shown(words, rtl=rtl) for line in _checked(lines, country, today)]
    first, last = (linked(words[key]) for key in ("help_emergency", "help_directory"))
    return "<br>".join([in_html(words["help_intro"]), first, *rows, last])


def linked(text: str) -> str:
    """Return a text as HTML in which each address on the web is a link."""
    pieces = ADDRESS.split(text)
    pieces[::2] = map(in_html, pieces[::2])
    pieces[1::2] = [LINK.format(in_html(address), in_html(address)) for address in pieces[1::2]]
    return "".join(pieces)


def groups(lines: tuple[HelpLine, ...], country: str, today: date) -> dict[str, list[HelpLine]]:
    """Return a country's checked rows by whom they are for and how they are reached: see GROUPS."""
    rows = _checked(lines, country, today)
    return {group: [line for line in rows if _group(line) == group] for group in GROUPS}


def day_of(said: object) -> date | None:
    """Return a day as a row says it, or None. A datetime is a date to Python, but cannot be compared with one."""
    if type(said) is date:
        return said
    try:
        return date.fromisoformat(said) if isinstance(said, str) else None
    except ValueError:
        return None


def _checked(lines: tuple[HelpLine, ...], country: str, today: date) -> list[HelpLine]:
    return [line for line in lines if line.country == country and line.fresh(today)]


def _group(line: HelpLine) -> str:
    if line.audience in AUDIENCES:
        return AUDIENCES[line.audience]
    return "phone" if line.how == "call" else "written"


def _row(path: Path, country: str, row: dict[str, Any]) -> HelpLine:
    said = row.get("verified_on")
    verified = day_of(said)
    if said and verified is None:
        say = f"[{country}] {row.get('name')}: write verified_on as YYYY-MM-DD"
        raise ContentError([Problem(path, 1, say)])
    text = {key: str(row.get(key, "")) for key in ("name", "how", "contact", "hours", "audience")}
    return HelpLine(country, verified_on=verified, **text)
