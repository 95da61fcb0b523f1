"""The columns of each form and their types, in the words of Arrow: a file must not guess them from its first rows.

Of a column whose first thousand values are all null nobody could tell the type.
"""

from collections.abc import Mapping

from rlhf.exports.rows import Form

CHAT = "chat"
"""A list of turns, each of `role` and `content`."""
_SIDES = {
    f"{name}_{side}": kind
    for side in ("chosen", "rejected")
    for name, kind in (("score", "double"), ("error", "double"), ("model", "string"), ("ended", "bool"))
}
COLUMNS: Mapping[Form, Mapping[str, str]] = {
    "preference": {
        "prompt": CHAT,
        "chosen": CHAT,
        "rejected": CHAT,
        **_SIDES,
        "elo_difference": "double",
        "elo_difference_error": "double",
        "annotators": "int64",
        "rankings_for": "int64",
        "rankings_tied": "int64",
        "rankings_against": "int64",
        "split": "string",
    },
    "ranking": {
        "prompt": CHAT,
        "responses": "list of string",
        "scores": "list of double",
        "errors": "list of double",
        "models": "list of string",
        "ended": "list of bool",
        "annotators": "int64",
        "rankings": "int64",
        "split": "string",
    },
    "prompt": {"prompt": CHAT, "split": "string"},
    "sft": {
        "prompt": CHAT,
        "completion": CHAT,
        "origin": "string",
        "model": "string",
        "score": "double",
        "error": "double",
        "annotators": "int64",
        "split": "string",
    },
}
"""Each column of each form, with its type; those of `_SIDES` stand once for each of the two responses."""
MEANING: Mapping[str, str] = {
    "prompt": "the chat up to the answer; its last turn is the user's",
    "chosen": "the response with the higher score, as an assistant's turn",
    "rejected": "the response with the lower score, as an assistant's turn",
    "score_chosen": "its score in Elo points; 1000 is the mean of its prompt",
    "error_chosen": "standard error of the score, in Elo points",
    "model_chosen": "the model version that wrote it, or `a person`",
    "ended_chosen": "whether the answer is whole, and was not cut at the limit of tokens",
    "elo_difference": "how much higher the score of `chosen` is, in Elo points",
    "elo_difference_error": "standard error of that difference, as if both scores were independent",
    "rankings_for": "rankings that put `chosen` above `rejected`",
    "rankings_tied": "rankings that have the two tied",
    "rankings_against": "rankings that put `rejected` above `chosen`",
    "responses": "the texts of the responses, the best first",
    "scores": "their scores in Elo points, in the same order; 1000 is the mean of the prompt",
    "errors": "standard errors of the scores",
    "models": "the model version that wrote each, or `a person`",
    "ended": "whether each is whole, and was not cut at the limit of tokens",
    "rankings": "rankings of this prompt's responses",
    "completion": "what is to be learned, as an assistant's turn",
    "origin": "`ranked highest` by the scores, or `written by a person`",
    "model": "the model version that wrote it, or `a person`",
    "score": "its score in Elo points, where it was ranked",
    "error": "standard error of the score",
    "annotators": "how many people ranked these responses (both of a pair)",
    "split": "train, or eval: held out, so that models can be judged on it",
}
"""What the columns mean, for the card; those of `rejected` mean the same as those of `chosen`."""
