"""Hostile text stays text."""

import re
import time
from html.parser import HTMLParser

import pytest

from annotate.charts import line_chart
from annotate.markup import render
from annotate.panels.jobs import job_list
from store import jobs
from store.workspace import Workspace

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "![beacon](https://evil.example/b.png)",
    "![x](data:image/svg+xml,<svg onload=alert(1)>)",
    "[click](javascript:alert(1))",
    "[click](JaVaScRiPt:alert(1))",
    "[click](data:text/html,<script>alert(1)</script>)",
    "[click](vbscript:x)",
    '[t](https://ok.example "q\\" onmouseover=alert(1) x=\\"")',
    '<https://ok.example/"onmouseover=alert(1)>',
    '```"><img src=x onerror=alert(1)>\ncode</code></pre><script>alert(1)</script>\n```',
    "<form action=https://evil.example><input name=p></form>",
    "<iframe src=https://evil.example></iframe>",
    "<style>*{background:url(https://evil.example)}</style>",
    "${alert(1)} {{constructor.constructor('alert(1)')()}} `${alert(1)}`",
    "$$\\href{javascript:alert(1)}{x}$$",
    "| a | <b onclick=alert(1)> |\n|---|---|\n| ![i](http://evil.example/i) | <svg/onload=alert(1)> |",
    "[ref]\n\n[ref]: javascript:alert(1)",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    r"\(\text{<script>alert(1)</script>}\) $\mathrm{<img src=x onerror=alert(1)>}$",
    r"\[\style{background:url(https://evil.example)}{x}\] \(\class{saved on}{x}\) \(\cssId{board}{x}\)",
    r"$$\href{https://evil.example}{x}$$ \(\unicode{x3c}script\unicode{x3e}\) \(\color{white}{hidden}\)",
    "```html\n<script>alert(1)</script><img src=x onerror=alert(1)>\n```",
    "def f():\n    return '<script>alert(1)</script>'",
    '```python" onmouseover=alert(1)\nx\n```',
    "<a href='https://evil.example' ping='https://evil.example'>x</a>",
]
HARMLESS = {"p", "a", "em", "strong", "s", "code", "pre", "blockquote", "br", "hr", "ul", "ol", "li"}
HARMLESS |= {"table", "thead", "tbody", "tr", "th", "td", "h1", "h2", "h3", "h4", "h5", "h6"}
CLASSES = {"span": r"[a-z]{1,3}[0-9]?|image|indent", "div": "wide|wide formula", "p": "(empty)?"}
MATHS = {"math", "mstyle", "mrow", "mi", "mn", "mo", "mtext", "msub", "msup", "munder", "mfrac", "mtable", "mtr"}
PLAIN_VALUE = re.compile(r"[\w .%+-]*")


class Tags(HTMLParser):
    """Collects every tag with its attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(str(html))  # of a Markup each piece would be a Markup, and adding text to it escapes

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_makes_only_harmless_tags(text: str) -> None:
    for tag, attributes in Tags(render(text)).found:
        if tag in MATHS:
            assert not set(attributes) & {"href", "style", "class", "id", "src"}
            assert all(
                PLAIN_VALUE.fullmatch(value or "") and not name.startswith("on") for name, value in attributes.items()
            )
            continue
        assert tag in HARMLESS | CLASSES.keys()
        assert (
            re.fullmatch(CLASSES.get(tag, "nothing"), attributes.pop("class", None) or "nothing") or tag in HARMLESS
        )
        assert attributes.pop("dir", "auto") == "auto"
        assert set(attributes) <= {"href", "rel", "target", "title", "style", "start"}
        assert (attributes.get("href") or "https:").startswith(("http:", "https:", "mailto:"))
        assert attributes.get("style") in (None, "text-align:left", "text-align:right", "text-align:center")


def test_links_pass_nothing_on_and_show_where_they_lead() -> None:
    ((_, _), (tag, attributes)) = Tags(render("[here](https://ok.example/a 'a lie')")).found
    assert tag == "a"
    assert attributes["rel"] == "noopener noreferrer nofollow"
    assert attributes["title"] == attributes["href"] == "https://ok.example/a"


def test_text_survives_as_it_was() -> None:
    assert Tags(render("<b>bold?</b> & ${x} {{y}} &amp; $$z")).text.strip() == "<b>bold?</b> & ${x} {{y}} &amp; $$z"


WRITTEN = [
    (r"a\b C:\\dir \* \_ \n", None),
    ("c_{*} and d_{*}, {_a,b_}, x^*y^*", None),
    ("2*3*4 is 24; self.__init__(x), __main__, __name__", None),
    ("[secret]: http://example.org/x", None),
    ("&lt;b&gt; &nbsp; &#65;", None),
    ("It costs $5 or $6, US$7, and ${HOME} and $PATH.", None),
    ("def f(x):\n    y = x * 2 * 3\n    return __name__\n\nclass A(B):\n    'It.'\n    z = y*y*y", None),
    ("import os\n# a comment\nfor x in os.listdir():\n    print(x)", None),
    ("function f(a) {\n  // what\n  return a * 2 * a;\n}", None),
    ("#include <stdio.h>\n\nint main(void) {\n    return 0;\n}", None),
    ("if you want to know:\n   ask  \n     twice", "if you want to know:\n   ask\n     twice"),
    ("![a cat](https://evil.example/c.png)", "[Image, not loaded: a cat] (https://evil.example/c.png)"),
    ("", "(empty)"),
    (" \n\u200b\t", "(empty)"),
    ("#", "#"),
    ("\\[ \\frac{a \\]", "\\[ \\frac{a \\]"),
    (r"\(\nosuchcommand{x}\)", None),
]


@pytest.mark.parametrize(("text", "shown"), WRITTEN)
def test_what_was_written_is_what_is_read(text: str, shown: str | None) -> None:
    assert Tags(render(text)).text.strip() == (text if shown is None else shown)


def test_code_without_a_fence_is_one_listing_and_prose_is_none() -> None:
    told = "Do this:\nimport os\nos.remove(x)\n\nprint(x)\n\nThat is all.\nFrom here on it works."
    found = Tags(render(told))
    assert [tag for tag, _ in found.found] == ["p", "pre", "code", "p", "br"]
    for prose in (
        "from the start\nit was bad",
        "import duties rose\nfor all",
        "class is over.\nGo (home).",
        "return it\nsoon",
    ):
        assert not {"pre", "code"} & {tag for tag, _ in Tags(render(prose)).found}, prose


FORMULAS = [
    (r"\(x_i\)", ["math", "mrow", "msub", "mi", "mi"]),
    ("so $x^2$ holds", ["math", "mrow", "msup", "mi", "mn"]),
    ("$$\n\\sum_i\n- x\n= y\n$$", ["math", "mrow", "munder", "mo", "mi", "mo", "mi", "mo", "mi"]),
    ("\\[\n+ a\n\\]", ["math", "mrow", "mo", "mi"]),
    ("- \\(a\\)", ["math", "mrow", "mi"]),
    ("| x |\n|---|\n| $a$ |", ["math", "mrow", "mi"]),
]


@pytest.mark.parametrize(("text", "tags"), FORMULAS)
def test_formulas_are_set(text: str, tags: list[str]) -> None:
    assert [tag for tag, _ in Tags(render(text)).found if tag in MATHS] == tags


@pytest.mark.parametrize(
    "text", ["$$" + "{" * 900 + "}" * 900 + "$$", "$$" + "\\frac" * 300 + "$$", "$" * 3000, "\\(" * 2000]
)
def test_a_formula_that_cannot_be_set_is_shown_and_soon(text: str) -> None:
    start = time.process_time()
    assert Tags(render(text)).text.strip() == text
    assert time.process_time() - start < 2


def test_code_is_coloured_where_its_language_is_said() -> None:
    found = Tags(render("```Python extra\ndef f():\n    return 'a'  # b\n```"))
    assert {attributes.get("class") for tag, attributes in found.found if tag == "span"} >= {"k", "nf", "s1", "c1"}
    assert found.text.strip() == "def f():\n    return 'a'  # b"
    assert "span" not in {tag for tag, _ in Tags(render("```nosuch\ndef f(): 1\n```")).found}


def test_text_from_right_to_left_says_so_paragraph_by_paragraph() -> None:
    found = Tags(render("שלום.\n\nHello.\n\n- one\n\n| a |\n|---|\n| b |\n\n# h"))
    marked = [tag for tag, attributes in found.found if attributes.get("dir") == "auto"]
    assert marked == ["p", "p", "ul", "table", "h1"]


def test_a_job_cannot_write_html(workspace: Workspace) -> None:
    with workspace.store() as db:
        job = jobs.enqueue(db, "<img src=x onerror=alert(1)>")
        jobs.claim(db, 1, job)
        jobs.report(db, job, 0.5, "<script>note</script>")
        other = jobs.enqueue(db, "reward")
        jobs.claim(db, 1, other)
        jobs.fail(db, other, "<script>error</script>")
        third = jobs.enqueue(db, "reward")
        jobs.finish(db, third, {"<i>key</i>": "<script>value</script>"})
        html = job_list(db)
    assert not {tag for tag, _ in Tags(html).found} & {"script", "img"}
    assert "<script>" in Tags(html).text


def test_a_chart_of_nothing_of_one_and_of_many() -> None:
    assert line_chart("empty", []) == ""
    assert line_chart("broken", [(0, float("nan")), (1, float("inf"))]) == ""
    assert "M50.00 50.00" in line_chart("one", [(3, 0.5)])
    long = line_chart("<many>", [(i, i * i) for i in range(5000)])
    assert long.count("L") < 300
    assert "<many>" not in long
