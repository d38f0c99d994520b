"""In charge of what a mail says of itself, as data: does it count, may it be answered, did a machine write it.

To count and to answer are two decisions. SIGNALS has both for each sign, with its source; docs/answers.md shows it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from course.reading import looking
from course.reading.looking import Check, header


class Counts(StrEnum):
    """Whether a mail is an answer of a person's."""

    YES = "yes"
    NO = "no"
    HOLD = "hold"  # nobody can tell: it is kept for the owner, nothing is counted and nobody is told


@dataclass(frozen=True)
class Signal:
    """One row: what it is called, what is looked for (for people and for the program), and both decisions.

    `machine`: no person wrote such a mail, as far as that can be known. Without a check it is told by whoever knows.
    """

    name: str
    shown: str
    check: Check | None = field(repr=False)
    counts: Counts
    answer: bool
    source: str
    machine: bool = True


def _row(*shown: str, check: Check, counts: Counts, source: str, machine: bool = True) -> Signal:
    return Signal(shown[0], shown[-1], check, counts, answer=False, source=source, machine=machine)


OURS = _row(
    "ours",
    "From an address of ours, or with a Message-ID as we write it",
    check=looking.from_us,
    counts=Counts.NO,
    source="a loop ends here",
)
# Not counted, and answered once, kindly: mail programs lose words, and some people attach a document.
EMPTY = Signal(
    "empty",
    "no word and no photo besides the quote, a signature, “Sent from my phone”",
    None,  # known only when our own words are taken out, for which the message that it answers is needed
    Counts.NO,
    answer=True,
    source="a person may have written, and it was lost on the way",
    machine=False,
)
# Whoever wrote it wrote something. STOP in the subject of such a mail is heard all the same.
SEALED = Signal(
    "sealed",
    "nothing that can be read, and something encrypted or a broken `winmail.dat`",
    None,  # known when no words were found
    Counts.HOLD,
    answer=False,
    source="RFC 3156, RFC 8551",
    machine=False,
)
NO, HOLD = Counts.NO, Counts.HOLD
RFC_3834, SEEN = "RFC 3834 sections 2 and 5", "added by responders"
# The first that is found decides whether the mail counts; it may be answered if every one found says so.
SIGNALS: tuple[Signal, ...] = (
    OURS,
    _row("Return-Path", "`Return-Path: <>`", check=header(r"^\s*<\s*>", "Return-Path"), counts=NO, source=RFC_3834),
    _row(
        "Auto-Submitted",
        "`Auto-Submitted:` anything but `no`",
        check=header(r"^\s*(?:\([^()]*\)\s*)*(?!no\s*(?:$|[;(]))\w", "Auto-Submitted"),
        counts=NO,
        source=RFC_3834,
    ),
    _row(
        "status",
        "`message/delivery-status` or `message/disposition-notification` as the whole mail (a read receipt)",
        check=header(r"^\s*message/(delivery-status|disposition-notification)\b", "Content-Type"),
        counts=NO,
        source="RFC 3464, RFC 8098",
    ),
    _row(
        "calendar",
        "an invitation, or the answer to one",
        check=looking.calendar,
        counts=NO,
        source="RFC 5546, RFC 6047",
    ),
    _row(
        "sender",
        "From `mailer-daemon`, `postmaster`, `owner-…`, `…-owner`, `…-request`, `bounce…`, `noreply`, `autoreply`",
        check=looking.sender,
        counts=NO,
        source="RFC 3834 section 2",
    ),
    *(
        _row(name, f"`{name}:` {said}", check=header(pattern, name), counts=NO, source=SEEN)
        for name, pattern, said in (
            ("X-Autoreply", r".", "anything"),
            ("X-Autorespond", r".", "anything"),
            ("X-Auto-Reply-From", r".", "anything"),
            ("X-Mail-Autoreply", r".", "anything"),
            ("X-POST-MessageClass", r"autoresponder", "`…Autoresponder`"),
            ("X-FC-MachineGenerated", r"true", "`true`"),
            ("X-Cron-Env", r".", "anything"),
            ("Delivered-To", r"^\s*autoresponder", "`Autoresponder…`"),
        )
    ),
    _row(
        "Precedence",
        "`Precedence:` or `X-Precedence: auto_reply`, `bulk`, `junk`",
        check=header(r"^\s*(auto[-_]?reply|bulk|junk)\b", "Precedence", "X-Precedence"),
        counts=NO,
        source="RFC 3834 section 3.1.8",
    ),
    _row(
        "hops",
        f"more than {looking.MOST_HOPS} `Received:` lines",
        check=looking.hops,
        counts=NO,
        source="RFC 5321 section 6.3",
    ),
    _row(
        "report",
        "`multipart/report`, or what reads like a mail server's report or a complaint",
        check=looking.report,
        counts=NO,
        source="RFC 3464, RFC 5965, RFC 8098",
    ),
    _row(
        "list",
        "`Precedence: list`, `List-…:`, `Mailing-List:`, `X-Loop:` (an answer that went through a group)",
        check=looking.group,
        counts=HOLD,
        source="RFC 3834 section 2, RFC 2369, RFC 2919",
    ),
    _row(
        "absence",
        "a subject like “Out of office:”, in thirty languages, and no sign above",
        check=looking.away,
        counts=HOLD,
        source="a guess, so never more than a hold",
    ),
    _row(
        "reaction",
        "an emoji by Gmail, Outlook or a phone, and nothing else",
        check=looking.reaction,
        counts=HOLD,
        source="Gmail's format of reactions; Outlook and iOS as seen",
        machine=False,
    ),
    _row(
        "forged",
        "SPF and DKIM both failed, as our own mail server (AUTHSERV_ID) wrote it",
        check=lambda look: look.forged,
        counts=HOLD,
        source="RFC 8601, RFC 3834 section 2",
        machine=False,
    ),
    SEALED,
    EMPTY,
    _row(
        "X-Auto-Response-Suppress",
        "`X-Auto-Response-Suppress:` anything but `None` (it asks for silence, it does not say “I am a robot”)",
        check=header(r"^(?!\s*none\s*$).*\S", "X-Auto-Response-Suppress"),
        counts=Counts.YES,
        source="Exchange (MS-OXCMAIL)",
        machine=False,
    ),
)
