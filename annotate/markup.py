"""Markdown of models and people as HTML in which nothing runs and which loads nothing from anywhere."""

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markupsafe import Markup

# html=False turns tags into text; images are off, because a remote one tells its host who reads, and when.
_markdown = MarkdownIt("commonmark", {"html": False, "linkify": False, "breaks": True})
_markdown.enable(["table", "strikethrough"]).disable("image")


def _tame_links(state: StateCore) -> None:
    """Links open in a new tab, tell their host nothing of this page, and show on hovering where they lead."""
    for block in state.tokens:
        for token in block.children or []:
            if token.type == "link_open":
                token.attrSet("rel", "noopener noreferrer nofollow")
                token.attrSet("target", "_blank")
                token.attrSet("title", str(token.attrGet("href") or ""))


def _fence(renderer: RendererHTML, tokens: list[Token], index: int, *_: object) -> Markup:
    """A block of code; markdown-it's own rule would write the word after ``` into a class attribute."""
    return Markup("<pre><code>{}</code></pre>\n").format(tokens[index].content)


_markdown.core.ruler.push("tame_links", _tame_links)
_markdown.add_render_rule("fence", _fence)


def render(text: str) -> Markup:
    """Markdown to HTML; tags, images and scripts in the text are shown as the characters they are."""
    return Markup(_markdown.render(text))  # noqa: S704 (markdown-it has escaped it: html=False above)
