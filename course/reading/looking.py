"""In charge of looking into a mail for what the table of signals asks: headers, parts, senders, words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import Message
from functools import cached_property

from course import addresses
from course.reading import absence, bounces, mime
from course.reading.extracting import Found, Reader, Texts, known
from course.reading.lines import Line
from course.reading.prompt import matches

OUR_MESSAGE_ID = re.compile(r"<[0-9a-f]{20,}@([^<>@]+)>")  # a token, as links.py writes it
MOST_HOPS = 50  # Received lines; a mail that went through more servers goes round in circles
LIST = ("Id", "Unsubscribe", "Unsubscribe-Post", "Subscribe", "Post", "Help", "Owner", "Archive")
LISTS = tuple(f"List-{name}" for name in LIST)
SENDERS = re.compile(
    r"^(mailer-daemon|postmaster|owner-.*|.*-(request|owner)|bounces?([+-].*)?|(do[-_.]?not|no)[-_.]?reply([-+_.].*)?"
    r"|auto[-_.]?(reply|responder)|notifications?|listserv|majordomo)@",
    re.IGNORECASE,
)
# What Outlook writes below a name where a reaction cannot be shown.
REACTED = (
    "reacted to your message",
    "hat auf (Ihre|deine) Nachricht reagiert",
    "a r\u00e9agi \u00e0 (votre|ton) message",
    "(ha reaccionado|reaccion\u00f3) a (tu|su) mensaje",
    "ha reagito al (tuo |suo )?messaggio",
    "reagiu \u00e0 ((sua|tua) )?mensagem",
    "heeft (gereageerd op (uw|je) bericht|op (uw|je) bericht gereageerd)",
    "(reagerade|har reagerat) p\u00e5 ditt meddelande",
)
# A reaction is the whole mail, and a person may well begin like one: "Loved …", "My body reacted …". So a name must be
# the sender's, and what is quoted ours. Gmail puts the emoji, and below it by whom it is and that it is Gmail's.
SIGN = r"[\u2190-\u2bff\U0001f000-\U0001faff\ufe0f\u200d]"
REACTION = re.compile(
    r"(liked|loved|disliked|laughed at|emphasi[sz]ed|questioned|reacted \S{1,12} to"
    r"|removed an? (question mark|\S{1,12}) from)"
    r" an (image|attachment|audio message)"
    rf"|(?P<name>[^\n.!?:;()]{{1,60}}) ({'|'.join(REACTED)})\s?:?\W{{0,20}}"
    rf"|{SIGN}{{1,12}}\s{{0,8}}\n\s{{0,8}}(?P<by>[^\n.!?:;()]{{1,60}}?)\W(?=[^\n]*(?:react|reag|r\u00e9ag|reacc|\u0440\u0435\u0430\u0433))"
    r"[^\n.!?:;()]{0,40}\bGmail\b[^\n.!?:;()]{0,16}",
    re.IGNORECASE,
)
# What a phone writes around our words: liked, loved, disliked, laughed at, emphasised, questioned, or any other sign;
# what is removed again is one word (a heart, an exclamation) but for the question mark.
TAPBACKS = (
    r"liked|loved|disliked|laughed at|emphasi[sz]ed|questioned|reacted \S{1,12} to",
    r"removed an? (?:question mark|\S{1,12}) from",
    r"(?:no )?le gust\u00f3|le encant\u00f3|le dio risa|exclam\u00f3 por|dud\u00f3 sobre|reaccion\u00f3 con \S{1,12} a",
    r"a aim\u00e9|a ador\u00e9|a r\u00e9agi avec \S{1,12} \u00e0",
    r"gef\u00e4llt",
    r"(?:non )?ha (?:amato|adorato|apprezzato|enfatizzato|evidenziato|riso (?:a|di|per)|reagito con \S{1,12} a)",
    r"(?:non )?(?:gli |le )?(?:\u00e8 )?piaciuto|ha messo (?:\u201cmi piace\u201d a|in dubbio)",
    r"(?:n\u00e3o )?(?:curtiu|gostou de)|amou|adorou|riu (?:de|com)|enfatizou|destacou|questionou",
    r"reagiu com \S{1,12} a",
    r"vond|vindt|hield van|houdt van|lachte om|benadrukte|twijfelde aan|reageerde met \S{1,12} op",
    r"gillade|ogillade|\u00e4lskade|skrattade \u00e5t|betonade|ifr\u00e5gasatte|reagerade med \S{1,12} p\u00e5",
)
QUOTED = re.compile(
    rf"(?:{'|'.join(TAPBACKS)}) [\u201c\u201d\u201e\u00ab]\s?(.{{20,}})[\u201d\u201c\u00bb]"
    r"(?: (?:niet )?(?:leuk|geweldig|grappig))?",  # in Dutch the verb ends there
    re.IGNORECASE | re.DOTALL,
)
WORD = re.compile(r"[^\W\d_]+")
LONGEST_NAME = 5  # words
ME = frozenset(
    re.findall(r"\w+", "i my me ich mein meine je mon ma mes yo mi mis io mio mia eu meu minha ik mijn jag min mitt")
)
EMOJI = "text/vnd.google.email-reaction+json"
CALENDAR = {"REPLY", "COUNTER", "DECLINECOUNTER", "REQUEST", "CANCEL", "REFRESH", "ADD"}  # RFC 5546 section 1.4


@dataclass
class Look:
    """One mail as the checks see it. `ours` are our own domains or inboxes, `forged` is what our mail server found."""

    message: Message
    sender: str
    message_id: str = ""
    forged: bool = False
    ours: frozenset[str] = field(default_factory=frozenset)

    @cached_property
    def failures(self) -> tuple[tuple[str, str], ...]:
        """Whom it is a report about, and what became of them."""
        return tuple(bounces.of(self.message))

    @cached_property
    def words(self) -> str:
        """What a person wrote in it."""
        return self.found.text

    @cached_property
    def texts(self) -> Texts:
        """Its own texts, line by line."""
        return Reader().texts(self.message)

    @cached_property
    def found(self) -> Found:
        """What a person wrote in it, and what was cut."""
        return Reader().sifted(self.texts)

    @cached_property
    def parts(self) -> tuple[Message, ...]:
        """Its own parts, but none of a message that is enclosed: whoever forwards a machine's mail is a person."""
        return tuple(_parts(self.message))


Check = Callable[[Look], bool]


def header(pattern: str, *names: str) -> Check:
    """Return the check for headers of these names, of which one has a value like this."""
    wanted = re.compile(pattern, re.IGNORECASE)

    def found(look: Look) -> bool:
        return any(wanted.search(value) for name in names for value in mime.headers(look.message, name))

    return found


def _parts(part: Message) -> Iterator[Message]:
    yield part
    if not mime.content_type(part).startswith("message/"):
        for child in mime.children(part):
            yield from _parts(child)


def from_us(look: Look) -> bool:
    """Whether it is from an address of ours, or is a mail of ours that came back under another sender.

    A Message-ID at our domain is not enough: a mail server of ours may give one to a person's mail that had none.
    """
    named = OUR_MESSAGE_ID.fullmatch(look.message_id)
    domains = {look.sender.rpartition("@")[2].lower(), named[1].lower() if named else ""}
    return bool(domains & look.ours) or addresses.inbox(look.sender) in look.ours


def calendar(look: Look) -> bool:
    """Whether it is an invitation or the answer to one; a calendar that somebody attached is not."""
    return any(
        mime.content_type(part) == "text/calendar"
        and (part is look.message or mime.parameter(part, "method").upper() in CALENDAR)
        for part in look.parts
    )


def reaction(look: Look) -> bool:
    """Whether it is an emoji for a mail of ours, in the ways that Gmail, Outlook and phones write it."""
    if any(mime.content_type(part) == EMOJI and not mime.attached(part) for part in look.parts):
        return True
    found = REACTION.fullmatch(look.words)
    name = found and (found["name"] or found["by"])
    return found is not None and (not name or _is_the_sender(name, look))


def _is_the_sender(name: str, look: Look) -> bool:
    """Whether this is what the sender is called: all of it, or one word of a name that is about nobody's body."""
    known = set(WORD.findall(mime.header(look.message, "From").casefold()))
    said = WORD.findall(name)
    own = [word.casefold() in known for word in said]
    names = all(word.casefold() in known or not word[0].islower() for word in said)
    return all(own) or (any(own) and names and len(said) <= LONGEST_NAME and ME.isdisjoint(name.casefold().split()))


def reacts(words: str, sent: bytes) -> bool:
    """Whether these words are a phone's reaction to the message that was sent: they quote it and say nothing else."""
    found, prompt = QUOTED.fullmatch(words), known(sent)
    return bool(found and prompt and matches([Line(found[1])], prompt)[0].mostly)


def hops(look: Look) -> bool:
    """Whether it went through so many servers that it must go round in circles."""
    return len(mime.headers(look.message, "Received")) > MOST_HOPS


def report(look: Look) -> bool:
    """Whether it is a mail server's report or a complaint, in whatever format."""
    return mime.content_type(look.message) == "multipart/report" or bool(look.failures)


def sender(look: Look) -> bool:
    """Whether the sender's name is a machine's (mailer-daemon, noreply and the like)."""
    return bool(SENDERS.match(look.sender))


def group(look: Look) -> bool:
    """Whether it went through a group or a list."""
    return LISTED(look) or PRECEDENCE(look)


def away(look: Look) -> bool:
    """Whether it is headed like a notice of absence."""
    return bool(absence.SUBJECTS.match(mime.header(look.message, "Subject")))


def says_so(look: Look) -> bool:
    """Whether it begins with a sentence that only a machine writes, or is a receipt of Outlook's."""
    words = look.words
    return any(said.match(words) for said in (absence.SAYS, absence.TICKET)) or bool(absence.RECEIPT.fullmatch(words))


LISTED = header(r".", *LISTS, "Mailing-List", "X-Loop")
PRECEDENCE = header(r"^\s*list\b", "Precedence", "X-Precedence")
