"""In charge of cutting large mails before they are parsed: what no reader looks at would only fill memory.

One pass over the bytes, from boundary to boundary, that finds the parts where `email` will find them: the outermost
boundary that fits a line counts (RFC 2046 section 5.1.2), a missing final one ends nothing. Headers stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import policy
from email.message import Message
from email.parser import BytesHeaderParser

from course.reading.caps import BOUNDARIES, DEPTH, HEADER_BLOCK, PARTS, TEXT, WRAPPED, TooMuchError
from course.reading.photos import LARGEST as LARGEST_PHOTO

SMALL = 64 * 1024  # bytes of a mail that is left as it is
WRAPPERS = frozenset(
    {"application/pkcs7-mime", "application/x-pkcs7-mime", "application/ms-tnef", "application/vnd.ms-tnef"}
)
FILES = frozenset({"image", "audio", "video", "application"})
FILE = 16 * 1024  # bytes of an attached file: enough to tell a photo from a logo
OTHER = 64 * 1024  # bytes of anything else
TEXTS = 2 * 1024 * 1024  # bytes of all texts together; then nothing of a text is kept
ALL = 4 * 1024 * 1024  # bytes of all bodies together; then LEAST of each is kept
# Where photos are kept: of one, a little more than may be kept, so that a larger one is known; and of all bodies.
PHOTO, PHOTOS = LARGEST_PHOTO + 1024, 16 * 1024 * 1024
LEAST = 24 * 1024  # bytes
HEADS = 1024 * 1024  # bytes of all headers together
SPREAD = {"base64": 1.5, "quoted-printable": 3.2}  # how much longer an encoding makes a part, line ends included

# As in email.feedparser: a line ends with any of the three, and what begins like this belongs to a header.
LINE = re.compile(rb"([^\r\n]*+)(\r\n|\r|\n)?")
HEADER_LINE = re.compile(rb"From |[\041-\071\073-\176]*:|[\t ]")
NEVER = re.compile(rb"(?!)(?P<end>)")
HEADERS = BytesHeaderParser(policy=policy.compat32)


@dataclass(frozen=True)
class Multipart:
    """A multipart that is open: its boundary lines, how deep it stands, what its parts are by default."""

    line: re.Pattern[bytes]
    depth: int
    default: str


@dataclass
class Walk:
    """Where the pass is: which multiparts are open, and the part that began last."""

    raw: bytes
    file: int = FILE  # bytes of an attached file that are kept
    most: int = ALL  # bytes of all bodies together
    open: list[Multipart] = field(default_factory=list)
    parts: int = 0
    heads: int = 0  # bytes of all headers so far
    kept: int = 0  # bytes of all bodies so far
    begun: int = 0  # where the boundary line of the part that began last stands
    body: int = 0  # where its body begins
    room: int = 0  # bytes of it that are kept
    text: bool = False  # whether it is a text
    texts: int = TEXTS  # bytes of texts that may still be kept
    pieces: list[bytes] = field(default_factory=list)

    def begin(self, at: int, depth: int, default: str) -> None:
        """Read the header of the part that begins here, and of the messages within it."""
        self.parts += 1
        if self.parts > PARTS:
            raise TooMuchError(f"more than {PARTS} parts")
        if depth > DEPTH:
            raise TooMuchError(f"nested more than {DEPTH} deep")
        self.body = self.end_of_header(at)
        self.heads += self.body - at
        if self.heads > HEADS:
            raise TooMuchError("the headers of all parts over 1 MB")
        header = HEADERS.parsebytes(self.raw[at : self.body])
        header.set_default_type(default)
        kind = header.get_content_type()
        self.room, self.text = room(header, kind, self.file), is_text(kind)
        if header.get_content_maintype() == "message" and kind != "message/delivery-status":
            self.begin(self.body, depth + 1, "text/plain")
        elif header.get_content_maintype() == "multipart" and (boundary := header.get_boundary()) is not None:
            default = "message/rfc822" if kind == "multipart/digest" else "text/plain"
            self.open.append(Multipart(boundary_line(boundary), depth, default))

    def boundary(self, at: int) -> None:
        """Look at a line that may be a boundary; if it is one, a part ends and the next begins."""
        if at < self.body:
            return
        found = self._matching(at)
        if found is None:
            return
        which, match = found
        self.end(at)
        if match["end"]:
            del self.open[which:]
            self.body, self.room, self.text = match.end(), 0, False
            return
        del self.open[which + 1 :]
        after = match.end()
        while (again := self._matching(after)) and again[0] == which:
            after = again[1].end()  # several on end are one
        self.begin(after, self.open[which].depth + 1, self.open[which].default)

    def end(self, at: int) -> None:
        """Keep of the part that ends here what the readers need."""
        most = self.texts if self.text else self.room if self.kept < self.most else LEAST
        body = first(self.raw, self.body, at, min(self.room, most))
        self.texts -= len(body) if self.text else 0
        self.pieces += [self.raw[self.begun : self.body], body]
        self.kept += len(body)
        self.begun = at

    def _matching(self, at: int) -> tuple[int, re.Match[bytes]] | None:
        matches = ((which, one.line.match(self.raw, at)) for which, one in enumerate(self.open))
        return next(((which, match) for which, match in matches if match), None)

    def end_of_header(self, at: int) -> int:
        """Return where the body begins. Raises TooMuchError when that is too far away."""
        start, end = at, min(len(self.raw), at + HEADER_BLOCK)
        while at < end:
            if self.raw.startswith(b"--", at) and self._matching(at):
                return at
            line = LINE.match(self.raw, at)
            if line is None or not HEADER_LINE.match(line[1]):
                return line.end() if line and not line[1] else at
            at = line.end()
        if at - start > HEADER_BLOCK or at < len(self.raw):
            raise TooMuchError("the header of a part over 64 kB")
        return at


def cut(raw: bytes, *, photos: bool = False) -> bytes:
    """Return the message without what no reader looks at: the rest of attached files, and of texts that never end.

    Attached files are left whole, as far as they may be kept, if `photos` are wanted.

    Raises TooMuchError for too many parts, and what `email` raises on a header that it cannot read.
    """
    if len(raw) <= SMALL:
        return raw
    walk = Walk(raw, PHOTO, PHOTOS) if photos else Walk(raw)
    walk.begin(0, 0, "text/plain")
    for count, at in enumerate(candidates(raw)):
        if count > BOUNDARIES:
            raise TooMuchError(f"more than {BOUNDARIES} boundaries")
        walk.boundary(at)
    walk.end(len(raw))
    return b"".join(walk.pieces)


def room(header: Message, kind: str, file: int) -> int:
    """Return how many bytes of a part's body the readers may need."""
    wanted = OTHER
    if is_text(kind):
        wanted = TEXT
    elif kind in WRAPPERS:
        wanted = WRAPPED
    elif kind.partition("/")[0] in FILES:
        wanted = file
    encoding = str(header.get("Content-Transfer-Encoding", "")).strip().lower()
    return int(wanted * SPREAD.get(encoding, 1.5))


def is_text(kind: str) -> bool:
    """Whether a part of this type may hold words."""
    return kind.startswith("text") or kind == "message/delivery-status"


def boundary_line(boundary: str) -> re.Pattern[bytes]:
    """Return what a boundary line looks like to `email`; one that no bytes can spell fits no line."""
    if "\n" in boundary or "\r" in boundary:
        return NEVER
    try:
        spelled = f"--{boundary}".encode("ascii", "surrogateescape")
    except UnicodeEncodeError:
        return NEVER
    return re.compile(re.escape(spelled) + rb"(?P<end>--)?[ \t]*+(?:\r\n|\r|\n|\Z)")


def first(raw: bytes, start: int, end: int, room: int) -> bytes:
    """Return so many bytes of a body, in whole lines where there are lines; the next line begins behind them."""
    if end - start <= room:
        return raw[start:end]
    lines = max(raw.rfind(b"\n", start, start + room), raw.rfind(b"\r", start, start + room)) + 1
    return raw[start:lines] if lines > start else raw[start : start + room] + b"\n"


def candidates(raw: bytes) -> Iterator[int]:
    """Yield where the lines begin that begin with "--", in order."""
    if raw.startswith(b"--"):
        yield 0
    after_n, after_r = raw.find(b"\n--"), raw.find(b"\r--")
    while after_n >= 0 or after_r >= 0:
        if after_r < 0 or 0 <= after_n < after_r:
            yield after_n + 1
            after_n = raw.find(b"\n--", after_n + 1)
        else:
            yield after_r + 1
            after_r = raw.find(b"\r--", after_r + 1)
