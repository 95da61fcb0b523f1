"""Code as it was written, coloured by its language where that is said, and found where no fence is around it."""

import re
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_block import StateBlock
from markdown_it.token import Token
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name

LONGEST = 20_000
"""Characters of a listing that is coloured; colouring a longer one would hold up the page."""
LONGEST_LINE = 300
"""Characters of a line that is looked at for code; prose has longer ones."""

# A model writes what it likes after the fence: of the library's 500 languages these are let at its text.
LANGUAGES = re.compile(
    r"bash|c|c\+\+|cpp|c#|csharp|css|diff|dockerfile|go|haskell|html|ini|java|javascript|js|json|julia|kotlin|latex|lua"
    "|makefile|matlab|objective-c|perl|php|powershell|python3?|py|r|rb|ruby|rs|rust|scala|sh|shell|sql|swift|tex|toml"
    "|ts|typescript|xml|yaml|yml|zsh"
)

# Lines that begin a piece of code, and that prose does not begin with.
_START = re.compile(
    r"""\s*(?:
    (?:async\ )?def\ \w+\(.*|class\ \w+(?:\(.*\))?\s*[:{]|@\w[\w.]*(?:\(.*\))?
    |(?:import|from)\ [\w.]+(?:\ (?:as|import)\ .+)?;?|try:|else:
    |for\ \w+(?:,\ ?\w+)*\ in\ .+:|(?:if|elif|while)\ [^:]*[=<>(][^:]*:|for\ ?\(.*|(?:if|while)\ ?\(.*\)\ ?\{
    |(?:export\ )?(?:async\ )?function\b.*[({]|(?:const|let|var)\ [\w{}\[\], ]+=.*
    |(?:public|private|protected|static)\ .*[{;(]
    |\#include\ ?[<"].*|(?:int|void|char|float|double|bool|long)\ \**\w+(?:\(.*|\ ?=.*;)|fn\ \w+.*\{|func\ \w+.*\{
    |(?:SELECT|INSERT\ INTO|UPDATE|CREATE\ TABLE)\ .+|\#!/.*|[<]!DOCTYPE\ .*|<\w+(?:\ [^>]*)?>|print\(.*\);?
    |[\w.]+(?:\[.*\])?\ ?(?:\+|-|\*|/)?=\ ?[\w.]+\(.*\);?
    )\s*""",
    re.VERBOSE,
)
# Lines that go on with one.
_MORE = re.compile(
    r"\s*(?:#|//|/\*|--|\*/|[<]/?\w|[})\]]|return\b|else\b|except\b|finally\b|break\b|continue\b|pass\b|end\b"
    r"|[\w.\[\]'\"]+ ?[-+*/]?=[^=]|[\w.]+\(.*\)[;,]?$|(?:FROM|WHERE|GROUP BY|ORDER BY|JOIN|LIMIT)\b|.*[;{}]$)"
)
_COMMENT = re.compile(r"\s*#\s?\S")


def install(markdown: MarkdownIt) -> None:
    """Add the rule that finds bare code, and how code is written."""
    markdown.block.ruler.before("table", "bare_code", _bare, {"alt": ["paragraph"]})
    markdown.add_render_rule("fence", _fence)
    markdown.add_render_rule("code_block", _fence)


def listing(code: str, language: str = "") -> Markup:
    """Code as HTML, in spans with a class that says what each is; without them where the language is not known."""
    name = language.lower()
    if not LANGUAGES.fullmatch(name) or len(code) > LONGEST:
        return Markup("<pre><code>{}</code></pre>\n").format(code)
    coloured = Markup(highlight(code, _lexer(name), _FORMATTER))  # noqa: S704 (the formatter escapes)
    return Markup("<pre><code>{}</code></pre>\n").format(coloured)


_FORMATTER: HtmlFormatter[str] = HtmlFormatter(nowrap=True)


@cache
def _lexer(language: str) -> Lexer:
    return get_lexer_by_name(language, stripnl=False, ensurenl=False)


def _fence(renderer: RendererHTML, tokens: list[Token], index: int, *_: object) -> Markup:
    """markdown-it's own rule would write the word after ``` into a class attribute."""
    said = tokens[index].info.split()
    return listing(tokens[index].content, said[0] if said else "")


def _bare(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Two lines or more that are code, with nothing around them that says so."""
    if state.level or state.blkIndent:
        return False
    lines = bare_code([state.src[state.bMarks[line] : state.eMarks[line]] for line in range(start, end)])
    if lines < 2:
        return False
    if not silent:
        token = state.push("code_block", "code", 0)
        token.content = state.getLines(start, start + lines, 0, True)
        token.map = [start, start + lines]
        state.line = start + lines
    return True


def bare_code(lines: list[str]) -> int:
    """How many of these lines, from the first on, are one piece of code; 0 where the first begins none."""
    if not lines or not _starts(lines):
        return 0
    taken = 1
    for place, line in enumerate(lines[1:], 1):
        if not line.strip():
            continue  # a blank line belongs to it where code follows
        if len(line) > LONGEST_LINE or line.lstrip().startswith("```"):
            break
        if not (line[0] in " \t" or _START.fullmatch(line) or _MORE.match(line)):
            break
        taken = place + 1
    return taken


def _starts(lines: list[str]) -> bool:
    first = lines[0]
    if len(first) > LONGEST_LINE:
        return False
    if _START.fullmatch(first):
        return True
    commented = _COMMENT.match(first) and len(lines) > 1 and len(lines[1]) <= LONGEST_LINE
    return bool(commented and _START.fullmatch(lines[1]))
