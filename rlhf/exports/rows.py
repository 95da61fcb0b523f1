"""Prompts with scored responses -> the rows of a data set, in the forms that TRL's trainers take.

Chats are lists of turns ("conversational" in TRL's words). Scores and their differences are in Elo points and never
called `margin`: TRL's reward trainer takes a column of that name for one in its own unit, and trains to it.
"""

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from store.records import Json, Response, Score
from store.streams import Judged

Form = Literal["preference", "ranking", "prompt", "sft"]
TURNS: Json = {"role": "string", "content": "string"}


@dataclass
class Counts:
    """What was written, by split, and what was left out and why."""

    rows: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    models: dict[str, int] = field(default_factory=dict)

    def leave(self, why: str) -> None:
        """Count one that is left out."""
        self.left_out[why] = self.left_out.get(why, 0) + 1


@dataclass(frozen=True)
class Maker:
    """Makes the rows of one form; `models` are the names of the versions by their ids."""

    form: Form
    models: Mapping[int, str]
    counts: Counts

    def rows(self, judged: Judged) -> Iterator[Json]:
        """The rows of one prompt."""
        yield from {"preference": self._pairs, "ranking": self._ranking, "prompt": self._prompt, "sft": self._shown}[
            self.form
        ](judged)

    def _pairs(self, judged: Judged) -> Iterator[Json]:
        """Every two responses that the scores put in an order, the better one as `chosen`."""
        for one, other in itertools.combinations(judged.scores.values(), 2):
            better, worse = sorted((one, other), key=lambda score: -score.elo)
            chosen, rejected = judged.responses[better.response_id], judged.responses[worse.response_id]
            if one.elo == other.elo:
                self.counts.leave("pairs with equal scores")
            elif chosen.text == rejected.text:
                self.counts.leave("pairs of the same text twice")
            else:
                yield {
                    "prompt": list(judged.prompt.messages),
                    "chosen": _turn(chosen),
                    "rejected": _turn(rejected),
                    **self._told("chosen", better, chosen),
                    **self._told("rejected", worse, rejected),
                    "elo_difference": better.elo - worse.elo,
                    "elo_difference_error": _error(better, worse),
                    **_people(judged, better.response_id, worse.response_id),
                    "split": judged.prompt.split,
                }

    def _told(self, side: str, score: Score, response: Response) -> Json:
        return {
            f"score_{side}": score.elo,
            f"error_{side}": score.stderr,
            f"model_{side}": self._author(response),
            f"ended_{side}": response.finished,
        }

    def _ranking(self, judged: Judged) -> Iterator[Json]:
        """All scored responses of a prompt, best first."""
        best_first = sorted(judged.scores.values(), key=lambda score: -score.elo)
        if not best_first:
            return
        responses = [judged.responses[score.response_id] for score in best_first]
        yield {
            "prompt": list(judged.prompt.messages),
            "responses": [response.text for response in responses],
            "scores": [score.elo for score in best_first],
            "errors": [score.stderr for score in best_first],
            "models": [self._author(response) for response in responses],
            "ended": [response.finished for response in responses],
            "annotators": len({ranking.annotator for ranking in judged.rankings}),
            "rankings": len(judged.rankings),
            "split": judged.prompt.split,
        }

    def _prompt(self, judged: Judged) -> Iterator[Json]:
        yield {"prompt": list(judged.prompt.messages), "split": judged.prompt.split}

    def _shown(self, judged: Judged) -> Iterator[Json]:
        """The best whole response by the scores, and all that people wrote themselves."""
        whole = [score for score in judged.scores.values() if judged.responses[score.response_id].finished]
        best = max(whole, key=lambda score: score.elo, default=None)
        for response in judged.responses.values():
            first = best is not None and response.id == best.response_id
            if first or response.annotator:
                score = judged.scores.get(response.id)
                yield {
                    "prompt": list(judged.prompt.messages),
                    "completion": _turn(response),
                    "origin": "written by a person" if response.annotator else "ranked highest",
                    "model": self._author(response),
                    "score": score.elo if score else None,
                    "error": score.stderr if score else None,
                    "annotators": len({ranking.annotator for ranking in judged.rankings}),
                    "split": judged.prompt.split,
                }

    def _author(self, response: Response) -> str:
        """Which version wrote it; of what a person wrote, that one did, without the name."""
        if response.model_id is None:
            return "a person"
        name = self.models[response.model_id]
        self.counts.models[name] = self.counts.models.get(name, 0) + 1
        return name


def _turn(response: Response) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": response.text}]


def _error(one: Score, other: Score) -> float | None:
    """Standard error of the difference of two scores, as if they were independent; None where it is not known."""
    return None if one.stderr is None or other.stderr is None else math.hypot(one.stderr, other.stderr)


def _people(judged: Judged, chosen: int, rejected: int) -> Json:
    """How many people ranked the two together, and how many of the rankings put them in one order or the other."""
    # In a ranking with an answer of one's own first, those below are not told apart: it is no word on two of them.
    both = [
        ranking
        for ranking in judged.rankings
        if chosen in ranking.levels
        and rejected in ranking.levels
        and not (ranking.task_id in judged.own and ranking.levels[chosen] == ranking.levels[rejected])
    ]
    gaps = [ranking.levels[rejected] - ranking.levels[chosen] for ranking in both]
    return {
        "annotators": len({ranking.annotator for ranking in both}),
        "rankings_for": sum(gap > 0 for gap in gaps),
        "rankings_tied": sum(gap == 0 for gap in gaps),
        "rankings_against": sum(gap < 0 for gap in gaps),
    }
