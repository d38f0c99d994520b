"""Promises of leaving: five doors, one end, at once; nothing that was queued goes out any more."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from conftest import ON_SQLITE

from course.journeys import privacy, suppression
from course.outgoing import Sent, TryLater

EIGHT = datetime(2027, 3, 2, 8, 0, tzinfo=UTC)  # when first lessons are due
STATE = ("subscribers", "enrolments", "deliveries", "consents", "history", "suppressions")


@pytest.fixture
def settings(settings, two_courses):
    """Let the service have both courses."""
    return settings.model_copy(update={"emails_dir": two_courses})


def live(world, hours):
    """Let time go by, with a tick every four hours."""
    while hours > 0:
        world.clock.go(hours=min(4, hours))
        world.app.tick()
        hours -= 4


def by_page(world, mail):
    """Press the button on the page of a mail's link."""
    world.app.leave(world.leave_token(mail), "page")


def by_one_click(world, mail):
    """Let the mail client post, as RFC 8058 says."""
    world.app.leave(mail.leave[0].rpartition("/")[2], "one-click")


def by_reply(world, mail):
    """Answer with STOP."""
    world.reply(mail, "STOP")


def by_mail(world, mail):
    """Write to the address that List-Unsubscribe names."""
    world.deliver(letter(mail.to, mail.leave[1]))


def by_provider(world, mail):
    """Unsubscribe at the provider."""
    number = str(mail.delivery_id)
    world.app.provider_events([{"event": "unsubscribe", "ds_delivery": number, "email": mail.to, "timestamp": 1}])


DOORS = {"page": by_page, "one-click": by_one_click, "STOP": by_reply, "mailto": by_mail, "provider": by_provider}
EACH_DOOR = pytest.mark.parametrize("leave", DOORS.values(), ids=DOORS)


def letter(sender, to, **headers):
    """Return a mail without a word in it."""
    message = EmailMessage()
    message["From"], message["To"], message["Message-ID"] = sender, to, "<1@client.example.org>"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content("\n")
    return message.as_bytes()


def state(world):
    """Return all that leaving could change."""
    return {table: sorted(map(str, world.rows(f"SELECT * FROM {table}"))) for table in STATE}  # noqa: S608 (our names)


def rounds(world):
    """Return how each round stands, in the order in which they began."""
    return world.rows("SELECT course, status, ended_reason FROM enrolments ORDER BY id")


@EACH_DOOR
def test_each_door_leads_out(world, leave):
    """Whichever way Alice leaves, her course is stopped, and it is proven that and how she withdrew."""
    world.join("alice")
    leave(world, world.box.last("welcome"))

    assert rounds(world) == [("self-compassion", "stopped", "unsubscribed")]
    assert world.rows("SELECT what, wording FROM consents ORDER BY id")[1] == ("withdrawn", "unsubscribed")
    assert [row[0] for row in world.rows("SELECT event FROM history ORDER BY id")] == ["confirmed", "stopped"]
    assert world.rows("SELECT next_send_at FROM enrolments") == [(None,)]


@ON_SQLITE
@EACH_DOOR
def test_leaving_again_changes_nothing(world, leave):
    """Once out, every door, this one included, finds that all is done."""
    world.join("alice")
    mail = world.box.last("welcome")
    leave(world, mail)
    world.app.tick()
    before = state(world)
    for door in DOORS.values():
        door(world, mail)
    world.app.tick()

    # A STOP through the letter box is answered once, whatever had stopped it before.
    after = state(world)
    assert {table: rows for table, rows in after.items() if table != "deliveries"} == {
        table: rows for table, rows in before.items() if table != "deliveries"
    }
    assert world.box.names().count("left") == 1


@ON_SQLITE
@EACH_DOOR
def test_nothing_queued_goes_out_afterwards(world, leave):
    """A lesson that waited to be tried again, and all that would have come, stays here; at most a goodbye leaves."""
    world.join("alice")
    mail = world.box.last("welcome")
    world.clock.at = EIGHT
    world.box.answer = lambda _: TryLater("busy")
    world.app.tick()
    world.reply(mail, "HELP")
    world.box.answer = lambda _: Sent()
    world.box.sent.clear()
    leave(world, mail)
    live(world, 24 * 7)

    assert set(world.box.names()) <= {"left"}
    assert world.rows("SELECT status FROM deliveries WHERE name = 'day-1'") == [("cancelled",)]


@EACH_DOOR
def test_an_old_link_stops_the_round_that_is_live(world, leave):
    """A mail from before she left and came back still leads out of the course, at every door."""
    world.join("alice")
    old = world.box.last("welcome")
    by_page(world, old)
    world.clock.go(days=1)
    world.join("alice")
    world.box.sent.clear()
    leave(world, old)
    live(world, 72)

    assert [row[1] for row in rounds(world)] == ["stopped", "stopped"]
    assert set(world.box.names()) <= {"left"}


@ON_SQLITE
def test_a_link_never_expires(world):
    """Ten years later the link in an old mail still works."""
    world.join("alice")
    world.app.pause(world.leave_token())  # so that there is something to leave
    world.clock.go(days=3650)
    standing = world.app.leave(world.leave_token(world.box.last("welcome")), "page")

    assert standing.status == "stopped"


@ON_SQLITE
@EACH_DOOR
def test_nobody_else_is_stopped(world, leave):
    """Alice's door is hers: Bob's course goes on."""
    world.join("bob")
    world.join("alice")
    leave(world, world.box.last("welcome"))

    assert [row[1] for row in rounds(world)] == ["active", "stopped"]


@ON_SQLITE
@pytest.mark.parametrize(
    "leave", [door for name, door in DOORS.items() if name != "provider"], ids=[n for n in DOORS if n != "provider"]
)
def test_one_course_is_left_at_a_time(world, leave):
    """A mail's link is about its own course; the other one goes on."""
    world.join("alice")
    world.join("alice", course="writing")
    leave(world, world.box.last("welcome"))
    live(world, 21)

    assert rounds(world) == [("self-compassion", "active", None), ("writing", "stopped", "unsubscribed")]
    assert world.box.names().count("day-1") == 1


@ON_SQLITE
def test_the_provider_s_word_is_for_all_courses(world):
    """Who unsubscribes at the provider means the sender, not a course."""
    world.join("alice")
    world.join("alice", course="writing")
    by_provider(world, world.box.last("welcome"))

    assert [row[1] for row in rounds(world)] == ["stopped", "stopped"]


def test_everything_can_be_left(world):
    """One button leaves every course, and no more mail comes of any."""
    world.join("alice")
    world.join("alice", course="writing")
    world.box.sent, mail = [], world.box.last("welcome")
    standing = world.app.leave_everything(world.leave_token(mail))
    live(world, 24 * 7)

    assert standing.status == "stopped"
    assert rounds(world) == [
        ("self-compassion", "stopped", "unsubscribed"),
        ("writing", "stopped", "unsubscribed"),
    ]
    assert world.rows("SELECT course FROM consents WHERE what = 'withdrawn' ORDER BY course") == [
        ("self-compassion",),
        ("writing",),
    ]
    assert world.box.sent == []


@ON_SQLITE
def test_leaving_everything_again_changes_nothing(world):
    """A second press finds that all is done."""
    world.join("alice")
    world.join("alice", course="writing")
    token = world.leave_token()
    world.app.leave_everything(token)
    before = state(world)
    world.app.leave_everything(token)

    assert state(world) == before


@ON_SQLITE
def test_looking_at_the_page_changes_nothing(world):
    """A scanner may follow the link a hundred times: she is still in the course."""
    world.join("alice")
    token, before = world.leave_token(), state(world)
    seen = {world.app.enrolment(token).status for _ in range(100)}

    assert seen == {"active"}
    assert state(world) == before


@ON_SQLITE
@pytest.mark.parametrize("act", ["enrolment", "leave", "leave_everything", "pause", "resume"])
def test_what_is_no_link_of_ours_does_nothing(world, act):
    """A token that was changed, cut off, made up, or made for something else is met with nothing at all."""
    world.join("alice")
    token, before = world.leave_token(), state(world)
    changed = ("a" if token[5] != "a" else "b").join([token[:5], token[6:]])
    made_up = (changed, token[:-4], "", "a" * 500, "\N{GREEK SMALL LETTER ALPHA}", world.confirm_token(), token + "a")
    extra = ("page",) if act == "leave" else ()
    said = [getattr(world.app, act)(wrong, *extra) for wrong in made_up]

    assert said == [None] * len(made_up)
    assert state(world) == before


def test_leaving_from_two_windows_is_once(world):
    """Two clicks at one moment are one departure, proven once."""
    world.join("alice")
    token = world.leave_token()
    all_are_here = threading.Barrier(4)

    def click(_):
        all_are_here.wait(10)
        return world.app.leave(token, "page").status

    with ThreadPoolExecutor(4) as pool:
        said = list(pool.map(click, range(4)))

    assert said == ["stopped"] * 4
    assert world.rows("SELECT count(*) FROM consents WHERE what = 'withdrawn'") == [(1,)]
    assert world.rows("SELECT count(*) FROM history WHERE event = 'stopped'") == [(1,)]


def test_stop_said_twice_is_answered_once(world):
    """Whoever writes STOP twice before we have answered gets one goodbye, and is proven to have left once."""
    world.join("alice")
    mail = world.box.last("welcome")
    by_reply(world, mail)
    by_reply(world, mail)
    world.app.tick()

    assert world.box.names().count("left") == 1
    assert world.rows("SELECT count(*) FROM consents WHERE what = 'withdrawn'") == [(1,)]


@ON_SQLITE
def test_the_mailto_needs_no_words_and_no_sender(world):
    """Whoever writes to the address leaves, from whatever address they do; nothing is sent back."""
    world.join("alice")
    mail = world.box.last("welcome")
    world.box.sent.clear()
    decided = world.deliver(letter("someone@elsewhere.example.net", mail.leave[1]))
    live(world, 2)

    assert decided == ["left"]
    assert [row[1] for row in rounds(world)] == ["stopped"]
    assert world.box.sent == []


@ON_SQLITE
def test_a_machine_may_write_to_the_mailto(world):
    """Mail programs do, for whoever presses their button; the address proves that they may."""
    world.join("alice")
    decided = world.deliver(letter("agent@example.net", world.box.sent[-1].leave[1], Auto_Submitted="auto-generated"))

    assert decided == ["left"]
    assert [row[1] for row in rounds(world)] == ["stopped"]


@ON_SQLITE
def test_the_mailto_works_by_the_envelope_alone(world):
    """It is enough that the mail was delivered to the address, whatever its To line says."""
    world.join("alice")
    mail = world.box.last("welcome")
    world.deliver(letter(mail.to, "undisclosed-recipients:;"), to=(mail.leave[1].upper(),))

    assert [row[1] for row in rounds(world)] == ["stopped"]


@ON_SQLITE
def test_a_report_to_the_mailto_is_no_departure(world):
    """A mail server that could not deliver something to that address does not make her leave."""
    world.join("alice")
    mail = world.box.last("welcome")
    report = letter("mailer-daemon@example.org", mail.leave[1]).replace(
        b"Content-Type: text/plain", b"Content-Type: multipart/report; boundary=x; report-type=delivery-status; was"
    )
    world.deliver(report)

    assert [row[1] for row in rounds(world)] == ["active"]


@ON_SQLITE
@EACH_DOOR
def test_after_the_end_only_the_farewell_is_left_to_stop(world, leave):
    """Who leaves when all lessons are sent has still finished the course, and gets no farewell."""
    world.join("alice")
    live(world, 24 * 5)
    last = world.box.last("day-5")
    world.box.sent.clear()
    leave(world, last)
    live(world, 48)

    assert rounds(world) == [("self-compassion", "finished", None)]
    assert set(world.box.names()) <= {"left"}
    assert world.rows("SELECT status FROM deliveries WHERE name = 'farewell'") == [("cancelled",)]


@ON_SQLITE
def test_pausing_instead_keeps_the_place(world):
    """Pause instead: nothing comes, the place is kept, and resuming goes on from there."""
    world.join("alice")
    live(world, 21)
    token = world.leave_token()
    paused = world.app.pause(token).status
    live(world, 24 * 10)
    quiet = world.box.names()[-1]
    resumed = world.app.resume(token).status
    live(world, 24)

    assert (paused, quiet, resumed) == ("paused", "day-1", "active")
    assert world.box.names()[-1] == "day-2"


@ON_SQLITE
def test_who_has_paused_can_leave(world):
    """A paused course can be left like any other."""
    world.join("alice")
    token = world.leave_token()
    world.app.pause(token)
    world.app.leave(token, "page")

    assert world.app.resume(token).status == "stopped"


# Leaving while mail is going out.


def batch(world):
    """Let three people have their first lessons due; return Charlie's link."""
    for who in ("alice", "bob", "charlie"):
        world.join(who)
    token = world.leave_token(world.box.last("welcome"))
    world.clock.at = EIGHT
    world.box.sent.clear()
    return token


def during(world, who, act):
    """Let something happen while this person's message is handed over, which takes a second."""

    def answer(mail):
        if mail.to.startswith(who):
            act()
            world.clock.go(seconds=1)
        return Sent()

    world.box.answer = answer


def test_leaving_during_a_batch_is_in_time(world):
    """Charlie leaves while the batch is going out and his turn has not come: the rest go on, his does not leave."""
    token = batch(world)
    during(world, "alice", lambda: world.app.leave(token, "page"))
    world.app.tick()
    live(world, 24)

    assert world.box.names("charlie@example.org") == []
    assert [world.box.names(f"{who}@example.org")[0] for who in ("alice", "bob")] == ["day-1", "day-1"]
    assert world.rows("SELECT count(*) FROM deliveries WHERE name = 'day-1' AND status = 'cancelled'") == [(1,)]


def test_a_complaint_during_a_batch_is_in_time(world):
    """So does a complaint that comes in during the batch: the suppression counts from that moment."""
    batch(world)

    def complain():
        world.app.provider_events([{"event": "spamreport", "email": "charlie@example.org", "sg_event_id": "1"}])

    during(world, "alice", complain)
    world.app.tick()

    assert [mail.to for mail in world.box.sent] == ["alice@example.org", "bob@example.org"]


def test_a_pause_during_a_batch_keeps_the_lesson(world):
    """Who pauses in that moment gets the same lesson when they resume: no day is lost."""
    token = batch(world)
    during(world, "alice", lambda: world.app.pause(token))
    world.app.tick()
    before = world.box.names("charlie@example.org")
    world.app.tick()
    world.clock.go(days=2)
    world.app.resume(token)
    live(world, 25)

    assert before == []
    assert world.box.names("charlie@example.org")[:1] == ["day-1"]


def test_leaving_when_the_message_is_gone_still_leaves(world):
    """Who leaves in the very moment of their message gets that one, and no other."""
    token = batch(world)
    during(world, "charlie", lambda: world.app.leave(token, "page"))
    world.app.tick()
    live(world, 72)

    assert world.box.names("charlie@example.org") == ["day-1"]
    assert rounds(world)[2][1:] == ("stopped", "unsubscribed")


# A suppression outlives the person's data.


def test_a_suppression_survives_erasure(world):
    """Alice complained and had everything erased: nobody can sign her up again, and no row says who she is."""
    world.join("alice")
    world.app.provider_events([{"event": "spamreport", "email": "alice@example.org", "sg_event_id": "1"}])
    privacy.erase(world.app.service, "alice@example.org", world.clock.now())
    world.box.sent.clear()
    world.clock.go(days=400)
    world.sign_up("alice")
    live(world, 24)

    assert world.box.sent == []
    assert world.rows("SELECT count(*) FROM subscribers") == [(0,)]
    assert world.rows("SELECT address_hash, reason FROM suppressions") == [
        (suppression.mark(world.app.keys, "alice@example.org"), "complained")
    ]


@ON_SQLITE
def test_a_suppression_minds_no_letter_case(world):
    """The same address in capitals is the same address."""
    world.sign_up("alice")
    world.app.tick()
    world.app.not_me(world.confirm_token())
    world.box.sent.clear()
    world.clock.go(days=2)
    world.sign_up(email="ALICE@Example.ORG")
    world.app.tick()

    assert world.box.sent == []
