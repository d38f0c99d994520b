"""Promises to a person about what is known of them: all of it can be seen, and all of it can be erased."""

from __future__ import annotations

import json
import re

import pytest
from conftest import ON_SQLITE, beside

from course import erasure
from course.journeys import demo, privacy, reports, suppression


def live(world, hours):
    """Let time go by, with a tick every four hours."""
    while hours > 0:
        world.clock.go(hours=min(4, hours))
        world.app.tick()
        hours -= 4


def kept_files(world):
    """Return the bytes of every file of the service, the database's and its log's among them."""
    folder = world.app.settings.data_dir.parent
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def every_row(world):
    """Return all that the database holds, as text."""
    tables = (
        "subscribers enrolments deliveries mailings replies completions skips consents suppressions history "
        "provider_events limits facts"
    )
    return "\n".join(str(row) for table in tables.split() for row in world.rows(f"SELECT * FROM {table}"))  # noqa: S608 (our own names)


def a_day_with(world, who):
    """Let somebody join, get day 1, and answer it."""
    world.join(who)
    live(world, 21)
    world.reply(world.box.last("day-1"))
    world.app.tick()


def test_export_shows_all_that_is_known(world):
    """Alice gets every row about her: settings, rounds, mails, answers, consent; nothing is left out."""
    a_day_with(world, "alice")
    shown = privacy.export(world.app.service, "alice@example.org")

    assert shown["subscriber"][0]["email"] == "alice@example.org"
    assert [row["status"] for row in shown["enrolments"]] == ["active"]
    assert {"confirm-2027-03-01", "welcome", "day-1"} < {row["name"] for row in shown["deliveries"]}
    assert [(row["kind"]) for row in shown["replies"]] == ["completed"]
    assert [(row["day"], row["via"]) for row in shown["completions"]] == [(1, "reply")]
    assert [row["event"] for row in shown["history"]] == ["confirmed"]
    assert [row["what"] for row in shown["consents"]] == ["given"]
    assert (shown["skips"], shown["suppressions"]) == ([], [])


def test_export_shows_nobody_else(world):
    """What Alice gets says nothing of Bob."""
    a_day_with(world, "alice")
    world.join("bob")
    shown = json.dumps(privacy.export(world.app.service, "alice@example.org"))

    assert "alice" in shown
    assert not re.search(r"\bbob\b", shown, re.IGNORECASE)


def test_export_minds_no_letter_case(world):
    """An address is the same person in capitals."""
    world.join("alice")

    assert privacy.export(world.app.service, "ALICE@EXAMPLE.ORG")["enrolments"]


def test_export_of_a_stranger_is_empty(world):
    """Nothing is known of who never was here."""
    world.join("alice")

    assert not any(privacy.export(world.app.service, "bob@example.org").values())


def test_export_shows_a_suppression(world):
    """Who said "not me" can see that, and nothing more, is kept."""
    world.sign_up("alice")
    world.app.tick()
    world.app.not_me(world.confirm_token())
    shown = privacy.export(world.app.service, "alice@example.org")

    assert [table for table, found in shown.items() if found] == ["suppressions"]


def test_erasure_leaves_no_trace_of_a_person(world):
    """After erasure neither Alice's address nor her name is in any row, or in any file: database, log or spool."""
    a_day_with(world, "alice-canary")
    known = every_row(world)
    erased = privacy.erase(world.app.service, "alice-canary@example.org", world.clock.now())

    assert "alice-canary" in known
    assert erased
    assert "canary" not in every_row(world).casefold()
    assert [name for name, held in kept_files(world).items() if b"canary" in held.lower()] == []


@ON_SQLITE
def test_a_draft_that_becomes_a_letter_meanwhile_stops_no_erasure(world, monkeypatch):
    """TRANSPORT=folder, and mail is leaving: what was listed as a draft is not there any more when it is looked at."""
    world.join("alice")
    listed = erasure._files  # noqa: SLF001 (the moment between the two)
    monkeypatch.setattr(erasure, "_files", lambda folder: [*listed(folder), folder / ".draft-renamed"])

    assert erasure.erase(world.app.service, "alice@example.org", world.clock.now()).known


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
@pytest.mark.parametrize("moment", ["INSERT INTO deliveries", "UPDATE deliveries", "UPDATE enrolments SET next_day"])
def test_erasure_while_a_letter_leaves_is_carried_out(world, moment):
    """Whoever is erased while their letter is planned, claimed or settled is erased: no error, and nothing is left."""
    world.join("alice")
    world.clock.go(hours=20)
    with beside(world, moment, lambda: erasure.erase(world.app.service, "alice@example.org", world.clock.now())):
        world.app.tick()

    assert world.rows("SELECT id FROM subscribers") == []


def test_erasure_touches_nobody_else(world):
    """Bob's course goes on as if nothing had been."""
    a_day_with(world, "alice")
    world.join("bob")
    before = privacy.export(world.app.service, "bob@example.org")
    privacy.erase(world.app.service, "alice@example.org", world.clock.now())
    after = privacy.export(world.app.service, "bob@example.org")
    live(world, 24)

    assert after == before
    assert "day-1" in world.box.names("bob@example.org")


def test_erasure_keeps_the_proof_of_consent(world):
    """The proof that she had agreed stays, under a keyed hash that names nobody."""
    world.join("alice")
    privacy.erase(world.app.service, "alice@example.org", world.clock.now())
    mark = suppression.mark(world.app.keys, "alice@example.org")

    assert world.rows("SELECT who, what FROM consents") == [(mark, "given")]


def test_nothing_is_sent_after_erasure(world):
    """What was queued for her is gone with her."""
    world.join("alice")
    world.box.sent.clear()
    privacy.erase(world.app.service, "alice@example.org", world.clock.now())
    live(world, 48)

    assert world.box.sent == []


def test_a_reply_after_erasure_is_forgotten(world):
    """An answer that comes later, to a mail from before, is dropped: not held, not counted, not acknowledged."""
    a_day_with(world, "alice")
    old = world.box.last("day-1")
    privacy.erase(world.app.service, "alice@example.org", world.clock.now())
    world.box.sent.clear()
    decided = world.reply(old)
    world.app.tick()

    assert decided == ["dropped"]
    assert world.rows("SELECT * FROM replies") == []
    assert world.box.sent == []
    assert list(world.app.spool_folder.rglob("*.mail")) == []


def test_old_links_never_mean_somebody_new(world):
    """The link in an erased person's old mail does nothing to those who came after her."""
    world.join("alice")
    old = world.leave_token(world.box.last("welcome"))
    privacy.erase(world.app.service, "alice@example.org", world.clock.now())
    world.join("bob")
    world.app.leave(old, "page")

    assert world.rows("SELECT status FROM enrolments") == [("active",)]


def test_erasing_again_finds_nobody(world):
    """A second erasure, like that of a stranger, says that nobody was known."""
    world.join("alice")
    privacy.erase(world.app.service, "alice@example.org", world.clock.now())

    assert not privacy.erase(world.app.service, "alice@example.org", world.clock.now())


def test_she_may_come_back_after_erasure(world):
    """Erased is not suppressed: the same address can sign up again, as a stranger."""
    world.join("alice")
    privacy.erase(world.app.service, "alice@example.org", world.clock.now())
    world.clock.go(days=1)
    world.join("alice")

    assert world.rows("SELECT status FROM enrolments") == [("active",)]


def test_made_up_people_keep_away_from_real_ones(world):
    """Demo data is refused where a real person is, in words that say how many, and adds nobody."""
    world.join("alice")

    with pytest.raises(demo.RealPeopleError, match="1 people who are not made up"):
        demo.make(world.app.service, 5, world.clock.now(), due=False)
    assert world.rows("SELECT count(*) FROM subscribers") == [(1,)]


def test_made_up_people_can_be_forced(world):
    """Forced, they are added, and the real person stays as she was."""
    world.join("alice")
    before = privacy.export(world.app.service, "alice@example.org")
    demo.make(world.app.service, 5, world.clock.now(), due=False, force=True)

    assert world.rows("SELECT count(*) FROM subscribers") == [(6,)]
    assert privacy.export(world.app.service, "alice@example.org") == before


def test_made_up_people_can_be_more_later(world):
    """Made-up people are no reason to refuse more of them."""
    demo.make(world.app.service, 5, world.clock.now(), due=False)
    demo.make(world.app.service, 3, world.clock.now(), due=False)

    assert world.rows("SELECT count(*) FROM enrolments WHERE status = 'active'") == [(8,)]


@pytest.mark.parametrize(("due", "sent"), [(True, 30), (False, 0)], ids=["due", "not due"])
def test_made_up_people_are_due_if_asked(world, due, sent):
    """With `due` everybody is owed a lesson now; without, each waits for their own hour."""
    demo.make(world.app.service, 30, world.clock.now().replace(minute=30), due=due)
    world.clock.go(minutes=30)

    assert world.app.tick() == sent
    assert all(mail.mailing.name == "day-1" for mail in world.box.sent)


def test_made_up_people_can_get_no_mail(world):
    """Their addresses are in a domain that is reserved for examples."""
    demo.make(world.app.service, 30, world.clock.now(), due=False)

    assert {str(email).rpartition("@")[2] for (email,) in world.rows("SELECT email FROM subscribers")} == {
        "people.example"
    }


def test_stats_count(world):
    """Numbers by course: who stands where, what was sent and what was done, by day."""
    a_day_with(world, "alice")  # day 1 sent and done
    world.join("bob")
    live(world, 24)  # alice day 2, bob day 1
    world.app.leave(world.leave_token(world.box.last("day-1")), "page")
    world.join("charlie")
    world.app.pause(world.leave_token(world.box.last("welcome")))
    world.sign_up("dora")

    none = {str(day): 0 for day in range(1, 6)}
    assert reports.stats(world.app.service)["courses"]["self-compassion"] == {
        "enrolments": {"pending": 1, "active": 1, "paused": 1, "finished": 0, "stopped": 1},
        "sent": {**none, "1": 2, "2": 1},
        "completed": {**none, "1": 1},
        "came_from": {},
    }


def test_stats_of_nobody(world):
    """An empty service shows zeros, not gaps."""
    counts = reports.stats(world.app.service)["courses"]["self-compassion"]

    assert set(counts["enrolments"].values()) | set(counts["sent"].values()) | set(counts["completed"].values()) == {0}


def test_stats_name_nobody(world):
    """No address and no name is among the numbers."""
    a_day_with(world, "alice")
    shown = json.dumps(reports.stats(world.app.service)).casefold()

    assert "alice" not in shown
    assert "@" not in shown
