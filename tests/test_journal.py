"""Promises of the journal: no words are kept unless somebody asks, and then for them, locked, and not for ever."""

from __future__ import annotations

import hashlib
from types import SimpleNamespace

import mail_clients as clients
import pytest
from conftest import ON_SQLITE, make_settings
from sqlalchemy import select, update

from course.app import App
from course.journeys import journal, people, person_keys, suppression
from course.locking import LockedError, lock, new_key, unlock
from course.settings import SettingsError
from course.store.database import Store
from course.store.key_store import person_keys as keys_table
from course.store.states import JournalLevel
from course.store.tables import entries, subscribers

OLD, NEW = "journal-key-of-the-tests-0123456789abcdef", "journal-key-that-is-newer-0123456789abcdef"
COUNT, KEEP, SHARE = JournalLevel
CANARY = "heron-canary"


@pytest.fixture
def settings(tmp_path, database):
    """Load the settings of a service that offers a journal."""
    return make_settings(data_dir=tmp_path / "var", database_url=database, spread_minutes=1, journal_keys=OLD)


def round_of(world, who="alice"):
    """Return the number of somebody's newest round."""
    with world.app.service.store.reading() as tx:
        return people.find(tx, subscribers.c.email == f"{who}@example.org")[0].id


def choose(world, level, who="alice"):
    """Choose a level, as somebody's page will."""
    return journal.choose(world.app.service, round_of(world, who), level, "page", world.clock.real())


def kept_of(world, enrolment_id):
    """Return the rows of what is kept of a round, the oldest first, their words beside them."""
    query = select(entries).where(entries.c.enrolment_id == enrolment_id).order_by(entries.c.id)
    with world.app.service.store.reading() as tx:
        rows = tx.execute(query).all()
    return [SimpleNamespace(**row._mapping, words=journal.opened(world.app.service, row)) for row in rows]  # noqa: SLF001


def kept(world, who="alice"):
    """Return what is kept of somebody's newest round."""
    return kept_of(world, round_of(world, who))


def words(world, who="alice"):
    """Return the words alone."""
    return [entry.words for entry in kept(world, who)]


def lessons(world, who="alice"):
    """Return the lessons that somebody got."""
    return [mail for mail in world.box.sent if mail.to == f"{who}@example.org" and mail.mailing.day]


def a_lesson(world, who="alice", level=None):
    """Let somebody join, choose, and get day 1."""
    world.join(who)
    if level:
        choose(world, level, who)
    before = len(lessons(world, who))
    while len(lessons(world, who)) == before:
        world.pass_hours(1)


def answer(world, said, who="alice"):
    """Let somebody answer the newest lesson that they got."""
    return world.reply(lessons(world, who)[-1], said)


def again(world, **changed):
    """End the service and start it with other settings."""
    world.app.close()
    settings = world.app.settings.model_copy(
        update=make_settings(data_dir=world.app.settings.data_dir, **changed).model_dump(include=set(changed))
    )
    world.app = App.build(settings, transport=world.box, clock=world.clock)


# What is kept.


def test_nothing_is_kept_unless_somebody_asks(world):
    """Alice has chosen nothing: her day counts, and her words are nowhere, nor is a key made for her."""
    a_lesson(world)
    decided = answer(world, CANARY)

    assert decided == ["completed"]
    assert kept(world) == []
    assert world.rows("SELECT * FROM entries") == []
    assert not (world.app.settings.data_dir / "keys.db").exists()


def test_who_asks_finds_their_words_again(world):
    """Alice's words come back as she wrote them, with the day that they answer."""
    a_lesson(world, level=KEEP)
    answer(world, "It helped.\n\nA little — ø, 日本.")

    assert [(entry.day, entry.words) for entry in kept(world)] == [(1, "It helped.\n\nA little — ø, 日本.")]


def test_only_what_comes_after_the_choice_is_kept(world):
    """What Alice wrote before she asked was deleted, and stays so."""
    a_lesson(world)
    answer(world, "before")
    choose(world, KEEP)
    answer(world, "after")

    assert words(world) == ["after"]


def quoted(mail, said, style):
    """Return an answer in which a mail program quotes all of a mail of ours."""
    raw = clients.plain(clients.Sent(mail.as_bytes()), said, style)
    return raw.replace(b"reply-abc@reply.example.org", mail.reply_to.encode())


def keeps(world):
    """Have everything kept."""
    choose(world, KEEP)


def counts(world):
    """Take it back, and choose it anew."""
    choose(world, COUNT)
    choose(world, SHARE)


def own_pace(world):
    """Set her own pace, and have everything kept."""
    world.reply(world.box.last("welcome"), "PACE MY OWN")
    choose(world, KEEP)


def another_country(world):
    """Choose another country's help lines, and have everything kept."""
    with world.app.service.store.transaction() as tx:
        tx.exec_driver_sql("UPDATE subscribers SET country = 'US'")
    choose(world, KEEP)


@ON_SQLITE
@pytest.mark.parametrize("style", ["top", "bottom", "inter"])
@pytest.mark.parametrize("name", ["welcome", "day-1"])
@pytest.mark.parametrize("change", [keeps, counts, own_pace, another_country])
def test_what_alice_changed_since_makes_no_words_of_ours_hers(world, change, name, style):
    """The mail that she answers went out when things stood otherwise; what it said then is ours all the same."""
    a_lesson(world)
    change(world)
    world.deliver(quoted(world.box.last(name), "hello?", style))

    assert words(world) == ["hello?"]


@ON_SQLITE
@pytest.mark.parametrize("said", ["LETTER 2 MONTHS\n\nDear me", "Letter three months: Dear me"])
def test_a_letter_that_cannot_come_back_is_kept_as_any_answer(world, said):
    """With the line that asked: what somebody wrote is not ours to lose."""
    a_lesson(world, level=KEEP)
    world.reply(lessons(world)[-1], said)

    assert words(world) == [said]


def test_the_same_mail_twice_is_kept_once(world):
    """A mail that comes by two ways is one entry."""
    a_lesson(world, level=KEEP)
    for _ in range(2):
        world.reply(world.box.last("day-1"), "once", MessageID="<1@client.example.org>")

    assert words(world) == ["once"]


def test_a_command_is_no_entry(world):
    """PAUSE is something that Alice asks for, not something that she wrote."""
    a_lesson(world, level=KEEP)
    answer(world, "PAUSE")

    assert kept(world) == []


def test_words_below_done_are_kept(world):
    """Alice says that she is done, and then what she said; the day was done once."""
    a_lesson(world, level=KEEP)
    answer(world, "Done.\n\nTo myself I said: slowpoke. To Jo I would say: sit down.")
    world.app.tick()

    assert words(world) == ["Done.\n\nTo myself I said: slowpoke. To Jo I would say: sit down."]
    assert [entry.day for entry in kept(world)] == [1]
    assert world.box.names().count("receipt") == 1


@pytest.mark.parametrize("said", ["DONE", "NEXT\n\nBob", "SKIP\n\nBob", "AGAIN\n\nBob", "STOP\n\nBob"])
def test_what_stands_below_other_commands_is_no_entry(world, said):
    """They ask for something, and a name below them is no answer; DONE alone holds no other word."""
    a_lesson(world, level=KEEP)
    answer(world, said)

    assert kept(world) == []


def test_who_has_left_keeps_nothing_new(world):
    """After leaving, a late reply still counts its day; its words are not kept, for the course is over for her."""
    a_lesson(world, level=KEEP)
    answer(world, "before")
    world.app.leave(world.leave_token(world.box.last("welcome")), "page")
    answer(world, "after")

    assert words(world) == ["before"]


@pytest.mark.parametrize(
    ("level", "leaves", "said"), [(None, False, "count"), (KEEP, False, "keep"), (KEEP, True, "count")]
)
def test_whoever_writes_where_nobody_reads_hears_what_becomes_of_their_words(world, level, leaves, said):
    """The answer tells the truth: kept for whoever asked, and for nobody who has left."""
    a_lesson(world, level=level)
    if leaves:
        answer(world, "STOP")
        world.pass_hours(24)
    world.reply(next(mail for mail in world.box.sent if mail.mailing.name == "welcome"), CANARY)
    world.pass_hours(1)
    unread = world.box.last("unread")

    levels = world.app.catalogue.words["en-GB"]["levels"]
    assert unread.values["kept"] == levels[said]["kept"]
    assert words(world) == ([CANARY] if said == "keep" else [])


def test_a_choice_is_one_persons_and_one_rounds(world):
    """Bob's words are not kept because Alice asked, nor are Alice's when she comes back for another round."""
    a_lesson(world, level=KEEP)
    a_lesson(world, "bob")
    answer(world, "bob's", "bob")
    world.app.leave(world.leave_token(lessons(world)[0]), "page")
    a_lesson(world)
    answer(world, "alice's second round")

    assert (kept(world), kept(world, "bob")) == ([], [])


# Consents.


def consents(world):
    """Return which consents were recorded, in order."""
    return [row[0] for row in world.rows("SELECT what FROM consents ORDER BY id")]


@pytest.mark.parametrize(
    ("levels", "recorded"),
    [
        ([KEEP], ["keep-given"]),
        ([SHARE], ["keep-given", "share-given"]),
        ([KEEP, SHARE], ["keep-given", "share-given"]),
        ([SHARE, KEEP], ["keep-given", "share-given", "share-withdrawn"]),
        ([SHARE, COUNT], ["keep-given", "share-given", "keep-withdrawn", "share-withdrawn"]),
        ([COUNT], []),
        ([KEEP, KEEP], ["keep-given"]),
    ],
    ids=" ".join,
)
@ON_SQLITE
def test_each_consent_is_recorded_by_itself(world, levels, recorded):
    """Keeping and sharing are two consents: each is given, and withdrawn, in a row of its own."""
    world.join()
    for level in levels:
        choose(world, level)

    assert consents(world) == ["given", *recorded]


@ON_SQLITE
def test_the_proof_holds_the_words_that_were_shown(world):
    """What is kept as proof is what the page says, the honest sentence about the keys included."""
    world.join()
    choose(world, KEEP)
    ((shown, version, locale, how),) = world.rows(
        "SELECT wording, version, locale, how FROM consents WHERE what = 'keep-given'"
    )

    assert (
        "We show your words to nobody. They are stored locked, but whoever runs this server holds the keys and could "
        "technically open them." in shown
    )
    assert "After 365 days at most they are erased." in shown
    assert (version, locale, how) == (hashlib.sha256(shown.encode()).hexdigest()[:16], "en-GB", "page")


@ON_SQLITE
def test_taking_back_erases_the_words_at_once(world):
    """Who takes "keep" back has nothing kept any more, of any round."""
    a_lesson(world, level=KEEP)
    answer(world, CANARY)
    choose(world, COUNT)
    answer(world, "later")

    assert world.rows("SELECT * FROM entries") == []


@ON_SQLITE
def test_taking_back_is_meant_for_every_round_of_the_course(world):
    """Said in the second round, where nothing was asked for: the words of the first go, and that is proven."""
    a_lesson(world, level=SHARE)
    answer(world, CANARY)
    world.app.leave(world.leave_token(lessons(world)[0]), "page")
    a_lesson(world)
    before = len(world.rows("SELECT id FROM entries"))
    choose(world, COUNT)

    assert (before, world.rows("SELECT id FROM entries"), world.rows("SELECT level FROM journals")) == (1, [], [])
    assert consents(world)[-2:] == ["keep-withdrawn", "share-withdrawn"]


@ON_SQLITE
@pytest.mark.parametrize("how", ["taken back", "old"])
def test_what_is_erased_is_in_no_file(world, tmp_path, how):
    """Neither in the database nor in what it has yet to take over: its key is still there."""
    a_lesson(world, level=KEEP)
    answer(world, CANARY)
    (locked,) = world.rows("SELECT locked FROM entries")[0]
    there = [any(locked in file.read_bytes() for file in tmp_path.glob("course.db*"))]
    if how == "old":
        world.clock.go(days=400)
        journal.purge(world.app.service, world.clock.real())
    else:
        choose(world, COUNT)
    there.append(any(locked in file.read_bytes() for file in tmp_path.glob("course.db*")))

    assert there == [True, False]


@pytest.mark.parametrize("length", [0, 1, 12, 40])
def test_what_was_cut_short_is_not_opened(length):
    """However little of it is left, and said as for anything that nobody can open."""
    key = new_key()
    locked = lock(key, CANARY.encode(), "reply 1")

    assert unlock(key, locked, "reply 1") == CANARY.encode()
    with pytest.raises(LockedError, match="nobody can open it"):
        unlock(key, locked[: min(length, len(locked) - 1)], "reply 1")


@ON_SQLITE
def test_words_are_bound_to_the_reply_that_they_came_in(world):
    """Whoever can write into the database, and has no key, cannot let one answer stand in another's place."""
    a_lesson(world, level=KEEP)
    answer(world, "one")
    answer(world, "two")
    first, second = kept(world)
    with world.app.service.store.transaction() as tx:
        tx.execute(update(entries).where(entries.c.id == first.id).values(locked=second.locked))

    assert words(world) == [None, "two"]


@ON_SQLITE
def test_one_entry_can_be_taken_back(world):
    """Alice erases one reply; the other stays. Bob cannot erase hers."""
    a_lesson(world, level=KEEP)
    world.join("bob")
    answer(world, "one")
    answer(world, "two")
    first = kept(world)[0].id
    with world.app.service.store.transaction() as tx:
        alice, bob = (people.by_id(tx, round_of(world, who)) for who in ("alice", "bob"))
        taken = [journal.take_back(tx, who, first) for who in (bob, alice)]

    assert taken == [False, True]
    assert words(world) == ["two"]


def test_a_withdrawn_consent_is_no_leaving(world):
    """Taking the journal back leaves the course as it is."""
    a_lesson(world, level=SHARE)
    choose(world, COUNT)

    assert world.rows("SELECT status FROM enrolments") == [("active",)]


# Keys.


def test_words_are_locked_by_each_persons_own_key(world):
    """Alice's and Bob's entries name two keys, and neither opens the other's."""
    for who in ("alice", "bob"):
        a_lesson(world, who, KEEP)
        answer(world, f"{who}'s", who)
    (alice, one), (bob, other) = world.rows("SELECT key_id, locked FROM entries ORDER BY id")
    with world.app.service.store.transaction() as tx:
        tx.execute(update(journal.entries).where(journal.entries.c.key_id == bob).values(key_id=alice))

    assert alice != bob
    assert one != other
    assert (words(world), words(world, "bob")) == (["alice's"], [None])


def test_a_destroyed_key_closes_its_words_for_ever(world):
    """Without the key the entry is still there, and nobody can open it."""
    a_lesson(world, level=KEEP)
    answer(world, CANARY)
    person_keys.destroy(world.app.service, [suppression.mark(world.app.keys, "alice@example.org")])

    assert words(world) == [None]


@ON_SQLITE
def test_without_journal_keys_nothing_is_offered(world):
    """Asking for more than counting says what to set."""
    again(world, journal_keys="")
    world.join()

    assert not journal.offered(world.app.service)
    with pytest.raises(SettingsError, match="JOURNAL_KEYS: put"):
        choose(world, KEEP)


@ON_SQLITE
@pytest.mark.parametrize("ring", ["", NEW], ids=["none", "another"])
def test_a_missing_key_stops_the_start_and_loses_nothing(world, ring):
    """The service does not start without the key that people's words are locked with; put back, all is there."""
    a_lesson(world, level=KEEP)
    answer(world, CANARY)
    with pytest.raises(SettingsError, match="JOURNAL_KEYS"):
        again(world, journal_keys=ring)
    again(world, journal_keys=OLD)

    assert words(world) == [CANARY]


@ON_SQLITE
def test_a_start_that_is_refused_leaves_no_file_of_keys_open(world, monkeypatch):
    """Where keys are was looked at to refuse it: that is given back with the database."""
    a_lesson(world, level=KEEP)
    answer(world, CANARY)
    opened, closed = [], []

    class Watched(Store):
        def __init__(self, url):
            super().__init__(url)
            opened.append(self)

        def close(self):
            super().close()
            closed.append(self)

    monkeypatch.setattr("course.store.key_store.Store", Watched)
    with pytest.raises(SettingsError, match="JOURNAL_KEYS"):
        again(world, journal_keys=NEW)

    refused = list(opened), list(closed)
    again(world, journal_keys=OLD)

    assert len(refused[0]) == 1
    assert refused[0] == refused[1]


@ON_SQLITE
def test_a_new_key_before_the_old_one_opens_everything(world):
    """After a new key was put first, older words are still open, and newer ones are kept."""
    a_lesson(world, level=KEEP)
    answer(world, "older")
    again(world, journal_keys=f"{NEW},{OLD}")
    answer(world, "newer")

    assert words(world) == ["older", "newer"]


@ON_SQLITE
def test_a_mail_whose_words_cannot_be_locked_is_held(world):
    """If the key goes while the service runs, the mail waits in the spool instead of being dropped."""
    a_lesson(world, level=KEEP)
    answer(world, "first")
    with world.app.service.key_store.transaction() as tx:
        tx.execute(update(keys_table).values(wrapped=b"damaged"))
    decided = answer(world, "second")

    assert decided == []
    assert len(list((world.app.spool_folder / "held").iterdir())) == 1
    assert world.rows("SELECT count(*) FROM replies") == [(1,)]


def test_a_locked_error_says_nothing_of_the_words(world):
    """What is told when a key does not open an entry names the key's mark alone."""
    a_lesson(world, level=KEEP)
    answer(world, CANARY)
    key_id = world.rows("SELECT key_id FROM entries")[0][0]
    world.app.service.__dict__["key_ring"] = type(world.app.service.key_ring).of(NEW)

    with pytest.raises(LockedError, match=r"the key with the mark [0-9a-f]{8} is missing") as told:
        person_keys.find(world.app.service, key_id)
    assert CANARY not in str(told.value)


# How long.


def test_words_are_erased_after_their_days(world):
    """They are there until the last moment of the 365 days, and gone with it; the day stays counted."""
    a_lesson(world, level=KEEP)
    answer(world, CANARY)
    world.clock.go(days=365, microseconds=-1)
    world.app.tidy()
    before = words(world)
    world.clock.go(microseconds=1)
    world.app.tidy()

    assert before == [CANARY]
    assert kept(world) == []
    assert world.rows("SELECT day FROM completions") == [(1,)]


@ON_SQLITE
def test_the_purge_goes_on_until_all_that_is_old_is_gone(world, monkeypatch):
    """More entries than one transaction takes are erased in several."""
    monkeypatch.setattr(journal, "AT_ONCE", 2)
    a_lesson(world, level=KEEP)
    for number in range(5):
        answer(world, f"entry {number}")
    world.clock.go(days=365)

    assert journal.purge(world.app.service, world.clock.real()) == 5
    assert kept(world) == []
