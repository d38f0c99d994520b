"""Promises about words that are to be gone: erased is erased, in every copy, and a restore brings nothing back."""

from __future__ import annotations

import base64
import json
import os
import resource
import tempfile
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from conftest import ON_SQLITE
from pydantic import SecretStr
from sqlalchemy import inspect, text
from test_journal import KEEP, NEW, OLD, SHARE, a_lesson, again, answer, choose, kept, words
from test_journal import settings as settings  # noqa: PLC0414 (a fixture: a service that offers a journal)
from test_restore import ON_POSTGRESQL, restore, statuses, take
from test_restore import world as world  # noqa: PLC0414 (a fixture: it drops what a restore keeps on PostgreSQL)

from course import logs
from course.app import App
from course.journeys import checkins, diary, erasures, journal, key_backups, letters, person_keys, privacy
from course.journeys.letters import Wish
from course.store import migrate
from course.store.database import Store
from course.store.failures import BackupError
from course.store.key_store import person_keys as keys_table
from course.store.states import CheckinAnswer

CANARY = "heron-canary"


def erase(world, who="alice"):
    """Do what `course erase` does."""
    privacy.erase(world.app.service, f"{who}@example.org", world.clock.now())


def locked_words(world):
    """Return what every entry in the database says, or None for one that cannot be opened."""
    with world.app.service.store.reading() as tx:
        return [journal.opened(world.app.service, row) for row in tx.execute(journal.select(journal.entries))]


def keys(world):
    """Return how many keys there are."""
    with world.app.service.key_store.reading() as tx:
        return len(tx.execute(keys_table.select()).all())


@pytest.fixture
def folder(tmp_path):
    """Give a folder for backups of the keys."""
    place = tmp_path / "keys"
    place.mkdir()
    return place


def test_erasing_destroys_the_key(world):
    """After erasure neither Alice's entries nor her key is there; Bob's are."""
    for who in ("alice", "bob"):
        a_lesson(world, who, KEEP)
        answer(world, CANARY, who)
    erase(world)

    assert (keys(world), locked_words(world)) == (1, [CANARY])
    assert words(world, "bob") == [CANARY]


@ON_SQLITE
def test_a_destroyed_key_is_in_no_file(world):
    """The bytes of Alice's wrapped key are overwritten in the key store and in its log."""
    a_lesson(world, level=KEEP)
    answer(world, CANARY)
    with world.app.service.key_store.reading() as tx:
        wrapped = tx.execute(keys_table.select()).one().wrapped
    folder = world.app.settings.data_dir.parent
    holding = [path for path in folder.rglob("*") if path.is_file() and wrapped in path.read_bytes()]
    erase(world)

    assert holding
    assert [path for path in folder.rglob("*") if path.is_file() and wrapped in path.read_bytes()] == []


def test_a_restore_erases_again(world, tmp_path):
    """Alice was erased after the backup: it is put back without her, and Bob is in it with his words."""
    for who in ("alice", "bob"):
        a_lesson(world, who, KEEP)
        answer(world, CANARY, who)
    file = take(world, tmp_path)
    world.clock.go(days=1)
    erase(world)
    restore(world, file)

    assert list(statuses(world)) == ["bob@example.org"]
    assert locked_words(world) == [CANARY]


@contextmanager
def kept_database(world, name):
    """Give the database that a restore has kept."""
    store = Store(world.app.service.store.engine.url.set(database=name).render_as_string(hide_password=False))
    with closing(store), store.transaction() as tx:
        yield tx


@ON_POSTGRESQL
def test_a_database_that_was_kept_holds_no_key(world, tmp_path):
    """Whoever is erased after a restore cannot be read in the database it replaced, long as that may be kept."""
    a_lesson(world, level=KEEP)
    answer(world, CANARY)
    done = restore(world, take(world, tmp_path))
    with kept_database(world, done.kept_as) as tx:
        there = inspect(tx).has_table("entries"), inspect(tx).has_table("person_keys", schema="journal_keys")

    assert there == (True, False)
    assert not done.keys_left
    assert locked_words(world) == [CANARY]


@ON_POSTGRESQL
def test_keys_that_could_not_be_carried_over_stay_where_they_are(world, tmp_path, monkeypatch):
    """What they lock must not be lost: they are left in the kept database, and it is said."""
    a_lesson(world, level=KEEP)
    answer(world, CANARY)
    file = take(world, tmp_path)
    monkeypatch.setattr("course.journeys.carrying_words.keys", lambda *_: None)
    done = restore(world, file)
    with kept_database(world, done.kept_as) as tx:
        left = tx.execute(keys_table.select()).all()

    assert len(left) == 1
    assert done.keys_left


@ON_POSTGRESQL
def test_a_crash_after_the_swap_loses_no_key(world, tmp_path, monkeypatch):
    """The restored database has them all before they go from the other one."""
    a_lesson(world, level=KEEP)
    answer(world, CANARY)
    file = take(world, tmp_path)

    def crash(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("course.store.swapping.without_keys", crash)
    with pytest.raises(KeyboardInterrupt):
        restore(world, file)

    assert locked_words(world) == [CANARY]


@ON_POSTGRESQL
def test_whoever_goes_back_to_the_kept_database_brings_the_keys_along(world, tmp_path, folder):
    """As docs/backup.md says it: the keys are backed up, migrate makes their place anew, and they are put back."""
    a_lesson(world, level=KEEP)
    answer(world, CANARY)
    done = restore(world, take(world, tmp_path))
    taken = key_backups.take(world.app.service, folder, world.clock.real())
    kept = world.app.service.store.engine.url.set(database=done.kept_as).render_as_string(hide_password=False)
    with closing(Store(kept)) as store:
        migrate.upgrade(store)
    world.app.close()
    settings = world.app.settings
    back = App.build(
        settings.model_copy(update={"database_url": SecretStr(kept)}), transport=world.box, clock=world.clock
    )
    added = key_backups.put_back(back.service, taken.file, world.clock.real())
    with back.service.store.reading() as tx:
        said = [journal.opened(back.service, row) for row in tx.execute(journal.select(journal.entries))]
    back.close()
    world.app = App.build(settings, transport=world.box, clock=world.clock)

    assert (added, said) == (1, [CANARY])


def test_a_restore_brings_back_no_letter_that_was_taken_back(world, tmp_path):
    """Alice took back the letter that was to come to her after the backup; Bob's goes on, also where it was opened."""
    service = world.app.service
    for who in ("alice", "bob"):
        world.join(who)
        wish = Wish(1, in_mail=False, wording="w", how="page")
        letters.keep_by_page(service, mine(world, who), CANARY, wish, world.clock.now(), world.clock.real())
    world.clock.go(days=40)
    letters.tell(service, world.clock.now(), world.clock.real())
    file = take(world, tmp_path)
    (first, alice), (number, bob) = world.rows("SELECT id, subscriber_id FROM letters ORDER BY id")
    letters.cancel(service, alice, first, world.clock.real())
    letters.open_one(service, bob, number, world.clock.real())
    restore(world, file)
    left = world.rows("SELECT id, erase_at IS NULL FROM letters")

    assert [(row[0], bool(row[1])) for row in left] == [(number, False)]


def test_a_restore_brings_back_no_answer_that_was_taken_back(world, tmp_path):
    """Alice wanted what she said of a day kept no longer: that she said something stays, and no more."""
    a_lesson(world)
    token = world.link(world.box.last("day-1"), "checkin")
    now = world.clock.now()
    checkins.answer(world.app.service, token, CheckinAnswer.SAME, now, now, keep=True)
    file = take(world, tmp_path)
    checkins.keep_no_longer(world.app.service, token, now)
    restore(world, file)

    assert world.rows("SELECT day, answer FROM checkins") == [(1, None)]


def mine(world, who):
    """Return the token of the pages of somebody's welcome."""
    welcome = next(mail for mail in world.box.sent if mail.mailing.name == "welcome" and mail.to.startswith(who))
    return world.link(welcome, "mine")


@ON_SQLITE
def test_a_restore_erases_again_when_the_replaced_database_is_lost(world, tmp_path):
    """The log is outside the database: it is enough."""
    for who in ("alice", "bob"):
        a_lesson(world, who, KEEP)
        answer(world, CANARY, who)
    file = take(world, tmp_path)
    erase(world)
    world.app.close()
    (tmp_path / "course.db").unlink()
    done = restore(world, file)

    assert done.carried.erased == 1
    assert list(statuses(world)) == ["bob@example.org"]


def test_whoever_came_back_after_erasure_stays(world, tmp_path):
    """Alice was erased, signed up again, and then a backup was taken: a restore of it keeps her."""
    a_lesson(world)
    erase(world)
    world.clock.go(days=2)
    a_lesson(world)
    file = take(world, tmp_path)
    restore(world, file)

    assert list(statuses(world)) == ["alice@example.org"]


def test_who_is_brought_back_on_purpose_stays_but_her_words_are_closed(world, tmp_path):
    """--with-erased brings Alice back, for this and later restores; nothing brings back her key."""
    a_lesson(world, level=KEEP)
    answer(world, CANARY)
    file = take(world, tmp_path)
    erase(world)
    restore(world, file, with_erased=True)
    world.clock.go(seconds=1)
    later = take(world, tmp_path)
    restore(world, later)

    assert list(statuses(world)) == ["alice@example.org"]
    assert CANARY not in locked_words(world)


def test_what_was_taken_back_stays_so_after_a_restore(world, tmp_path):
    """Since the backup Alice took one entry back and hid the rest, Bob took all back, and Charlie nothing."""
    for who in ("alice", "bob", "charlie"):
        a_lesson(world, who, SHARE)
        answer(world, f"{who} one", who)
        answer(world, f"{who} two", who)
    file = take(world, tmp_path)
    with world.app.service.store.transaction() as tx:
        alice = journal.people.by_id(tx, world.rows("SELECT min(id) FROM enrolments")[0][0])
        journal.take_back(tx, alice, kept(world)[0].id)
    choose(world, KEEP)
    choose(world, journal.JournalLevel.COUNT, "bob")
    restore(world, file)

    assert [(entry.words, entry.level) for entry in kept(world)] == [("alice two", "keep")]
    assert kept(world, "bob") == []
    assert [(entry.words, entry.level) for entry in kept(world, "charlie")] == [
        ("charlie one", "share"),
        ("charlie two", "share"),
    ]


def test_a_torn_line_of_the_log_spoils_no_other(world):
    """A power cut in the middle of a line loses that line alone."""
    who = "a" * 64
    path = world.app.settings.data_dir / "erasures.log"
    path.write_text("2027-03-01T12:00")
    erasures.note(world.app.service, who, erasures.ERASED, world.clock.now())

    assert erasures.known(world.app.service) == {who: world.clock.now()}


@ON_SQLITE
@pytest.mark.parametrize(
    ("lines", "erased"),
    [
        (["moved a b", "moved b c", "erased c"], {"a": 0, "b": 1, "c": 2}),
        (["erased b", "moved a b"], {"b": 0}),  # whoever had the new address before her was somebody else
        (["moved a b", "erased b", "erased a"], {"a": 2, "b": 1}),  # and whoever had the old one since
        (["erased a", "moved a b", "erased b"], {"a": 1, "b": 2}),
        (["moved a b", "erased b", "back b"], {}),
    ],
)
def test_the_log_follows_a_person_from_address_to_address(world, lines, erased):
    """Whoever is erased is erased by each address that was theirs, as of the day on which it was given up."""
    days = [world.clock.at + timedelta(days=number) for number in range(len(lines))]
    for day, (what, *whom) in zip(days, (line.split() for line in lines), strict=True):
        erasures.note(world.app.service, " ".join(whom), what, day)

    assert erasures.known(world.app.service) == {who: days[place] for who, place in erased.items()}


@ON_SQLITE
def test_the_log_outlives_a_power_cut_and_is_its_owner_s(world, monkeypatch):
    """The line is on the disk, and then the file's name, before anything is erased; nobody else reads the file."""
    done = []
    monkeypatch.setattr(os, "fsync", lambda handle: done.append((os.fstat(handle).st_ino, os.fstat(handle).st_size)))
    erasures.note(world.app.service, "a" * 64, erasures.ERASED, world.clock.now())
    path = world.app.settings.data_dir / "erasures.log"
    log, beside = path.stat(), path.parent.stat()

    assert done == [(log.st_ino, log.st_size), (beside.st_ino, beside.st_size)]
    assert (log.st_mode & 0o777, log.st_size > 64) == (0o600, True)


@ON_SQLITE
@pytest.mark.parametrize("room", [0, 40, 100], ids=["none", "half a line", "a line and a bit"])
def test_without_room_for_the_log_nothing_is_noted(world, room):
    """A disk that is full in the middle of a line: it is as before, and whoever was to be erased is not."""
    path, now = world.app.settings.data_dir / "erasures.log", world.clock.now()
    erasures.note(world.app.service, "a" * 64, erasures.ERASED, now)
    before = path.read_bytes()
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + room, most))
    try:
        with pytest.raises(OSError):
            erasures.note_all(world.app.service, ["b" * 64, "c" * 64], erasures.ERASED, now)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    assert path.read_bytes() == before


# Backups of the keys.


def test_a_backup_of_the_database_holds_no_key(world, tmp_path):
    """On both engines the keys are left out: neither their table nor a wrapped key is in the file."""
    a_lesson(world, level=KEEP)
    answer(world, CANARY)
    with world.app.service.key_store.reading() as tx:
        key = tx.execute(keys_table.select()).one()
    held = take(world, tmp_path).read_bytes()

    assert b"person_keys" not in held
    assert key.wrapped not in held
    assert world.rows("SELECT count(*) FROM entries") == [(1,)]


def test_keys_come_back_from_their_backup(world, folder):
    """Lost keys are put back, and what they lock can be opened again; only the owner can read the file."""
    a_lesson(world, level=KEEP)
    answer(world, CANARY)
    taken = key_backups.take(world.app.service, folder, world.clock.real())
    with world.app.service.key_store.transaction() as tx:
        tx.execute(keys_table.delete())
    lost = words(world)
    added = key_backups.put_back(world.app.service, taken.file, world.clock.real())

    assert (lost, added, words(world)) == ([None], 1, [CANARY])
    assert taken.file.stat().st_mode & 0o777 == 0o600


@ON_SQLITE
def test_the_key_of_who_came_back_after_an_erasure_comes_back(world, folder):
    """What the log says of the person that she was before is no word about her new words."""
    a_lesson(world, level=KEEP)
    answer(world, "before")
    erase(world)
    world.clock.go(days=1)
    a_lesson(world, level=KEEP)
    answer(world, CANARY)
    taken = key_backups.take(world.app.service, folder, world.clock.real())
    with world.app.service.key_store.transaction() as tx:
        tx.execute(keys_table.delete())

    assert key_backups.put_back(world.app.service, taken.file, world.clock.real()) == 1
    assert words(world) == [CANARY]


def test_an_erased_persons_key_does_not_come_back(world, folder):
    """A backup of the keys from before Alice's erasure puts back Bob's key, and not hers."""
    for who in ("alice", "bob"):
        a_lesson(world, who, KEEP)
        answer(world, CANARY, who)
    taken = key_backups.take(world.app.service, folder, world.clock.real())
    erase(world)
    with world.app.service.key_store.transaction() as tx:
        tx.execute(keys_table.delete())
    added = key_backups.put_back(world.app.service, taken.file, world.clock.real())

    assert (taken.keys, added) == (2, 1)
    assert words(world, "bob") == [CANARY]


@ON_SQLITE
def test_backups_of_the_keys_are_gone_after_thirty_days(world, folder):
    """A new one erases those that are older, to the second; what is not ours stays."""
    mine = folder / "journal-keys-of-grandmother.json"
    mine.write_text("recipes")
    first = key_backups.take(world.app.service, folder, world.clock.real()).file
    world.clock.go(days=30)
    second = key_backups.take(world.app.service, folder, world.clock.real())
    world.clock.go(seconds=1)
    third = key_backups.take(world.app.service, folder, world.clock.real())

    assert (second.gone, third.gone) == (0, 1)
    assert set(folder.iterdir()) == {mine, second.file, third.file}
    assert first not in set(folder.iterdir())


@ON_SQLITE
def test_an_old_backup_of_the_keys_is_refused(world, folder):
    """After thirty days nothing is put back, and it says why."""
    file = key_backups.take(world.app.service, folder, world.clock.real()).file
    later = world.clock.real() + timedelta(days=30, seconds=1)

    with pytest.raises(BackupError, match="older than 30 days"):
        key_backups.put_back(world.app.service, file, later)


@ON_SQLITE
@pytest.mark.parametrize("content", ["", "{}", '{"made_at": "2027-03-01T12:00:00+00:00", "keys": [{}]}', "\u00fc"])
def test_a_file_that_is_no_backup_of_the_keys_is_refused(world, folder, content):
    """It is told in words, and no key changes."""
    file = folder / "file"
    file.write_text(content, encoding="utf-8")

    with pytest.raises(BackupError, match="is no backup of the keys"):
        key_backups.put_back(world.app.service, file, world.clock.real())
    assert keys(world) == 0


def test_rotation_needs_the_old_key_no_more(world):
    """After `course keys rotate` the service runs, and opens every word, with the new key alone."""
    a_lesson(world, level=KEEP)
    answer(world, CANARY)
    again(world, journal_keys=f"{NEW},{OLD}")
    changed = [person_keys.rotate(world.app.service) for _ in range(2)]
    again(world, journal_keys=NEW)

    assert changed == [1, 0]
    assert words(world) == [CANARY]


# The command line.


@ON_SQLITE
def test_what_the_old_key_had_wrapped_is_in_no_file_after_a_rotation(world):
    """Neither in the key store nor in what it has yet to take over: the old key opens nothing that is left there."""
    a_lesson(world, level=KEEP)
    answer(world, CANARY)
    again(world, journal_keys=f"{NEW},{OLD}")
    with world.app.service.key_store.reading() as tx:
        wrapped = tx.execute(keys_table.select()).one().wrapped
    files = world.app.settings.data_dir
    there = [any(wrapped in file.read_bytes() for file in files.glob("keys.db*"))]
    rotated = person_keys.rotate(world.app.service)
    there.append(any(wrapped in file.read_bytes() for file in files.glob("keys.db*")))

    assert (rotated, there) == (1, [True, False])


@ON_SQLITE
def test_where_a_key_of_the_ring_was_lost_the_newest_that_opens_is_used(world):
    """What Alice writes from then on gets a key of its own; once the lost one is back, that newer one goes on."""
    service, now = world.app.service, world.clock.real()

    def current(ring, days):
        settings = service.settings.model_copy(update={"journal_keys": SecretStr(ring)})
        with closing(replace(service, settings=settings, store=Store(str(service.store.engine.url)))) as other:
            return person_keys.current(other, "alice", now + timedelta(days=days))

    first, second, third = current(OLD, 0), current(NEW, 1), current(f"{NEW},{OLD}", 2)

    assert first != second
    assert third == second


@ON_SQLITE
def test_keys_that_words_are_locked_by_are_destroyed_wherever_they_stand(world):
    """After a restore they may stand under another address: they are found by their own names."""
    name, _ = person_keys.current(world.app.service, "another address", world.clock.real())
    person_keys.current(world.app.service, "bob", world.clock.real())

    assert person_keys.destroy(world.app.service, ["alice"], [name]) == 1
    assert keys(world) == 1


@ON_SQLITE
def test_the_keys_are_looked_after_on_the_command_line(world, course, folder, monkeypatch):
    """Backup, restore and rotate say what they did."""
    a_lesson(world, level=KEEP)
    answer(world, CANARY)
    monkeypatch.setenv("JOURNAL_KEYS", f"{NEW},{OLD}")
    said = [course("keys", "backup", str(folder)), course("keys", "rotate")]
    file = next(folder.iterdir())
    said.append(course("keys", "restore", str(file)))

    assert [ended.code for ended in said] == [0, 0, 0], said
    assert "1 keys" in said[0].out
    assert "Keys wrapped anew: 1." in said[1].out
    assert "Keys put back: 0." in said[2].out
    assert all(CANARY not in ended.out + ended.err for ended in said)


@ON_SQLITE
def test_export_opens_words_only_when_asked(world, course, monkeypatch):
    """An operator who looks a person up does not read her journal by the way; a copy for her has her words."""
    a_lesson(world, level=KEEP)
    answer(world, CANARY)
    monkeypatch.setenv("JOURNAL_KEYS", OLD)
    usual = course("export", "alice@example.org")
    asked = course("export", "alice@example.org", "--words")

    assert CANARY not in usual.out
    assert [entry["day"] for entry in json.loads(usual.out)["entries"]] == [1]
    assert [entry["words"] for entry in json.loads(asked.out)["entries"]] == [CANARY]


# Where words are not.


def holding(canary, *folders):
    """Return the files that hold these bytes, in the open or as mail programs and JSON would write them."""
    ways = {
        canary.encode(),
        canary.encode("utf-16-le"),
        base64.b64encode(canary.encode())[:-4],
        canary.encode().hex().encode(),
    }
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in files if any(way in read(path) for way in ways)]


def read(path):
    """Return what a file holds; nothing of one that another program has taken away meanwhile."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def test_a_canary_is_in_no_file_no_log_and_no_backup(world, tmp_path, folder, capsys, monkeypatch):
    """What Alice wrote is nowhere in the open: database, its log, spool, held mail, temporary files, backups, logs.

    A reply that is kept, one that is shared, one that waits in the spool and one that is held.
    """
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    logs.set_up("debug")
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    outside = Path(os.environ.get("TMPDIR", "/tmp"))  # noqa: S108 (it is looked at, not used); SQLite asks for it too
    before = set(outside.iterdir())
    a_lesson(world, level=KEEP)
    answer(world, f"{CANARY} one\n\n-- \n{CANARY} cut")
    choose(world, SHARE)
    answer(world, f"{CANARY} two")
    stranger = f"From: dora@example.org\r\nTo: hello@reply.dearself.example\r\nSubject: {CANARY}\r\n\r\n{CANARY}\r\n"
    world.deliver(stranger.encode())
    world.app.receive(stranger.encode(), source="test")
    file = take(world, tmp_path)
    key_backups.take(world.app.service, folder, world.clock.real())
    logged = capsys.readouterr()
    new = [path for path in set(outside.iterdir()) - before if path.is_file()]

    assert words(world) == [f"{CANARY} one", f"{CANARY} two"]
    assert [one.cut for one in diary.of(world.app.service, 1)] == [f"--\n{CANARY} cut", ""]
    assert len(list((world.app.spool_folder / "held").iterdir())) == 1
    assert file.stat().st_size > 0
    assert holding(CANARY, tmp_path) == []
    assert [path.name for path in new if CANARY.encode() in read(path)] == []
    assert CANARY not in logged.out + logged.err
    assert "a mail was decided" in logged.err


def test_the_search_for_canaries_finds_one(tmp_path):
    """The test above can fail: a canary in a file is found, also in base64."""
    (tmp_path / "open").write_text(f"dear diary, {CANARY}")
    (tmp_path / "encoded").write_bytes(base64.b64encode(CANARY.encode()))

    assert sorted(holding(CANARY, tmp_path)) == ["encoded", "open"]


@ON_POSTGRESQL
def test_a_canary_is_in_no_file_of_the_server(world):
    """Neither PostgreSQL's tables nor its write-ahead log hold what Alice wrote."""
    a_lesson(world, level=KEEP)
    answer(world, CANARY)
    with world.app.service.store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CHECKPOINT"))
        data = Path(connection.execute(text("SHOW data_directory")).scalar_one())

    assert words(world) == [CANARY]
    assert list((data / "pg_wal").iterdir())
    assert holding(CANARY, data) == []
