"""Promises of SENDGRID_BATCH: many people in one call, each with their own mail, and nobody pays for another."""

from __future__ import annotations

import json
import re
import threading
from contextlib import closing
from dataclasses import replace
from email.message import EmailMessage
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from servers import ALICE, BOB, CHARLIE, DAY_ONE, DROP, HANG, Answer, Provider, Request
from test_outbound_sendgrid import specification  # noqa: F401 (a fixture)
from told import Told

from course.journeys import demo
from course.outbound import sendgrid_calls
from course.outbound.sendgrid import SendGrid
from course.outbound.sendgrid_calls import calls, part, payload
from course.outbound.sendgrid_round import MOST_REPEATS
from course.outgoing import Halt, Outcome, Outgoing, RefusedMailing, RefusedRecipient, Sent, TryLater, Unsure

KEY = "SG.canary-key.0123456789abcdef"
LITTLE_WHILE = 0.3  # seconds that a test waits for a provider that never answers
GREETED = replace(DAY_ONE, subject="zqgreetingqz day 1", html="<p>zqgreetingqz</p><a href='zqleave_urlqz'>Leave</a>")


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    """Keep requests to this machine away from a proxy that the developer may have set."""
    monkeypatch.setenv("no_proxy", "*")


def letter(name: str, number: int = 7, **changed: object) -> Outgoing:
    """Make a message to this person, with a reply address and a link of their own."""
    return replace(
        ALICE,
        delivery_id=number,
        to=f"{name}@example.org",
        mailing=GREETED,
        values={"greeting": f"Hello {name.capitalize()},", "leave_url": f"https://course.example/leave/{name}"},
        reply_to=f"reply-{name}234@reply.dearself.example",
        **changed,
    )


def people(count: int) -> list[Outgoing]:
    """Make messages to p0, p1 and so on."""
    return [letter(f"p{n}", n) for n in range(count)]


def ask(provider: Provider, letters: list[Outgoing], **options) -> Told:
    """Hand these over in calls of a thousand; return what was told of them."""
    with provider, closing(SendGrid(KEY, provider.url, **{"seconds": 5, "batch": 1000, **options})) as transport:
        transport.send_many(letters, told := Told())
    assert set(told.outcomes) == {one.to.partition("@")[0] for one in letters}
    return told


def complaint(*fields: str | None, message: str = "Does not work.") -> Answer:
    """Return a 400 that names these fields, in the form of SendGrid's page "Errors"."""
    errors = [{"message": message, "field": name, "help": None} for name in fields]
    return Answer(400, json.dumps({"errors": errors}).encode())


def unless(bad: set[str], *fields: str | None, page: bytes = b""):
    """Return the rule of a provider that refuses every call in which one of these is, without naming them."""

    def rule(request: Request) -> Answer:
        if not bad & set(request.people):
            return Answer()
        return Answer(400, page) if page else complaint(*(fields or (None,)))

    return rule


def delivered(body: dict, order: tuple[int, ...] = ()) -> list[dict]:
    """Return the mails that SendGrid makes of a body: each tag is replaced, in subject, content and reply-to.

    In which order it does that is not known, and whether it looks again at what it has put in.
    """
    mails = []
    for one in body["personalizations"]:
        fields = {
            "to": one["to"][0]["email"],
            "headers": one["headers"],
            "args": one["custom_args"],
            "reply_to": body["reply_to"]["email"],
            "subject": body["subject"],
            "text": body["content"][0]["value"],
            "html": body["content"][1]["value"],
        }
        swaps = list(one.get("substitutions", {}).items())
        for tag, value in [swaps[place] for place in order or range(len(swaps))]:
            for name in ("reply_to", "subject", "text", "html"):
                fields[name] = fields[name].replace(tag, value)
        mails.append(fields)
    return mails


# Each their own mail


def test_many_people_share_a_call():
    """A thousand and one messages are two calls, and everybody is answered."""
    provider = Provider(Answer(headers={"X-Message-ID": "call-1"}))
    told = ask(provider, people(1001))

    assert [len(request.people) for request in provider.requests] == [1000, 1]
    assert told.outcomes["p999"] == Sent("call-1")
    assert len(told.people(Sent)) == 1001


def test_a_call_is_made_when_its_turn_comes():
    """Of messages that must not begin any more, no more are made than one call has."""
    made = []
    told = Told(more=lambda: not told.given)
    with Provider() as provider, closing(SendGrid(KEY, provider.url, batch=2)) as transport:
        transport.send_many((made.append(one) or one for one in people(9)), told)

    assert told.people(Sent) == ["p0", "p1"]
    assert len(made) == 4


def test_a_shared_call_is_as_the_specification_wants_it(specification):  # noqa: F811
    """The body of a call of many is valid by SendGrid's own OpenAPI document; its reply-to is an address as it is."""
    provider = Provider()
    ask(provider, people(20))

    specification.validate(provider.requests[0].body)
    assert re.fullmatch(r"[a-z0-9]{1,64}@reply\.dearself\.example", provider.requests[0].body["reply_to"]["email"])


names = st.text(st.characters(exclude_categories=("Cs",)), max_size=30) | st.sampled_from(
    ["<b>", "&amp;", 'O\'Neil & "Co"', "{{name}}", "-name-", "%name%", "zqleave_urlqz", "\\1", "t0x0p", "日本", "🌱"]
)


@given(st.lists(names, min_size=2, max_size=5))
def test_each_gets_the_mail_that_they_would_get_alone(greetings):
    """Whatever people are called, text, HTML, subject, reply address and headers are those of a call of one."""
    batch = [
        replace(one, values={**one.values, "greeting": name})
        for one, name in zip(people(len(greetings)), greetings, strict=True)
    ]
    shared = delivered(json.loads(payload([part(one) for one in batch], sandbox=False)))

    assert shared == [mail for one in batch for mail in delivered(json.loads(payload([part(one)], sandbox=False)))]


def test_values_stand_raw_in_the_text_and_escaped_in_the_html():
    """What a person is called is their name in the text and the subject, and cannot be markup in the HTML."""
    eve = letter("eve")
    eve = replace(eve, values={**eve.values, "greeting": "<b>Eve</b> & Co"})
    mail, _ = delivered(json.loads(payload([part(eve), part(letter("bob"))], sandbox=False)))

    assert "Dear <b>Eve</b> & Co," in mail["text"]
    assert mail["subject"] == "<b>Eve</b> & Co day 1"
    assert mail["html"].startswith("<p>&lt;b&gt;Eve&lt;/b&gt; &amp; Co</p>")


def test_a_value_that_is_html_stays_html():
    """Help lines differ by country and hold links: each gets their own country's, which can be tapped."""
    mailing = replace(GREETED, html="<p>zqhelp_lines_htmlqz</p>")
    lines = ['<a href="tel:116123">116 123</a>', '<a href="tel:988">988</a>']
    letters = [replace(one, mailing=mailing) for one in people(2)]
    letters = [
        replace(one, values=one.values | {"help_lines_html": said}) for one, said in zip(letters, lines, strict=True)
    ]
    mails = delivered(json.loads(payload([part(one) for one in letters], sandbox=False)))

    assert [mail["html"] for mail in mails] == [f"<p>{said}</p>" for said in lines]


def test_a_tag_in_a_persons_name_stays_text(monkeypatch):
    """Somebody who is called like a tag gets their name back: other tags are drawn, whatever the order of swapping."""
    drawn = iter(["f" * 16, "e" * 16])
    monkeypatch.setattr(sendgrid_calls, "token_hex", lambda _: next(drawn))
    eve = letter("eve")
    eve = replace(eve, values={**eve.values, "greeting": f"t{'f' * 16}x0p t{'f' * 16}x0h & t{'f' * 16}xr"})
    body = json.loads(payload([part(eve), part(letter("bob"))], sandbox=False))

    alone = delivered(json.loads(payload([part(eve)], sandbox=False)))
    swaps = len(body["personalizations"][0]["substitutions"])
    assert swaps == 4
    assert all(delivered(body, order)[:1] == alone for order in permutations(range(swaps)))


def test_tags_are_drawn_anew_for_each_call():
    """Nobody can know a tag beforehand, and so nobody can be called like one."""
    bodies = [json.loads(payload([part(one) for one in people(2)], sandbox=False)) for _ in range(2)]

    assert bodies[0]["reply_to"] != bodies[1]["reply_to"]


def test_what_is_the_same_for_all_is_said_once():
    """A value that everybody shares stands in the text: no substitution is spent on it."""
    batch = [replace(one, values={**one.values, "greeting": "Hello,"}) for one in people(3)]
    body = json.loads(payload([part(one) for one in batch], sandbox=False))

    assert body["subject"] == "Hello, day 1"
    assert len(body["personalizations"][0]["substitutions"]) == 2  # the reply address and the link


def test_a_mailing_without_slots_can_be_shared():
    """Where nothing differs but the reply address, that alone is substituted."""
    plain = replace(DAY_ONE, text="Hello.\n", html="<p>Hello.</p>")
    batch = [replace(one, mailing=plain, values={}) for one in people(2)]
    mails = delivered(json.loads(payload([part(one) for one in batch], sandbox=False)))

    assert [mail["reply_to"] for mail in mails] == [one.reply_to for one in batch]
    assert {mail["text"] for mail in mails} == {"Hello.\n"}


def test_nobody_is_named_beyond_their_own_mail():
    """Headers and the opaque number are each person's own, and no names or categories are added."""
    body = json.loads(payload([part(one) for one in people(3)], sandbox=False))

    assert [one["custom_args"] for one in body["personalizations"]] == [{"ds_delivery": str(n)} for n in range(3)]
    assert {tuple(one) for one in body["personalizations"]} == {("to", "headers", "custom_args", "substitutions")}
    assert not {"template_id", "categories", "asm", "send_at"} & set(body)


# Who may share a call


@pytest.mark.parametrize(
    "other",
    [
        {"mailing": replace(GREETED, text="Another day.")},
        {"sender": "other@dearself.example"},
        {"sender_name": "Somebody Else"},
        {"reply_to": "reply-bob234@another.example"},
    ],
)
def test_what_cannot_differ_in_a_call_goes_in_two(other):
    """Text, sender and the domain of the reply address are the same for all of a call."""
    provider = Provider()
    ask(provider, [letter("alice"), replace(letter("bob"), **other), letter("charlie")])

    assert [request.people for request in provider.requests] == [["alice", "charlie"], ["bob"]]


def test_what_may_differ_does_not_part_people():
    """Headers are each person's own: an answer to one and a lesson of another list share a call."""
    provider = Provider()
    ask(provider, [letter("alice", leave=None), letter("bob", list_id="<b.example>"), letter("charlie", replied=True)])

    assert [request.people for request in provider.requests] == [["alice", "bob", "charlie"]]
    assert provider.requests[0].body["personalizations"][1]["headers"]["List-Id"] == "<b.example>"


def test_an_address_comes_once_in_a_call():
    """SendGrid refuses a call that names an address twice, in whatever letter case: the second goes in another."""
    twice = [letter("alice", 1), letter("bob", 2), letter("ALICE", 3), letter("charlie", 4)]
    provider = Provider()
    ask(provider, twice)

    assert [request.people for request in provider.requests] == [["alice", "bob"], ["ALICE", "charlie"]]


@pytest.mark.parametrize(("size", "alone"), [(4_000, False), (10_001, True)])
def test_what_cannot_be_substituted_goes_alone(size, alone):
    """SendGrid substitutes up to 10,000 bytes a person: a longer value is written into a call of its own."""
    long = letter("alice")
    long = replace(long, values={**long.values, "greeting": "é" * (size // 2 // 2)})
    provider = Provider()
    ask(provider, [long, letter("bob"), letter("charlie")])
    shared = [request for request in provider.requests if len(request.people) > 1]

    assert ("alice" not in shared[0].people) is alone
    for request in shared:
        for one in request.body["personalizations"]:
            assert sum(len((tag + value).encode()) for tag, value in one["substitutions"].items()) <= 10_000


def test_too_many_slots_go_alone():
    """SendGrid substitutes up to 150 tags a person."""
    slots = ["s" + "".join(chr(97 + int(digit)) for digit in str(n)) for n in range(80)]
    text = " ".join(f"zq{slot}qz" for slot in slots)
    crowded = replace(DAY_ONE, text=text, html=text)
    batch = [
        replace(one, mailing=crowded, values={slot: f"{slot}{one.to}" for slot in slots} | one.values)
        for one in people(2)
    ]

    assert [len(call) for call in calls([part(one) for one in batch], 1000)] == [1, 1]


@pytest.mark.parametrize("greeting", ["Alice" * 300, "\x01" * 1500, "é" * 700, '"' * 900, "🌱" * 350])
def test_a_call_never_gets_larger_than_the_cap(monkeypatch, greeting):
    """A call is begun anew before it would be larger, whatever JSON makes of people's values."""
    monkeypatch.setattr(sendgrid_calls, "LARGEST", 200_000)
    batch = [replace(one, values={**one.values, "greeting": f"{greeting} {one.to}"}) for one in people(60)]
    made = list(calls([part(one) for one in batch], 1000))

    assert sum(len(call) for call in made) == 60
    assert max(len(call) for call in made) > 3
    assert all(len(payload(call, sandbox=False)) <= 200_000 for call in made)


def test_a_batch_of_one_asks_one_by_one():
    """SENDGRID_BATCH=1, the default: no tag and no substitution ever leaves."""
    provider = Provider()
    ask(provider, people(3), batch=1)

    assert [request.people for request in provider.requests] == [["p0"], ["p1"], ["p2"]]
    assert all("substitutions" not in request.body["personalizations"][0] for request in provider.requests)


def test_it_likes_a_call_for_each_connection():
    """`most` is what a worker gives it at once."""
    with closing(SendGrid(KEY, "https://api.sendgrid.com", batch=500, connections=3)) as transport:
        assert transport.most == 1500


def test_messages_are_noted_call_by_call():
    """Each message of a call is noted before the call leaves, and none of the next call: that one may yet not leave."""
    seen: list[list[str]] = []
    told = Told()

    def rule(_request):
        seen.append(list(told.given))
        return Answer()

    with Provider(rule=rule) as provider, closing(SendGrid(KEY, provider.url, batch=2)) as transport:
        transport.send_many(people(4), told)

    assert seen == [["p0", "p1"], ["p0", "p1", "p2", "p3"]]


# A refusal that names people


def test_who_is_named_is_refused_and_the_others_are_sent():
    """A 400 was sent to nobody: whom it names is refused, everybody else gets their mail by a second call."""
    provider = Provider(complaint("personalizations.1.to.0.email", "personalizations.3.to"))
    told = ask(provider, people(5))

    assert told.people(RefusedRecipient) == ["p1", "p3"]
    assert told.outcomes["p1"] == RefusedRecipient(
        "SendGrid answered 400: personalizations.1.to.0.email: Does not work."
    )
    assert sorted(told.people(Sent)) == ["p0", "p2", "p4"]
    assert [request.people for request in provider.requests[1:]] == [["p0", "p2", "p4"]]


def test_a_place_beyond_the_call_names_nobody():
    """What does not exist cannot be at fault."""
    provider = Provider(complaint("personalizations.99.to"))
    told = ask(provider, people(4))

    assert len(told.people(Sent)) == 4


def test_all_of_a_call_may_be_named():
    """Then there is nothing to send once more."""
    provider = Provider(complaint("personalizations.0.to", "personalizations.1.to"))
    told = ask(provider, people(2))

    assert told.people(RefusedRecipient) == ["p0", "p1"]
    assert len(provider.requests) == 1


@pytest.mark.parametrize("field", ["headers.Message-ID", "custom_args", "substitutions"])
def test_who_is_named_for_something_of_ours_goes_alone(field):
    """What is not their address is not their fault: they are tried in a call of their own, without tags."""
    provider = Provider(complaint(f"personalizations.1.{field}"))
    told = ask(provider, people(4))

    assert len(told.people(Sent)) == 4
    assert sorted(len(request.people) for request in provider.requests) == [1, 3, 4]


def test_a_sender_that_is_refused_stops_everything():
    """A 400 about From is about nobody in the call, nor about the text."""
    provider = Provider(complaint("personalizations.0.to", "from.email"))
    told = ask(provider, people(4))

    assert len(told.people(Halt)) == 4
    assert len(provider.requests) == 1


@pytest.mark.parametrize("connections", [1, 4])
def test_a_provider_that_names_one_at_a_time_is_not_asked_for_ever(connections):
    """So many repeats and no more; who is left is tried later, and nobody is refused who was not named."""

    def rule(request: Request) -> Answer:
        bad = [place for place, name in enumerate(request.people) if int(name[1:]) % 2]
        return complaint(f"personalizations.{bad[0]}.to") if bad else Answer()

    provider = Provider(rule=rule)
    told = ask(provider, people(400), connections=connections)

    assert len(provider.requests) <= MOST_REPEATS + 1
    assert all(int(name[1:]) % 2 for name in told.people(RefusedRecipient))
    assert len(told.people(RefusedRecipient)) == MOST_REPEATS + 1
    assert len(told.people(TryLater)) == 400 - MOST_REPEATS - 1


# A refusal that names nobody


@pytest.mark.parametrize("connections", [1, 4])
@pytest.mark.parametrize("page", [b"", b"<html>blocked</html>"])
@pytest.mark.parametrize("bad", ["p0", "p1", "p2", "p500", "p999"])
def test_halves_find_the_one_person(connections, page, bad):
    """One person whose message is refused, nobody knows why: the other 999 get theirs in a few calls."""
    provider = Provider(rule=unless({bad}, page=page))
    told = ask(provider, people(1000), connections=connections)

    assert told.people(RefusedRecipient) == [bad]
    assert len(told.people(Sent)) == 999
    assert len(provider.requests) <= 24


@pytest.mark.parametrize("connections", [1, 4])
def test_several_people_are_found_and_the_lesson_goes_on(connections):
    """Two refused alike are no verdict on a text that others were sent."""
    bad = {"p0", "p300", "p301"}
    provider = Provider(rule=unless(bad))
    told = ask(provider, people(1000), connections=connections)

    assert set(told.people(RefusedRecipient)) == bad
    assert len(told.people(Sent)) == 997


@pytest.mark.parametrize("connections", [1, 4])
@pytest.mark.parametrize("fields", [(None,), ("content.0.value",), ("reply_to",), ("personalizations",)])
def test_two_refused_alike_hold_the_mailing(connections, fields):
    """When single messages are refused alike it is the mailing: after a few calls it is held, and nobody is refused."""
    provider = Provider(rule=unless({f"p{n}" for n in range(1000)}, *fields))
    told = ask(provider, people(1000), connections=connections)

    assert len(told.people(RefusedMailing)) == 1000
    assert len(provider.requests) <= 1 + 2 * connections


@pytest.mark.parametrize("connections", [1, 4])
def test_neighbours_who_are_refused_hold_nothing(connections):
    """Two people who signed up one after the other, with names that are refused, keep nobody from their lesson."""
    bad = {"p0", "p1"}
    provider = Provider(rule=unless(bad))
    told = ask(provider, people(100), connections=connections)

    assert set(told.people(RefusedRecipient)) == bad
    assert len(told.people(Sent)) == 98


def test_another_mailing_is_not_held_for_it():
    """Only what was refused is held."""
    other = replace(GREETED, subject="Day 2")
    batch = people(6)
    batch[4:] = [replace(one, mailing=other) for one in batch[4:]]
    provider = Provider(rule=unless({"p0", "p1", "p2", "p3"}))
    told = ask(provider, batch)

    assert len(told.people(RefusedMailing)) == 4
    assert sorted(told.people(Sent)) == ["p4", "p5"]


def test_a_proxys_page_holds_no_mailing():
    """A 400 without a word of SendGrid's is no verdict on the text: it is later for everybody, after a few calls."""
    provider = Provider(rule=unless({f"p{n}" for n in range(100)}, page=b"<html>blocked</html>"))
    told = ask(provider, people(100))

    assert len(told.people(TryLater)) == 100
    assert len(provider.requests) <= 5


def test_a_call_that_is_too_large_after_all_is_halved():
    """413 for a call is not 413 for its messages, even as a proxy's page."""

    def rule(request: Request) -> Answer:
        return Answer(413, b"<html>too large</html>") if len(request.people) > 30 else Answer()

    provider = Provider(rule=rule)
    told = ask(provider, people(100))

    assert len(told.people(Sent)) == 100


def test_where_tags_are_not_taken_people_get_their_mail_all_the_same():
    """An account that refuses the tag in Reply-To gets single calls: slowly, but nobody is refused for it."""

    def rule(request: Request) -> Answer:
        return complaint("reply_to.email") if len(request.people) > 1 else Answer()

    provider = Provider(rule=rule)
    told = ask(provider, people(12))

    assert len(told.people(Sent)) == 12


@pytest.mark.parametrize("batch", [1, 1000])
def test_one_refused_and_one_sent_is_the_persons_trouble(batch):
    """A second opinion: a name that SendGrid does not like holds no lesson for everybody else."""
    provider = Provider(rule=unless({"alice"}))
    told = ask(provider, [letter("alice"), letter("bob"), letter("charlie")], batch=batch)

    assert told.people(RefusedRecipient) == ["alice"]
    assert sorted(told.people(Sent)) == ["bob", "charlie"]


def test_single_calls_that_are_refused_alike_hold_the_mailing_too():
    """One call each is no different: after the second the others need not be tried."""
    provider = Provider(*[complaint("content.0.value")] * 9)
    told = ask(provider, people(9), batch=1)

    assert len(told.people(RefusedMailing)) == 9
    assert len(provider.requests) == 2
    assert told.given == ["p0", "p1"]


def rounds(provider: Provider, *names: str) -> list[Outcome]:
    """Hand a message over to each of these in a round of its own; return what became of it."""
    outcomes = list[Outcome]()
    with provider, closing(SendGrid(KEY, provider.url, seconds=5)) as transport:
        for name in names:
            transport.send_many([letter(name)], told := Told())
            outcomes += told.outcomes.values()
    return outcomes


def test_who_is_refused_alone_holds_no_lesson_that_others_got():
    """Most go out one at a time: what Alice was sent a while ago is not held because Bob's is refused, and again."""
    outcomes = rounds(Provider(rule=unless({"bob"}, "content.0.value")), "alice", "bob", "bob", "charlie", "bob")

    assert [type(outcome) for outcome in outcomes] == [Sent, RefusedRecipient, RefusedRecipient, Sent, RefusedRecipient]


def test_two_who_are_refused_alike_one_after_the_other_hold_it():
    """A lesson that was taken and is not any more, for Bob and then for Charlie, waits for everybody."""
    provider = Provider(rule=unless({"bob", "charlie"}, "content.0.value"))
    outcomes = rounds(provider, "alice", "bob", "charlie")

    assert [type(outcome) for outcome in outcomes] == [Sent, RefusedRecipient, RefusedMailing]


def test_a_lesson_that_somebody_got_in_between_is_not_held():
    """What was refused before it was taken once more was those people's, so the next one begins the count anew."""
    provider = Provider(rule=unless({"bob", "charlie"}, "content.0.value"))
    outcomes = rounds(provider, "alice", "bob", "dora", "charlie")

    assert [type(outcome) for outcome in outcomes] == [Sent, RefusedRecipient, Sent, RefusedRecipient]


def test_two_who_are_refused_differently_one_after_the_other_hold_nothing():
    """Bob for one thing and Charlie for another: that is no word on the lesson."""
    fields = {"alice": (), "bob": ("content.0.value",), "charlie": ("subject",)}
    provider = Provider(rule=lambda request: complaint(*said) if (said := fields[request.people[0]]) else Answer())
    outcomes = rounds(provider, "alice", "bob", "charlie")

    assert [type(outcome) for outcome in outcomes] == [Sent, RefusedRecipient, RefusedRecipient]


def test_two_refused_differently_wait_for_a_third():
    """Two complaints that are not alike hold nothing yet: the third was taken, so it was those two people's."""
    provider = Provider(complaint("content.0.value"), complaint(None))
    told = ask(provider, people(4), batch=1)

    assert sorted(told.people(RefusedRecipient)) == ["p0", "p1"]
    assert told.people(Sent) == ["p2", "p3"]


def test_two_bad_addresses_hold_nothing():
    """An address is a person's: however many are refused, the lesson goes on."""
    provider = Provider(*[complaint("personalizations.0.to.0.email")] * 2)
    told = ask(provider, people(3), batch=1)

    assert told.people(RefusedRecipient) == ["p0", "p1"]
    assert told.people(Sent) == ["p2"]


def test_an_address_that_is_named_with_something_of_ours_is_no_persons_trouble():
    """Where a refusal names the text as well, two who are refused so hold the lesson: nobody fails for it."""
    provider = Provider(*[complaint("personalizations.0.to.0.email", "content.0.value")] * 2)
    told = ask(provider, people(3), batch=1)

    assert sorted(told.people(RefusedMailing)) == ["p0", "p1", "p2"]


# What holds for all of a call


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(401), Halt),
        (Answer(403), Halt),
        (Answer(404), Halt),
        (Answer(429), TryLater),
        (Answer(500), TryLater),
        (Answer(503, b"<html>"), TryLater),
        (Answer(504), Unsure),
        (Answer(act=DROP), Unsure),
        (Answer(act=HANG), Unsure),
        (Answer(202, b"half", {"Content-Length": "900"}), Sent),
    ],
)
def test_an_answer_to_a_call_is_one_to_each(answer, expected):
    """No key, no credit, too fast, out of order, no answer: what became of the call became of every message in it."""
    provider = Provider(answer)
    told = ask(provider, people(5), seconds=LITTLE_WHILE)

    assert len(told.people(expected)) == 5
    assert len(provider.requests) == 1


def test_a_rate_limit_holds_for_those_who_wait_too():
    """After a 429 the next call would fare the same: all wait until the limit's reset."""
    limit = Answer(429, headers={"Date": "Sun, 01 Mar 2026 08:00:00 GMT", "X-RateLimit-Reset": "1772352042"})
    provider = Provider(limit)
    told = ask(provider, people(6), batch=2)

    assert {outcome.seconds for outcome in told.outcomes.values()} == {42}
    assert len(provider.requests) == 1
    assert told.given == ["p0", "p1"]


def test_trouble_while_looking_closer():
    """A halt or a limit amid repeats holds for those who were to be repeated: it was sent to none of them."""
    told = ask(Provider(complaint("personalizations.0.to"), Answer(401)), people(4))
    assert told.people(RefusedRecipient) == ["p0"]
    assert len(told.people(Halt)) == 3

    told = ask(Provider(complaint(None), Answer(), Answer(act=HANG)), people(8), seconds=LITTLE_WHILE)
    assert (len(told.people(Sent)), len(told.people(Unsure)), len(told.people(TryLater))) == (1, 1, 6)


def test_trouble_that_another_call_heard_of():
    """A refused call is not repeated once another call was answered with a halt."""
    heard = threading.Event()

    class Hearing(Told):
        def answered(self, outgoing, outcome):
            super().answered(outgoing, outcome)
            heard.set()

    def rule(request: Request) -> Answer:
        if "p0" in request.people:
            return Answer(401)
        heard.wait(10)
        return complaint("personalizations.0.to")

    told = Hearing()
    with Provider(rule=rule) as provider, closing(SendGrid(KEY, provider.url, batch=2, connections=2)) as transport:
        transport.send_many(people(4), told)

    assert told.people(RefusedRecipient) == ["p2"]
    assert told.people(Halt) == ["p0", "p1", "p3"]
    assert len(provider.requests) == 2


def test_a_refusal_tells_no_secret():
    """A reason repeats neither the key nor anybody's address, of the call's or of another's."""
    words = f"{KEY} alice@example.org alice bob"
    told = ask(Provider(complaint("personalizations.0.to", message=words)), [ALICE, BOB, CHARLIE])

    assert told.outcomes["alice"].reason == (
        "SendGrid answered 400: personalizations.0.to: <hidden> <address> <hidden> <hidden>"
    )


# The whole service


def test_a_lesson_for_many_is_a_call_and_each_answer_counts(world):
    """Thirty people are owed a lesson in two languages: two calls, a lesson each, and answers are told apart."""
    demo.make(world.app.service, 30, world.clock.now(), due=True)
    with Provider() as provider, closing(SendGrid(KEY, provider.url, batch=1000)) as transport:
        world.app.ticker.transport = transport
        sent = world.app.tick()
    mails = [mail for request in provider.requests for mail in delivered(request.body)]
    for mail in mails[:2]:
        world.deliver(reply_to(mail))

    assert (sent, len(provider.requests), len(mails)) == (30, 2, 30)
    assert len({mail["reply_to"] for mail in mails}) == 30
    assert world.rows("SELECT count(*) FROM deliveries WHERE status = 'sent'") == [(30,)]
    assert world.rows("SELECT count(*) FROM completions") == [(2,)]


def test_nobody_pays_for_another_in_the_service(world):
    """One address is refused, the others' lessons are sent, and no mailing is held."""
    demo.make(world.app.service, 20, world.clock.now(), due=True)
    provider = Provider(complaint("personalizations.7.to.0.email"))
    with provider, closing(SendGrid(KEY, provider.url, batch=1000)) as transport:
        world.app.ticker.transport = transport
        sent = world.app.tick()

    assert sent == 19
    assert world.rows("SELECT status, count(*) FROM deliveries GROUP BY status ORDER BY 1") == [
        ("queued", 1),
        ("sent", 19),
    ]
    assert world.rows("SELECT count(*) FROM mailings WHERE held_reason IS NOT NULL") == [(0,)]


def test_a_refused_text_is_held_and_nobody_fails(world):
    """A lesson that SendGrid refuses is held for everybody after two single sends, and everybody is owed it still."""
    demo.make(world.app.service, 20, world.clock.now(), due=True)
    provider = Provider(rule=lambda _: complaint("content.1.value"))
    with provider, closing(SendGrid(KEY, provider.url, batch=1000)) as transport:
        world.app.ticker.transport = transport
        world.app.tick()

    held = world.rows("SELECT held_reason FROM mailings WHERE held_reason IS NOT NULL")
    assert {reason for (reason,) in held} == {"SendGrid answered 400: content.1.value: Does not work."}
    assert world.rows("SELECT status, count(*) FROM deliveries GROUP BY status") == [("queued", 20)]


def reply_to(mail: dict) -> bytes:
    """Return an answer to a mail."""
    answer = EmailMessage()
    answer["From"], answer["To"], answer["Message-ID"] = mail["to"], mail["reply_to"], f"<1.{mail['to']}>"
    answer.set_content("It helped.")
    return answer.as_bytes()


# The pair that proves it


def test_a_pair_goes_in_one_call_or_not_at_all():
    """`together` batches whatever the setting is, and does not fall back to single calls, which would prove nothing."""
    pair = [letter("alice"), letter("bob")]
    with Provider() as provider, closing(SendGrid(KEY, provider.url)) as transport:
        assert transport.together(pair) == Sent("")
        provider.answers = [complaint("reply_to.email")]
        assert isinstance(transport.together(pair), RefusedRecipient)

    assert [request.people for request in provider.requests] == [["alice", "bob"]] * 2
