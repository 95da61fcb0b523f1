"""The prompts that a model proposed and that wait for a yes, and what a researcher says of them."""

from collections.abc import Mapping

from markupsafe import Markup
from sqlite_utils import Database

from annotate.frame import sent_id
from annotate.panels.parts import clip, count, note, section
from store import prompts
from store.db import writing
from store.errors import BadInput
from store.records import Prompt

MOST = 10
"""Prompts shown at once; the others move up as these are decided."""
MOST_TEXT = 600
"""Characters of one of them that are shown."""

_ROW = Markup("""<li><div><p>{text}</p><small>{source} · {split}</small></div>\
<span class="decide"><button type="button" data-accept="{id}">Accept</button>\
<button type="button" data-refuse="{id}" class="no">Refuse</button></span></li>""")
_ALL = Markup("""<p class="all"><button type="button" data-accept="{ids}">Accept these {many}</button>\
<button type="button" data-refuse="{ids}" class="no">Refuse these {many}</button></p>""")


def proposals(db: Database) -> Markup:
    """The first prompts that wait, each with its buttons; empty where none waits."""
    waiting = prompts.waiting(db)
    if not waiting:
        return Markup("")
    shown = waiting[:MOST]
    listed = Markup("").join(map(_row, shown))
    together = _ALL.format(ids=" ".join(str(p.id) for p in shown), many=len(shown)) if len(shown) > 1 else ""
    more = len(waiting) - len(shown)
    rest = f" After these, {count(more, 'more prompt')} will be shown." if more else ""
    said = note(f"Before you accept them, no model answers them and nobody is shown them.{rest}")
    body = Markup('<ol class="proposals">{}</ol>{}{}').format(listed, together, said)
    return section("Proposed prompts", body)


def decide(db: Database, sent: Mapping[str, object]) -> None:
    """Accept or refuse the prompts whose button was pressed; those that were decided meanwhile are left as they are.

    Raises BadInput where the page sent no numbers.
    """
    ids = sent.get("prompts")
    if not isinstance(ids, list) or not ids or not all(map(sent_id, ids)):
        raise BadInput("No prompt was named: reload the page.")
    say = prompts.accept if sent.get("accept") is True else prompts.remove
    with writing(db):
        # Pressed twice, or by two researchers: what does not wait any more was decided by somebody.
        still = {prompt.id for prompt in prompts.waiting(db)}
        say(db, [one for one in dict.fromkeys(ids) if one in still])


def _row(prompt: Prompt) -> Markup:
    return _ROW.format(
        text=clip(prompt.text, MOST_TEXT),
        source=prompt.source,
        split="held out" if prompt.split == "eval" else "to train on",
        id=prompt.id,
    )
