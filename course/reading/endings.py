"""In charge of what stands below a person's words and is not theirs: signatures, "Sent from my phone", dashes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby, islice

from course.reading.lines import FOOTER, HEAD, OWN, QUOTE, SIGNATURE, Line
from course.reading.words import Words, key

DELIMITER = re.compile(r"--|\u2014\u2014|__")  # RFC 3676 section 4.3; its space is often lost
DIVIDER = re.compile(r"[-_=*#~+\u2500\u2501\u2014\u1427 ]{1,100}")  # the last but one is what a tracker of Gmail's adds
SENTENCE = re.compile(r"[.!?\u2026:]$|^[-_=*\u2014]{3,}$|(?:\w+\W+){7}")  # too much for a signature under mere dashes
DASH = frozenset("-_=*\u2014")
DASHES = re.compile(r"[-_=*\u2014]{2,100}")
RULED = re.compile(r"[-_=*\u2014]{3,100}")
URL = re.compile(r"<?\(?(?:https?://|www\.|mailto:|tel:|sms:)[^\s<>]*>?\)?", re.IGNORECASE)
SENTENCES = re.compile(r"[,;!\u3002](?=\s|$)|\.\s")
BRACKETS = re.compile(r"[\[\]<>()*_]")
WRAP = "<>()[]{}*_~|\"'“”. \t"
WORD = re.compile(r"[\w&'\u2019.®-]+")
CONTACT = re.compile(
    r"\S+@\S+\.\S+|(?:https?://|www\.)\S+|(?:\w+\s?[.:]\s?)?\+?[\d\s()./-]{7,24}|[\w-]+(?:\.[\w-]+)+(?:/\S*)?",
    re.IGNORECASE,
)
# What a card says, and who writes two things in a row does not: a link, an address, a host, a number.
REACHED = re.compile(r"://|www\.|\S@\S|\w\.(?:com|org|net|[a-z]{2})\b|\+?\d[\d\s()./-]{6,24}")
LABELLED = re.compile(r"[^\W\d_][^:\n]{2,40}:\s\D")  # "To a friend: rest"
BY = re.compile(r"--?(?:[^\W\d_][\w.'\u2019]{0,20})(?: [^\W\d_][\w.'\u2019]{0,20}){0,2}")
# What nobody lists and is called like a product: iMachine, TI-85, SM-G900. Capitals alone are NHS, ER and HELP.
MODEL = re.compile(r"[a-z]{1,2}[A-Z]\w+|[A-Z]{2,4}(?:-[A-Z]?\d{2,}|\d{3,})\w*")
MANY_FOOTERS = 60  # lines at the end of a run that are looked at
MOST_FOOTERS = 150  # the same of all runs together
LONGEST = 160  # characters of a footer
FEW = 4  # lines below a line of dashes that are still a signature
MANY = 14  # the same below a true delimiter
SHORT = 70  # characters of a signature's line


def runs(lines: list[Line]) -> Iterator[list[Line]]:
    """Yield the person's lines in runs: what stands together between two quotes."""
    for own, run in groupby(lines, key=lambda line: line.kind is OWN):
        if own:
            yield list(run)


def signed(lines: list[Line], _: Words) -> None:
    """Cut a signature below "-- ", RFC 3676 section 4.3; below other dashes only what can be no journal."""
    for run in runs(lines):
        if not any(line.seen[:1] in DASH for line in run):
            continue
        above, brief = False, True
        for index, line in enumerate(run):
            dashes = line.seen[:1] in DASH and bool(DASHES.fullmatch(line.seen))
            if dashes and _begins(run, index, above=above, brief=brief):
                for one in run[index:]:
                    one.kind = SIGNATURE
                break
            above = above or not line.blank
            brief = brief and (dashes or (len(line.seen) <= SHORT and not SENTENCE.search(line.seen)))


def _begins(run: list[Line], index: int, *, above: bool, brief: bool) -> bool:
    """Whether a signature begins with these dashes; `brief` is what stands above, if no line of it is a sentence."""
    text = run[index].seen
    if run[index].text.startswith("-- ") and text == "--":
        return True
    delimits = bool(DELIMITER.fullmatch(text))
    apart = index + 1 < len(run) and run[index + 1].blank
    if not delimits and (not above or not RULED.fullmatch(text) or apart):
        return False
    rest = (run[at] for at in range(index + 1, len(run)) if not run[at].blank)
    below = list(islice(rest, (MANY if delimits else FEW) + 1))
    if above and _is_divider(run, index, below, brief=brief, delimits=delimits):
        return False
    if delimits:
        return len(below) <= MANY and all(len(one.text) <= 2 * SHORT for one in below)
    return 0 < len(below) <= FEW and not any(len(one.text) > SHORT or SENTENCE.search(one.seen) for one in below)


def _is_divider(run: list[Line], index: int, below: list[Line], *, brief: bool, delimits: bool) -> bool:
    """Whether dashes stand between two things that somebody wrote: "cold -- warm", a title and what it heads.

    What is on a card is not written so. Two dashes delimit as well, and a name may follow: what is below must read like
    words, or stand as close to them as what is above.
    """
    if any(REACHED.search(line.seen) for line in below):
        return False
    if any(LABELLED.match(line.seen) for line in below):
        return True
    if not delimits:
        return brief or any(line.seen[0].islower() for line in below)
    close = not run[index - 1].blank and index + 1 < len(run) and not run[index + 1].blank
    return (brief and close) or any(SENTENCE.search(line.seen) for line in below)


def footed(lines: list[Line], words: Words) -> None:
    """Cut "Sent from my iPhone" and its like, at the end of a run, as phones and apps add it."""
    looked = 0
    for run in runs(lines):
        linked: Line | None = None  # a link alone, which goes with a footer right above: Aqua Mail, Tuta
        for line in run[: -1 - MANY_FOOTERS : -1]:
            if line.blank or DIVIDER.fullmatch(line.seen):
                continue
            looked += 1
            if linked is None and URL.fullmatch(line.seen):
                linked = line
                continue
            if looked > MOST_FOOTERS or not is_footer(line.seen, words):
                break
            line.kind = FOOTER
            if linked is not None:
                linked.kind, linked = FOOTER, None


def is_footer(text: str, words: Words) -> bool:
    """Whether a line only says from what it was sent: "Sent from the bottom of my heart" names no phone."""
    if len(text) > 2 * LONGEST:
        return False
    bare = BRACKETS.sub(" ", URL.sub(" ", text)).strip(WRAP)
    if key(text.strip(WRAP)) in words.stamps:
        return True
    found = words.footer(bare)
    if found is None or len(bare) > LONGEST:
        return False
    inside = " ".join(one for one in found.groups() if one)
    if words.get.match(bare):
        return _names_an_app_for_a_phone(inside or bare[found.end() :], words)
    if inside and _names_a_device(found[0].replace(inside, ""), words):
        return len(inside.split()) == 1  # "Alice from mobile"
    return _names_a_device(inside or bare[found.end() :], words)


def _names_a_device(named: str, words: Words) -> bool:
    """Whether these words are a device or an app and little else; all up to the first stop are looked at."""
    said, *rest = SENTENCES.split(named.strip(" .,:"), maxsplit=1)
    if rest and not words.after.search(rest[0]) and not _only_names(rest[0], words):
        return False  # "Sent from my iPhone. I miss her"
    tokens = [token.strip(".'\u2019®") for token in WORD.findall(said)]
    brand = bool(words.brands.search(said) or words.unspaced.search(said))
    known = [token for token in tokens if token.casefold() in words.devices or MODEL.fullmatch(token)]
    other = [token for token in tokens if token.casefold() not in words.small and token not in known]
    if brand:
        return len(tokens) <= 12 and len(other) <= 3  # noqa: PLR2004
    return bool(known) and not other


def _names_an_app_for_a_phone(named: str, words: Words) -> bool:
    """Whether these words are two names and nothing else: people get help, sleep and a new phone."""
    names = {name.casefold() for name in words.brands.findall(named)}
    return len(names) > 1 and _only_names(named, words)


def _only_names(said: str, words: Words) -> bool:
    """Whether all of these words are names of phones and apps, and the little words around them."""
    other = (token.strip(WRAP + ",:").casefold() for token in words.brands.sub(" ", said).split())
    return all(token in words.small | words.devices | {""} for token in other)


def carded(lines: list[Line], _: Words) -> None:
    """Cut a visiting card: a last paragraph of short lines, two of which are nothing but an address, number or link."""
    for run in runs(lines):
        last = _last_paragraph(run)
        contacts = sum(1 for line in last if CONTACT.fullmatch(line.seen[:SHORT]))
        if (
            contacts > 1
            and len(last) <= FEW + 4
            and all(len(line.text) <= SHORT for line in last)
            and last[0] is not run[0]
        ):
            for line in last:
                line.kind = SIGNATURE


def named(lines: list[Line], _: Words) -> None:
    """Cut "-Alice Example" below a blank line at the very end, as people sign on lists; a bullet has a space."""
    for run in runs(lines):
        last = _last_paragraph(run)
        if (
            len(last) == 1
            and last[0] is not run[0]
            and BY.fullmatch(last[0].seen)
            and last[0].seen.lstrip("-")[0].isupper()
        ):
            last[0].kind = SIGNATURE


def _last_paragraph(run: list[Line]) -> list[Line]:
    """Return the last lines that stand together; lines of dashes below them do not count."""
    end = len(run)
    while end and (run[end - 1].blank or DIVIDER.fullmatch(run[end - 1].seen)):
        end -= 1
    start = end
    while start and not run[start - 1].blank:
        start -= 1
    return run[start:end]


def ruled(lines: list[Line], _: Words) -> None:
    """Cut lines of dashes at the end of what was written: they belong to what the client put below."""
    for run in runs(lines):
        for line in reversed(run):
            if not line.blank and not DIVIDER.fullmatch(line.seen):
                break
            line.kind = SIGNATURE if not line.blank else line.kind


def typed(lines: list[Line], _: Words) -> None:
    """Keep a single marked line in the middle of a paragraph where nothing announces a quote: the person typed it."""
    for before, line, after in zip(lines, lines[1:], lines[2:], strict=False):
        if line.kind is HEAD:
            return
        around = before.text and after.text and before.kind is after.kind is OWN
        if around and line.kind is QUOTE and line.marks:
            line.depth, line.kind = 0, OWN
            line.say(line.marks + line.text)
