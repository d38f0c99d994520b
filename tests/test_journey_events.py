"""Promises about what a provider reports afterwards: in any order, repeated, odd or broken, it ends the same."""

from __future__ import annotations

import itertools
import random
from collections import Counter

import pytest
from conftest import ON_SQLITE

from course.journeys import demo
from course.outgoing import Unsure

DAY_1 = "SELECT status FROM deliveries WHERE name = 'day-1'"
# Tables of decisions that no engine could make differently run on one of them.


def live(world, hours):
    """Let time go by, with a tick every four hours."""
    while hours > 0:
        world.clock.go(hours=min(4, hours))
        world.app.tick()
        hours -= 4


def event(mail, kind, **more):
    """Return what SendGrid says about a mail (mail-facts section 1.2)."""
    named = f"{kind}-{mail.delivery_id}"
    base = {"email": mail.to, "timestamp": 1_804_000_000, "event": kind, "sg_event_id": named}
    return {**base, "ds_delivery": str(mail.delivery_id), **more}


@pytest.fixture
def alice(world):
    """Let Alice have her first lesson; return it."""
    world.join("alice")
    live(world, 20)
    return world.box.last("day-1")


def stands(world, who="alice"):
    """Return how a person's rounds stand, and whether an address is suppressed."""
    known = world.rows(
        "SELECT s.email, e.status FROM enrolments e JOIN subscribers s ON s.id = e.subscriber_id ORDER BY e.id"
    )
    return [status for email, status in known if email == f"{who}@example.org"], bool(
        world.rows("SELECT 1 FROM suppressions")
    )


def test_any_order_ends_the_same(world):
    """Arrivals and a late bounce, in each of their orders and each twice, leave the mail bounced, the address shut."""
    kinds = {"processed": {}, "deferred": {"attempt": "1"}, "delivered": {}, "bounce": {"status": "5.1.1"}}
    orders = list(itertools.permutations(kinds))
    demo.make(world.app.service, len(orders), world.clock.now(), due=True)
    world.app.tick()
    for mail, order in zip(world.box.sent, orders, strict=True):
        world.app.provider_events([event(mail, kind, **kinds[kind]) for kind in (*order, *reversed(order))])

    assert set(world.rows(DAY_1)) == {("bounced",)}
    assert set(world.rows("SELECT status, ended_reason FROM enrolments")) == {("stopped", "bounced")}
    assert world.rows("SELECT count(*) FROM suppressions") == [(len(orders),)]


def test_any_order_of_goodbyes_ends_the_same(world):
    """A complaint and an unsubscription, with arrivals between them, stop and suppress in whatever order they come."""
    orders = list(itertools.permutations(["delivered", "spamreport", "unsubscribe"]))
    demo.make(world.app.service, len(orders), world.clock.now(), due=True)
    world.app.tick()
    for mail, order in zip(world.box.sent, orders, strict=True):
        world.app.provider_events([event(mail, kind) for kind in order])

    assert set(world.rows(DAY_1)) == {("sent",)}
    assert set(world.rows("SELECT status FROM enrolments")) == {("stopped",)}
    assert world.rows("SELECT count(*) FROM suppressions") == [(len(orders),)]


def test_a_shuffled_batch_of_hundreds_is_taken_in(world):
    """300 events about 100 people in one batch, shuffled, with repetitions: each acts, each once."""
    demo.make(world.app.service, 100, world.clock.now(), due=True)
    world.app.tick()
    said = [event(mail, kind) for mail in world.box.sent for kind in ("processed", "delivered")]
    said += [event(mail, "bounce", status="5.1.1") for mail in world.box.sent[:50]]
    said += said[:50]
    random.Random(7).shuffle(said)  # noqa: S311 (an order, no secret)
    world.app.provider_events(said)

    assert len(said) == 300
    assert world.rows("SELECT count(*) FROM provider_events") == [(250,)]
    assert world.rows("SELECT count(*) FROM suppressions") == [(50,)]
    assert Counter(world.rows(DAY_1)) == {("bounced",): 50, ("sent",): 50}


@pytest.mark.parametrize("named", [True, False], ids=["by its id", "by its content"])
def test_an_event_acts_once(world, alice, named):
    """An old event that comes once more does not stop a round that began since."""
    said = event(alice, "unsubscribe")
    if not named:
        del said["sg_event_id"]
    world.app.provider_events([said, said])
    world.clock.go(days=1)
    world.join("alice")
    world.app.provider_events([said])

    assert stands(world)[0] == ["stopped", "active"]


# Bounces that say that an address is dead, and others (mail-facts section 1.2: full mailboxes and blocks come as
# bounces too). SendGrid puts 5.0.0 where the other side gave no status of its own.
BOUNCES = [
    ("no such mailbox", {"status": "5.1.1", "reason": "550 5.1.1 user unknown"}, True),
    ("no such domain", {"status": "5.1.2", "reason": "Host or domain name not found"}, True),
    ("moved away", {"status": "5.1.6", "reason": "mailbox has moved"}, True),
    ("null MX", {"status": "5.1.10", "reason": "recipient address has null MX"}, True),
    ("no status, a reason", {"reason": "550 The email account that you tried to reach does not exist"}, True),
    ("no status of its own", {"status": "5.0.0", "reason": "500 unknown recipient"}, True),
    ("status inside the reason", {"status": "", "reason": "550 5.1.1 <alice@example.org>: rejected"}, True),
    ("full mailbox", {"status": "5.2.2", "reason": "552 5.2.2 mailbox full"}, False),
    ("full for now", {"status": "4.2.2", "reason": "452 4.2.2 over quota"}, False),
    ("blocked for reputation", {"type": "blocked", "status": "5.7.1", "reason": "550 5.7.1 blocked"}, False),
    ("blocked, whatever it says", {"type": "blocked", "status": "5.1.1", "reason": "user unknown"}, False),
    ("policy", {"status": "5.7.1", "reason": "550 5.7.1 message refused by policy"}, False),
    ("content", {"status": "5.6.0", "reason": "554 5.6.0 message content rejected"}, False),
    ("nothing at all", {}, False),
    ("only nulls", {"status": None, "reason": None, "type": None}, False),
]


@ON_SQLITE
@pytest.mark.parametrize(("said", "dead"), [row[1:] for row in BOUNCES], ids=[row[0] for row in BOUNCES])
def test_only_a_dead_address_is_suppressed(world, alice, said, dead):
    """A bounce that says so ends the course and shuts the address; any other one only marks that mail."""
    world.app.provider_events([event(alice, "bounce", **{"type": "bounce", **said})])

    assert stands(world) == ((["stopped"], True) if dead else (["active"], False))
    assert world.rows(DAY_1) == [("bounced",)]


# The reasons that SendGrid documents for `dropped`.
DROPS = [
    ("Bounced Address", "stopped", "bounced", True),
    ("Invalid", "stopped", "bounced", True),
    ("Spam Reporting Address", "stopped", "complained", True),
    ("Unsubscribed Address", "stopped", "unsubscribed", False),
    ("Invalid SMTPAPI header", "active", None, False),
    ("Spam Content (if Spam Checker app is enabled)", "active", None, False),
    ("Recipient List over Package Quota", "active", None, False),
    ("", "active", None, False),
    (None, "active", None, False),
]


@ON_SQLITE
@pytest.mark.parametrize(("reason", "status", "ended", "shut"), DROPS, ids=[str(row[0]) or "none" for row in DROPS])
def test_a_drop_acts_by_its_reason(world, alice, reason, status, ended, shut):
    """What SendGrid would not send because of the person ends the course; because of the message, it does not."""
    world.app.provider_events([event(alice, "dropped", reason=reason)])

    assert world.rows("SELECT status, ended_reason FROM enrolments") == [(status, ended)]
    assert stands(world)[1] == shut


def test_a_complaint_stops_and_shuts(world, alice):
    """Who marks a mail as spam gets no more, of any course, even if they are signed up again."""
    world.app.provider_events([event(alice, "spamreport")])
    world.clock.go(days=2)
    world.box.sent.clear()
    world.sign_up("alice")
    live(world, 24)

    assert world.rows("SELECT status, ended_reason FROM enrolments") == [("stopped", "complained")]
    assert world.box.sent == []


@pytest.mark.parametrize("kind", ["unsubscribe", "group_unsubscribe"])
def test_an_unsubscription_stops_but_does_not_shut(world, alice, kind):
    """Who unsubscribes at the provider has left, and may sign up again."""
    world.app.provider_events([event(alice, kind)])

    assert stands(world) == (["stopped"], False)


@ON_SQLITE
@pytest.mark.parametrize("kind", ["processed", "delivered", "deferred"])
def test_an_arrival_clears_a_doubt(world, kind):
    """A mail that nobody was sure about is sent as soon as the provider has it; the course goes on, nothing twice."""
    world.box.has_events = True  # so that a doubt waits for them
    world.join("alice")
    sure, world.box.answer = world.box.answer, lambda _: Unsure("the line broke")
    live(world, 20)
    in_doubt = world.rows(DAY_1)
    world.box.answer = sure
    (delivery,) = world.rows("SELECT id FROM deliveries WHERE name = 'day-1'")
    said = {"event": kind, "sg_event_id": "e", "email": "alice@example.org", "ds_delivery": str(delivery[0])}
    world.app.provider_events([{**said, "timestamp": 1}])
    live(world, 24)

    assert in_doubt == [("stalled",)]
    assert world.rows(DAY_1) == [("sent",)]
    assert world.box.names("alice@example.org") == ["confirm", "welcome", "day-2"]


@ON_SQLITE
def test_an_arrival_that_is_told_late_clears_a_doubt_too(world):
    """At eight in the evening nobody was sure, half an hour later it is owed again; then SendGrid says that it came.

    It does not come twice, and counts for its date.
    """
    world.box.has_events = True
    world.join("alice", send_hour=20)
    sure, world.box.answer = world.box.answer, lambda _: Unsure("the line broke")
    live(world, 8)
    world.clock.go(minutes=31)
    world.app.tick()
    owed = world.rows(DAY_1)
    world.box.answer = sure
    (delivery,) = world.rows("SELECT id FROM deliveries WHERE name = 'day-1'")
    world.app.provider_events([{"event": "delivered", "sg_event_id": "e", "ds_delivery": str(delivery[0])}])
    live(world, 24)

    assert owed == [("queued",)]
    assert world.rows("SELECT status, local_date IS NOT NULL FROM deliveries WHERE name = 'day-1'") == [("sent", 1)]
    assert "day-1" not in world.box.names("alice@example.org")


@ON_SQLITE
def test_an_arrival_that_is_told_on_a_date_that_had_a_letter_counts_for_the_next(world):
    """Of day 2 nobody was sure; then she flies over the date line, and it is once more the date of day 1.

    Day 2 has come and does not come again; day 3 comes on a date after both.
    """
    world.box.has_events = True
    world.join("alice", timezone="Pacific/Kiritimati")
    live(world, 8)
    sure, world.box.answer = world.box.answer, lambda _: Unsure("the line broke")
    live(world, 24)
    world.clock.go(minutes=31)
    world.app.tick()
    owed = world.rows("SELECT status FROM deliveries WHERE name = 'day-2'")
    world.box.answer = sure
    world.reply(world.box.last("day-1"), "TIME ZONE Pago Pago")
    (delivery,) = world.rows("SELECT id FROM deliveries WHERE name = 'day-2'")
    world.app.provider_events([{"event": "delivered", "sg_event_id": "e", "ds_delivery": str(delivery[0])}])
    live(world, 24 * 2)
    dates = world.rows("SELECT day, local_date FROM deliveries WHERE kind = 'lesson' ORDER BY day")

    assert owed == [("queued",)]
    assert [(day, str(date)) for day, date in dates] == [(1, "2027-03-02"), (2, "2027-03-03"), (3, "2027-03-04")]
    assert [name for name in world.box.names() if name.startswith("day-")] == ["day-1", "day-3"]


def test_a_bounce_clears_a_doubt_too(world):
    """A mail in doubt that comes back had left: it is bounced, and not sent once more."""
    world.box.has_events = True
    world.join("alice")
    sure, world.box.answer = world.box.answer, lambda _: Unsure("the line broke")
    live(world, 20)
    world.box.answer = sure
    (delivery,) = world.rows("SELECT id FROM deliveries WHERE name = 'day-1'")
    world.app.provider_events([{"event": "bounce", "status": "5.2.2", "ds_delivery": str(delivery[0])}])
    live(world, 2)

    assert world.rows(DAY_1) == [("bounced",)]
    assert "day-1" not in world.box.names()


def test_a_late_bounce_is_known_by_its_address(world, alice):
    """A bounce that comes days later carries no id of ours; the address tells whose it is, whatever its capitals."""
    world.app.provider_events(
        [{"event": "bounce", "email": "Alice@Example.org", "status": "5.1.1", "sg_event_id": "x"}]
    )

    assert stands(world) == (["stopped"], True)


def test_our_id_counts_more_than_the_address(world, alice):
    """An event is about the person whose delivery it names, though another address stands beside it (a forward)."""
    world.join("bob")
    world.app.provider_events([event(alice, "unsubscribe", email="bob@example.org")])

    assert (stands(world, "alice")[0], stands(world, "bob")[0]) == (["stopped"], ["active"])


# Events that say nothing that could be acted on.
ODD = {
    "unknown type": {"event": "account_status_change", "email": "alice@example.org", "sg_event_id": "1"},
    "opened": {"event": "open", "email": "alice@example.org", "ds_delivery": "1", "sg_event_id": "1"},
    "clicked": {"event": "click", "email": "alice@example.org", "url": "https://example.org", "sg_event_id": "1"},
    "no type": {"email": "alice@example.org"},
    "nothing": {},
    "type of another kind": {"event": ["bounce"], "email": "alice@example.org"},
    "no address": {"event": "spamreport"},
    "address of another kind": {"event": "spamreport", "email": {"alice@example.org": 1}},
    "unknown address": {"event": "spamreport", "email": "nobody@example.net"},
    "unknown delivery": {"event": "delivered", "ds_delivery": "404"},
    "delivery too long": {"event": "delivered", "ds_delivery": "9" * 40},
    "delivery just too big": {"event": "delivered", "ds_delivery": "9" * 18},
    "delivery that is no number": {"event": "delivered", "ds_delivery": "1 OR 1=1"},
    "delivery in other digits": {"event": "delivered", "ds_delivery": "\N{SUPERSCRIPT TWO}"},
    "negative delivery": {"event": "delivered", "ds_delivery": -1},
    "id too long": {"event": "delivered", "sg_event_id": "x" * 5_000},
    "id of another kind": {"event": "delivered", "sg_event_id": {"a": [1]}},
    "reason of another kind": {"event": "dropped", "email": "nobody@example.net", "reason": {"why": 1}},
    "status of another kind": {"event": "bounce", "email": "nobody@example.net", "status": 511},
    "NUL in the id": {"event": "delivered", "sg_event_id": "a\x00b"},
    "NUL in the address": {"event": "spamreport", "email": "ali\x00ce@example.org", "sg_event_id": "1"},
    "half a character in the id": {"event": "delivered", "sg_event_id": "a\ud800b"},
    "half a character in the address": {"event": "spamreport", "email": "\ud800@example.org", "sg_event_id": "1"},
}


# PostgreSQL, which takes less as text than SQLite does, sees those that are odd as text.
TEXT = [name for name in ODD if "NUL" in name or "character" in name or "too" in name]


@pytest.mark.parametrize(
    ("database", "odd"),
    [*(("sqlite", name) for name in ODD), *(("postgresql", name) for name in TEXT)],
    indirect=["database"],
)
def test_one_odd_event_does_not_lose_the_batch(world, alice, odd):
    """What cannot be understood is passed over and hurts nobody; the event after it is acted on."""
    world.join("bob")
    bob = world.box.last("welcome")
    world.app.provider_events([ODD[odd], event(bob, "unsubscribe")])

    assert (stands(world, "alice")[0], stands(world, "bob")[0]) == (["active"], ["stopped"])


@ON_SQLITE
def test_a_thousand_odd_events_in_one_call_lose_none(world, alice):
    """Unknown, broken and twice the same, in any order: the three that mean something are acted on, once each."""
    world.join("bob")
    world.join("charlie")
    dice, (bob, charlie) = random.Random(10), [mail for mail in world.box.sent if mail.mailing.name == "welcome"][-2:]  # noqa: S311
    said = [event(alice, "bounce", status="5.1.1"), event(bob, "unsubscribe"), event(charlie, "spamreport")]
    batch = [*said, *said, *dice.choices(list(ODD.values()), k=1_000)]
    dice.shuffle(batch)
    world.app.provider_events(batch)

    assert [stands(world, who)[0] for who in ("alice", "bob", "charlie")] == [["stopped"]] * 3
    assert world.rows("SELECT count(*) FROM suppressions") == [(3,)]


def test_a_broken_reason_does_not_lose_the_batch(world, alice):
    """A bounce whose reason the database could not keep still counts, and so does the next event."""
    world.join("bob")
    bob = world.box.last("welcome")
    broken = event(alice, "bounce", status="5.1.1", reason="no such \x00 user \ud800")
    world.app.provider_events([broken, event(bob, "unsubscribe")])

    assert (stands(world, "alice")[0], stands(world, "bob")[0]) == (["stopped"], ["stopped"])


def test_what_is_written_down_shows_no_address(world, alice):
    """The reason of a bounce is kept for the owner, without the address in it."""
    world.app.provider_events([event(alice, "bounce", status="5.2.2", reason="<alice@example.org> over quota")])
    (error,) = world.rows("SELECT error FROM deliveries WHERE name = 'day-1'")

    assert "over quota" in error[0]
    assert "alice" not in error[0]


def test_event_names_are_forgotten_after_a_week(world, alice):
    """Only so long as the provider may repeat itself is an event's name kept."""
    world.app.provider_events([event(alice, "delivered")])
    world.clock.go(days=6, hours=23)
    world.app.tidy()
    after_six_days = world.rows("SELECT count(*) FROM provider_events")
    world.clock.go(hours=2)
    world.app.tidy()

    assert (after_six_days, world.rows("SELECT count(*) FROM provider_events")) == ([(1,)], [(0,)])
