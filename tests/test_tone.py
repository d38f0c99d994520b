"""The tone of every mail in every locale: nothing blames, hurries, praises or counts, and each lesson is whole."""

# ruff: noqa: RUF001 (many alphabets)

from __future__ import annotations

import re

import pytest
from every_mail import EVERY, html, text

from course.content import sources
from course.settings import EMAILS

# What no mail says, by language: praise, orders, blame, streaks, hurry.
NEVER = {
    "en": (
        r"well done|(good|great) job|congratulations|proud of you|keep it up|amazing|excellent|champion",
        r"(?<!not )(?<!neither )you (must|should|ought to|have to|need to)|be sure to|make sure (to|that) you",
        r"(you|days?|have) missed|missed a|(you are|you’re|fall(en)?|falling) behind|catch up|you fail(ed)?|you forgot",
        r"streaks?|in a row|\d+ days so far|only \d+ (days?|left)|your (score|record)",
        r"hurry up|please hurry|last chance|don’t forget|do not forget|as soon as you can|before it is too late",
    ),
    "es": (
        r"bien hecho|buen trabajo|muy bien|felicidades|enhorabuena|felicitaciones|sigue así|excelente|increíble",
        r"(?<!no )(debes|deberías|tienes que|has de)|asegúrate de",
        r"te (has perdido|perdiste)|(vas|estás|quedas|quedaste) (con retraso|por detrás|atrás|atrasad\w+)|ponte al día",
        r"has fallado|fallaste|olvidaste|rachas?|días? seguidos|llevas \d+ días|solo quedan",
        r"date prisa|apresúrate|última oportunidad|no (te )?olvides|cuanto antes|antes de que sea tarde",
    ),
    "he": (
        r"כל הכבוד|עבודה (טובה|יפה)|יופי|מצוין|מצוינת|ברכות|אלופ\w*|גאים בך",
        r"חובה|עליך ל\w+|(?<!לא )(צריך|צריכה|חייב|חייבת|חייבים) ל\w+|מוכרחים|הקפד\w*",
        r"החמצת|פספסת|הוחמץ|פוספס|פיגור|מפגר\w*|נשארת מאחור|להדביק את הפער|נכשלת|שכחת",
        r"ברצף|רצף|ימים רצופים|נותרו רק|השיא שלך",
        r"להזדרז|מהרו|למהר|הזדמנות אחרונה|אל תשכח\w*|לא לשכוח|לפני שיהיה מאוחר",
    ),
}
HURTS = {
    "en": "Well done! You must finish. You are behind, and you missed a day. Hurry up: three days in a row!",
    "es": "¡Bien hecho! Debes terminar. Vas con retraso, y te perdiste un día. ¡Date prisa: tres días seguidos!",
    "he": "כל הכבוד! חובה לסיים. יש פיגור, והוחמץ יום. הזדמנות אחרונה: שלושה ימים ברצף!",
}
MILD = {"en": "3 out of 10", "es": "3 sobre 10", "he": "3 מתוך 10"}
ENDS = {
    "en": r"\b(stop|put the pen down),? (at|after|here|there|anywhere)\b",
    "es": r"\b(puedes|o) parar\b",
    "he": r"(אפשר|או) לעצור",
}
LESSONS = sorted(EMAILS.glob("courses/*/*/day-*.md"))
WORDS = range(250, 401)  # of a lesson, by the outline of the course


def language(locale):
    """Return the language of a locale."""
    return locale.partition("-")[0]


def wrong(said, locale):
    """Return what a text says that no mail may; in Hebrew "and" and "that" are a letter before the word."""
    return [
        found[0]
        for phrases in NEVER[language(locale)]
        for found in re.finditer(rf"\b[והשכ]?(?:{phrases})\b", said, re.IGNORECASE)
    ]


@pytest.mark.parametrize("locale", sorted(HURTS))
def test_what_hurts_is_found(locale):
    """A letter that praises, orders, blames, counts and hurries is found at fault six times, in each language."""
    assert len(wrong(HURTS[locale], locale)) == 6


@pytest.mark.parametrize("which", EVERY, ids=str)
def test_no_mail_blames_hurries_praises_or_counts(which):
    """Each lesson and notice, as it leaves, subject and footer with it; its preheader is in none of the text."""
    folder = f"courses/{which.course}" if which.name.startswith("day-") else "notices"
    source = sources.read(EMAILS / folder / which.locale / f"{which.name}.md")
    said = "\n".join([text(which), *(str(source.front[key]) for key in ("subject", "preheader"))])

    assert wrong(" ".join(said.split()), which.locale) == []


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: str(path.relative_to(EMAILS / "courses")))
def test_a_lesson_has_all_that_the_outline_asks_for(path):
    """250 to 400 words, three to five steps about something mildly hard, a small version, a way out, an ending."""
    source, spoken = sources.read(path), language(path.parent.name)
    parts = {section.id or section.heading or "opening": section.markdown for section in source.sections}
    whole = " ".join("\n".join(f"{section.heading}\n{section.markdown}" for section in source.sections).split())
    words = re.findall(r"[^\W\d_][\w’]*", re.sub(r"\{\w+\}", "", whole))

    assert len(words) in WORDS
    assert len(re.findall(r"^\d\. ", parts["steps"], re.MULTILINE)) in range(3, 6)
    assert MILD[spoken] in parts["steps"]
    assert re.search(ENDS[spoken], whole, re.IGNORECASE)
    assert all(parts[part].strip() for part in ("small", "prompt", "closing"))
    assert all(source.front[key] for key in ("subject", "preheader", "minutes", "why", "needs"))


@pytest.mark.parametrize("notice", ["receipt", "empty"])
@pytest.mark.parametrize("locale", ["en-GB", "en-US", "es", "he"])
def test_what_the_inbox_shows_bears_any_reply(locale, notice):
    """No word of a reply is looked at, so the line beside the subject must do for the worst of them, too."""
    shown = sources.read(EMAILS / f"notices/{locale}/{notice}.md").front["preheader"]
    known = sources.read_toml(EMAILS / f"words/{locale}.toml")["mail"]["footer_not_therapy"].partition(". ")[2]

    assert known in shown


@pytest.mark.parametrize("path", sorted(EMAILS.glob("notices/he/*.md")), ids=lambda path: path.stem)
def test_hebrew_puts_words_to_reply_with_in_quotes(path):
    """There are no capitals to tell them by where nothing is bold: in plain text, and to whoever is read to."""
    rest = re.sub(r"\*\*״[^*{]+״\*\*|\*\*\{\w+\}\*\*", "", path.read_text(encoding="utf-8"))

    assert "**" not in rest


def test_hebrew_puts_them_in_quotes_in_letters_without_links_too():
    """There they stand in place of links, and are bold nowhere; so do the lines among which somebody chooses."""
    mail = sources.read_toml(EMAILS / "words/he.toml")["mail"]
    named = {
        "plain_footer_leave_text": ("הסרה", "השהיה", "ההגדרות שלי", "עזרה", "עם קישורים"),
        "plain_offer": ("הקורס הבא",),
        "letter_by_reply": ("מכתב בעוד 3 חודשים",),
        "plain_resource": ("שליחת התרגיל",),
        "goes_on_when_ready": ("הבא",),
        "forgets_never": ("מחיקה",),
        "named": ("{words}",),
    }

    assert [(key, one) for key, some in named.items() for one in some if f"״{one}״" not in mail[key]] == []


@pytest.mark.parametrize("locale", ["en-GB", "en-US", "es", "he"])
def test_every_line_that_changes_how_a_course_is_set_is_bold(locale):
    """Those for pace and language, which are made of what there is to choose, like those for hour and place."""
    which = next(one for one in EVERY if (one.name, one.locale, one.plain) == ("settings", locale, False))
    page, words = html(which), sources.read_toml(EMAILS / f"words/{locale}.toml")
    pace, language = (words["replies"][table] for table in ("paces", "languages"))
    bold = " ".join(re.findall(r"<strong[^>]*>(.*?)</strong>", page))

    assert pace["daily"][0].upper() in bold
    assert language[locale][0].upper() in bold
