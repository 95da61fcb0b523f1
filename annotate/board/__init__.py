"""The ranking board: one gr.HTML component, made by a function from the files beside this one.

page.js is the entry of its scripts, ES modules that the browser fetches by themselves; see `annotate.scripts`.

The template is static and the texts come in as JSON in `value`: gr.HTML compiles its template as JavaScript, so
a model's text inside it would run. A factory and not a subclass, because Gradio writes a `.pyi` file beside the
module of every subclass.
"""

from pathlib import Path

import gradio as gr

from annotate import scripts

_HERE = Path(__file__).parent
_STYLES = ("board.css", "own.css", "bar.css")


def ranking_board() -> gr.HTML:
    """The board. Its value is `annotate.queue.view`; What the person decides comes to annotate/line.py."""
    return gr.HTML(
        html_template=_read("board.html"),
        css_template=_read(*_STYLES),
        js_on_load=scripts.start("board/page.js"),
        apply_default_css=False,
        elem_id="board",
    )


def _read(*names: str) -> str:
    return "\n".join((_HERE / name).read_text(encoding="utf-8") for name in names)
