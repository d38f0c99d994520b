"""In charge of the tables. Every constraint has a name that says it; every index names its user.

Moments are aware UTC; a naive one is refused. "Course time" columns run fast in time lapse, "real time" ones never do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    Date,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    literal_column,
    text,
)

from course.schedule import Pace
from course.store.states import (
    CheckinAnswer,
    DeliveryKind,
    DeliveryStatus,
    EndedReason,
    EnrolmentStatus,
    JournalLevel,
    PastFact,
)


class Moment(TypeDecorator[datetime]):
    """An aware UTC datetime on both databases."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive datetime at the door; give SQLite, which has no zones, the UTC wall clock."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment must be aware; this datetime has no time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Give every moment back as aware UTC."""
        return None if value is None else value.astimezone(UTC)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None] | None:
        """Read SQLite's text in one step: every message of a big sending passes here with four moments."""
        return _read if dialect.name == "sqlite" else super().result_processor(dialect, coltype)


def _read(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text + "+00:00")


metadata = MetaData(naming_convention={"pk": "pk_%(table_name)s", "fk": "fk_%(table_name)s_%(column_0_name)s"})
Id = BigInteger().with_variant(Integer, "sqlite")
# An id that was in a token is never given to another row, erased or not.
NEVER_AGAIN: dict[str, Any] = {"sqlite_autoincrement": True}


def _one_of(column: str, values: Iterable[str], name: str) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=name)


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


subscribers = Table(
    "subscribers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("email", String(254), nullable=False),
    Column("email_key", String(254), nullable=False),
    Column("name", String(80), nullable=False),
    Column("locale", String(35), nullable=False),
    Column("timezone", String(64), nullable=False),
    Column("send_hour", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),  # course time
    Column("plain", Boolean, nullable=False, server_default=false()),  # letters without a link to press
    Column("country", String(2)),  # whose help lines they chose; else their time zone says
    # One person at one address.
    UniqueConstraint("email_key", name="one_subscriber_per_address"),
    CheckConstraint("send_hour BETWEEN 0 AND 23", name="send_hour_is_an_hour"),
    **NEVER_AGAIN,
)

enrolments = Table(
    "enrolments",
    metadata,
    Column("id", Id, primary_key=True),
    Column("subscriber_id", Id, ForeignKey("subscribers.id", ondelete="CASCADE"), nullable=False),
    Column("course", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    Column("pace", String(16), nullable=False, server_default="daily"),
    Column("next_day", Integer, nullable=False, server_default="1"),
    Column("next_send_at", Moment),  # course time
    # Course time: when a pause with an end is over. Only a pause has an end of its own.
    Column(
        "resume_at",
        Moment,
        CheckConstraint("resume_at IS NULL OR status = 'paused'", name="only_a_pause_has_an_end"),
    ),
    Column("ended_reason", String(16)),
    Column("created_at", Moment, nullable=False),  # course time
    Column("confirm_by", Moment),  # real time
    Column("confirmed_at", Moment),  # course time
    Column("ended_at", Moment),  # course time: when it was finished or stopped
    Column("folded_at", Moment),  # course time: when its deliveries became counts
    Column("choices", Text),  # what was typed at sign-up, as JSON, until it is confirmed or expires
    # Course time: since when the next lesson waits for the person. Only whoever sets their own pace is waited for.
    Column(
        "waiting_since",
        Moment,
        CheckConstraint(
            "waiting_since IS NULL OR (pace = 'self-paced' AND status = 'active' AND next_send_at IS NULL)",
            name="only_self_paced_waits",
        ),
    ),
    Column("on_paper", Boolean, nullable=False, server_default=false()),  # they want no note when they are silent
    # Course time: when they are told next that nothing is due, or that the course rests.
    Column(
        "note_at",
        Moment,
        CheckConstraint(
            "note_at IS NULL OR (waiting_since IS NOT NULL AND NOT on_paper)", name="only_the_quiet_get_notes"
        ),
    ),
    _one_of("status", EnrolmentStatus, "enrolment_status_is_known"),
    _one_of("ended_reason", EndedReason, "ended_reason_is_known"),
    _one_of("pace", Pace, "pace_is_known"),
    # Only who is active is owed a next lesson.
    CheckConstraint("next_send_at IS NULL OR status = 'active'", name="only_active_is_due"),
    CheckConstraint("(status = 'stopped') = (ended_reason IS NOT NULL)", name="stopped_says_why"),
    CheckConstraint("(status = 'pending') = (confirm_by IS NOT NULL)", name="pending_has_an_end"),
    CheckConstraint("next_day >= 1", name="next_day_counts_from_one"),
    # One live round per person and course; coming back later is a new row.
    Index(
        "one_live_enrolment_per_course",
        "subscriber_id",
        "course",
        unique=True,
        **_where("status IN ('pending', 'active', 'paused')"),
    ),
    Index("due_enrolments", "next_send_at", **_where("status = 'active'")),  # plan
    Index("pauses_with_an_end", "resume_at", **_where("resume_at IS NOT NULL")),  # plan
    Index("enrolments_of_a_subscriber", "subscriber_id", "course"),  # leave, replies, export
    Index("pending_enrolments", "confirm_by", **_where("status = 'pending'")),  # expire
    Index("rounds_by_end", "ended_at", "subscriber_id", **_where("ended_at IS NOT NULL")),  # end of storage
    Index("quiet_enrolments", "note_at", **_where("note_at IS NOT NULL")),  # notes of silence
    Index("ended_enrolments", "ended_at", **_where("ended_at IS NOT NULL AND folded_at IS NULL")),  # fold
    **NEVER_AGAIN,
)

mailings = Table(
    "mailings",
    metadata,
    Column("digest", String(32), primary_key=True),
    Column("course", String(64), nullable=False),
    Column("name", String(64), nullable=False),
    Column("locale", String(35), nullable=False),
    Column("text", Text, nullable=False),  # the mailing as JSON: what was really sent
    Column("held_reason", Text),  # refused as a whole: nothing of this digest leaves until the text changes
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("subscriber_id", Id, ForeignKey("subscribers.id", ondelete="CASCADE"), nullable=False),
    Column("enrolment_id", Id, ForeignKey("enrolments.id", ondelete="CASCADE")),
    Column("course", String(64)),
    Column("kind", String(8), nullable=False),
    Column("name", String(64), nullable=False),
    Column("day", Integer),
    Column("local_date", Date),  # the person's date when it was claimed
    Column("mailing", String(32), ForeignKey("mailings.digest")),
    Column("status", String(16), nullable=False),
    Column("due_at", Moment, nullable=False),  # course time: when the calendar wants it
    Column("send_at", Moment, nullable=False),  # course time: when to act; later than due after a failed attempt
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("first_tried_at", Moment),  # course time: when 72 hours of retries began
    Column("worker", String(64)),
    Column("claimed_at", Moment),  # real time
    Column("settled_at", Moment),  # course time
    Column("provider_id", String(200)),
    Column("error", Text),
    _one_of("kind", DeliveryKind, "delivery_kind_is_known"),
    _one_of("status", DeliveryStatus, "delivery_status_is_known"),
    # One lesson per person, course and local date: restarts and re-joining included.
    UniqueConstraint("subscriber_id", "course", "local_date", name="one_lesson_per_local_date"),
    # Each mail once.
    UniqueConstraint("enrolment_id", "name", name="each_mail_once"),
    CheckConstraint("local_date IS NULL OR kind = 'lesson'", name="only_lessons_have_a_date"),
    CheckConstraint("kind = 'notice' OR day IS NOT NULL", name="lessons_have_a_day"),
    Index(
        "each_mail_once_per_subscriber",
        "subscriber_id",
        "name",
        unique=True,
        **_where("enrolment_id IS NULL"),
    ),
    Index("queued_deliveries", "send_at", "id", **_where("status = 'queued'")),  # claim
    Index("queued_notices", "send_at", "id", **_where("status = 'queued' AND kind = 'notice'")),  # claim: notices first
    Index("erasures", "subscriber_id", **_where("name = 'erased'")),  # erase those who asked for it
    Index("deliveries_in_doubt", "claimed_at", **_where("status IN ('sending', 'stalled')")),  # sweep
    **NEVER_AGAIN,
)

# As the index says it, word for word: only so does SQLite know that the index holds them all.
UNSETTLED: ColumnElement[bool] = literal_column("deliveries.status IN ('sending', 'stalled')")

delivery_counts = Table(
    "delivery_counts",
    metadata,
    Column("course", String(64), primary_key=True),
    Column("kind", String(8), primary_key=True),
    Column("name", String(64), primary_key=True),  # of the mailing: day-3, receipt
    Column("status", String(16), primary_key=True),
    Column("week", Date, primary_key=True),  # the Monday of the week, UTC, in which it was settled
    Column("number", Integer, nullable=False),
    CheckConstraint("number > 0", name="counts_count_something"),
)

past_counts = Table(  # what is left of people whose storage has ended
    "past_counts",
    metadata,
    Column("course", String(64), primary_key=True),
    Column("fact", String(16), primary_key=True),
    Column("day", Integer, primary_key=True),  # 0: of a whole round
    Column("week", Date, primary_key=True),  # its Monday, UTC
    Column("number", Integer, nullable=False),
    _one_of("fact", PastFact, "past_fact_is_known"),
    CheckConstraint("number > 0", name="past_counts_count_something"),
)

folded_deliveries = Table(  # what a late reply needs of a delivery that became a count
    "folded_deliveries",
    metadata,
    Column("delivery_id", Id, primary_key=True, autoincrement=False),
    Column("enrolment_id", Id, ForeignKey("enrolments.id", ondelete="CASCADE"), nullable=False),
    Column("day", Integer),  # of a lesson or its copy; a notice has none
    Index("folded_of_an_enrolment", "enrolment_id"),  # erase, export
)

replies = Table(
    "replies",
    metadata,
    Column("id", Id, primary_key=True),
    Column("enrolment_id", Id, ForeignKey("enrolments.id", ondelete="CASCADE")),
    Column("delivery_id", Id, ForeignKey("deliveries.id", ondelete="SET NULL")),
    Column("source", String(16), nullable=False),
    Column("message_key", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column(
        "sender",
        String(8),
        CheckConstraint("sender IN ('proven', 'claimed', 'other')", name="reply_sender_is_known"),
    ),
    Column("received_at", Moment, nullable=False),  # course time
    # The same mail by two ways, or delivered twice, is one reply.
    UniqueConstraint("message_key", name="each_reply_once"),
    Index("replies_of_an_enrolment", "enrolment_id"),  # erase, export
    Index("replies_of_a_delivery", "delivery_id"),  # erase, fold
    **NEVER_AGAIN,
)

journals = Table(  # a round without a row keeps no words
    "journals",
    metadata,
    Column("enrolment_id", Id, ForeignKey("enrolments.id", ondelete="CASCADE"), primary_key=True),
    Column("level", String(8), nullable=False),
    Column("chosen_at", Moment, nullable=False),  # real time
    _one_of("level", [JournalLevel.KEEP, JournalLevel.SHARE], "journal_level_is_known"),
)

entries = Table(  # one reply's words, locked by a key that is not in this database
    "entries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("enrolment_id", Id, ForeignKey("enrolments.id", ondelete="CASCADE"), nullable=False),
    Column("reply_id", Id, ForeignKey("replies.id", ondelete="CASCADE"), nullable=False),
    Column("day", Integer),  # of the lesson that they answer; a notice has none
    Column("level", String(8), nullable=False),  # share: the owner may read it
    Column("key_id", String(32), nullable=False),  # in the key store
    Column("locked", LargeBinary, nullable=False),
    Column("cut", LargeBinary),  # what was taken for no words of theirs, locked; they can put it back
    Column("left_out", String(8)),  # why a photo of it is not kept: heic | other | shared
    Column("kept_at", Moment, nullable=False),  # real time
    Column("opened_at", Moment),  # real time: when the owner first read it
    _one_of("level", [JournalLevel.KEEP, JournalLevel.SHARE], "entry_level_is_known"),
    UniqueConstraint("reply_id", name="each_reply_kept_once"),
    Index("entries_of_an_enrolment", "enrolment_id"),  # erase, export, withdraw
    Index("entries_by_age", "kept_at"),  # purge
    **NEVER_AGAIN,
)

photos = Table(  # without anything but the picture; locked by the key of their entry
    "photos",
    metadata,
    Column("id", Id, primary_key=True),
    Column("entry_id", Id, ForeignKey("entries.id", ondelete="CASCADE"), nullable=False),
    Column("place", Integer, nullable=False),  # among the photos of its entry, from 0
    Column("kind", String(16), nullable=False),  # by its content: image/jpeg, image/png, image/webp
    Column("locked", LargeBinary, nullable=False),
    _one_of("kind", ["image/jpeg", "image/png", "image/webp"], "photo_kind_is_known"),
    UniqueConstraint("entry_id", "place", name="each_photo_in_its_place"),
    **NEVER_AGAIN,
)

fresh_links = Table(  # what opens a person's own words: mailed to the address on file, for fifteen minutes, once
    "fresh_links",
    metadata,
    Column("id", Id, primary_key=True),
    Column("subscriber_id", Id, ForeignKey("subscribers.id", ondelete="CASCADE"), nullable=False),
    Column("expires_at", Moment, nullable=False),  # real time
    Column("visit", String(64)),  # keyed hash of the cookie that its one use gave out
    Column("visit_until", Moment),  # real time
    UniqueConstraint("visit", name="each_visit_once"),
    CheckConstraint("(visit IS NULL) = (visit_until IS NULL)", name="a_visit_has_an_end"),
    Index("fresh_links_of_a_subscriber", "subscriber_id"),  # limits, erase
    **NEVER_AGAIN,
)

address_changes = Table(  # an address that somebody wants to have, until it says yes
    "address_changes",
    metadata,
    Column("id", Id, primary_key=True),
    Column("subscriber_id", Id, ForeignKey("subscribers.id", ondelete="CASCADE"), nullable=False),
    Column("email", String(254), nullable=False),
    Column("confirm_by", Moment, nullable=False),  # real time
    UniqueConstraint("subscriber_id", name="one_address_change_at_a_time"),
    **NEVER_AGAIN,
)

resource_links = Table(  # a personal link to one resource
    "resource_links",
    metadata,
    Column("id", Id, primary_key=True),
    Column("subscriber_id", Id, ForeignKey("subscribers.id", ondelete="CASCADE")),
    Column("resource", String(64), nullable=False),
    Column("made_at", Moment, nullable=False),  # real time
    Column("expires_at", Moment, nullable=False),  # real time
    Column("revoked_at", Moment),  # real time
    Index("resource_links_of_a_subscriber", "subscriber_id"),  # erase, revoke
    **NEVER_AGAIN,
)

checkins = Table(  # that somebody said how a day was; what they said only where they want it kept
    "checkins",
    metadata,
    Column("enrolment_id", Id, ForeignKey("enrolments.id", ondelete="CASCADE"), primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("answer", String(8)),
    # The Monday, UTC, of its week: a moment would tell whose answer was counted.
    Column("answered_on", Date, nullable=False),
    CheckConstraint(
        "answer IS NULL OR answer IN ('lighter', 'same', 'heavier', 'unsure')", name="checkin_answer_is_known"
    ),
)

checkin_counts = Table(
    "checkin_counts",
    metadata,
    Column("course", String(64), primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("week", Date, primary_key=True),  # its Monday, UTC
    Column("answer", String(8), primary_key=True),
    Column("number", Integer, nullable=False),
    _one_of("answer", CheckinAnswer, "counted_answer_is_known"),
    CheckConstraint("number > 0", name="checkin_counts_count_something"),
)

letters = Table(  # a letter that its writer gets back, locked by their own key
    "letters",
    metadata,
    Column("id", Id, primary_key=True),
    Column("subscriber_id", Id, ForeignKey("subscribers.id", ondelete="CASCADE"), nullable=False),
    Column("enrolment_id", Id, ForeignKey("enrolments.id", ondelete="CASCADE"), nullable=False),
    Column("months", Integer, nullable=False),
    Column("in_mail", Boolean, nullable=False),  # they want its text in the mail itself
    Column("key_id", String(32), nullable=False),  # in the key store
    Column("locked", LargeBinary, nullable=False),
    Column("asked_at", Moment, nullable=False),  # real time
    Column("due_at", Moment, nullable=False),  # course time
    Column("told_at", Moment),  # course time: when it was said that it is ready
    Column("erase_at", Moment),  # real time: so long after it was opened, or came back
    CheckConstraint("months IN (1, 3, 6)", name="letter_months_are_known"),
    UniqueConstraint("enrolment_id", name="one_letter_per_round"),
    Index("letters_of_a_subscriber", "subscriber_id"),  # erase, export
    Index("due_letters", "due_at", **_where("told_at IS NULL")),  # tell
    **NEVER_AGAIN,
)

completions = Table(
    "completions",
    metadata,
    Column("enrolment_id", Id, ForeignKey("enrolments.id", ondelete="CASCADE"), primary_key=True),
    Column("day", Integer, primary_key=True),  # the primary key: a day is done once
    Column("via", String(16), nullable=False),  # reply | command | page
    Column("reply_id", Id, ForeignKey("replies.id", ondelete="SET NULL")),
    Column("completed_at", Moment, nullable=False),  # course time
    Index("completions_by_reply", "reply_id", **_where("reply_id IS NOT NULL")),  # erase
)

skips = Table(
    "skips",
    metadata,
    Column("enrolment_id", Id, ForeignKey("enrolments.id", ondelete="CASCADE"), primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("skipped_at", Moment, nullable=False),  # course time
)

consents = Table(
    "consents",
    metadata,
    Column("id", Id, primary_key=True),
    Column("who", String(64), nullable=False),  # keyed hash of the address: survives erasure
    Column("course", String(64), nullable=False),
    Column("what", String(16), nullable=False),  # given | withdrawn; of the journal: keep-given, share-withdrawn …
    Column("wording", Text, nullable=False),  # exactly what they were shown
    Column("version", String(16), nullable=False),  # of the wording
    Column("locale", String(35), nullable=False),
    Column("how", String(32), nullable=False),
    Column("asked_at", Moment),  # real time: when the box was ticked
    Column("at", Moment, nullable=False),  # real time: when it was confirmed or withdrawn
    Index("consents_of_a_person", "who"),  # export
    **NEVER_AGAIN,
)

suppressions = Table(
    "suppressions",
    metadata,
    Column("address_hash", String(64), primary_key=True),  # keyed: survives erasure, names nobody
    Column("reason", String(32), nullable=False),
    Column("at", Moment, nullable=False),  # real time
)

history = Table(
    "history",
    metadata,
    Column("id", Id, primary_key=True),
    Column("enrolment_id", Id, ForeignKey("enrolments.id", ondelete="CASCADE"), nullable=False),
    Column("at", Moment, nullable=False),  # course time
    Column("event", String(32), nullable=False),
    Column("detail", Text, nullable=False, server_default=""),
    Index("history_of_an_enrolment", "enrolment_id"),  # "why no day 3?"
    **NEVER_AGAIN,
)

provider_events = Table(
    "provider_events",
    metadata,
    Column("event_id", String(120), primary_key=True),  # the provider repeats itself; an event acts once
    Column("at", Moment, nullable=False),  # real time
)

limits = Table(
    "limits",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key", String(64), nullable=False),  # keyed hash of an inbox or network
    Column("at", Moment, nullable=False),  # course time: the place that was given out, maybe ahead
    Index("places_taken", "key", "at"),  # sign-up
)

SILENT = 60.0  # seconds without a sign of life, after which a worker is taken for dead
workers = Table(
    "workers",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("beat_at", Moment, nullable=False),  # by the database's clock; PostgreSQL only
)

rates = Table(
    "rates",
    metadata,
    Column("name", String(16), primary_key=True),  # second | day | answers | urgent answers
    # second: real time, used up until then; day: real time, which is counted; answers: course time, the hour.
    Column("at", Moment, nullable=False),
    Column("used", Integer, nullable=False),
)

facts = Table(
    "facts",
    metadata,
    Column("name", String(64), primary_key=True),  # last_tick, breaker, key_check …
    Column("value", Text, nullable=False),
    Column("at", Moment, nullable=False),  # real time
)
