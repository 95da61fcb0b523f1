"""The page /inbox: what annotators said beside their rankings, and what a researcher decides. It needs no script."""

from collections.abc import Iterable
from typing import cast, get_args
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from markupsafe import Markup
from sqlite_utils import Database

from annotate.charts import number
from annotate.frame import NOTHING, sent_number
from annotate.panels.parts import ago, clip, count
from annotate.plain import page, refusal
from annotate.security import require
from annotate.trouble import status_of
from store import naming, voices
from store.errors import BadInput, RequestError
from store.records import Annotator
from store.voices import KINDS, Decision, Voice
from store.workspace import Workspace

AREA = "/inbox"
STATES: dict[str, bool | None] = {"open": False, "decided": True, "all": None}
"""What the page may be asked to list."""
MOST_TEXT = 1500
"""Characters of a prompt that are shown."""
MOST_NEAR = 120
"""Characters around the name of a model that are shown."""
_FOR_ALL: dict[Decision, str] = {"read": "Mark as read", "taken out": "Take the prompt out"}
_FOR_FLAGS: dict[Decision, str] = {"put back": "Put the prompt back", "taken out": "Take it out for good"}

_FILTER = Markup("""<section><form class="line" method="get" action=".">
<label>Kind<select name="kind"><option value="">all</option>{kinds}</select></label>
<label>Person<select name="person"><option value="">everybody</option>{people}</select></label>
<label>State<select name="state">{states}</select></label><button>Show</button></form></section>""")
_OPTION = Markup('<option value="{0}"{1}>{0}</option>')
_VOICE = Markup("""<li id="said-{v.id}"><p class="head"><b class="{v.kind}">{v.kind}</b>
{v.annotator}, {ago}{state}</p>
<p class="words">{said}</p><details><summary>Prompt {v.prompt_id}</summary><p class="asked">{prompt}</p></details>
{acts}</li>""")
_ACT = Markup("""<form method="post" action="decide?{query}"><input type="hidden" name="number" value="{id}">
<button name="decision" value="{decision}">{label}</button></form>""")
_NAMED = Markup("<li><b>{n.name}</b> “…{around}…”, response {n.response_id} to prompt {n.prompt_id}</li>")
_WARNING = Markup("""<section><details><summary>{many} that wait to be ranked may name a model</summary>
<p class="soft">Whoever ranks such a response may know who wrote it. Take its prompt out, or let it be.</p>
<ol class="said">{listed}</ol></details></section>""")
_WHY = Markup("""<p class="soft">A flag holds its prompt back: nobody is given it, and no rating or training uses
it until you put it back or take it out. Skips and comments change nothing.</p>""")


class Inbox:
    """The routes of /inbox."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def router(self) -> APIRouter:
        """The page, and where its buttons are sent."""
        routes = APIRouter(prefix=AREA)
        routes.add_api_route("/", self.shown, methods=["GET"], response_class=HTMLResponse)
        routes.add_api_route("/decide", self.decide, methods=["POST"], response_model=None)
        return routes

    def shown(self, request: Request, kind: str = "", person: str = "", state: str = "open") -> Response:
        """What was said, of one kind, by one person, open or decided."""
        return self._page(require(self.workspace, request, AREA), _asked(kind, person, state))

    def decide(
        self,
        request: Request,
        number: str = Form(""),
        decision: str = Form(""),
        kind: str = "",
        person: str = "",
        state: str = "open",
    ) -> Response:
        """Decide one voice, and show the list again."""
        by, asked = require(self.workspace, request, AREA), _asked(kind, person, state)
        try:
            if decision not in get_args(Decision):
                raise BadInput("No decision was named: reload the page.")
            with self.workspace.store() as db:
                voices.decide(db, [sent_number(number)], cast(Decision, decision), by.name)
        except RequestError as error:
            answer = self._page(by, asked, refusal(str(error)))
            answer.status_code = status_of(error)
            return answer
        return RedirectResponse(f"{AREA}/?{urlencode(asked)}", 303)

    def _page(self, person: Annotator, asked: dict[str, str], message: Markup = NOTHING) -> HTMLResponse:
        with self.workspace.store() as db:
            body = _body(db, asked)
        return page(person, AREA, "Inbox", body, message)


def _asked(kind: str, person: str, state: str) -> dict[str, str]:
    """What is to be listed; a word that means nothing lists all."""
    return {
        "kind": kind if kind in KINDS else "",
        "person": person,
        "state": state if state in STATES else "open",
    }


def _body(db: Database, asked: dict[str, str]) -> Markup:
    found = voices.every(db, kind=asked["kind"], person=asked["person"], decided=STATES[asked["state"]])
    filters = _FILTER.format(
        kinds=_options(KINDS, asked["kind"]),
        people=_options(voices.people(db), asked["person"]),
        states=_options(STATES, asked["state"]),
    )
    named = _named(db)
    if not found:
        return _WHY + named + filters + Markup("<p>Nothing of that kind.</p>")
    many = f"The newest {number(voices.MOST)}" if len(found) == voices.MOST else count(len(found), "voice")
    listed = Markup("").join(_row(voice, urlencode(asked)) for voice in found)
    return _WHY + named + filters + Markup('<h2>{}</h2><ol class="said whole">{}</ol>').format(many, listed)


def _named(db: Database) -> Markup:
    """A warning where responses that wait to be ranked name a model."""
    found = naming.in_open_tasks(db)
    if not found:
        return NOTHING
    many = f"{naming.MOST} or more responses" if len(found) == naming.MOST else count(len(found), "response")
    listed = Markup("").join(_NAMED.format(n=each, around=clip(each.around, MOST_NEAR)) for each in found)
    return _WARNING.format(many=many, listed=listed)


def _options(words: Iterable[str], chosen: str) -> Markup:
    return Markup("").join(_OPTION.format(word, Markup(" selected") if word == chosen else "") for word in words)


def _row(voice: Voice, query: str) -> Markup:
    offers = _FOR_FLAGS if voice.kind == "flag" else _FOR_ALL
    if voice.removed and voice.kind != "flag":
        offers = {"read": _FOR_ALL["read"]}
    acts = Markup("").join(
        _ACT.format(query=query, id=voice.id, decision=decision, label=label) for decision, label in offers.items()
    )
    return _VOICE.format(
        v=voice,
        ago=ago(voice.created),
        state=_state(voice),
        said=voice.said or "without a word",
        prompt=clip(voice.prompt, MOST_TEXT),
        acts=NOTHING if voice.decision else Markup('<div class="acts">{}</div>').format(acts),
    )


def _state(voice: Voice) -> str:
    if voice.decision:
        return f" · {voice.decision} by {voice.by}"
    if voice.removed:
        return " · prompt is taken out"
    return " · prompt is held back" if voice.held else ""
