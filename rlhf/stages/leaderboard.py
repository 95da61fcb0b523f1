"""Rankings -> which model version people prefer, and which one writes what they rank next. numpy only."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlite_utils import Database

from rlhf.ratings.versions import BEATS, LOSES, OPEN, Leaderboard, VersionVerdict, compare, rank_versions, winner_of
from rlhf.stages.ranking_table import RankingTable
from store import models, rankings, responses
from store.db import writing
from store.errors import NotReady, Refused
from store.records import SIMULATED, Model, Ranking


def leaderboard(db: Database, every: Sequence[Ranking] | None = None) -> dict[str, Any]:
    """Versions by people's rankings (by simulated annotators' where people made none), and what follows from them.

    `decision` is `BEATS`, `LOSES` or `OPEN`; `share` is the newest's share of its comparisons with the base, a tie
    being half, with `low` and `high` that hold at every look together; None where only the base was ranked.
    `challenge` says the same of the newest against `generator`, the version that writes fresh responses by default,
    where one was promoted. `every` is all standing rankings, for whoever has read them. Raises NotReady where nothing
    is ranked.
    """
    every = rankings.current(db) if every is None else every
    by_people = [r for r in every if not r.annotator.startswith(SIMULATED)]
    standing = by_people or every
    if not standing:
        raise NotReady("There are 0 rankings: rank some tasks on the page, or run `simulate`, then ask again.")
    versions, table = models.every(db, "policy"), RankingTable(standing)
    version = _version_of_each(db, table, versions)
    board = rank_versions(table.levels, table.prompt, version)
    newest = max((v for v in range(1, len(board.elo)) if board.prompts[v]), default=0)
    promoted = models.generator(db)
    ruling = next((i for i, m in enumerate(versions) if promoted and m.id == promoted.id), 0)
    verdict, against_ruling = (_verdict(table, version, newest, other) for other in (0, ruling))
    told = {
        "versions": _rows(versions, board),
        "decision": OPEN if verdict.winner is None else LOSES if verdict.winner == 0 else BEATS,
        "newest": versions[newest].name,
        "base": versions[0].name,
        **_shares(verdict),
        "generator": promoted.name if promoted else None,
        "judges": "people" if by_people else "simulated annotators",
        "rankings": len(standing),
    }
    if ruling not in (0, newest):
        winner = None if against_ruling.winner is None else versions[against_ruling.winner].name
        told["challenge"] = {"against": versions[ruling].name, "winner": winner, **_shares(against_ruling)}
    return told


def promote(db: Database, name: str | None = None, *, force: bool = False) -> dict[str, Any]:
    """Make a version (the newest that was compared) the workspace's default generator, if people prefer it.

    With `force`, whatever they prefer. Raises NotFound, NotReady, Refused with what people said.
    """
    with writing(db):
        board = {} if name and force else leaderboard(db)
        version = models.named(db, name or board["newest"])
        ruling = models.generator(db)
        if ruling and ruling.id == version.id:
            return {"promoted": version.name, "was": ruling.name}
        if not force:
            _check_preferred(board, version)
        models.promote(db, version.id, "launcher", {} if force else challenge(board))
    return {"promoted": version.name, "was": ruling.name if ruling else None}


def promote_if_preferred(db: Database) -> str | None:
    """The name of the newest version if people prefer it to the default generator, whose place it takes then."""
    try:
        return str(promote(db)["promoted"])
    except (NotReady, Refused):
        return None


def challenge(board: dict[str, Any]) -> dict[str, Any]:
    """What people say of the newest version and of the one whose place it would take: `against`, `winner`, shares."""
    winner = winner_of(board["decision"], board["newest"], board["base"])
    against_base = {key: board[key] for key in ("share", "low", "high", "prompts")}
    return board.get("challenge") or {"against": board["base"], "winner": winner, **against_base}


def _check_preferred(board: dict[str, Any], version: Model) -> None:
    asked = challenge(board)
    if version.name != board["newest"]:
        raise Refused(
            f"{version.name} is not the newest version that was compared ({board['newest']} is): "
            "promote that one, or pass --force."
        )
    if version.name == asked["against"]:
        raise Refused(f"Only {version.name} has been ranked: rank responses of another version, or pass --force.")
    if not asked["prompts"]:
        raise Refused(
            f"No prompt has responses of {version.name} and of {asked['against']} ranked together: "
            "rank some, or pass --force."
        )
    if asked["winner"] != version.name:
        raise Refused(
            f"{version.name} wins {asked['share']:.1%} against {asked['against']} on {asked['prompts']} prompts "
            f"({asked['low']:.1%} to {asked['high']:.1%}) and must be above 50% for certain: "
            "rank more, or pass --force."
        )


def _version_of_each(db: Database, table: RankingTable, versions: Sequence[Model]) -> np.ndarray:
    """Number of the version that wrote each response of each ranking, (N, K)."""
    number = {model.id: i for i, model in enumerate(versions)}
    writer = {r.id: number[r.model_id] for r in responses.every(db)}
    by_prompt = np.zeros((len(table.prompt_ids), table.levels.shape[1]), dtype=np.int64)
    for p, ids in enumerate(table.response_ids):
        by_prompt[p, : len(ids)] = [writer[response] for response in ids]
    return by_prompt[table.prompt]


def _verdict(table: RankingTable, version: np.ndarray, newest: int, other: int) -> VersionVerdict:
    if newest == other:
        return VersionVerdict(None, math.nan, 0.0, 1.0, 0)
    return compare(table.levels, table.prompt, version, newest=newest, base=other)


def _shares(verdict: VersionVerdict) -> dict[str, Any]:
    if not verdict.prompts:
        return {"share": None, "low": None, "high": None, "prompts": 0}
    return {"share": verdict.share, "low": verdict.low, "high": verdict.high, "prompts": verdict.prompts}


def _rows(versions: Sequence[Model], board: Leaderboard) -> list[dict[str, Any]]:
    """Best first; a version that was never compared is left out, but for the base."""
    rows = [
        {
            "name": versions[v].name,
            "elo": float(board.elo[v]),
            "low": float(board.low[v]),
            "high": float(board.high[v]),
            "comparisons": int(board.comparisons[v]),
            "prompts": int(board.prompts[v]),
        }
        for v in range(len(board.elo))
        if board.prompts[v] or v == board.base
    ]
    return sorted(rows, key=lambda row: -row["elo"])
