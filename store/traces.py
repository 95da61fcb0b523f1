"""From a response down to the rankings that shaped it, and from a ranking up to all that rests on it.

A rating was made of the rankings that stood when it was made: those up to its last one that nobody had revised by
then. A reward model was taught by the scores of one rating; a policy by a reward model, or by scores themselves; and
each rests on all that the version before it rests on.
"""

from dataclasses import dataclass

from sqlite_utils import Database

from store import models, prompts, rankings, responses, scores
from store.records import Model, Ranking

FIRST = 5
"""Rankings that are named one by one."""
STOOD = """r.kind = 'ranked' AND r.id <= :last
    AND NOT EXISTS (SELECT 1 FROM rankings newer WHERE newer.supersedes = r.id AND newer.id <= :last)"""
"""SQL: ranking r was one of those that a rating with the last ranking `:last` was made of."""


@dataclass(frozen=True)
class Word:
    """One ranking, and what it says of the response that was asked about."""

    ranking: int
    annotator: str
    time: str
    place: int
    """Level of the response in it; 1 is best, equal levels are a tie."""
    of: int
    """Levels that the ranking has."""


@dataclass(frozen=True)
class Step:
    """One version of the line, and what taught it."""

    version: str
    made_by: str
    taught_by: str
    """The reward model behind it, where there was one."""
    rating: int | None
    """The scores behind it."""
    rankings: int
    """Rankings that those scores were made of."""
    annotators: int
    """People, and simulated annotators, who made them."""


@dataclass(frozen=True)
class Shaped:
    """One of the rankings that a policy learned from."""

    ranking: int
    annotator: str
    time: str
    prompt: str
    best: str
    """The response that it puts first, or one of them."""


@dataclass(frozen=True)
class WhyResponse:
    """Where a response comes from, and what people said of it."""

    response: int
    text: str
    prompt: str
    written_by: str
    elo: float | None
    """Its score by the newest rating, in Elo points."""
    stderr: float | None
    """Standard error of the score."""
    ranked: int
    """Rankings that stand and that rank it."""
    said_of_it: tuple[Word, ...]
    """The first of them."""
    line: tuple[Step, ...]
    """The version that wrote it, the one that this was trained on from, and so on to the base."""
    shaped_by: int
    """Rankings that its writer learned from, those of the versions before it included."""
    first_of_them: tuple[Shaped, ...]
    """The first few of them."""


@dataclass(frozen=True)
class WhyRanking:
    """What one person said, and what rests on it."""

    ranking: int
    annotator: str
    time: str
    prompt: str
    order: tuple[str, ...]
    """The responses, the best first; tied ones in one line."""
    standing: str
    """Whether it counts, and if not, why."""
    ratings: tuple[int, ...]
    """Ratings that were made of it, among others."""
    models: tuple[str, ...]
    """Versions that learned from those, and all that were trained on from them."""
    responses: int
    """Responses that those versions wrote."""


def why_response(db: Database, response_id: int) -> WhyResponse:
    """Where a response comes from; raises NotFound."""
    response = responses.get(db, response_id)
    standing, _ = rankings.of_prompt(db, response.prompt_id)
    said = [ranking for ranking in standing if response_id in ranking.levels]
    rating = scores.latest(db)
    rated = scores.of_prompt(db, rating.id, response.prompt_id) if rating else []
    score = next((score for score in rated if score.response_id == response_id), None)
    line = models.lineage(db, response.model_id) if response.model_id else []
    last = max((_last_ranking(db, version) for version in line), default=0)
    return WhyResponse(
        response=response_id,
        text=response.text,
        prompt=prompts.get(db, response.prompt_id).text,
        written_by=line[0].name if line else f"{response.annotator}, a person",
        elo=score.elo if score else None,
        stderr=score.stderr if score else None,
        ranked=len(said),
        said_of_it=tuple(_word(ranking, response_id) for ranking in said[:FIRST]),
        line=tuple(_step(db, version) for version in line),
        shaped_by=_stood(db, last)[0],
        first_of_them=tuple(_shaped(db, ranking) for ranking in _first(db, last)),
    )


def why_ranking(db: Database, ranking_id: int) -> WhyRanking:
    """What rests on a ranking; raises NotFound."""
    ranking = rankings.get(db, ranking_id)
    rated = db.execute("SELECT id, last_ranking_id FROM ratings WHERE last_ranking_id >= ? ORDER BY id", [ranking_id])
    made_of_it = [rating for rating, last in rated.fetchall() if _stood(db, last, ranking_id)[0]]
    learned = _learned(db, set(made_of_it))
    marks = ", ".join("?" * len(learned))
    wrote = db["responses"].count_where(f"model_id IN ({marks})", [model.id for model in learned])
    return WhyRanking(
        ranking=ranking_id,
        annotator=ranking.annotator,
        time=ranking.created,
        prompt=prompts.get(db, ranking.prompt_id).text,
        order=_order(db, ranking),
        standing=_standing(db, ranking),
        ratings=tuple(made_of_it),
        models=tuple(model.name for model in learned),
        responses=wrote,
    )


def _last_ranking(db: Database, version: Model) -> int:
    """The last ranking that the scores behind a version were made of; 0 where it rests on none."""
    rating_id = _rating_of(db, version)
    return scores.get(db, rating_id).last_ranking_id if rating_id else 0


def _rating_of(db: Database, version: Model) -> int | None:
    if version.rating_id is None and version.reward_id is not None:
        return models.get(db, version.reward_id).rating_id
    return version.rating_id


def _step(db: Database, version: Model) -> Step:
    count, people = _stood(db, _last_ranking(db, version))
    judge = models.get(db, version.reward_id).name if version.reward_id else ""
    return Step(version.name, version.made_by, judge, _rating_of(db, version), count, people)


def _stood(db: Database, last: int, only: int | None = None) -> tuple[int, int]:
    """How many rankings a rating was made of, and by how many people; or whether it was made of one of them."""
    row = db.execute(
        f"SELECT count(*), count(DISTINCT annotator) FROM rankings r WHERE {STOOD}"
        " AND (:only IS NULL OR r.id = :only)",
        {"last": last, "only": only},
    ).fetchone()
    return row[0], row[1]


def _first(db: Database, last: int) -> list[Ranking]:
    rows = db.execute(
        f"SELECT r.id FROM rankings r WHERE {STOOD} ORDER BY r.id LIMIT :first", {"last": last, "first": FIRST}
    )
    return [rankings.get(db, ranking_id) for (ranking_id,) in rows.fetchall()]


def _word(ranking: Ranking, response_id: int) -> Word:
    levels = set(ranking.levels.values())
    return Word(ranking.id, ranking.annotator, ranking.created, ranking.levels[response_id], len(levels))


def _shaped(db: Database, ranking: Ranking) -> Shaped:
    first = next(response for response, level in ranking.levels.items() if level == 1)
    asked, best = prompts.get(db, ranking.prompt_id).text, responses.get(db, first).text
    return Shaped(ranking.id, ranking.annotator, ranking.created, asked, best)


def _order(db: Database, ranking: Ranking) -> tuple[str, ...]:
    texts: dict[int, list[str]] = {}
    for response_id, level in ranking.levels.items():
        texts.setdefault(level, []).append(responses.get(db, response_id).text)
    return tuple(" = ".join(texts[level]) for level in sorted(texts))


def _standing(db: Database, ranking: Ranking) -> str:
    newer = db.execute("SELECT id FROM rankings WHERE supersedes = ?", [ranking.id]).fetchone()
    if newer:
        return f"revised: ranking {newer[0]} stands in its place"
    if ranking.kind != "ranked":
        return f"it ranks nothing: the task was {ranking.kind}"
    prompt = prompts.get(db, ranking.prompt_id)
    if prompt.removed:
        return f"it does not count: its prompt was taken out on {prompt.removed[:10]}"
    if prompt.held:
        return f"it does not count: its prompt is held back by a flag since {prompt.held[:10]}"
    return "it counts"


def _learned(db: Database, ratings: set[int]) -> list[Model]:
    """Versions that learned from these ratings, and all that were trained on from them or against them."""
    found: dict[int, Model] = {}
    for model in models.every(db):  # the oldest first, so that a parent and a judge come before what rests on them
        if model.rating_id in ratings or model.reward_id in found or model.parent_id in found:
            found[model.id] = model
    return list(found.values())
