"""What the leaderboard that a rating stored says of one version against another."""

from dataclasses import asdict

from store.records import Json, Rating
from store.results import Board, Challenge, as_json, figures


def board_of(rating: Rating | None) -> Board | None:
    """The leaderboard; None where there is no rating, or one from before versions were compared."""
    return figures(rating).leaderboard if rating else None


def challenges(board: Board | None) -> list[Challenge]:
    """The newest version against the base, and against the default generator where that is neither of the two."""
    if board is None or board.newest == board.base:
        return []
    third = board.challenge
    if third is None or third.against in (board.newest, board.base):
        return [board.against_base]
    return [board.against_base, third]


def favours(board: Board | None, name: str, generator: str | None) -> bool:
    """Whether people prefer version `name` to the default generator, as far as the stored decisions go.

    A decision against one version says nothing about another. Where none was promoted, the base is what counts.
    """
    challenge = between(board, name, generator)
    return challenge is not None and challenge.winner == name


def evidence(rating: Rating | None, name: str, generator: str | None) -> Json:
    """What a promotion of version `name` rests on, to be kept with it: its line of the leaderboard, and the decision
    between it and the version whose place it takes."""
    board = board_of(rating)
    if rating is None or board is None:
        return {}
    told: Json = {"rating": rating.id, "judges": board.judges, "rankings": board.rankings}
    if challenge := between(board, name, generator):
        told |= {"newest": board.newest, **asdict(challenge)}
    line = next((row for row in board.versions if row.name == name), None)
    return told | ({"version": as_json(line)} if line else {})


def between(board: Board | None, name: str, generator: str | None) -> Challenge | None:
    """The decision between a version and the one whose place it would take."""
    for challenge in challenges(board):
        assert board is not None
        pair = {board.newest, challenge.against}
        if pair == {name, generator} or (generator is None and challenge.against == board.base and name in pair):
            return challenge
    return None
