"""The commands' work on data: all that counts in the store, prompt by prompt, into files with a card beside them."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sqlite_utils import Database

from rlhf.exports import cards, files
from rlhf.exports.columns import CHAT, COLUMNS, MEANING
from rlhf.exports.names import Names
from rlhf.exports.records import RecordForm, RecordMaker
from rlhf.exports.rows import Counts, Form, Maker
from store import imports, models, prompts, rankings, scores
from store.errors import BadInput, NotReady
from store.records import Json, Rating, Split
from store.streams import one_moment, prompt_by_prompt
from store.workspace import Workspace, appearing

FileKind = Literal["jsonl", "parquet"]
NAMES: Mapping[Split, str] = {"train": "train", "eval": "test"}
"""What the file of each split is called: names by which `datasets` knows them."""
CARD = "README.md"


@dataclass(frozen=True)
class Exported:
    """Where the rows are, how many of each split there are, and what was left out and why."""

    to: str
    form: str
    rows: int
    splits: dict[str, int]
    left_out: dict[str, int]


def dataset(workspace: Workspace, to: Path, form: Form, kind: FileKind) -> Exported:
    """Write a data set into a new folder: a file for each split, and a card.

    Raises BadInput where something is there already, NotReady where the form needs scores and there are none, or
    where there is no row to write.
    """
    if to.suffix in files.SUFFIXES:
        raise BadInput(f"A data set is a folder with a file for each split, and {to.name} is a file: name a folder.")
    files.check_free(to)
    counts = Counts()
    with workspace.store() as db, one_moment(db), _folder(to) as beside:
        rating = scores.require_latest(db) if form in ("preference", "ranking") else scores.latest(db)
        make = Maker(form, {model.id: model.name for model in models.every(db)}, counts)
        with _splits(beside, form, kind) as add:
            for judged in prompt_by_prompt(db, rating.id if rating else None):
                for row in make.rows(judged):
                    add[judged.prompt.split](row)
                    counts.rows[judged.prompt.split] = counts.rows.get(judged.prompt.split, 0) + 1
        _check_any(counts)
        for split in NAMES:
            if split not in counts.rows:  # `datasets` reads no types from a file without rows
                (beside / f"{NAMES[split]}.{kind}").unlink()
        (beside / CARD).write_text(_card(db, form, kind, rating, counts), encoding="utf-8")
    return _exported(to, form, counts)


def rankings_to(workspace: Workspace, to: Path, form: RecordForm, *, pseudonyms: bool) -> Exported:
    """Write the rankings that count, one by one, into a file: `.json` for Label Studio, else `.jsonl`.

    Raises BadInput where something is there already or the name ends otherwise, NotReady where nothing is ranked.
    """
    suffix = ".json" if form == "labelstudio" else ".jsonl"
    if to.suffix != suffix:
        raise BadInput(f"{to.name} does not end with {suffix}, as this form does: name a file that does with --to.")
    files.check_free(to)
    counts = Counts()
    with workspace.store() as db, one_moment(db), files.whole(to) as beside, files.adding(beside, {}) as add:
        named = {model.id: model.name for model in models.every(db)}
        make = RecordMaker(form, named, Names(pseudonyms=pseudonyms), counts)
        for judged in prompt_by_prompt(db):
            for row in make.rows(judged):
                add(row)
                counts.rows[judged.prompt.split] = counts.rows.get(judged.prompt.split, 0) + 1
        if not rankings.count(db):
            raise NotReady("Nothing is ranked yet: rank some responses first.")
        _check_any(counts)
    return _exported(to, form, counts)


def _folder(to: Path) -> AbstractContextManager[Path]:
    """A folder to fill beside its place, which it takes at the end."""
    return appearing(to, to.with_name(f".writing-{to.name}"))


@contextmanager
def _splits(folder: Path, form: Form, kind: FileKind) -> Iterator[dict[Split, files.Add]]:
    """A file for the rows of each split."""
    with ExitStack() as opened:
        yield {
            split: opened.enter_context(files.adding(folder / f"{name}.{kind}", COLUMNS[form]))
            for split, name in NAMES.items()
        }


def _check_any(counts: Counts) -> None:
    if not counts.rows:
        why = "".join(f"; left out were {many} {what}" for what, many in counts.left_out.items())
        raise NotReady(f"There is no row to export{why}: rank more responses, or export another form with --as.")


def _exported(to: Path, form: str, counts: Counts) -> Exported:
    return Exported(str(to), form, sum(counts.rows.values()), counts.rows, counts.left_out)


def _card(db: Database, form: Form, kind: FileKind, rating: Rating | None, counts: Counts) -> str:
    """The card of a data set: its head tells `datasets` the types, so that none is guessed."""
    columns = COLUMNS[form]
    splits = [split for split in NAMES if split in counts.rows]
    head: Json = {
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": NAMES[s], "path": f"{NAMES[s]}.{kind}"} for s in splits],
            }
        ],
        "dataset_info": {"features": [_feature(name, told) for name, told in columns.items()]},
        "tags": ["rlhf", form],
    }
    told = [(f"`{name}`", MEANING[name]) for name in columns if name in MEANING]
    by_source: dict[str, int] = {}
    for prompt in prompts.one_by_one(db):
        by_source[prompt.source] = by_source.get(prompt.source, 0) + 1
    left = [f"{many} {what}" for what, many in counts.left_out.items()]
    parts = [
        f"# {form.capitalize()} data" if form != "sft" else "# Demonstrations",
        "Made of one workspace of Rankloop.",
        "## Rows",
        cards.table(["split", "file", "rows"], [(s, f"{NAMES[s]}.{kind}", counts.rows[s]) for s in splits]),
        "The split is drawn from the text of the prompt: no model of the workspace was trained on one of `test`.",
        *(["Left out: " + "; ".join(left) + "."] if left else []),
        "## Columns",
        cards.table(["column", "meaning"], told),
        "## How it was judged",
        cards.judged_by(rating),
        *(["## Who wrote the responses", _authors(counts)] if counts.models else []),
        "## Where the prompts come from",
        cards.sources(imports.every(db), by_source),
        "Under which licence these rows may be passed on follows from that of these sources and of the models that "
        "answered.",
    ]
    return cards.front(head) + "\n" + "\n\n".join(parts) + "\n"


def _authors(counts: Counts) -> str:
    named = sorted(counts.models.items(), key=lambda item: -item[1])
    return cards.table(["version", "times in these rows"], named)


def _feature(name: str, told: str) -> Json:
    """A column as `datasets` writes it into a card."""
    types = {"double": "float64"}
    if told == CHAT:
        return {"name": name, "list": [{"name": part, "dtype": "string"} for part in ("role", "content")]}
    if told.startswith("list of "):
        item = told.removeprefix("list of ")
        return {"name": name, "list": types.get(item, item)}
    return {"name": name, "dtype": types.get(told, told)}
