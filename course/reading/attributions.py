"""In charge of telling whether a text announces a quote: "On …, Alice wrote:", in the words and order of any client."""

from __future__ import annotations

import re

from course.reading.words import Words

ADDRESS = re.compile(r"[^\s<>@]{1,64}@[^\s<>@]{2,}")
BRACKETED = re.compile(r"[<(\[]\s*(?:mailto:)?[^\s<>@]{1,64}@|&lt;[^\s<>@]{1,64}@")
TIME = re.compile(r"(?<!\d)\d{1,2}\s?[:.h]\s?\d{2}(?!\d)|\d\s?(?:AM|PM|Uhr)\b|\d時|\d시|\d点", re.IGNORECASE)
DATE = re.compile(
    r"\b(?:19|20)\d\d\b|\b\d{1,4}[./-]\d{1,2}\b|\d\d?\.?\s\w{3,}|\b\w{3,}\.?\s\d\d?\b|\d\s?[年月日년월일]"
)
DIGIT = re.compile(r"\d")  # one of which is in each date and time
FULL_DATE = re.compile(
    r"\d{4}[./-]\d{1,2}[./-]\d{1,2}|\b(?:19|20)\d\d\b|\b\d{1,2}[./-]\d{1,2}[./-]\d\d|\b\d\d\. \d{1,2}\. \d{1,2}\."
)
HOUR = re.compile(r"\b(?:[ap]\.?\s?m\b\.?|Uhr|(?-i:[A-Z]{3,4})\b)", re.IGNORECASE)
COLON = re.compile(r"[:\uff1a]\W{0,4}$")
DASHED = re.compile(r"-{2,}.*-{2,}:?")
# Tuta: "Nov 16, 2026, 07:00 by days@example.org:".
BY = re.compile(r"\w{3,12}\.? \d{1,2}, \d{4}, \d{1,2}:\d{2}(?: [AP]M)? [^\W\d_]{1,6} [^\s<>@]{1,64}@[^\s<>@:]{2,}:")
DATED = re.compile(r"\d{1,2}[:.]\d{2}(?:\s?[AP]M)?$")
MOST = 5  # words of a name


def strong(text: str, words: Words) -> bool:
    """Whether it can be nothing else: an address, or both a date and a time, and a verb or a bracket."""
    verb = words.verb(text)
    if not ends_with_colon(text) and (verb is None or re.search(r"\w", text[verb.end() :])):
        return False
    if (verb is not None and DASHED.fullmatch(text)) or words.quoting.fullmatch(text):
        return True
    addressed = "@" in text and bool(ADDRESS.search(text))
    if verb is None:
        written = addressed and (text[0].isdigit() or BRACKETED.search(text) or BY.fullmatch(text))
        return bool(written and (DATE.search(text) or TIME.search(text)))
    if addressed and _is_told(text, words):
        return True
    final = verb.end() > len(text) - 6
    name = _is_name(text[: verb.start()]) if final else _is_name(text[verb.end() :]) or _is_name(text[: verb.start()])
    return bool((name and DATE.search(text)) or (final and FULL_DATE.search(text) and TIME.search(text)))


def recounts(text: str, words: Words) -> bool:
    """Whether a person may tell so of a letter or a diary, and what stands below without marks is their words.

    "On Sunday 22 November Mum wrote:" has neither address nor time; "On 28 November 2026 at 22:15 I wrote:" has, and is
    about oneself.
    """
    if words.verb(text) is None or "@" in text or DASHED.fullmatch(text):
        return False
    return not TIME.search(text) or not words.me.isdisjoint(re.findall(r"\w+", text.casefold()))


def _is_told(text: str, words: Words) -> bool:
    """Whether a client says whose address this is: "I wrote to bob@example.org:" is a sentence."""
    found = ADDRESS.search(text)
    first = found is not None and not re.search(r"\w", text[: found.start()])
    return bool(first or BRACKETED.search(text) or words.start.match(text) or DATE.search(text) or TIME.search(text))


def _is_name(said: str) -> bool:
    """Whether only a name stands there, behind a date: "On 3 May 1987 my father wrote:" is a sentence."""
    found = re.findall(r"[^\W\d_]+", HOUR.sub("", re.split(r"\d", said)[-1]))
    return 0 < len(found) <= MOST and all(word[0] == word[0].upper() and len(word) > 1 for word in found)


def weak(text: str, words: Words) -> bool:
    """Whether it may announce a quote that is marked as one."""
    colon, digit = ends_with_colon(text), bool(DIGIT.search(text))
    address, date = bool(BRACKETED.search(text)), digit and bool(DATE.search(text))
    verb = words.verb(text)
    if not colon:
        return (
            (stamped(text) and _is_name(text))
            or dated(text)
            or (address and date)
            or (verb is not None and verb.end() > len(text) - 6 and date)
        )
    told = verb is not None and (address or date or bool(words.start.match(text)) or verb.end() > len(text) - 6)
    return told or address or (date and bool(TIME.search(text)))


def ends_with_colon(text: str) -> bool:
    """Whether a colon ends it, but for a few signs: a link's bracket, a quotation mark."""
    return bool(COLON.search(text, max(0, len(text) - 6)))


def stamped(text: str) -> bool:
    """Whether a line begins with a date and a time, as Gmail's did: "2026-11-16 7:00 GMT+01:00 Alice Example"."""
    return text[0].isdigit() and bool(FULL_DATE.match(text)) and bool(TIME.search(text))


def dated(text: str) -> bool:
    """Whether a line is an address and a date, and ends with a time, as Nextcloud's and SnappyMail's do."""
    return "@" in text and bool(DATED.search(text)) and bool(ADDRESS.search(text)) and bool(DATE.search(text))
