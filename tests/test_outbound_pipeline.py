"""Promises of many messages by many connections: each once, each with its own answer, and never two in doubt on one."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from conftest import SetClock
from servers import ALICE, BYE, DROP, ENDLESS, HANG, RESET, Authority, MailServer, RudeServer

from course.outbound.dialogue import Dialogue, Letter
from course.outbound.greeting import Server
from course.outbound.letters import Letters
from course.outbound.relaying import Relaying
from course.outbound.smtp import Smtp
from course.outgoing import Halt, Outcome, Outgoing, RefusedRecipient, Sent, TryLater, Unsure

PIPELINING = {"EHLO": "250-rude\r\n250-SIZE\r\n250 PIPELINING"}
BOTH_WAYS = pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "plain"])


@dataclass
class Recorder:
    """Notes that remember everything; `most` messages may begin, and `refuse` are not given away."""

    most: int = 1_000_000
    refuse: frozenset[int] = frozenset()
    given: list[int] = field(default_factory=list)
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    answered_twice: list[int] = field(default_factory=list)
    doubt: int = 0  # the most messages that were given away and not answered, at any moment

    def go_on(self) -> bool:
        self.most -= 1
        return self.most >= 0

    def giving(self, outgoing: Outgoing) -> Outcome | None:
        if outgoing.delivery_id in self.refuse:
            return Halt("the ledger is full")
        self.given.append(outgoing.delivery_id)
        self.doubt = max(self.doubt, len(set(self.given) - set(self.outcomes)))
        return None

    def answered(self, outgoing: Outgoing, outcome: Outcome) -> None:
        if outgoing.delivery_id in self.outcomes:
            self.answered_twice.append(outgoing.delivery_id)
        self.outcomes[outgoing.delivery_id] = outcome

    def giving_all(self, call: Sequence[Outgoing]) -> list[Outcome | None]:
        return [self.giving(outgoing) for outgoing in call]

    def answered_all(self, answers: Sequence[tuple[Outgoing, Outcome]]) -> None:
        for outgoing, outcome in answers:
            self.answered(outgoing, outcome)

    @property
    def kinds(self) -> Counter:
        return Counter(type(outcome).__name__ for outcome in self.outcomes.values())


@pytest.fixture
def serve():
    """Start servers and open transports to them; the transports are closed first."""
    with ExitStack() as stack:

        def start(server, *, tls="none", **options):
            stack.enter_context(server)
            options = {"connect_seconds": 5, "answer_seconds": 5} | options
            smtp = Smtp(Server("127.0.0.1", server.port, tls=tls), "course.example", **options)
            stack.callback(smtp.close)
            return smtp

        yield start


def people(count):
    """Return so many messages to as many people."""
    return [replace(ALICE, delivery_id=number, to=f"person{number}@example.org") for number in range(count)]


@BOTH_WAYS
def test_each_message_arrives_once_and_whole(serve, pipelining):
    """Two hundred people by five connections: each gets one message, and its very bytes."""
    server, notes = MailServer(pipelining=pipelining), Recorder()
    batch = people(200)
    serve(server, connections=5).send_many(batch, notes)

    assert Counter(mail.to[0] for mail in server.mails) == Counter(outgoing.to for outgoing in batch)
    assert {mail.data for mail in server.mails} == {replace(ALICE, to=outgoing.to).as_bytes() for outgoing in batch}
    assert (notes.kinds, notes.answered_twice) == ({"Sent": 200}, [])
    assert 1 <= len(server.callers) <= 5


@BOTH_WAYS
def test_no_more_is_in_doubt_than_there_are_connections(serve, pipelining):
    """A message's text leaves only when the one before on its connection is answered: kill -9 repeats no more."""
    notes = Recorder()
    serve(MailServer(pipelining=pipelining), connections=3).send_many(people(60), notes)

    assert 1 <= notes.doubt <= 3
    assert sorted(notes.given) == list(range(60))


@BOTH_WAYS
def test_one_refused_recipient_is_one_refused_recipient(serve, pipelining):
    """What was said to one message is never taken for the answer to another, on the same connection."""
    server, notes = MailServer(pipelining=pipelining), Recorder()
    server.answers = {"RCPT": ["250 ok", "550 5.1.1 no such user", "250 ok", "451 4.7.1 greylisted"]}
    serve(server).send_many(people(6), notes)

    assert {who: type(outcome) for who, outcome in notes.outcomes.items()} == {
        0: Sent,
        1: RefusedRecipient,
        2: Sent,
        3: TryLater,
        4: Sent,
        5: Sent,
    }
    assert [mail.to[0] for mail in server.mails] == [f"person{who}@example.org" for who in (0, 2, 4, 5)]
    assert len(server.callers) == 1


def test_a_server_that_takes_data_for_nobody_gets_nothing(serve):
    """With every recipient refused some servers ask for the text all the same: they get an empty one (RFC 2920)."""
    server, notes = RudeServer({**PIPELINING, "RCPT": ["550 5.1.1 no", "250 ok"]}), Recorder()
    serve(server).send_many(people(2), notes)

    assert {who: type(outcome) for who, outcome in notes.outcomes.items()} == {0: RefusedRecipient, 1: Sent}
    assert notes.given == [1]


@pytest.mark.parametrize(
    ("script", "expected", "given"),
    [
        ({"MAIL": DROP}, TryLater, False),
        ({"RCPT": RESET}, TryLater, False),
        ({"DATA": DROP}, TryLater, False),
        ({"DATA": "421 4.3.2 going down"}, TryLater, False),
        ({"DATA": "354 go on\r\n421 4.3.2 going down"}, TryLater, False),
        ({"DATA": "354 go on\r\n250 I have it"}, TryLater, False),  # it cannot: nothing was sent yet
        ({"MAIL": "gibberish"}, TryLater, False),
        ({"MAIL": "550 5.7.1 not you", "RCPT": "503 what?", "DATA": "503 what?"}, Halt, False),
        ({".": DROP}, Unsure, True),
        ({".": RESET}, Unsure, True),
        ({".": HANG}, Unsure, True),
        ({".": "451 4.3.0 try again"}, TryLater, True),
        ({".": "gibberish"}, Unsure, True),
    ],
)
def test_a_pipelined_talk_that_breaks_is_unsure_only_after_the_final_dot(serve, script, expected, given):
    """The same rule as in a plain one: before the dot nothing was sent, after it nobody knows."""
    notes = Recorder()
    serve(RudeServer({**PIPELINING, **script}), answer_seconds=0.5, taking_seconds=0.5).send_many(people(1), notes)

    assert isinstance(notes.outcomes[0], expected)
    assert notes.given == [0] * given


def test_a_null_return_path_is_tried_again_when_pipelined(serve):
    """Amazon SES offers PIPELINING and takes no null return path: the answer to a person leaves all the same."""
    server, notes = RudeServer({**PIPELINING, "MAIL": ["501 Invalid MAIL FROM", "250 ok"]}), Recorder()
    serve(server).send_many([replace(ALICE, replied=True)], notes)

    assert notes.kinds == {"Sent": 1}
    assert [line for line in server.heard[0] if line.startswith("MAIL")][1].startswith(f"MAIL FROM:<{ALICE.reply_to}>")


def test_a_null_return_path_that_is_put_off_is_not_replaced(serve):
    """A server that is busy minds no return path: the answer is tried later, as it is."""
    server, notes = RudeServer({**PIPELINING, "MAIL": "451 4.3.2 busy"}), Recorder()
    serve(server).send_many([replace(ALICE, replied=True)], notes)

    assert notes.kinds == {"TryLater": 1}
    assert [line.split()[1] for line in server.heard[0] if line.startswith("MAIL")] == ["FROM:<>"]


@BOTH_WAYS
def test_a_connection_that_dies_takes_one_message_with_it(serve, pipelining):
    """One of the messages is in doubt; all the others leave by other connections."""
    script = {**(PIPELINING if pipelining else {}), ".": ["250 ok", "250 ok", DROP]}
    polite = PIPELINING if pipelining else {}
    notes = Recorder()
    serve(RudeServer(script, polite), connections=2).send_many(people(20), notes)

    assert notes.kinds == {"Sent": 19, "Unsure": 1}
    assert sorted(notes.given) == list(range(20))


def test_a_server_that_grants_one_connection_gets_one(serve):
    """The others are turned away with 421; everything leaves by the one there is, and nobody asks for ever."""
    server, notes = RudeServer(PIPELINING, {"HI": "421 too many connections"}), Recorder()
    serve(server, connections=4).send_many(people(30), notes)

    assert notes.kinds == {"Sent": 30}
    assert len(server.heard) <= 5


def test_nothing_begins_that_may_not(serve):
    """When the worker is told to stop, what has begun comes to its end and nothing else begins."""
    server, notes = MailServer(pipelining=True), Recorder(most=4)
    serve(server).send_many(people(50), notes)

    assert 0 < len(server.mails) < 10
    assert sorted(notes.given) == sorted(notes.outcomes) == list(range(len(server.mails)))


@BOTH_WAYS
def test_what_the_notes_refuse_does_not_leave(serve, pipelining):
    """A ledger that cannot be written: that message's text reaches no server, and the others are not mixed up."""
    server, notes = MailServer(pipelining=pipelining), Recorder(refuse=frozenset({1}))
    serve(server).send_many(people(3), notes)

    assert {who: type(outcome) for who, outcome in notes.outcomes.items()} == {0: Sent, 1: Halt, 2: Sent}
    assert [mail.to[0] for mail in server.mails] == ["person0@example.org", "person2@example.org"]


def test_a_server_that_is_away_is_asked_once(serve):
    """Two hundred messages do not wait for two hundred refused connections."""
    server, notes = RudeServer({"HI": DROP}), Recorder()
    serve(server, connections=2).send_many(people(200), notes)

    assert notes.kinds == {"TryLater": 200}
    assert len(server.heard) <= 4
    assert notes.given == []


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_pipelining_under_tls(serve, tls, tmp_path):
    """Many messages under TLS, by several connections: each once."""
    authority = Authority(tmp_path)
    server = MailServer(tls=authority.context(), pipelining=True) if tls == "implicit" else None
    server = server or MailServer(pipelining=True, tls_context=authority.context())
    notes = Recorder()
    serve(server, tls=tls, connections=3, cafile=authority.file).send_many(people(100), notes)

    assert notes.kinds == {"Sent": 100}
    assert len({mail.to[0] for mail in server.mails}) == len(server.mails) == 100


def test_connections_are_made_anew_after_their_share(serve):
    """Each serves so many messages; no message is lost or doubled over the change."""
    server, notes = MailServer(pipelining=True), Recorder()
    serve(server, connections=2, messages_each=7).send_many(people(50), notes)

    assert notes.kinds == {"Sent": 50}
    assert len(server.mails) == 50
    assert len(server.callers) >= 7


# Connections that end at odd moments.


def ended(act):
    """Do it in a thread of its own; return whether it came to an end: one that never does must not stop the tests."""
    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    thread.join(20)
    return not thread.is_alive()


@pytest.mark.parametrize("tls", ["none", "implicit"])
def test_an_answer_counts_that_comes_with_the_goodbye(tls, tmp_path):
    """Some servers answer and close at once, and under TLS too it is heard, and the others leave by new connections."""
    authority, notes = Authority(tmp_path), Recorder()
    context = authority.context() if tls == "implicit" else None
    with RudeServer({**PIPELINING, ".": f"250 ok{BYE}"}, tls=context) as server:
        smtp = Smtp(Server("127.0.0.1", server.port, tls=tls), "course.example", cafile=authority.file)

        assert ended(lambda: smtp.send_many(people(3), notes))
        smtp.close()
    assert notes.kinds == {"Sent": 3}


def test_a_message_that_was_refused_at_its_dot_is_answered_even_at_the_end(serve):
    """The server goes down with a kept connection while we are asked to stop: what it said of the message counts."""
    notes = Recorder(most=2)
    serve(RudeServer({**PIPELINING, ".": ["250 ok", "421 4.3.2 going down"]})).send_many(people(2), notes)

    assert {who: type(outcome) for who, outcome in notes.outcomes.items()} == {0: Sent, 1: TryLater}
    assert notes.given == [0, 1]


def test_nothing_more_leaves_once_a_message_is_known_to_stay():
    """The server says in the middle of a text that it goes down: the rest, with its dot, must not follow."""
    talk, letter = Dialogue("", pipelining=True, size=True), Letter(ALICE, ALICE.as_bytes(), ALICE.envelope_from)
    talk.begin(letter)
    talk.hear(b"250 ok\r\n250 ok\r\n354 go on\r\n")
    talk.give(letter, None)
    talk.wrote(len(talk.out) - 100)
    decided = talk.hear(b"421 4.3.2 going down\r\n")

    assert [type(outcome) for _, outcome in decided] == [TryLater]
    assert (talk.out, talk.over) == (b"", True)


def test_a_plain_server_has_answered_before_the_next_message_begins():
    """Where PIPELINING is not offered nothing follows the final dot, until it is known what became of the message."""
    talk, letter = Dialogue("", pipelining=False, size=True), Letter(ALICE, ALICE.as_bytes(), ALICE.envelope_from)
    talk.begin(letter)
    for answer in (b"250 ok\r\n", b"250 ok\r\n", b"354 go on\r\n"):
        talk.hear(answer)
    talk.give(letter, None)
    before, decided = talk.ready, talk.hear(b"451 4.3.0 not now\r\n")

    assert (before, [type(outcome) for _, outcome in decided], talk.ready) == (False, [TryLater], True)


@pytest.mark.parametrize(
    "answer",
    [b"250-" + b"x" * 9_000, b"250 " + b"x" * 9_000 + b"\r\n", b"250-more\r\n" * 1_001],
    ids=["a line without an end", "a line too long", "lines without an end"],
)
def test_an_answer_without_an_end_is_not_listened_to(answer):
    """Whatever a server says, it fills no memory: the talk is over, and the message is tried later."""
    talk, letter = Dialogue("", pipelining=True, size=True), Letter(ALICE, ALICE.as_bytes(), ALICE.envelope_from)
    talk.begin(letter)
    decided = talk.hear(answer)

    assert ([type(outcome) for _, outcome in decided], talk.over) == ([TryLater], True)


@pytest.mark.parametrize(("missing", "expected"), [(1, TryLater), (0, Unsure)])
def test_a_message_is_given_away_with_the_last_byte_of_its_dot(missing, expected):
    """A text that left whole, but for the end of the line with the dot, is none: the server has to throw it away."""
    talk, letter = Dialogue("", pipelining=True, size=True), Letter(ALICE, ALICE.as_bytes(), ALICE.envelope_from)
    talk.begin(letter)
    talk.hear(b"250 ok\r\n250 ok\r\n354 go on\r\n")
    talk.give(letter, None)
    talk.wrote(len(talk.out) - missing)

    assert [type(outcome) for _, outcome in talk.lost(ConnectionResetError())] == [expected]


def test_a_server_that_speaks_without_being_asked_is_left():
    """It says that it closes, or nonsense, while nothing is on its way: no message begins there any more."""
    talk = Dialogue("", pipelining=True, size=True)

    assert talk.hear(b"421 4.4.2 you were silent for too long\r\n") == []
    assert (talk.over, talk.ready) == (True, False)


@pytest.mark.parametrize("size", [True, False])
def test_a_server_that_asks_for_it_is_told_how_long_a_message_is(size):
    """RFC 1870: so it can refuse what is too large before it has come."""
    talk, letter = Dialogue("", pipelining=False, size=size), Letter(ALICE, ALICE.as_bytes(), ALICE.envelope_from)
    talk.begin(letter)
    said = f" SIZE={len(ALICE.as_bytes())}" if size else ""

    assert talk.out.decode() == f"MAIL FROM:<{ALICE.envelope_from}>{said}\r\n"


def test_a_refused_reset_takes_nobody_along(serve):
    """What a refused message left behind could reach the next one, so that goes by another connection."""
    refused = {"RCPT": ["550 5.1.1 no", "250 ok"], "DATA": ["503 5.5.1 to whom?", "354 go on"]}
    script = {**PIPELINING, **refused, "RSET": "451 4.3.0 not now"}
    server, notes = RudeServer(script, PIPELINING), Recorder()
    serve(server).send_many(people(2), notes)

    assert {who: type(outcome) for who, outcome in notes.outcomes.items()} == {0: RefusedRecipient, 1: Sent}
    assert notes.given == [1]


def test_what_is_kept_back_is_asked_about_once(serve):
    """Somebody left meanwhile: their message ends the one connection that waits for it, not one after the other."""

    class Keeping(Recorder):
        def giving(self, outgoing: Outgoing) -> Outcome | None:
            asked[outgoing.delivery_id] += 1
            return TryLater("not wanted any more") if outgoing.delivery_id == 15 else super().giving(outgoing)

    asked = Counter()
    server = MailServer(pipelining=True)
    smtp = serve(server, connections=4)
    smtp.send_many(people(10), Recorder())
    notes = Keeping()
    smtp.send_many(people(30)[10:], notes)

    assert (notes.kinds, asked[15]) == ({"Sent": 19, "TryLater": 1}, 1)
    assert len(server.callers) <= 5


def test_an_idle_connection_takes_over_from_one_that_died():
    """The server grants no other: what the dead one had goes by those that are left, or is tried later; it ends."""
    both, notes = threading.Barrier(2), Recorder()
    dying = [{"MAIL": ["250 ok", DROP], ".": lambda: f"250 ok {both.wait(10)}"} for _ in range(2)]
    with RudeServer(*dying, {"HI": "421 too many connections"}) as server:
        smtp = Smtp(Server("127.0.0.1", server.port, tls="none"), "course.example", connections=2)
        smtp.send_many(people(2), notes)

        assert ended(lambda: smtp.send_many(people(3)[2:], notes))
        smtp.close()
    assert {who: type(outcome) for who, outcome in notes.outcomes.items()} == {0: Sent, 1: Sent, 2: TryLater}
    assert [sum(line.startswith("MAIL") for line in heard) for heard in server.heard[:2]] == [2, 2]


def test_a_letter_whose_connection_died_comes_next_and_remembers_what_it_was_told():
    """It goes before those that wait. Only one that was given away has an answer that counts if it waits for ever."""
    waiting, said = Letters(people(3), Recorder()), TryLater("greylisted")
    letter = waiting.take()
    waiting.ahead(2)
    waiting.again(letter, TryLater("never begun"))
    before, letter = waiting.refused(), waiting.take()
    letter.given_at = 1_000
    waiting.again(letter, said)
    waiting.again(waiting.take(), TryLater("not given away this time"))

    assert (before, letter.outgoing.delivery_id) == ([], 0)
    assert [(one.outgoing.delivery_id, outcome) for one, outcome in waiting.refused()] == [(0, said)]


@pytest.mark.parametrize("refusal", ["421 4.7.0 too many connections", "554 5.7.0 too many connections"])
def test_a_refusal_of_an_earlier_round_says_nothing_about_this_one(serve, refusal):
    """Of two connections one was granted, and the other turned away when all was sent: a minute later all is well."""
    clock, late = SetClock(), threading.Event()
    server = RudeServer(PIPELINING, {"HI": lambda: late.wait(10) and refusal}, PIPELINING)
    smtp = serve(server, connections=2, monotonic=clock.monotonic)
    first, second = Recorder(), Recorder()
    smtp.send_many(people(2), first)
    late.set()
    smtp._openings.wait()  # noqa: SLF001 (else it would be a race)
    clock.go(minutes=1)
    smtp.send_many(people(3)[2:], second)

    assert (first.kinds, second.kinds) == ({"Sent": 2}, {"Sent": 1})


def test_a_connection_that_came_too_late_for_its_round_may_have_died_since(serve):
    """It waited for the next one like any kept connection; a message that finds it dead leaves by a fresh one."""
    late = threading.Event()
    slow = {"HI": lambda: late.wait(10) and "220 rude", **PIPELINING, "MAIL": DROP}
    server = RudeServer(PIPELINING, slow, PIPELINING)
    smtp = serve(server, connections=2, messages_each=2)
    first, second = Recorder(), Recorder()
    smtp.send_many(people(2), first)
    late.set()
    smtp._openings.wait()  # noqa: SLF001 (else it would be a race)
    smtp.send_many(people(3)[2:], second)

    assert (first.kinds, second.kinds) == ({"Sent": 2}, {"Sent": 1})


@dataclass
class WatchedClock(SetClock):
    """A clock that knows when somebody looks at it: whether the silence has lasted too long."""

    looked: threading.Event = field(default_factory=threading.Event)

    def monotonic(self):
        self.looked.set()
        return super().monotonic()

    def seen_to_go(self, **span):
        """Go on by so much, and wait until it was looked at; return whether it was."""
        self.go(**span)
        self.looked.clear()
        return self.looked.wait(10)


def test_what_becomes_of_a_whole_message_is_waited_for(serve):
    """A filter at work for nine minutes: RFC 5321 section 4.5.3.2.6 asks for ten, for else the message comes again."""
    clock, notes = WatchedClock(), Recorder()
    filtering = {**PIPELINING, ".": lambda: clock.seen_to_go(minutes=9) and "250 ok"}
    serve(RudeServer(filtering), answer_seconds=6, monotonic=clock.monotonic).send_many(people(1), notes)

    assert notes.kinds == {"Sent": 1}


def test_a_server_that_takes_a_long_message_bit_by_bit_is_not_silent(serve):
    """Each piece that it takes begins the wait anew: a slow line has as long as the message needs."""
    clock, notes = WatchedClock(), Recorder()
    began = clock.at

    def slowly():
        assert clock.seen_to_go(seconds=0.3)

    server = RudeServer({**PIPELINING, "READ": slowly})
    serve(server, answer_seconds=3, monotonic=clock.monotonic).send_many([ENDLESS], notes)

    assert clock.at - began > timedelta(seconds=6)
    assert notes.kinds == {"Sent": 1}


def test_who_vanished_without_a_word_is_found_out_by_tcp(serve):
    """No silence of ten minutes for a machine that is gone: the kernel asks, and gives up within a minute or so."""
    smtp = serve(MailServer())
    smtp.send_many(people(1), Recorder())
    (line,) = smtp._lines  # noqa: SLF001
    asked = {
        name: line.sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))
        for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT")
    }

    assert line.sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert asked["TCP_KEEPIDLE"] + asked["TCP_KEEPINTVL"] * asked["TCP_KEEPCNT"] <= 60
    assert line.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) <= 60_000


def test_a_yes_before_the_dot_has_left_is_no_answer():
    """A server that says 250 with a hundred bytes to come has not got the message."""
    talk, letter = Dialogue("", pipelining=True, size=True), Letter(ALICE, ALICE.as_bytes(), ALICE.envelope_from)
    talk.begin(letter)
    talk.hear(b"250 ok\r\n250 ok\r\n354 go on\r\n")
    talk.give(letter, None)
    talk.wrote(len(talk.out) - 100)
    decided = talk.hear(b"250 2.0.0 ok\r\n")

    assert [type(outcome) for _, outcome in decided] == [TryLater]


@pytest.mark.parametrize(
    "refusal",
    [
        "554 5.7.1 <person0@example.org>: Relay access denied",
        "550 5.7.1 Unable to relay",
        "550 relay not permitted",
        "550-Requires authentication\r\n550 relaying denied",
        "550 5.7.1 Client was not authenticated: authentication required",
    ],
)
def test_a_server_that_does_not_know_us_any_more_is_nobody_s_fault(serve, refusal):
    """It relays for nobody: the first may be an odd address, at a second domain it is us, and nothing can leave."""
    notes, somewhere = Recorder(), [replace(ALICE, delivery_id=n, to=f"person@{n}.example") for n in range(3)]
    server = RudeServer({**PIPELINING, "RCPT": refusal, "DATA": "554 5.5.1 no valid recipients"})
    serve(server).send_many(somewhere, notes)

    assert [type(notes.outcomes[n]) for n in range(3)] == [RefusedRecipient, Halt, Halt]


def test_only_two_domains_in_a_row_that_are_not_relayed_say_something_of_us():
    """Two people at one domain are one, however it is written; and where a message was taken the count begins anew."""
    relaying, no = Relaying(), RefusedRecipient("RCPT: 550 5.7.1 Unable to relay")
    heard = [
        relaying.judge(to, outcome)
        for to, outcome in (
            ("alice@one.example", no),
            ("bob@ONE.example", no),
            ("charlie@three.example", Sent("")),
            ("alice@two.example", no),
            ("bob@one.example", no),
        )
    ]

    assert [type(outcome) for outcome in heard] == [RefusedRecipient, RefusedRecipient, Sent, RefusedRecipient, Halt]


def test_one_address_that_is_not_relayed_stops_nobody(serve):
    """However often it is tried: others leave, so it is about that address alone."""
    answers = ["550 5.7.1 Unable to relay", "250 ok"] * 3
    server, notes = MailServer(), Recorder()
    server.answers = {"RCPT": answers}
    odd = [replace(ALICE, delivery_id=n, to=f"person@{n % 2}.example") for n in range(6)]
    serve(server).send_many(odd, notes)

    assert notes.kinds == {"RefusedRecipient": 3, "Sent": 3}
