"""In charge of sending by SendGrid's Web API v3 (POST /v3/mail/send): a few connections at once, many people a call.

The threads only ask; what is asked, and what an answer means, is decided by whoever called.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPException
from queue import Empty, SimpleQueue
from urllib.error import URLError

import structlog

from course.outbound import local_part, send_one
from course.outbound.sendgrid_answers import Verdict, unanswered, unreached, verdict
from course.outbound.sendgrid_calls import Part, calls, part, payload
from course.outbound.sendgrid_client import KeptClient, tls_for
from course.outbound.sendgrid_round import Heard, Round
from course.outgoing import Notes, Outcome, Outgoing, RefusedRecipient, Unsure
from course.settings import Settings, SettingsError

# The key goes along with every request, so it travels in the open only to this machine itself.
BASE_URL = re.compile(r"(https://[\w.-]+|http://(localhost|127\.0\.0\.1|\[::1\]))(:\d{1,5})?(/[\w./-]*)?")
PATIENCE = 4  # time limits that a request has in all: to connect, to leave, to be answered, and one more
log = structlog.get_logger()


class SendGrid:
    """The account that the key belongs to."""

    has_events = True

    def __init__(
        self,
        key: str,
        host: str,
        *,
        sandbox: bool = False,
        seconds: float = 30,  # for each step of a request
        batch: int = 1,
        connections: int = 1,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._key = key
        self._sandbox = sandbox
        self._batch = batch
        self._longest = PATIENCE * seconds
        self._monotonic = monotonic
        self._lock = threading.Lock()
        tls = tls_for(host)
        self._idle = [KeptClient(key, host, tls, seconds=seconds, monotonic=monotonic) for _ in range(connections)]
        self._busy: dict[KeptClient, float] = {}
        self._askers = ThreadPoolExecutor(connections, "sendgrid")
        self._threads = 0  # of this round
        self._asked: SimpleQueue[tuple[KeptClient, list[Part]] | None] = SimpleQueue()  # None: let one thread go
        self._heard: SimpleQueue[tuple[KeptClient, list[Part], Verdict]] = SimpleQueue()
        self._ready: dict[int, Part] = {}
        self._before = Heard()

    @property
    def most(self) -> int:
        """How many messages it likes to be given at once: a call for each connection."""
        return self._batch * (len(self._idle) + len(self._busy))

    def prepare(self, outgoing: Outgoing) -> None:
        """Make what will leave of this message, and keep it until it is handed over.

        Raises KeyError for a slot without a value, ValueError for a header that would be two.
        """
        self._ready[outgoing.delivery_id] = part(outgoing)

    def send(self, outgoing: Outgoing) -> Outcome:
        """Give one message to SendGrid. There is no idempotency key, so a lost answer leaves us unsure."""
        self.prepare(outgoing)
        return send_one(self, outgoing)

    def send_many(self, batch: Iterable[Outgoing], notes: Notes) -> None:
        """Hand these messages over. `notes` is told from this thread only."""
        with self._lock, self._in_the_end():
            now = Round(notes, calls(self._made(batch, notes), self._batch), self._before)
            while True:
                while self._idle and (call := now.next()):
                    self._ask(call)
                if not self._busy:
                    break
                now.heard(*self._wait())
            now.end()

    def together(self, pair: Sequence[Outgoing]) -> Outcome:
        """Give these to SendGrid in one call, whatever the setting; what is refused is not tried again in parts."""
        with self._lock, self._in_the_end():
            self._ask([part(outgoing) for outgoing in pair])
            return self._wait()[1].outcome

    def close(self) -> None:
        """Close the connections; a later message opens them again."""
        with self._lock:
            for client in self._idle:
                client.close()

    def _made(self, batch: Iterable[Outgoing], notes: Notes) -> Iterator[Part]:
        for outgoing in batch:
            made = self._ready.pop(outgoing.delivery_id, None)
            try:
                yield made if made and made.outgoing is outgoing else part(outgoing)
            except (KeyError, ValueError) as error:
                notes.answered(outgoing, RefusedRecipient(f"could not be made: {type(error).__name__}"))

    @contextmanager
    def _in_the_end(self) -> Iterator[None]:
        """Whatever happens, take in what is still to be heard: it is not for the next round's ears."""
        try:
            yield
        finally:
            while self._busy:
                self._wait()
            for _ in range(self._threads):
                self._asked.put(None)
            self._threads = 0

    def _ask(self, call: list[Part]) -> None:
        client = self._idle.pop()
        self._busy[client] = self._monotonic()
        self._asked.put((client, call))
        if self._threads < len(self._busy):  # they stay for the round: to begin one costs as much as to fill a message
            self._threads += 1
            self._askers.submit(self._exchange)

    def _wait(self) -> tuple[list[Part], Verdict]:
        """Return the next answer. One that is not there in time will not come: its connection is ended."""
        while True:
            try:
                client, call, heard = self._heard.get(timeout=self._longest)
            except Empty:
                pass
            else:
                del self._busy[client]
                self._idle.append(client)
                return call, heard
            finally:
                now = self._monotonic()
                for busy, since in self._busy.items():
                    if now - since >= self._longest:
                        busy.hang_up()

    def _exchange(self) -> None:
        """Ask whatever is to be asked, in a thread of its own, and bring the answers back."""
        while asked := self._asked.get():
            client, call = asked
            try:
                heard = self._answer(client, call)
            except Exception as error:  # noqa: BLE001 (a bug here leaves us as unsure as a broken line)
                log.error("a transport broke", error=type(error).__name__)
                heard = Verdict(Unsure(f"the transport broke: {type(error).__name__}"))
            self._heard.put((client, call, heard))

    def _answer(self, client: KeptClient, call: list[Part]) -> Verdict:
        try:
            answer = client.post(payload(call, sandbox=self._sandbox))
        except URLError as error:
            return unreached(error.reason, self._private(call))
        except (OSError, HTTPException) as error:
            return unanswered(error, self._private(call))
        return verdict(answer.status_code, answer.headers, answer.body, self._private(call), sandbox=self._sandbox)

    def _private(self, call: Sequence[Part]) -> tuple[str, ...]:
        """Return what no reason may repeat."""
        return (self._key, *(local_part(each.outgoing.to) for each in call))


def open(settings: Settings) -> SendGrid:  # noqa: A001 (every transport offers `open`)
    """Return the transport to SendGrid. Raises SettingsError for a key or a host that it cannot work with."""
    key = settings.sendgrid_api_key.get_secret_value().strip()
    if not re.fullmatch(r"[!-~]+", key):
        raise SettingsError("SENDGRID_API_KEY: put the key alone, as SendGrid showed it")
    host = settings.sendgrid_host
    if not BASE_URL.fullmatch(host):
        raise SettingsError("SENDGRID_BASE_URL: put https:// and a host, or leave it empty")
    batch, connections = settings.sendgrid_batch, settings.sendgrid_connections
    return SendGrid(key, host, sandbox=settings.sendgrid_sandbox, batch=batch, connections=connections)
