"""Promises of sets: many values in one parameter are found, whatever they hold, on both engines."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import insert, select

from course.store.sets import one_of
from course.store.tables import suppressions

NOON = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
ODD = (
    "",
    " ",
    "a,b",
    "{a}",
    '"',
    "\\",
    'a"b\\c',
    "\\n",
    "NULL",
    "null",
    "line\nbreak",
    "tab\t",
    "'",
    "שלום",
    "😀",
    "%s",
    ":x",
)


@pytest.fixture
def marked(store):
    """Give a store with a row for each odd value."""
    with store.transaction() as tx:
        tx.execute(insert(suppressions), [{"address_hash": odd, "reason": "bounced", "at": NOON} for odd in ODD])
    return store


@pytest.mark.parametrize("few", [ODD[:1], ODD[5:9], ODD])
def test_whatever_values_hold_they_are_found_and_no_others(marked, few):
    """Quotes, braces, backslashes, line breaks, other scripts: each is what it is, and none is two."""
    with marked.reading() as tx:
        found = tx.execute(select(suppressions.c.address_hash).where(one_of(suppressions.c.address_hash, few)))

        assert sorted(found.scalars()) == sorted(few)


def test_no_values_find_nothing(marked):
    """An empty set is asked for like any other."""
    with marked.reading() as tx:
        found = tx.execute(select(suppressions.c.address_hash).where(one_of(suppressions.c.address_hash, ())))

        assert list(found.scalars()) == []


def test_a_statement_that_is_built_once_is_given_other_values_each_time(marked):
    """By name: what the first execution was given is not what the next one asks for."""
    asked = select(suppressions.c.address_hash).where(one_of(suppressions.c.address_hash, "marks"))
    with marked.reading() as tx:
        found = [tx.execute(asked, {"marks": [odd]}).scalars().all() for odd in ODD]

    assert found == [[odd] for odd in ODD]
