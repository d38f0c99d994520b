"""In charge of mailboxes for the tests: a real Dovecot, and a server that does what no honest one does."""

from __future__ import annotations

import base64
import contextlib
import grp
import imaplib
import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import quote

from doors import free_port

USER, PASSWORD = "course@example.org", "pass:wörd/canary"
CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
default_internal_user = {internal}
default_internal_group = {group}
default_login_user = {login}
first_valid_uid = 1
auth_mechanisms = plain
ssl = {tls}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {plain}
  }}
  inet_listener imaps {{
    port = {implicit}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
"""
# What Debian 12 and Debian 13 have is written in two ways.
UNTIL_2_3 = (
    CONFIG
    + """
mail_location = maildir:~/Maildir
disable_plaintext_auth = no
ssl_cert = <{folder}/server.pem
ssl_key = <{folder}/server.pem
passdb {{
  driver = passwd-file
  args = scheme=plain username_format=%u {folder}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/home
}}
"""
)
SINCE_2_4 = (
    """dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
"""
    + CONFIG
    + """
mail_driver = maildir
mail_path = ~/Maildir
auth_allow_cleartext = yes
ssl_server_cert_file = {folder}/server.pem
ssl_server_key_file = {folder}/server.pem
passdb passwd-file {{
  default_password_scheme = plain
  passwd_file_path = {folder}/users
}}
userdb static {{
  fields {{
    uid = {uid}
    gid = {gid}
    home = {folder}/home
  }}
}}
"""
)


def dovecot_program() -> str | None:
    """Return Debian's dovecot, or None."""
    return shutil.which("dovecot") or shutil.which("dovecot", path="/usr/sbin:/usr/local/sbin")


@dataclass
class Mailbox:
    """A mailbox of Dovecot's, and its owner's own look at it."""

    plain: int
    implicit: int

    def url(self, folder: str = "INBOX") -> str:
        """Return what leads here in the open, which is allowed on this machine."""
        return (
            f"imap://{quote(USER, safe='')}:{quote(PASSWORD, safe='')}@127.0.0.1:{self.plain}/{quote(folder, safe='')}"
        )

    @contextlib.contextmanager
    def owner(self, folder: str = "INBOX") -> Iterator[imaplib.IMAP4]:
        """Yield a connection of the mailbox's owner."""
        with imaplib.IMAP4("127.0.0.1", self.plain, 10) as own:
            own.authenticate("PLAIN", lambda _: f"\0{USER}\0{PASSWORD}".encode())
            own.select(folder)
            yield own

    def deliver(self, raw: bytes, folder: str = "INBOX", flags: str = "") -> None:
        """Put a mail into a folder."""
        with self.owner() as own:
            assert own.append(folder, flags, None, raw)[0] == "OK"

    def make(self, *folders: str) -> None:
        """Make folders."""
        with self.owner() as own:
            for folder in folders:
                assert own.create(folder)[0] == "OK"

    def flags(self, folder: str = "INBOX") -> list[str]:
        """Return the flags of each mail in a folder, but for the one of new mail."""
        with self.owner(folder) as own:
            lines = [line.decode() for line in own.uid("FETCH", "1:*", "(FLAGS)")[1] if line]
        return [re.sub(r"\s*\\Recent", "", line).partition("FLAGS (")[2].partition(")")[0].strip() for line in lines]


@contextlib.contextmanager
def dovecot(certificate: bytes | None = None) -> Iterator[Mailbox]:
    """Run a Dovecot with one empty mailbox, as somebody without rights where that can be."""
    folder = Path(tempfile.mkdtemp(prefix="dovecot", dir="/tmp"))  # its sockets' paths must be short
    me = pwd.getpwuid(os.geteuid())
    root = me.pw_uid == 0
    owner = pwd.getpwnam("nobody") if root else me
    word = base64.b64encode(PASSWORD.encode()).decode()  # it has a colon in it
    (folder / "users").write_text(f"{USER}:{{PLAIN.b64}}{word}\n")
    (folder / "server.pem").write_bytes(certificate or b"")
    (folder / "home").mkdir()
    folder.chmod(0o755)
    if root:
        shutil.chown(folder / "home", owner.pw_name)
    mailbox = Mailbox(free_port(), free_port())
    values = {
        "internal": "dovecot" if root else me.pw_name,
        "group": "dovecot" if root else grp.getgrgid(me.pw_gid).gr_name,
        "login": "dovenull" if root else me.pw_name,
    }
    program = dovecot_program()
    assert program is not None
    version = subprocess.run([program, "--version"], check=True, text=True, capture_output=True).stdout
    config = UNTIL_2_3 if version.startswith("2.3.") else SINCE_2_4
    (folder / "own.conf").write_text(
        config.format(
            folder=folder,
            tls="yes" if certificate else "no",
            uid=owner.pw_uid,
            gid=owner.pw_gid,
            plain=mailbox.plain,
            implicit=mailbox.implicit if certificate else 0,
            **values,
        )
    )
    with subprocess.Popen([program, "-F", "-c", folder / "own.conf"], stderr=subprocess.PIPE) as server:
        try:
            _wait(mailbox.plain, server)
            yield mailbox
        finally:
            server.terminate()
            server.wait(20)
            shutil.rmtree(folder, ignore_errors=True)


def _wait(port: int, server: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as talk:
            if talk.recv(4) == b"* OK":
                return
        try:
            server.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
        assert server.stderr is not None
        raise AssertionError(server.stderr.read().decode())
    raise AssertionError("Dovecot does not answer")


@dataclass
class OddServer:
    """An IMAP server with these mails, by UID, that answers as it is told.

    `fetch` makes the answer to a FETCH of a mail's text from UID and mail; None drops the connection. It has no IDLE.
    """

    mails: dict[int, bytes]
    fetch: list = field(default_factory=list)
    sizes: dict[int, int] = field(default_factory=dict)
    validity: int = 7
    heard: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        port = self._listener.getsockname()[1]
        self.url = f"imap://alice:secret@127.0.0.1:{port}/INBOX"
        return self

    def __exit__(self, *_) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                talk, _ = self._listener.accept()
                self._threads.append(threading.Thread(target=self._talk, args=(talk,)))
                self._threads[-1].start()

    def _talk(self, talk: socket.socket) -> None:
        with talk, contextlib.suppress(OSError), talk.makefile("rwb") as file:
            file.write(b"* OK odd\r\n")
            file.flush()
            for line in file:
                tag, _, command = line.decode().strip().partition(" ")
                self.heard.append(command)
                answer = self._answer(command)
                if answer is None:
                    return
                whole = answer.startswith(b"DROP")
                file.write(answer.removeprefix(b"DROP"))
                if not whole:
                    file.write(tag.encode() + b" OK done\r\n")
                file.flush()
                if whole or command == "LOGOUT":
                    return

    def _answer(self, command: str) -> bytes | None:
        words = command.split()
        match words[:2]:
            case ["CAPABILITY", *_]:
                return b"* CAPABILITY IMAP4rev1 UIDPLUS\r\n"
            case ["SELECT", *_]:
                return b"* %d EXISTS\r\n* OK [UIDVALIDITY %d] ok\r\n" % (len(self.mails), self.validity)
            case ["UID", "SEARCH"]:
                return b"* SEARCH %s\r\n" % " ".join(map(str, self.mails)).encode()
            case ["UID", "FETCH"]:
                return self._fetch(int(words[2]), command)
            case _:
                return b""

    def _fetch(self, uid: int, command: str) -> bytes | None:
        raw = self.mails[uid]
        if "RFC822.SIZE" in command:
            return b"* 1 FETCH (UID %d RFC822.SIZE %d)\r\n" % (uid, self.sizes.get(uid, len(raw)))
        return self.fetch.pop(0)(uid, raw) if self.fetch else fetched(uid, raw)


def fetched(uid: int, raw: bytes) -> bytes:
    """Return an honest answer to a FETCH."""
    return b"* 1 FETCH (UID %d BODY[] {%d}\r\n%s)\r\n" % (uid, len(raw), raw)
