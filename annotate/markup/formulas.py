r"""TeX as MathML, which browsers set by themselves: no script, no font, nothing fetched.

Known are `\(...\)`, `$...$`, `\[...\]`, `$$...$$` and environments such as `align`. A formula that cannot be set, or
that asks for what is no mathematics (a link, a style, something hidden), is shown as it was written.
"""

import re
from functools import lru_cache
from xml.etree.ElementTree import Element

from latex2mathml.converter import convert_to_element
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markupsafe import Markup

LONGEST = 2000
"""Characters of a formula that is set; a longer one is no formula, and would take long."""

_CLOSING = {"\\(": "\\)", "\\[": "\\]", "$$": "$$", "$": "$"}
_DISPLAYED = ("\\[", "$$")
_BEGIN = re.compile(r"\\begin\{((?:equation|align|gather|multline|eqnarray|cases|[pbvBV]?matrix)\*?)\}")
# As pandoc does: a price is no formula, and neither is a shell's or a script's variable.
_DOLLARS = re.compile(r"\$(?![\s\d{$][^$\n]*\s\$|[\s{$])([^$`]{0,300}?[^$`\s\\])\$(?![\d{$])")

_TAGS = re.compile(
    "math|mrow|m[inos]|mtext|mspace|msub|msup|msubsup|munder|mover|munderover|mfrac|msqrt|mroot|mtable|mtr|mtd|mstyle"
    "|mpadded|menclose"
)
_ATTRIBUTES = re.compile(
    "display|displaystyle|scriptlevel|stretchy|fence|form|separator|[lr]space|minsize|maxsize|accent|accentunder"
    "|linethickness|(column|row)(align|spacing|lines)|mathvariant|width|notation|largeop|movablelimits|symmetric"
)
_DROPPED = frozenset(("mathcolor", "mathbackground"))
"""What is only looks; a colour could hide what was written."""
_VALUE = re.compile(r"[\w .%+-]*")
_REFERENCE = re.compile(r"&#x([0-9A-Fa-f]{2,6});")


def install(markdown: MarkdownIt) -> None:
    """Add the rules, before those that would take TeX for markup."""
    markdown.block.ruler.before("table", "formula", _block, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    markdown.inline.ruler.before("backslash", "formula", _inline)
    markdown.add_render_rule("formula", _render)


@lru_cache(2048)
def mathml(tex: str, *, displayed: bool) -> Markup | None:
    """A formula as MathML made of known elements and attributes only; None where it cannot be set."""
    if len(tex) > LONGEST or _open_braces(tex):
        return None
    try:
        return _written(convert_to_element(tex, display="block" if displayed else "inline"))
    except Exception:  # whatever the library stumbles over: the source is shown then
        return None


def _open_braces(tex: str) -> bool:
    """Whether there are more braces of one kind than of the other; the library would leave out what follows."""
    bare = re.sub(r"\\.", "", tex)
    return bare.count("{") != bare.count("}")


def _written(element: Element) -> Markup:
    """An element as text; written here, because the library's own writing escapes nothing. Raises ValueError where
    it is no plain mathematics."""
    if not _TAGS.fullmatch(element.tag):
        raise ValueError(f"<{element.tag}> is not shown.")
    attributes = Markup("")
    for name, value in element.attrib.items():
        if _ATTRIBUTES.fullmatch(name) and _VALUE.fullmatch(value):
            attributes += Markup(' {}="{}"').format(name, value)
        elif name not in _DROPPED and name != "xmlns":
            raise ValueError(f"{name}={value!r} is not shown.")
    said = _REFERENCE.sub(lambda found: chr(int(found[1], 16)), element.text or "")
    if element.tag != "mtext" and ("\\" in said or "&#" in said):  # a command that is not known
        raise ValueError(f"{said!r} is not shown.")
    inside = Markup("").join(_written(child) for child in element)
    return Markup("<{0}{1}>{2}{3}</{0}>").format(element.tag, attributes, said, inside)


def _inline(state: StateInline, silent: bool) -> bool:
    start = state.pos
    if state.src[start] not in "\\$":
        return False
    opening = state.src[start : start + 2]
    if opening in _CLOSING:
        end = state.src.find(_CLOSING[opening], start + 2)
        if end < 0 or not state.src[start + 2 : end].strip():
            return False
        tex, end = state.src[start + 2 : end], end + 2
    else:
        preceded = start and (state.src[start - 1].isalnum() or state.src[start - 1] in "$\\")
        found = None if preceded else _DOLLARS.match(state.src, start)
        if found is None:
            return False
        opening, tex, end = "$", found[1], found.end()
    if not silent:
        token = state.push("formula", "math", 0)
        token.content, token.markup, token.info = tex, state.src[start:end], opening
    state.pos = end
    return True


def _block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A formula on lines of its own, whose lines would else be taken for lists, headings and rules."""
    if state.is_code_block(start):
        return False
    first = state.src[state.bMarks[start] + state.tShift[start] : state.eMarks[start]]
    begun = _BEGIN.match(first)
    opening = first[:2]
    if not begun and opening not in _DISPLAYED:
        return False
    closing = f"\\end{{{begun[1]}}}" if begun else _CLOSING[opening]
    lines = [first]
    for line in range(start, end):
        if line > start:
            if state.isEmpty(line) or state.sCount[line] < state.blkIndent:
                return False
            lines.append(state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]])
        whole = "\n".join(lines).rstrip()
        if closing in whole[len(closing) if begun else 2 :]:
            break
    else:
        return False
    if not whole.endswith(closing) or not whole[2:-2].strip():
        return False
    if not silent:
        token = state.push("formula", "math", 0)
        token.block, token.map = True, [start, line + 1]
        token.content, token.markup, token.info = whole if begun else whole[2:-2], whole, "$$"
        state.line = line + 1
    return True


def _render(renderer: RendererHTML, tokens: list[Token], index: int, *_: object) -> Markup:
    token = tokens[index]
    displayed = token.info in _DISPLAYED
    shown = mathml(token.content.strip(), displayed=displayed)
    if shown is None:
        shown = Markup("<code>{}</code>").format(token.markup)
    return Markup('<div class="wide formula">{}</div>\n').format(shown) if token.block else shown
