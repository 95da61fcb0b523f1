"""What annotators said and nobody has decided yet, in short: the page /inbox has all of it, and decides."""

from markupsafe import Markup
from sqlite_utils import Database

from annotate.panels.parts import ago, clip, count, section
from store import prompts, voices
from store.voices import Voice

MOST = 5
"""Voices shown here at once, flags first."""
MOST_TEXT = 160
"""Characters of what was said, and of the prompt, that are shown here."""

_ROW = Markup("""<li><b class="{v.kind}">{v.kind}</b> <span>{said}</span>\
<small>{v.annotator}, {ago} · {prompt}</small></li>""")
_LINK = Markup('<p class="note"><a href="../inbox/">Inbox</a>: {}</p>')


def inbox(db: Database) -> Markup:
    """The first voices that are open, and how many there are; one line where everything is decided."""
    waiting = voices.open_ones(db)
    if not any(waiting.values()):
        told = "all is decided" if voices.people(db) else "nobody has flagged, skipped or commented yet"
        return section("What annotators said", _LINK.format(told))
    held = len(prompts.held(db))
    holds = f", {count(held, 'prompt')} held back until you decide" if held else ""
    told = f"{count(waiting['flag'], 'flag')}{holds}; {count(waiting['skip'], 'skip')}; "
    rows = Markup("").join(map(_row, voices.every(db)[:MOST]))
    said = Markup('<ol class="said">{}</ol>').format(rows)
    return section("What annotators said", said + _LINK.format(f"{told}{count(waiting['comment'], 'comment')}"))


def _row(voice: Voice) -> Markup:
    said = clip(voice.said, MOST_TEXT) or "without a word"
    return _ROW.format(v=voice, said=said, ago=ago(voice.created), prompt=clip(voice.prompt, MOST_TEXT))
