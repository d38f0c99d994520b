"""Promises of how well mail is read that we did not make up: the corpora beside the checkout, by their own scorers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORPORA = ROOT.parent / "shared" / "corpora"
SCORERS = ("score_replies.py", "score_own.py", "score_bounces.py", "score_autoreplies.py")

pytestmark = pytest.mark.skipif(
    not all((CORPORA / name).exists() for name in SCORERS), reason="the corpora are not beside the checkout"
)


def scored(what, function, *arguments):
    """Return what a scorer says of a function of ours; it is given no words of a mail, only numbers come back."""
    command = [sys.executable, CORPORA / f"score_{what}.py", f"course.reading:{function}", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-300:]
    return json.loads(done.stdout)


def cases(name):
    """Return how many cases a corpus has: none may be passed over."""
    return len((CORPORA / name).read_text(encoding="utf-8").splitlines())


def test_replies_of_others_are_read():
    """Of 100 replies 95 are exact; of 100 words 2 at most are not theirs; of 200 one at most is lost; none is wiped."""
    found = scored("replies", "extract", CORPORA / "reply_dev.jsonl")

    assert (found["cases"], found["errors"], found["wiped"]) == (cases("reply_dev.jsonl"), 0, 0)
    assert found["exact"] >= 0.95
    assert found["leak"] <= 0.02
    assert found["loss"] <= 0.005


def test_replies_of_each_source_are_read():
    """85 of 100 are exact, whoever collected them; where there are fewer than ten, all but one."""
    sources = scored("replies", "extract", CORPORA / "reply_dev.jsonl", "--by", "source")["by"]
    few = {name: one for name, one in sources.items() if one["cases"] < 10}

    assert few.keys() < sources.keys()
    assert [name for name in sources.keys() - few.keys() if sources[name]["exact"] < 0.85] == []
    assert [name for name, one in few.items() if round(one["cases"] * (1 - one["exact"])) > 1] == []


def test_replies_that_are_not_english_are_read():
    """95 of 100 are exact, all other languages together."""
    languages = scored("replies", "extract", CORPORA / "reply_dev.jsonl", "--by", "language")["by"]
    others = [one for name, one in languages.items() if name not in {"en", "unknown"}]
    total = sum(one["cases"] for one in others)

    assert total > 0
    assert sum(round(one["cases"] * one["exact"]) for one in others) >= 0.95 * total


def test_answers_to_what_was_sent_are_read():
    """Of 100 that real mail programs made in reply to a message that we know, 95 are exact, and none is wiped."""
    found = scored("own", "extract", CORPORA / "own")

    assert (found["errors"], found["wiped"]) == (0, 0)
    assert found["exact"] >= 0.95


def test_reports_of_others_are_read():
    """97 of 100 recipients are found, 99 of 100 that are named are right, 90 of 100 kinds; each complaint is one."""
    found = scored("bounces", "failures", CORPORA / "bounce_dev.jsonl")

    assert (found["cases"], found["errors"], found["false_positives"]) == (cases("bounce_dev.jsonl"), 0, 0)
    assert found["recall"] >= 0.97
    assert found["precision"] >= 0.99
    assert found["kind_accuracy"] >= 0.90
    assert (found["complaint_detected"], found["complaint_as_bounce"]) == (1, 0)


def test_automatic_mail_of_others_is_known():
    """98 of 100 are known for a machine's, and nobody's own letter is taken for one."""
    found = scored("autoreplies", "is_automatic", CORPORA / "autoreply_dev.jsonl")

    assert (found["cases"], found["errors"], found["false_alarms"]) == (cases("autoreply_dev.jsonl"), 0, 0)
    assert found["recall"] >= 0.98


def test_reports_of_others_are_known_for_a_machine_s():
    """199 of 200, whatever they report, and nobody's own letter among them."""
    found = scored("autoreplies", "is_automatic", CORPORA / "bounce_dev.jsonl")

    assert (found["cases"], found["errors"], found["false_alarms"]) == (cases("bounce_dev.jsonl"), 0, 0)
    assert found["recall"] >= 0.995
