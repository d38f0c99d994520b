"""In charge of resources: exercises to listen to and to read, each a folder of a course with its manifest and texts.

A file is served because a manifest names it, and is looked at here once, so no request ever says where a file is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course.content import sources
from course.content.sources import ContentError, Problem, Section, is_whole, toml_line

FOLDER = "resources"
MANIFEST = "resource.toml"
REFERENCES = "references.toml"
ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
AUDIO = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,80}\.mp3")  # a name, never a path
LONGEST_TEXT = 64 * 1024  # bytes of a text or manifest
LONGEST_AUDIO = 64 * 1024 * 1024  # bytes: more than an hour of speech
MOST_MINUTES = 120  # of an exercise, or a lesson
WORDS, LISTS = ("title", "summary", "guidance"), ("tags", "techniques")


@dataclass(frozen=True)
class Script:
    """One exercise in one locale. `introduction` and the sections are Markdown.

    `audio` is there or None; so is `pdf`, which is made of the rest.
    """

    title: str
    summary: str
    guidance: str
    tags: tuple[str, ...]
    techniques: tuple[str, ...]
    introduction: str
    sections: tuple[Section, ...]
    audio: Path | None
    pdf: Path | None


@dataclass(frozen=True)
class Resource:
    """One exercise. `references` are whole citations; `scripts` go by locale, that of the course's first one first."""

    id: str
    minutes: int
    references: tuple[str, ...]
    scripts: Mapping[str, Script]

    @property
    def locales(self) -> tuple[str, ...]:
        """The locales in which it is written."""
        return tuple(self.scripts)

    def locale(self, wanted: str) -> str:
        """Return the wanted locale if it is written in it, else its first one."""
        return wanted if wanted in self.scripts else self.locales[0]

    def script(self, wanted: str) -> Script:
        """Return it in this locale, or in the one that stands in for it."""
        return self.scripts[self.locale(wanted)]


def read_all(course: Path, locales: tuple[str, ...]) -> dict[str, Resource]:
    """Read the resources of a course's folder. Raises ContentError with every mistake in them."""
    found: dict[str, Resource] = {}
    problems: list[Problem] = []
    for folder in sorted(path for path in (course / FOLDER).glob("*") if path.is_dir() or path.is_symlink()):
        try:
            found[folder.name] = read(folder, locales)
        except ContentError as error:
            problems += error.problems
    if problems:
        raise ContentError(problems)
    return found


def read(folder: Path, locales: tuple[str, ...]) -> Resource:
    """Read one resource. Raises ContentError with every mistake in its folder."""
    path = folder / MANIFEST
    wrong = list(_unsafe(folder, path))
    if wrong:
        raise ContentError(wrong)
    table = sources.read_toml(path)
    written = tuple(locale for locale in locales if (folder / f"{locale}.md").exists() or locale == locales[0])
    # The file of what may be cited is needed only where something is.
    citations = sources.read_toml(folder.parents[3] / REFERENCES) if table.get("references") else {}
    wrong = [Problem(path, toml_line(path, key), f"{key}: {say}") for key, say in _mistakes(table, written, citations)]
    audio = {locale: _audio(folder, locale, table) for locale in written}
    wrong += [one for one in audio.values() if isinstance(one, Problem)]
    texts = {locale: folder / f"{locale}.md" for locale in written}
    wrong += [problem for text in texts.values() for problem in _unsafe(folder, text)]
    if wrong:
        raise ContentError(wrong)
    scripts = {locale: _script(folder, locale, table, audio[locale]) for locale in written}
    return Resource(folder.name, table["minutes"], tuple(citations[key] for key in table["references"]), scripts)


def _script(folder: Path, locale: str, table: Mapping[str, Any], audio: Path | Problem | None) -> Script:
    sections = sources.sections((folder / f"{locale}.md").read_text(encoding="utf-8-sig"), 1)
    pdf = folder / f"{locale}.pdf"
    return Script(
        title=table["title"][locale],
        summary=table["summary"][locale],
        guidance=table["guidance"][locale],
        tags=tuple(table["tags"][locale]),
        techniques=tuple(table["techniques"][locale]),
        introduction=sections[0].markdown,
        sections=tuple(sections[1:]),
        audio=audio if isinstance(audio, Path) else None,
        pdf=pdf if pdf.is_file() and not pdf.is_symlink() else None,
    )


def _unsafe(folder: Path, path: Path) -> Iterator[Problem]:
    """Yield why a text of this folder is not read: it leads elsewhere, has a strange name, is too long or no UTF-8."""
    if not ID.fullmatch(folder.name):
        yield Problem(folder, 1, "name this folder with small letters, figures and hyphens, like feet-on-the-floor")
    elif any(one.is_symlink() for one in (folder.parent, folder, path)):
        yield Problem(path, 1, "put the real thing here: what a symbolic link leads to is not served")
    elif not path.is_file():
        yield Problem(path, 1, "this file is missing: write it")
    elif path.stat().st_size > LONGEST_TEXT:
        yield Problem(path, 1, f"shorten this file to {LONGEST_TEXT // 1024} KB")
    else:
        try:
            path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            yield Problem(path, 1, "save this file as UTF-8")


def _mistakes(
    table: Mapping[str, Any], written: tuple[str, ...], citations: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    if not is_whole(table.get("minutes"), 1, MOST_MINUTES):
        yield "minutes", f"write a whole number from 1 to {MOST_MINUTES}"
    cited = table.get("references")
    if not isinstance(cited, list):
        yield "references", f"write the names of what it rests on from {REFERENCES}, or [] for none"
    for key in cited if isinstance(cited, list) else ():
        if not isinstance(citations.get(str(key)), str):
            yield "references", f"{key} is not in {REFERENCES}; cite only what stands there"
    for key in (*WORDS, *LISTS):
        said = table.get(key)
        for locale in written:
            value = said.get(locale) if isinstance(said, dict) else None
            if not _fits(value, whole=key in WORDS):
                example = '"…"' if key in WORDS else '["…"]'
                yield key, f"write the line {locale} = {example} under [{key}]"


def _fits(value: object, *, whole: bool) -> bool:
    parts = [value] if whole else value
    return isinstance(parts, list) and bool(parts) and all(isinstance(part, str) and part.strip() for part in parts)


def _audio(folder: Path, locale: str, table: Mapping[str, Any]) -> Path | Problem | None:
    """Return the recording of a locale, None where there is none, or what is wrong with it."""
    known = table.get("audio", {})
    name = known.get(locale) if isinstance(known, dict) else known
    if name is None:
        return None
    path = folder / str(name)
    say = ""
    if not isinstance(name, str) or not AUDIO.fullmatch(name):
        say = "write the name of an MP3 file in this folder, like en-GB.mp3; name it with the letters a to z, figures"
        path, say = folder / MANIFEST, f"{say}, - and _ alone, and .mp3 in small letters"
    elif path.is_symlink():
        say = "put the real file here: what a symbolic link leads to is not served"
    elif not path.is_file():
        say = f"this file is missing: put the recording here, or take {name} out of {MANIFEST}"
    elif path.stat().st_size > LONGEST_AUDIO:
        say = f"make this recording smaller than {LONGEST_AUDIO // 1024**2} MB"
    elif not _mp3(path):
        say = "save this recording as MP3; whatever its name is, it is something else"
    return Problem(path, toml_line(path, "audio") if path.name == MANIFEST else 1, say) if say else path


def _mp3(path: Path) -> bool:
    """Whether this begins as an MP3 does: with an ID3v2 tag, or with the sync word of an MPEG layer III frame."""
    with path.open("rb") as file:
        head = file.read(3)
    return head == b"ID3" or (head[:1] == b"\xff" and len(head) > 1 and head[1] & 0xE6 == 0xE2)  # noqa: PLR2004
