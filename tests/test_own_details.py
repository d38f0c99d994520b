"""Promises of changing one's name, address, journal and mind: nothing is lost, nobody hears more than they may."""

from __future__ import annotations

import re

import pytest
from conftest import ON_SQLITE
from sqlalchemy import select
from test_fresh import a_browser, a_link, visiting
from test_journal import KEEP, SHARE, a_lesson, kept, words
from test_journal import settings as settings  # noqa: PLC0414 (a fixture: a service that offers a journal)
from test_own import SIGNED, said, wrote
from test_restore import restore, take
from test_restore import world as world  # noqa: PLC0414 (a fixture: it drops what a restore keeps on PostgreSQL)

from course import erasure
from course.journeys import diary, erasures, folding, key_backups, moving, privacy, suppression
from course.outgoing import RefusedRecipient, Sent, Unsure
from course.store.key_store import person_keys as keys_table
from course.store.tables import enrolments

NEW_HOME = "alice@new.example"


def addresses_of(world):
    """Return the addresses on file."""
    return [row[0] for row in world.rows("SELECT email FROM subscribers ORDER BY id")]


def wish(world, email=NEW_HOME, who="alice"):
    """Type another address on one's own page, and let the mail leave; return the page that follows."""
    browser = visiting(world, who)
    answered = browser.post("/own/address", data={"email": email})
    world.app.tick()
    return browser.get(answered.headers["location"]) if answered.status_code == 303 else answered


def moved(world):
    """Change Alice's address to the new one, and let the last mail to the old one leave."""
    wish(world)
    token = world.link(world.box.last("move"), "address")
    answered = a_browser(world).post(f"/address/{token}")
    world.app.tick()
    return answered


def test_a_name_is_changed_at_once(world):
    """The next letter greets her by it; what is no name is said to be none, and nothing changes."""
    world.join()
    browser = visiting(world)
    changed = browser.post("/own/name", data={"name": "Ali"})
    refused = browser.post("/own/name", data={"name": "http://evil.example"})

    assert changed.headers["location"] == "/own?done=name"
    assert refused.status_code == 422
    assert world.rows("SELECT name FROM subscribers") == [("Ali",)]


def test_a_new_address_is_asked_first(world):
    """One mail goes to the new address alone; until it says yes nothing changes."""
    world.join()
    page = wish(world)
    mail = world.box.last("move")

    assert mail.to == NEW_HOME
    assert "If this address can be used, an email with a button is on its way there." in said(page)
    assert addresses_of(world) == ["alice@example.org"]


def test_the_question_gives_nothing_away(world):
    """Neither her name nor her address, and no link to her course: the new address may be a stranger's."""
    world.join()
    wish(world)
    mail = world.box.last("move")
    raw = mail.as_bytes().decode().lower()
    text = mail.mailing.text_for(mail.values)

    assert "alice@example.org" not in raw + text.lower()
    assert "hello alice" not in text.lower()
    assert re.findall(r"https?://\S+/(\w+)/[0-9a-f]{20,}", text) == ["address"]
    assert mail.leave is None


def test_opening_the_question_changes_nothing(world):
    """GET and HEAD, by a scanner; the button then works, once."""
    world.join()
    wish(world)
    token, browser = world.link(world.box.last("move"), "address"), a_browser(world)
    for _ in range(5):
        browser.get(f"/address/{token}")
        browser.head(f"/address/{token}")
    before = addresses_of(world)
    first, second = browser.post(f"/address/{token}"), browser.post(f"/address/{token}")

    assert (before, addresses_of(world)) == (["alice@example.org"], [NEW_HOME])
    assert (first.status_code, second.status_code) == (200, 404)


def test_the_old_address_is_told_once_and_not_where(world):
    """It hears that letters go elsewhere, naming no address; everything else goes to the new one."""
    world.join()
    moved(world)
    old, raw = world.box.last("moved"), world.box.last("moved").as_bytes().decode().lower()
    before = len(world.box.sent)
    world.pass_hours(24)

    assert old.to == "alice@example.org"
    assert "new.example" not in raw + old.mailing.text_for(old.values)
    assert {mail.to for mail in world.box.sent[before:]} == {NEW_HOME}


def test_a_sign_up_that_nobody_confirmed_stands_in_no_ones_way(world):
    """Somebody typed her address for the other course: the question is asked, and the old address is told."""
    world.join()
    browser = visiting(world)
    world.sign_up(course="writing-with-self-compassion", network="198.51.100.9")
    browser.post("/own/address", data={"email": NEW_HOME})
    world.app.tick()
    asked = "move" in world.box.names()
    token = world.link(world.box.last("move"), "address")
    a_browser(world).post(f"/address/{token}")
    world.app.tick()

    assert asked
    assert world.box.last("moved").to == "alice@example.org"


@ON_SQLITE
def test_a_sign_up_between_question_and_yes_keeps_nobody_from_being_told(world):
    """The old address hears that its letters go elsewhere, whatever a stranger typed meanwhile."""
    world.join()
    wish(world)
    world.sign_up(course="writing-with-self-compassion", network="198.51.100.9")
    a_browser(world).post(f"/address/{world.link(world.box.last('move'), 'address')}")
    world.app.tick()

    assert world.box.last("moved").to == "alice@example.org"


@ON_SQLITE
def test_another_wish_waits_until_the_old_address_was_told(world):
    """The mail that tells it is in doubt: what is typed meanwhile is not asked, and the old address hears of it."""
    world.join()
    wish(world)
    world.box.has_events = True  # a doubt is left to the provider's events for half an hour
    world.box.answer = lambda mail: Unsure("no answer") if mail.mailing.name == "moved" else Sent()
    a_browser(world).post(f"/address/{world.link(world.box.last('move'), 'address')}")
    world.app.tick()
    moving.ask(world.app.service, 1, "alice@third.example", world.clock.now(), world.clock.real())
    world.box.answer = lambda _: Sent()
    world.pass_hours(2)

    assert world.box.last("moved").to == "alice@example.org"
    assert world.box.names("alice@third.example") == []


def test_links_that_the_old_address_got_open_nothing_more(world):
    """A fresh link in the old inbox, and the visit from which the address was changed, have ended."""
    world.join()
    unused, browser = a_link(world), visiting(world)
    moved(world)

    assert a_browser(world).post(f"/open/{unused}").status_code == 404
    assert browser.get("/own").status_code == 403


@ON_SQLITE
def test_an_address_that_wants_no_mail_any_more_becomes_nobodys(world):
    """It was asked, and then it was never to be written to: the button in the question has no use any more."""
    world.join()
    wish(world)
    token = world.link(world.box.last("move"), "address")
    with world.app.service.store.transaction() as tx:
        suppression.suppress(tx, world.app.keys, NEW_HOME, "by hand", world.clock.real())

    assert a_browser(world).post(f"/address/{token}").status_code == 404
    assert addresses_of(world) == ["alice@example.org"]


@ON_SQLITE
@pytest.mark.parametrize("what", ["of another course", "between two moves", "folded"])
def test_no_letter_in_a_mailbox_that_she_left_opens_her_pages(world, what):
    """Whatever she moved in, however often, and however long ago the letter left."""
    world.join()
    if what == "of another course":
        old = world.link(world.box.last("welcome"), "mine")
        world.clock.go(days=2)
        world.join(course="writing-with-self-compassion", network="198.51.100.9")
        moved(world)
    elif what == "between two moves":
        moved(world)
        world.pass_hours(24)
        old = world.link(world.box.last("day-1"), "mine")
        ((alice,),) = world.rows("SELECT id FROM subscribers")
        moving.ask(world.app.service, alice, "alice@third.example", world.clock.now(), world.clock.real())
        world.app.tick()
        a_browser(world).post(f"/address/{world.link(world.box.last('move'), 'address')}")
    else:
        world.pass_hours(24)
        old = world.link(world.box.last("day-1"), "mine")
        moved(world)
        with world.app.service.store.transaction() as tx:
            rounds = tx.execute(select(enrolments.c.id)).scalars().all()
            folding.fold_all(tx, rounds, world.clock.now())

    assert a_browser(world).get(f"/mine/{old}").status_code == 404


def test_a_letter_in_the_old_mailbox_opens_none_of_her_pages(world):
    """Whoever reads it there sees neither where she is nor writes for her; what comes to the new address is as ever."""
    world.join()
    world.pass_hours(24)
    old = world.link(world.box.last("day-1"), "mine")
    pages = [f"/{page}/{old}" for page in ("mine", "write", "checkin")]
    before = [a_browser(world).get(page).status_code for page in pages]
    moved(world)
    after = [a_browser(world).get(page).status_code for page in pages]
    world.pass_hours(24)
    new = world.link(world.box.last("day-2"), "mine")

    assert set(before) == {200}
    assert set(after) == {404}
    assert a_browser(world).post(f"/mine/{old}", data={"do": "pause"}).status_code == 404
    assert a_browser(world).get(f"/mine/{new}").status_code == 200


@pytest.mark.parametrize("other", ["bob@example.org", "charlie@example.org", "new@example.net"])
@ON_SQLITE
def test_nobody_learns_whether_an_address_is_known(world, other):
    """Bob's, Charlie's, who wants no mail, and one that nobody knows: the same page, and mail to none but the last."""
    for who in ("alice", "bob", "charlie"):
        world.join(who)
    world.app.not_me(world.link(world.box.last("confirm"), "confirm"))
    page = wish(world, other)

    assert "If this address can be used" in said(page)
    assert world.box.names(other).count("move") == (other == "new@example.net")
    assert addresses_of(world) == ["alice@example.org", "bob@example.org", "charlie@example.org"]


def test_an_address_that_is_taken_meanwhile_stays_theirs(world):
    """Bob signs up with it before the button is pressed: the link is of no use."""
    world.join()
    wish(world, "bob@example.org")
    token = world.link(world.box.last("move"), "address")
    world.sign_up("bob")

    assert a_browser(world).post(f"/address/{token}").status_code == 404
    assert addresses_of(world) == ["alice@example.org", "bob@example.org"]


@pytest.mark.parametrize(("hours", "status"), [(23, 200), (24, 404)])
def test_the_question_lasts_for_a_day(world, hours, status):
    """After that it is a link of no use like any other."""
    world.join()
    wish(world)
    token = world.link(world.box.last("move"), "address")
    world.clock.go(hours=hours)

    assert a_browser(world).post(f"/address/{token}").status_code == status


def test_a_newer_wish_ends_an_older_one(world):
    """The link of the first question is of no use any more."""
    world.join()
    wish(world)
    first = world.link(world.box.last("move"), "address")
    wish(world, "alice@other.example")

    assert a_browser(world).get(f"/address/{first}").status_code == 404
    assert a_browser(world).get(f"/address/{world.link(world.box.last('move'), 'address')}").status_code == 200


def test_strangers_are_not_flooded(world):
    """One question a day to one inbox, three a day from one person."""
    world.join()
    browser = visiting(world)
    for number in (1, 1, 2, 3, 4):
        browser.post("/own/address", data={"email": f"stranger{number}@example.net"})
        world.app.tick()

    assert [mail.to for mail in world.box.sent if mail.mailing.name == "move"] == [
        f"stranger{number}@example.net" for number in (1, 2, 3)
    ]


def test_a_question_that_comes_back_says_nothing_about_the_person(world):
    """The new address is dead: the old one is not suppressed, and her course goes on."""
    world.join()
    world.box.answer = lambda mail: RefusedRecipient("550", dead=True) if mail.to == NEW_HOME else Sent("1")
    wish(world)

    assert world.rows("SELECT * FROM suppressions") == []
    assert world.rows("SELECT status FROM enrolments") == [("active",)]
    assert world.rows("SELECT status FROM deliveries WHERE name LIKE 'move-%'") == [("failed",)]


@ON_SQLITE
def test_a_providers_report_of_it_says_nothing_about_the_person_either(world):
    """A bounce suppresses the address that bounced, and not hers."""
    world.join()
    wish(world)
    (delivery,) = world.rows("SELECT id FROM deliveries WHERE name LIKE 'move-%'")[0]
    event = {"event": "bounce", "email": NEW_HOME, "status": "5.1.1", "type": "bounce", "ds_delivery": str(delivery)}
    world.app.provider_events([event])

    assert world.rows("SELECT address_hash FROM suppressions") == [(suppression.mark(world.app.keys, NEW_HOME),)]
    assert world.rows("SELECT status FROM enrolments") == [("active",)]


def test_a_stranger_who_answers_the_question_changes_nothing(world):
    """STOP from the new address does not end Alice's course; words from it are not in her diary."""
    a_lesson(world, level=KEEP)
    wish(world)
    mail = world.box.last("move")
    decided = world.reply(mail, "STOP") + world.reply(mail, "Who is this?")

    assert decided == ["dropped", "dropped"]
    assert world.rows("SELECT status FROM enrolments") == [("active",)]
    assert words(world) == []


@pytest.mark.parametrize("typed", ["", "alice", "a@b.example, c@d.example", "alice@reply.dearself.example"])
@ON_SQLITE
def test_what_is_no_address_is_said_where_it_is_typed(world, typed):
    """And nothing is sent."""
    world.join()
    page = wish(world, typed)

    assert page.status_code == 422
    assert 'id="email-error"' in page.text
    assert "move" not in world.box.names()


def test_what_was_written_goes_along(world):
    """After the change she reads everything, the proof of consent is hers, and new words have the same key."""
    wrote(world)
    moved(world)
    ((alice,),) = world.rows("SELECT id FROM subscribers")
    found = [one.words for one in diary.of(world.app.service, alice)]
    shown = privacy.export(world.app.service, NEW_HOME)

    assert found == ["It helped a little."]
    assert {row["what"] for row in shown["consents"]} == {"given", "keep-given"}
    with world.app.service.key_store.reading() as tx:
        assert [row.who for row in tx.execute(keys_table.select())] == [suppression.mark(world.app.keys, NEW_HOME)]


def test_who_is_erased_after_a_change_is_gone_everywhere(world, tmp_path):
    """Neither a backup of before the change, nor one of the keys, brings her or her words back."""
    wrote(world)
    folder = tmp_path / "keys"
    folder.mkdir()
    keys = key_backups.take(world.app.service, folder, world.clock.real()).file
    file = take(world, tmp_path)
    world.clock.go(hours=1)
    moved(world)
    world.clock.go(hours=1)
    erasure.erase(world.app.service, NEW_HOME, world.clock.now())
    with world.app.service.key_store.reading() as tx:
        left = tx.execute(keys_table.select()).all()
    added = key_backups.put_back(world.app.service, keys, world.clock.real())
    restore(world, file)

    assert (left, added) == ([], 0)
    assert addresses_of(world) == []


def test_whoever_has_the_old_address_later_is_not_erased_for_her(world):
    """Bob signs up at the address that Alice gave up, and Alice is erased: the log does not mean Bob."""
    world.join()
    moved(world)
    world.clock.go(hours=1)
    old, new = (suppression.mark(world.app.keys, one) for one in ("alice@example.org", NEW_HOME))
    gave_up = world.clock.now()
    world.clock.go(hours=1)
    privacy.erase(world.app.service, NEW_HOME, world.clock.now())
    known = erasures.known(world.app.service)

    assert known[new] == world.clock.now()
    assert known[old] < gave_up


def test_a_restore_opens_no_link_again(world, tmp_path):
    """A backup from before Alice used her link does not let it be used once more."""
    world.join()
    token = a_link(world)
    file = take(world, tmp_path)
    restore(world, file)

    assert a_browser(world).post(f"/open/{token}").status_code == 404


def test_a_restore_remembers_where_letters_go(world, tmp_path):
    """The backup knows the old address; the letters go on to the new one."""
    world.join()
    file = take(world, tmp_path)
    world.clock.go(hours=1)
    moved(world)
    restore(world, file)

    assert addresses_of(world) == [NEW_HOME]


# The journal.


def boxes(page):
    """Return which boxes are offered, and which of them are ticked."""
    found = re.findall(r'<input type="checkbox"[^>]*name="(\w+)"[^>]*>', page.text)
    return found, "checked" in page.text


def level_of(world):
    """Return the levels that rounds have."""
    return [row[0] for row in world.rows("SELECT level FROM journals")]


def press(world, browser, **fields):
    """Post the form of the newest round."""
    (number,) = world.rows("SELECT max(id) FROM enrolments")[0]
    return browser.post("/own/journal", data={"round": number, **fields})


def test_each_consent_is_a_box_of_its_own_and_unticked(world):
    """With the exact words that are recorded when it is ticked."""
    world.join()
    browser = visiting(world)
    page = browser.get("/own/journal")
    press(world, browser, keep="yes")
    ((wording, how),) = world.rows("SELECT wording, how FROM consents WHERE what = 'keep-given'")

    assert boxes(page) == (["keep", "share"], False)
    assert wording in said(page)
    assert how == "own page"
    assert level_of(world) == ["keep"]


@pytest.mark.parametrize(
    ("ticked", "level"),
    [({"keep": "yes", "share": "yes"}, ["share"]), ({"share": "yes"}, []), ({}, [])],
    ids=["both", "share alone", "none"],
)
@ON_SQLITE
def test_sharing_needs_keeping(world, ticked, level):
    """Two boxes are two yeses; the second alone is none, and the page says so."""
    world.join()
    answered = press(world, visiting(world), **ticked)

    assert answered.status_code == (303 if level else 422)
    assert level_of(world) == level


@ON_SQLITE
def test_what_was_given_is_taken_back_one_by_one(world):
    """From sharing to keeping, from keeping to nothing; then what was kept is gone."""
    wrote(world, level=SHARE)
    browser = visiting(world)
    press(world, browser, back="share")
    first = level_of(world), words(world)
    press(world, browser, back="keep")

    assert first == (["keep"], ["It helped a little."])
    assert (level_of(world), kept(world)) == ([], [])
    assert [row[0] for row in world.rows("SELECT what FROM consents WHERE how = 'own page' ORDER BY id")] == [
        "share-withdrawn",
        "keep-withdrawn",
    ]


@ON_SQLITE
def test_nobody_chooses_for_another(world):
    """Bob posts the number of Alice's round: nothing changes."""
    world.join("alice")
    world.join("bob")
    (hers,) = world.rows("SELECT min(id) FROM enrolments")[0]
    visiting(world, "bob").post("/own/journal", data={"round": hers, "keep": "yes"})

    assert level_of(world) == []


# Erasing.


def test_erasing_asks_twice(world):
    """The page says what remains and why; the first press changes nothing, the second erases and ends the visit."""
    wrote(world, SIGNED)
    browser = visiting(world)
    page = browser.get("/own/erase")
    first = browser.post("/own/erase")
    there = addresses_of(world), words(world)
    second = browser.post("/own/erase", data={"sure": "yes"})
    with world.app.service.key_store.reading() as tx:
        keys = tx.execute(keys_table.select()).all()

    assert "What remains, and why" in said(page)
    assert "for three years" in said(page)
    assert "Nothing has happened yet." in said(first)
    assert there == (["alice@example.org"], ["It helped a little."])
    assert "Everything about you is erased." in said(second)
    assert (addresses_of(world), world.rows("SELECT * FROM entries"), keys) == ([], [], [])
    assert 'visit=""' in second.headers["set-cookie"]
    assert browser.get("/own").status_code == 403


@pytest.mark.parametrize(
    "path", ["/own/name", "/own/address", "/own/journal", "/own/erase"], ids=lambda path: path.rpartition("/")[2]
)
@ON_SQLITE
def test_another_site_changes_none_of_it(world, path):
    """Whatever it posts, with the cookie."""
    wrote(world)
    fields = {"name": "Eve", "email": "eve@example.net", "back": "keep", "sure": "yes", "round": "1"}
    answered = visiting(world).post(path, data=fields, headers={"Sec-Fetch-Site": "cross-site"})
    world.app.tick()

    assert answered.status_code == 400
    assert world.rows("SELECT name FROM subscribers") == [("Alice",)]
    assert (words(world), level_of(world)) == (["It helped a little."], ["keep"])
    assert "move" not in world.box.names()


@pytest.mark.parametrize("path", ["/own/details", "/own/journal", "/own/erase"])
@ON_SQLITE
def test_without_a_visit_these_are_closed_too(world, path):
    """To look at, to ask for headers, and to press."""
    wrote(world)
    browser = a_browser(world)

    assert [browser.request(method, path).status_code for method in ("GET", "HEAD")] == [403, 403]
