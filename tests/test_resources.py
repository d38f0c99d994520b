"""Promises of the exercises: what their folders may hold, who may open one and for how long, and what is on paper."""

from __future__ import annotations

import json
import shutil
from datetime import date, timedelta

import pytest
import scripts as make_scripts
from conftest import ON_SQLITE, make_settings

from course import links
from course.content import checks, courses, scripts
from course.content.sources import ContentError
from course.journeys import privacy, resources
from course.journeys.resources import ResourceError
from course.links import Purpose
from course.settings import EMAILS

TODAY = date(2027, 3, 1)
FRAME = b"\xff\xfb\x90\x00" + bytes(413)  # MPEG-1 layer III, 128 kbit/s, 44.1 kHz, in silence
PLACE = "courses/self-compassion/resources/a-kind-voice"


@pytest.fixture
def emails(tmp_path):
    """Give a copy of emails/."""
    root = tmp_path / "emails"
    shutil.copytree(EMAILS, root)
    return root


@pytest.fixture
def manifest(emails):
    """Return a function that changes the manifest of "a kind voice", and says what reading it then complains of."""

    def change(old="", new=""):
        path = emails / PLACE / "resource.toml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        try:
            courses.read(emails / "courses/self-compassion")
        except ContentError as error:
            return str(error)
        return ""

    return change


@pytest.fixture
def sent(world):
    """Alice has had day 1, which names an exercise: the token in that letter."""
    world.join()
    world.pass_hours(20)
    return world.link(world.box.last("day-1"), "r")


# What a folder may hold.


def test_what_is_shipped_is_whole():
    """Each exercise is there in each of the course's locales, with guidance and its PDF, and cites only the list."""
    course = courses.read(EMAILS / "courses/self-compassion")
    listed = (EMAILS / "references.toml").read_text(encoding="utf-8")

    assert set(course.resources) == {"feet-on-the-floor", "a-kind-voice", "dear-me"}
    for resource in course.resources.values():
        assert {"en-GB", "en-US"} <= set(resource.locales)
        assert all(script.guidance and script.pdf and script.introduction for script in resource.scripts.values())
        assert all(reference in listed for reference in resource.references)


def test_every_exercise_says_how_to_stop_and_asks_for_no_pictures():
    """Stopping is in the introduction, before anything begins; eyes may stay open; no feeling is promised."""
    for resource in courses.read(EMAILS / "courses/self-compassion").resources.values():
        for locale in ("en-GB", "en-US"):
            script = resource.scripts[locale]
            text = f"{script.introduction} {' '.join(section.markdown for section in script.sections)}".lower()

            assert "stop at any" in script.introduction
            assert not any(wrong in text for wrong in ("you must", "you will feel", "visualise", "picture yourself"))
            assert not any(wrong in text for wrong in ("close your eyes", "well done", "challenge"))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("minutes = 8", "minutes = 0", "resource.toml:4: minutes: write a whole number from 1 to 120"),
        ('"gilbert-2014", ', '"freud-1917", ', "references: freud-1917 is not in references.toml"),
        ("references = [", 'reference = "x"\nother = [', "references: write the names"),
        ('en-US = "A Kind Voice"', "", "title: write the line en-US"),
        ('en-GB = ["imagining", "goes with day 3"]', "en-GB = []", "tags: write the line en-GB"),
        ("[audio]", '[audio]\nen-GB = "gone.mp3"', "gone.mp3:1: this file is missing"),
        ("[audio]", "[audio]\nen-GB = 5", "write the name of an MP3 file"),
        ("[audio]", '[audio]\nen-GB = "my voice.mp3"', "name it with the letters a to z"),
    ],
)
def test_a_mistake_in_a_manifest_is_named(manifest, old, new, said):
    """By its file and line, with what to do."""
    assert said in manifest(old, new)


@pytest.mark.parametrize(
    "name",
    [
        "../../../../help_lines.toml",
        "../dear-me/en-GB.mp3",
        "/etc/passwd",
        "..\\\\en-GB.mp3",
        "%2e%2e/en-GB.mp3",
        "CON",
        "a.mp3/",
        "a\\u0000.mp3",
        ".mp3",
        "en-GB.html",
        "",
    ],
)
def test_a_recording_is_a_name_and_never_a_path(manifest, name):
    """F2: whatever leads out of the folder, or is no MP3 by its name, stops the start."""
    assert "write the name of an MP3 file in this folder" in manifest("[audio]", f'[audio]\nen-GB = "{name}"')


def test_a_recording_is_an_mp3_whatever_its_name_says(manifest, emails):
    """F3: HTML under the name of a recording is refused; a tag or a frame of MPEG layer III is not."""
    path = emails / PLACE / "voice.mp3"
    path.write_bytes(b"<script>alert(1)</script>")
    refused = manifest("[audio]", '[audio]\nen-GB = "voice.mp3"')
    path.write_bytes(FRAME * 10)
    framed = manifest()
    path.write_bytes(b"ID3\x03\x00\x00" + bytes(20) + FRAME)

    assert "save this recording as MP3" in refused
    assert framed == manifest() == ""


def test_a_symbolic_link_is_not_followed(manifest, emails):
    """F2: neither a recording, a text, a manifest nor a folder may lead elsewhere."""
    elsewhere = emails.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "voice.mp3").write_bytes(FRAME)
    folder = emails / PLACE
    (folder / "voice.mp3").symlink_to(elsewhere / "voice.mp3")
    recording = manifest("[audio]", '[audio]\nen-GB = "voice.mp3"')
    (folder / "voice.mp3").unlink()
    (folder / "voice.mp3").write_bytes(FRAME)
    for name in ("en-US.md", "resource.toml"):
        (folder / name).rename(elsewhere / name)
        (folder / name).symlink_to(elsewhere / name)
    with pytest.raises(ContentError, match=r"resource.toml:1: put the real thing here"):
        courses.read(emails / "courses/self-compassion")
    (folder / "resource.toml").unlink()
    (elsewhere / "resource.toml").rename(folder / "resource.toml")
    text = manifest()
    (folder.parent / "linked").symlink_to(folder.parent / "dear-me", target_is_directory=True)

    assert "voice.mp3:1: put the real file here" in recording
    assert "en-US.md:1: put the real thing here" in text
    assert "linked" in manifest()


def test_check_tells_what_is_missing_around_a_resource(emails):
    """A locale without its text, a PDF of an older text, a lesson that names none, raw HTML, an empty exercise."""
    folder = emails / PLACE
    (folder / "en-US.md").unlink()
    (folder / "en-GB.md").write_text("Hello <b>you</b>.\n\n## The exercise\n\n", encoding="utf-8")
    lesson = emails / "courses/self-compassion/en-GB/day-1.md"
    lesson.write_text(lesson.read_text().replace("resource: feet-on-the-floor", "resource: ../feet"), encoding="utf-8")
    found = "\n".join(str(problem) for problem in checks.check(make_settings(emails_dir=emails), TODAY))

    assert "a-kind-voice/en-US.md:1: warning: write it; whoever reads en-US gets it in en-GB until then" in found
    assert "a-kind-voice/en-GB.pdf:1: warning: no PDF is made of this text as it is: make scripts" in found
    assert "a-kind-voice/en-GB.md:1: write Markdown, not HTML" in found
    assert "a-kind-voice/en-GB.md:1: write the exercise under a heading" in found
    assert "day-1.md:5: resource: there is no resources/../feet/resource.toml" in found


def test_two_courses_share_no_name(emails):
    """A link holds a name alone, so each is one exercise's."""
    shutil.copytree(emails / "courses/self-compassion", emails / "courses/writing")
    found = [str(problem) for problem in checks.check(make_settings(emails_dir=emails), TODAY)]

    assert len([one for one in found if "self-compassion has a resource of this name" in one]) == 3


# What is on paper.


def test_the_pdfs_are_those_of_the_present_texts(tmp_path):
    """`make scripts` has nothing to do; one letter changed in a text, and its PDF is handed out no more."""
    emails = tmp_path / "emails"
    shutil.copytree(EMAILS, emails)
    path = emails / PLACE / "en-GB.md"

    assert make_scripts.make(emails / "courses/self-compassion") == []
    path.write_text(path.read_text(encoding="utf-8") + "\nOne more line.\n", encoding="utf-8")
    changed = courses.read(emails / "courses/self-compassion").resources["a-kind-voice"]
    assert (changed.scripts["en-GB"].pdf, changed.scripts["en-US"].pdf is None) == (None, False)
    assert make_scripts.make(emails / "courses/self-compassion") == ["a-kind-voice/en-GB"]
    assert make_scripts.make(emails / "courses/self-compassion") == []


def test_a_pdf_is_tagged_names_its_language_and_is_always_the_same():
    """PDF/UA-1: a structure tree, a title that is shown, a language; and no date in it that changes."""
    resource = courses.read(EMAILS / "courses/self-compassion").resources["feet-on-the-floor"]
    shipped = resource.scripts["en-GB"].pdf.read_bytes()

    assert shipped.startswith(b"%PDF-1.")
    assert all(
        part in shipped for part in (b"/StructTreeRoot", b"/MarkInfo", b"/Lang(en-GB)", b"/DisplayDocTitle true")
    )
    assert make_scripts.pdf(EMAILS / scripts.TEMPLATE, scripts.source(resource, "en-GB")) == shipped


def test_a_right_to_left_text_is_set_so(emails):
    """Its direction and language are its own; Hebrew is written with the fonts that come along."""
    said = json.dumps(
        {
            "title": "קול טוב",
            "summary": "שמונה דקות",
            "language": "he",
            "region": "",
            "direction": "rtl",
            "blocks": [{"kind": "bullet", "spans": [{"text": "אפשר לעצור.", "style": "em"}]}],
            "references": [],
        }
    )

    assert b"/Lang(he)" in make_scripts.pdf(emails / scripts.TEMPLATE, said)


# Who may open one.


def test_a_letter_opens_the_exercise_that_its_lesson_names_and_no_other(world, sent):
    """Day 1's letter opens its own; the welcome's token, which is of the same kind, opens none."""
    world.pass_hours(48)
    third = world.link(world.box.last("day-3"), "r")
    welcome = world.link(world.box.last("welcome"), "mine")
    service, now = world.app.service, world.clock.real()

    assert resources.look(service, sent, now).resource.id == "feet-on-the-floor"
    assert resources.look(service, third, now).resource.id == "a-kind-voice"
    assert resources.look(service, welcome, now) is None
    assert "/r/" not in world.box.last("day-2").mailing.text_for(world.box.last("day-2").values)


def test_a_link_expires_to_the_second(world, sent):
    """Both kinds, after RESOURCE_LINK_DAYS of real time."""
    service = world.app.service
    made = resources.link(service, "Alice@example.org", "dear-me", world.clock.real()).rpartition("/")[2]
    sent_at, made_at = world.box.last("day-1").date, world.clock.real()
    days, second = timedelta(days=90), timedelta(seconds=1)

    assert resources.look(service, made, made_at + days - second).resource.id == "dear-me"
    assert resources.look(service, made, made_at + days) is None
    assert resources.look(service, sent, sent_at + days - second).locale == "en-GB"
    assert resources.look(service, sent, sent_at + days) is None


def test_revoking_ends_every_link_of_this_person_to_this_exercise(world, sent):
    """Those that were made and those in letters; other exercises and other people keep theirs, and a new link works."""
    service, now = world.app.service, world.clock.real()
    world.join("bob")
    made, other, bobs = (
        resources.link(service, f"{who}@example.org", name, now).rpartition("/")[2]
        for who, name in (("alice", "feet-on-the-floor"), ("alice", "dear-me"), ("bob", "feet-on-the-floor"))
    )
    ended = resources.revoke(service, "alice@example.org", "feet-on-the-floor", now)
    later = resources.link(service, "alice@example.org", "feet-on-the-floor", now).rpartition("/")[2]

    assert ended == 1
    assert [resources.look(service, token, now) for token in (made, sent)] == [None, None]
    assert all(resources.look(service, token, now) for token in (other, bobs, later))


def test_a_later_letter_opens_it_again(world, sent):
    """Revoking speaks of what was sent by then: a copy that leaves afterwards works."""
    resources.revoke(world.app.service, "alice@example.org", "feet-on-the-floor", world.clock.real())
    world.clock.go(hours=1)
    world.reply(world.box.last("day-1"), "AGAIN")
    world.app.tick()
    copy = world.link(world.box.last("day-1"), "r")

    assert copy != sent
    assert resources.look(world.app.service, sent, world.clock.real()) is None
    assert resources.look(world.app.service, copy, world.clock.real()).resource.id == "feet-on-the-floor"


def test_whoever_is_erased_leaves_no_link(world, sent):
    """Their rows go with them; neither kind of link opens anything, and the export showed them before."""
    service, now = world.app.service, world.clock.real()
    made = resources.link(service, "alice@example.org", "dear-me", now).rpartition("/")[2]
    exported = privacy.export(service, "alice@example.org")["resource_links"]
    privacy.erase(service, "alice@example.org", now)

    assert [row["resource"] for row in exported] == ["dear-me"]
    assert [resources.look(service, token, now) for token in (made, sent)] == [None, None]
    assert world.rows("SELECT count(*) FROM resource_links") == [(0,)]


@ON_SQLITE
def test_a_token_is_good_for_its_purpose_only(world, sent):
    """Flipped, cut or signed for something else, it opens nothing."""
    service, now = world.app.service, world.clock.real()
    resources.link(service, "alice@example.org", "dear-me", now)
    others = [links.sign(service.keys, purpose, 1) for purpose in Purpose if purpose not in {"pages", "resource"}]
    flipped = [sent[:at] + ("a" if sent[at] != "a" else "b") + sent[at + 1 :] for at in range(len(sent))]

    for token in (*others, *flipped, sent[:-2], sent + "00", "", "x", "ü", "0" * 500):
        assert resources.look(service, token, now) is None


@ON_SQLITE
def test_no_link_without_a_person_and_an_exercise(world):
    """The error says what there is."""
    world.join()
    now = world.clock.real()

    with pytest.raises(ResourceError, match="there is no resource nothing; what there is: a-kind-voice, dear-me"):
        resources.link(world.app.service, "alice@example.org", "nothing", now)
    with pytest.raises(ResourceError, match="nobody is known by this address"):
        resources.link(world.app.service, "bob@example.org", "dear-me", now)
    with pytest.raises(ResourceError, match="nobody is known by this address"):
        resources.revoke(world.app.service, "bob@example.org", "dear-me", now)


@ON_SQLITE
def test_links_that_ended_long_ago_are_forgotten(world):
    """A year after its end the row goes, at the next tidying."""
    world.join()
    resources.link(world.app.service, "alice@example.org", "dear-me", world.clock.real())
    world.clock.go(days=90 + 364)
    world.app.ticker.tidy()
    before = world.rows("SELECT count(*) FROM resource_links")
    world.clock.go(days=2)
    world.app.ticker.tidy()

    assert (before, world.rows("SELECT count(*) FROM resource_links")) == ([(1,)], [(0,)])


@ON_SQLITE
@pytest.mark.parametrize("settings", [{"resource_link_days": 1_000}], indirect=True)
def test_what_was_revoked_stays_so_for_as_long_as_links_work(world, sent):
    """Letters' links have no row: where they work for years, the mark that ends them is kept for years."""
    service = world.app.service
    world.clock.go(hours=1)
    resources.revoke(service, "alice@example.org", "feet-on-the-floor", world.clock.real())
    world.clock.go(days=998)
    world.app.ticker.tidy()
    revoked = resources.look(service, sent, world.clock.real())
    world.clock.go(days=3)
    world.app.ticker.tidy()

    assert revoked is None
    assert resources.look(service, sent, world.clock.real()) is None
    assert world.rows("SELECT count(*) FROM resource_links") == [(0,)]


@ON_SQLITE
def test_the_commands_list_link_and_revoke(world, course):
    """What is printed is the link alone, so that it can be piped; mistakes end with 1 and a sentence."""
    world.join()
    made = course("resources", "link", "alice@example.org", "dear-me")
    listed = course("resources", "list")
    revoked = course("resources", "revoke", "alice@example.org", "dear-me")
    as_json = json.loads(course("resources", "list", "--json").out)
    unknown = course("resources", "link", "alice@example.org", "nothing")

    assert made.code == 0
    assert made.out.startswith(f"{world.app.settings.site}/r/")
    assert "dear-me" in listed.out
    assert "For whoever passes it on: " in listed.out
    assert "works until" in listed.out
    assert revoked.out == "1 link to dear-me ended, and those in the letters they have had.\n"
    assert [(row["resource"], bool(row["revoked_at"])) for row in as_json["links"]] == [("dear-me", True)]
    assert {row["name"] for row in as_json["resources"]} == {"dear-me", "a-kind-voice", "feet-on-the-floor"}
    assert (unknown.code, "what there is" in unknown.err) == (1, True)
