"""The whole site as robots see it: every link of every mail and page is followed, by GET and HEAD, and nothing changes.

Mail scanners, previews and crawlers follow what they find. A course is lived to its end, with every kind of mail there
is; each link is followed as its mail comes, and once more when everything is over.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin, urlsplit

import pytest
from conftest import make_settings
from starlette.routing import Match
from starlette.testclient import TestClient
from test_journal import KEEP, choose
from test_journal_photos import BARE
from test_resources import FRAME

from course.content.catalogue import NOTICES
from course.content.courses import lesson_name
from course.journeys import fresh, people, resources
from course.outbound import folder
from course.settings import EMAILS
from course.store.tables import metadata, subscribers
from course.web import create_app

SITE = "http://127.0.0.1:8000"
HERE = {"Sec-Fetch-Site": "same-origin"}
FIRST, NEXT = "self-compassion", "writing-with-self-compassion"
MADE = "a-kind-voice"  # an exercise; here it has a recording, too
# Where a visitor comes to without a mail.
DOORS = ("/", f"/courses/{NEXT}", "/privacy", "/help", "/young", "/embed.js", "/robots.txt", "/healthz", "/mailbox")
OWN = ("/own", "/own/letter")  # a visit's first pages
PERSONAL = ("confirm", "leave", "mine", "write", "checkin", "letter", "join", "open", "address", "r", "own", "mailbox")
MORTAL = ("confirm", "open", "address")  # links with a life of their own: days, minutes, until they are used
POLICIES = {"own": "same-origin", "mailbox": "same-origin"}  # of their pages, whose forms must tell where they are
LARGEST = 50_000  # bytes of a page
MOST = 3_000  # addresses: far more than there are, so that a crawl ends
LINK = re.compile(rf"{re.escape(SITE)}[^\s\"'<>()]*")


@pytest.fixture
def database(tmp_path, sqlite_tables):
    """Return an SQLite database: what the web room does is the same on both."""
    shutil.copyfile(sqlite_tables, tmp_path / "course.db")
    return f"sqlite:///{tmp_path / 'course.db'}"


@pytest.fixture
def settings(tmp_path, database):
    """Load the settings of a service that has everything: a journal, letters, a recording, a mailbox."""
    emails = tmp_path / "emails"
    shutil.copytree(EMAILS, emails)
    exercise = emails / "courses" / FIRST / "resources" / MADE
    (exercise / "voice.mp3").write_bytes(b"ID3\x03\x00\x00\x00\x00\x00\x00" + FRAME * 10)
    manifest = exercise / "resource.toml"
    manifest.write_text(manifest.read_text().replace("[audio]", '[audio]\nen-GB = "voice.mp3"'))
    return make_settings(
        data_dir=tmp_path / "var",
        database_url=database,
        spread_minutes=1,
        emails_dir=emails,
        journal_keys="journal-key-of-the-tests-0123456789abcdef",
        unreviewed_locales="es, he",
    )


class Page(HTMLParser):
    """What a page leads to by GET, and the places that have a name on it."""

    def __init__(self, text):
        super().__init__()
        self.links, self.names = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.names.add(given.get("id"))
        if tag != "form":
            self.links += [given[name] for name in ("href", "src") if given.get(name)]
        elif given.get("method", "get") == "get":
            self.links.append(given.get("action") or "")


@dataclass
class Robot:
    """A scanner: it follows every link, never presses a button, and notes what it has found."""

    browser: TestClient
    found: dict = field(default_factory=dict)  # the answer to GET, by path
    names: dict = field(default_factory=dict)  # of places on it
    faults: list = field(default_factory=list)

    def follow(self, *paths):
        """Fetch these and all they lead to on this site, each once."""
        queue = list(paths)
        while queue:
            path, _, name = queue.pop(0).partition("#")
            if path in self.found:
                self._named(path, name)
                continue
            queue += self.fetch(path)
            self._named(path, name)
            assert len(self.found) < MOST

    def fetch(self, path):
        """Fetch one by HEAD and GET, look at it, and return where it leads to."""
        head, page = self.browser.head(path), self.browser.get(path)
        self.found[path] = page
        self.faults += [f"{path}: {fault}" for fault in (*_faults(path, page), *_differs(head, page))]
        if not page.headers.get("content-type", "").startswith("text/html"):
            return []
        read, here = Page(page.text), urljoin(SITE, path)
        self.names[path] = read.names
        there = [urljoin(here, link) for link in read.links]
        return [link.removeprefix(SITE) for link in there if f"{link}/".startswith(f"{SITE}/")]

    def _named(self, path, name):
        if name and name not in self.names[path]:
            self.faults.append(f"{path} has no place that is called {name}")


def _faults(path, page):
    """Say what is wrong with an answer: not there, too large, or without what keeps a personal page personal."""
    headers, room = page.headers, path.strip("/").partition("/")[0]
    if page.status_code != 200:
        yield str(page.status_code)
    if headers["content-type"].startswith("text/html") and len(page.content) > LARGEST:
        yield f"{len(page.content)} bytes"
    if headers["x-content-type-options"] != "nosniff" or "default-src 'none'" not in headers["content-security-policy"]:
        yield "no nosniff or no policy for its content"
    if "set-cookie" in headers:
        yield "it sets a cookie"
    if room in PERSONAL:
        policy = POLICIES.get(room, "no-referrer") if headers["content-type"].startswith("text/html") else "no-referrer"
        wanted = ("no-store", policy, "noindex")
        given = tuple(headers.get(name) for name in ("cache-control", "referrer-policy", "x-robots-tag"))
        if given != wanted:
            yield f"{given}"
    if "@example.org" in path:
        yield "an address in a link"


def _differs(head, page):
    """Say how HEAD is not what GET is without its body."""
    if (head.status_code, head.content) != (page.status_code, b""):
        yield f"HEAD is {head.status_code}"
    if head.headers["content-type"] != page.headers["content-type"]:
        yield "HEAD is of another kind"


class Life:
    """A course that is lived, and a robot that has read every mail before its reader has."""

    def __init__(self, world):
        self.world, self.robot = world, Robot(a_browser(world))
        self.outbox = folder.open(world.app.settings)
        self.read, self.shown, self.last, self.gone = 0, set(), {}, []
        self.tick()

    def tick(self):
        """Let mail leave, and follow each link in it at once: that is what scanners do."""
        self.world.app.tick()
        mails, self.read = self.world.box.sent[self.read :], len(self.world.box.sent)
        if not mails:
            return
        before = state(self.world)
        for mail in mails:
            if mail.mailing.name == "erased":  # it has hardly left when its reader is nobody any more
                self.gone = personal(self.last.pop((mail.to, mail.mailing.course)))
                assert self.gone
                assert personal(links_of(replace(mail, leave=None))) == []
                continue
            self.last[mail.to, mail.mailing.course] = links_of(mail)
            if mail.mailing.digest not in self.shown:
                self.outbox.send(mail)  # the mailbox shows one of each
            self.shown.add(mail.mailing.digest)
            for path in links_of(mail):
                if path not in self.robot.found:
                    self.robot.fetch(path)
        assert state(self.world) == before

    def days(self, number):
        """Let days go by, with a tick at nine: everybody's letters are due at eight."""
        for _ in range(number):
            self.world.clock.go(hours=(9 - self.world.clock.at.hour) % 24 or 24)
            self.tick()

    def joins(self, who, **how):
        """Sign somebody up, and press the button of the confirmation."""
        self.world.sign_up(who, **how)
        self.tick()
        token = self.world.link(self.newest(who), "confirm")
        assert self.press(f"/confirm/{token}").status_code == 200
        self.tick()

    def newest(self, who, name=""):
        """Return the newest mail to somebody, or the newest of this name."""
        theirs = [mail for mail in self.world.box.sent if mail.to.startswith(f"{who}@")]
        return [mail for mail in theirs if name in ("", mail.mailing.name)][-1]

    def says(self, who, words, to=""):
        """Let somebody answer a mail, and let what follows leave."""
        self.world.reply(self.newest(who, to), words)
        self.tick()

    def press(self, path, **fields):
        """Press a button, as a person does."""
        return a_browser(self.world).post(path, data=fields)

    def newest_links(self):
        """Return the links of each person's newest mails, of each course."""
        return [path for paths in self.last.values() for path in paths]

    def page(self, who, room, name):
        """Return the path of a page that somebody's mail leads to."""
        return f"/{room}/{self.world.link(self.newest(who, name), room)}"


def a_browser(world):
    """Return a browser on this machine, so that the mailbox is there as well."""
    return TestClient(
        create_app(world.app),
        base_url=SITE,
        headers={"Accept-Language": "en-GB", **HERE},
        follow_redirects=False,
        client=("127.0.0.1", 50_000),
    )


def links_of(mail):
    """Return each address of ours in a mail, in its text and in its HTML, as a path."""
    both = mail.mailing.text_for(mail.values) + mail.mailing.html_for(mail.values)
    headers = " ".join(mail.leave or ())
    found = (LINK.match(one)[0].rstrip(".,;") for one in LINK.findall(f"{both} {headers}"))
    return list(dict.fromkeys(urldefrag(one)[0].removeprefix(SITE) or "/" for one in found))


def personal(paths):
    """Return those of these paths that are somebody's own."""
    return [path for path in paths if path.split("/")[1] in PERSONAL]


def state(world):
    """Return every row there is."""
    return {name: world.rows(f'SELECT * FROM "{name}" ORDER BY 1, 2') for name in metadata.tables}  # noqa: S608


def with_a_photo(mail, photo=BARE):
    """Return an answer with a photo to be kept."""
    answer = EmailMessage()
    answer["From"], answer["To"], answer["Message-ID"] = mail.to, mail.reply_to, "<photo@client.example.org>"
    answer.set_content("A page of mine.")
    answer.add_attachment(photo, maintype="image", subtype="jpeg", filename="page.jpg")
    return answer.as_bytes()


# What Alice replies on her days: three answers a day are the most, besides that to a check-in.
REPLIES = {
    1: ("HELP", "TIME 9", "TIME 9:30"),
    2: ("NO LINKS", "WITH LINKS", "LETTER 1 MONTH"),
    3: ("PAUSE 3 DAYS", "RESUME", "LETTER 1 MONTH\n\nDear me, it was a long week."),
    4: ("SKIP", "MY SETTINGS", "SEND EXERCISE", "CHECK-IN THE SAME"),
    5: ("LETTER 2 MONTHS\n\nDear me, this one had no time of its own.",),
}


def alice_takes_all_there_is(life):
    """She keeps a journal, tries every word that she can reply with, and has a letter come back."""
    life.joins("alice")
    choose(life.world, KEEP)
    life.world.sign_up("alice")
    life.says("alice", "Is anybody there?", to="welcome")
    for day, replies in REPLIES.items():
        life.days(1)
        if day == 1:
            life.world.deliver(with_a_photo(life.newest("alice", "day-1")))
        for words in replies:
            life.says("alice", words, to=f"day-{day}")
    life.days(4)


def others_join(life):
    """Bob sets his own pace and is quiet; Charlie reads from the right; Dana reads Spanish; Erin writes to us first."""
    world = life.world
    life.joins("bob", pace="self-paced")
    life.joins("charlie", locale="he")
    life.joins("dana", locale="es")
    question = EmailMessage()
    question["From"], question["To"], question["Message-ID"] = (
        "erin@example.org",
        "join@reply.dearself.example",
        "<join@client.example.org>",
    )
    question.set_content("Please.\n")
    world.deliver(question.as_bytes())
    life.tick()
    life.says("erin", "YES", to="joining")
    letter = {"choice": "keep", "text": "Dear me.", "months": "1", "consent": "yes", "in_mail": "yes"}
    life.days(1)
    for words in ("NEXT", ""):
        life.says("dana", words, to="day-1")
    page = life.page("charlie", "mine", "day-1").replace("/mine/", "/letter/")
    assert life.press(page, **letter).status_code == 200


def they_leave(life):
    """Bob is left in peace and leaves; Erin is erased; Dana moves; Alice goes on to the next course."""
    life.days(7)
    life.says("bob", "NEXT", to="quiet")
    life.says("bob", "ERASE LETTER", to="quiet")
    life.says("bob", "STOP")
    life.says("bob", "LETTER 1 MONTH", to="quiet")
    life.says("erin", "DELETE", to="welcome")
    life.says("erin", "DELETE", to="erase")
    visit(life, "dana").post("/own/address", data={"email": "dana@new.example"})
    life.tick()
    assert life.press(life.page("dana", "address", "move")).status_code == 200
    life.tick()
    offer = life.newest("alice", "farewell").values["offer_url"].removeprefix(SITE)
    assert life.press(offer, consent="yes").status_code == 200
    life.days(21)
    life.says("bob", "RESUME", to="quiet")


def visit(life, who):
    """Return a browser in which somebody has just opened their own pages: the robot, there first, used nothing up."""
    world, browser = life.world, a_browser(life.world)
    with world.app.service.store.reading() as tx:
        person = people.find(tx, subscribers.c.email == f"{who}@example.org")[0]
    assert fresh.send(world.app.service, person, world.clock.now(), world.clock.real())
    life.tick()
    assert browser.post(life.page(who, "open", "fresh")).headers["location"] == "/own"
    return browser


@pytest.fixture
def life(world):
    """Live a course to its end, and the next one."""
    life = Life(world)
    others_join(life)
    alice_takes_all_there_is(life)
    they_leave(life)
    return life


def routes(world, paths):
    """Return which of the site's pages these are, and which there are besides."""
    site = create_app(world.app)
    there = [route for room in site.routes for route in _flat(room) if "GET" in (getattr(route, "methods", None) or ())]
    seen = set()
    for path in paths:
        scope = {"type": "http", "path": urlsplit(path).path, "method": "GET", "headers": [], "root_path": ""}
        seen |= {route.path for route in there if route.matches(scope)[0] is Match.FULL}
    return seen, {route.path for route in there} - seen


def _flat(room):
    return room.routes if getattr(room, "routes", None) else [room]


def test_following_every_link_changes_nothing_and_leads_nowhere_in_vain(life):
    """Every kind of mail has come; each link was live as it came, and all that the pages lead to is there."""
    world = life.world
    sent = {mail.mailing.name for mail in world.box.sent}
    faults_on_the_way = list(life.robot.faults)
    link = resources.link(world.app.service, "alice@example.org", MADE, world.clock.real()).removeprefix(SITE)
    own = Robot(visit(life, "alice"))
    again = Robot(a_browser(world))
    before = state(world)
    again.follow(*DOORS, link, *(path for path in life.newest_links() if path.split("/")[1] not in MORTAL))
    own.follow(*OWN)

    assert faults_on_the_way == again.faults == own.faults == []
    assert state(world) == before
    assert {again.browser.get(path).status_code for path in life.gone} == {404}
    assert set(NOTICES) | {lesson_name(day) for day in range(1, 6)} <= sent
    assert routes(world, [*life.robot.found, *again.found, *own.found])[1] == set()
