"""Promises of the way out that only writes to disk."""

from __future__ import annotations

import stat
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from servers import ALICE, BOB, CHARLIE

from course.outbound import open_transport
from course.outbound.folder import Folder, find, messages
from course.outgoing import Halt, Sent
from course.settings import load


@pytest.fixture
def outbox(tmp_path):
    """Return where the messages go."""
    return tmp_path / "outbox"


@pytest.fixture
def folder(tmp_path):
    """Open the transport by settings."""
    return open_transport(load(transport="folder", data_dir=tmp_path))


def test_is_chosen_by_its_name(folder):
    """TRANSPORT=folder opens this transport, which reports no events."""
    assert isinstance(folder, Folder)
    assert folder.has_events is False


def test_file_holds_the_very_bytes(folder, outbox):
    """A message is written exactly as it would leave."""
    folder.send(ALICE)

    assert [path.read_bytes() for path in outbox.iterdir()] == [ALICE.as_bytes()]


def test_file_is_named_by_utc_time_and_message_id(folder, outbox):
    """The name sorts by the moment in UTC, whatever zone the message's date is in, and ends with its Message-ID."""
    berlin = timezone(timedelta(hours=1))
    outcome = folder.send(replace(ALICE, date=datetime(2026, 3, 1, 0, 30, 5, tzinfo=berlin)))

    assert outcome == Sent("20260228-233005000000-abc234")
    assert [path.name for path in outbox.iterdir()] == ["20260228-233005000000-abc234.eml"]


def test_only_the_owner_can_read(folder, outbox):
    """Letters to people are nobody else's on this machine."""
    folder.send(ALICE)

    modes = [stat.S_IMODE(path.stat().st_mode) for path in (outbox, *outbox.iterdir())]
    assert modes == [0o700, 0o600]


def test_an_open_folder_is_closed_to_others(tmp_path, outbox):
    """A folder that others could read is theirs no more once the transport opens."""
    outbox.mkdir(mode=0o755)
    open_transport(load(transport="folder", data_dir=tmp_path))

    assert stat.S_IMODE(outbox.stat().st_mode) == 0o700


def test_the_same_message_id_is_one_mail(folder, outbox):
    """Sending a message again, later, replaces its file: the mailbox shows no second mail."""
    first = folder.send(ALICE)
    later = replace(ALICE, date=ALICE.date + timedelta(hours=2))
    second = folder.send(later)

    assert first == second
    assert [path.read_bytes() for path in outbox.iterdir()] == [later.as_bytes()]


def test_a_message_id_that_ends_like_another_is_its_own(folder, outbox):
    """Only the whole Message-ID makes two messages one."""
    folder.send(replace(ALICE, message_id="<aaa-bbb@dearself.example>"))
    folder.send(replace(BOB, message_id="<bbb@dearself.example>"))

    assert len(messages(outbox)) == 2


def test_messages_are_listed_newest_first(folder, outbox):
    """The mailbox page begins with the newest message; drafts and other files are no messages."""
    for who, minutes in ((BOB, 5), (ALICE, 0), (CHARLIE, 9)):
        folder.send(replace(who, date=ALICE.date + timedelta(minutes=minutes)))
    (outbox / ".draft-x").write_text("half a message")
    (outbox / "notes.eml").write_text("not ours")

    assert [path.stem[-6:] for path in messages(outbox)] == ["ccc234", "bbb234", "abc234"]


def test_no_folder_is_an_empty_mailbox(tmp_path):
    """Before the first message there is nothing to list, and that is no error."""
    assert messages(tmp_path / "nowhere") == []


def test_a_message_is_found_by_its_name(folder, outbox):
    """The name that `send` answered with leads to the file."""
    outcome = folder.send(ALICE)

    assert find(outbox, outcome.provider_id).read_bytes() == ALICE.as_bytes()


@pytest.mark.parametrize(
    "name",
    [
        "",
        "20260301-080005-zzz",
        "20260301-080005-abc234.eml",
        "../secret",
        "..",
        "/etc/passwd",
        "a/b",
        "a\\b",
        "a\0b",
        "ABC",
        "a" * 5000,
        "20260301-080005-abc234\n",
        "%2e%2e%2fsecret",
    ],
)
def test_any_other_name_finds_nothing(folder, outbox, name):
    """A name never leads out of the folder, and a strange one is no error."""
    folder.send(ALICE)
    (outbox.parent / "secret.eml").write_text("no letter")

    assert find(outbox, name) is None


def test_a_disk_that_cannot_be_written_halts(folder, outbox):
    """When nothing can be written nothing can leave, and the reason names the setting to look at."""
    outbox.rmdir()
    outbox.write_text("a file where the folder should be")
    outcome = folder.send(ALICE)

    assert isinstance(outcome, Halt)
    assert "DATA_DIR" in outcome.reason


def test_a_failed_write_leaves_no_half_message(folder, outbox, monkeypatch):
    """A write that breaks off leaves neither a message nor a draft."""

    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    outcome = folder.send(ALICE)

    assert isinstance(outcome, Halt)
    assert list(outbox.iterdir()) == []


def test_a_folder_taken_away_comes_back(folder, outbox):
    """Emptying the mailbox by removing its folder does not stop the service."""
    outbox.rmdir()

    assert isinstance(folder.send(ALICE), Sent)


def test_a_foreign_message_id_is_a_mistake_of_ours(folder):
    """A Message-ID that would not be a safe file name is a programming error, and nothing is written."""
    with pytest.raises(ValueError, match="Message-ID"):
        folder.send(replace(ALICE, message_id="<../../etc@x>"))
