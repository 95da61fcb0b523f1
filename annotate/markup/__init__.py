"""Texts of models and people as HTML in which nothing runs, nothing loads, and nothing of the text is lost.

Markdown is for looks only: what a person judges is what was written. So backslashes, entities and link definitions
stay on the page, an image is told in words, formulas are set as MathML, and code keeps its shape. Where a text would
leave nothing that can be seen, it is shown as it is, or as "(empty)".
"""

import unicodedata

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markupsafe import Markup

from annotate.markup import formulas, listings, literal

EMPTY = Markup('<p class="empty">(empty)</p>')
_UNSEEN = ("Z", "C")
"""Categories of Unicode that leave no mark: separators and control characters."""


def render(text: str) -> Markup:
    """A text as HTML; tags, images and scripts in it are shown as the characters they are."""
    if not _seen(text):
        return EMPTY
    html = Markup(_markdown.render(text))  # noqa: S704 (markdown-it has escaped it: html=False below)
    # Such as a lone "#", which Markdown takes for a heading without words.
    return html if _seen(html.striptags()) else listings.listing(text)


def _seen(text: str) -> bool:
    return any(unicodedata.category(character)[0] not in _UNSEEN for character in text)


def _tame_links(state: StateCore) -> None:
    """Links open in a new tab, tell their host nothing of this page, and show on hovering where they lead."""
    for block in state.tokens:
        for token in block.children or []:
            if token.type == "link_open":
                token.attrSet("rel", "noopener noreferrer nofollow")
                token.attrSet("target", "_blank")
                token.attrSet("title", str(token.attrGet("href") or ""))


def _directions(state: StateCore) -> None:
    """Each paragraph, list and table runs from right to left where its first letter does."""
    for token in state.tokens:
        if token.level == 0 and token.nesting == 1:
            token.attrSet("dir", "auto")


def _image(renderer: RendererHTML, tokens: list[Token], index: int, *_: object) -> Markup:
    """A remote image would tell its host who reads, and when: it is said and not loaded."""
    token = tokens[index]
    told = f"[Image, not loaded: {token.content}] ({token.attrGet('src')})"
    return Markup('<span class="image">{}</span>').format(told)


def _table(renderer: RendererHTML, tokens: list[Token], index: int, options: object, env: object) -> Markup:
    """In a box that scrolls: a wide table must not break its words, nor the page."""
    shown = Markup(renderer.renderToken(tokens, index, options, env))  # type: ignore[arg-type]  # noqa: S704 (a tag)
    if tokens[index].nesting == 1:
        return Markup('<div class="wide">{}').format(shown)
    return Markup("{}</div>\n").format(shown)


def _made() -> MarkdownIt:
    """html=False turns tags into text. What would take characters away is off, or replaced by what keeps them."""
    made = MarkdownIt("commonmark", {"html": False, "linkify": False, "breaks": True})
    made.enable(["table", "strikethrough"]).disable(["reference", "entity", "escape"])
    for part in (literal, formulas, listings):
        part.install(made)
    made.core.ruler.push("tame_links", _tame_links)
    made.core.ruler.push("directions", _directions)
    for kind, rule in (("image", _image), ("table_open", _table), ("table_close", _table)):
        made.add_render_rule(kind, rule)
    return made


_markdown = _made()
