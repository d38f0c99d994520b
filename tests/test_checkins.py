"""Promises of the check-in: counted without a name, kept only for whoever asks, and no number points at somebody."""

from __future__ import annotations

import itertools
import re
import threading
from datetime import date, timedelta
from html import unescape

import pytest
from conftest import ON_SQLITE
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert
from starlette.testclient import TestClient

from course import schedule
from course.journeys import checkins, people, privacy, reports, tallies
from course.store.states import CheckinAnswer
from course.store.tables import checkin_counts, subscribers
from course.web import create_app

SITE = "http://127.0.0.1:8000"
LIGHTER, SAME, HEAVIER, UNSURE = CheckinAnswer
WEEK = date(2027, 3, 1)  # a Monday
KEPT = "Keep my answers with my course."


@pytest.fixture
def browser(world):
    """Return a visitor's browser."""
    return TestClient(create_app(world.app), base_url=SITE, headers={"Accept-Language": "en-GB"})


def a_lesson(world, who="alice", day=1, **how):
    """Let somebody join and get a lesson: the token of its pages."""
    world.join(who, **how)
    while f"day-{day}" not in world.box.names(f"{who}@example.org"):
        world.clock.go(hours=(8 - world.clock.at.hour) % 24 or 24)
        world.app.tick()
    return world.link(world.box.last(f"day-{day}"), "checkin")


def says(browser, token, answer, **more):
    """Press one of the four buttons; return the page."""
    return browser.post(f"/checkin/{token}", data={"answer": answer, **more})


def text(page):
    """Return a page as it is read."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


def counted(world):
    """Return the tally: how often each answer was given."""
    return dict(world.rows("SELECT answer, number FROM checkin_counts ORDER BY answer"))


def rows(world):
    """Return what stands beside people's names."""
    return world.rows("SELECT day, answer FROM checkins ORDER BY day")


def person(world, who="alice"):
    """Return somebody's round."""
    with world.app.service.store.reading() as tx:
        return people.find(tx, subscribers.c.email == f"{who}@example.org")[0]


# What an answer leaves behind.


def test_an_old_mail_speaks_of_its_own_round(world, browser):
    """She began again: an answer by the first round's link is of that round, and the new one's day is still open."""
    old = a_lesson(world)
    begin_again(browser, old)
    while world.box.names().count("day-1") < 2:
        world.clock.go(hours=(8 - world.clock.at.hour) % 24 or 24)
        world.app.tick()
    new = world.link(world.box.last("day-1"), "checkin")
    said = [text(says(browser, token, answer)) for token, answer in ((old, SAME), (new, HEAVIER), (old, LIGHTER))]

    assert world.rows("SELECT enrolment_id, day FROM checkins ORDER BY enrolment_id") == [
        (number, 1) for (number,) in world.rows("SELECT id FROM enrolments ORDER BY id")
    ]
    assert counted(world) == {SAME: 1, HEAVIER: 1}
    assert ["was counted earlier" in one for one in said] == [False, False, True]


def test_smaller_steps_by_an_old_mail_are_for_the_round_that_goes_on(world, browser):
    """What is to come is of that one, whichever mail asked."""
    old = a_lesson(world)
    begin_again(browser, old)
    browser.post(f"/checkin/{old}", data={"choice": "smaller"})

    assert world.rows("SELECT pace FROM enrolments ORDER BY id") == [("daily",), ("self-paced",)]


def begin_again(browser, token):
    """Press "Start the course again"."""
    page = browser.post(f"/mine/{token}", data={"do": "restart", "consent": "yes", "round": "1"})
    assert page.status_code == 200


@ON_SQLITE
def test_opening_the_page_counts_nothing(world, browser):
    """A scanner may GET and HEAD it: four buttons are there, equally good, and an unticked box; nothing is written."""
    token = a_lesson(world)
    for _ in range(3):
        page = browser.get(f"/checkin/{token}")
        browser.head(f"/checkin/{token}")

    assert page.status_code == 200
    assert re.findall(r'class="button plain" name="answer" value="(\w+)"', page.text) == list(CheckinAnswer)
    assert "checked" not in page.text
    assert (counted(world), rows(world)) == ({}, [])


def test_an_answer_is_counted_and_beside_the_name_it_says_only_that_there_was_one(world, browser):
    """By course, day and week; the person's row has no answer and no moment, and nothing else was written of it."""
    token = a_lesson(world)
    before = world.rows("SELECT * FROM history"), world.rows("SELECT * FROM consents")
    says(browser, token, LIGHTER)

    assert world.rows("SELECT course, day, answer, number FROM checkin_counts") == [
        ("self-compassion", 1, "lighter", 1)
    ]
    assert rows(world) == [(1, None)]
    assert [str(row[0]) for row in world.rows("SELECT answered_on FROM checkins")] == [str(WEEK)]
    assert (world.rows("SELECT * FROM history"), world.rows("SELECT * FROM consents")) == before


def test_a_person_counts_once_a_day(world, browser):
    """However often it is pressed, and whatever: it is said kindly that the first one cannot be found any more."""
    token = a_lesson(world)
    says(browser, token, SAME)
    pages = [says(browser, token, answer) for answer in (SAME, UNSURE, HEAVIER)]

    assert counted(world) == {"same": 1}
    assert all("It has no name on it, so nobody can find it and change it." in text(page) for page in pages)


def test_two_presses_at_the_same_moment_count_once(world, browser):
    """Eight threads press; one is counted."""
    token = a_lesson(world)
    threads = [threading.Thread(target=says, args=(browser, token, LIGHTER)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert counted(world) == {"lighter": 1}


def test_people_at_the_same_moment_are_all_counted(world, browser):
    """Four people answer at once, the first of that day and week: nobody's is lost."""
    tokens = [a_lesson(world, f"person{number}") for number in range(4)]
    threads = [
        threading.Thread(target=says, args=(browser, token, answer))
        for token, answer in zip(tokens, (LIGHTER, LIGHTER, HEAVIER, UNSURE), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert counted(world) == {"heavier": 1, "lighter": 2, "unsure": 1}


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_the_database_s_own_marks_join_nobody_to_an_answer(world, browser):
    """PostgreSQL notes with each row which transaction wrote it: Bob's is on every cell, not on his own."""
    alice, bob = a_lesson(world), a_lesson(world, "bob")
    says(browser, alice, LIGHTER)
    says(browser, bob, HEAVIER)
    his = world.rows("SELECT xmin::text FROM checkins ORDER BY enrolment_id DESC LIMIT 1")
    cells = world.rows("SELECT xmin::text FROM checkin_counts")

    assert cells == his * 2


# Keeping answers.


def test_a_ticked_box_keeps_the_answer_and_the_consent_with_its_words(world, browser):
    """Keeping is a consent of its own, recorded word for word as the page showed it."""
    token = a_lesson(world)
    shown = text(browser.get(f"/checkin/{token}"))
    says(browser, token, SAME, keep="yes")
    recorded = world.rows("SELECT what, wording, how FROM consents ORDER BY id")[1:]

    assert rows(world) == [(1, "same")]
    assert [(what, how) for what, _, how in recorded] == [("answer-given", "page")]
    assert recorded[0][1].startswith(KEPT)
    assert recorded[0][1] in shown


@ON_SQLITE
def test_who_asked_for_it_once_has_the_next_answers_kept_by_that_yes(world, browser):
    """The box need not be ticked again, and one yes is one proof."""
    says(browser, a_lesson(world), SAME, keep="yes")
    world.clock.go(hours=24)
    world.app.tick()
    second = world.link(world.box.last("day-2"), "checkin")
    says(browser, second, LIGHTER)
    says(browser, second, LIGHTER, keep="yes")

    assert rows(world) == [(1, "same"), (2, "lighter")]
    assert world.rows("SELECT count(*) FROM consents WHERE what = 'answer-given'") == [(1,)]


@ON_SQLITE
def test_a_box_that_came_too_late_proves_nothing(world, browser):
    """What was counted before cannot be kept any more, so there is no yes to be recorded."""
    token = a_lesson(world)
    says(browser, token, SAME)
    says(browser, token, SAME, keep="yes")

    assert rows(world) == [(1, None)]
    assert world.rows("SELECT what FROM consents") == [("given",)]


@ON_SQLITE
def test_who_has_left_and_answers_by_reply_is_not_kept_either(world, browser):
    """Their earlier yes was for the course that they took; the answer counts."""
    says(browser, a_lesson(world), SAME, keep="yes")
    world.app.leave(world.leave_token(), "page")
    alice = person(world)
    with world.app.service.store.transaction() as tx:
        checkins.said(tx, alice, alice.id, 2, LIGHTER, world.clock.now())

    assert rows(world) == [(1, "same"), (2, None)]
    assert counted(world) == {LIGHTER: 1, SAME: 1}


@ON_SQLITE
def test_a_yes_to_keeping_is_of_the_round_in_which_it_was_said(world, browser):
    """She began again: by the first round's mail her answers are kept as before, by none of the new round's."""
    old = a_lesson(world)
    says(browser, old, SAME, keep="yes")
    begin_again(browser, old)
    with world.app.service.store.transaction() as tx:
        alice = person(world)
        checkins.said(tx, alice, alice.id, 1, HEAVIER, world.clock.now())

    assert checkins.look(world.app.service, old).keeps
    assert world.rows("SELECT answer FROM checkins ORDER BY enrolment_id") == [("same",), (None,)]


@ON_SQLITE
def test_taking_back_is_meant_for_the_rounds_before_as_well(world, browser):
    """She began again: by the new round's mail she takes back what she said in the first."""
    old = a_lesson(world)
    says(browser, old, SAME, keep="yes")
    begin_again(browser, old)
    with world.app.service.store.transaction() as tx:
        checkins.forget(tx, world.app.service, person(world), world.clock.real())

    assert rows(world) == [(1, None)]


def test_an_answer_that_is_kept_can_be_changed_and_the_count_with_it(world, browser):
    """Nobody is counted twice."""
    token = a_lesson(world)
    says(browser, token, SAME, keep="yes")
    page = says(browser, token, LIGHTER)

    assert "Your answer for this day is the new one now." in text(page)
    assert rows(world) == [(1, "lighter")]
    assert counted(world) == {"lighter": 1}


def test_the_count_of_a_week_that_is_over_stays_as_it_is(world, browser):
    """It may have been shown: a number that changes afterwards would tell whose answer it was."""
    token = a_lesson(world)
    says(browser, token, SAME, keep="yes")
    world.clock.go(days=7)
    says(browser, token, LIGHTER)

    assert rows(world) == [(1, "lighter")]
    assert counted(world) == {"same": 1}


def test_the_page_shows_nobody_what_was_answered(world, browser):
    """Who holds the mail holds the link: it tells that answers are kept, not which."""
    token = a_lesson(world)
    says(browser, token, HEAVIER, keep="yes")
    one = browser.get(f"/checkin/{token}").text
    says(browser, token, LIGHTER)

    assert browser.get(f"/checkin/{token}").text == one


def test_taking_it_back_erases_the_answers_and_leaves_the_count(world, browser):
    """At once, in every round of the course, with proof; from then on nothing is kept unless asked for again."""
    token = a_lesson(world)
    says(browser, token, SAME, keep="yes")
    page = browser.post(f"/checkin/{token}", data={"choice": "forget"})

    assert "Your answers are erased." in text(page)
    assert rows(world) == [(1, None)]
    assert counted(world) == {"same": 1}
    assert [row[0] for row in world.rows("SELECT what FROM consents ORDER BY id")] == [
        "given",
        "answer-given",
        "answer-withdrawn",
    ]


@ON_SQLITE
def test_taking_back_what_was_never_given_leaves_no_proof(world, browser):
    """A second press, or a press by somebody who keeps nothing, writes nothing."""
    token = a_lesson(world)
    browser.post(f"/checkin/{token}", data={"choice": "forget"})

    assert world.rows("SELECT what FROM consents") == [("given",)]


@ON_SQLITE
def test_who_has_left_is_counted_and_not_kept(world, browser):
    """After leaving, an old mail's link still counts; nothing new stands beside the name."""
    token = a_lesson(world)
    world.app.leave(world.leave_token(), "page")
    says(browser, token, SAME, keep="yes")

    assert "Keep my answers" not in browser.get(f"/checkin/{token}").text
    assert (rows(world), counted(world)) == ([(1, None)], {"same": 1})


@ON_SQLITE
def test_an_export_shows_that_somebody_answered_and_what_only_for_their_own_copy(world, browser):
    """Whoever runs the service exports without words; a person's own copy has what was kept."""
    token = a_lesson(world)
    says(browser, token, SAME, keep="yes")
    exported = [
        privacy.export(world.app.service, "alice@example.org", words=words)["checkins"][0] for words in (False, True)
    ]

    assert ["answer" in row for row in exported] == [False, True]
    assert exported[1]["answer"] == "same"


def test_erasing_a_person_takes_their_answers_and_no_count(world, browser):
    """Rows go with the person; the tally names nobody, so nothing can be taken out of it."""
    token = a_lesson(world)
    says(browser, token, SAME, keep="yes")
    privacy.erase(world.app.service, "alice@example.org", world.clock.now())

    assert (rows(world), counted(world)) == ([], {"same": 1})
    assert browser.get(f"/checkin/{token}").status_code == 404


# What a person reads.


@ON_SQLITE
def test_after_heavier_there_are_grounding_three_doors_and_help(world, browser):
    """It is said that it is no fault; then two minutes of grounding, wait, smaller steps, leave, and help lines."""
    token = a_lesson(world)
    page = says(browser, token, HEAVIER)
    shown = text(page)

    assert "<h1>That happens, and it does not mean you did it wrong</h1>" in page.text
    places = [
        shown.index(words)
        for words in (
            "Two minutes",
            "Wait for a while",
            "Take smaller steps",
            "Leave the course",
            "If you need someone",
        )
    ]
    assert places == sorted(places)
    assert 'value="smaller"' in page.text


@ON_SQLITE
def test_the_door_to_wait_pauses_and_the_door_to_leave_asks_first(world, browser):
    """Waiting is one press; leaving opens the page that asks once more."""
    token = a_lesson(world)
    page = says(browser, token, HEAVIER)
    leave = re.search(r'<form class="choice" method="post" action="(/leave/\w+)">', page.text)[1]

    assert f'href="{leave}"' in page.text
    assert browser.get(leave).status_code == 200
    assert person(world).status == "active"
    assert "The course is paused" in browser.post(leave, data={"choice": "pause"}).text
    assert person(world).status == "paused"


def test_the_door_to_smaller_steps_lets_letters_wait(world, browser):
    """One press, and the next letter comes once she is ready; the page leads to every other pace."""
    token = a_lesson(world)
    page = browser.post(f"/checkin/{token}", data={"choice": "smaller"})

    assert "The small version of a letter is always enough." in page.text
    assert f"/mine/{token}" in page.text
    assert world.rows("SELECT pace FROM enrolments") == [("self-paced",)]
    assert counted(world) == {}


@ON_SQLITE
def test_who_has_finished_is_offered_no_door_that_is_shut(world, browser):
    """After the last letter nothing is left to wait for; grounding and help lines are there all the same."""
    token = a_lesson(world)
    world.pass_hours(24 * 6)
    shown = text(says(browser, token, HEAVIER))

    assert person(world).status == "finished"
    assert "Two minutes" in shown
    assert "Wait for a while" not in shown
    assert "If you need someone now:" in shown


@ON_SQLITE
@pytest.mark.parametrize("answer", CheckinAnswer)
def test_every_answer_is_met_with_the_same_help_lines(world, browser, answer):
    """The service decides from no answer that somebody is in danger: help is shown to everyone (H9)."""
    token = a_lesson(world)
    pages = [browser.get(f"/checkin/{token}"), says(browser, token, answer)]
    blocks = {re.search(r'<section class="help".*?</section>', page.text, re.DOTALL)[0] for page in pages}

    assert len(blocks) == 1
    assert "Call your local emergency number" in blocks.pop()


@ON_SQLITE
def test_useless_links_and_choices_change_nothing(world, browser):
    """Forged, of another purpose, of a mail that was no lesson: the one page for old links; unknown words: the page."""
    token = a_lesson(world)
    useless = (token[:-1], "a", world.leave_token(), world.link(world.box.last("welcome"), "mine"))
    answers = [browser.get(f"/checkin/{one}") for one in useless]
    answers += [says(browser, one, SAME) for one in useless]
    odd = [says(browser, token, "great"), browser.post(f"/checkin/{token}", data={"keep": "yes"})]

    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert [answer.status_code for answer in odd] == [200, 200]
    assert (counted(world), rows(world)) == ({}, [])


# What the owner sees.


def count(world, cells, week=WEEK, day=1):
    """Let so many people have said so."""
    found = [
        {"course": "self-compassion", "day": day, "week": week, "answer": answer, "number": number}
        for answer, number in cells.items()
        if number
    ]
    with world.app.service.store.transaction() as tx:
        tx.execute(insert(checkin_counts), found)


CELLS = st.fixed_dictionaries(dict.fromkeys(CheckinAnswer, st.integers(0, 12)))
MOST = 17  # more than any cell above, and what lies under five beyond it


@given(CELLS)
def test_no_number_that_is_shown_tells_one_that_is_not(cells):
    """Whoever knows the rule and sees the table finds at least two tallies that look just the same, for each cell."""
    seen = tallies.shown(cells)
    hidden = [answer for answer, number in seen.items() if number is None]
    possible = {answer: set() for answer in hidden}
    for guess in itertools.product(range(MOST), repeat=len(hidden)) if len(hidden) < 4 else [(0,) * 4, (1,) * 4]:
        other = cells | dict(zip(hidden, guess, strict=True))
        if tallies.shown(other) == seen:
            for answer in hidden:
                possible[answer].add(other[answer])

    assert all(len(values) > 1 for values in possible.values())


@given(CELLS)
def test_a_number_is_shown_only_where_it_and_the_others_are_five_or_more(cells):
    """And then it is the true one (H10)."""
    total = sum(cells.values())
    seen = tallies.shown(cells)

    assert all(seen[answer] == cells[answer] for answer in seen if seen[answer] is not None)
    assert {answer for answer in seen if seen[answer] is not None} == {
        answer for answer in cells if cells[answer] >= 5 and total - cells[answer] >= 5
    }


def test_only_weeks_that_are_over_are_shown(course, world):
    """In the present week a number that grows by one would tell who was there; then it stays as it is."""
    count(world, {LIGHTER: 6, SAME: 7, HEAVIER: 1})
    now = course("stats", "--checkins").out
    present = tallies.closed(world.app.service, world.clock.now())
    world.clock.go(days=7)
    with_week = tallies.closed(world.app.service, world.clock.now())

    assert now == "Nothing can be shown: no week that is over has enough answers about one day.\n"
    assert present == []
    assert [dict(tally.numbers) for tally in with_week] == [{LIGHTER: 6, SAME: 7, HEAVIER: None, UNSURE: None}]


def test_the_table_hides_what_is_small_and_has_no_totals(course, world):
    """A row per day and week; a day with nothing to show has none, so that not even its answering is told."""
    old = WEEK - timedelta(days=7 * 300)
    count(world, {LIGHTER: 6, SAME: 7, HEAVIER: 1}, old)
    count(world, {HEAVIER: 9}, old, day=2)
    said = course("stats", "--checkins").out.splitlines()

    assert [line.split() for line in said[:2]] == [
        ["course", "week", "of", "day", "lighter", "same", "heavier", "unsure"],
        ["self-compassion", old.isoformat(), "1", "6", "7", "-", "-"],
    ]
    assert said[2:] == ["-: not shown, because it or the others are under 5."]


@ON_SQLITE
def test_check_ins_are_in_nothing_that_programs_read(course, world, browser):
    """Neither `stats --json` nor `status --json` nor health tells of them, and asking for both is refused."""
    count(world, dict.fromkeys(CheckinAnswer, 40), WEEK - timedelta(days=70))
    answers = [str(reports.stats(world.app.service)), str(reports.status(world.app.service, world.clock.now()))]
    answers += [browser.get("/healthz").text, course("stats", "--json").out]

    assert all("heavier" not in answer and "40" not in answer for answer in answers)
    assert course("stats", "--checkins", "--json").code == 2


def test_a_week_begins_on_monday_in_utc(world):
    """Sunday's last second is of the week before."""
    monday = world.clock.at.replace(hour=0)

    assert schedule.monday(monday) == WEEK
    assert schedule.monday(monday - timedelta(seconds=1)) == WEEK - timedelta(days=7)
