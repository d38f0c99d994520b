"""Promises of the end of storage: so long after the end a person is forgotten, and only numbers stay."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from conftest import ON_SQLITE
from sqlalchemy import insert, update
from starlette.testclient import TestClient
from test_journal import KEEP, a_lesson, answer
from test_journal import settings as settings  # noqa: PLC0414 (a fixture: a service that offers a journal)
from test_restore import restore, take
from test_restore import world as world  # noqa: PLC0414 (a fixture: it drops what a restore keeps on PostgreSQL)

from course.content.courses import lesson_name
from course.inbound import spool
from course.journeys import (
    consent,
    erasures,
    key_backups,
    letter_ends,
    limits,
    people,
    provider_events,
    reports,
    resources,
    retention,
    signup,
    suppression,
)
from course.settings import Settings
from course.store.key_store import person_keys
from course.store.tables import consents, enrolments, letters, resource_links, subscribers
from course.web import create_app

DAYS = 90
ALICE = "alice@example.org"


def live(world, days):
    """Let days go by, with a tick at the hour of the letters and one at noon."""
    for _ in range(days):
        for hours in (20, 4):
            world.clock.go(hours=hours)
            world.app.tick()


def finish(world, *whom, **changed):
    """Let these people take the course to its end, farewell included, and answer its third day."""
    for who in whom:
        world.join(who, **changed)
    live(world, 7)
    for who in whom:
        name = lesson_name(3)
        mail = next(one for one in world.box.sent if one.mailing.name == name and one.to.startswith(who))
        world.reply(mail)
    world.app.tick()


def later(world, days=DAYS):
    """Let days go by, and tidy up."""
    world.clock.go(days=days)
    world.app.tidy()


def who_is_here(world):
    """Return who is known by name."""
    return sorted(name for (name,) in world.rows("SELECT name FROM subscribers"))


def add(world, table, **row):
    """Write a row of Alice's that another journey would write."""
    with world.app.service.store.transaction() as tx:
        person = people.find(tx, subscribers.c.email == ALICE)[0]
        known = {"subscriber_id": person.subscriber_id}
        if table is letters:
            known["enrolment_id"] = person.id
        tx.execute(insert(table).values(**known, **row))


def say(world, what):
    """Let Alice say yes or no to something, at this moment."""
    with world.app.service.store.transaction() as tx:
        person = people.find(tx, subscribers.c.email == ALICE)[0]
        consent.record(tx, world.app.keys, person, what, "Put me on the list.", "form", world.clock.real())


def test_so_long_after_the_end_a_person_is_erased_to_numbers(world):
    """Ninety days after finishing: no row of Alice's is left, and the statistics say the same as before.

    But for where she came from, which is counted of those who are still known.
    """
    finish(world, "alice", "bob", ref="spring-blog")
    before = reports.stats(world.app.service)
    came = before["courses"]["self-compassion"].pop("came_from")
    later(world)
    after = reports.stats(world.app.service)
    tables = ("subscribers", "enrolments", "deliveries", "replies", "completions", "history")
    rows = [world.rows(f"SELECT count(*) FROM {table}")[0][0] for table in tables]  # noqa: S608 (our own names)

    assert set(rows) == {0}
    assert (came, after["courses"]["self-compassion"].pop("came_from")) == ({"spring-blog": 2}, {})
    assert after == before
    assert before["courses"]["self-compassion"]["completed"]["3"] == 2
    assert sorted(world.rows("SELECT course, fact, day, number FROM past_counts")) == [
        ("self-compassion", "completed", 3, 2),
        ("self-compassion", "finished", 0, 2),
    ]


@ON_SQLITE
def test_nobody_is_erased_before_their_time(world):
    """A day too early, all is there; and however old, whoever still takes a course."""
    finish(world, "alice")
    later(world, DAYS - 3)
    world.join("bob")
    world.app.pause(world.leave_token())
    early = who_is_here(world)
    later(world, 1_000)

    assert early == ["Alice", "Bob"]
    assert who_is_here(world) == ["Bob"]


@ON_SQLITE
def test_whoever_left_is_forgotten_too(world):
    """Ninety days after leaving; what was cancelled is counted with what was sent."""
    world.join()
    world.app.leave(world.leave_token(), "page")
    later(world)

    assert who_is_here(world) == []
    assert ("self-compassion", "stopped", 0, 1) in world.rows("SELECT course, fact, day, number FROM past_counts")


@ON_SQLITE
def test_the_clock_counts_from_their_last_course(world):
    """Alice began the second course after the first: it is the end of that one that counts."""
    finish(world, "alice")
    world.clock.go(days=60)
    world.join(course="writing-with-self-compassion")
    world.clock.go(days=31)
    world.app.tidy()
    during = who_is_here(world)
    world.app.leave(world.leave_token(world.box.last("welcome")), "page")
    later(world, DAYS - 1)
    soon = who_is_here(world)
    later(world, 1)

    assert (during, soon, who_is_here(world)) == (["Alice"], ["Alice"], [])


LETTER = {"months": 6, "in_mail": False, "key_id": "k", "locked": b"x"}


@ON_SQLITE
def test_a_letter_that_waits_keeps_its_writer(world):
    """It comes back after six months; the person goes once it is gone."""
    finish(world, "alice")
    at = world.clock.at
    add(world, letters, **LETTER, asked_at=at, due_at=at + timedelta(days=180))
    later(world, 200)
    kept = who_is_here(world)
    with world.app.service.store.transaction() as tx:
        tx.execute(letters.delete())
    later(world, 1)

    assert (kept, who_is_here(world)) == (["Alice"], [])


@ON_SQLITE
def test_the_community_list_keeps_whoever_is_on_it(world):
    """As long as they are, however long; and their yes to it is kept with them, as proof."""
    finish(world, "alice")
    say(world, "list-given")
    later(world, 4 * 365)
    kept, proof = who_is_here(world), {what for (what,) in world.rows("SELECT what FROM consents")}
    say(world, "list-withdrawn")
    later(world, 1)

    assert (kept, who_is_here(world)) == (["Alice"], [])
    assert "list-given" in proof


@ON_SQLITE
def test_a_link_to_a_resource_keeps_whom_it_was_made_for_until_it_ends(world):
    """Nobody's link stops working before its time."""
    finish(world, "alice")
    at = world.clock.at
    add(world, resource_links, resource="feet", made_at=at, expires_at=at + timedelta(days=120))
    later(world, 100)
    kept = who_is_here(world)
    later(world, 30)

    assert (kept, who_is_here(world)) == (["Alice"], [])


@ON_SQLITE
def test_a_link_that_was_revoked_keeps_nobody(world):
    """It opens nothing any more, however long it would have."""
    finish(world, "alice")
    at = world.clock.at
    add(world, resource_links, resource="feet", made_at=at, expires_at=at + timedelta(days=400), revoked_at=at)
    later(world, 100)

    assert who_is_here(world) == []


def without_a_course(world, who):
    """Let somebody be known who takes no course: a link to an exercise was made for them."""
    kept = {"name": who.capitalize(), "locale": "en-GB", "timezone": "Europe/London", "send_hour": 8}
    address = f"{who}@example.org"
    with world.app.service.store.transaction() as tx:
        tx.execute(insert(subscribers).values(email=address, email_key=address, created_at=world.clock.now(), **kept))
    return resources.link(world.app.service, address, "dear-me", world.clock.real()).rpartition("/")[2]


@pytest.mark.parametrize(("revoked", "days"), [(False, 90 + DAYS), (True, DAYS)])
def test_who_has_only_a_link_is_forgotten_so_long_after_it_ended(world, revoked, days):
    """Bob never took a course. His link works for ninety days or until it is revoked; then he is kept as long again."""
    token = without_a_course(world, "bob")
    if revoked:
        resources.revoke(world.app.service, "bob@example.org", "dear-me", world.clock.real())
    later(world, days - 1)
    kept = who_is_here(world)
    later(world, 1)

    assert (kept, who_is_here(world)) == (["Bob"], [])
    assert resources.look(world.app.service, token, world.clock.real()) is None
    assert len(erasures.known(world.app.service)) == 1


@ON_SQLITE
def test_somebody_who_is_new_and_has_nothing_yet_is_kept_for_as_long(world):
    """No course and no link, since today: their time begins now."""
    without_a_course(world, "bob")
    with world.app.service.store.transaction() as tx:
        tx.execute(resource_links.delete())
    later(world, DAYS - 1)
    kept = who_is_here(world)
    later(world, 1)

    assert (kept, who_is_here(world)) == (["Bob"], [])


@ON_SQLITE
def test_who_has_only_a_link_is_kept_for_so_long_after_it_was_revoked(world):
    """Bob's is revoked after sixty days: his own ninety begin then, not with the link."""
    without_a_course(world, "bob")
    world.clock.go(days=60)
    resources.revoke(world.app.service, "bob@example.org", "dear-me", world.clock.real())
    later(world, 60)
    kept = who_is_here(world)
    later(world, 31)

    assert (kept, who_is_here(world)) == (["Bob"], [])


@ON_SQLITE
def test_a_newer_link_keeps_them_longer(world):
    """The last one counts; and where nobody's storage ends, theirs does not either."""
    without_a_course(world, "bob")
    later(world, 80)
    resources.link(world.app.service, "bob@example.org", "dear-me", world.clock.real())
    later(world, 90 + DAYS - 1)
    kept = who_is_here(world)
    settings = world.app.service.settings.model_copy(update={"keep_people_days": 0})
    never = retention.over(replace(world.app.service, settings=settings), world.clock.now(), world.clock.real())
    later(world, 1)

    assert (kept, never, who_is_here(world)) == (["Bob"], [], [])


@ON_SQLITE
def test_zero_days_keep_people_until_they_ask(world):
    """KEEP_PEOPLE_DAYS=0."""
    finish(world, "alice")
    service = world.app.service
    object.__setattr__(service, "settings", service.settings.model_copy(update={"keep_people_days": 0}))
    later(world, 1_000)

    assert who_is_here(world) == ["Alice"]


def test_their_key_goes_and_the_erasure_is_remembered(world):
    """What they wrote cannot be opened from any backup, and the log names their mark, as for `course erase`."""
    a_lesson(world, "alice", KEEP)
    answer(world, "heron-canary", "alice")
    live(world, 7)
    later(world)
    mark = suppression.mark(world.app.keys, ALICE)
    with world.app.service.key_store.reading() as tx:
        keys = tx.execute(person_keys.select()).all()

    assert keys == []
    assert erasures.known(world.app.service) == {mark: world.clock.now()}
    assert world.rows("SELECT count(*) FROM entries") == [(0,)]


def test_a_restore_of_an_older_backup_brings_nobody_back(world, tmp_path, pg_tools):
    """The backup still knows Alice; after the restore she is gone, and Bob, who goes on, is there."""
    finish(world, "alice")
    world.join("bob")
    file = take(world, tmp_path)
    later(world)
    restore(world, file)

    assert who_is_here(world) == ["Bob"]


@ON_SQLITE
def test_a_restore_without_the_log_lasts_a_tidy(world, tmp_path):
    """DATA_DIR was lost, and with it the erasure log: the end of storage finds them again."""
    finish(world, "alice")
    world.join("bob")
    file = take(world, tmp_path)
    later(world)
    (world.app.settings.data_dir / "erasures.log").unlink()
    restore(world, file, with_erased=True)
    back = who_is_here(world)
    world.app.tidy()

    assert (back, who_is_here(world)) == (["Alice", "Bob"], ["Bob"])


@ON_SQLITE
def test_whoever_is_gone_gets_no_answer_and_the_old_link_page(world):
    """A late reply is forgotten like any stranger's; an old link says politely that it is of no use."""
    finish(world, "alice")
    mail = world.box.last("day-3")
    token = world.leave_token(mail)
    later(world)
    sent = len(world.box.sent)
    decided = world.reply(mail, "I came back to it.")
    world.app.tick()
    page = TestClient(create_app(world.app), base_url="http://127.0.0.1:8000").get(f"/leave/{token}")

    assert decided == ["dropped"]
    assert len(world.box.sent) == sent
    assert (page.status_code, "alice" in page.text.casefold()) == (404, False)


@ON_SQLITE
def test_mail_of_theirs_that_waits_goes_with_them(world):
    """What nobody could decide is erased from the spool, too; Bob's waits on."""
    finish(world, "alice")
    world.join("bob")
    for who in ("alice", "bob"):
        to = f"hello@{world.app.settings.reply_domain}"
        world.deliver(f"From: {who}@example.org\nTo: {to}\nMessage-ID: <{who}@c.example.org>\n\nHi\n".encode())
    held = world.app.spool_folder / "held"
    before = len(list(held.iterdir()))
    world.clock.at += timedelta(days=DAYS)
    with world.app.service.store.transaction() as tx:
        tx.execute(update(enrolments).where(enrolments.c.status == "active").values(next_send_at=None))
    world.app.ticker.tidy()

    assert (before, len(list(held.iterdir()))) == (2, 1)


@ON_SQLITE
def test_whoever_signs_up_again_at_that_very_moment_stays(world):
    """They were looked up as over, and joined before they were erased: then they are not."""
    finish(world, "alice")
    world.clock.go(days=DAYS)
    found = retention.over(world.app.service, world.clock.now(), world.clock.real())
    world.sign_up("alice")
    gone = retention.end(world.app.service, found, world.clock.now(), world.clock.real())

    assert (len(found), gone, who_is_here(world)) == (1, [], ["Alice"])
    assert erasures.known(world.app.service) == {}


@ON_SQLITE
def test_of_those_whose_time_is_over_only_those_who_were_looked_through_are_erased(world):
    """Two hundred at a time: whose files were not looked for yet stays until then."""
    finish(world, "alice", "bob")
    world.clock.go(days=DAYS + 1)
    found = retention.over(world.app.service, world.clock.now(), world.clock.real())
    gone = retention.end(world.app.service, found[:1], world.clock.now(), world.clock.real())

    assert (len(found), gone, who_is_here(world)) == (2, ["alice@example.org"], ["Bob"])


@ON_SQLITE
def test_whom_the_log_does_not_take_stays_with_their_key(world, monkeypatch):
    """A full disk: nobody is erased whom a restore would bring back, and nobody's words are closed."""
    a_lesson(world, level=KEEP)
    answer(world, "It helped.")
    finish(world, "alice")
    world.clock.go(days=DAYS + 1)

    def full(*_):
        raise OSError(28, "No space left on device")

    found = retention.over(world.app.service, world.clock.now(), world.clock.real())
    monkeypatch.setattr(erasures, "note_all", full)
    with pytest.raises(OSError, match="No space"):
        retention.end(world.app.service, found, world.clock.now(), world.clock.real())
    with world.app.service.key_store.reading() as tx:
        keys = len(tx.execute(person_keys.select()).all())

    assert (len(found), who_is_here(world), keys) == (1, ["Alice"], 1)


@ON_SQLITE
def test_whoever_comes_back_later_is_somebody_new(world):
    """Signing up again after the end is a new person, whom no restore erases."""
    finish(world, "alice")
    later(world)
    world.clock.go(days=1)
    world.join("alice")

    assert world.rows("SELECT course, status FROM enrolments") == [("self-compassion", "active")]
    assert erasures.again(world.app.service, world.clock.now(), with_erased=False) == 0


# The proof.


@ON_SQLITE
def test_the_proof_goes_three_years_after_the_end(world):
    """A course that was paused for two years and then finished: its proof counts from its end, not from its yes."""
    world.join()
    began = world.clock.at
    world.app.pause(world.leave_token())
    world.clock.go(days=730)
    world.app.resume(world.leave_token(world.box.last("welcome")))
    live(world, 9)
    later(world)
    ended = date.fromisoformat(str(world.rows("SELECT at FROM consents WHERE what = 'ended'")[0][0])[:10])
    world.clock.at = began + timedelta(days=3 * 365 + 5)
    world.app.ticker.tidy()
    still = world.rows("SELECT what FROM consents ORDER BY id")
    world.clock.go(days=(ended - began.date()).days)
    world.app.ticker.tidy()

    assert still == [("given",), ("ended",)]
    assert world.rows("SELECT what FROM consents") == []


@ON_SQLITE
def test_the_proof_of_what_goes_on_stays(world):
    """Somebody who lets the course rest for four years has said yes to it all the same."""
    world.join()
    world.app.pause(world.leave_token())
    world.clock.go(days=4 * 365)
    world.app.ticker.tidy()

    assert world.rows("SELECT what FROM consents") == [("given",)]


@ON_SQLITE
def test_whoever_left_has_said_so_and_nothing_is_noted_for_them(world):
    """Their own goodbye is the end of what they agreed to: no second one is made up when they are erased."""
    world.join()
    world.app.leave(world.leave_token(), "page")
    later(world)

    assert who_is_here(world) == []
    assert world.rows("SELECT what FROM consents ORDER BY id") == [("given",), ("withdrawn",)]


@ON_SQLITE
def test_the_proof_of_a_course_that_ended_a_year_ago_stays(world):
    """Said yes to four years ago, and over for one: somebody may ask for two more."""
    world.join()
    world.clock.go(days=3 * 365)
    with world.app.service.store.transaction() as tx:
        over = {"status": "finished", "next_send_at": None, "ended_at": world.clock.at}
        tx.execute(update(enrolments).values(over))
    world.clock.go(days=365)
    with world.app.service.store.transaction() as tx:
        consent.forget(tx, world.app.keys, world.clock.at, world.clock.real())

    assert world.rows("SELECT what FROM consents") == [("given",)]


@ON_SQLITE
def test_the_proof_of_one_course_does_not_keep_that_of_another(world):
    """Each has its own three years, also where nothing else is known of a person any more."""
    row = {"who": "w", "what": "given", "wording": "yes", "version": "v", "locale": "en-GB", "how": "form"}
    now = world.clock.real()
    long_ago, since = now - timedelta(days=4 * 365), now - timedelta(days=365)
    with world.app.service.store.transaction() as tx:
        tx.execute(
            insert(consents), [{**row, "course": "first", "at": long_ago}, {**row, "course": "next", "at": since}]
        )
        consent.forget(tx, world.app.keys, world.clock.at, now)

    assert world.rows("SELECT course FROM consents") == [("next",)]


@ON_SQLITE
def test_the_proof_of_somebody_who_asked_to_be_erased_goes_in_time(world):
    """Three years after the yes: nothing is known of what came after."""
    world.join()
    with world.app.service.store.transaction() as tx:
        tx.execute(subscribers.delete())
    world.clock.go(days=3 * 365 + 1)
    world.app.ticker.tidy()
    with world.app.service.store.reading() as tx:
        left = tx.execute(consents.select()).all()

    assert left == []


# It is said.


@ON_SQLITE
@pytest.mark.parametrize(
    ("days", "farewell", "page"),
    [
        (90, "in the next 90 days, it still counts", "stay for 90 days after your last course has ended"),
        (0, "next week or next year, it still counts", "stay until you ask us to erase them"),
    ],
)
def test_people_are_told_what_is_so(world, days, farewell, page):
    """The farewell and the privacy page follow KEEP_PEOPLE_DAYS."""
    settings = world.app.settings.model_copy(update={"keep_people_days": days})
    world.app.settings = settings
    catalogue = world.app.catalogue
    object.__setattr__(catalogue, "settings", settings)
    shown = TestClient(create_app(world.app), base_url="http://127.0.0.1:8000").get("/privacy").text

    assert farewell in catalogue.mailing("self-compassion", "farewell", "en-GB").text
    assert page in shown


DOCS = Path(__file__).parents[1] / "docs/privacy.md"
HELD_BY = {
    "a sign-up that nobody confirms": signup.CONFIRM_WITHIN,
    "a mail that nobody can place, encrypted": spool.KEEP_HELD,
    "the proof of a yes, under a keyed hash": consent.KEEP,
    "hashes that limit sign-ups": limits.LONGEST,
    "names of the mail provider's events": provider_events.KEEP,
    "a backup of people's keys": key_backups.KEEP,
    "a letter that has come back, locked": letter_ends.KEEP,
}


def test_the_documented_retention_is_what_the_program_does():
    """Each row of docs/privacy.md with a number has the setting's default, or what the code holds."""
    row = re.compile(r"^\| ([^|]+) \| (\d+) days[^|]* \| (?:`(\w+)`|\S) \|$", re.MULTILINE)
    rows = row.findall(DOCS.read_text(encoding="utf-8"))
    by_setting = {setting: int(days) for _, days, setting in rows if setting}
    by_code = {what: timedelta(days=int(days)) for what, days, setting in rows if not setting}
    kept = {name.upper(): field.default for name, field in Settings.model_fields.items() if name.startswith("keep_")}

    assert by_setting == kept
    assert by_code == HELD_BY
