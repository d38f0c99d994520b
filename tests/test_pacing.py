"""Promises of pace: lessons come as often as a person likes, or when they are ready; and nobody is nagged."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, date, datetime, timedelta

import pytest
from conftest import EMAILS, ON_SQLITE, Box, SetClock, World

from course.app import App
from course.journeys import backlog, pacing, people, silence
from course.outgoing import Halt, RefusedRecipient, Sent, TryLater, Unsure
from course.schedule import Pace
from course.store.tables import subscribers

SAYING = ("quiet", "resting")


def own_pace(world, who="alice", **changed):
    """Let somebody join who sets their own pace; the first lesson has come, on Tuesday 2 March at eight."""
    world.join(who, pace="self-paced", **changed)
    mornings(world, 1)


def mornings(world, count):
    """Let so many mornings come; the service ticks as the hour begins, and a moment later."""
    for _ in range(count):
        eight = world.clock.at.replace(hour=8, minute=0, second=0, microsecond=0)
        world.clock.at = eight if eight > world.clock.at else eight + timedelta(days=1)
        world.app.tick()
        world.clock.go(minutes=1)
        world.app.tick()


def person(world, who="alice"):
    """Return somebody as they are now."""
    with world.app.service.store.reading() as tx:
        return people.find(tx, subscribers.c.email == f"{who}@example.org")[0]


def do(world, journey, *arguments):
    """Call a journey as a page does: in a transaction, with the person as they are."""
    with world.app.service.store.transaction() as tx:
        somebody = people.find(tx, subscribers.c.email == "alice@example.org")[0]
        return journey(tx, world.app.service, somebody, *arguments, world.clock.now())


def set_on_paper(world, on_paper):
    """Let Alice say whether she writes on paper."""
    with world.app.service.store.transaction() as tx:
        somebody = people.find(tx, subscribers.c.email == "alice@example.org")[0]
        pacing.set_on_paper(tx, somebody, world.clock.now(), on_paper=on_paper)


def lessons(world):
    """Return each lesson that somebody got, with its date."""
    return [(mail.mailing.name, mail.date.date()) for mail in world.box.sent if mail.mailing.day]


def said(world):
    """Return each note about silence, with its moment."""
    return [(mail.mailing.name, mail.date) for mail in world.box.sent if mail.mailing.name in SAYING]


def march(day, hour=8):
    """Return that hour of a day in March; London has no summer time until the 28th."""
    return datetime(2027, 3, day, hour, tzinfo=UTC)


@pytest.fixture
def weekly(settings, tmp_path):
    """Build a world whose course comes once a week."""
    emails = tmp_path / "weekly"
    shutil.copytree(EMAILS, emails)
    file = emails / "courses/self-compassion/course.toml"
    file.write_text(file.read_text(encoding="utf-8").replace('pace = "daily"', 'pace = "weekly"'), encoding="utf-8")
    clock, box = SetClock(), Box()
    app = App.build(settings.model_copy(update={"emails_dir": emails}), transport=box, clock=clock)
    yield World(app, clock, box)
    app.close()


# On weekdays, and once a week.


def test_on_weekdays_no_lesson_comes_at_the_weekend(world):
    """Alice joins on a Monday: four lessons until Friday, and the fifth on the Monday after."""
    world.join(pace="weekdays")
    mornings(world, 8)

    dates = [day for _, day in lessons(world)]
    assert dates == [date(2027, 3, day) for day in (2, 3, 4, 5, 8)]


def test_a_friday_lesson_that_is_late_by_a_day_waits_for_monday(world):
    """The mail server takes nothing on Friday; on Saturday it does, and Saturday stays free."""
    world.join(pace="weekdays")
    mornings(world, 3)
    world.box.answer = lambda _: TryLater("down")
    mornings(world, 1)
    world.box.answer = lambda _: Sent()
    mornings(world, 3)

    assert lessons(world)[3:] == [("day-4", date(2027, 3, 8))]


def test_weekdays_to_daily_brings_mondays_lesson_on_saturday(world):
    """The change holds from the next lesson on, also where that is planned already."""
    world.join(pace="weekdays")
    mornings(world, 4)
    do(world, pacing.change, Pace.DAILY)
    mornings(world, 1)

    assert lessons(world)[-1] == ("day-5", date(2027, 3, 6))


def test_a_weekly_course_comes_on_the_same_weekday_and_no_sooner(weekly):
    """Seven dates lie between two lessons, whoever asks for the next one; a pause of two days changes nothing."""
    weekly.join(timezone="Atlantic/Reykjavik")
    mornings(weekly, 2)
    weekly.reply(weekly.box.last("day-1"), "NEXT")
    mornings(weekly, 1)
    weekly.reply(weekly.box.last("day-1"), "PAUSE 2 DAYS")
    mornings(weekly, 27)

    assert [day for _, day in lessons(weekly)] == [date(2027, 3, day) for day in (2, 9, 16, 23, 30)]


@ON_SQLITE
def test_a_course_says_at_which_paces_it_may_be_taken(world, weekly):
    """A daily one also on weekdays, a weekly one weekly, each at one's own pace; one that is gone at none."""
    assert pacing.offered(world.app.service, "self-compassion") == (Pace.DAILY, Pace.WEEKDAYS, Pace.SELF_PACED)
    assert pacing.offered(weekly.app.service, "self-compassion") == (Pace.WEEKLY, Pace.SELF_PACED)
    assert pacing.offered(world.app.service, "no-such-course") == ()


@ON_SQLITE
def test_a_pace_that_is_not_offered_is_refused(world):
    """Nobody takes a daily course once a week by a form that was tampered with."""
    world.join()

    with pytest.raises(pacing.PaceError):
        do(world, pacing.change, Pace.WEEKLY)
    assert person(world).pace == Pace.DAILY


@ON_SQLITE
def test_whoever_chooses_no_pace_gets_the_courses_own(weekly):
    """It is written down when they confirm, so that another course.toml changes nothing for them."""
    weekly.join()

    assert person(weekly).pace == Pace.WEEKLY


# At one's own pace.


def test_the_next_lesson_waits_for_an_answer(world):
    """Nothing comes for three mornings; Alice answers at noon, and it comes the next time it is her hour."""
    own_pace(world)
    mornings(world, 3)
    before = lessons(world)
    world.clock.go(hours=4)
    world.reply(world.box.last("day-1"))
    mornings(world, 1)

    assert before == [("day-1", date(2027, 3, 2))]
    assert lessons(world)[1:] == [("day-2", date(2027, 3, 6))]


@pytest.mark.parametrize("words", ["DONE", "SKIP", "NEXT", "RESUME", "HELP\n\nIt was hard.", "I wrote it on paper."])
@ON_SQLITE
def test_any_answer_lets_the_next_lesson_come(world, words):
    """A word, a sentence, a day left out, or simply the next one, please."""
    own_pace(world)
    world.reply(world.box.last("day-1"), words)
    mornings(world, 1)

    assert lessons(world)[1:] == [("day-2", date(2027, 3, 3))]


def test_never_two_lessons_on_one_date_however_ready_somebody_is(world):
    """Alice taps at once, twice: it comes tomorrow at her hour, and that is what she is told."""
    own_pace(world)
    told = [do(world, pacing.ready), do(world, pacing.ready)]
    world.clock.go(hours=12)
    world.app.tick()

    assert told == [march(3), march(3)]
    assert len(lessons(world)) == 1


@ON_SQLITE
def test_an_answer_to_an_earlier_day_lets_it_come_too(world):
    """Whoever goes back to day 1 while day 3 waits is there, and ready; also if that day was done before."""
    own_pace(world)
    first = world.box.last("day-1")
    world.reply(first)
    mornings(world, 3)
    world.reply(first, "One more thing.")
    mornings(world, 1)

    assert [name for name, _ in lessons(world)] == ["day-1", "day-2", "day-3"]


def test_an_answer_that_was_faster_than_our_own_books_is_not_lost(world):
    """A lesson is in doubt when its answer comes; once the doubt is over the next one does not wait."""
    world.app.close()
    settings = world.app.settings.model_copy(update={"when_unsure": "hold"})
    world.app = App.build(settings, transport=world.box, clock=world.clock)
    world.join(pace="self-paced")
    kept = []
    world.box.answer = lambda mail: kept.append(mail) or Unsure("no answer")
    world.clock.at = march(2)
    world.app.tick()
    world.reply(kept[0])
    world.box.answer = lambda _: Sent()
    world.app.tick()
    mornings(world, 1)
    world.app.close()

    assert lessons(world) == [("day-2", date(2027, 3, 3))]


@ON_SQLITE
def test_an_empty_mail_and_a_machine_do_not_wake_it(world):
    """Nobody can see that a person wrote, so it goes on waiting."""
    own_pace(world)
    world.reply(world.box.last("day-1"), "I am away.", Auto_Submitted="auto-replied")
    world.reply(world.box.last("day-1"), "")
    mornings(world, 2)

    assert len(lessons(world)) == 1


def test_daily_again_brings_what_waits(world):
    """Alice would like one a day after all: the one that waited comes next, and then one a day."""
    own_pace(world)
    mornings(world, 3)
    do(world, pacing.change, Pace.DAILY)
    mornings(world, 2)

    assert lessons(world)[1:] == [("day-2", date(2027, 3, 6)), ("day-3", date(2027, 3, 7))]


def test_what_is_planned_still_comes_to_whoever_sets_their_own_pace_from_now_on(world):
    """Tomorrow's lesson comes, and only the one after it waits."""
    world.join()
    mornings(world, 1)
    do(world, pacing.change, Pace.SELF_PACED)
    mornings(world, 3)

    assert lessons(world)[1:] == [("day-2", date(2027, 3, 3))]
    assert person(world).waiting_since is not None


def test_pause_and_resume_bring_the_next_lesson(world):
    """Whoever pauses while one waits, and comes back, is ready for it."""
    own_pace(world)
    world.reply(world.box.last("day-1"), "PAUSE")
    mornings(world, 3)
    world.reply(world.box.last("day-1"), "RESUME")
    mornings(world, 1)

    assert lessons(world)[1:] == [("day-2", date(2027, 3, 6))]


@pytest.mark.parametrize("words", ["PAUSE", "STOP"])
def test_whoever_pauses_or_leaves_is_not_waited_for(world, words):
    """Nothing waits, nothing is planned and nothing is said, for months."""
    own_pace(world)
    world.reply(world.box.last("day-1"), words)
    mornings(world, 30)

    assert world.rows("SELECT next_send_at, waiting_since, note_at FROM enrolments") == [(None, None, None)]
    assert said(world) == []


@ON_SQLITE
def test_a_lesson_that_never_came_is_not_waited_for(world):
    """Day 2 is refused for three days and given up; nobody can answer it, so day 3 comes."""
    own_pace(world)
    world.reply(world.box.last("day-1"))
    world.box.answer = lambda _: RefusedRecipient("mailbox full", dead=False)
    mornings(world, 5)
    world.box.answer = lambda _: Sent()
    mornings(world, 2)

    assert [name for name, _ in lessons(world)] == ["day-1", "day-3"]


@ON_SQLITE
def test_the_last_lesson_waits_for_nothing(world):
    """After day 5 the course is finished and the farewell comes, answered or not."""
    own_pace(world)
    for day in range(1, 5):
        world.reply(world.box.last(f"day-{day}"))
        mornings(world, 1)
    mornings(world, 1)

    assert world.box.names()[-1] == "farewell"


def test_whoever_changes_their_pace_while_a_lesson_is_settled_gets_the_next_one(world):
    """Decided in the statement: who was read as setting their own pace, and takes one a day by now, does not wait."""
    world.join()
    row = person(world).id, 2, march(9), march(12)
    with world.app.service.store.transaction() as tx:
        pacing.wait(tx, [row], march(2))

    assert person(world).next_send_at == march(9)
    assert (person(world).waiting_since, person(world).note_at) == (None, None)


def test_what_is_treated_as_sent_waits_at_the_next_day(world):
    """After a restore the lesson that was due counts as sent; those after it wait for Alice, and none is skipped."""
    world.join(pace="self-paced")
    backlog.treat_as_sent(world.app.service, march(20), world.clock.real())

    assert (person(world).next_day, person(world).next_send_at) == (2, None)
    assert person(world).waiting_since == march(2)


# Silence.


def test_after_seven_quiet_days_one_note_and_after_fourteen_the_course_rests(world):
    """At their hour, once each; the history says why, and then it is quiet for good."""
    own_pace(world)
    mornings(world, 60)

    why = world.rows("SELECT detail FROM history WHERE event = 'paused'")
    assert said(world) == [("quiet", march(9)), ("resting", march(16))]
    assert why == [(silence.WHY,)]
    assert person(world).status == "paused"


@pytest.mark.parametrize("words", ["NEXT", "RESUME"])
def test_one_word_wakes_a_course_that_rests(world, words):
    """The next lesson comes the next time it is their hour, and silence is counted anew."""
    own_pace(world)
    mornings(world, 15)
    world.reply(world.box.last("resting"), words)
    mornings(world, 8)

    assert lessons(world)[1:] == [("day-2", date(2027, 3, 18))]
    assert [name for name, _ in said(world)] == ["quiet", "resting", "quiet"]


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("locale", ["en-GB", "en-US", "es", "he"])
@ON_SQLITE
def test_the_note_of_a_course_that_rests_says_how_to_wake_it(world, locale, which):
    """It names two words in the language of its reader, and either does what it says."""
    own_pace(world, locale=locale)
    mornings(world, 15)
    note = world.box.last("resting")
    named = re.findall(r"<strong[^>]*>(.+?)</strong>", note.mailing.html_for(note.values))
    text = note.mailing.text_for(note.values)
    world.reply(note, named[which])

    assert (len(named), [word for word in named if word not in text]) == (2, [])
    assert person(world).status == "active"


@pytest.mark.parametrize("words", ["NEXT", "RESUME", "DONE", "SKIP"])
@ON_SQLITE
def test_a_word_in_answer_to_the_note_lets_the_lesson_come(world, words):
    """DONE and SKIP mean the day that the course waits at."""
    own_pace(world)
    mornings(world, 7)
    world.reply(world.box.last("quiet"), words)
    mornings(world, 1)

    counted = [day for (day,) in world.rows("SELECT day FROM completions UNION ALL SELECT day FROM skips")]
    assert lessons(world)[1:] == [("day-2", date(2027, 3, 10))]
    assert counted == ([1] if words in {"DONE", "SKIP"} else [])


@pytest.mark.parametrize("plain", [False, True])
@ON_SQLITE
def test_the_note_says_how_to_keep_such_notes_away_by_reply(world, plain):
    """PAUSE does, as it says, with links and without; NEXT brings the letters back. No text speaks of a page alone."""
    own_pace(world)
    if plain:
        world.reply(world.box.last("day-1"), "NO LINKS")
    mornings(world, 7)
    note = world.box.last("quiet")
    text = note.mailing.text_for(note.values)
    world.reply(note, "PAUSE")
    mornings(world, 20)
    quiet = said(world)
    world.reply(world.box.last("paused"), "NEXT")
    mornings(world, 1)

    assert "Reply PAUSE, as the first line, and no email like this one comes." in text
    assert ("My course" in text.partition("* * *")[0]) == (not plain)
    assert [name for name, _ in quiet] == ["quiet"]
    assert lessons(world)[-1][0] == "day-2"


@ON_SQLITE
def test_other_words_in_answer_to_the_note_let_it_wait(world):
    """Shall the next one wait? Yes, please: that is no wish for the next one."""
    own_pace(world)
    mornings(world, 7)
    world.reply(world.box.last("quiet"), "Yes, please.")
    mornings(world, 3)

    assert len(lessons(world)) == 1


def test_whoever_writes_on_paper_is_not_asked(world):
    """No note, no rest, for months; the lesson waits, and comes when Alice is ready."""
    own_pace(world)
    set_on_paper(world, on_paper=True)
    mornings(world, 90)
    do(world, pacing.ready)
    mornings(world, 1)

    assert said(world) == []
    assert [name for name, _ in lessons(world)] == ["day-1", "day-2"]


def test_paper_holds_for_the_lessons_after_it_until_it_is_taken_back(world):
    """Seven days are counted from when Alice likes to be asked again."""
    own_pace(world)
    set_on_paper(world, on_paper=True)
    do(world, pacing.ready)
    mornings(world, 10)
    set_on_paper(world, on_paper=False)
    mornings(world, 8)

    assert said(world) == [("quiet", march(19))]


@ON_SQLITE
@pytest.mark.parametrize("pace", ["daily", "weekdays"])
def test_at_any_other_pace_silence_changes_nothing(world, pace):
    """Many write on paper: five lessons, a farewell, and not a word about silence."""
    world.join(pace=pace)
    mornings(world, 40)

    names = [name for name in world.box.names() if name not in ("confirm", "welcome")]
    assert names == ["day-1", "day-2", "day-3", "day-4", "day-5", "farewell"]


def test_a_note_that_waits_is_taken_back_by_an_answer(world):
    """The mail server is away when seven days are over; Alice answers, and is not asked whether she will."""
    own_pace(world)
    mornings(world, 6)
    world.box.answer = lambda _: TryLater("down")
    mornings(world, 1)
    world.reply(world.box.last("day-1"))
    world.box.answer = lambda _: Sent()
    mornings(world, 2)

    assert said(world) == []
    assert [name for name, _ in lessons(world)] == ["day-1", "day-2"]


def test_after_an_outage_nobody_is_put_to_rest_unasked(world):
    """The service was away for three weeks: the first note comes at Alice's hour, the second a week after it."""
    own_pace(world)
    world.clock.at = march(23, 23)
    world.app.tick()
    at_night = said(world)
    mornings(world, 9)

    assert at_night == []
    assert said(world)[0] == ("quiet", march(24))
    assert [at.date() for _, at in said(world)] == [date(2027, 3, 24), date(2027, 3, 31)]


@ON_SQLITE
@pytest.mark.parametrize("how", [Halt("no credit"), TryLater("busy")], ids=["halt", "later"])
def test_while_the_first_note_cannot_leave_the_course_does_not_rest(world, how):
    """The mail server is away for ten days, the service is not: the second note comes a week after the first came."""
    own_pace(world)
    world.box.answer = lambda _: how
    mornings(world, 16)
    meanwhile = person(world).status
    world.box.answer = lambda _: Sent()
    mornings(world, 12)

    assert meanwhile == "active"
    assert [(name, at.date()) for name, at in said(world)] == [
        ("quiet", date(2027, 3, 19)),
        ("resting", date(2027, 3, 26)),
    ]


def test_two_clocks_say_it_once(world):
    """Whoever comes second finds that it is said."""
    own_pace(world)
    world.clock.at = march(9)
    silence.tell(world.app.service, world.clock.now())
    silence.tell(world.app.service, world.clock.now())
    world.app.tick()

    assert said(world) == [("quiet", march(9))]
    assert person(world).status == "active"


@ON_SQLITE
def test_a_note_keeps_to_another_hour(world):
    """Alice moves her letters to eight in the evening: so do the notes, on the same date."""
    own_pace(world)
    world.reply(world.box.last("day-1"), "TIME 8 pm")

    assert person(world).note_at == march(9, 20)


@ON_SQLITE
def test_quiet_days_are_counted_in_dates_where_they_live(world):
    """In Auckland, where the clocks change meanwhile, it is seven dates later at eight by their clock."""
    world.clock.at = datetime(2027, 3, 31, 6, tzinfo=UTC)
    world.join(timezone="Pacific/Auckland", pace="self-paced")
    world.clock.at = datetime(2027, 3, 31, 19, tzinfo=UTC)  # eight on 1 April
    world.app.tick()

    assert person(world).note_at == datetime(2027, 4, 7, 20, tzinfo=UTC)  # eight on 8 April
