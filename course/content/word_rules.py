"""In charge of what words/<locale>.toml must be like: the same keys in each, text everywhere, clear commands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from course.content import dates, slots, word_slots
from course.content.command_words import ARGUMENTS, Phrases
from course.content.locales import REVIEWED
from course.content.sources import Problem
from course.content.written import markers, unknown_slots

COMMANDS = tuple(ARGUMENTS)
SLOT = re.compile(r"\{([a-z]+)\}")
TABLE = re.compile(r"\[[\w.-]+\]")
Keys = tuple[str, ...]  # of keys: ("pages", "sent", "title")


@dataclass(frozen=True)
class Words:
    """One locale's file and what it holds."""

    path: Path
    table: Mapping[str, Any]

    def problem(self, where: Keys, say: str, *, near: str = "") -> Problem:
        """Return a mistake at the line of this key, or at the line after it that holds `near`."""
        lines = self.path.read_text(encoding="utf-8").splitlines()
        first = _line(lines, where)
        exact = next((number for number, line in enumerate(lines[first - 1 :], first) if near in line), first)
        return Problem(self.path, exact, f"{'.'.join(where)}: {say}")


def problems(files: list[Words]) -> Iterator[Problem]:
    """Yield every mistake in these files; the first one is what the others are compared with."""
    lost = _lost(files)
    yield from (replace(files[0].problem(where, "write it here; all others have it"), warning=True) for where in lost)
    for words in files:
        yield from lacking(words, files[0]) if words is not files[0] else _without_words(words)
        yield from _too_many(words, files[0], lost)
        for compared in (_commands, _mail_slots):
            yield from compared(words, files[0])
        for rule in (_only_text, _arguments, _yes_and_no, _dates):
            yield from rule(words)
        text = words.path.read_text(encoding="utf-8")
        yield from (Problem(words.path, line, say) for line, say in markers(text))


def lacking(words: Words, first: Words) -> Iterator[Problem]:
    """Yield a warning for every word that the first one has and this one lacks: there it stands in."""
    for where in sorted(_keys(first.table) - _keys(words.table)):
        yield replace(words.problem(where, f"write it here too; {first.path.name} has it"), warning=True)
    yield from (replace(problem, warning=True) for problem in _without_words(words))


def _lost(files: list[Words]) -> list[Keys]:
    """Return what several others have, and the first one alone lacks: it was lost there."""
    others = [_keys(words.table) for words in files[1:]]
    return sorted(set.intersection(*others) - _keys(files[0].table)) if len(others) > 1 else []


def _too_many(words: Words, first: Words, lost: list[Keys]) -> Iterator[Problem]:
    """Yield a warning for every word that the first one lacks: nobody reads it."""
    for where in sorted(_keys(words.table) - _keys(first.table) - set(lost)):
        yield replace(words.problem(where, f"take it out, or write it in {first.path.name} too"), warning=True)


def _without_words(words: Words) -> Iterator[Problem]:
    """Yield the commands that nobody could say."""
    table = words.table.get("commands")
    for command in COMMANDS:
        said = table.get(command) if isinstance(table, dict) else None
        if not said or not isinstance(said, list):
            say = f'write the words that mean it, like {command} = ["{command.lower()}"]'
            yield words.problem(("commands", command), say)


def _only_text(words: Words) -> Iterator[Problem]:
    for where, value in _leaves(words.table):
        if not isinstance(value, str):
            yield words.problem(where, "write it as text, in double quotes")


def _commands(words: Words, first: Words) -> Iterator[Problem]:
    table = words.table.get("commands")
    phrases = table if isinstance(table, dict) else {}
    owner: dict[str, str] = {}
    for command in (*COMMANDS, *(name for name in phrases if name not in COMMANDS)):
        where = ("commands", command)
        said = phrases.get(command)
        if command not in COMMANDS:
            say = f"no command is called so; write one of {', '.join(COMMANDS)}"
            yield replace(words.problem(where, say), warning=words is not first)
        for phrase in map(str, said if isinstance(said, list) else ()):
            small = " ".join(phrase.casefold().split())
            taken = owner.setdefault(small, command)
            if taken != command:
                yield words.problem(where, f"“{phrase}” means {taken} already; choose one", near=f'"{phrase}"')
            if phrase != small:
                yield words.problem(
                    where, f"write “{small}”; replies are compared in small letters", near=f'"{phrase}"'
                )


def _arguments(words: Words) -> Iterator[Problem]:
    """Yield phrases with slots that their command does not take, and with slots that make them another one's."""
    table = words.table.get("commands")
    said = {name: some for name, some in (table or {}).items() if name in ARGUMENTS and isinstance(some, list)}
    for name, known in ARGUMENTS.items():
        slots_of = {phrase: set(SLOT.findall(str(phrase))) for phrase in said.get(name, ())}
        where = ("commands", name)
        for phrase, found in slots_of.items():
            near = f'"{phrase}"'
            for slot in sorted(found - known):
                yield words.problem(where, f"{{{slot}}} is nothing that can be said with {name}", near=near)
            if name == "TIME" and not found:
                yield words.problem(where, f"write {{hour}} in “{phrase}”: TIME alone asks for nothing", near=near)
        for slot in sorted(known - set().union(*slots_of.values())) if slots_of else ():
            yield words.problem(where, f"write a phrase with {{{slot}}}")
    try:
        phrases = Phrases.of(words.table)
    except (KeyError, TypeError, ValueError):
        return  # a word is missing, which another rule tells
    for name, some in said.items():
        for phrase in map(str, some):
            meant = phrases.meanings(SLOT.sub(lambda slot: phrases.example(slot[1]), phrase))
            # The same phrase twice is told elsewhere.
            for other in sorted(other for other in meant - {name} if phrase not in said[other]):
                where = ("commands", name)
                yield words.problem(where, f"“{phrase}” means {other} already; choose one", near=f'"{phrase}"')


def _yes_and_no(words: Words) -> Iterator[Problem]:
    """Yield words for yes that are words for no, and words that cannot be compared."""
    replies = words.table.get("replies")
    said = {key: replies.get(key) for key in ("yes", "no")} if isinstance(replies, dict) else {}
    for key, some in said.items():
        for phrase in map(str, some if isinstance(some, list) else ()):
            if phrase != " ".join(phrase.casefold().split()):
                yield words.problem(("replies", key), f"write “{phrase}” in small letters", near=f'"{phrase}"')
            if key == "no" and isinstance(said["yes"], list) and phrase in said["yes"]:
                yield words.problem(("replies", key), f"“{phrase}” means yes already; choose one", near=f'"{phrase}"')


def _mail_slots(words: Words, first: Words) -> Iterator[Problem]:
    """Yield slots without a value, in the words that are read."""
    mail, read = words.table.get("mail"), first.table.get("mail")
    if not (isinstance(mail, dict) and isinstance(read, dict)):
        return
    for key, said in mail.items():
        if isinstance(said, str) and key in read:
            found = unknown_slots(said, word_slots.MAY.get(key, slots.FIXED), 1)
            yield from (words.problem(("mail", key), say) for _, say in found)
        if isinstance(said, str) and key in word_slots.MUST and f"{{{word_slots.MUST[key]}}}" not in said:
            yield words.problem(("mail", key), f"write {{{word_slots.MUST[key]}}} in it; without it, it is not told")


def _dates(words: Words) -> Iterator[Problem]:
    """Yield a pattern for days that makes no day."""
    table = words.table.get("dates")
    said = table.get("day") if isinstance(table, dict) else None
    if isinstance(said, str) and not dates.makes_a_day(said):
        yield words.problem(("dates", "day"), "write EEEE for the weekday, d for the day, MMMM for the month")


def _keys(table: Mapping[str, Any]) -> set[Keys]:
    """Return every key but the commands', which have their own rule, and who has reviewed them."""
    return {where for where, _ in _leaves(table) if where[0] not in {"commands", REVIEWED}}


def _leaves(value: Any, where: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """Yield whatever is no table and no list, with the keys that lead to it; the items of a list share theirs."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, (*where, key))
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, where)
    else:
        yield where, value


def _line(lines: list[str], where: Keys) -> int:
    """Return the line of a key, or of the nearest table around it that the file has."""
    for depth in range(len(where) - 1, -1, -1):
        header = f"[{'.'.join(where[:depth])}]"
        start = next((at for at, line in enumerate(lines) if line.strip() == header), None) if depth else -1
        if start is None:
            continue
        for number in range(start + 1, len(lines)):
            if re.match(rf'\s*"?{re.escape(where[depth])}"?\s*=', lines[number]):
                return number + 1
            if TABLE.fullmatch(lines[number].strip()):
                break
        if depth:
            return start + 1
    return 1
