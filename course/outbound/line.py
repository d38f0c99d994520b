"""In charge of one open connection to a mail server: bytes written and read without ever waiting."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl

from course.outbound.dialogue import Dialogue, Letter
from course.outgoing import Outcome

PIECE = 65_536  # bytes read at once
# A server that takes its time is waited for; one that vanished without a word is noticed in about a minute, by what a
# system knows of these (TCP's own probes; the last in milliseconds).
PROBES = {"TCP_KEEPIDLE": 20, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 4, "TCP_USER_TIMEOUT": 60_000}
NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Line:
    """A greeted connection with its dialogue, unused since that moment. `deadline`: its silence has lasted too long.

    `kept`: it may have died unseen, for it has served, or waited to.
    """

    def __init__(self, smtp: smtplib.SMTP, dialogue: Dialogue, since: float, *, kept: bool = False) -> None:
        if smtp.sock is None:
            raise ConnectionResetError("the connection closed at once")
        self._smtp = smtp  # whose socket this is
        self.sock = smtp.sock
        self.sock.settimeout(0)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in PROBES.items():
            if hasattr(socket, name):
                self.sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        self.dialogue = dialogue
        self.messages = 0
        self.writing = False  # the selector tells when there is room to write
        self.used = since
        self.kept = kept
        self.deadline = 0.0

    def push(self) -> bool:
        """Write what can be written now; return whether anything was. Raises OSError for a broken connection."""
        wrote = False
        while self.dialogue.out:
            try:
                count = self.sock.send(self.dialogue.out)
            except NOT_NOW:
                break
            self.dialogue.wrote(count)
            wrote = True
        return wrote

    def pull(self) -> list[tuple[Letter, Outcome]]:
        """Read what has come; return what is decided by it. Raises OSError for a broken connection."""
        decided: list[tuple[Letter, Outcome]] = []
        while not self.dialogue.over:
            try:
                piece = self.sock.recv(PIECE)
            except NOT_NOW:
                break
            except OSError:
                if decided:
                    break  # what was decided counts; the next look finds the connection broken
                raise
            if not piece and decided:
                break  # likewise
            if not piece:
                raise ConnectionResetError("the mail server closed the connection")
            decided += self.dialogue.hear(piece)
            if len(piece) < PIECE and not isinstance(self.sock, ssl.SSLSocket):
                break
        return decided

    def close(self, *, politely: bool = False) -> None:
        """Let go of it; politely, with a QUIT."""
        if politely and not self.dialogue.over:
            with contextlib.suppress(OSError, *NOT_NOW):
                self.sock.send(b"QUIT\r\n")
        self._smtp.close()
