"""In charge of what a failed delivery means for its address: it can never work (hard), or it may again (soft).

Words decide before codes: servers say "mailbox full" with 5.2.1 and "no such user" with 4.1.1. Where nothing is said,
it is soft: nobody's course ends for a guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

# All patterns here are matched against small letters, which takes a third of the time of ignoring case.
# Said of the message, of us, or of a while: the address itself may be fine. These win over the words below.
PASSING = re.compile(
    r"mailbox (is )?(over|full)|(over|exceed\w{0,9})\W{0,9}(the )?(\w{1,20} ){0,3}(quota|storage|limit)|quota|too large"
    r"|size (limit|exceeds)"
    r"|out of storage|insufficient (system )?(storage|disk)|disk full|mailbox size|too (big|long)|message length"
    r"|disabled|suspended|inactive|discontinued|blocked|blacklist|block ?list|banned|listed (at|in|on|by)|dnsbl"
    r"|reputation"
    r"|spam|unsolicited|\bube\b|virus|malware|infected|polic(y|ies)|dmarc|\bspf\b|dkim|unauthenticated"
    r"|reverse dns|\bptr\b"
    r"|relay(ing)? (access )?denied|not (permitted|allowed) to relay|not authori[sz]ed|authentication required"
    r"|access denied"
    r"|sender (address |domain )?(rejected|denied|refused|verif)|domain of sender|sender domain|content (rejected"
    r"|error)"
    r"|rate limit|too many|(temporar|transient)\w*|try again|later|timed? ?out|time-out|expired"
    r"|could not be delivered for"
    r"|delayed|connection (refused|lost|reset)|hop count|loop(ing|s)?\b|greylist|deferred|network (error|unreachable)"
)
# Mobile carriers of Japan say so of people who filter mail, and servers that refuse only after the text has come.
FILTERED = re.compile(r"550 : user unknown|-> 550 : |(smtp )?command\W+data\b|registered gateway user|will be retried")
# Microsoft's answer for a recipient that is not in the directory (error 5.4.1 of Exchange Online).
NO_ENTRY = re.compile(
    r"recipient\s+address rejected: access denied|no such user!|domain is not reachable|not listed in|user ?id: "
)
# Said of the address: no such user, no such host, moved, takes no mail.
NEVER = re.compile(
    r"(user|recipient|mailbox|account|address|addressee|local.?part|destination)s?( \S+)?\W{0,3}(is |was )?"
    r"(unknown|not (be )?(found|known|exist)|invalid|nonexistent|rejected|unavailable|not (a )?(valid|listed"
    r"|registered))"
    r"|(unknown|no such|invalid|non-?existent|bad|illegal|no) (\w+ )?(user|recipient|mailbox|account|address"
    r"|local part|person)"
    r"|(does not|doesn't|do not|did not|don't) (exist|have an? \S+ account|match)|no mailbox here"
    r"|not our customer|unrouteable"
    r"|(not|no longer) (listed|on (this )?server|valid|available|employed|a valid)|has (been )?(moved|left)|hasmoved"
    r"|(unknown|no such|bad|illegal|invalid) (host|domain)|(host|domain)( or domain)?( name)?( \S+)? (is )?"
    r"(unknown|not (be )?(found|reachable))|domain does not exist|null ?mx|(does|do) not accept (any )?mail"
    r"|not accept(ing)? "
    r"(\w+ )?(messages|mail)|no smtp service|no mail exchanger|nxdomain|adresse .{0,200}invalide|unknown to (this|our)"
    r"|user doesn.t|wasn.t found at \S"
)
# The same in other languages, word for word as Exchange, Gmail and large providers say it; what is full is soft.
FULL = re.compile(
    r"postfach\b.{0,40}\bvoll\b|speicherplatz|bo[îi]te\b.{0,40}\bpleine|buz[óo]n\b.{0,40}\bllen[oa]|casella\b.{0,40}\bpiena"
    r"|caixa\b.{0,40}\bcheia|postvak\b.{0,40}\bvol\b|skrzynka\b.{0,40}\bpe[łl]na"
    r"|(brevlåd|postlåd|inkorg|postkasse|indbakke|innboks)\w{1,2}\b.{0,40}\bful[ld]\b|posta kutusu\b.{0,40}\bdolu"
    r"|ящик\b.{0,40}переполнен|いっぱい|已满|已滿|용량"
)
NEVER_ABROAD = re.compile(
    r"(adresse|empf[äa]nger|benutzer)\b[^.]{0,30}(nicht gefunden|unbekannt|existiert nicht|ung[üu]ltig)"
    r"|(adresse|destinataire|utilisateur)\b[^.]{0,50}(introuvable|inconnue?\b|n.existe pas)"
    r"|no se (ha )?encontr(ó|ado) la direcci[óo]n"
    r"|(direcci[óo]n|destinatario|usuario|cuenta)\b[^.]{0,30}(no existe\b|desconocid)"
    r"|impossibile trovare l.indirizzo"
    r"|(indirizzo|utente|destinatario)\b[^.]{0,30}(inesistente|sconosciut|non (esiste|trovat))"
    r"|n[ãa]o foi poss[íi]vel (localizar|encontrar) o endere[çc]o"
    r"|(endere[çc]o|usu[áa]rio|utilizador|destinat[áa]rio)\b[^.]{0,30}(n[ãa]o existe|inexistente|desconhecid)"
    r"|(adres|gebruiker|ontvanger)\b[^.]{0,30}(niet (worden )?gevonden|onbekend|bestaat niet)"
    r"|nie mo[żz]na odnale[źz][ćc] .{0,20}adresu"
    r"|(adres|u[żz]ytkownik)\b[^.]{0,30}nie istnieje|nie ma takiego u[żz]ytkownika"
    r"|adress\w{0,3}\b[^.]{0,30}((kunde )?inte (kunde )?hitta|hittades inte|finns inte|blev ikke fundet"
    r"|ble ikke funnet|findes ikke|finnes ikke)|mottagaren (finns inte|hittades inte|är okänd)"
    r"|okänd (mottagare|användare)"
    r"|osoitetta ei (löyty|ole)"
    r"|adres\w{0,2}\b[^.]{0,30}(bulunamad|mevcut değil)"
    r"|(kullan\u0131c\u0131|al\u0131c\u0131) (bulunamad|mevcut değil)"
    r"|(адрес|пользовател|получател)[^.]{0,40}(не найден|не существует)"
    r"|アドレスが見つかりません|(地址|用户|收件人)[^。]{0,80}不存在|用户未找到|존재하지 않"
)
CODE = re.compile(r"(?<![\d.])([45]\.\d{1,3}\.\d{1,3})(?![\d.])")
# RFC 3463 and the IANA registry of enhanced codes: bad mailbox, system or syntax, moved, null MX, no route to host.
NEVER_CODES = re.compile(r"5\.(1\.([12346]|10)|4\.4|3\.2|7\.27)$")
# Codes that say more than any words beside them.
CERTAIN_SOFT = re.compile(r"[45]\.(2\.[023]|3\.[134]|6\.\d+|7\.(?!27)\d+|4\.[1256789]|1\.[78])$")

LONGEST = 8192  # characters of what is said of a recipient that are looked at
MOST = 2 * LONGEST  # the same of all recipients together


def kinds(said: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield `kind` of each of these words and codes; what is said of many is looked at once."""
    known: dict[tuple[str, str], str] = {}
    room = MOST
    for words, status in said:
        if (words, status) not in known:
            known[words, status] = kind(words[:room], status)
            room = max(0, room - len(words))
        yield known[words, status]


def kind(words: str, status: str = "") -> str:
    """Return `hard` or `soft` for what a report says of one recipient; `status` is its own field (RFC 3464)."""
    words = " ".join(words[:LONGEST].lower().split())
    codes = CODE.findall(words) or CODE.findall(status)
    if NO_ENTRY.search(words):
        return "hard"
    if any(CERTAIN_SOFT.match(code) for code in codes) and not any(NEVER_CODES.match(code) for code in codes):
        return "soft"
    if any(said.search(words) for said in (FILTERED, PASSING, FULL)):
        return "soft"
    if NEVER.search(words) or NEVER_ABROAD.search(words):
        return "hard"
    return "hard" if any(NEVER_CODES.match(code) for code in (*codes, *CODE.findall(status))) else "soft"
