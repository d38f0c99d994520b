"""In charge of a mail server that tells doubles apart by their Message-ID. Slower than smtp-sink, so never timed."""

from __future__ import annotations

import asyncio
import re
from collections import Counter

from benchmarks.beside import serve

MESSAGE_ID = re.compile(rb"^Message-ID:[ \t]*(\S+)", re.IGNORECASE | re.MULTILINE)
END = b"\r\n.\r\n"
OK = b"250 2.0.0 OK\r\n"
ANSWERS = {
    b"EHLO": b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n",
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 2.0.0 bye\r\n",
}


class Talk(asyncio.Protocol):
    """One connection. `seen` counts messages by their Message-ID."""

    def __init__(self, seen: Counter[bytes]) -> None:
        self.seen = seen
        self.buffer = bytearray()
        self.in_data = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 (TCP)
        self.transport = transport
        transport.write(b"220 sink ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        """Answer each command and each message that is whole by now."""
        self.buffer += data
        while True:
            mark = END if self.in_data else b"\r\n"
            end = self.buffer.find(mark)
            if end < 0:
                return
            piece = bytes(self.buffer[:end])
            del self.buffer[: end + len(mark)]
            self._answer(piece)

    def _answer(self, piece: bytes) -> None:
        if self.in_data:
            head = piece.partition(b"\r\n\r\n")[0]
            found = MESSAGE_ID.search(head)
            self.seen[found[1] if found else b""] += 1
            self.in_data = False
            self.transport.write(OK)
            return
        verb = piece[:4].upper()
        self.in_data = verb == b"DATA"
        self.transport.write(ANSWERS.get(verb, OK))
        if verb == b"QUIT":
            self.transport.close()


def counted(seen: Counter[bytes]) -> dict[str, int]:
    """Return how many messages came, and how many different ones; one without a Message-ID is none of them."""
    return {"messages": seen.total(), "different": len(seen.keys() - {b""})}


if __name__ == "__main__":
    everything: Counter[bytes] = Counter()
    serve(lambda: Talk(everything), lambda: counted(everything))
