"""Everything that is known of a workspace on one page that needs no network: for whoever was not there.

Its parts are the panels of the research page, drawn once, without what can be pressed.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from platform import python_version

from markupsafe import Markup
from sqlite_utils import Database

from annotate import look
from annotate.panels.evaluation import evaluation
from annotate.panels.jobs import curves
from annotate.panels.lineage import lineage
from annotate.panels.loop import counts, turns
from annotate.panels.parts import cells, clip, empty, heads, section, table
from annotate.panels.people import annotators
from annotate.panels.versions import versions
from rlhf.settings import settings_of
from store import models
from store.errors import BadInput
from store.results import Example, as_json, comparison
from store.workspace import Workspace

EXAMPLES = 8
"""Prompts that show how the answers changed."""
MOST_TEXT = 1200
"""Characters of each of their texts."""
PACKAGES = ("rankloop", "torch", "transformers", "peft", "trl", "bitsandbytes", "datasets", "numpy", "gradio")
STYLES = ("tokens.css", "research.css", "trust.css", "policies.css", "report.css")

_PAGE = Markup("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · Rankloop</title><style>
{style}</style></head>
<body><main id="research" class="sheet"><header>{mark}<h1>{title}</h1><p>{told}</p></header>
{body}</main></body></html>
""")


def sheet(title: str, told: str, body: Markup) -> str:
    """A whole page of this look, with everything it needs in it: a title, a line below it, and panels."""
    style = Markup(look.read(*STYLES))  # noqa: S704 (style sheets of this package)
    return _PAGE.format(title=title, told=told, style=style, mark=look.MARK, body=body)


def page(db: Database, workspace: Workspace) -> str:
    """The report of a workspace as it is now."""
    drawn = (counts, turns, versions, evaluation, curves, annotators, lineage)
    body = Markup("").join([*(panel(db) for panel in drawn), _examples(db), _settings(workspace), _packages()])
    return sheet("Report", f"All that the workspace knew on {datetime.now(UTC):%Y-%m-%d at %H:%M} UTC.", body)


def _examples(db: Database) -> Markup:
    """Answers of the base and of the newest policy that has some beside each other."""
    for model in reversed(models.every(db, "policy")):
        compared = comparison(model)
        if compared and compared.examples:
            shown = Markup("").join(_example(example, model.name) for example in compared.examples[:EXAMPLES])
            return section("Examples, before and after", shown)
    return section("Examples, before and after", empty("No policy was compared on held-out prompts yet."))


def _example(example: Example, name: str) -> Markup:
    side = Markup("<div><dt>{}</dt><dd>{}</dd></div>")
    return Markup('<blockquote>{}</blockquote><dl class="answers">{}{}</dl>').format(
        clip(example.prompt, MOST_TEXT),
        side.format("base", clip(example.base, MOST_TEXT)),
        side.format(name, clip(example.policy, MOST_TEXT)),
    )


def _settings(workspace: Workspace) -> Markup:
    """Every setting as it is now, defaults included, without the ways to folders of this machine."""
    try:
        told = as_json(settings_of(workspace))
    except BadInput as error:
        return section("Settings", empty(str(error).replace(str(workspace.folder), "")))
    rows = Markup("").join(Markup("<tr>{}</tr>").format(cells(*row)) for row in _rows(told))
    listed = table(heads("Table", "Setting", "Value"), rows)
    return section("Settings", Markup("<details><summary>All settings</summary>{}</details>").format(listed))


def _rows(told: Mapping[str, object]) -> Iterator[tuple[str, str, str]]:
    for name, held in told.items():
        for key, value in held.items() if isinstance(held, dict) else ():
            yield name, key, _harmless(value)


def _harmless(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, str) and value.startswith(("/", "~")):
        return Path(value).name
    return clip(str(value), MOST_TEXT)


def _packages() -> Markup:
    found = {"python": python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    rows = Markup("").join(Markup("<tr>{}</tr>").format(cells(*row)) for row in found.items())
    return section("Versions of packages", table(heads("Package", "Version"), rows))
