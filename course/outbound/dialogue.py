"""In charge of one SMTP dialogue: messages handed over by one connection, without the connection itself.

What matters most is whether a message was given away. Until its final dot has left, a broken connection
means "not sent"; after it, nobody knows (RFC 1047; RFC 5321 section 4.5.3.2.6).
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field

from course.outbound import local_part, said
from course.outbound.answers import DONE, GO_ON, GOODBYE, NONSENSE, REFUSED, broken, meaning, verdict
from course.outgoing import Outcome, Outgoing, TryLater, Unsure

LONGEST_ANSWER = 8192  # bytes of a line; RFC 5321 section 4.5.3.1.5 says 512
MOST_LINES = 1000
CODE = re.compile(rb"[2-5]\d\d(?: |\r?$)")
GOES_ON = {"MAIL": DONE, "RCPT": DONE, "DATA": GO_ON}  # the answer after which the next step comes
PASSED = frozenset({"MAIL", "RCPT"})  # where pipelined, nothing follows from a yes to them
TEXT = "TEXT"  # no step of the server's: it waits for a text, and we for the word that it may leave
GIVEN = frozenset({"END", "RSET"})
END = b".\r\n"
AGAIN = TryLater("once more, by another return path")


@dataclass(eq=False)
class Letter:
    """One message on its way. `kept`: its connection has served before, so it may have died since.

    `refused` is what it was answered when it was given away to such a connection, before it waited for another.
    """

    outgoing: Outgoing
    data: bytes = field(repr=False)
    sender: str
    kept: bool = False
    refused: Outcome | None = None
    verdict: Outcome | None = None
    asked: int = 0  # so many steps that are not answered yet
    given_at: int = -1  # so many bytes the connection must have taken for the letter to be given away


class Dialogue:
    """Bytes out, bytes in, outcomes.

    Where the server offers PIPELINING (RFC 2920), MAIL, RCPT and DATA leave in one write, right behind the text of the
    message before. No text leaves before its own DATA was answered: at most one message is ever in doubt.
    """

    def __init__(self, password: str, *, pipelining: bool, size: bool) -> None:
        self.out = bytearray()  # what waits to be written
        self.over = False  # the connection is of no use any more
        self._password = password
        self._pipelining = pipelining
        self._size = size
        self._said = self._written = 0  # bytes, over the connection's life
        self._heard = b""
        self._lines: list[bytes] = []  # of an answer that is not over
        self._waiting: deque[tuple[str, Letter | None]] = deque()

    @property
    def idle(self) -> bool:
        """Whether nothing is awaited."""
        return not self._waiting

    @property
    def ready(self) -> bool:
        """Whether the next message may begin: the one before is given away; without pipelining, it is answered."""
        if self.over:
            return False
        # Only the last step counts: what is asked of the same message stands in turn, its text at the end.
        return not self._waiting or (self._pipelining and self._waiting[-1][0] in GIVEN)

    @property
    def taking(self) -> bool:
        """Whether all that the server has to do is to say what became of a whole message."""
        return not self.out and bool(self._waiting) and self._waiting[0][0] == "END"

    @property
    def awaited(self) -> Letter | None:
        """The message whose text the server waits for."""
        return self._waiting[0][1] if self._waiting and self._waiting[0][0] == TEXT else None

    def begin(self, letter: Letter) -> None:
        """Begin to hand a message over (RFC 5321 section 3.3)."""
        size = b" SIZE=%d" % len(letter.data) if self._size else b""
        mail = b"MAIL FROM:<%s>%s\r\n" % (letter.sender.encode("ascii"), size)
        if self._pipelining:
            self._ask(letter, b"%s%sDATA\r\n" % (mail, _rcpt(letter)), "MAIL", "RCPT", "DATA")
        else:
            self._ask(letter, mail, "MAIL")

    def give(self, letter: Letter, kept_back: Outcome | None) -> list[tuple[Letter, Outcome]]:
        """Send the text that is awaited, which is handed over with it; or say that it must not leave."""
        if kept_back is not None:
            letter.verdict = kept_back
            return self.lost(OSError("the server waits for a text that it will not get"))
        self._waiting.popleft()
        letter.asked -= 1
        self._say(letter.data)  # as it is: no line of it begins with a dot (RFC 5321 section 4.5.2)
        letter.given_at = self._said + len(END)
        self._ask(letter, END, "END")
        return []

    def wrote(self, count: int) -> None:
        """Note that the connection took so many bytes of `out`."""
        del self.out[:count]
        self._written += count

    def hear(self, received: bytes) -> list[tuple[Letter, Outcome]]:
        """Take in what came; return what is decided by it."""
        decided: list[tuple[Letter, Outcome]] = []
        *lines, self._heard = (self._heard + received).split(b"\n")
        for line in lines:
            if self._pass(line):
                continue
            self._lines.append(line)
            if line[3:4] == b"-":
                continue
            answer, self._lines = self._lines, []
            sound = CODE.match(line) and len(line) <= LONGEST_ANSWER
            self._answer(int(line[:3]) if sound else NONSENSE, answer, decided)
            if self.over:
                return decided
        if len(self._heard) > LONGEST_ANSWER or len(self._lines) > MOST_LINES:
            decided += self.lost(ValueError("its answer has no end"))
        return decided

    def lost(self, error: Exception) -> list[tuple[Letter, Outcome]]:
        """Take note that the connection broke; return what that means for each message that it had."""
        self.over = True
        decided: list[tuple[Letter, Outcome]] = []
        letters = dict.fromkeys(letter for _, letter in self._waiting if letter)
        self._waiting.clear()
        for letter in letters:
            private = self._private(letter)
            if letter.verdict:
                outcome = letter.verdict
            elif 0 <= letter.given_at <= self._written:
                outcome = Unsure(f"the mail server took the message and fell silent: {said(str(error), *private)}")
            else:
                outcome = broken(error, private)
            decided.append((letter, outcome))
        self.out.clear()  # what was decided must stay true: the rest of a text would give it away after all
        return decided

    def _pass(self, line: bytes) -> bool:
        """Take the usual yes to a step from which nothing follows, as `_answer` would; return whether it was one."""
        if not (self._pipelining and line[:4] == b"250 " and self._waiting and len(line) <= LONGEST_ANSWER):
            return False
        step, letter = self._waiting[0]
        if self._lines or step not in PASSED or letter is None:
            return False
        self._waiting.popleft()
        letter.asked -= 1
        return True

    def _answer(self, code: int, answer: list[bytes], decided: list[tuple[Letter, Outcome]]) -> None:
        if not self._waiting:
            self.over = True  # it speaks without being asked: 421, or nonsense
            return
        step, letter = self._waiting.popleft()
        if letter is None:
            if code // 100 != DONE:  # what is left of a refused message could reach the next
                decided += self.lost(OSError("the mail server did not forget a refused message"))
            return
        letter.asked -= 1
        if step == TEXT or (step == "END" and code // 100 == DONE and letter.given_at > self._written):
            code, letter.verdict = GOODBYE, TryLater("the mail server answered before it had the text")
        elif code // 100 == GOES_ON.get(step):
            self._go_on(step, letter)
        else:
            self._note(step, letter, code, answer)
        if code in {GOODBYE, NONSENSE}:
            self._waiting.appendleft((step, letter))
            letter.verdict = letter.verdict or TryLater("the mail server is going down")
            decided += self.lost(OSError("the mail server closed the connection"))
        elif letter.verdict and not letter.asked:
            self._finish(step, letter, decided)

    def _go_on(self, step: str, letter: Letter) -> None:
        if step == "DATA" and letter.verdict:
            self._ask(letter, END, "END")  # an empty text, to nobody (RFC 2920 section 3.1)
        elif step == "DATA":
            self._ask(letter, b"", TEXT)
        elif not self._pipelining and step == "MAIL":
            self._ask(letter, _rcpt(letter), "RCPT")
        elif not self._pipelining:
            self._ask(letter, b"DATA\r\n", "DATA")

    def _note(self, step: str, letter: Letter, code: int, answer: list[bytes]) -> None:
        """Take note of the answer to the text, or of a step that was refused."""
        words = b"\n".join([line[4:].rstrip(b"\r") for line in answer])
        if step == "END":
            letter.verdict = letter.verdict or verdict(code, words, self._private(letter))
            return
        letter.verdict = letter.verdict or meaning(step, code, words, self._private(letter))
        if step == "MAIL" and code // 100 == REFUSED and not letter.sender:
            # Amazon SES takes no null return path ("501 Invalid MAIL FROM address"). A bounce to the delivery's
            # own address is known for what it is, so no loop can come of it.
            letter.sender, letter.verdict = letter.outgoing.reply_to, AGAIN

    def _finish(self, step: str, letter: Letter, decided: list[tuple[Letter, Outcome]]) -> None:
        if step != "END":
            self._say(b"RSET\r\n")  # forgets what a refused message left behind
            self._waiting.append(("RSET", None))
        if letter.verdict is AGAIN:
            letter.verdict = None
            self.begin(letter)
        elif letter.verdict:
            decided.append((letter, letter.verdict))

    def _ask(self, letter: Letter, lines: bytes, *steps: str) -> None:
        self._say(lines)
        self._waiting.extend([(step, letter) for step in steps])
        letter.asked += len(steps)

    def _say(self, line: bytes) -> None:
        self.out += line
        self._said += len(line)

    def _private(self, letter: Letter) -> tuple[str, ...]:
        return (self._password, local_part(letter.outgoing.to))


def _rcpt(letter: Letter) -> bytes:
    return b"RCPT TO:<%s>\r\n" % letter.outgoing.to.encode("ascii")
