"""In charge of reports without a format: what mail servers have written to people since the eighties.

They agree in this: a head that no person writes, then the addresses that failed and what was said of each, then a copy
of the message. So take what stands before the copy, leave out the lines that speak of the sender or of the servers, and
read the addresses that are left.
"""

from __future__ import annotations

import re
from email.message import Message

from course.reading import mime
from course.reading.bounce_kinds import kind, kinds

ADDRESS = re.compile(
    r"(?:\"[^\"\s<>@]{1,64}\"|[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64})@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,10}"
)
SENDER = re.compile(
    r"mailer-?daemon|\bpostmaster(?=[@\s\">]|$)|mail[ ._-]?(delivery|administrator)"
    r"|deliver\w{0,9}[ ._-]?(subsystem|system)|daemon@|\bMicrosoftExchange[0-9a-f]{20,}@",
    re.IGNORECASE,
)
SUBJECT = re.compile(
    r"undeliver|(deliver\w{0,9}|mail|message|send\w{0,9}) (status|notif|fail|error|problem|delay|has been delayed)"
    r"|fail(ure|ed)? (notice|deliver)"
    r"|returned (mail|message|to sender)|return(ed|ing) (mail|to sender)|non-?deliver|could not (be )?(send|sent"
    r"|deliver)|not deliver"
    r"|error sending|warning: (message|could not)|nondeliverable|bounced|message status|mail system error|user unknown",
    re.IGNORECASE,
)
# The same by Exchange, and others, in their languages; believed of a mail server alone.
ABROAD = re.compile(
    r"unzustellbar|nicht zugestellt|zustellung|verz[öo]gert|non remis|non distribu|[ée]chec de (la )?remise"
    r"|no se puede entregar"
    r"|no entregado|error de entrega|non recapitabile|mancat[ao] (recapito|consegna)|onbestelbaar|niet bezorgd"
    r"|n[ãa]o ([ée] poss[íi]vel entregar|entregue)|falha na entrega"
    r"|nie mo[żz]na dostarczy[ćc]|niedostarcz|kan (inte|ikke) leveres?"
    r"|nedoru[čc]iteln|k[ée]zbes[íi]thetetlen|teslim edil(emedi|emiyor|medi)"
    r"|teslimat ba\u015far\u0131s\u0131z|gick inte att leverera|inte levererats|не удается доставить|недоставлен"
    r"|配信不能|配信できません"
    r"|退信|无法送达|無法傳遞|배달되지 않음|배달할 수 없음",
    re.IGNORECASE,
)
ROBOT = re.compile(r"no-?reply|post_?master|admin|system", re.IGNORECASE)
UNDELIVERED = re.compile(
    r"(could|can) ?not be delivered|undeliverable|(no such|unknown|invalid) (user|recipient|mailbox)|mailbox is full",
    re.IGNORECASE,
)
# Where the copy of our message begins.
COPY = re.compile(
    r"^[^\w\n]*+(below this line is a copy|the (\w+ )?(message|mail|email|header)[^\n]{0,60} (follow|below"
    r"|is attached)|original message|"
    r"message (headers?|text|body|header) follow|this is a copy of|copy of (the|your) (original )?(message|mail)"
    r"|unsent message|"
    r"returned (message|text)|undelivered message|your (original )?message (follows|reads|was)|message header"
    r"|start of returned)[^\n]*$"
    r"|^(Received|Return-Path|X-Originating-IP|DKIM-Signature|Message-ID|MIME-Version|Delivered-To):[ \t]?\S",
    re.MULTILINE | re.IGNORECASE,
)
# Lines that speak of somebody else: the sender, the servers, whom to ask.
ABOUT_OTHERS = re.compile(
    r"^\W{0,4}(from|to(?=:)|mail from|sender|reply-to|return-path|subject|date|message-id|received|reporting-mta"
    r"|remote-mta|x-\S+|cc|by)\b\s*:?"
    r"|(sent|submitted|received) (by|from)|mail from:|<<< |contact|support@|for (further |more )?(help|assistance"
    r"|information)|report(ed)? (this|by)"
    r"|envelope-?(from|sender)|message-?id|postmaster@|mailer-daemon|if you (think|believe|feel|are)|(mail"
    r"|message) from:? <?[^\s@]{1,64}@",
    re.IGNORECASE,
)
TO = re.compile(r"^(?:to|x-original-to|delivered-to|rcpt to):\s*(.*(?:\n[ \t]+\S.*)*)", re.MULTILINE | re.IGNORECASE)
NAME = re.compile(
    r"[^\s<>@]{1,64}@[^\s<>@]{1,255}[ \t]+(?=<[^<>\s@]{1,64}@)"
)  # of a mailbox, which may look like an address
LONGEST = 16_384  # characters of a report that are searched for addresses
MOST = 50  # addresses that are looked at; a mail of ours has one recipient
NEAR = 6  # lines that are said of an address
SAID = 60  # lines that are said of it in all
ROWS = 2_000  # lines of a report that are looked at


def is_report(message: Message, said: str) -> bool:
    """Whether a mail server wrote this about mail that it could not deliver; a vacation notice is none.

    `said` is its text: some servers sign with an address like any other.
    """
    if mime.header(message, "X-Failed-Recipients") or "report-type=delivery-status" in _type(message):
        return True
    if mime.content_type(message) == "multipart/report":
        return True
    robot = ROBOT.search(mime.header(message, "From"))
    if robot and UNDELIVERED.search(said):
        return True
    empty = any(value.strip() in {"<>", "< >"} for value in mime.headers(message, "Return-Path"))
    sender = bool(SENDER.search(mime.header(message, "From")))
    subject = bool(SUBJECT.search(mime.header(message, "Subject")))
    abroad = sender and bool(ABROAD.search(mime.header(message, "Subject")))
    answers = bool(mime.header(message, "In-Reply-To"))  # a person may write about a mail that came back
    return abroad or (sender and subject) or ((sender or subject) and (empty or not answers))


def failed(message: Message, said: str, copy: str) -> list[tuple[str, str]]:
    """Return the addresses that failed, with their kinds; [("", kind)] for a report that names nobody."""
    named = addresses(" ".join(mime.headers(message, "X-Failed-Recipients")))
    begin = COPY.search(said)
    cut = said[: begin.start()] if begin and addresses(said[: begin.start()]) else said
    lines = cut.splitlines()[:ROWS]
    own = set(addresses(" ".join([*mime.headers(message, "To"), *mime.headers(message, "From")])))
    if not named:
        found = [address for line in lines if not ABOUT_OTHERS.search(line) for address in addresses(line)]
        named = [address for address in dict.fromkeys(found) if address not in own] or list(dict.fromkeys(found))
    if not named:
        behind = said[begin.start() :] if begin else ""
        named = addresses("\n".join(TO.findall(f"{cut}\n{copy}\n{behind}")))[:1]
    named, alone = named[:MOST], len(named) == 1
    what = kinds((cut if alone else about(address, cut), "") for address in named)
    return list(zip(named, what, strict=True)) or [("", kind(cut))]


def about(address: str, said: str) -> str:
    """Return the lines around an address's mentions, up to the next address."""
    lines = said.splitlines()[:ROWS]
    found: list[str] = []
    for place, line in enumerate(lines):
        if len(found) >= SAID:
            break
        if address in line.lower():
            found.append(line)
            for after in lines[place + 1 : place + NEAR]:
                if set(addresses(after)) - {address}:
                    break
                found.append(after)
    return "\n".join(found)


def addresses(text: str) -> list[str]:
    """Return the addresses in a text, lower case, in turn."""
    if "@" not in text:
        return []
    text = NAME.sub("", text[:LONGEST]) if "<" in text else text[:LONGEST]
    # X.400 and IMCEA write smtp=name@host.
    return [found.strip("'").lower().removeprefix("smtp=") for found in ADDRESS.findall(text)]


def _type(message: Message) -> str:
    return mime.header(message, "Content-Type").lower().replace(" ", "").replace('"', "")
