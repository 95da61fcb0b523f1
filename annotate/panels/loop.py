"""How much of everything there is, and the turns of the loop."""

from markupsafe import Markup
from sqlite_utils import Database

from annotate.charts import line_chart, number
from annotate.panels.parts import cells, decimal, empty, heads, section, table
from store import prompts, rankings, responses, rounds, tasks
from store.records import Json, Round

ROUNDS_DRAWN = 50
"""How many of the latest rounds the curves show, so that the page stays small however long a loop runs."""
ROUNDS_LISTED = 8
"""How many of them the table lists; older ones are seen in the curves."""

_ROUND_COLUMNS = {
    "policy": "Policy",
    "rankings": "Rankings",
    "reward_accuracy": "Reward accuracy",
    "reward": "Reward",
    "kl": "KL",
    "win_rate": "Win rate",
    "seconds": "Seconds",
}
# What the curves show, with the ends of its axis where it is a share; the KL divergence has no upper end.
_ROUND_CURVES: dict[str, tuple[str, tuple[float, float] | None]] = {
    "win_rate": ("Win rate over base", (0.0, 1.0)),
    "reward_accuracy": ("Reward accuracy", (0.0, 1.0)),
    "kl": ("KL", None),
}

_AGREED = Markup("""<p class="note wide">Behind the reward accuracy, faint: the share of pairs that two people order
alike, now {}. Above it a reward model learns what people do not agree on.</p>""")


def counts(db: Database) -> Markup:
    """How many prompts, responses, rankings and open tasks the store has."""
    people, simulated = rankings.people_and_simulated(db)
    figures = (
        (prompts.count(db), "prompts"),
        (responses.count(db), "responses"),
        (people, "rankings by people"),
        (simulated, "by simulated annotators"),
        (tasks.count_open(db), "open tasks"),
    )
    listed = Markup("").join(
        Markup("<div><dd>{}</dd><dt>{}</dt></div>").format(number(how_many), what) for how_many, what in figures
    )
    return Markup('<dl class="counts">{}</dl>').format(listed)


def turns(db: Database) -> Markup:
    """The latest turns of the loop: curves and a table."""
    made = rounds.every(db)[-ROUNDS_DRAWN:]
    if not made:
        return section("Rounds", empty("No round is finished yet. Rank some responses, then run one."))
    agreed = [(turn, share) for turn, share in rounds.agreement(db).items() if turn >= made[0].number]
    charts = Markup("").join(
        line_chart(
            title,
            _values(made, key),
            x_name="round",
            bounds=bounds,
            others=[agreed] if key == "reward_accuracy" else (),
        )
        for key, (title, bounds) in _ROUND_CURVES.items()
    )
    if agreed:
        charts += _AGREED.format(decimal(agreed[-1][1]))
    rows = Markup("").join(_round(turn) for turn in reversed(made[-ROUNDS_LISTED:]))
    listed = table(heads("Round", *_ROUND_COLUMNS.values()), rows)
    return section("Rounds", Markup('<div class="charts">{}</div>{}').format(charts, listed))


def _values(made: list[Round], key: str) -> list[tuple[float, float]]:
    found = [(turn.number, turn.metrics.get(key)) for turn in made]
    return [(turn, value) for turn, value in found if isinstance(value, int | float)]


def _round(turn: Round) -> Markup:
    told = (_cell(turn.metrics, key) for key in _ROUND_COLUMNS)
    return Markup("<tr>{}</tr>").format(cells(str(turn.number), *told))


def _cell(metrics: Json, key: str) -> str:
    keys = ("reward_before", "reward_after") if key == "reward" else (key,)
    return " → ".join(number(metrics[k]) for k in keys if metrics.get(k) is not None)
