"""Rankings -> which model version people prefer, and which one writes what they rank next. numpy only."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlite_utils import Database

from rlhf.ratings.versions import BEATS, LOSES, OPEN, Leaderboard, VersionVerdict, compare, rank_versions
from rlhf.stages.ranking_table import RankingTable
from store import models, rankings, responses, tasks
from store.db import writing
from store.errors import NotReady, Refused
from store.records import SIMULATED, Model, Ranking
from store.results import Board, Challenge, VersionRow, as_json


@dataclass(frozen=True)
class Promoted:
    """The version that is the default generator now, and the one that was before."""

    promoted: str
    was: str | None


@dataclass(frozen=True)
class Rankings:
    """Standing rankings by who wrote what: `levels` and `version` (N, K), `prompt` (N,), `table` has the responses.

    `version` numbers the entries of `versions`; `judges` says who ranked.
    """

    versions: Sequence[Model]
    table: RankingTable
    levels: np.ndarray
    version: np.ndarray
    judges: str

    @property
    def prompt(self) -> np.ndarray:
        """Number of each ranking's prompt."""
        return self.table.prompt


def by_version(db: Database, every: Sequence[Ranking] | None = None) -> Rankings:
    """People's rankings (simulated annotators' where there are none) by the versions that wrote the responses.

    `every` is all standing rankings, where the caller has read them already. Raises NotReady where nothing is ranked.
    """
    every = rankings.current(db) if every is None else every
    by_people = [r for r in every if not r.annotator.startswith(SIMULATED)]
    standing = by_people or every
    if not standing:
        raise NotReady("There are 0 rankings: rank some tasks on the page, or run `simulate`, then ask again.")
    # Ours first, so that the base is number 0; what came with a file stands beside them.
    versions, table = [*models.every(db, "policy"), *models.every(db, "imported")], RankingTable(standing)
    version = _version_of_each(db, table, versions)
    # What no version wrote, but a person, says nothing of versions: not shown.
    # Nor does the ranking that put a person's answer first: what ties below it was not compared.
    own = np.isin([r.task_id for r in standing], list(tasks.of_reason(db, tasks.OWN)))
    levels = np.where((version >= 0) & ~own[:, None], table.levels, -1)
    return Rankings(versions, table, levels, version, "people" if by_people else "simulated annotators")


def leaderboard(db: Database, every: Sequence[Ranking] | None = None) -> Board:
    """Versions by people's rankings (by simulated annotators' where there are none), and whether the newest one wins.

    `every` is all standing rankings, where the caller has read them already. Raises NotReady where nothing is ranked.
    """
    held = by_version(db, every)
    versions, levels, version = held.versions, held.levels, held.version
    ranked = rank_versions(levels, held.prompt, version)
    ours = sum(model.kind == "policy" for model in versions)
    newest = max((v for v in range(1, min(ours, len(ranked.elo))) if ranked.prompts[v]), default=0)
    promoted = models.generator(db)
    ruling = next((i for i, m in enumerate(versions) if promoted and m.id == promoted.id), 0)
    of_base, of_ruling = (_verdict(levels, held.prompt, version, newest, other) for other in (0, ruling))
    base = _challenge(of_base, versions, against=0)
    return Board(
        versions=_rows(versions, ranked),
        decision=OPEN if of_base.winner is None else LOSES if of_base.winner == 0 else BEATS,
        newest=versions[newest].name,
        base=base.against,
        share=base.share,
        low=base.low,
        high=base.high,
        prompts=base.prompts,
        generator=promoted.name if promoted else None,
        judges=held.judges,
        rankings=len(held.prompt),
        challenge=None if ruling in (0, newest) else _challenge(of_ruling, versions, against=ruling),
    )


def promote(db: Database, name: str | None = None, *, force: bool = False) -> Promoted:
    """Make a version (the newest that was compared) the workspace's default generator, if people prefer it.

    With `force`, whatever they prefer. Raises NotFound, NotReady, Refused with what people said.
    """
    with writing(db):
        board = None if name and force else leaderboard(db)
        version = models.named(db, name or (board.newest if board else ""))
        ruling = models.generator(db)
        if ruling and ruling.id == version.id:
            return Promoted(version.name, ruling.name)
        if board and not force:
            _check_preferred(board, version)
        models.promote(db, version.id, "launcher", as_json(challenge(board)) if board and not force else {})
    return Promoted(version.name, ruling.name if ruling else None)


def promote_if_preferred(db: Database) -> str | None:
    """Promote the newest version if people prefer it to the default generator; returns its name, else None."""
    try:
        return promote(db).promoted
    except (NotReady, Refused):
        return None


def challenge(board: Board) -> Challenge:
    """The newest version against the one that it would replace as the default generator."""
    return board.challenge or board.against_base


def _check_preferred(board: Board, version: Model) -> None:
    asked = challenge(board)
    if version.name != board.newest:
        raise Refused(
            f"{version.name} is not the newest version that was compared ({board.newest} is): "
            "promote that one, or pass --force."
        )
    if version.name == asked.against:
        raise Refused(f"Only {version.name} has been ranked: rank responses of another version, or pass --force.")
    if not asked.prompts:
        raise Refused(
            f"No prompt has responses of {version.name} and of {asked.against} ranked together: "
            "rank some, or pass --force."
        )
    if asked.winner != version.name:
        raise Refused(
            f"{version.name} wins {asked.share:.1%} against {asked.against} on {asked.prompts} prompts "
            f"({asked.low:.1%} to {asked.high:.1%}) and must be above 50% for certain: "
            "rank more, or pass --force."
        )


def _version_of_each(db: Database, table: RankingTable, versions: Sequence[Model]) -> np.ndarray:
    """Number of the version that wrote each response of each ranking, (N, K), -1 where none of them did."""
    number: dict[int | None, int] = {model.id: i for i, model in enumerate(versions)}
    writer = {r.id: number.get(r.model_id, -1) for r in responses.every(db)}
    by_prompt = np.zeros((len(table.prompt_ids), table.levels.shape[1]), dtype=np.int64)
    for p, ids in enumerate(table.response_ids):
        by_prompt[p, : len(ids)] = [writer[response] for response in ids]
    return by_prompt[table.prompt]


def _verdict(levels: np.ndarray, prompt: np.ndarray, version: np.ndarray, newest: int, other: int) -> VersionVerdict:
    if newest == other:
        return VersionVerdict(None, math.nan, 0.0, 1.0, 0)
    return compare(levels, prompt, version, newest=newest, base=other)


def _challenge(verdict: VersionVerdict, versions: Sequence[Model], *, against: int) -> Challenge:
    winner = None if verdict.winner is None else versions[verdict.winner].name
    if not verdict.prompts:
        return Challenge(versions[against].name, winner)
    return Challenge(versions[against].name, winner, verdict.share, verdict.low, verdict.high, verdict.prompts)


def _rows(versions: Sequence[Model], ranked: Leaderboard) -> tuple[VersionRow, ...]:
    """Best first; a version that was never compared is left out, but for the base."""
    rows = [
        VersionRow(
            name=versions[v].name,
            elo=float(ranked.elo[v]),
            low=float(ranked.low[v]),
            high=float(ranked.high[v]),
            comparisons=int(ranked.comparisons[v]),
            prompts=int(ranked.prompts[v]),
        )
        for v in range(len(ranked.elo))
        if ranked.prompts[v] or v == ranked.base
    ]
    return tuple(sorted(rows, key=lambda row: -row.elo))
