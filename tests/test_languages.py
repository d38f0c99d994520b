"""Promises of the languages: what one lacks is listed and has a stand-in, and what nobody has reviewed can be off."""

# ruff: noqa: RUF001 (many alphabets)

from __future__ import annotations

import re
import shutil
import tomllib
from datetime import UTC, datetime
from html import unescape
from zoneinfo import ZoneInfo

import pytest
from conftest import ON_SQLITE, Box, SetClock, World, make_settings
from starlette.testclient import TestClient

from course.app import App
from course.content import catalogue, command_words, courses, dates, lacking, slots
from course.content.catalogue import NOTICES
from course.content.command_words import Command, Phrases
from course.content.help_lines import HelpLine
from course.content.sources import ContentError
from course.reading import extract
from course.settings import EMAILS
from course.web import create_app

COURSE = "self-compassion"
LIVE = {
    "base_url": "https://course.example.org",
    "mail_from": "hello@course.example.org",
    "reply_domain": "reply.course.example.org",
    "postal_address": "1 Quiet Lane, London",
    "controller_name": "Quiet Lane Press",
    "contact_email": "people@course.example.org",
    "transport": "smtp",
    "smtp_url": "smtps://user:password@mx.example.org:465",
}
OTHERS = ("es", "he")
WORDS = {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in (EMAILS / "words").glob("*.toml")}


@pytest.fixture
def emails(tmp_path):
    """Return a copy of the folder emails/, to spoil."""
    shutil.copytree(EMAILS, tmp_path / "emails")
    return tmp_path / "emails"


@pytest.fixture
def load(emails, tmp_path):
    """Return a function that reads the copy: by itself as on one's own machine, with LIVE as in production."""
    return lambda **given: catalogue.load(make_settings(data_dir=tmp_path / "var", emails_dir=emails, **given))


def leave_out(path, line):
    """Take the line that begins so out of a file."""
    text = path.read_text(encoding="utf-8")
    assert f"\n{line}" in text
    path.write_text(re.sub(rf"\n{re.escape(line)}.*", "", text, count=1), encoding="utf-8")


def review(emails, locale):
    """Write who has reviewed a locale into each of its files."""
    words = emails / f"words/{locale}.toml"
    words.write_text(f'reviewed_by = "Charlie"\n{words.read_text(encoding="utf-8")}', encoding="utf-8")
    for path in (*emails.glob(f"notices/{locale}/*.md"), *emails.glob(f"courses/*/{locale}/*.md")):
        path.write_text(path.read_text(encoding="utf-8").replace("---\n", '---\nreviewed_by: "Charlie"\n', 1), "utf-8")


# What a language lacks.


def spoil(emails):
    """Take one of each kind of text away from the Hebrew course."""
    (emails / f"courses/{COURSE}/he/day-3.md").unlink()
    (emails / "notices/he/farewell.md").unlink()
    words = emails / "words/he.toml"
    leave_out(words, "why_label")
    text = words.read_text(encoding="utf-8")
    start, end = text.index("SKIP = ["), text.index("AGAIN = [")
    words.write_text(text[:start] + text[end:], encoding="utf-8")
    leave_out(emails / f"courses/{COURSE}/course.toml", "he = ")


LACKS = (
    (f"courses/{COURSE}/course.toml", "title: write the line he = … under [title]"),
    (f"courses/{COURSE}/he/day-3.md", "this file is missing: write it"),
    ("notices/he/farewell.md", "this file is missing: write it"),
    ("words/he.toml", "mail.why_label: write it here too; en-GB.toml has it"),
    ("words/he.toml", "commands.SKIP: write the words that mean it"),
)


def test_everything_that_a_language_lacks_is_listed(emails):
    """Its title, a lesson, a notice, a word, and words to reply with: each by its file, with what to do."""
    known = [courses.read(emails / "courses" / COURSE)]
    before = {str(one) for one in lacking.lacks(emails, known, "he")}
    spoil(emails)
    known = [courses.read(emails / "courses" / COURSE)]
    found = [one for one in lacking.lacks(emails, known, "he") if str(one) not in before]

    said = [(str(one.path.relative_to(emails)), one.message) for one in found]
    assert [file for file, _ in said] == [file for file, _ in LACKS]
    assert [told for (_, told), (_, wanted) in zip(said, LACKS, strict=True) if wanted not in told] == []
    assert all(one.warning for one in found)


@pytest.mark.parametrize("locale", ["en-GB", "en-US", "es", "he"])
def test_no_language_that_is_shipped_lacks_anything(locale):
    """Every lesson, notice, word and title of each course in this language is there; the first course has all four."""
    known = [courses.read(path.parent) for path in sorted(EMAILS.glob("courses/*/course.toml"))]

    assert [str(one) for one in lacking.lacks(EMAILS, known, locale)] == []
    assert locale in next(course for course in known if course.name == COURSE).locales


@pytest.mark.parametrize("locale", ["en-GB", "en-US"])
def test_every_english_file_says_who_has_reviewed_it(locale):
    """In the others it is for whoever runs the service to say."""
    known = [courses.read(path.parent) for path in sorted(EMAILS.glob("courses/*/course.toml"))]

    assert [str(one) for one in lacking.unreviewed(EMAILS, known, locale)] == []


def test_one_command_lists_it(shell, emails, monkeypatch):
    """`course locales he` prints each lack and each file to review, and a sum; it ends with 1 while there is any."""
    spoil(emails)
    monkeypatch.setenv("EMAILS_DIR", str(emails))
    ended = shell("locales", "he")

    assert ended.code == 1
    for file, said in LACKS:
        assert re.search(rf"{re.escape(file)}:\d+: {re.escape(said)}", ended.out)
    assert "words/he.toml:1: begin with reviewed_by" in ended.out
    assert re.search(r"(?m)^he: \d+ texts to write, \d+ files to review\.$", ended.out)
    assert "notices/es" not in ended.out


def test_a_whole_language_has_nothing_to_list(shell):
    """It is said in one line, and the command ends with 0."""
    ended = shell("locales", "en-US")

    assert (ended.code, ended.out) == (0, "en-US: no texts to write, no files to review.\n")


def test_a_language_that_nobody_writes_in_is_named(shell):
    """A slip in the name is told with the names that there are."""
    ended = shell("locales", "hebrew")

    assert ended.code == 2
    assert "no course is written in hebrew; choose one of en-GB, en-US, es, he" in ended.err


# What stands in.


@pytest.mark.parametrize("name", ["day-3", "farewell"])
def test_a_missing_mail_goes_out_wholly_in_the_first_language(load, emails, name):
    """Its direction, footer and words are of one piece, so that it is read aloud right; nothing marks it to people."""
    spoil(emails)
    mailing = load(**LIVE, unreviewed_locales="he").mailing(COURSE, name, "he")
    usual = load(**LIVE).mailing(COURSE, name, "en-GB")

    assert mailing == usual
    assert '<html lang="en-GB" dir="ltr">' in mailing.html


def test_a_missing_mail_is_marked_where_it_is_written(load, emails):
    """On one's own machine its subject says which language stands in; those who read that language see no sign."""
    spoil(emails)
    known = load()

    assert known.mailing(COURSE, "day-3", "he").subject.startswith("⟦en-GB⟧ Day 3")
    assert known.mailing(COURSE, "day-3", "en-GB").subject.startswith("Day 3")
    assert known.mailing(COURSE, "day-1", "he").locale == "he"


def test_a_missing_word_is_taken_from_the_first_language(load, emails):
    """It is marked on one's own machine and plain in production; the words around it stay."""
    spoil(emails)
    here, there = load(), load(**LIVE, unreviewed_locales="he")

    assert here.words["he"]["mail"]["why_label"] == "⟦en-GB⟧ Why"
    assert there.words["he"]["mail"]["why_label"] == "Why"
    assert here.title(COURSE, "he") == "⟦en-GB⟧ Five days of self-compassion"
    assert there.title(COURSE, "he") == "Five days of self-compassion"
    assert here.words["he"]["mail"]["needs_label"] == WORDS["he"]["mail"]["needs_label"]


def test_what_a_program_compares_is_never_marked(load, emails):
    """Commands, yes and no, patterns of dates: a sign in them would break them."""
    (emails / "words/he.toml").unlink()
    known = load()

    assert known.command(COURSE, "he", "pause 3 days") == Command("PAUSE", days=3)
    assert known.phrases["he"].says_yes("yes")
    assert known.words["he"]["dates"] == WORDS["en-GB"]["dates"]
    assert known.words["he"]["pages"]["mailbox"]["quick_commands"][0] == "DONE"
    assert known.words["he"]["pages"]["privacy"]["sections"][1]["shown_as"] == "list"
    assert known.words["he"]["pages"]["privacy"]["title"].startswith("⟦en-GB⟧ ")


def test_a_word_for_nobody_stays_empty(load, emails):
    """What is empty in the first language has no sign either: it would stand in every mail's footer."""
    (emails / "words/he.toml").unlink()

    assert load().words["he"]["levels"]["count"]["readers"] == ""


# Who has reviewed it.


def test_a_language_that_nobody_has_reviewed_is_off_in_production(load):
    """It is on where only its author sees it; where others reach the site, English is what there is."""
    assert load().first.locales == ("en-GB", "en-US", "es", "he")
    assert load(**LIVE).first.locales == ("en-GB", "en-US")


def test_its_owner_may_turn_it_on(load):
    """UNREVIEWED_LOCALES names it; the other one stays off."""
    assert load(**LIVE, unreviewed_locales="he").first.locales == ("en-GB", "en-US", "he")
    assert load(**LIVE, unreviewed_locales=" es ,he").first.locales == ("en-GB", "en-US", "es", "he")


def test_a_slip_in_the_setting_is_told(load):
    """A locale in which no course is written would turn nothing on, and nobody would know why."""
    with pytest.raises(ContentError, match="UNREVIEWED_LOCALES names hb"):
        load(unreviewed_locales="hb")


def test_a_reviewed_language_is_on(load, emails):
    """All of its texts say who has read them: then no setting is needed, and its mails say nothing of it."""
    review(emails, "he")
    known = load(**LIVE)

    assert known.first.locales == ("en-GB", "en-US", "he")
    assert WORDS["he"]["mail"]["unreviewed"] not in known.mailing(COURSE, "day-1", "he").text


@pytest.mark.parametrize(
    "file", [f"courses/{COURSE}/he/day-2.md", "notices/he/left.md", "words/he.toml"], ids=["lesson", "notice", "words"]
)
def test_one_text_without_a_review_is_enough(load, emails, file):
    """A person's name must stand in each: an empty one is none."""
    review(emails, "he")
    path = emails / file
    path.write_text(path.read_text(encoding="utf-8").replace('"Charlie"', '" "', 1), encoding="utf-8")

    assert "he" not in load(**LIVE).first.locales


def test_whoever_takes_a_course_in_a_language_that_goes_off_gets_the_first_one(load):
    """Mails and pages alike; what they reply in their own words is still understood."""
    known = load(**LIVE)

    assert known.mailing(COURSE, "day-1", "he").locale == "en-GB"
    assert known.locale(COURSE, "he") == "en-GB"
    assert known.command(COURSE, "he", "השהיה") == Command("PAUSE")


@pytest.mark.parametrize("name", ["day-1", "receipt", "confirm"])
def test_its_mails_say_so(load, name):
    """In both parts, in that language; the English ones say nothing."""
    known = load(**LIVE, unreviewed_locales="es")
    mailing, said = known.mailing(COURSE, name, "es"), WORDS["es"]["mail"]["unreviewed"]

    assert said in mailing.text
    assert said in unescape(mailing.html)
    assert WORDS["en-GB"]["mail"]["unreviewed"] not in known.mailing(COURSE, name, "en-GB").text


@pytest.fixture
def live(tmp_path):
    """Return a function that builds the service as in production, with these settings too, and gives a browser."""
    apps = []

    def build(**given):
        settings = make_settings(data_dir=tmp_path / "var", **LIVE, **given)
        apps.append(App.build(settings, transport=Box(), clock=SetClock()))
        return TestClient(create_app(apps[-1]), base_url=settings.site, headers={"Accept-Language": "he"})

    yield build
    for app in apps:
        app.close()


FORM = {
    "email": "alice@example.org",
    "timezone": "Asia/Jerusalem",
    "send_hour": "8",
    "locale": "he",
    "consent": "yes",
}


def test_no_page_offers_it_and_no_form_takes_it(live):
    """Neither by the browser's wish nor by the address nor in a form made by hand."""
    browser = live()

    for page in (browser.get("/"), browser.get("/?locale=he"), browser.get("/privacy?locale=he")):
        assert '<html lang="en-GB" dir="ltr">' in page.text
        assert "he" not in re.findall(r'hreflang="(.*?)"|<option value="(.*?)"', page.text)
    answer = browser.post(f"/courses/{COURSE}", data=FORM)
    assert answer.status_code == 422
    assert WORDS["en-GB"]["pages"]["errors"]["locale_wrong"] in answer.text


def test_its_pages_say_so(live):
    """Turned on, it is offered and taken, from the right, and says below that nobody has reviewed it."""
    browser = live(unreviewed_locales="he")
    page = browser.get("/")

    assert '<html lang="he" dir="rtl">' in page.text
    assert WORDS["he"]["pages"]["frame"]["unreviewed"] in page.text
    assert browser.post(f"/courses/{COURSE}", data=FORM).status_code == 200
    assert WORDS["en-GB"]["pages"]["frame"]["unreviewed"] not in browser.get("/?locale=en-GB").text


# From the right.


def test_a_mail_from_the_right_says_so_wherever_a_mail_client_may_look(load):
    """Clients drop <html> or <body>: the page inside says it too, and lines up at the right by itself."""
    html = load().mailing(COURSE, "day-1", "he").html

    assert '<html lang="he" dir="rtl">' in html
    assert re.search(r'<body[^>]* dir="rtl"', html)
    page = re.search(r'<div class="page rtl"[^>]*>', html)[0]
    assert 'dir="rtl" lang="he"' in page
    assert "text-align: right" in page


@pytest.mark.parametrize(("locale", "side", "other"), [("he", "right", "left"), ("es", "left", "right")])
def test_the_edge_of_a_prompt_is_where_its_lines_begin(load, locale, side, other):
    """Its coloured line, and the space before a list's signs, stand on the side from which one reads."""
    html = load().mailing(COURSE, "day-1", locale).html
    prompt = re.search(r'<div class="prompt"[^>]*>', html)[0]

    assert f"border-{side}: 4px" in prompt
    assert f"border-{other}" not in prompt
    padding = "0 26px 0 0" if side == "right" else "0 0 0 26px"
    assert all(f"padding: {padding}" in tag for tag in re.findall(r"<[ou]l[^>]*>", html))


def test_a_number_to_call_is_never_turned_round():
    """Parts of a number that stand in a line from the right would be shown in the wrong order: it is set apart."""
    row = HelpLine("GB", "Samaritans", "call", "116 123", "24/7", "everyone", None)

    assert row.said(WORDS["he"]["mail"], rtl=True) == "Samaritans: שיחה \u2066116 123\u2069 (24/7)"
    assert row.said(WORDS["es"]["mail"]) == "Samaritans: llamada 116 123 (24/7)"


# The words.


def slots_by_key(value, where=""):
    """Yield each key of a table of words with the slots in its text, or in all the texts of its list."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from slots_by_key(inner, f"{where}.{key}" if where else key)
    else:
        yield where, set(slots.WRITTEN.findall(str(value)))


@pytest.mark.parametrize("locale", OTHERS)
def test_each_text_has_only_slots_that_are_filled(locale):
    """Those of the first language's text: any other would be read as it stands. Commands have slots of their own."""
    first, own = dict(slots_by_key(WORDS["en-GB"])), dict(slots_by_key(WORDS[locale]))
    shared = {key for key in own.keys() & first.keys() if not key.startswith("commands.")}

    assert len(shared) > 200
    assert [key for key in sorted(shared) if not own[key] <= first[key]] == []


@pytest.mark.parametrize(
    ("locale", "said"),
    [("es", "martes 2 de marzo, 8:00 h"), ("he", "יום שלישי, 2 במרץ, בשעה 8:00")],
)
def test_a_moment_is_said_as_people_there_say_it(locale, said):
    """With their names of days and months."""
    moment = datetime(2027, 3, 2, 8, 0, tzinfo=UTC)

    assert dates.moment(moment, ZoneInfo("UTC"), locale, WORDS[locale]["dates"]) == said


@pytest.mark.parametrize(("locale", "said"), [("es", "día 1, día 2 y día 4"), ("he", "יום 1, יום 2 ויום 4")])
def test_a_list_is_said_in_words(locale, said):
    """With the language's own and."""
    word = "día" if locale == "es" else "יום"

    assert dates.listed([f"{word} {day}" for day in (1, 2, 4)], locale) == said


# What people reply.

PHRASES = {locale: Phrases.of(words) for locale, words in WORDS.items()}
MEANT = {
    "CANCELAR": Command("STOP"),
    "Por favor, denme de baja. ¡Gracias!": Command("STOP"),
    "¡No quiero más correos!": Command("STOP"),
    "pausa 3 días": Command("PAUSE", days=3),
    "Pausa de una semana, por favor": Command("PAUSE", days=7),
    "pausa hasta el miercoles": Command("PAUSE", weekday=2),
    "Hora 7 de la tarde": Command("TIME", hour=19),
    "hora 7 a. m.": Command("TIME", hour=7),
    "hora 19:30": Command("TIME"),
    "hora mediodía": Command("TIME", hour=12),
    "¿Ayuda?": Command("HELP"),
    "«hecho»": Command("DONE"),
    "di\u0301a hecho": Command("DONE"),  # é and the like as two characters
    "הסרה": Command("STOP"),
    "הסירו אותי מהרשימה בבקשה, תודה": Command("STOP"),
    "\u200fהשהיה\u200f": Command("PAUSE"),
    "\u202bהשהיה ל-3 ימים\u202c": Command("PAUSE", days=3),
    "השהיה ל־10 ימים": Command("PAUSE", days=10),
    "השהיה לשבוע": Command("PAUSE", days=7),
    "השהיה ליומיים": Command("PAUSE", days=2),
    "השהיה לשבועיים.": Command("PAUSE", days=14),
    "השהיה לשלושה שבועות": Command("PAUSE", days=21),
    "השהיה עד יום שני": Command("PAUSE", weekday=0),
    "השהיה עד שבת": Command("PAUSE", weekday=5),
    "״חידוש״": Command("RESUME"),
    "שעה 7 בערב": Command("TIME", hour=19),
    "שעה 7 בבוקר": Command("TIME", hour=7),
    "שעה חצות": Command("TIME", hour=0),
    "עזרה!!!": Command("HELP"),
    "STOP؟": Command("STOP"),  # a keyboard of another alphabet
    "،help؛": Command("HELP"),
}


@pytest.mark.parametrize(("line", "meant"), MEANT.items(), ids=ascii)
def test_a_command_is_known_as_people_write_it(line, meant):
    """With the punctuation of Spanish, Hebrew and Arabic, marks of direction, a maqaf, without accents."""
    assert command_words.first(PHRASES.values(), line) == meant


@pytest.mark.parametrize("locale", sorted(WORDS))
def test_a_phrase_means_the_same_to_everybody(locale):
    """Somebody's own words come first, then any language's: none of another language is taken for something else."""
    wrong = []
    for name in command_words.ARGUMENTS:
        for phrase in WORDS[locale]["commands"].get(name, ()):
            example = {slot: PHRASES[locale].example(slot) for slot in ("days", "weeks", "weekday", "hour")}
            example["months"] = "3"
            line = slots.say(phrase, **example)
            for own in WORDS:
                found = command_words.first((PHRASES[own], *PHRASES.values()), line)
                wrong += [(own, line)] if found is None or found.name != name else []

    assert wrong == []


ANSWERS = [
    "Basta", "Parar", "Para.", "Baja", "No más", "Otra vez", "Seguir", "Continuar", "Descanso", "Soltar", "Fin",
    "A las 3 de la mañana", "Bórrame", "Saltar", "Espera", "Ya terminé", "Empezar de nuevo", "Frío", "Hora", "Sí", "No",
    "Dejarlo", "די", "מספיק", "ביטול", "הפסקה", "לעצור", "לשחרר", "שוב", "להמשיך", "סיימתי", "ללכת", "לעזוב", "מחר",
    "קר", "שעה", "כן", "לא", "בשעה 3 בלילה", "לא רוצה יותר", "תמחקו אותי",
]  # fmt: skip


RESTS = [
    ("PAUSA 3", Command("PAUSE", days=3)),
    ("pausa de un mes", Command("PAUSE", days=30)),
    ("pausa hasta el 5 de marzo", Command("PAUSE")),
    ("pausa hasta enero", Command("PAUSE")),
    ("השהיה 3", Command("PAUSE", days=3)),
    ("השהיה לחודש", Command("PAUSE", days=30)),
    ("השהיה עד מרץ", Command("PAUSE")),
    ("השהיה עד 5 במרץ", Command("PAUSE")),
    ("CARTA 2 MESES", Command("LETTER")),
    ("Carta en tres meses: Querida yo", Command("LETTER")),
    ("מכתב בעוד 2 חודשים", Command("LETTER")),
]


@pytest.mark.parametrize(("line", "meant"), RESTS, ids=ascii)
def test_what_is_nearly_a_command_is_understood_as_far_as_it_is_clear(line, meant):
    """Or somebody believes that the course rests, or that a letter is kept."""
    assert command_words.first(PHRASES.values(), line) == meant


@pytest.mark.parametrize("line", ANSWERS, ids=ascii)
def test_what_may_be_an_answer_is_no_command(line):
    """A word for a tone, a sigh, a wish: it is a person's answer, and is taken as one."""
    assert command_words.first(PHRASES.values(), line) is None


@pytest.mark.parametrize(
    ("locale", "yes", "no"), [("es", "¡Sí, acepto!", "No, gracias"), ("he", "\u200fכן.", "לא, תודה")]
)
def test_yes_and_no_are_known(locale, yes, no):
    """Of whoever signs up by mail; and a wish to stop is a no."""
    own = PHRASES[locale]

    assert (own.says_yes(yes), own.says_no(yes)) == (True, False)
    assert (own.says_yes(no), own.says_no(no)) == (False, True)
    assert own.says_no("הסרה" if locale == "he" else "cancelar")


@pytest.mark.parametrize("locale", OTHERS)
def test_what_the_mailbox_puts_above_a_quote_is_cut(locale):
    """An answer that is tried out at /mailbox is read like one from a mail client."""
    said = WORDS[locale]["pages"]["mailbox"]["attribution"]
    line = slots.say(said, date="16.11.2026, 7:00", sender="Dear Self <hello@dearself.example>")

    assert extract(f"Una palabra.\n\n{line}\n> Day 1\n>\n> More.\n") == "Una palabra."


@ON_SQLITE
@pytest.mark.parametrize(
    ("locale", "pause", "paused", "words"),
    [
        ("es", "Pausa, por favor", "El curso está en pausa", "Me dije que no pasa nada."),
        ("he", "\u200fהשהיה, בבקשה\u200f", "הקורס מושהה", "אמרתי לעצמי שזה בסדר."),
    ],
)
def test_a_course_is_taken_in_its_language(world: World, locale, pause, paused, words):
    """From the confirmation to the receipt every mail is in it, and its words are understood."""
    world.join("alice", locale=locale)
    world.clock.go(hours=20)
    world.app.tick()
    lesson = world.box.last("day-1")
    decided = [world.reply(lesson, words), world.reply(lesson, pause)]
    world.app.tick()

    assert {mail.mailing.locale for mail in world.box.sent} == {locale}
    assert decided == [["completed"], ["command"]]
    assert world.box.last("paused").mailing.subject == paused
    assert world.rows("SELECT day FROM completions") == [(1,)]


@ON_SQLITE
@pytest.mark.parametrize(
    ("locale", "name", "greeting"),
    [
        ("he", "Anna B.", "שלום \u2066Anna B.\u2069,"),
        ("he", "דנה ב.", "שלום דנה ב.,"),
        ("en-GB", "דנה ב.", "Hello \u2067דנה ב.\u2069,"),
        ("es", "مريم ب.", "Hola, \u2067مريم ب.\u2069:"),
        ("es", "Ana B.", "Hola, Ana B.:"),
        ("he", "Anna", "שלום Anna,"),
        ("en-GB", "מיכל כהן", "Hello מיכל כהן,"),
    ],
)
def test_a_name_that_runs_the_other_way_keeps_its_last_dot(world: World, locale, name, greeting):
    """It is isolated in its greeting where it ends in a sign; all that comes back is known for ours all the same."""
    world.join("alice", locale=locale, name=name)
    world.clock.go(hours=20)
    world.app.tick()
    lesson = world.box.last("day-1")
    text = lesson.mailing.text_for(lesson.values)

    assert greeting in text
    assert world.reply(lesson, text) == ["empty"]


@pytest.mark.parametrize("locale", OTHERS)
def test_every_mail_is_there_in_every_language(load, locale):
    """None is empty, none stands in for another language's, and no word of it is missing."""
    known = load()
    for name in (*(f"day-{day}" for day in range(1, 6)), *NOTICES):
        mailing = known.mailing(COURSE, name, locale)

        assert mailing.locale == locale
        assert "⟦" not in mailing.subject + mailing.text
        assert len(mailing.text) > 200
