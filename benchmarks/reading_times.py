"""In charge of how long reading takes: `python -m benchmarks.reading --times` measures it beside its limits.

Processor time, beside that of a plain loop, for a core that others keep busy is no measure: a millisecond is one of
a core on which that loop takes 0.3 s.
"""

from __future__ import annotations

import gc
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.beside import ROOT
from benchmarks.results import Limit, Result
from course.reading import read, sift
from course.reading.extracting import Reader
from course.reading.mime import reduced

ADDS = 5_000_000  # of the loop
LOOP = 300  # milliseconds that it takes on the core that is meant
TRIES = 7  # of each text, for other work on the same core takes its caches
EVERY = 100  # of our fixtures the loop is run anew
SHOWN = 5  # of the texts, the slowest
SIZE = 64 * 1024
LARGE = 34 * 1024 * 1024  # of a cap of 35
MB = 1024 * 1024
PEAK = Path("/proc/self/status")
LIMITS = MEDIAN, BOTH, LONG, LARGEST, MEMORY = (
    Limit("reading, median of our fixtures", 5, 2, "ms", at_most=True),
    Limit("all that the journeys read, median of our fixtures", 10, 5, "ms", at_most=True),
    Limit("64 kB", 50, 40, "ms", at_most=True),
    Limit("34 MB", 2000, 1000, "ms", at_most=True),
    Limit("34 MB, highest memory", 256, 200, "MB", at_most=True),
)
WORST = {
    "words on one line": "word ",
    "short lines": "x\n",
    "one mark a line": "> x\n",
    "answers between": "> x\ny\n",
    "deep quotes": "> > > > > > > > x\n",
    "marks on one line": "> ",
    "attributions": "On Mon, 3 Mar 2026 at 8:00, A wrote:\n",
    "verbs": "wrote ",
    "labels": "From: a\n",
    "header blocks": "From: a@b.org\nSent: 3 May\nTo: c\n\n",
    "separators": "---- Original message ----\n",
    "footers": "Sent from my iPhone\n",
    "dashes": "-",
    "spaces": " ",
    "angles": "<",
    "HTML paragraphs": "<p>x",
    "HTML quotes": "<blockquote>x",
    "HTML tables": "<table><tr><td>x",
    "HTML quoted attribute": '<a x="',
    "HTML comments": "<!--",
    "HTML entities": "&lt;",
    "HTML line breaks": "<div><br></div>",
    "HTML quotes and answers": "<blockquote>x</blockquote>y",
    "HTML links": '<a href="https://a.example/?b=c">link</a> ',
    "HTML attributes": "<p a b c d e f g h i>x",
    "attributions of marked quotes": "On Mon, 3 Mar 2026 at 8:00, A wrote:\n> x\ny\n",
    "signatures": "-- \nAlice\n",
    "underscores": "__________\nFrom: a@b.org\n",
    "right to left": "\u200f\u05e9\u05dc\u05d5\u05dd\n",
    "unseen": "a\u200b",
    "emoji": "\U0001f600 ",
    "prose": "The quick brown fox jumps over the lazy dog and then some 12.\n",
    "prose, quoted": "> The quick brown fox jumps over the lazy dog and then some 12.\n",
    "CJK": "今",
    "long words": "a" * 480 + ":\n",
    "long rules": "-" * 4000 + "a\n> x\n",
    "long rules in a quote": "> " + "-" * 3990 + "a\n",
    "numbers": "1" * 480 + ":\n",
    "addresses": "a@" * 240 + ":\n",
}
PHOTO = b"image/jpeg\nContent-Transfer-Encoding: base64\n\n"
LARGE_MAILS: dict[str, Callable[[], bytes]] = {
    "a photo": lambda: _mail(1, PHOTO, b"/9j/" * 19 + b"\n"),
    "190 photos": lambda: _mail(190, PHOTO, b"/9j/" * 19 + b"\n"),
    "one text": lambda: _mail(1, b"text/plain\n\n", b"words and more words\n"),
    "a hundred pages of HTML": lambda: _mail(100, b"text/html\n\n", b"<div><p>a &amp; b</p></div>\n"),
    "ninety forwarded mails": lambda: _mail(90, b"message/rfc822\n\nSubject: x\n\n", b"words and more words\n"),
}


def show(cases: Sequence[tuple[str | bytes, bytes | None]]) -> None:
    """Print each result beside its limit; of the long texts the slowest."""
    gc.collect()
    gc.freeze()  # the cases are many, and no reply's doing
    for result in (*usual(cases), *long(next(sent for _, sent in cases if sent)), *large()):
        said = "over the limit" if result.missed else f"at most {result.limit.must:g}"
        print(f"{result.limit.what:61}{result.value:8.1f} {result.limit.unit:3} {said:15} {result.words}", flush=True)


def usual(cases: Sequence[tuple[str | bytes, bytes | None]]) -> Iterator[Result]:
    """Yield how long it takes to read our fixtures; of whole mails also as the journeys do."""
    whole = [(raw, sent) for raw, sent in cases if isinstance(raw, bytes) and sent]
    for limit, work, some in ((MEDIAN, Reader().read, cases), (BOTH, _both, whole)):
        times = list(_times(work, some))
        yield _of(limit, statistics.median(times), f"of {len(times)}, the longest {max(times):.1f}")


def _times(work: Callable[..., Any], cases: Sequence[tuple[Any, Any]]) -> Iterator[float]:
    """Yield how long each takes; patterns are made once a process, by a first round that does not count."""
    for message, sent in cases:
        work(message, sent)
    for at in range(0, len(cases), EVERY):
        loop = _loop()
        yield from (_spent(work, message, sent) / loop for message, sent in cases[at : at + EVERY])


def long(sent: bytes) -> list[Result]:
    """Return how long the slowest of the worst texts take, as answers to what was sent: of each the median."""
    reader, results = Reader(), list[Result]()
    for name, piece in WORST.items():
        message = text(name, piece)
        times = [_spent(reader.read, message, sent) / _loop() for _ in range(TRIES)]
        results.append(_of(LONG, statistics.median(times), name))
    return sorted(results, key=lambda result: -(result.value or 0))[:SHOWN]


def text(name: str, piece: str) -> str | bytes:
    """Return 64 kB of it; as a mail where it is HTML."""
    whole = (piece * (SIZE // len(piece) + 1))[:SIZE]
    page = b"From: alice@example.org\nContent-Type: text/html\n\n"
    return page + whole.encode() if name.startswith("HTML") else whole


def large() -> Iterator[Result]:
    """Yield time and highest memory of the largest mails, each read by a process of its own."""
    for name in LARGE_MAILS:
        command = [sys.executable, "-m", "benchmarks.reading_times", name]
        said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        took, memory = json.loads(said)
        yield _of(LARGEST, took, name)
        yield _of(MEMORY, memory, name)


def main() -> None:
    """Read one large mail, as a process that does nothing else; print its milliseconds and its highest memory in MB."""
    raw = LARGE_MAILS[sys.argv[1]]()
    loop = _loop()
    took = _spent(_cut_and_both, raw) / loop
    peak = PEAK.read_text().partition("VmHWM:")[2].split()[0] if PEAK.exists() else "nan"
    print(json.dumps([took, float(peak) / 1024]))


def _mail(count: int, head: bytes, line: bytes) -> bytes:
    """Return a mail with so many parts alike, nearly as long as a mail may be."""
    part = b"--b\nContent-Type: " + head + line * (LARGE // count // len(line))
    return b"From: alice@example.org\nContent-Type: multipart/mixed; boundary=b\n\n" + part * count + b"--b--\n"


def _cut_and_both(raw: bytes) -> None:
    _both(reduced(raw), b"Subject: x\n\nWhat did you notice today?\n")


def _both(raw: bytes, sent: bytes) -> None:
    """Do with a mail what the journeys do."""
    sift(read(raw).texts, sent)


def _of(limit: Limit, value: float, words: str) -> Result:
    return limit.result([value], words)


def _loop() -> float:
    """Return how many times as long as on the core that is meant a plain loop takes here."""
    began = time.process_time()
    total = 0
    for number in range(ADDS):
        total += number
    return (time.process_time() - began) * 1000 / LOOP


def _spent(work: Callable[..., Any], *arguments: object) -> float:
    """Return the milliseconds of processor time that it took."""
    began = time.process_time()
    work(*arguments)
    return (time.process_time() - began) * 1000


if __name__ == "__main__":
    main()
