"""Promises of the two parts of a mail: whoever reads the plain text reads what everybody else does."""

from __future__ import annotations

import re
from html import unescape

import every_mail
import pytest
from every_mail import EVERY
from mail_page import URL, Page, in_sight, words

from course.content.catalogue import BARE

MAILS = pytest.mark.parametrize("which", EVERY, ids=str)
NUMBERED = re.compile(r"^ *\d+\. ", re.MULTILINE)


@MAILS
def test_text_and_html_say_the_same_words(which):
    """The same ones in the same order, nothing in one of them only; addresses of links and numbers of steps aside."""
    said = words(NUMBERED.sub("", URL.sub("", every_mail.text(which))))

    assert said == words(URL.sub("", in_sight(every_mail.html(which))))
    assert len(said) > 50


@MAILS
def test_text_and_html_lead_to_the_same_pages(which):
    """Each link of the HTML has its address in the text, in the same order, and no other address is there.

    What is an address in sight in both is looked at elsewhere.
    """
    html, text = every_mail.html(which), every_mail.text(which)
    shown = URL.findall(in_sight(html))
    links = [one.attributes["href"].removeprefix("mailto:") for one in Page.of(html).all("a")]
    linked = [address for address in links if address not in shown]
    typed = [address for address in URL.findall(text) if address not in shown]

    assert typed == [address for address in linked if "@" not in address]
    assert [address for address in linked if "@" in address and address not in text] == []


@MAILS
def test_every_mail_with_links_leads_to_my_course(which):
    """In both parts; but for what may reach a stranger, and the last mail of all, after which there is no course.

    Without links one alone does, which is about that page.
    """
    there = f"{every_mail.LIVE['base_url']}/mine/"
    parts = [there in every_mail.html(which), there in every_mail.text(which)]

    assert parts == [which.name not in (*BARE, "erased") and (not which.plain or which.name == "over")] * 2


@MAILS
def test_steps_are_numbered_in_the_text_as_in_the_html(which):
    """A numbered list has a number for each step, from 1; what is no list has none."""
    html, text = every_mail.html(which), every_mail.text(which)
    lists = [one.count("<li") for one in re.findall(r"<ol.*?</ol>", html, re.DOTALL)]

    assert [int(number) for number in re.findall(r"^(\d+)\. ", text, re.MULTILINE)] == [
        number for steps in lists for number in range(1, steps + 1)
    ]


@MAILS
def test_the_text_is_laid_out(which):
    """Headings are underlined, paragraphs apart; no tag, no entity, no blank at a line's end, no gap."""
    text, html = every_mail.text(which), every_mail.html(which)
    headings = [unescape(one) for one in re.findall(r"<h2[^>]*>(.*?)</h2>", html)]

    assert [one for one in headings if not re.search(rf"^{re.escape(one)}\n-+$", text, re.MULTILINE)] == []
    assert re.findall(r"</?[a-z]+[^>]*>|&[a-z]+;|[ \t]+$|\n\n\n|\xa0", text, re.MULTILINE) == []
