"""Promises where one mailbox and no domain receives replies: REPLY_ADDRESS, with what is ours behind its plus."""

from __future__ import annotations

from email.message import EmailMessage

import pytest
from conftest import make_settings

from course import links
from course.keys import Keys
from course.settings import SettingsError

MAILBOX = "hello@mail.example"
BARE = {"To": MAILBOX}


@pytest.fixture
def database(tmp_path):
    """Return an SQLite database: addresses are the same on both."""
    return f"sqlite:///{tmp_path / 'course.db'}"


@pytest.fixture
def settings(settings):
    """Let the service have one mailbox, from which it writes, too."""
    return settings.model_copy(update={"reply_address": MAILBOX, "mail_from": MAILBOX})


@pytest.fixture
def lesson(world):
    """Let Alice have her first lesson; return it."""
    world.join()
    world.pass_hours(24)
    return world.box.last("day-1")


def headers(mail):
    """Return a mail's headers besides the usual ones."""
    return dict(mail.extra_headers())


def standing(world):
    """Return who stands where."""
    return world.rows(
        "SELECT s.email, e.status FROM enrolments e JOIN subscribers s ON s.id = e.subscriber_id ORDER BY e.id"
    )


def write(world, to, sender="alice@example.org", words=""):
    """Write a new mail; return what was decided."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"], mail["Message-ID"] = sender, to, "x", "<1@client.example>"
    mail.set_content(words)
    return world.deliver(mail.as_bytes())


def test_an_answer_comes_to_the_mailbox_with_a_plus_and_counts(world, lesson):
    """hello+reply-…@: the provider puts it into the mailbox, and what stands behind the plus says whose it is."""
    assert lesson.reply_to.startswith("hello+reply-")
    assert lesson.reply_to.endswith("@mail.example")
    assert world.reply(lesson) == ["completed"]


def test_an_answer_counts_though_its_letters_were_made_capitals(world, lesson):
    """Some mail programs change the case of addresses."""
    assert world.reply(lesson, To=lesson.reply_to.upper()) == ["completed"]


@pytest.mark.parametrize("header", ["In-Reply-To", "References"])
def test_an_answer_whose_plus_was_dropped_is_known_by_what_it_answers(world, lesson, header):
    """Some mail programs and forms take a plus for a mistake."""
    assert world.reply(lesson, **BARE, **{header: lesson.message_id}) == ["completed"]


def test_an_answer_that_names_nothing_is_nobody_s(world, lesson):
    """Anybody can write Alice's address into a From line."""
    assert world.reply(lesson, **BARE) == ["held"]


def test_leaving_by_mail_works_with_any_words(world, lesson):
    """Apple Mail writes a sentence of its own into the mail by which somebody leaves."""
    found = headers(lesson)["List-Unsubscribe"].partition("<mailto:")[2].partition("?")[0]
    decided = write(world, found, words="Apple Mail sent this email to unsubscribe from the mailing list.\n")

    assert found.startswith("hello+leave-")
    assert decided == ["left"]
    assert standing(world) == [("alice@example.org", "stopped")]


def test_an_old_mail_s_address_to_leave_ends_the_round_that_goes_on_now(world, lesson):
    """Alice left, came back, and finds a mail of the first time."""
    found = headers(lesson)["List-Unsubscribe"].partition("<mailto:")[2].partition("?")[0]
    write(world, found)
    world.join()
    write(world, found)

    assert [status for _, status in standing(world)] == ["stopped", "stopped"]


@pytest.mark.parametrize("before", [MAILBOX, ""], ids=["a mailbox", "a domain"])
def test_letters_of_before_the_address_changed_are_answered_and_left_by_all_the_same(world, before):
    """What an address holds counts, and not its domain: the old one's mail need only come in."""
    world.restart(reply_address=before, reply_domain="reply.old.example")
    world.join()
    world.pass_hours(24)
    letter = world.box.last("day-1")
    leave = headers(letter)["List-Unsubscribe"].partition("<mailto:")[2].partition("?")[0]
    world.restart(reply_address="", reply_domain="reply.new.example", mail_from="hello@new.example")

    assert world.reply(letter) == ["completed"]
    assert write(world, leave) == ["left"]
    assert standing(world) == [("alice@example.org", "stopped")]


def test_a_reply_address_is_none_to_leave_by(world, lesson):
    """What stands behind reply- works behind leave- no more than anything else that is made up."""
    decided = write(world, lesson.reply_to.replace("reply-", "leave-"))

    assert decided == ["held"]
    assert standing(world) == [("alice@example.org", "active")]


def test_somebody_signs_up_by_mail(world):
    """hello+join@: whoever writes there is asked back."""
    assert write(world, "hello+join@mail.example") == ["joined"]
    assert write(world, "Hello+Join-Self-Compassion@mail.example", sender="bob@example.org") == ["joined"]


def test_people_at_the_same_mail_house_take_the_course(world):
    """At a domain that many share only our own inbox is ours: charlie@ there signs up, and what he writes counts."""
    world.join("charlie", email="charlie@mail.example")
    world.pass_hours(24)
    lesson = world.box.last("day-1")

    assert standing(world) == [("charlie@mail.example", "active")]
    assert world.reply(lesson, MessageID=f"<{'0a' * 16}@mail.example>") == ["completed"]


@pytest.mark.parametrize("sender", [MAILBOX, "Hello+reply-00@mail.example"])
def test_a_mail_of_our_own_is_nobody_s_answer(world, lesson, sender):
    """A loop ends here, with or without a plus."""
    assert world.reply(lesson, From=sender) == ["dropped"]


def test_no_address_of_ours_is_longer_than_an_address_may_be():
    """64 characters before the @ (RFC 5321 section 4.5.3.1.1), with the largest ids that a restore can bring."""
    keys, place, largest = Keys.of("k" * 40), f"{'m' * 16}@mail.example", 2**48 - 1
    found = links.reply_address(keys, largest, place), links.leave_links(keys, largest, "c", "", place, largest)[1]

    assert all(len(address.partition("@")[0]) <= 64 for address in found)


@pytest.mark.parametrize(
    "wrong", ["hello", "hello+course@mail.example", f"{'m' * 17}@mail.example", "@mail.example", "Hello <a@b.example>"]
)
def test_what_is_no_mailbox_is_refused(tmp_path, wrong):
    """The start stops, and says what to put."""
    with pytest.raises(SettingsError, match="REPLY_ADDRESS: put the bare address of one mailbox"):
        make_settings(data_dir=tmp_path, reply_address=wrong)


def test_a_mailbox_is_enough_in_production(tmp_path):
    """Where others can reach the site, REPLY_DOMAIN is wanted or REPLY_ADDRESS."""
    live = {
        "base_url": "https://course.example.org",
        "transport": "smtp",
        "smtp_url": "smtps://user:password@mx.example.org:465",
        "mail_from": MAILBOX,
        "postal_address": "1 Quiet Lane, London",
        "controller_name": "Quiet Lane Press",
        "contact_email": "people@course.example.org",
    }
    settings = make_settings(data_dir=tmp_path, reply_address="Hello@mail.example", **live)

    assert settings.replies_at == MAILBOX
    with pytest.raises(SettingsError, match="REPLY_DOMAIN"):
        make_settings(data_dir=tmp_path, **live)
