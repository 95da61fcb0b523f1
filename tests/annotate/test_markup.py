"""Hostile text stays text."""

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
    "<a href='https://evil.example' ping='https://evil.example'>x</a>",
]
HARMLESS = {"p", "a", "em", "strong", "s", "code", "pre", "blockquote", "br", "hr", "ul", "ol", "li"}
HARMLESS |= {"table", "thead", "tbody", "tr", "th", "td", "h1", "h2", "h3", "h4", "h5", "h6"}


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
        assert tag in HARMLESS
        assert set(attributes) <= {"href", "rel", "target", "title", "style", "start"}
        assert (attributes.get("href") or "https:").startswith(("http:", "https:", "mailto:"))
        assert attributes.get("style") in (None, "text-align:left", "text-align:right", "text-align:center")


def test_links_pass_nothing_on_and_show_where_they_lead() -> None:
    ((_, _), (tag, attributes)) = Tags(render("[here](https://ok.example/a 'a lie')")).found
    assert tag == "a"
    assert attributes["rel"] == "noopener noreferrer nofollow"
    assert attributes["title"] == attributes["href"] == "https://ok.example/a"


def test_text_survives_as_it_was() -> None:
    assert Tags(render("<b>bold?</b> & ${x} {{y}} $$z$$")).text.strip() == "<b>bold?</b> & ${x} {{y}} $$z$$"


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
