"""Promises of the ledger: what a dead worker gave away and was answered is known, and nothing is guessed."""

from __future__ import annotations

import fcntl
import os

import pytest
from conftest import ON_SQLITE

from course import ledger as ledger_room
from course.journeys import breaker, doubts, settling
from course.journeys.doubts import ledgers
from course.ledger import Ledger, of_the_dead
from course.outgoing import Halt, RefusedMailing, RefusedRecipient, Sent, TryLater, Unsure

OUTCOMES = [
    Sent("4X2y-9"),
    TryLater("DATA: 451 busy", 30.0),
    RefusedRecipient("RCPT: 550 5.1.1", dead=True),
    RefusedMailing("DATA: 554 5.6.0"),
    Halt("MAIL: 530"),
    Unsure("fell silent “…”"),
]


def pages(folder):
    """Return what the ledgers of the dead say; they are removed by it."""
    found = []
    of_the_dead(folder, found.append)
    return found


def crash(ledger):
    """End a worker without any goodbye: its files are closed by the system."""
    os.close(ledger._file)  # noqa: SLF001 (what the system does when a process is killed)


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: type(outcome).__name__)
def test_an_answer_is_kept_whole(tmp_path, outcome):
    """Whatever became of a message is known after a crash exactly as it was."""
    ledger = Ledger(tmp_path, "worker-1")
    ledger.giving([7])
    ledger.answered([(7, outcome)])
    crash(ledger)
    (page,) = pages(tmp_path)

    assert (page.worker, page.given, page.answers) == ("worker-1", {7}, {7: outcome})
    assert pages(tmp_path) == []


def test_a_living_worker_s_ledger_is_not_touched(tmp_path):
    """Its lock says that it lives; nobody else settles its messages."""
    ledger = Ledger(tmp_path, "worker-1")
    ledger.giving([7])

    assert pages(tmp_path) == []
    assert ledger.path.exists()


def test_what_is_settled_is_forgotten(tmp_path):
    """Once the database knows it, the ledger begins anew; an empty one is removed with its worker."""
    ledger = Ledger(tmp_path, "worker-1")
    ledger.giving([7])
    ledger.answered([(7, Sent())])
    ledger.settled()
    ledger.giving([8])
    crash(ledger)
    (page,) = pages(tmp_path)
    quiet = Ledger(tmp_path, "worker-2")
    quiet.close()

    assert (page.given, page.answers) == ({8}, {})
    assert list(tmp_path.iterdir()) == []


def test_those_who_share_a_call_share_its_answer(tmp_path, monkeypatch):
    """A call of many is noted in one write before it leaves, its answer in one more; each of them has it."""
    writes = []
    ledger = Ledger(tmp_path, "worker-1")
    monkeypatch.setattr(os, "write", lambda file, data, write=os.write: writes.append(data) or write(file, data))
    ledger.giving([7, 8, 9])
    ledger.answered([(one, Sent("call-1")) for one in (7, 8)])
    crash(ledger)
    (page,) = pages(tmp_path)

    assert (page.given, page.answers) == ({7, 8, 9}, dict.fromkeys((7, 8), Sent("call-1")))
    assert len(writes) == 2


def test_a_disk_that_is_full_from_the_start_is_told_when_something_should_leave(tmp_path, monkeypatch):
    """Then it says why, and not before; what was noted nowhere cannot be taken for not given away."""
    with monkeypatch.context() as full:
        full.setattr(os, "write", lambda _file, _data: 0)
        ledger = Ledger(tmp_path, "worker-1")
        with pytest.raises(OSError, match="full"):
            ledger.giving([7])
    ledger.giving([8])
    ledger.settled()
    ledger.giving([9])
    crash(ledger)
    (page,) = pages(tmp_path)

    assert (page.given, page.whole) == ({9}, False)


def test_half_a_first_line_spoils_no_later_one(tmp_path, monkeypatch):
    """A disk that was full in the middle of it keeps nothing of it, and what is given away later is known.

    Such a ledger names no database; whoever works on one looks into it all the same.
    """
    with monkeypatch.context() as full:
        full.setattr(os, "write", lambda file, data, write=os.write: write(file, data[:10]))
        ledger = Ledger(tmp_path, "worker-1", "ours")
    ledger.giving([7])
    crash(ledger)
    found = []
    of_the_dead(tmp_path, found.append, "ours")

    assert [(page.given, page.whole) for page in found] == [({7}, False)]


def test_half_a_line_never_becomes_part_of_another(tmp_path, monkeypatch):
    """A disk that is full in the middle of a number keeps nothing of it: the next line speaks of nobody else."""
    ledger = Ledger(tmp_path, "worker-1")
    ledger.giving([7])
    with monkeypatch.context() as full:
        full.setattr(os, "write", lambda file, data, write=os.write: write(file, data[:1]))
        with pytest.raises(OSError, match="full"):
            ledger.giving([12])
    ledger.giving([34])
    crash(ledger)
    (page,) = pages(tmp_path)

    assert page.given == {7, 34}


@pytest.mark.parametrize("torn", [b'8 ["Se', b"1"], ids=["answer", "number"])
def test_a_torn_last_line_is_ignored(tmp_path, torn):
    """A power cut may leave half a line: its message is in doubt by the line before, or was never given away.

    Half a number speaks of nobody else.
    """
    (tmp_path / "worker-1.ledger").write_bytes(b'7\n7 ["Sent", {"provider_id": "a"}]\n8\n' + torn)
    (page,) = pages(tmp_path)

    assert (page.given, page.answers) == ({7, 8}, {7: Sent("a")})


def test_a_spoilt_line_spoils_no_other(tmp_path):
    """What cannot be read leaves its message in doubt; the rest is known."""
    spoilt = b'\xff\xfe\n8\n8 {"no": "answer"}\n9\n9 ["Sent", {"who": "knows"}]\n10\n10 ["Lost", {}]\n'
    (tmp_path / "worker-1.ledger").write_bytes(b'7\n7 ["Sent", {}]\n' + spoilt)
    (page,) = pages(tmp_path)

    assert (page.given, page.answers) == ({7, 8, 9, 10}, {7: Sent("")})


def test_a_ledger_that_was_shut_tells_of_nothing_more(tmp_path):
    """What was refused a moment after the end began never left: it is owed again at once, and is not in doubt."""
    ledger = Ledger(tmp_path, "worker-1")
    before = ledger.giving([7])
    ledger.shut()
    after = ledger.giving([8])
    crash(ledger)
    (page,) = pages(tmp_path)

    assert (before, after, page.given) == (True, False, {7})


def test_the_ledger_of_another_database_is_left_alone(tmp_path):
    """DATABASE_URL named another one for a while, whose numbers mean others: it is not lost by that."""
    one = Ledger(tmp_path, "worker-1", "ours")
    one.giving([7])
    crash(one)
    found, later = [], []
    of_the_dead(tmp_path, found.append, "another")
    of_the_dead(tmp_path, later.append, "ours")

    assert found == []
    assert [page.given for page in later] == [{7}]


@ON_SQLITE
def test_a_worker_s_ledger_names_its_database(world):
    """So that a start on another one, and then on this one again, finds it as it was."""
    world.sign_up()
    world.box.answer = lambda _: ledgers_now.append(world.app.ticker.ledger.path.read_text()) or Sent()
    ledgers_now = []
    world.app.tick()
    ((name,),) = world.rows("SELECT value FROM facts WHERE name = 'database'")

    assert ledgers_now[0].splitlines()[0].endswith(f" of {name}")


def test_a_page_that_could_not_be_settled_stays(tmp_path):
    """The database was away: the ledger is looked at again at the next tick."""
    crash_page = Ledger(tmp_path, "worker-1")
    crash_page.giving([7])
    crash(crash_page)

    def fail(_):
        raise ConnectionError

    with pytest.raises(ConnectionError):
        of_the_dead(tmp_path, fail)
    assert [page.given for page in pages(tmp_path)] == [{7}]


def three_claims(world):
    """Let a worker die with three claims; return their ids, and its ledger: one was answered, one given away."""
    for who in ("alice", "bob", "charlie"):
        world.join(who)
    with world.app.service.store.transaction() as tx:
        tx.exec_driver_sql(
            "UPDATE deliveries SET status = 'sending', worker = 'dead', settled_at = NULL WHERE name = 'welcome'"
        )
    ids = [row[0] for row in world.rows("SELECT id FROM deliveries WHERE name = 'welcome' ORDER BY id")]
    ledger = Ledger(ledgers(world.app.service), "dead")
    ledger.giving(ids[:1])
    ledger.answered([(ids[0], Sent("provider-9"))])
    ledger.giving(ids[1:2])
    crash(ledger)
    return ids, ledger


def test_a_dead_worker_s_claims_end_as_its_ledger_says(world):
    """Of three lessons, one was answered, one was given away, one never left: sent, in doubt, and owed as before."""
    (alice, bob, charlie), _ = three_claims(world)
    doubts.close_ledgers(world.app.service, world.clock.now(), world.clock.real())

    stand = dict(world.rows("SELECT id, status FROM deliveries WHERE name = 'welcome'"))
    assert stand == {alice: "sent", bob: "stalled", charlie: "queued"}
    assert world.rows("SELECT provider_id FROM deliveries WHERE status = 'sent' AND name = 'welcome'") == [
        ("provider-9",)
    ]


@pytest.mark.parametrize("head", ["of another start", "lost"])
def test_what_a_power_cut_may_have_taken_is_in_doubt(world, monkeypatch, head):
    """The machine went down: a message of which the ledger says nothing may have left all the same."""
    (alice, bob, charlie), ledger = three_claims(world)
    if head == "lost":
        ledger.path.write_bytes(b"")
    else:
        monkeypatch.setattr(ledger_room, "this_start", lambda: "another")
    doubts.close_ledgers(world.app.service, world.clock.now(), world.clock.real())

    stand = dict(world.rows("SELECT id, status FROM deliveries WHERE name = 'welcome'"))
    assert stand == {alice: "stalled" if head == "lost" else "sent", bob: "stalled", charlie: "stalled"}


def test_nothing_leaves_that_the_ledger_cannot_hold(world, monkeypatch):
    """The disk is full: nothing is given away, nobody's state changes, and the owner is told what to do."""

    def full(_ledger, _line):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Ledger, "_write", full)
    world.sign_up()
    world.app.tick()

    assert world.box.sent == []
    assert world.rows("SELECT status, attempts FROM deliveries") == [("queued", 0)]
    assert "No space left" in world.rows("SELECT value FROM facts WHERE name LIKE 'breaker%'")[0][0]


def test_a_ledger_is_never_seen_without_its_lock(tmp_path, monkeypatch):
    """Another worker of this machine looks for the ledgers of the dead just as this one makes its own."""
    flock, looked = fcntl.flock, []

    def meanwhile(file, how):
        if not looked:
            looked.append(of_the_dead(tmp_path, print))
        return flock(file, how)

    monkeypatch.setattr(fcntl, "flock", meanwhile)
    ledger = Ledger(tmp_path, "worker-1")

    assert looked
    assert ledger.path.exists()


def test_a_poison_answer_in_a_dead_worker_s_ledger_keeps_nobody_waiting(world, monkeypatch):
    """Alice's answer cannot be written down: hers is in doubt, the other claims end as the ledger says."""
    (alice, bob, charlie), ledger = three_claims(world)
    sent = settling.sent

    def not_for_alice(tx, service, left, *rest):
        if any(row.id == alice for row, _ in left):
            raise ZeroDivisionError
        return sent(tx, service, left, *rest)

    monkeypatch.setattr(settling, "sent", not_for_alice)
    doubts.close_ledgers(world.app.service, world.clock.now(), world.clock.real())

    stand = dict(world.rows("SELECT id, status FROM deliveries WHERE name = 'welcome'"))
    assert stand == {alice: "stalled", bob: "stalled", charlie: "queued"}
    assert not ledger.path.exists()


def test_a_ledger_that_cannot_be_made_is_told_and_stops_nothing_else(world, monkeypatch):
    """No room for a new file, or another's DATA_DIR: nothing leaves, the owner is told, mail that comes in is read."""
    make, read = os.open, []

    def full(path, *more, **named):
        if ".new" in str(path):
            raise OSError(28, "No space left on device")
        return make(path, *more, **named)

    world.sign_up()
    monkeypatch.setattr(os, "open", full)
    world.app.ticker.read_spool = lambda: read.append(1)
    world.app.tick()
    with world.app.service.store.reading() as tx:
        why = breaker.why(tx, world.app.service)

    assert "the ledger cannot be made: No space left on device. Check DATA_DIR" in why
    assert (world.box.sent, len(read)) == ([], 1)
