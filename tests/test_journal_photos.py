"""Promises about photos in a journal: kept for the person alone, locked, with nothing of the camera in them."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from email.message import EmailMessage
from pathlib import Path

import pytest
from conftest import ON_SQLITE
from sqlalchemy import select
from test_journal import KEEP, OLD, SHARE, a_lesson, choose, lessons
from test_journal import settings as settings  # noqa: PLC0414 (a fixture: a service that offers a journal)
from test_photos import CANARY, TABLE, jpeg, segment

from course.journeys import keeping_photos
from course.store.tables import entries

ROOT = Path(__file__).parents[1]
PADDING = TABLE * 200  # so that it is no logo
LADEN, BARE = jpeg(segment(0xE1, b"Exif\0\0" + CANARY), PADDING), jpeg(PADDING)
HEIC = b"\0\0\0\x18ftypheic" + bytes(20_000)


def send(world, *files, words="A page of mine."):
    """Let Alice answer with files, each with its name's ending for a type; return what was decided."""
    mail = EmailMessage()
    lesson = lessons(world)[-1]
    mail["From"], mail["To"], mail["Message-ID"] = lesson.to, lesson.reply_to, f"<{hash(files)}@client.example.org>"
    mail.set_content(words)
    for content, kind in files:
        main, _, sub = kind.partition("/")
        mail.add_attachment(content, maintype=main, subtype=sub, filename="page")
    decided = world.deliver(mail.as_bytes())
    world.app.tick()
    return decided


def photos(world):
    """Return the photos that are kept, as the person gets them."""
    with world.app.service.store.reading() as tx:
        rows = tx.execute(select(entries).order_by(entries.c.id)).all()
        return [photo for row in rows for photo in keeping_photos.of(tx, world.app.service, row)]


def receipt(world):
    """Return the newest receipt's text."""
    mail = world.box.last("receipt")
    return mail.mailing.text_for(mail.values)


def test_a_photo_is_kept_without_what_the_camera_wrote(world):
    """Alice finds her picture again; where it was taken is nowhere, and the file on disk is locked."""
    a_lesson(world, level=KEEP)
    decided = send(world, (LADEN, "image/jpeg"))
    folder = world.app.settings.data_dir.parent

    assert decided == ["completed"]
    assert [(photo.kind, photo.content) for photo in photos(world)] == [("image/jpeg", BARE)]
    assert [path for path in folder.rglob("*") if path.is_file() and PADDING in path.read_bytes()] == []
    assert "not kept" not in receipt(world)


@ON_SQLITE
@pytest.mark.parametrize("kind", ["image/heic", "application/octet-stream", "image/jpeg"])
def test_heic_is_not_kept_and_the_receipt_says_so(world, kind):
    """Whatever it is called, a HEIC file is left out, and the receipt says why; the words are kept."""
    a_lesson(world, level=KEEP)
    send(world, (HEIC, kind))

    assert photos(world) == []
    assert "A photo was not kept, because it is a HEIC file" in receipt(world)
    assert world.rows("SELECT count(*) FROM entries") == [(1,)]


@ON_SQLITE
@pytest.mark.parametrize(("level", "said"), [(SHARE, "because you share"), (None, "Your words are not kept")])
def test_photos_are_kept_for_the_person_only(world, level, said):
    """Where words are shared, or nothing was asked for, no photo is kept."""
    a_lesson(world, level=level)
    send(world, (LADEN, "image/jpeg"))

    assert world.rows("SELECT * FROM photos") == []
    assert said in receipt(world)


@ON_SQLITE
def test_what_is_no_photo_is_not_kept(world):
    """A film that calls itself a picture is left out and said to be, beside a picture that is kept."""
    a_lesson(world, level=KEEP)
    send(world, (LADEN, "image/jpeg"), (b"GIF89a" + bytes(20_000), "image/jpeg"), (bytes(20_000), "application/pdf"))

    assert [photo.kind for photo in photos(world)] == ["image/jpeg"]
    assert "Something was not kept" in receipt(world)


LARGE = """
import sys
from pathlib import Path
from course.app import App
from course.settings import load

app = App.build(load())
app.receive(Path(sys.argv[1]).read_bytes(), source="test")
print(app.read_spool()[0].value)
print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
"""


@ON_SQLITE
@pytest.mark.skipif(sys.platform != "linux", reason="reads its own size from /proc")
def test_photos_near_the_caps_take_little_memory(world, tmp_path):
    """Three of 8 MB, a mail of 33 MB: received, decided, stripped and locked by a service of its own within 256 MB."""
    a_lesson(world, level=KEEP)
    lesson, settings, path = lessons(world)[-1], world.app.settings, tmp_path / "reply.eml"
    head = f"From: {lesson.to}\nTo: {lesson.reply_to}\nMessage-ID: <1@client.example.org>\n"
    photo = b"--b\nContent-Type: image/jpeg\nContent-Transfer-Encoding: base64\n\n"
    photo += base64.encodebytes(jpeg(TABLE * 120_000))
    path.write_bytes(head.encode() + b"Content-Type: multipart/mixed; boundary=b\n\n" + photo * 3 + b"--b--\n")
    known = {"DATA_DIR": str(settings.data_dir), "DATABASE_URL": settings.database_url.get_secret_value()}
    command, environment = [sys.executable, "-c", LARGE, str(path)], known | {"JOURNAL_KEYS": OLD}
    said = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    decided, peak = said.split()[-2:]

    assert path.stat().st_size > 33_000_000
    assert decided == "completed"
    assert [photo.kind for photo in photos(world)] == ["image/jpeg"] * 2  # of a mail 16 MB are looked into
    assert int(peak) < 256 * 1024


def test_photos_go_with_their_entry(world):
    """Taking "keep" back erases the photos, too."""
    a_lesson(world, level=KEEP)
    send(world, (LADEN, "image/jpeg"))
    choose(world, "count")

    assert world.rows("SELECT * FROM photos") == []


@ON_SQLITE
def test_a_copy_for_the_person_has_her_photos(world, course, monkeypatch):
    """`course export --words` holds them; without it they stay locked."""
    a_lesson(world, level=KEEP)
    send(world, (LADEN, "image/jpeg"))
    monkeypatch.setenv("JOURNAL_KEYS", OLD)
    usual, asked = (json.loads(course("export", "alice@example.org", *more).out) for more in ([], ["--words"]))

    assert "photos" not in usual["entries"][0]
    assert [photo["kind"] for photo in asked["entries"][0]["photos"]] == ["image/jpeg"]
