"""Rows of a file into the tables: prompts, responses and rankings, thousands at a time, what is there already once.

A prompt is known by its chat, a response by its prompt, its author and its text, a ranking by its annotator, its time
and which responses stand at which level. All is written inside the transaction that the caller has begun.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence

from sqlite_utils import Database

from store import annotators, models, names, prompts
from store.first_tables import CLOCK
from store.formats.row import Answer, Brought, Row, Verdict
from store.records import Json, Model, Prompt

BATCH = 2000
"""Prompts that are written at once: enough that Python waits little for SQLite, few enough to hold no memory."""
KEY = 32
"""Hexadecimal digits by which a ranking is known: 128 bits."""
TABLES = ("prompts", "responses", "tasks", "rankings")


class Arrivals:
    """What one import brings; its counts of what is `new` are of what was not there before."""

    def __init__(self, db: Database, import_id: int) -> None:
        self.db, self.import_id = db, import_id
        # Numbers are given here, since nobody else writes meanwhile: many rows can then be inserted at once.
        self.last = {t: int(db.execute(f"SELECT coalesce(max(id), 0) FROM {t}").fetchone()[0]) for t in TABLES}
        (self.now,) = db.execute(f"SELECT {CLOCK}").fetchone()
        self.rows = self.new_rows = self.new_prompts = self.new_responses = self.new_rankings = 0
        self._authors: dict[tuple[str, bool], tuple[int | None, str | None]] = {}
        self._judges: dict[str, str] = {}

    def add(self, items: Iterable[Sequence[Brought]]) -> None:
        """Store what rows brought, each row a sequence of prompts with what belongs to them."""
        for batch in _batches(items):
            fresh: set[int] = set()
            flat = [(number, *brought) for number, item in enumerate(batch) for brought in item]
            ids, old = self._prompts(flat, fresh)
            answers = self._responses(flat, ids, old, fresh)
            self._rankings(flat, ids, answers, fresh)
            self.rows += len(batch)
            self.new_rows += len(fresh)

    def _next(self, table: str) -> int:
        self.last[table] += 1
        return self.last[table]

    def _many(self, table: str, columns: str, rows: Sequence[tuple[object, ...]], how: str = "INSERT") -> None:
        if rows:
            marks = ", ".join("?" * len(rows[0]))
            self.db.conn.executemany(f"{how} INTO {table} ({columns}) VALUES ({marks})", rows)

    def _prompts(
        self, flat: Sequence[tuple[int, Prompt, Row, Json]], fresh: set[int]
    ) -> tuple[list[int], dict[int, None]]:
        """The id of each prompt, and the ids of those that were there before this batch."""
        digests = [prompts.digest(prompt.messages) for _, prompt, _, _ in flat]
        known = dict(
            self.db.execute(
                "SELECT digest, id FROM prompts WHERE digest IN (SELECT value FROM json_each(?))",
                [json.dumps(digests)],
            ).fetchall()
        )
        old = dict.fromkeys(known.values())
        rows: list[tuple[object, ...]] = []
        for digest, (item, prompt, _, _) in zip(digests, flat, strict=True):
            if digest not in known:
                known[digest] = self._next("prompts")
                fresh.add(item)
                chat = json.dumps(prompt.messages, ensure_ascii=False)
                rows.append((known[digest], chat, digest, prompt.split, prompt.source, self.import_id))
        self.new_prompts += len(rows)
        self._many("prompts", "id, messages, digest, split, source, import_id", rows)
        if old:  # what a model had proposed and now comes from a file waits no longer for a yes
            self.db.execute(
                "UPDATE prompts SET waiting = 0, import_id = ? WHERE waiting = 1"
                " AND id IN (SELECT value FROM json_each(?))",
                [self.import_id, json.dumps([*old])],
            )
        ids = [known[digest] for digest in digests]
        links = [
            (self.import_id, found, json.dumps(kept, ensure_ascii=False) if kept else "{}")
            for found, (_, _, _, kept) in zip(ids, flat, strict=True)
        ]
        self._many("import_prompts", "import_id, prompt_id, kept", links, "INSERT OR IGNORE")
        return ids, old

    def _responses(
        self,
        flat: Sequence[tuple[int, Prompt, Row, Json]],
        ids: Sequence[int],
        old: Iterable[int],
        fresh: set[int],
    ) -> list[list[int]]:
        """The ids of each prompt's answers."""
        known = {
            (prompt, model, person, text): number
            for number, prompt, model, person, text in self.db.execute(
                "SELECT id, prompt_id, model_id, annotator, text FROM responses"
                " WHERE prompt_id IN (SELECT value FROM json_each(?))",
                [json.dumps([*old])],
            )
        }
        rows: list[tuple[object, ...]] = []
        found: list[list[int]] = []
        for prompt, (item, _, row, _) in zip(ids, flat, strict=True):
            found.append([])
            for answer in row.answers:
                key = (prompt, *self._author(answer), answer.text)
                if key not in known:
                    known[key] = self._next("responses")
                    fresh.add(item)
                    rows.append((known[key], *key, 0, "{}", "imported" if answer.whole else "length"))
                found[-1].append(known[key])
        self.new_responses += len(rows)
        self._many("responses", "id, prompt_id, model_id, annotator, text, seed, sampling, finish_reason", rows)
        links = [(self.import_id, response) for answers in found for response in answers]
        self._many("import_responses", "import_id, response_id", links, "INSERT OR IGNORE")
        return found

    def _rankings(
        self,
        flat: Sequence[tuple[int, Prompt, Row, Json]],
        ids: Sequence[int],
        answers: Sequence[Sequence[int]],
        fresh: set[int],
    ) -> None:
        told = [
            (item, prompt, verdict, levels, _key(prompt, verdict, levels))
            for prompt, (item, _, row, _), shown in zip(ids, flat, answers, strict=True)
            for verdict in row.verdicts
            for levels in [_levels(verdict, shown)]
        ]
        known = dict(
            self.db.execute(
                "SELECT lease, id FROM rankings WHERE lease IN (SELECT value FROM json_each(?))",
                [json.dumps([key for *_, key in told])],
            ).fetchall()
        )
        tasks: list[tuple[object, ...]] = []
        shown: list[tuple[object, ...]] = []
        rows: list[tuple[object, ...]] = []
        for item, prompt, verdict, levels, key in told:
            if key in known:
                continue
            known[key] = self._next("rankings")
            fresh.add(item)
            task, judge = self._next("tasks"), self._judge(verdict.annotator)
            order = f"[{', '.join(map(str, levels))}]"
            tasks.append((task, prompt, "done", judge, order, key, "own" if verdict.own else "fresh"))
            shown += [(task, position, response) for position, response in enumerate(levels)]
            said = "{" + ", ".join(f'"{response}": {level}' for response, level in levels.items()) + "}"
            when = verdict.time or self.now
            rows.append(
                (known[key], task, prompt, judge, said, "ranked", verdict.seconds, key, order, when, verdict.comment)
            )
        self.new_rankings += len(rows)
        self._many("tasks", "id, prompt_id, state, annotator, shown_order, lease, reason", tasks)
        self._many("task_responses", "task_id, position, response_id", shown)
        columns = "id, task_id, prompt_id, annotator, levels, kind, seconds, lease, shown_order, created, comment"
        self._many("rankings", columns, rows)
        links = [(self.import_id, known[key]) for *_, key in told]
        self._many("import_rankings", "import_id, ranking_id", links, "INSERT OR IGNORE")

    def _author(self, answer: Answer) -> tuple[int | None, str | None]:
        """The version that wrote an answer, or the person."""
        who = (answer.by, answer.person)
        if who not in self._authors:
            self._authors[who] = self._make_author(names.from_file(answer.by), person=answer.person)
        return self._authors[who]

    def _make_author(self, name: str, *, person: bool) -> tuple[int | None, str | None]:
        if person:
            annotators.ensure(self.db, name)
            return None, name
        known = self.db.execute("SELECT id FROM models WHERE name = ?", [name]).fetchone()
        if known:
            return known[0], None
        return models.add(self.db, Model(name=name, kind="imported", base_model="unknown", made_by="import")), None

    def _judge(self, told: str) -> str:
        if told not in self._judges:
            self._judges[told] = names.from_file(told)
            annotators.ensure(self.db, self._judges[told])
        return self._judges[told]


def _key(prompt: int, verdict: Verdict, levels: dict[int, int]) -> str:
    """By what a ranking is known. The prompt goes first, so that rankings of new prompts come in the index's order:
    each would otherwise change a page of its own, and a million of them write gigabytes."""
    said = repr((names.from_file(verdict.annotator), verdict.time, *levels.items()))
    return f"import-{prompt:012d}-{hashlib.sha256(said.encode()).hexdigest()[:KEY]}"


def _levels(verdict: Verdict, shown: Sequence[int]) -> dict[int, int]:
    """The level of each response by its id, in the order of the ids, which says nothing of who won."""
    levels = {shown[place]: level for level, group in enumerate(verdict.groups, start=1) for place in group}
    return dict(sorted(levels.items()))


def _batches(items: Iterable[Sequence[Brought]]) -> Iterator[list[Sequence[Brought]]]:
    """Rows until they have `BATCH` prompts; a row is never divided."""
    batch: list[Sequence[Brought]] = []
    size = 0
    for item in items:
        batch.append(item)
        size += len(item)
        if size >= BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
