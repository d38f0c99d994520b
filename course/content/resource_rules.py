"""In charge of what a resource must be like: a name of its own, written in each locale, with a fresh PDF."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from course.content import body_rules, prose, resources
from course.content.courses import Course
from course.content.resources import Script
from course.content.sources import Problem, Section, Source
from course.content.written import Written


def problems(root: Path, known: Iterable[Course]) -> Iterator[Problem]:
    """Yield what is wrong with the resources of these courses, file by file."""
    seen: dict[str, str] = {}
    for course in known:
        for resource in course.resources.values():
            folder = root / "courses" / course.name / resources.FOLDER / resource.id
            path = folder / resources.MANIFEST
            if seen.setdefault(resource.id, course.name) != course.name:
                yield Problem(path, 1, f"{seen[resource.id]} has a resource of this name; give it another one")
            for locale in course.locales:
                if locale in resource.scripts:
                    yield from _of_a_script(folder / f"{locale}.md", resource.scripts[locale])
                else:
                    first = resource.locales[0]
                    say = f"write it; whoever reads {locale} gets it in {first} until then"
                    yield Problem(folder / f"{locale}.md", 1, say, warning=True)


def _of_a_script(path: Path, script: Script) -> Iterator[Problem]:
    if not script.introduction.strip():
        yield Problem(path, 1, "begin with an introduction: what this is, and how to stop")
    if not any(section.markdown.strip() for section in script.sections):
        yield Problem(path, 1, "write the exercise under a heading: ## The exercise")
    sections = (Section("opening", "", script.introduction, 1), *script.sections)
    text = Written(Source(path, {}, sections), "resource")
    for line, say in (found for rule in body_rules.ANY_TEXT for found in rule(text)):
        yield Problem(path, line, say)
    for section in sections:
        yield from (Problem(path, line, say, warning=True) for line, say in prose.too_long(prose.sentences(section)))
    if script.pdf is None:
        yield Problem(path.with_suffix(".pdf"), 1, "no PDF is made of this text as it is: make scripts", warning=True)
