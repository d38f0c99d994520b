"""In charge of `make fuzz`: hostile mail by the million, led to where the readers have not been yet (by atheris).

Every mail is asked for everything: read, extract, failures, is_automatic, and whether cutting leaves the parts where
they are. A finding is any exception but TooMuchError, more than two seconds, or more than 256 MB; what caused it
lies in a folder that is named at the start. `python tests/fuzz.py MINUTES`, ten by default. Seeds
come from the tests' own mail and, where they are, the corpora beside the repository.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from email import message_from_bytes
from email.errors import MessageError
from hashlib import sha256
from pathlib import Path

import atheris

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

with atheris.instrument_imports(include=["course.reading"]):
    from course.reading import extract, failures, is_automatic, read
    from course.reading.caps import TooMuchError

import test_cutting  # noqa: E402 (the readers come first, or they are not watched)
import test_reading  # noqa: E402
import test_replies_to_lessons  # noqa: E402

SECONDS, MEGABYTES = 2, 256
LONGEST = 6_000  # bytes of one mail; what is longer is in tests/test_hostile.py
CORPORA = ROOT.parent / "shared" / "corpora"
SENT = test_replies_to_lessons.lesson().raw


class SlowError(Exception):
    """It took longer than it may."""


def one_mail(raw: bytes) -> None:
    """Ask everything of one mail."""
    began = time.process_time()
    try:
        found = read(raw)
    except TooMuchError:
        found = None
    assert found is None or test_reading.encodable(found)
    assert isinstance(extract(raw, SENT), str)
    assert isinstance(extract(raw.decode("utf-8", "replace"), SENT), str)
    assert all(what in {"hard", "soft", "complaint"} for _, what in failures(raw))
    assert is_automatic(raw) in {True, False}
    if time.process_time() - began > SECONDS:
        raise SlowError
    same_parts(raw)


def same_parts(raw: bytes) -> None:
    """Cut almost everything out of the bodies: `email` finds the same parts as before."""
    try:
        small = test_cutting.cut_to_ten(raw)
        whole, cut = test_cutting.shape(message_from_bytes(raw)), test_cutting.shape(message_from_bytes(small))
    except (TooMuchError, ValueError, LookupError, TypeError, RecursionError, MessageError):
        return
    assert test_cutting.bare(cut) == test_cutting.bare(whole)


def seeds() -> Iterator[bytes]:
    """Yield mail to begin with."""
    reading, lessons = test_reading, test_replies_to_lessons
    yield from reading.ODD.values()
    yield from (raw for raw in (*reading.OVER.values(), *reading.UNDER.values()) if len(raw) < LONGEST)
    yield from (reading.mail(body) for body in (*reading.REPLIES.values(), *reading.BELOW.values()))
    yield from (reading.html(body) for body in reading.HTML.values())
    for _, make, style in lessons.REPLIES:
        yield make(lessons.lesson(), lessons.ALICE, style)
    yield from lessons.WINMAIL.values()
    for path in CORPORA.glob("*.jsonl"):
        rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
        yield from (row["raw"].encode("utf-8", "surrogateescape") for row in rows if "raw" in row)
    yield from (path.read_bytes() for path in CORPORA.glob("own/*.eml"))


def dictionary() -> str:
    """Return what mail is made of, for libFuzzer: boundaries, headers, charsets."""
    words = {piece for piece in (*test_reading.PIECES, *test_cutting.LINES) if piece}
    return "".join('"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n' for word in sorted(words))


def main() -> None:
    """Fuzz for so many minutes."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    corpus, found = folder / "corpus", folder / "found"
    corpus.mkdir()
    found.mkdir()
    for raw in seeds():
        (corpus / sha256(raw).hexdigest()[:16]).write_bytes(raw[:LONGEST])
    (folder / "words.dict").write_text(dictionary(), encoding="ascii")
    print(f"{len(list(corpus.iterdir()))} seeds; findings go to {found}", flush=True)  # noqa: T201
    taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    atheris.Setup(
        [
            sys.argv[0],
            f"-max_total_time={int(minutes * 60)}",
            f"-max_len={LONGEST}",
            "-timeout=20",  # on the wall; the two seconds are of processor time
            f"-rss_limit_mb={taken + MEGABYTES}",
            f"-artifact_prefix={found}/",
            f"-dict={folder / 'words.dict'}",
            "-print_final_stats=1",
            str(corpus),
        ],
        one_mail,
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
