"""Promises towards mail servers that do anything at all: whatever they say, wherever they break, we know the truth."""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from itertools import count
from pathlib import Path

import pytest
from servers import BYE, DROP, RESET, Authority, RudeServer, reset
from test_outbound_pipeline import Recorder, ended, people

from course.outbound.greeting import Server
from course.outbound.smtp import Smtp
from course.outgoing import Sent, Unsure

REFUSALS = ("450 4.2.0 later", "550 5.1.1 no such user", "451-4.3.0 not\r\n451 now", "554 no")
ENDS = (DROP, RESET, "421 4.3.2 going down", "nonsense", f"421 4.3.2 going down{BYE}")


def seeded(seed: object) -> random.Random:
    """Return chances that are the same in every run."""
    return random.Random(str(seed))  # noqa: S311 (tests)


class OddServer(RudeServer):
    """At each step it may refuse, end the talk, and say it in pieces. `taken` counts the texts that it said yes to."""

    def __init__(self, seed: int, tls) -> None:
        super().__init__({}, tls=tls)
        self.taken: Counter[str] = Counter()
        self._seed, self._numbers = seed, count()
        self._odd = seeded(seed).choice([0.01, 0.05, 0.2])  # of its answers
        self._usual = {
            **self.POLITE,
            "EHLO": "250-odd\r\n250-SIZE\r\n" + ("250 PIPELINING" if seed % 3 else "250 HELP"),
        }

    def _talk(self, talk, _script, _heard) -> None:
        chance = seeded(f"{self._seed} {next(self._numbers)}")
        with contextlib.suppress(OSError):
            talk = self._tls.wrap_socket(talk, server_side=True) if self._tls else talk
            with talk, talk.makefile("rwb", buffering=0) as file:
                self._answer_all(chance, talk, file)

    def _answer_all(self, chance, talk, file) -> None:
        step, to, text = "HI", "", b""
        while (answer := self._answer(chance, step)) not in {DROP, RESET}:
            if step == "." and text and answer.startswith("250"):
                self.taken[to] += 1
            said = answer.removesuffix(BYE).encode() + b"\r\n"
            cut = chance.randrange(len(said)) if chance.random() < 0.2 else 0
            for piece in filter(None, (said[:cut], said[cut:])):
                talk.sendall(piece)
            if answer.endswith(BYE):
                return
            if step == "DATA" and answer.startswith("354"):
                step, text = ".", b""
                while (line := file.readline()) not in {b".\r\n", b""}:
                    text += line
            else:
                line = file.readline()
                step = line[:4].decode("latin-1").upper().strip()
            if step == "RCPT":
                to = line.decode().partition("<")[2].partition(">")[0]
            if not line:
                return
        if answer == RESET:
            reset(talk)

    def _answer(self, chance, step) -> str:
        if chance.random() >= self._odd:
            return self._usual.get(step, "500 what?")
        return chance.choice(ENDS if chance.random() < 0.5 or step in {"HI", "EHLO"} else REFUSALS)


@pytest.mark.parametrize("tls", ["none", "implicit"])
@pytest.mark.parametrize("seed", range(25))
def test_whatever_a_server_does_each_message_has_its_true_answer(seed, tls, tmp_path: Path):
    """It ends; each that was given away is answered once; what we call sent was taken, and once; the rest was not.

    Only where nobody can know do we say so; and at no moment is more in doubt than there are connections.
    """
    chance = seeded(seed)
    connections, messages_each = chance.choice([1, 3, 10]), chance.choice([1, 2, 7, 100])
    authority, batch = Authority(tmp_path), people(60)
    options = {"connections": connections, "messages_each": messages_each, "cafile": authority.file}
    context = authority.context() if tls == "implicit" else None
    with OddServer(seed, context) as server:
        smtp = Smtp(Server("127.0.0.1", server.port, tls=tls), "course.example", answer_seconds=5, **options)
        notes = Recorder(most=chance.choice([20, 1000]))

        assert ended(lambda: [smtp.send_many(some, notes) for some in (batch[:25], batch[25:])])
        smtp.close()
    became = {outgoing.to: notes.outcomes.get(outgoing.delivery_id) for outgoing in batch}

    assert notes.answered_twice == []
    assert set(notes.given) <= set(notes.outcomes)
    assert {to for to, outcome in became.items() if isinstance(outcome, Sent)} <= set(server.taken)
    assert {to for to in server.taken if not isinstance(became[to], Sent | Unsure)} == set()
    assert max(server.taken.values(), default=1) == 1
    assert notes.doubt <= connections
