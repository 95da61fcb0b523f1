"""Text of models and people as HTML that can neither run nor fetch anything."""

from html import escape

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

# html=False turns tags into text; images are off, because a remote one tells its host who reads, and when.
_markdown = MarkdownIt("commonmark", {"html": False, "linkify": False, "breaks": True})
_markdown.enable(["table", "strikethrough"]).disable("image")


def _tame_links(state: StateCore) -> None:
    """Links open elsewhere, pass nothing on, and show where they lead."""
    for block in state.tokens:
        for token in block.children or []:
            if token.type == "link_open":
                token.attrSet("rel", "noopener noreferrer nofollow")
                token.attrSet("target", "_blank")
                token.attrSet("title", str(token.attrGet("href") or ""))


def _fence(renderer: RendererHTML, tokens: list[Token], index: int, *_: object) -> str:
    """Code without the class attribute that a model's info string would write."""
    return f"<pre><code>{escape(tokens[index].content)}</code></pre>\n"


_markdown.core.ruler.push("tame_links", _tame_links)
_markdown.add_render_rule("fence", _fence)


def render(text: str) -> str:
    """Markdown to HTML; tags, images and scripts in the text are shown as the characters they are."""
    return str(_markdown.render(text))
