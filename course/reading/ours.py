"""In charge of a reply to a message that we know: what is ours goes wherever it stands, what is not ours stays.

So an answer typed inside the quote is kept, and a prompt without quote marks is not taken for somebody's words.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from course.reading import banners
from course.reading.announcements import SHORT, quote_below_unless_marked
from course.reading.attributions import ends_with_colon
from course.reading.lines import HEAD, OWN, QUOTE, Line
from course.reading.prompt import ENOUGH, URL, Match, Prompt, end, matches
from course.reading.words import Words

FEWEST = 8  # words of ours that make a quote a quote of ours
FEWEST_FILLED = 3  # words of ours before what somebody filled in
# What a client puts into a quote by itself: a picture's name, a list of links, their numbers, dashes.
FURNITURE = re.compile(
    r"[\W\d_]*+|\W{0,8}(?:image|cid|inline image|bild|imagen)\s?:[^\]]*+\W{0,8}|\W{0,8}(?:links?|references)\W{0,8}",
    re.IGNORECASE,
)
LINK = re.compile(r"[<(\[]?(?:https?://|mailto:|tel:|sms:|cid:)[^\s<>]*")
SIGN = re.compile(r"[\u2190-\u2bff\U0001f000-\U0010ffff]")  # an emoji: somebody's word
SENTENCE = re.compile(r"[.?!\u3002\uff1f\uff01][\"'\u201d\u2019)]*\s*")
STOPS = re.compile(r"^[\s.:;,?!\u2026\u2013\u2014\u3002\uff1a\uff1f-]+")
LETTER = re.compile(r"[^\W\d_]")
HOST = re.compile(r"[\[(<][\w-]+(?:\.[\w-]+)+(?:/\S*)?[\])>]")  # what a filter puts behind a link
ATTRIBUTION = 4  # lines above a quote in which our name or address makes them its announcement


def sift(lines: list[Line], prompt: Prompt, words: Words) -> None:
    """Give the lines of a reply their kinds anew, knowing what was sent, or at least by whom."""
    if not prompt.signs:
        _said_by(lines, prompt, words)
        return
    found = matches(lines, prompt)
    depth = _depth(lines, found)
    ours = [match.mostly for match in found]
    if depth is None:
        _said_by(lines, prompt, words)
        for line, one in zip(lines, ours, strict=True):
            line.ours = one and line.depth > 0
        return
    start = _start(lines, depth)
    for index, line in enumerate(lines):
        match = found[index]
        if index < start:
            ours[index] = False  # a sentence of ours that they copied, and may have filled in
        elif _cut_beginning(line, match, depth) or _filled_in(line, match, depth, prompt):
            ours[index] = False
        elif ours[index]:
            line.kind = QUOTE if line.kind is not HEAD else line.kind
    banners.drop(lines, ours, words)
    _furniture(lines, ours)
    _heads(lines, ours, prompt)
    _answers(lines, ours, depth)
    for line, one in zip(lines, ours, strict=True):
        line.ours = one


def _said_by(lines: list[Line], prompt: Prompt, words: Words) -> None:
    """Cut at "Dear Self wrote:", with our name in it and no date, in a mail to us: Outlook Express, old phones."""
    written = False
    for index, line in enumerate(lines):
        if written and line.kind is OWN and _is_said_by(line.seen, prompt, words):
            line.kind = HEAD
            quote_below_unless_marked(lines, index, line.depth)
            return
        written = written or (line.kind is OWN and not line.blank)


def _is_said_by(text: str, prompt: Prompt, words: Words) -> bool:
    """Whether there is a name of ours in this line, a verb of saying, a colon, and no other word."""
    if not ends_with_colon(text) or len(text) > SHORT:
        return False
    said = text.casefold()
    left = next((said.replace(name, " ", 1) for name in prompt.names if name in said), "")
    verb = words.verb(left) if left else None
    return verb is not None and not re.search(r"\w", left[: verb.start()] + left[verb.end() :])


def _depth(lines: Sequence[Line], found: Sequence[Match]) -> int | None:
    """Return how deep our message is quoted, or None if it is not."""
    count: Counter[int] = Counter()
    for line, match in zip(lines, found, strict=True):
        count[line.depth] += match.count
    if sum(count.values()) < FEWEST:
        return None
    return count.most_common(1)[0][0]


def _start(lines: Sequence[Line], depth: int) -> int:
    """Return where the quote begins, if something announces or marks it: what stands above is the person's."""
    if not depth:
        return 0
    return next((index for index, line in enumerate(lines) if line.kind is HEAD or line.depth), 0)


def _cut_beginning(line: Line, match: Match, depth: int) -> bool:
    """Keep what was typed behind a sentence of ours on the same line, as in Outlook; say whether there was anything."""
    beginning = match.ours.find(0)  # -1 where all is ours
    if beginning <= ENOUGH or line.kind is HEAD or line.depth not in {0, depth}:
        return False
    ending = SENTENCE.match(line.text, end(line.text, beginning))
    if ending is None:
        return False
    line.say(line.text[ending.end() :])
    return True


def _filled_in(line: Line, match: Match, depth: int, prompt: Prompt) -> bool:
    """Keep what was typed behind a line of ours, "To myself, I said … stupid"; say whether there was anything.

    Most of the line is ours: before it stands a whole line of ours, or a sign like a colon; behind it no word of ours.
    """
    beginning = match.ours.find(0)
    if line.kind is HEAD or line.depth not in {0, depth} or beginning < FEWEST_FILLED or any(match.ours[beginning:]):
        return False
    behind = line.text[end(line.text, beginning) :].lstrip()
    typed = STOPS.sub("", behind)
    apart = typed != behind or tuple(match.words[:beginning]) in prompt.lines
    if not (match.mostly and apart and LETTER.search(HOST.sub("", URL.sub("", typed)))):
        return False
    line.say(typed)
    return True


def _furniture(lines: list[Line], ours: list[bool]) -> None:
    """Drop dashes, links and pictures' names that stand within the quote, or beside a line of ours."""
    for index, line in enumerate(lines):
        if line.blank or line.beyond or not _is_furniture(line.seen) or (line.seen == "--" and not line.depth):
            continue  # RFC 3676 section 4.3: below the quote, a signature follows
        if line.depth or ours[_beside(lines, index, -1)] or ours[_beside(lines, index, 1)]:
            line.kind = QUOTE if line.kind is OWN else line.kind
            ours[index] = True


def _is_furniture(text: str) -> bool:
    bare = LINK.sub("", text) if ":" in text else text
    return bool(FURNITURE.fullmatch(bare)) and not SIGN.search(text)


def _beside(lines: Sequence[Line], index: int, step: int) -> int:
    """Return the next line in this direction that holds anything, or the line itself."""
    ahead = range(index + 1, len(lines)) if step > 0 else range(index - 1, -1, -1)
    return next((at for at in ahead if not lines[at].blank), index)


def _heads(lines: list[Line], ours: list[bool], prompt: Prompt) -> None:
    """Drop what announces our message in words we do not know: our name or address stands in it."""
    first = next((index for index, one in enumerate(ours) if one), 0)
    above = [index for index in range(first) if not lines[index].blank][-ATTRIBUTION:]
    for index in above:
        text = lines[index].seen.casefold()
        said = any(name in text for name in prompt.names)
        if said and (re.search(r"[:\uff1a]\W{0,3}$", text) or "@" in text) and lines[index].kind is not HEAD:
            for one in range(index, above[-1] + 1):
                lines[one].kind = HEAD if not lines[one].blank else lines[one].kind
            return


def _answers(lines: list[Line], ours: list[bool], depth: int) -> None:
    """Keep what stands in the quote and is not ours; a mark that the person typed is theirs too."""
    usual = Counter(_marks(line) for line, one in zip(lines, ours, strict=True) if one and line.depth == depth)
    base = usual.most_common(1)[0][0] if usual else 0
    for group in _groups(lines, ours):
        around = [one for one in (_beside(lines, group[0], -1), _beside(lines, group[-1], 1)) if one not in group]
        own = any(lines[one].kind is OWN and not lines[one].depth for one in around)
        if not own and (not any(ours[one] for one in around) or all(lines[one].depth > depth for one in group)):
            continue  # an older message, quoted once more
        for index in group:
            line = lines[index]
            marks = _marks(line) - (0 if own else base)
            line.say(">" * marks + " " * (marks > 0) + line.text)
            line.kind = OWN


def _marks(line: Line) -> int:
    return line.marks.count(">")


def _groups(lines: list[Line], ours: list[bool]) -> Iterator[list[int]]:
    """Yield what stands together in a quote and is not ours."""
    group: list[int] = []
    for index, line in enumerate(lines):
        if line.kind is QUOTE and not ours[index] and not line.blank:
            group.append(index)
        elif group and (not line.blank or line.kind is HEAD):
            yield group
            group = []
    if group:
        yield group
