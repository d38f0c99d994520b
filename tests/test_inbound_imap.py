"""The watched mailbox: each mail is kept and decided before it is touched, none is lost, and no server is trusted."""

from __future__ import annotations

import contextlib
import imaplib
import ssl
import threading
from dataclasses import replace

import pytest
import structlog
from conftest import make_settings
from doors import Kept, open_ways
from mailboxes import PASSWORD, OddServer, dovecot, dovecot_program, fetched
from servers import Authority

from course import inbound
from course.inbound import imap, imap_talk
from course.settings import SettingsError

MAIL = b"From: alice@example.org\r\nTo: reply-abc@reply.dearself.example\r\n\r\nIt helped.\r\n"
ODD = b"From: alice@example.org\r\nSubject: caf\xe9\r\n\r\n\xff\xfe \xc4\xe3\r\n.\r\n..\r\nno end"
HUGE = b"* 1 FETCH (UID %d BODY[] {99999999999}\r\nx"

pytestmark = pytest.mark.xdist_group("imap")


@pytest.fixture(scope="module")
def dovecot_server():
    """One Dovecot for the whole module."""
    if dovecot_program() is None:
        pytest.skip("there is no dovecot here: apt-get install dovecot-imapd")
    with dovecot() as running:
        yield running


@pytest.fixture
def mailbox(dovecot_server):
    """Return its mailbox, empty."""
    with dovecot_server.owner() as own:
        own.uid("STORE", "1:*", "+FLAGS.SILENT", r"(\Deleted)")
        own.expunge()
    yield dovecot_server
    with dovecot_server.owner() as own:
        for folder in ("Archive", "Replies"):
            own.delete(folder)


@pytest.fixture
def kept():
    """Return what keeps the mail that comes in."""
    return Kept()


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """No look at the mailbox but when the server has news; another try at once."""
    monkeypatch.setattr(imap, "LOOK", 3600.0)
    monkeypatch.setattr(imap, "WAITS", (0.05,))


def watched(tmp_path, url, **more):
    """Return settings that watch this mailbox."""
    return make_settings(data_dir=tmp_path / "var", imap_url=url, **more)


def noted(kept):
    """Return how far the only mailbox has been read: the last UID."""
    return int(next(iter(kept.places.values()), "0 0").split()[1])


# A real server.


def test_mail_arrives_byte_by_byte_and_is_marked_as_read(mailbox, kept, tmp_path):
    """What was there before, and what comes while it is watched: IDLE tells of it."""
    mailbox.deliver(ODD)
    with open_ways(watched(tmp_path, mailbox.url()), kept):
        kept.wait_for(lambda: noted(kept))
        first = noted(kept)
        mailbox.deliver(MAIL)
        kept.wait_for(lambda: noted(kept) > first)

    assert [raw for raw, _, _ in kept.mails] == [ODD, MAIL]
    assert mailbox.flags() == [r"\Seen", r"\Seen"]


def test_a_mail_is_touched_only_when_it_is_decided(mailbox, kept, tmp_path):
    """While the database is away it is kept once, however often that is tried, and stays unread in the mailbox."""
    kept.undecided = tmp_path / "waits.mail"
    kept.undecided.touch()
    tries = threading.Semaphore(0)
    kept.read_spool = tries.release
    mailbox.deliver(MAIL)
    with open_ways(watched(tmp_path, mailbox.url()), kept):
        for _ in range(4):
            assert tries.acquire(timeout=20)
        before = (mailbox.flags(), noted(kept))
        kept.undecided.unlink()
        kept.wait_for(lambda: noted(kept))

    assert before == ([""], 0)
    assert len(kept.mails) == 1
    assert mailbox.flags() == [r"\Seen"]


def test_mail_is_not_read_twice(mailbox, kept, tmp_path):
    """The next start goes on where the last one ended."""
    settings = watched(tmp_path, mailbox.url())
    for number in (1, 2):
        mailbox.deliver(MAIL)
        with open_ways(settings, kept):
            kept.wait_for(lambda number=number: len(kept.mails) == number and not kept.mails[number:])
            kept.wait_for(lambda: mailbox.flags()[-1] == r"\Seen")

    assert len(kept.mails) == 2


def test_mail_may_be_moved(mailbox, kept, tmp_path):
    """IMAP_AFTER=move:Archive: it is gone from here and is there."""
    mailbox.make("Archive")
    mailbox.deliver(MAIL)
    with open_ways(watched(tmp_path, mailbox.url(), imap_after="move:Archive"), kept):
        kept.wait_for(lambda: noted(kept))

    assert (mailbox.flags(), len(mailbox.flags("Archive"))) == ([], 1)


def test_mail_may_be_erased_and_only_that_mail(mailbox, kept, tmp_path):
    """IMAP_AFTER=delete: what somebody else has marked as deleted stays."""
    with open_ways(watched(tmp_path, mailbox.url(), imap_after="delete"), kept):
        kept.wait_for(lambda: kept.places)
        mailbox.deliver(MAIL)
        kept.wait_for(lambda: noted(kept))
        with mailbox.owner() as own:
            own.append("INBOX", r"(\Deleted)", None, ODD)
        kept.undecided = tmp_path / "waits.mail"
        kept.undecided.touch()
        kept.wait_for(lambda: len(kept.mails) == 2)
        own_mark = mailbox.flags()

    assert own_mark == [r"\Deleted"]


def erased(server):
    """Return the UIDs of the mails that were erased, and of those that were only marked as read."""
    stored = [one.split(maxsplit=4) for one in server.heard if one.startswith("UID STORE")]
    gone = [int(one[2]) for one in stored if r"\Deleted" in one[4]]
    return gone, [int(one[2]) for one in stored if int(one[2]) not in gone]


def test_what_was_there_before_is_never_erased(kept, tmp_path, monkeypatch):
    """IMAP_AFTER=delete in somebody's old mailbox: their mail is taken in, and stays; what comes then is erased."""
    monkeypatch.setattr(imap, "LOOK", 0.05)
    with OddServer({1: MAIL, 2: ODD}) as server:
        settings = watched(tmp_path, server.url, imap_after="delete")
        with open_ways(settings, kept):
            kept.wait_for(lambda: noted(kept) == 2)
            server.mails[3] = MAIL
            kept.wait_for(lambda: noted(kept) == 3)

    assert erased(server) == ([3], [1, 2])


def test_what_was_there_before_is_known_after_a_crash(kept, tmp_path):
    """The service ended while it was reading the old mail: the rest of that stays as well."""
    with OddServer({1: MAIL, 2: ODD, 3: MAIL}) as server:
        kept.places[imap._name(imap_talk.server_of(server.url))] = "7 1 2"  # noqa: SLF001
        with open_ways(watched(tmp_path, server.url, imap_after="delete"), kept):
            kept.wait_for(lambda: noted(kept) == 3)

    assert erased(server) == ([3], [2])


def test_when_the_mailbox_counts_anew_it_is_read_anew(mailbox, kept, tmp_path):
    """A folder that was made once more has another UIDVALIDITY: its numbers mean other mails."""
    settings = watched(tmp_path, mailbox.url("Replies"))
    for raw in (MAIL, ODD):
        mailbox.make("Replies")
        mailbox.deliver(raw, "Replies")
        with open_ways(settings, kept):
            kept.wait_for(lambda raw=raw: raw in [one for one, _, _ in kept.mails])
        with mailbox.owner() as own:
            own.delete("Replies")

    assert [raw for raw, _, _ in kept.mails] == [MAIL, ODD]


def test_a_mail_over_35_megabytes_is_left_alone(mailbox, kept, tmp_path, monkeypatch):
    """It is not even fetched, stays unread, and those after it are read."""
    monkeypatch.setattr(imap, "LARGEST", 1000)
    mailbox.deliver(MAIL + b"x" * 1000)
    mailbox.deliver(MAIL)
    with open_ways(watched(tmp_path, mailbox.url()), kept):
        kept.wait_for(lambda: len(kept.mails) == 1 and noted(kept) > 1)
        kept.wait_for(lambda: mailbox.flags() == ["", r"\Seen"])

    assert [raw for raw, _, _ in kept.mails] == [MAIL]


def test_a_folder_that_is_not_there_is_told(mailbox, kept, tmp_path):
    """Which one, and in which setting; without the password."""
    for folder, after, said in (
        ("Nowhere", "flag", "IMAP_URL: there is no folder Nowhere"),
        ("INBOX", "move:Nowhere", "IMAP_AFTER: the mailbox has no folder Nowhere; make one, or put flag"),
    ):
        told = complaint(watched(tmp_path, mailbox.url(folder), imap_after=after), kept)

        assert said in told
        assert "canary" not in told


def test_a_wrong_password_is_told_and_not_shown(mailbox, kept, tmp_path):
    """The log says which setting to mend, and neither the password nor the user."""
    told = complaint(watched(tmp_path, mailbox.url().replace("canary", "heron")), kept)

    assert "IMAP_URL: the server does not take this user and password" in told
    assert "heron" not in told
    assert "course" not in told


def complaint(settings, kept):
    """Return what is logged when this mailbox is watched, up to the first complaint."""
    told = threading.Event()
    lines = []

    def listen(_, __, event):
        lines.append(str(event))
        told.set()
        raise structlog.DropEvent

    structlog.configure(processors=[listen])
    with open_ways(settings, kept):
        assert told.wait(20)
    return "".join(lines)


def test_the_certificate_is_checked(kept, tmp_path):
    """imaps:// and STARTTLS with a certificate that nobody known has signed: no password is said."""
    if dovecot_program() is None:
        pytest.skip("there is no dovecot here: apt-get install dovecot-imapd")
    authority = Authority(tmp_path)
    with dovecot(authority.pem()) as secured:
        url = secured.url().replace("imap:", "imaps:").replace(f":{secured.plain}/", f":{secured.implicit}/")
        told = complaint(watched(tmp_path, url), kept)
        with imap_talk.opened(imap_talk.server_of(url), authority.file) as folder:
            found = folder.after(0)
        begun_plain = replace(imap_talk.server_of(secured.url()), tls="starttls")
        with imap_talk.opened(begun_plain, authority.file) as folder:
            found_by_starttls = folder.after(0)
        for server in (imap_talk.server_of(url), begun_plain):
            with pytest.raises(ssl.SSLCertVerificationError), imap_talk.opened(server):
                pass

    assert "IMAP_URL: the server's certificate cannot be believed" in told
    assert found == found_by_starttls == []


# A server that nobody should trust.


def test_a_connection_that_breaks_in_the_middle_of_a_mail_loses_nothing(kept, tmp_path):
    """Half a mail is no mail: it is fetched once more."""
    half = [lambda uid, raw: b"DROP" + fetched(uid, raw)[:60]] * 2
    with OddServer({1: MAIL, 2: ODD}, half) as server, open_ways(watched(tmp_path, server.url), kept):
        kept.wait_for(lambda: noted(kept) == 2)

    assert [raw for raw, _, _ in kept.mails] == [MAIL, ODD]


def test_a_mail_that_always_breaks_the_connection_does_not_stand_in_the_way(kept, tmp_path):
    """After ten tries in a row it is left where it is, unread, and the log says so."""
    broken = [lambda *_: b"DROP* 1 FETCH (UID"] * imap.TRIES
    with (
        structlog.testing.capture_logs() as lines,
        OddServer({1: MAIL, 2: ODD}, broken) as server,
        open_ways(watched(tmp_path, server.url), kept),
    ):
        kept.wait_for(lambda: noted(kept) == 2)

    assert [raw for raw, _, _ in kept.mails] == [ODD]
    assert [line["uid"] for line in lines if line["log_level"] == "error"] == [1]
    assert not any("STORE 1 " in one for one in server.heard)


def test_a_disk_that_is_full_skips_no_mail(kept, tmp_path):
    """However often it is tried: nothing is marked, nothing is passed over."""
    kept.trouble = OSError(28, "No space left on device")
    tries = threading.Semaphore(0)
    answers = [lambda uid, raw: tries.release() or fetched(uid, raw)] * (imap.TRIES + 3)
    with OddServer({1: MAIL}, answers) as server, open_ways(watched(tmp_path, server.url), kept):
        for _ in range(imap.TRIES + 2):
            assert tries.acquire(timeout=20)
        kept.trouble = None
        kept.wait_for(lambda: noted(kept) == 1)

    assert [raw for raw, _, _ in kept.mails] == [MAIL]


def test_a_number_that_comes_to_mean_another_mail_hides_none(kept, tmp_path):
    """The server counts anew while the first mail waits for the database: the second is kept as well."""
    kept.undecided = tmp_path / "waits.mail"
    kept.undecided.touch()
    with OddServer({1: MAIL}) as server, open_ways(watched(tmp_path, server.url), kept):
        kept.wait_for(lambda: kept.mails)
        server.mails[1] = ODD
        server.validity = 8
        kept.wait_for(lambda: len(kept.mails) == 2)
        kept.undecided.unlink()
        kept.wait_for(lambda: noted(kept) == 1)

    assert [raw for raw, _, _ in kept.mails] == [MAIL, ODD]


def test_a_number_that_comes_to_mean_another_mail_has_all_its_tries(kept, tmp_path, monkeypatch):
    """What broke the connection before the server counted anew is not held against the mail that has its number now."""
    monkeypatch.setattr(imap, "TRIES", 3)

    def counts_anew(*_):
        server.mails[1] = ODD
        server.validity = 8
        return b"DROP"

    broken = [*[lambda *_: b"DROP"] * (imap.TRIES - 1), counts_anew, *[lambda *_: b"DROP"] * (imap.TRIES - 1)]
    with OddServer({1: MAIL}, broken) as server, open_ways(watched(tmp_path, server.url), kept):
        kept.wait_for(lambda: noted(kept) == 1 and server.validity == 8)

    assert [raw for raw, _, _ in kept.mails] == [ODD]


def test_the_service_ends_between_two_mails(kept):
    """It does not read a full mailbox to its end first; the next start goes on there."""
    reception = inbound.Reception(kept)
    kept.read_spool = reception.stopped.set
    with OddServer({1: MAIL, 2: ODD}) as server:
        place = imap_talk.server_of(server.url)
        with imap_talk.opened(place) as folder:
            imap.take(imap.Watch(place, imap_talk.Folder.mark_seen, "", erases=False, reception=reception), folder)

    assert [raw for raw, _, _ in kept.mails] == [MAIL]
    assert noted(kept) == 1


def test_a_server_that_is_away_is_asked_less_and_less(kept, tmp_path, monkeypatch):
    """Each failure in a row waits longer, up to the longest; once it was there, the next waits as little as ever."""
    waited = []

    class Stopped(threading.Event):
        def wait(self, timeout=None):
            waited.append(timeout)
            return self.set() if len(waited) == 6 else False

    class Empty:
        validity = 7

        def after(self, _):
            return []

        def wait(self, *_):
            raise ConnectionResetError

    def opened(_):
        if len(waited) != 4:
            raise ConnectionRefusedError
        return contextlib.nullcontext(Empty())

    monkeypatch.setattr(imap, "WAITS", (5.0, 15.0, 60.0))
    monkeypatch.setattr(imap, "opened", opened)
    (source,) = inbound.prepared(watched(tmp_path, "imap://a:b@127.0.0.1/INBOX"))
    source.serve(inbound.Reception(kept, stopped=Stopped()))

    assert waited == [5, 15, 60, 60, 5, 15]


def test_a_server_that_lies_about_a_size_costs_no_memory(kept, tmp_path, monkeypatch):
    """A piece of a hundred gigabytes, or many pieces, end the connection."""
    monkeypatch.setattr(imap_talk, "MOST", 1000)
    many = b"* 1 FETCH (UID 9 BODY[] {400}\r\n" + b"x" * 400 + b")\r\n"
    answers = [lambda uid, _: HUGE % uid, lambda uid, raw: many * 3 + fetched(uid, raw)]
    with OddServer({1: MAIL}, answers) as server, open_ways(watched(tmp_path, server.url), kept):
        kept.wait_for(lambda: noted(kept) == 1)

    assert [raw for raw, _, _ in kept.mails] == [MAIL]
    assert sum(command.startswith("LOGIN") for command in server.heard) == 3


def test_what_nobody_asked_for_is_not_taken(kept, tmp_path):
    """Another mail's text in the answer, before and after, and a mail whose text holds protocol."""
    other = b"* 2 FETCH (UID 9 BODY[] {5}\r\nother)\r\n* 3 EXISTS\r\n"
    tricky = MAIL + b")\r\n* 2 FETCH (UID 1 BODY[] {5}\r\nother)\r\nA1 OK done\r\n"
    answers = [lambda uid, raw: other + fetched(uid, raw) + other]
    with OddServer({1: tricky}, answers) as server, open_ways(watched(tmp_path, server.url), kept):
        kept.wait_for(lambda: noted(kept) == 1)

    assert [raw for raw, _, _ in kept.mails] == [tricky]


def test_no_password_is_said_without_tls(kept):
    """Somebody between us and the server took its STARTTLS away: then there is no talk."""
    with OddServer({}) as server:
        far = replace(imap_talk.server_of(server.url), tls="starttls")
        with pytest.raises(imap_talk.RefusedError, match="offers no STARTTLS"), imap_talk.opened(far):
            pass

    assert not any("LOGIN" in command for command in server.heard)


def test_a_connection_that_breaks_at_the_login_says_nothing_of_the_password(kept):
    """It is tried again in quiet, and nobody is told to mend a password that is right."""

    class Breaks(OddServer):
        def _answer(self, command):
            return None if command.startswith("LOGIN") else super()._answer(command)

    with (
        Breaks({}) as server,
        pytest.raises(imaplib.IMAP4.abort),
        imap_talk.opened(imap_talk.server_of(server.url)),
    ):
        pass


def test_without_move_a_mail_is_copied_and_then_erased_itself():
    """RFC 6851 is not everywhere; what is erased is this mail, read, and the talk ends politely."""
    with OddServer({1: MAIL}) as server:
        with imap_talk.opened(imap_talk.server_of(server.url)) as folder:
            folder.move(1, "Archive")
        asked = [command.replace('"', "") for command in server.heard[-4:]]

    assert asked == ["UID COPY 1 Archive", r"UID STORE 1 +FLAGS.SILENT (\Seen \Deleted)", "UID EXPUNGE 1", "LOGOUT"]


def test_a_command_that_is_refused_is_no_success(monkeypatch):
    """A mail that could not be marked is not passed over as if it were."""
    with OddServer({1: MAIL}) as server, imap_talk.opened(imap_talk.server_of(server.url)) as folder:
        monkeypatch.setattr(folder._client, "uid", lambda *_: ("NO", [b"read-only"]))  # noqa: SLF001
        with pytest.raises(imaplib.IMAP4.error, match="STORE was refused"):
            folder.mark_seen(1)


def test_a_server_may_say_things_in_another_order(kept, tmp_path):
    """The UID after the text, the newest mail first, and what nobody asked for: another mail's size, a header."""

    class Talkative(OddServer):
        def _fetch(self, uid, command):
            said = super()._fetch(uid, command)
            return b"* 9 FETCH (UID 9 RFC822.SIZE 99999999999)\r\n" + said if "RFC822.SIZE" in command else said

    header = b"* 1 FETCH (UID %d BODY[HEADER] {5}\r\nother)\r\n"
    answers = [
        lambda uid, raw: header % uid + b"* 1 FETCH (BODY[] {%d}\r\n%s UID %d)\r\n" % (len(raw), raw, uid),
    ]
    with Talkative({2: ODD, 1: MAIL}, answers) as server, open_ways(watched(tmp_path, server.url), kept):
        kept.wait_for(lambda: noted(kept) == 2)

    assert [raw for raw, _, _ in kept.mails] == [MAIL, ODD]


def test_a_server_without_idle_is_asked_again(kept, tmp_path, monkeypatch):
    """So is one that forgets to tell: after a while it is asked anyway."""
    monkeypatch.setattr(imap, "LOOK", 0.05)
    with OddServer({1: MAIL}) as server, open_ways(watched(tmp_path, server.url), kept):
        kept.wait_for(lambda: noted(kept) == 1)
        server.mails[2] = ODD
        kept.wait_for(lambda: noted(kept) == 2)

    assert not any(command.startswith("IDLE") for command in server.heard)


def test_a_mail_is_fetched_without_marking_it(kept, tmp_path):
    """BODY.PEEK, its size first, and marked after that."""
    with OddServer({1: MAIL}) as server, open_ways(watched(tmp_path, server.url), kept):
        kept.wait_for(lambda: noted(kept) == 1)
    asked = [command for command in server.heard if command.startswith(("UID FETCH", "UID STORE"))]

    assert asked == [
        "UID FETCH 1 (UID RFC822.SIZE)",
        "UID FETCH 1 (UID BODY.PEEK[])",
        r"UID STORE 1 +FLAGS.SILENT (\Seen)",
    ]


# Settings.


def test_there_is_one_watch(tmp_path):
    """A second worker on the same DATA_DIR does not start, and says what to do."""
    settings = watched(tmp_path, "imaps://a:b@mail.example.org/INBOX")
    first = inbound.prepared(settings)
    with pytest.raises(SettingsError, match=r"^IMAP_URL: another worker watches the mailbox already"):
        inbound.prepared(settings)

    assert [source.says for source in first] == ["the mailbox at mail.example.org, folder INBOX"]
    first[0].serve.args[-1].close()


@pytest.mark.parametrize(
    "url",
    [
        "pop3://a:canary@mail.example.org",
        "imaps://mail.example.org/INBOX",
        "imaps://a@mail.example.org/INBOX",
        "imaps://a:canary@/INBOX",
        "imaps://a:can/ary@mail.example.org",
        "imaps://a:canary@mail.example.org/INBOX?x",
        "imaps://a:canary%0d%0aX@mail.example.org/INBOX",
        "imaps://a:canary@mail.example.org:port/INBOX",
        "imaps://a:canary@mail..example.org/INBOX",
        "imaps://a:canary@mail.example.org/INBOX#x",
    ],
)
def test_a_url_that_cannot_be_read_stops_the_start(tmp_path, url):
    """The error says how to write it, and shows nothing of it."""
    with pytest.raises(SettingsError, match=r"^IMAP_URL: put imaps://user:password@host") as stopped:
        inbound.prepared(watched(tmp_path, url))

    assert "canary" not in str(stopped.value)


@pytest.mark.parametrize("after", ["read", "move", "move:", "flag:Archive", "delete:x", "move:a\nb"])
def test_what_to_do_after_is_one_of_three(tmp_path, after):
    """flag, move:Folder or delete."""
    with pytest.raises(SettingsError, match=r"^IMAP_AFTER: put flag, move:Folder or delete"):
        watched(tmp_path, "imaps://a:b@mail.example.org/INBOX", imap_after=after)


def test_a_url_hides_its_password(tmp_path):
    """Whatever prints the settings or the server."""
    url = "imaps://a%40b.example:pass%3Aword@mail.example.org/Re%20plies"
    server = imap_talk.server_of(url)

    assert (server.user, server.password, server.folder, server.port) == ("a@b.example", "pass:word", "Re plies", 993)
    assert "word@" not in repr(watched(tmp_path, url))
    assert "pass" not in repr(server).replace("password", "")
    assert PASSWORD not in repr(server)


@pytest.mark.parametrize(
    ("url", "tls", "port"),
    [
        ("imaps://a:b@mail.example.org", "implicit", 993),
        ("imap://a:b@mail.example.org", "starttls", 143),
        ("imap://a:b@127.0.0.1", "none", 143),
        ("imaps://a:b@127.0.0.1:9", "implicit", 9),
    ],
)
def test_only_this_machine_is_talked_with_in_the_open(url, tls, port):
    """To any other, TLS from the start or from STARTTLS on; without a folder it is INBOX."""
    server = imap_talk.server_of(url)

    assert (server.tls, server.port, server.folder) == (tls, port, "INBOX")


def test_each_mailbox_has_a_place_of_its_own():
    """Of two people on one server, of two folders, of two servers."""
    urls = ("alice:x@a.example/INBOX", "bob:x@a.example/INBOX", "alice:x@a.example/Replies", "alice:x@b.example/INBOX")

    assert len({imap._name(imap_talk.server_of(f"imaps://{url}")) for url in urls}) == len(urls)  # noqa: SLF001


def test_the_place_is_noted_without_naming_anybody(world):
    """Each mailbox has its own, the newest counts, and the table holds no address."""
    for place in ("7 11", "7 12"):
        world.app.note_place("imap mail.example.org alice-canary@example.org INBOX", place)

    assert world.app.place("imap mail.example.org alice-canary@example.org INBOX") == "7 12"
    assert world.app.place("imap mail.example.org alice-canary@example.org Replies") == ""
    assert "canary" not in str(world.rows("SELECT name, value FROM facts"))
