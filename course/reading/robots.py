"""In charge of telling machines from people: the signals of RFC 3834 and its neighbours, as data."""

from __future__ import annotations

import re
from email.message import Message

from course.reading import bounces, mime
from course.reading.caps import TooMuchError

# header, what its value must look like for the message to be a machine's. Sources: RFC 3834 section 2 and 5; RFC 3464;
# RFC 5965; the headers that mail houses' own responders add.
SIGNALS: tuple[tuple[str, str], ...] = (
    ("Auto-Submitted", r"^\s*(?!no\b)\w"),
    ("Return-Path", r"^\s*<\s*>"),
    ("Precedence", r"^\s*(auto[-_]?reply|bulk|junk|list)\b"),
    ("X-Precedence", r"^\s*(auto[-_]?reply|bulk|junk|list)\b"),
    ("X-Autoreply", r"."),
    ("X-Autorespond", r"."),
    ("X-Auto-Reply-From", r"."),
    ("X-Mail-Autoreply", r"."),
    ("X-POST-MessageClass", r"autoresponder"),
    ("X-FC-MachineGenerated", r"true"),
    ("X-Cron-Env", r"."),
    ("Delivered-To", r"^\s*autoresponder"),
    ("List-Id", r"."),
    ("Mailing-List", r"."),
    ("X-Loop", r"."),
    ("Content-Type", r"^\s*multipart/report\b"),
    ("Content-Type", r"^\s*(message/(delivery-status|disposition-notification)|text/calendar)\b"),
)
SENDERS = re.compile(
    r"^(mailer-daemon|postmaster|owner-.*|.*-(request|owner)|bounces?([+-].*)?|no-?reply|autoreply)@",
    re.IGNORECASE,
)
# The only signal that a heuristic gives by itself: a subject that its machine wrote, in several languages.
SUBJECTS = re.compile(
    r"^\W{0,2}(auto(matic|mated|mate)?[- ]?(reply|response|generated|answer)|out of (the )?office"
    r"|away from (the )?office"
    r"|abwesenheit\w*|automatische (antwort|r[üu]ckmeldung)|r[ée]ponse automatique|absence du bureau|absent du bureau"
    r"|respuesta autom[aá]tica|fuera de (la )?oficina|risposta automatica|fuori sede|resposta autom[aá]tica"
    r"|fora do escrit[oó]rio"
    r"|automatisch(e)? (antwoord|bericht)|afwezig(heid)?|autosvar|autom(atiskt|atisk) svar|fr[åa]nvar\w*|frav[æa]r\w*"
    r"|automaattinen vastaus|poissa|automatick[áa] odpov[eě][dď]|automatick\w+ odpove[dď]"
    r"|automatyczna odpowied[zź]|odpowied[zź] "
    r"automatyczna|автоматический ответ|автоответ|автоматична відповідь"
    r"|otomatik yan[ıi]t|αυτόματη απάντηση"  # noqa: RUF001
    r"|automatikus v[aá]lasz"
    r"|r[aă]spuns automat|automatski odgovor|автоматичен отговор|automatinis atsakymas|automaatvastus"
    r"|autom[āa]tisk[āa] atbilde"
    r"|tr[aả] l[oờ]i t[uự] đ[oộ]ng|jawaban otomatis|balasan otomatis|الرد التلقائي|رد تلقائي|תשובה אוטומטית"
    r"|מענה אוטומטי"
    r"|ตอบกลับอัตโนมัติ|自动(回复|答复)"
    r"|自動(回覆|返信|応答|回答)|不在(通知|の|です)?|자동 ?(회신|응답)|부재중)\s*(\]|[:\uff1a-])",
    re.IGNORECASE,
)


def why_automatic(message: Message, sender: str) -> str:
    """Return which signal says that no person wrote this, or "" if none does."""
    for name, pattern in SIGNALS:
        if any(re.search(pattern, value, re.IGNORECASE) for value in mime.headers(message, name)):
            return name
    if SENDERS.match(sender):
        return "From"
    return "Subject" if SUBJECTS.match(mime.header(message, "Subject")) else ""


def is_automatic(raw: bytes) -> bool:
    """Whether no person wrote this. Never raises: what is over a cap is put aside, and nobody's words."""
    try:
        message = mime.parse(raw)
    except TooMuchError:
        return True
    found = re.findall(r"[^\s<>\"]+@[^\s<>\"]+", mime.header(message, "From"))
    return bool(why_automatic(message, found[-1] if found else "")) or bool(bounces.of(message))
