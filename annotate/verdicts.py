"""What the leaderboard that a rating stored says of one version against another."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rlhf.ratings.versions import winner_of
from store.records import Rating

Board = Mapping[str, Any]


@dataclass(frozen=True)
class Verdict:
    """The `newest` version against another: its `share` of their comparisons, between `low` and `high` at every look
    together; `winner` is None while that is open, and the shares are where nothing was compared."""

    newest: str
    against: str
    winner: str | None
    share: float | None
    low: float | None
    high: float | None
    prompts: int


def board_of(rating: Rating | None) -> Board:
    """The leaderboard; empty where there is no rating, or one from before versions were compared."""
    return (rating.metrics.get("leaderboard") or {}) if rating else {}


def verdicts(board: Board) -> list[Verdict]:
    """The newest version against the base, and against the default generator of that day where that was a third."""
    if not board or board["newest"] == board["base"]:
        return []
    newest, base = board["newest"], board["base"]
    winner = winner_of(board["decision"], newest, base)
    found = [_verdict(newest, {**board, "against": base, "winner": winner})]
    challenge = board.get("challenge")
    if challenge and challenge["against"] not in (newest, base):
        found.append(_verdict(newest, challenge))
    return found


def favours(board: Board, name: str, generator: str | None) -> bool:
    """Whether people prefer version `name` to the default generator, as far as the stored decisions go.

    A decision against one version says nothing about another. Where none was promoted, the base is what counts.
    """
    verdict = _between(board, name, generator)
    return verdict is not None and verdict.winner == name


def evidence(rating: Rating | None, name: str, generator: str | None) -> dict[str, Any]:
    """What a promotion of version `name` rests on, to be kept with it: its line of the leaderboard, and the decision
    between it and the version whose place it takes."""
    board = board_of(rating)
    if rating is None or not board:
        return {}
    told: dict[str, Any] = {"rating": rating.id, "judges": board.get("judges"), "rankings": board.get("rankings")}
    if verdict := _between(board, name, generator):
        told |= asdict(verdict)
    line = next((row for row in board["versions"] if row["name"] == name), None)
    return told | ({"version": line} if line else {})


def _between(board: Board, name: str, generator: str | None) -> Verdict | None:
    """The decision between a version and the one whose place it would take."""
    for verdict in verdicts(board):
        pair = {verdict.newest, verdict.against}
        if pair == {name, generator} or (generator is None and verdict.against == board["base"] and name in pair):
            return verdict
    return None


def _verdict(newest: str, told: Mapping[str, Any]) -> Verdict:
    share, low, high = (told.get(key) for key in ("share", "low", "high"))
    return Verdict(newest, told["against"], told.get("winner"), share, low, high, told.get("prompts") or 0)
