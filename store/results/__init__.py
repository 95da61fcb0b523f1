"""What each stage measured: one frozen record a stage, written by `as_json` and read back by `read`.

Shares and rates run from 0 to 1. None stands where nothing is known, since JSON has no NaN.
"""

from store.records import Model, Rating, Round
from store.results.answers import Answer, Answers
from store.results.codec import as_json, read
from store.results.evaluation import AnswerFigures, BestOfN, Evaluation, PolicyEvaluation
from store.results.rating import AnnotatorFigures, Board, Challenge, DisputedPrompt, RatingFigures, VersionRow
from store.results.training import (
    Example,
    Forgetting,
    PolicyComparison,
    RewardJudgement,
    RoundFigures,
    TunedFigures,
)
from store.results.versions import ModelRow

__all__ = [
    "AnnotatorFigures",
    "Answer",
    "AnswerFigures",
    "Answers",
    "BestOfN",
    "Board",
    "Challenge",
    "DisputedPrompt",
    "Evaluation",
    "Example",
    "Forgetting",
    "ModelRow",
    "PolicyComparison",
    "PolicyEvaluation",
    "RatingFigures",
    "RewardJudgement",
    "RoundFigures",
    "TunedFigures",
    "VersionRow",
    "as_json",
    "comparison",
    "figures",
    "judgement",
    "read",
    "round_figures",
    "tuned",
]


def figures(rating: Rating) -> RatingFigures:
    """What a run of the converter measured."""
    return read(RatingFigures, rating.metrics)


def judgement(model: Model) -> RewardJudgement:
    """How a reward model was judged."""
    return read(RewardJudgement, model.metrics)


def comparison(model: Model) -> PolicyComparison | None:
    """How a policy of PPO was judged; None for any other, such as the base."""
    return read(PolicyComparison, model.metrics) if model.metrics and model.made_by == "ppo" else None


def tuned(model: Model) -> TunedFigures | None:
    """What is known of a policy of supervised fine-tuning or DPO; None for any other."""
    return read(TunedFigures, model.metrics) if model.made_by in ("sft", "dpo") else None


def round_figures(turn: Round) -> RoundFigures:
    """One turn of the loop in figures."""
    return read(RoundFigures, turn.metrics)
