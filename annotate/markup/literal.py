"""Characters that Markdown would take for its own, where they plainly are not: backslashes, `__init__`, `2*3*4`."""

import re

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markupsafe import Markup

_DUNDER = re.compile(r"__[A-Za-z]\w*?__(?!\w)")
_OWN = {name for kind in (object, type, int, str, list, dict, type(re), type(re.compile)) for name in dir(kind)}
_DUNDERS = {name for name in _OWN if _DUNDER.fullmatch(name)} | {"__main__", "__all__", "__version__", "__enter__"}
_DUNDERS |= {"__exit__", "__del__", "__next__", "__slots__", "__future__", "__path__", "__author__", "__post_init__"}


def install(markdown: MarkdownIt) -> None:
    """Add the rules, before those that would take the characters."""
    inline = markdown.inline.ruler
    inline.before("newline", "indent", _indent)
    inline.before("backticks", "backslash", _backslash)
    inline.before("emphasis", "plain_mark", _plain_mark)
    markdown.add_render_rule("indent", _render_indent)


def text(state: StateInline, characters: str) -> bool:
    """Put characters on the page as they are, and go on behind them."""
    state.pending += characters
    state.pos += len(characters)
    return True


def _backslash(state: StateInline, silent: bool) -> bool:
    """A backslash keeps the next character from being markup, and stays itself: it may be TeX, or a path."""
    if state.src[state.pos] != "\\":
        return False
    following = state.src[state.pos + 1 : state.pos + 2]
    kept = "\\" + following if following and following in "\\`*_{}[]()#+-.!|~<>$&" else "\\"
    if silent:
        state.pos += len(kept)
        return True
    return text(state, kept)


def _plain_mark(state: StateInline, silent: bool) -> bool:
    """`*` and `_` that emphasise nothing: names of Python's own, products, and what stands in TeX's braces."""
    source, start = state.src, state.pos
    mark = source[start]
    if silent or mark not in "*_":
        return False
    before = source[start - 1] if start else " "
    if mark == "_" and (named := _DUNDER.match(source, start)):
        behind = source[named.end() : named.end() + 1]
        if named[0] in _DUNDERS or before == "." or behind in ("(", "."):
            return text(state, named[0])
    end = start
    while end < len(source) and source[end] == mark:
        end += 1
    after = source[end] if end < len(source) else " "
    product = mark == "*" and end - start == 1 and _operand(before, ")]") and _operand(after, "([")
    if before in "{^\\" or after in "}^{" or product:
        return text(state, source[start:end])
    return False


def _operand(character: str, brackets: str) -> bool:
    return character in brackets or (character.isascii() and character.isalnum())


def _indent(state: StateInline, silent: bool) -> bool:
    """A line break inside a paragraph, and the blanks that the next line begins with: they may be code or verse."""
    source, start = state.src, state.pos
    if source[start] != "\n":
        return False
    end = start + 1
    while end < len(source) and source[end] in " \t":
        end += 1
    if end == start + 1:
        return False
    if not silent:
        state.pending = state.pending.rstrip(" ")
        state.push("softbreak", "br", 0)
        state.push("indent", "span", 0).content = source[start + 1 : end]
    state.pos = end
    return True


def _render_indent(renderer: RendererHTML, tokens: list[Token], index: int, *_: object) -> Markup:
    return Markup('<span class="indent">{}</span>').format(tokens[index].content)
