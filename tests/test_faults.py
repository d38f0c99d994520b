"""Promises for bad moments of a sending: the database is gone, the other side is slow, somebody leaves meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from conftest import ON_SQLITE
from servers import HANG, Answer, Provider, RudeServer
from sqlalchemy import event, select, update
from sqlalchemy.exc import OperationalError

from course import links
from course.app import App
from course.journeys import claiming, demo, doubts, planning, settling, shift, suppression
from course.outbound import one_by_one
from course.outbound.greeting import Server
from course.outbound.sendgrid import SendGrid
from course.outbound.smtp import Smtp
from course.outgoing import Notes, Outcome, Outgoing, Sent, Unsure
from course.store.tables import subscribers

ON_POSTGRESQL = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
EIGHT = datetime(2027, 3, 2, 8, 0, tzinfo=UTC)
PEOPLE = ("alice", "bob", "charlie")
PHASES = {
    "plan": (planning, "_plan_some"),
    "claim": (claiming, "_claim_some"),
    "re-check": (shift, "still_wanted"),
    "settle": (settling, "sent"),
    "sweep": (doubts, "_decide"),
}


class Outage:
    """The database goes when a phase begins, and is gone until it is put back; what was not committed is not there."""

    def __init__(self, store, monkeypatch, phase, *, at_commit):
        self.gone, self._armed = False, True
        self._at_commit = at_commit
        place, name = PHASES[phase]
        whole = getattr(place, name)

        def begin(*args, **named):
            if self._armed and not at_commit:
                self.go()
            try:
                return whole(*args, **named)
            finally:
                if self._armed and at_commit:
                    self.go()

        monkeypatch.setattr(place, name, begin)
        for what in ("before_cursor_execute", "commit", "begin"):
            event.listen(store.engine, what, self._refuse)

    def go(self):
        self.gone, self._armed = True, False

    def _refuse(self, *_):
        if self.gone:
            raise OperationalError("SELECT 1", {}, Exception("the server closed the connection unexpectedly"))


@pytest.fixture
def three(world):
    """Give a world in which the first lessons of Alice, Bob and Charlie are due."""
    for who in PEOPLE:
        world.join(who)
    world.clock.at = EIGHT
    world.box.sent.clear()
    return world


def hold(world):
    """Let WHEN_UNSURE=hold decide what becomes of a doubt: whoever is wrongly in doubt then never gets their lesson."""
    world.app.close()
    world.app = App.build(
        world.app.settings.model_copy(update={"when_unsure": "hold"}), transport=world.box, clock=world.clock
    )


@pytest.mark.parametrize("at_commit", [False, True], ids=["first", "commit"])
@pytest.mark.parametrize("phase", PHASES)
def test_a_database_that_goes_and_comes_back(three, monkeypatch, phase, at_commit):
    """Gone in any phase, as it begins or at its end, and back a minute later: each lesson came, and once.

    In doubt is only what was given away without an answer: nothing that could not be released or written down.
    """
    hold(three)
    unsure = ["bob"] if phase == "sweep" else []

    def answer(outgoing):
        three.clock.go(seconds=0.3)  # it is checked again after each who still wants their mail
        if unsure and outgoing.to.startswith(unsure[0]):
            unsure.clear()
            return Unsure("no answer")
        return Sent()

    three.box.answer = answer
    if phase == "sweep":
        three.app.ticker.turn()
    outage = Outage(three.app.service.store, monkeypatch, phase, at_commit=at_commit)
    with pytest.raises(OperationalError):
        three.app.tick()
    outage.gone = False
    for _ in range(3):
        three.clock.go(minutes=1)
        three.app.tick()
    stand = dict(three.rows("SELECT status, count(*) FROM deliveries WHERE name = 'day-1' GROUP BY status"))

    assert stand == ({"sent": 2, "unknown": 1} if phase == "sweep" else {"sent": 3})
    assert set(Counter(mail.to for mail in three.box.sent).values()) == {1}


@dataclass
class Hand:
    """A way out that takes ten thousand messages without looking at them; `then` happens after each."""

    then: Callable[[Outgoing], object]
    to: list[str] = field(default_factory=list)
    has_events = False
    most = 1

    def prepare(self, outgoing: Outgoing) -> None:
        """Take it as it is."""

    def send_many(self, batch: Iterable[Outgoing], notes: Notes) -> None:
        one_by_one(self.send, batch, notes)

    def send(self, outgoing: Outgoing) -> Outcome:
        self.to.append(outgoing.to)
        self.then(outgoing)
        return Sent()

    def close(self) -> None:
        """Keep nothing open."""


def test_who_leaves_in_the_middle_of_ten_thousand_gets_nothing_more(world):
    """Ten thousand lessons are leaving; two people leave, one of this claim and one of a later: theirs do not leave."""
    service, clock = world.app.service, world.clock
    demo.make(service, 10_000, clock.now(), due=True)
    with service.store.reading() as tx:
        people = tx.execute(select(subscribers.c.id, subscribers.c.email).order_by(subscribers.c.id)).all()
    leaving = [people[2_100 + place] for place in (90, 7_000)]

    def leave(outgoing):
        if outgoing.to == people[2_100].email:
            for person in leaving:
                link, _ = links.leave_links(service.keys, person.id, "self-compassion", "", "reply.dearself.example")
                assert world.app.leave(link.rpartition("/")[2], "page")
            clock.go(seconds=2 * shift.SLICE)

    world.app.close()
    hand = Hand(leave)
    world.app = App.build(world.app.settings, transport=hand, clock=clock)
    world.app.tick()

    assert len(set(hand.to)) == len(hand.to) == 9_998
    assert not {person.email for person in leaving} & set(hand.to)


@dataclass
class Far(Hand):
    """A way out whose answers come when the next message has left; it asks for all its messages at once if `eager`."""

    eager: bool = False
    calls: int = 0

    def send_many(self, batch: Iterable[Outgoing], notes: Notes) -> None:
        self.calls += 1
        letters, on_their_way = iter(list(batch) if self.eager else batch), list[Outgoing]()
        while notes.go_on() and (outgoing := next(letters, None)):
            refused = notes.giving(outgoing)
            if refused:
                notes.answered(outgoing, refused)
                continue
            self.send(outgoing)
            on_their_way.append(outgoing)
            if len(on_their_way) > 1:
                notes.answered(on_their_way.pop(0), Sent())
        for outgoing in on_their_way:
            notes.answered(outgoing, Sent())


@pytest.mark.parametrize("eager", [False, True], ids=["one by one", "all at once"])
def test_who_still_wants_their_mail_is_asked_while_others_are_on_their_way(world, eager):
    """A server far away never waits for that: its next messages leave; and not the one of a person who left."""
    service, clock = world.app.service, world.clock
    demo.make(service, 4, clock.now(), due=True)
    with service.store.reading() as tx:
        people = tx.execute(select(subscribers.c.id, subscribers.c.email).order_by(subscribers.c.id)).all()

    def leave(outgoing):
        if outgoing.to == people[0].email:
            link, _ = links.leave_links(service.keys, people[2].id, "self-compassion", "", "reply.dearself.example")
            assert world.app.leave(link.rpartition("/")[2], "page")
        clock.go(seconds=1.2 * shift.SLICE)

    world.app.close()
    far = Far(leave, eager=eager)
    world.app = App.build(world.app.settings, transport=far, clock=clock)
    world.app.tick()
    clock.go(minutes=2)
    world.app.tick()

    assert far.to == [people[place].email for place in (0, 1, 3)]
    assert far.calls == 1
    assert world.rows("SELECT status, count(*) FROM deliveries WHERE kind = 'lesson' GROUP BY status ORDER BY 1") == [
        ("cancelled", 1),
        ("sent", 3),
    ]


@ON_SQLITE
def test_a_mistake_in_asking_who_still_wants_their_mail_is_told(three, monkeypatch):
    """It is raised, whatever could be written down right after it; the rest is sent by the next tick, and once."""
    mistakes, ask = [ValueError("a mistake of ours")], claiming.still_wanted

    def still_wanted(*how):
        if mistakes:
            raise mistakes.pop()
        return ask(*how)

    def answer(_):
        three.clock.go(seconds=1.2 * shift.SLICE)
        return Sent()

    monkeypatch.setattr(claiming, "still_wanted", still_wanted)
    three.box.answer = answer
    with pytest.raises(ValueError, match="a mistake of ours"):
        three.app.tick()
    three.app.tick()

    assert Counter(mail.to.partition("@")[0] for mail in three.box.sent) == dict.fromkeys(PEOPLE, 1)


@pytest.mark.parametrize("what", ["their address is never to be written to", "their date is over"])
def test_what_else_keeps_a_message_back_is_seen_while_others_are_on_their_way(world, what):
    """An address that an operator suppresses meanwhile, and a midnight: nobody's enrolment changes by either."""
    service, clock = world.app.service, world.clock
    clock.go(hours=11, minutes=59, seconds=59)  # a second before midnight
    demo.make(service, 4, clock.now(), due=True)
    with service.store.transaction() as tx:
        tx.execute(update(subscribers).values(timezone="Europe/London"))
        people = tx.execute(select(subscribers.c.email).order_by(subscribers.c.id)).scalars().all()

    def meanwhile(outgoing):
        if outgoing.to == people[0] and what.endswith("written to"):
            with service.store.transaction() as tx:
                suppression.suppress(tx, service.keys, people[2], "by hand", clock.real())
        clock.go(seconds=1.2 * shift.SLICE if what.endswith("written to") else 1)

    world.app.close()
    far = Far(meanwhile)
    world.app = App.build(world.app.settings, transport=far, clock=clock)
    world.app.tick()

    assert far.calls == 1
    assert far.to == [people[place] for place in ((0, 1, 3) if what.endswith("written to") else (0,))]


@ON_SQLITE
def test_who_leaves_while_a_connection_is_made_gets_nothing(world):
    """The mail server lets us wait for its greeting (postscreen: six seconds), and Alice leaves in that time."""
    world.join("alice")
    token, left = world.leave_token(), []
    world.clock.at = EIGHT
    world.app.close()

    def greet():
        if not left:
            left.append(world.app.leave(token, "page"))
            world.clock.go(seconds=6)
        return "220 rude"

    with RudeServer({"HI": greet}) as server:
        smtp = Smtp(Server("127.0.0.1", server.port, tls="none"), "course.example", monotonic=world.clock.monotonic)
        world.app = App.build(world.app.settings, transport=smtp, clock=world.clock)
        world.app.tick()
        lessons = world.rows("SELECT status FROM deliveries WHERE name = 'day-1'")
        world.app.close()

    assert left[0] is not None
    assert ("sent",) not in lessons


@pytest.fixture
def refused_once(world, monkeypatch):
    """Give what sends to four by SendGrid in one call: it is refused and names nobody, and `meanwhile` happens."""
    monkeypatch.setenv("no_proxy", "*")
    for who in ("alice", "bob", "charlie", "dora"):
        world.join(who)
    world.clock.at = EIGHT
    world.app.close()

    def send(meanwhile):
        refused = []

        def rule(_):
            if refused:
                return Answer()
            refused.append(meanwhile())
            return Answer(400, b'{"errors": [{"message": "Bad Request", "field": null}]}')

        with Provider(rule=rule) as provider, closing(SendGrid("SG.k", provider.url, batch=10)) as transport:
            world.app = App.build(world.app.settings, transport=transport, clock=world.clock)
            world.app.ticker.turn()
        return [who for request in provider.requests[1:] for who in request.people]

    return send


def test_who_leaves_before_a_refused_call_is_repeated_gets_nothing(world, refused_once):
    """What was refused reached nobody; Alice leaves, and only the others are in what is repeated."""
    hers = next(mail for mail in world.box.sent if mail.to.startswith("alice") and mail.leave)
    token = world.leave_token(hers)
    again = refused_once(lambda: (world.app.leave(token, "page"), world.clock.go(seconds=2)))

    assert sorted(again) == ["bob", "charlie", "dora"]


@ON_POSTGRESQL
def test_out_of_touch_nothing_is_repeated(world, refused_once):
    """The database was out of reach for over a minute: what was refused may be another worker's by now."""
    assert refused_once(lambda: world.clock.go(seconds=90)) == []


def test_a_slow_server_is_waited_for(three):
    """It takes twenty seconds for each message: nobody's claim is lost to that, and each lesson comes once."""

    def slow(_):
        three.clock.go(seconds=20)
        three.app.beat()  # as the worker's own thread does, whatever its tick waits for
        return Sent()

    three.box.answer = slow
    three.app.tick()
    three.app.tick()

    assert sorted(mail.to.partition("@")[0] for mail in three.box.sent) == list(PEOPLE)
    assert three.rows("SELECT DISTINCT status, attempts FROM deliveries WHERE name = 'day-1'") == [("sent", 0)]


@pytest.mark.parametrize(("step", "came"), [("MAIL", 3), (".", 4)], ids=["before", "after"])
def test_a_peer_that_vanished_costs_one_message(three, step, came):
    """The other end of a connection is gone without a word: what waits for it is tried again by another connection.

    Only the message whose final dot had left can come twice.
    """
    three.app.close()
    with RudeServer({step: HANG}, {}) as server:
        soon = {"answer_seconds": 0.2, "taking_seconds": 0.2}
        smtp = Smtp(Server("127.0.0.1", server.port, tls="none"), "course.example", **soon)
        three.app = App.build(three.app.settings, transport=smtp, clock=three.clock)
        for _ in range(3):
            three.app.tick()
            three.clock.go(minutes=2)
        three.app.close()
    asked = Counter(line for talk in server.heard for line in talk if line.startswith("RCPT"))

    assert three.rows("SELECT status, count(*) FROM deliveries WHERE name = 'day-1' GROUP BY status") == [("sent", 3)]
    assert (len(asked), asked.total()) == (3, came)


@pytest.fixture
def standing_by(three):
    """Give a list; while it holds anything the database is a standby, which refuses to write."""
    held = []
    event.listen(
        three.app.service.store.engine,
        "begin",
        lambda connection: connection.exec_driver_sql("SET TRANSACTION READ ONLY") if held else None,
    )
    return held


@ON_POSTGRESQL
def test_a_standby_that_only_reads_forgets_no_answer(three, standing_by):
    """The lessons left, and the database only reads for a while: they are settled when it writes, and came once."""
    three.box.answer = lambda _: standing_by.append(1) or Sent()
    for _ in range(2):
        with pytest.raises(OperationalError):
            three.app.tick()
    standing_by.clear()
    for _ in range(3):
        three.app.tick()
        three.clock.go(minutes=10)

    assert sorted(mail.to.partition("@")[0] for mail in three.box.sent) == list(PEOPLE)
    assert three.rows("SELECT status, count(*) FROM deliveries WHERE name = 'day-1' GROUP BY status") == [("sent", 3)]


@ON_POSTGRESQL
def test_a_standby_that_only_reads_puts_no_mail_aside(three, standing_by):
    """What Alice writes meanwhile is no mail that nobody can read: it waits, and is decided later."""
    three.app.tick()
    standing_by.append(1)
    meanwhile = three.reply(three.box.last("day-1"))
    standing_by.clear()

    assert meanwhile == []
    assert [str(decision) for decision in three.app.read_spool()] == ["completed"]


@ON_SQLITE
def test_a_full_disk_for_the_database_loses_nothing(world):
    """SQLite finds no room, at any moment of a sending: nothing leaves unclaimed, and each lesson came, and once."""
    store = world.app.service.store
    demo.make(world.app.service, 400, world.clock.now(), due=True)
    room = [0]

    def narrow(connection):
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + room[0]}")

    event.listen(store.engine, "begin", narrow)
    failed = 0
    for room[0] in (*range(12), 10_000):
        world.clock.go(seconds=20)
        try:
            world.app.tick()
        except OperationalError:
            failed += 1
    came = Counter(mail.to for mail in world.box.sent)

    assert failed > 0
    assert (len(came), came.total()) == (400, 400)
    assert world.rows("SELECT status, count(*) FROM deliveries WHERE kind = 'lesson' GROUP BY 1") == [("sent", 400)]
