"""In charge of how mail programs head their notices of absence, in thirty languages."""

from __future__ import annotations

import re

# Such a subject was written by a machine, yet only a guess: people answer with odd subjects too. Those that are certain
# may stand alone.
CERTAIN = (
    r"(auto(matic|mated|mate)?[- ]?(reply|response)|out of (the )?office|abwesenheits(notiz|assistent)"
    r"|automatische antwort|r[ée]ponse automatique|respuesta autom[aá]tica|risposta automatica|resposta autom[aá]tica"
    r"|automatisch antwoord|autosvar|automatiskt svar)"
)
SUBJECTS = re.compile(
    rf"^\W{{0,2}}{CERTAIN}\W*$|^re: out of (the )?office\s?:"
    r"|^(?-i:OOO)\s?:|^auto: .{1,80} (is out\b|\(returning )"  # the last is Lotus Notes
    r"|^\W{0,2}(auto(matic|mated|mate)?[- ]?(reply|response|generated|answer)|out of (the )?office"
    r"|away from (the )?office"
    r"|abwesenheit\w*|abwesend|au(\u00df|ss)er haus"
    r"|automatische (antwort|r[üu]ckmeldung)|r[ée]ponse automatique|absence du bureau|absent du bureau"
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
