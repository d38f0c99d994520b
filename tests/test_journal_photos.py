"""Promises about photos in a journal: kept for the person alone, locked, with nothing of the camera in them."""

from __future__ import annotations

import json
from email.message import EmailMessage

import pytest
from conftest import ON_SQLITE
from sqlalchemy import select
from test_journal import KEEP, OLD, SHARE, a_lesson, choose, lessons
from test_journal import settings as settings  # noqa: PLC0414 (a fixture: a service that offers a journal)
from test_photos import CANARY, TABLE, jpeg, segment

from course.journeys import keeping_photos
from course.store.tables import entries

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
