"""What people say beside their order: flags, reasons of skips, comments; and what a researcher decides of each.

A flag holds its prompt back: from then on it is given to nobody and teaches nothing, until all of its flags are
decided. All flags of one prompt are decided together, since they are about the same thing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from sqlite_utils import Database

from store import prompts, rankings
from store.db import Row, writing
from store.errors import BadInput
from store.records import IMPORTED

VoiceKind = Literal["flag", "skip", "comment"]
Decision = Literal["put back", "taken out", "read"]
KINDS: tuple[VoiceKind, ...] = ("flag", "skip", "comment")
"""In the order in which somebody should hear them."""
MOST = 500
"""Voices that are listed at once; with a filter the others are reached too."""

_FROM = f"""FROM newest_rankings r JOIN prompts p ON p.id = r.prompt_id LEFT JOIN decisions d ON d.ranking_id = r.id
    WHERE (r.kind != 'ranked' OR r.comment != '') AND r.annotator NOT LIKE '{IMPORTED}%'"""
_KIND = "CASE r.kind WHEN 'flagged' THEN 'flag' WHEN 'skipped' THEN 'skip' ELSE 'comment' END"


@dataclass(frozen=True)
class Voice:
    """What one person said of one prompt.

    `id` is the number of the ranking that it came with, `said` their words. `decision` is empty while it is open,
    `by` is who decided. `held` says whether the prompt is held back now, `removed` whether it is taken out.
    """

    id: int
    kind: VoiceKind
    annotator: str
    said: str
    prompt_id: int
    prompt: str
    held: bool
    removed: bool
    decision: str
    by: str
    created: str


def every(db: Database, *, kind: str = "", person: str = "", decided: bool | None = False) -> list[Voice]:
    """The newest `MOST` voices: of one kind and one person where these are named, decided ones or (False) open ones.

    `decided` None gives both. Flags come first, then skips, then comments, each with the newest first.
    """
    rows = db.query(
        f"""SELECT r.id, {_KIND} AS voice, r.annotator, r.comment, r.created, p.id AS prompt_id, p.held, p.removed,
            json_extract(p.messages, '$[#-1].content') AS prompt,
            coalesce(d.decision, '') AS decision, coalesce(d.by, '') AS by
            {_FROM} AND (:kind = '' OR {_KIND} = :kind) AND (:person = '' OR r.annotator = :person)
            AND (:decided IS NULL OR (d.ranking_id IS NOT NULL) = :decided)
            ORDER BY instr('flag skip comment', {_KIND}), r.id DESC LIMIT {MOST}""",
        {"kind": kind, "person": person, "decided": decided},
    )
    return [_voice(row) for row in rows]


def open_ones(db: Database) -> dict[str, int]:
    """How many voices of each kind nobody has decided; a kind without any is 0."""
    rows = db.execute(f"SELECT {_KIND}, count(*) {_FROM} AND d.ranking_id IS NULL GROUP BY 1").fetchall()
    return {**dict.fromkeys(KINDS, 0), **dict(rows)}


def people(db: Database) -> list[str]:
    """Whoever has said something, by name."""
    return [row[0] for row in db.execute(f"SELECT DISTINCT r.annotator {_FROM} ORDER BY 1")]


def decide(db: Database, ranking_ids: Iterable[int], decision: Decision, by: str) -> int:
    """Decide voices by their numbers, all or none; returns how many prompts that put back or took out.

    `put back` lets a flagged prompt go on, with all that was said of it; `taken out` is what `prompts remove` does,
    and is possible with any voice; `read` puts a skip or a comment aside. Raises NotFound, and BadInput for a voice
    that was decided already, says nothing, or is none that can be decided so.
    """
    changed = 0
    with writing(db):
        for ranking_id in dict.fromkeys(ranking_ids):
            _check(db, ranking_id, decision)
            prompt_id = rankings.get(db, ranking_id).prompt_id
            counted = _counts(db, prompt_id)
            if decision == "taken out" and not prompts.get(db, prompt_id).removed:
                prompts.remove(db, [prompt_id])
            for about in _decided_together(db, ranking_id, prompt_id, decision):
                db.execute(
                    "INSERT OR IGNORE INTO decisions (ranking_id, decision, by) VALUES (?, ?, ?)",
                    [about, decision, by],
                )
            rankings.hold(db, prompt_id)
            changed += _counts(db, prompt_id) != counted or decision == "taken out"
    return changed


def _check(db: Database, ranking_id: int, decision: Decision) -> None:
    ranking = rankings.get(db, ranking_id)
    if ranking.kind == "ranked" and not ranking.comment:
        raise BadInput(f"Ranking {ranking_id} says nothing beside its order: there is nothing to decide.")
    if db["rankings"].count_where("supersedes = ?", [ranking_id]):
        raise BadInput(f"Number {ranking_id} was taken back by {ranking.annotator}: there is nothing to decide.")
    if made := db.execute("SELECT decision, by FROM decisions WHERE ranking_id = ?", [ranking_id]).fetchone():
        raise BadInput(f"Number {ranking_id} was decided already ({made[0]}, by {made[1]}): nothing was changed.")
    flag = ranking.kind == "flagged"
    if flag and decision == "read":
        raise BadInput(f"Number {ranking_id} is a flag, which holds its prompt back: put it back, or take it out.")
    if not flag and decision == "put back":
        raise BadInput(f"Number {ranking_id} is no flag and holds nothing back: mark it as read, or take it out.")


def _decided_together(db: Database, ranking_id: int, prompt_id: int, decision: Decision) -> list[int]:
    """The voice itself, and what the same decision answers: the other open flags of its prompt."""
    if decision == "read":
        return [ranking_id]
    flags = db.execute("SELECT id FROM rankings WHERE prompt_id = ? AND kind = 'flagged'", [prompt_id])
    return [ranking_id, *(row[0] for row in flags)]


def _counts(db: Database, prompt_id: int) -> bool:
    return not db["taken_out"].count_where("id = ?", [prompt_id])


def _voice(row: Row) -> Voice:
    return Voice(
        id=row["id"],
        kind=row["voice"],
        annotator=row["annotator"],
        said=row["comment"],
        prompt_id=row["prompt_id"],
        prompt=row["prompt"],
        held=row["held"] is not None,
        removed=row["removed"] is not None,
        decision=row["decision"],
        by=row["by"],
        created=row["created"],
    )
