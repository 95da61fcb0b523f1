"""The prompts to look through: by words and by what is known of them, with responses, scores and rankings."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from markupsafe import Markup
from sqlite_utils import Database

from annotate.charts import number
from annotate.panels.parts import clip, count, decimal, empty, note, section
from store import models, rankings, responses, scores, search
from store.records import Prompt, Ranking, Rating, Response, Score
from store.results import figures
from store.search import Sought

PAGE = 20
"""Prompts on a page."""
MOST_PROMPT, MOST_RESPONSE, MOST_RESPONSES, MOST_RANKINGS = 300, 800, 12, 12
"""Characters of a prompt and of a response, and how many of what a prompt has, that are shown; /why shows more."""
SPLITS = {"train": "to train on", "eval": "held out"}
STATES = {"ranked": "ranked", "open": "not ranked", "disputed": "most disputed"}

_FORM = Markup("""<form class="seek" role="search"><input type="search" name="q" value="{q}" maxlength="200"
 placeholder="Words in prompts and responses" aria-label="Words"><button>Search</button>
<div class="filters">{filters}</div></form>""")
_CHOICE = Markup(
    '<select name="{name}" aria-label="{label}"><option value="">{label}: any</option>{options}</select>'
)
_OPTION = Markup('<option value="{value}"{chosen}>{told}</option>')
_PROMPT = Markup("""<details data-name="prompt-{id}"{open}>
<summary><span>{text}</span> <small>{told}</small></summary>
{body}</details>""")
_RESPONSE = Markup("""<li>
<header><b>{elo}</b>{error} <small><a href="../why/{id}">{writer}, response {id}</a></small></header>
<p>{text}</p></li>""")
_SIDE = Markup("<div><h4>{name}</h4><ol>{responses}</ol></div>")
_RANKING = Markup('<li><a href="../why/ranking/{id}">Ranking {id}</a> by {annotator}: {order}</li>')
_GO = Markup('<a href="#/prompts?{query}" data-go="/prompts?{query}">{told}</a>')


def browse(db: Database, sent: Mapping[str, str]) -> Markup:
    """The form with what was `sent` in it (q, split, source, state, a, b, page), and a page of what was found."""
    behind = search.catch_up(db) if sent.get("q") else 0
    rating = scores.latest(db)
    disputed = {row.prompt_id: row.disputed for row in figures(rating).disputed} if rating else {}
    policies = {model.name: model.id for model in models.every(db, "policy")}
    sides = [(name, policies[name]) for key in ("a", "b") if (name := sent.get(key, "")) in policies]
    sought = _sought(sent, disputed, [model for _, model in sides])
    page = _page(sent.get("page", ""))
    found, of = search.find(db, sought, offset=PAGE * page, limit=PAGE)
    view = _View(db, rating, disputed, dict(sides))
    listed = Markup("").join(view.prompt(prompt) for prompt in found)
    shown = Markup('<div class="disputed browse">{}</div>').format(listed) if found else empty("No prompt was found.")
    late = note(f"{count(behind, 'text')} are not searched yet: search again to go on.") if behind else ""
    body = _form(db, sent, list(policies)) + late + shown + _pages(sent, page, of)
    return section("Prompts", body)


def _sought(sent: Mapping[str, str], disputed: Mapping[int, float], versions: Sequence[int]) -> Sought:
    split, state = sent.get("split"), sent.get("state")
    return Sought(
        text=sent.get("q", ""),
        split="train" if split == "train" else "eval" if split == "eval" else None,
        source=sent.get("source", ""),
        ranked={"ranked": True, "open": False}.get(state or ""),
        ids=tuple(disputed) if state == "disputed" else None,
        models=tuple(versions),
    )


def _page(sent: str) -> int:
    """The page that is asked for, counted from 0."""
    return max(int(sent[:9]), 1) - 1 if sent.isascii() and sent.isdecimal() else 0


def _form(db: Database, sent: Mapping[str, str], versions: Sequence[str]) -> Markup:
    filters = (
        ("split", "Split", SPLITS),
        ("source", "Source", {name: name for name in search.sources(db)}),
        ("state", "Rankings", STATES),
        ("a", "Answered by", {name: name for name in reversed(versions)}),
        ("b", "and by", {name: name for name in reversed(versions)}),
    )
    drawn = Markup("").join(_choice(name, label, told, sent.get(name, "")) for name, label, told in filters)
    return _FORM.format(q=sent.get("q", ""), filters=drawn)


def _choice(name: str, label: str, told: Mapping[str, str], chosen: str) -> Markup:
    options = Markup("").join(
        _OPTION.format(value=value, told=clip(words, 60), chosen=Markup(" selected") if value == chosen else "")
        for value, words in told.items()
    )
    return _CHOICE.format(name=name, label=label, options=options)


def _pages(sent: Mapping[str, str], page: int, of: int) -> Markup:
    last = -(-of // PAGE)
    told = f"{count(of, 'prompt')}, page {number(page + 1)} of {number(last)}" if last > 1 else count(of, "prompt")
    kept = {name: value for name, value in sent.items() if value and name != "page"}
    ways = [("Previous", page) if page else None, ("Next", page + 2) if page + 1 < last else None]
    links = Markup(" ").join(
        _GO.format(query=urlencode({**kept, "page": way[1]}), told=way[0]) for way in ways if way
    )
    return Markup('<p class="note pages">{} {}</p>').format(told, links)


class _View:
    """How the found prompts are shown: with the scores of one rating, and by two versions side by side if named."""

    def __init__(
        self, db: Database, rating: Rating | None, disputed: Mapping[int, float], sides: Mapping[str, int]
    ) -> None:
        self.db, self.rating, self.disputed, self.sides = db, rating, disputed, sides
        self.names = {model.id: model.name for model in models.every(db)}

    def prompt(self, prompt: Prompt) -> Markup:
        """One prompt, which opens; open already where versions stand side by side."""
        answers = responses.of_prompt(self.db, prompt.id)
        rated = scores.of_prompt(self.db, self.rating.id, prompt.id) if self.rating else []
        by_id = {score.response_id: score for score in rated}
        answers.sort(key=lambda r: (-by_id[r.id].elo if r.id in by_id else float("inf"), r.id))
        standing, _ = rankings.of_prompt(self.db, prompt.id)
        told = [SPLITS[prompt.split], prompt.source, count(len(answers), "response"), count(len(standing), "ranking")]
        if prompt.id in self.disputed:
            told.append(f"two people differ on {self.disputed[prompt.id]:.0%} of pairs")
        return _PROMPT.format(
            id=prompt.id,
            open=Markup(" open") if self.sides else "",
            text=clip(prompt.text, MOST_PROMPT),
            told=" · ".join(told),
            body=self._answers(answers, by_id) + ("" if self.sides else _said(standing)),
        )

    def _answers(self, answers: Sequence[Response], rated: Mapping[int, Score]) -> Markup:
        if not self.sides:
            more = len(answers) - MOST_RESPONSES
            rest = note(f"{count(more, 'more response')} not shown.") if more > 0 else ""
            return Markup("<ol>{}</ol>{}").format(self._listed(answers, rated), rest)
        sides = (
            _SIDE.format(name=name, responses=self._listed([r for r in answers if r.model_id == model], rated))
            for name, model in self.sides.items()
        )
        return Markup('<div class="sides">{}</div>').format(Markup("").join(sides))

    def _listed(self, answers: Sequence[Response], rated: Mapping[int, Score]) -> Markup:
        return Markup("").join(self._response(r, rated.get(r.id)) for r in answers[:MOST_RESPONSES])

    def _response(self, response: Response, score: Score | None) -> Markup:
        error = f" ± {decimal(score.stderr, 0)}" if score and score.stderr is not None else ""
        return _RESPONSE.format(
            id=response.id,
            elo=f"Elo {decimal(score.elo, 0)}" if score else "no score",
            error=error,
            writer=response.annotator or self.names.get(response.model_id or 0, ""),
            text=clip(response.text, MOST_RESPONSE),
        )


def _said(standing: Sequence[Ranking]) -> Markup:
    if not standing:
        return Markup("")
    listed = Markup("").join(
        _RANKING.format(id=ranking.id, annotator=ranking.annotator, order=_order(ranking.levels))
        for ranking in standing[-MOST_RANKINGS:]
    )
    more = len(standing) - MOST_RANKINGS
    rest = note(f"The newest {MOST_RANKINGS} of {number(len(standing))}.") if more > 0 else ""
    return Markup('<ul class="orders">{}</ul>{}').format(listed, rest)


def _order(levels: Mapping[int, int]) -> str:
    """The responses by their numbers, the best first: "12 > 14 = 13"."""
    placed = [sorted(r for r, at in levels.items() if at == level) for level in sorted(set(levels.values()))]
    return " > ".join(" = ".join(map(str, tied)) for tied in placed)
