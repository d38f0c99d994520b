"""In charge of the slots that a word of [mail] may hold, and of those that it must."""

from __future__ import annotations

from course.content import help_lines, slots
from course.content.written import NONE

# The slots that have a value in a word of [mail]; in all others, those of the course.
MAY = {
    "greeting": frozenset({"name"}),
    "greeting_nameless": NONE,
    "minutes": frozenset({"minutes"}),
    "minutes_one": NONE,
    "resource": frozenset({"resource"}),
    "plain_resource": frozenset({"resource"}),
    "days_none": NONE,
    "named": frozenset({"words"}),
    "answer": slots.FIXED | {"kept"},
    "footer_why": slots.FIXED | {"date"},
    "plain_footer_why": slots.FIXED | {"date"},
    "plain_help_directory": NONE,
    "footer_leave_text": slots.FIXED | {"leave_url"},
    "help_intro": NONE,
    "help_emergency": NONE,
    "help_directory": NONE,
    **{f"help_{how}": NONE for how in help_lines.WAYS},
    "pause_open": NONE,
    "pause_ends": frozenset({"moment"}),
    "goes_on": NONE,
    "goes_on_when_ready": NONE,
    "goes_on_one": NONE,
    "comes": frozenset({"days", "rhythm", "first_day", "send_hour"}),
    "comes_one": frozenset({"days", "rhythm", "first_day", "send_hour"}),
    "outline": frozenset({"days", "rhythm"}),
    "outline_one": frozenset({"days", "rhythm"}),
    "done_none": frozenset({"days"}),
    "done_none_one": frozenset({"days"}),
    "done_some": frozenset({"list"}),
    "offer": frozenset({"next", "summary"}),
    "plain_offer": frozenset({"next", "summary"}),
    "offer_label": NONE,
    "offer_none": NONE,
    "offer_none_label": NONE,
    "late_reply": frozenset({"keep_days"}),
    "late_reply_never": NONE,
    "forgets": frozenset({"keep_days"}),
    "forgets_never": NONE,
    "unreviewed": NONE,
}
# What one of them must hold, to say what it is for: the way out, and what becomes of a reply.
MUST = {"footer_leave_text": "leave_url", "answer": "kept"}
