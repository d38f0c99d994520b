"""In charge of the PDFs of the exercises: `make scripts` makes those that are not of their present text.

They are tagged (PDF/UA-1), so that a screen reader finds title, headings and lists; and the same text always makes the
same bytes, so that nothing changes in the repository unless a text did. Only the fonts that come with typst are used,
and those of the folder FONTS if it is set: a language that they cannot write needs one.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import typst

from course.content import courses, scripts
from course.content.resources import FOLDER
from course.settings import EMAILS

LONG_AGO = 0  # the date in a PDF: none that changes


def main() -> None:
    """Make what is missing or stale in every course, and say what."""
    for path in sorted(EMAILS.glob("courses/*/course.toml")):
        for made in make(path.parent, Path(os.environ["FONTS"]) if os.environ.get("FONTS") else None):
            sys.stdout.write(f"{made}\n")


def make(folder: Path, fonts: Path | None = None) -> list[str]:
    """Make the PDFs of a course that are missing or stale; return their places."""
    course, made = courses.read(folder), []
    template = folder.parents[1] / scripts.TEMPLATE
    kept: dict[str, str] = {}
    for resource in course.resources.values():
        for locale, script in resource.scripts.items():
            place, said = f"{resource.id}/{locale}", scripts.source(resource, locale)
            kept[place] = scripts.digest(template.read_bytes(), said)
            if script.pdf is None:
                (folder / FOLDER / f"{place}.pdf").write_bytes(pdf(template, said, fonts))
                made.append(place)
    if kept:
        lines = [f'"{place}" = "{digest}"' for place, digest in sorted(kept.items())]
        head = "# What each PDF was made of. `make scripts` writes this; a PDF of another text is not handed out."
        (folder / FOLDER / scripts.DIGESTS).write_text("\n".join([head, *lines, ""]), encoding="utf-8")
    return made


def pdf(template: Path, said: str, fonts: Path | None = None) -> bytes:
    """Return the PDF of a text. Raises typst.TypstError."""
    compiler = typst.Compiler(
        str(template),
        root=str(template.parent),
        font_paths=[str(fonts)] if fonts else [],
        ignore_system_fonts=True,
        sys_inputs={"said": said},
    )
    return compiler.compile(format="pdf", pdf_standards="ua-1", timestamp=LONG_AGO)


if __name__ == "__main__":
    main()
