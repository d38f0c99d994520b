"""In charge of what mail clients mark in their HTML: which class, id, name or style means a quote or a signature."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Means(StrEnum):
    """What a marked element is."""

    QUOTE = "quote"
    REST = "rest"
    HEAD = "head"
    SIGNATURE = "signature"
    HIDDEN = "hidden"
    INDENT = "indent"  # a blockquote that only moves a text to the right


@dataclass(frozen=True)
class Mark:
    """How a client marks an element: an attribute that matches."""

    client: str
    attribute: str
    pattern: re.Pattern[str]
    means: Means


def _mark(client: str, attribute: str, pattern: str, means: Means) -> Mark:
    return Mark(client, attribute, re.compile(pattern, re.IGNORECASE), means)


MARKS: tuple[Mark, ...] = (
    _mark("any: hidden preheader", "style", r"display\s*:\s*none|mso-hide\s*:\s*all", Means.HIDDEN),
    _mark("gmail signature", "class", r"\bgmail_signature(?:_prefix)?\b", Means.SIGNATURE),
    _mark("gmail signature, newer", "data-smartmail", r"gmail_signature", Means.SIGNATURE),
    _mark("gmail attribution", "class", r"\bgmail_attr\b", Means.HEAD),
    _mark("thunderbird attribution", "class", r"\bmoz-cite-prefix\b", Means.HEAD),
    _mark("thunderbird signature", "class", r"\bmoz-signature\b", Means.SIGNATURE),
    _mark("thunderbird forward", "class", r"\bmoz-forward-container\b", Means.REST),
    _mark("outlook.com and outlook web", "id", r"^(?:x_)*divRplyFwdMsg$", Means.REST),
    _mark("outlook.com and outlook web", "id", r"^(?:x_)*appendonsend$", Means.REST),
    _mark("outlook phone", "id", r"^(?:x_)*mail-editor-reference-message-container$", Means.REST),
    _mark("outlook phone", "id", r"^(?:x_)*ms-outlook-mobile-body-separator-line$", Means.REST),
    _mark("outlook phone signature", "id", r"^(?:x_)*ms-outlook-mobile-signature$", Means.SIGNATURE),
    _mark("outlook web signature", "id", r"^(?:x_)*Signature$", Means.SIGNATURE),
    _mark("outlook desktop", "style", r"border:\s?none;\s?border-top:\s?solid\s", Means.REST),
    _mark("outlook mac", "style", r"border-style:\s?solid none none", Means.REST),
    _mark("outlook express", "class", r"\bOutlookMessageHeader\b", Means.REST),
    _mark("yahoo", "class", r"\byahoo_quoted\b", Means.REST),
    _mark("yahoo", "id", r"^yahoo_quoted", Means.REST),
    _mark("yahoo signature", "class", r"\bydp\w+signature\b|\byahoo-signature", Means.SIGNATURE),
    _mark("proton", "class", r"\bprotonmail_quote\b", Means.QUOTE),
    _mark("proton signature", "class", r"\bprotonmail_signature_block\b", Means.SIGNATURE),
    _mark("tuta", "class", r"\btutanota_quote\b", Means.QUOTE),
    _mark("zoho", "class", r"\bzmail_extra\b", Means.REST),
    _mark("gmx, web.de", "name", r"^quote$", Means.QUOTE),
    _mark("spark", "name", r"^messageReplySection$", Means.REST),
    _mark("spark signature", "name", r"^messageSignatureSection$", Means.SIGNATURE),
    _mark("roundcube attribution", "id", r"^reply-intro$", Means.HEAD),
    _mark("roundcube signature", "id", r"^_rc_sig$", Means.SIGNATURE),
    _mark("samsung signature", "id", r"^composer_signature$", Means.SIGNATURE),
    _mark("apple mail signature", "id", r"^AppleMailSignature$", Means.SIGNATURE),
    _mark("mail.ru signature", "data-signature-widget", r"^container$", Means.SIGNATURE),
    _mark("airmail attribution", "class", r"\bairmail_on\b", Means.HEAD),
    _mark("airmail signature", "class", r"\bbloop_sign\b", Means.SIGNATURE),
    _mark("k-9 signature", "class", r"\bk9mail-signature\b", Means.SIGNATURE),
    _mark("evolution signature", "class", r"-x-evo-signature(?:-wrapper)?\b", Means.SIGNATURE),
    _mark("fastmail signature", "id", r"^sig\d{4,}$", Means.SIGNATURE),
    _mark("netease", "class", r"\bntes-mailmaster-quote\b", Means.REST),
    _mark("netease", "id", r"^isReplyContent$|^isForwardContent$", Means.REST),
    _mark("gmail, apple: indented", "style", r"border:\s?none;\s?padding:\s?0", Means.INDENT),
    _mark("outlook.com: indented", "style", r"border-(?:width|style):\s?(?:0|none)", Means.INDENT),
)
