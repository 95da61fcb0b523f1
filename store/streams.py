"""The store read prompt by prompt, for what is too much to be held at once: an export of everything."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlite_utils import Database

from store import prompts, rankings, responses, scores
from store.records import Prompt, Ranking, Response, Score


@dataclass(frozen=True)
class Judged:
    """A prompt with all that is known of it: its responses, their scores by one rating, and the rankings that count.

    `responses` and `scores` go by the response's id, in order of arrival; `rankings` are those that stand, in order
    of arrival, without skips and flags. `own` are the tasks in which a person put an answer of their own first.
    """

    prompt: Prompt
    responses: dict[int, Response]
    scores: dict[int, Score]
    rankings: tuple[Ranking, ...]
    own: frozenset[int] = frozenset()


@contextmanager
def one_moment(db: Database) -> Iterator[None]:
    """All that is read inside is of one moment, however long it takes and whatever people rank meanwhile.

    It holds nobody up: it is a read transaction, in which nothing can be written.
    """
    db.conn.execute("BEGIN")
    try:
        yield
    finally:
        db.conn.execute("ROLLBACK")


def prompt_by_prompt(
    db: Database, rating_id: int | None = None, *, after: int = 0, limit: int = -1
) -> Iterator[Judged]:
    """Every prompt that counts, in order of arrival; without a rating no response has a score.

    `after` and `limit` are those of `prompts.one_by_one`. Memory stays that of one prompt.
    """
    for prompt in prompts.one_by_one(db, after=after, limit=limit):
        rated = scores.of_prompt(db, rating_id, prompt.id) if rating_id is not None else []
        standing, own = rankings.of_prompt(db, prompt.id)
        yield Judged(
            prompt=prompt,
            responses={response.id: response for response in responses.of_prompt(db, prompt.id)},
            scores={score.response_id: score for score in sorted(rated, key=lambda s: s.response_id)},
            rankings=tuple(standing),
            own=own,
        )
