"""In charge of states: what an enrolment and a delivery can be, and which moves are allowed between them."""

from __future__ import annotations

from enum import StrEnum


class EnrolmentStatus(StrEnum):
    """Where a person stands in a course."""

    PENDING = "pending"  # signed up; the address is not confirmed yet
    ACTIVE = "active"  # lessons come
    PAUSED = "paused"  # lessons rest; the place is kept
    FINISHED = "finished"  # no lessons are left to send
    STOPPED = "stopped"  # it ended early; `ended_reason` says why


class EndedReason(StrEnum):
    """Why an enrolment was stopped."""

    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    EXPIRED = "expired"  # never given: a sign-up that nobody confirms is erased; the first tables' constraint names it
    RESTARTED = "restarted"
    ERASED = "erased"


class DeliveryKind(StrEnum):
    """What sort of mail a delivery is."""

    LESSON = "lesson"
    COPY = "copy"  # a lesson once more; it does not count for the calendar
    NOTICE = "notice"


class DeliveryStatus(StrEnum):
    """Where one owed mail stands."""

    QUEUED = "queued"  # owed; leaves at send_at
    SENDING = "sending"  # claimed by a worker
    SENT = "sent"  # the next hop has it
    FAILED = "failed"  # refused for good
    CANCELLED = "cancelled"  # no longer wanted
    STALLED = "stalled"  # in doubt: we do not know whether it left
    BOUNCED = "bounced"  # it came back
    UNKNOWN = "unknown"  # in doubt, and settled as such; or an operator said that it was sent


class JournalLevel(StrEnum):
    """What may become of a person's words; each includes what the one before allows."""

    COUNT = "count"  # only the day counts: no words are kept
    KEEP = "keep"  # they are kept for the person, and shown to nobody else
    SHARE = "share"  # the course's owner may read what comes from now on


class CheckinAnswer(StrEnum):
    """How a day was, as they say; each is as good as the other."""

    LIGHTER = "lighter"
    SAME = "same"
    HEAVIER = "heavier"
    UNSURE = "unsure"


class PastFact(StrEnum):
    """What is counted of somebody whose storage has ended."""

    COMPLETED = "completed"  # a day
    SKIPPED = "skipped"  # a day
    FINISHED = "finished"  # a round
    STOPPED = "stopped"  # a round


E, D = EnrolmentStatus, DeliveryStatus

ENROLMENT_MOVES = {
    E.PENDING: {E.ACTIVE, E.STOPPED},
    E.ACTIVE: {E.PAUSED, E.FINISHED, E.STOPPED},
    E.PAUSED: {E.ACTIVE, E.STOPPED},
    E.FINISHED: set[EnrolmentStatus](),
    E.STOPPED: set[EnrolmentStatus](),
}
DELIVERY_MOVES = {
    D.QUEUED: {D.SENDING, D.CANCELLED, D.UNKNOWN, D.SENT},  # sent: it was in doubt, and had left after all
    D.SENDING: {D.SENT, D.QUEUED, D.FAILED, D.STALLED},
    D.SENT: {D.BOUNCED},
    D.FAILED: set[DeliveryStatus](),
    D.CANCELLED: {D.QUEUED},
    D.STALLED: {D.SENT, D.BOUNCED, D.QUEUED, D.UNKNOWN},
    D.BOUNCED: set[DeliveryStatus](),
    D.UNKNOWN: set[DeliveryStatus](),
}
LIVE = (E.PENDING, E.ACTIVE, E.PAUSED)
GOING_ON = (E.ACTIVE, E.PAUSED)  # confirmed, and more lessons are to come
BEGUN = (*GOING_ON, E.FINISHED)  # confirmed, and not left
MAY_LEAVE = (D.QUEUED, D.SENDING, D.STALLED)  # what becomes of it is open
LEFT = (D.SENT, D.BOUNCED, D.UNKNOWN)  # somebody may have got it
# What an enrolment's row says of nobody but who is active.
AT_REST = {"next_send_at": None, "waiting_since": None, "note_at": None}


def sources(to: EnrolmentStatus | DeliveryStatus) -> list[str]:
    """Return the states from which a row may move to this one."""
    moves = ENROLMENT_MOVES if isinstance(to, EnrolmentStatus) else DELIVERY_MOVES
    return [str(state) for state, targets in moves.items() if to in targets]
