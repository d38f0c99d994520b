"""In charge of what a first line asks for: which command it is, and for how long, until when or at what hour.

All words are a locale's own: [commands] and [replies] of words/<locale>.toml. A line counts only as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from course.content.courtesy import Courtesy, either, trimmed

# Each command, and what may be said with it: the slots of its phrases.
ARGUMENTS: Mapping[str, frozenset[str]] = {
    "STOP": frozenset(),
    "PAUSE": frozenset({"days", "weeks", "weekday"}),
    "RESUME": frozenset(),
    "NEXT": frozenset(),
    "SKIP": frozenset(),
    "AGAIN": frozenset(),
    "DONE": frozenset(),
    "HELP": frozenset(),
    "DELETE": frozenset(),
    "TIME": frozenset({"hour"}),
    "LETTER": frozenset({"months"}),
    "OPEN": frozenset(),
    "LATER": frozenset(),
    "ERASE": frozenset(),
    "JOIN": frozenset(),
    "PLAIN": frozenset(),
    "LINKS": frozenset(),
    "CHECKIN": frozenset({"felt"}),
    "PACE": frozenset({"pace"}),
    "LANGUAGE": frozenset({"language"}),
    "ZONE": frozenset({"place"}),
    "SETTINGS": frozenset(),
    "EXERCISE": frozenset(),
}
# Slots in which one of a few things may stand, and the table of [replies] with the words for each.
CHOICES = {"felt": "felt", "pace": "paces", "language": "languages"}
# Which places there are is looked up later, so that a slip is answered. Four words are a name, more are a sentence.
PLACE = r"(?P<place>[^\W\d_][\w/'\u2019.,+-]*(?: [\w/'\u2019.,+-]+){0,3})"
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
HOURS = ("am", "pm", "oclock", "noon", "midnight")
LETTER_MONTHS = (1, 3, 6)  # with any other number nothing is kept to come back, and its writer hears which there are
LONGEST_PAUSE = 365  # days; whoever asks for more, or for none, gets a pause that ends when they say so
NOON = 12
SLOT = re.compile(r"\\\{([a-z]+)\\\}")  # in a phrase that has been escaped


@dataclass(frozen=True)
class Command:
    """One command. `weekday` counts from Monday, 0; `hour` is 0..23, or None where TIME asks for no whole hour.

    A PAUSE without days and weekday is open, a LETTER without months is not kept.

    `chosen` is the key of what stands in a slot of CHOICES; `place` is as it was written, in small letters.
    """

    name: str
    days: int | None = None
    weekday: int | None = None
    hour: int | None = None
    months: int | None = None
    chosen: str | None = None
    place: str | None = None


@dataclass(frozen=True)
class Phrases:
    """The words of one locale, ready to be compared with a first line."""

    plain: Mapping[str, str]  # phrase: command
    open: tuple[tuple[str, re.Pattern[str]], ...]  # command, and a phrase of it with slots
    courtesy: Courtesy
    numbers: Mapping[str, int]
    weekdays: Mapping[str, int]
    hours: Mapping[str, frozenset[str]]
    chosen: Mapping[str, Mapping[str, str]]  # slot of CHOICES: what is said for it, and the key that this means
    yes: frozenset[str] = field(default_factory=frozenset)
    no: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def of(cls, words: Mapping[str, Any]) -> Phrases:
        """Read them from a locale's table. Raises KeyError for one that is missing; `course check` says which."""
        replies = words["replies"]
        numbers = {trimmed(said): int(number) for number, some in replies["numbers"].items() for said in some}
        weekdays = {trimmed(said): place for place, day in enumerate(WEEKDAYS) for said in replies["weekdays"][day]}
        hours = {part: frozenset(map(trimmed, replies["hours"][part])) for part in HOURS}
        chosen = {slot: _keys(replies[table]) for slot, table in CHOICES.items()}
        number = rf"[0-9]{{1,3}}|{either(numbers)}"
        months = either(
            {str(month) for month in LETTER_MONTHS} | {said for said, n in numbers.items() if n in LETTER_MONTHS}
        )
        slots = {
            "months": f"(?:(?P<months>{months})|(?:{number}))",
            "days": f"(?P<days>{number})",
            "weeks": f"(?P<weeks>{number})",
            "weekday": f"(?:(?P<weekday>{either(weekdays)})|{_date(replies['months'])})",
            "hour": _hour(hours),
            "place": PLACE,
            **{slot: f"(?P<{slot}>{either(said)})" for slot, said in chosen.items()},
        }
        said = [(name, trimmed(phrase)) for name in ARGUMENTS for phrase in words["commands"][name]]
        return cls(
            plain={phrase: name for name, phrase in reversed(said)},
            open=tuple((name, _pattern(phrase, slots)) for name, phrase in said if "{" in phrase),
            courtesy=Courtesy.of(replies["courtesy"]),
            numbers=numbers,
            weekdays=weekdays,
            hours=hours,
            chosen=chosen,
            # What stands on the buttons may be typed, too.
            yes=frozenset(map(trimmed, [*replies["yes"], words["pages"]["confirm"]["button"]])),
            no=frozenset(map(trimmed, [*replies["no"], words["pages"]["confirm"]["not_me_button"]])),
        )

    def command(self, line: str) -> Command | None:
        """Return the command that this whole line is; courtesy at its ends changes nothing."""
        for said in self.courtesy.readings(line):
            if said in self.plain:
                return Command(self.plain[said])
            for name, phrase in self.open:
                found = phrase.fullmatch(said)
                if found:
                    return self._with_arguments(name, found.groupdict())
        asked, colon, _ = line.partition(":")
        headed = self.command(asked) if colon else None
        return Command("LETTER") if headed and headed.name == "LETTER" else None  # a letter on the line that asks

    def meanings(self, said: str) -> set[str]:
        """Return every command that a phrase means, for whoever checks that it means one."""
        said = trimmed(said)
        return {self.plain.get(said, ""), *(name for name, phrase in self.open if phrase.fullmatch(said))} - {""}

    def example(self, slot: str) -> str:
        """Return a word that may stand in this slot."""
        some = self.weekdays if slot == "weekday" else self.chosen.get(slot, ())
        return next(iter(some), {"months": "3", "place": "london"}.get(slot, "7"))

    def says_yes(self, line: str) -> bool:
        """Whether this whole line is a yes."""
        return not self.yes.isdisjoint(self.courtesy.readings(line))

    def says_no(self, line: str) -> bool:
        """Whether this whole line is a no, or asks to stop."""
        found = self.command(line)
        return not self.no.isdisjoint(self.courtesy.readings(line)) or (found is not None and found.name == "STOP")

    def _with_arguments(self, name: str, given: Mapping[str, str | None]) -> Command:
        days = self._number(given.get("days")) or 7 * self._number(given.get("weeks"))
        weekday = given.get("weekday")
        return Command(
            name,
            days if 1 <= days <= LONGEST_PAUSE else None,
            self.weekdays[weekday] if weekday else None,
            self._whole_hour(given) if "hour" in given else None,
            self._number(given.get("months")) or None,
            next((self.chosen[slot][said] for slot, said in given.items() if said and slot in CHOICES), None),
            self.courtesy.bare(given.get("place") or "") or None,  # where any word may stand, a courtesy may, too
        )

    def _number(self, said: str | None) -> int:
        return self.numbers.get(said or "", 0) or int(said if said and said.isdecimal() else 0)

    def _whole_hour(self, given: Mapping[str, str | None]) -> int | None:
        """Return 19 for 19, 19:00, 7pm; 0 for 12am; None for 7:30, 25 or 13pm."""
        named = given.get("named")
        if named:
            return NOON if named in self.hours["noon"] else 0
        hour, half = int(given["hour"] or 0), given.get("half")
        if int(given.get("minutes") or 0):
            return None
        if not half:
            return hour if hour in range(24) else None
        return hour % NOON + NOON * (half in self.hours["pm"]) if 1 <= hour <= NOON else None


def named(words: Mapping[str, Any], command: str, slot: str, keys: Iterable[str]) -> str:
    """Return the words for a command with each of these choices, as a mail shows them: PACE DAILY · PACE MY OWN."""
    phrase, table, form = words["commands"][command][0], words["replies"][CHOICES[slot]], words["mail"]["named"]
    said = (table.get(key, [key])[0] for key in keys)
    return " · ".join(form.replace("{words}", phrase.replace(f"{{{slot}}}", one).upper()) for one in said)


def first(phrases: Iterable[Phrases], line: str) -> Command | None:
    """Return the command that a line is in the first of these locales in which it is one."""
    return next((found for one in phrases if (found := one.command(line))), None)


def _keys(table: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Return the key of each thing that may be said; a key says itself, as a language without a name here does."""
    said = {trimmed(one): key for key, some in table.items() for one in some}
    return said | {trimmed(key): key for key in table}


def _pattern(phrase: str, slots: Mapping[str, str]) -> re.Pattern[str]:
    return re.compile(SLOT.sub(lambda found: slots[found[1]], re.escape(phrase)))


def _date(months: Iterable[str]) -> str:
    """Return the pattern of a date, however it is written: figures or a month, and little words between."""
    month = rf"\w?(?:{either(map(trimmed, months))})"
    word = rf"(?:[0-9]{{1,4}}\w{{0,2}}|{month}|\w{{1,3}})"
    return rf"(?=[^\n]*(?:[0-9]|\b{month}\b)){word}(?:[ ,./-]+{word}){{0,5}}"


def _hour(hours: Mapping[str, frozenset[str]]) -> str:
    half = rf"(?: ?(?P<half>{either(hours['am'] | hours['pm'])}))?"
    clock = rf"(?P<hour>[0-9]{{1,2}})(?:[:.h](?P<minutes>[0-9]{{2}}))?(?: ?(?:{either(hours['oclock'])}))?{half}"
    return f"(?:{clock}|(?P<named>{either(hours['noon'] | hours['midnight'])}))"
