"""In charge of Markdown: a section's tokens become HTML by markdown-it and plain text by the renderer here.

(The known HTML-to-text converters mangle lists and links; a lesson's text part is as good as its HTML.)
"""

from __future__ import annotations

from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

PARSER = MarkdownIt("commonmark", {"html": False})
BUTTON = "button"  # [label](url "button") is shown as a button


def parse(source: str) -> list[Token]:
    """Return the block tokens of a Markdown text."""
    return PARSER.parse(source)


def to_html(tokens: Sequence[Token]) -> Markup:
    """Return HTML. Raw HTML in the source is shown as the text it is, so templates need not escape this again."""
    for token in tokens:
        for link in token.children or []:
            if link.type == "link_open" and link.attrs.get("title") == BUTTON:
                link.attrs = {"href": link.attrs["href"], "class": BUTTON}
    return Markup(PARSER.renderer.render(tokens, PARSER.options, {}).strip())  # noqa: S704 (see above)


def to_text(tokens: Sequence[Token]) -> str:
    """Return plain text: one line a paragraph (mail clients wrap), numbered lists, links with their address."""
    lines: list[str] = []
    lists: list[int | None] = []  # the next number of each open list; None for a bulleted one
    label = ""
    for token in tokens:
        match token.type:
            case "ordered_list_open":
                lists.append(int(token.attrs.get("start", 1)))
            case "bullet_list_open":
                lists.append(None)
            case "ordered_list_close" | "bullet_list_close":
                lists.pop()
                lines += [""] if not lists else []
            case "list_item_open":
                number = lists[-1]
                label = "- " if number is None else f"{number}. "
                lists[-1] = None if number is None else number + 1
            case "inline":
                hang = " " * (3 * (len(lists) - 1) if label else 3 * len(lists))
                below = "\n" + hang + " " * (3 if label else 0)
                lines.append(hang + label + _inline(token.children or []).replace("\n", below))
                label = ""
            case "paragraph_close" if not lists:
                lines.append("")
            case "heading_close" | "hr":
                lines.append("")
            case "fence" | "code_block":
                lines += [token.content.rstrip("\n"), ""]
            case _:
                pass
    return "\n".join(lines).strip()


def _inline(tokens: Sequence[Token]) -> str:
    out: list[str] = []
    address, start, button = "", 0, False
    for token in tokens:
        match token.type:
            case "text" | "code_inline" | "image":
                out.append(token.content)
            case "em_open" | "em_close":
                out.append("*")
            case "softbreak":
                out.append(" ")
            case "hardbreak":
                out.append("\n")
            case "link_open":
                address, start = str(token.attrs["href"]), len(out)
                button = BUTTON in {token.attrs.get("title"), token.attrs.get("class")}
            case "link_close":
                said = "".join(out[start:])
                out[start:] = [_link(said, address, button=button)]
            case _:
                pass
    return "".join(out)


def _link(said: str, address: str, *, button: bool) -> str:
    bare = address.removeprefix("mailto:")
    if said in {address, bare}:
        return bare
    return f"{said}:\n{bare}" if button else f"{said} ({bare})"
