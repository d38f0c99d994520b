"""Promises about hostile mail, end to end: it is tasted apart, put aside where it harms, and keeps no other waiting."""

from __future__ import annotations

import base64
import gzip
import io
import re
import struct
import subprocess
import sys
import threading
import tracemalloc
import zipfile
import zlib
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest
import structlog
from conftest import ON_SQLITE
from hypothesis import given, settings
from hypothesis import strategies as st
from test_reading import HEAD, PIECES, encodable, mail, many, part, picture
from test_replies_to_lessons import ALICE, REPLIES, lesson, prop, tnef

from course.inbound import tasting
from course.reading import extract, failures, is_automatic, pictures, read
from course.reading.caps import TooMuchError

MB = 1024 * 1024
WORDS = re.compile(r"\{\{ (?:entry|letter)\.(?:words|cut|whole)")  # somebody's, in a template

CANARY = "canary-quinquireme"
ROOT = Path(__file__).parents[1]
LONG = "I was kind to myself today.\n" * 5_000


@pytest.fixture
def database(tmp_path):
    """Return an SQLite database: what comes of a hostile mail is the same on both."""
    return f"sqlite:///{tmp_path / 'course.db'}"


@pytest.fixture
def day_1(world):
    """Let Alice have her first lesson; return it."""
    world.join("alice")
    world.pass_hours(24)
    return world.box.last("day-1")


def in_its_place(monkeypatch, code):
    """Let another program taste."""
    monkeypatch.setattr(tasting, "COMMAND", (sys.executable, "-c", code))


def where(world):
    """Return the folders in which mail is kept."""
    return [path.parent.name for path in world.app.spool_folder.rglob("*.mail")]


# Tasting.


def test_a_long_answer_is_tasted_and_counts(world, day_1):
    """What somebody wrote at length is read like everything else."""
    assert world.reply(day_1, LONG) == ["completed"]


def test_a_short_mail_needs_no_process(monkeypatch):
    """An everyday reply, and one with photos: what is left of it is short, so it is read at once."""
    in_its_place(monkeypatch, "raise SystemExit(1)")

    assert tasting.tasted(mail()) == mail()
    assert len(tasting.tasted(many(part("text/plain", "Yes."), *[picture(900_000)] * 2))) < tasting.SMALL


LIMIT = "from course.inbound import tasting; "
DEADLY = {
    "it dies": "import os; os.abort()",
    "it is killed": "import os; os.kill(os.getpid(), 9)",
    "it breaks": f"raise ValueError('{CANARY}')",
    "it fills memory": LIMIT + "tasting.limit(); bytearray(tasting.MEMORY)",
    "it never ends": LIMIT + "tasting.SECONDS = 1; tasting.limit()\nwhile True: pass",
    "it waits for ever": "import threading; threading.Event().wait()",
}


@pytest.mark.parametrize("code", DEADLY.values(), ids=DEADLY)
def test_what_kills_the_taster_is_put_aside_and_the_next_mail_is_read(world, day_1, monkeypatch, code, capfd):
    """Held, sealed, with no word of it in a log; the answer behind it counts."""
    monkeypatch.setattr(tasting, "PATIENCE", 3.0)
    with monkeypatch.context() as patched, structlog.testing.capture_logs() as lines:
        in_its_place(patched, code)
        decided = world.reply(day_1, CANARY * 6_000)

    assert decided == ["held"]
    assert where(world) == ["held"]
    assert CANARY.encode() not in next(world.app.spool_folder.rglob("*.mail")).read_bytes()
    assert CANARY not in f"{lines} {capfd.readouterr()}"
    assert world.reply(day_1) == ["completed"]


@pytest.mark.parametrize("sign", ["SIGTERM", "SIGINT"])
def test_a_mail_waits_when_the_service_is_stopped_meanwhile(world, day_1, monkeypatch, sign):
    """Whoever stops the service stops the taster too: that says nothing of the mail, which counts after the start."""
    with monkeypatch.context() as patched:
        in_its_place(
            patched,
            f"import os, signal; signal.signal(signal.{sign}, signal.SIG_DFL); os.kill(os.getpid(), signal.{sign})",
        )
        decided = world.reply(day_1, LONG)

    assert (decided, where(world)) == ([], ["spool"])
    assert world.app.read_spool() == ["completed"]


def test_a_mail_waits_when_there_is_no_process_to_be_had(world, day_1, monkeypatch):
    """A machine that is full is no fault of the mail's."""
    with monkeypatch.context() as patched:
        patched.setattr(tasting, "COMMAND", (str(world.app.spool_folder / "no such program"),))
        decided = world.reply(day_1, LONG)

    assert (decided, where(world)) == ([], ["spool"])
    assert world.app.read_spool() == ["completed"]


def test_h1_the_taster_gets_no_secret_and_writes_no_file(monkeypatch, tmp_path):
    """It has none of our environment, and nothing of a mail gets from it to the disk: not even a core."""
    monkeypatch.setenv("SECRET_KEY", CANARY)
    in_its_place(monkeypatch, "import os; raise SystemExit('SECRET_KEY' in os.environ)")
    tasting.tasted(mail(LONG))
    file = tmp_path / "words"
    in_its_place(monkeypatch, LIMIT + f"from pathlib import Path; tasting.limit(); Path({str(file)!r}).write_text('x')")

    with pytest.raises(TooMuchError):
        tasting.tasted(mail(LONG))
    assert file.read_bytes() == b""


def test_long_mails_are_tasted_one_at_a_time(monkeypatch, tmp_path):
    """Twenty at once take no more memory than one."""
    there = str(tmp_path / "here")
    in_its_place(monkeypatch, f"import os; os.mkdir({there!r}); os.rmdir({there!r})")
    wrong = []

    def taste():
        try:
            tasting.tasted(mail(LONG))
        except TooMuchError as error:
            wrong.append(error)

    threads = [threading.Thread(target=taste) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []


def test_a_held_mail_that_kills_is_still_erased_with_its_sender(course, world, day_1, monkeypatch):
    """Erasing looks at held mail too, by its head alone where nothing else can be read."""
    in_its_place(monkeypatch, "import os; os.abort()")
    world.reply(day_1, LONG)
    course("erase", "alice@example.org", "--yes")

    assert where(world) == []


def test_what_is_put_aside_is_counted(course, world, day_1, monkeypatch):
    """`course status` says how many mails wait for whoever looks after the service."""
    in_its_place(monkeypatch, "import os; os.abort()")
    world.reply(day_1, LONG)

    assert "0 to be read, 1 put aside" in str(course("status"))


# Big mail, as a whole: within 256 MB of address space and the taster's seconds, or put aside.

BIG = {
    "e7-text-of-34-mb": lambda: mail(b"words and more words\n" * 1_600_000),
    "e7-one-line-of-34-mb": lambda: mail(b"words " * 5_600_000),
    "e7-a-hundred-texts": lambda: many(*[part("text/plain", "words and more words\n" * 16_000)] * 100),
    "e10-a-hundred-pages": lambda: many(*[part("text/html", "<div><p>a &amp; b</p></div>\n" * 12_000)] * 100),
    "e1-190-photos": lambda: many(*[picture(130_000)] * 190),
    "e2-ninety-forwards": lambda: many(*[part("message/rfc822", "Subject: x\n\n" + "words\n" * 60_000)] * 90),
    "e11-winmail-of-25-mb": lambda: mail(
        base64.encodebytes(tnef() + bytes(24_000_000)), kind="application/ms-tnef", encoding="base64"
    ),
    "d11-a-report-about-400000": lambda: many(
        part("message/delivery-status", "Final-Recipient: rfc822; bob@example.org\nStatus: 5.1.1\n" * 400_000),
        kind="report",
    ),
    "d11-a-report-of-190-groups": lambda: many(
        part(
            "message/delivery-status", "Final-Recipient: rfc822; bob@example.org\n" * 40 + "\n" * 2 + "A: b\n\n" * 190
        ),
        kind="report",
    ),
    "e7-semicolons": lambda: many(*[part('text/plain; x="' + ';\\"' * 2500 + '"', LONG)] * 100),
}


@pytest.mark.parametrize("made", BIG.values(), ids=BIG)
def test_no_big_mail_takes_long_or_much(made):
    """Up to 35 MB it is read within the limits (two seconds on a quiet core), or found to be over a cap before."""
    said, small = "", b""
    try:
        small = tasting.tasted(made())
    except TooMuchError as error:
        said = str(error)

    assert "not read within" not in said
    assert len(small) < 5 * 1024 * 1024


PEAK = """
import sys
from pathlib import Path
from course.app import App
from course.settings import load

app = App.build(load(data_dir=Path(sys.argv[1])))
head = b"From: a@b.example\\nContent-Type: multipart/mixed; boundary=b\\n\\n--b\\n\\nHello\\n--b\\n"
raw = head + b"Content-Type: image/jpeg\\nContent-Transfer-Encoding: base64\\n\\n" + (b"/9j/" * 19 + b"\\n") * 450_000
app.receive(raw, source="test")
size = len(raw)
del raw
print(size, app.read_spool()[0].value)
print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads its own size from /proc")
def test_the_largest_mail_takes_little_memory(tmp_path):
    """The whole service keeps and decides a mail of 34 MB within 256 MB: it is there once, and its photo not read."""
    command = [sys.executable, "-c", PEAK, str(tmp_path)]
    said = subprocess.run(command, cwd=ROOT, env={}, capture_output=True, text=True, check=True).stdout
    size, decided, peak = said.split()[-3:]

    assert int(size) > 34_000_000
    assert decided == "held"
    assert int(peak) < 256 * 1024


# Mail whose words nobody here can read.

ENVELOPED = base64.encodebytes(bytes.fromhex("3080060a2a864886f70d010703a080") + b"secret" * 100)
PGP = "-----BEGIN PGP MESSAGE-----\n\nhQEMA7\n-----END PGP MESSAGE-----\n"
RTF = tnef(prop(0x102, 0x1009, b"LZFu" * 20))
CLOSED = {
    "S/MIME": mail(ENVELOPED, kind="application/pkcs7-mime; smime-type=enveloped-data", encoding="base64"),
    "S/MIME, old": mail(ENVELOPED, kind="application/x-pkcs7-mime", encoding="base64"),
    "PGP/MIME": many(
        part("application/pgp-encrypted", "Version: 1\n"),
        part("application/octet-stream", PGP, "Content-Disposition: inline; filename=encrypted.asc"),
        kind='encrypted; protocol="application/pgp-encrypted"',
    ),
    "PGP in the text": mail(PGP),
    "winmail.dat with RTF only": mail(base64.encodebytes(RTF), kind="application/ms-tnef", encoding="base64"),
    "winmail.dat below a blank text": many(
        part("text/plain", " \n"),
        part("application/ms-tnef", base64.encodebytes(RTF), "Content-Transfer-Encoding: base64"),
    ),
}


@pytest.mark.parametrize("raw", CLOSED.values(), ids=CLOSED)
def test_e11_what_cannot_be_read_says_so(raw):
    """Encrypted, or in Outlook's own format: it is not empty, we just cannot see it."""
    found = read(raw)

    assert (found.words, found.unreadable) == ("", True)


@pytest.mark.parametrize(
    "raw",
    [
        mail(b""),
        mail(b"It helped.\n"),
        mail(b"It helped.\n\n" + PGP.encode()),
        mail(base64.encodebytes(tnef(body=b"It helped.\0")), kind="application/ms-tnef", encoding="base64"),
        many(part("text/plain", "> quoted\n"), part("application/ms-tnef", RTF)),
        many(part("text/plain", ""), part("application/pdf", "x")),
    ],
    ids=["empty", "words", "words above PGP", "winmail.dat", "winmail.dat beside a quote", "a file"],
)
def test_e11_what_can_be_read_is_not_put_aside(raw):
    """An empty mail is empty, and a file beside no words is no secret."""
    assert not read(raw).unreadable


@ON_SQLITE
@pytest.mark.parametrize("raw", CLOSED.values(), ids=CLOSED)
def test_e11_an_encrypted_answer_is_put_aside_not_counted_as_empty(world, day_1, raw):
    """Whoever looks after the service sees that it waits; nothing is recorded, so it can count later."""
    decided = world.deliver(raw.replace(b"reply-abc@reply.example.org", day_1.reply_to.encode()))

    assert decided == ["held"]
    assert where(world) == ["held"]
    assert world.rows("SELECT * FROM replies") == []


def test_a_stop_in_the_subject_of_an_encrypted_mail_is_heard(world, day_1):
    """A subject is not encrypted; nobody is kept because we cannot read the rest."""
    raw = CLOSED["PGP in the text"].replace(b"reply-abc@reply.example.org", day_1.reply_to.encode())

    assert world.deliver(b"Subject: STOP\n" + raw) == ["command"]


def test_a_machine_s_encrypted_mail_is_a_machine_s(world, day_1):
    """What a machine wrote is not put aside for anybody."""
    raw = CLOSED["PGP in the text"].replace(b"reply-abc@reply.example.org", day_1.reply_to.encode())

    assert world.deliver(b"Auto-Submitted: auto-replied\n" + raw) == ["automatic"]


# Whatever comes: bytes, and mail of real clients with something broken in it.


@cache
def real(number):
    """Return the mail of a real client."""
    _, make, style = REPLIES[number]
    return make(lesson(), ALICE, style)


@st.composite
def broken(draw):
    """Return a real client's mail in which some places were overwritten, left out or doubled."""
    raw = draw(st.sampled_from(range(len(REPLIES))).map(real))
    for _ in range(draw(st.integers(1, 6))):
        at, length = draw(st.integers(0, len(raw))), draw(st.integers(0, 200))
        put = draw(st.sampled_from([b"", raw[at : at + length] * 2, *PIECES]) | st.binary(max_size=6))
        raw = raw[:at] + put + raw[at + length :]
    return raw


@settings(max_examples=150, deadline=None)
@given(broken() | st.binary(max_size=300) | st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join))
def test_e7_nothing_that_comes_breaks_a_reader(raw):
    """read() says that it is too much and nothing else; extract, failures and is_automatic never raise."""
    with suppress(TooMuchError):
        assert encodable(read(raw))
    assert isinstance(extract(raw, lesson().raw), str)
    assert isinstance(extract(raw.decode("latin-1")), str)
    assert {what for _, what in failures(raw)} <= {"hard", "soft", "complaint"}
    assert is_automatic(raw) in {True, False}


# Rows of the threats that are about mail as a whole.


def test_a12_combining_signs_and_directions_are_read_as_they_are():
    """Zalgo, right-to-left marks and joined emoji: nothing is lost, and half a megabyte of them takes no longer."""
    words = "a\u0301\u0302\u0303 \u202eabc\u202c \U0001f469\u200d\U0001f469\u200d\U0001f467 שלום"
    zalgo = mail(("a" + "\u0301" * 500 + "\n") * 500)

    assert read(mail(words)).words == words
    assert read(zalgo).words.count("\u0301") == 250_000


def test_a12_words_turn_nothing_beside_them():
    """Wherever a page shows somebody's words they have a direction of their own, which isolates them."""
    templates = (ROOT / "course/web/templates").glob("own_*.html")
    shown = [line for path in templates for line in path.read_text(encoding="utf-8").splitlines() if WORDS.search(line)]

    assert len(shown) >= 4
    assert [line for line in shown if 'dir="auto"' not in line] == []


def growing():
    """Return small files that become 100 MB or more when they are opened, or that ask for another file."""
    grown, packed = bytes(100 * MB), io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", grown)
    entity = b'<!DOCTYPE s [<!ENTITY a SYSTEM "file:///etc/passwd"><!ENTITY b "&a;&a;&a;">]>'
    wide = struct.pack(">II", 60_000, 60_000) + b"\x08\x02\0\0\0"
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in ((b"IHDR", wide), (b"IDAT", zlib.compress(grown, 9)), (b"IEND", b""))
    )
    return {
        "application/zip": packed.getvalue(),
        "application/gzip": gzip.compress(grown),
        "application/pdf": b"%PDF-1.7\n1 0 obj<</Filter/FlateDecode>>stream\n" + zlib.compress(grown, 9),
        "image/svg+xml": entity + b"<svg>&b;</svg>" + bytes(20_000),
        "application/msword": entity + bytes(20_000),
        "image/png": png,
    }


def test_e8_e9_names_and_files_touch_nothing(tmp_path, monkeypatch):
    """A name that is a path, and archives, pictures and documents that would grow: never opened, never written."""
    monkeypatch.chdir(tmp_path)
    names = ('attachment; filename="../../etc/passwd"', 'attachment; filename="..%2f..%2fx"', "attachment", "inline")
    bombs = [
        part(kind, base64.encodebytes(bomb), "Content-Transfer-Encoding: base64", f"Content-Disposition: {name}")
        for kind, bomb in growing().items()
        for name in names
    ]
    raw = many(part("text/plain", "It helped."), *bombs)
    tracemalloc.start()
    found = read(raw)
    pictures(raw)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 20 * len(raw) < 64 * MB
    assert found.words == "It helped."
    assert "passwd" not in repr(found)
    assert list(tmp_path.iterdir()) == []


def test_the_taster_reads_by_the_same_rules():
    """It ends well for what we read, and says by its exit code alone that something is over a cap."""
    codes = [
        subprocess.run(tasting.COMMAND, input=raw, capture_output=True, cwd=tasting.ROOT, env={}, check=False)
        for raw in (mail(LONG), many(*[part("text/plain", "x")] * 201), HEAD)
    ]

    assert [done.returncode for done in codes] == [0, tasting.OVER_A_CAP, 0]
    assert {(done.stdout, done.stderr) for done in codes} == {(b"", b"")}
