"""Votes of a crowd on pairs: `model_x` wrote `left`, `model_y` wrote `right`, and a `worker` said which won.

Where `prompt` is a number, the texts lie beside the votes: `prompts.jsonl` with `id` and `text`, `results.jsonl` with
`prompt`, `model` and `result`; `left` and `right` are the models' names then.
"""

from collections.abc import Iterator
from pathlib import Path

from store.errors import BadInput
from store.formats import cells, files
from store.formats.row import Answer, Format, Item, Row, Verdict

ORDERS: dict[str, tuple[tuple[int, ...], ...]] = {"left": ((0,), (1,)), "right": ((1,), (0,)), "tie": ((0, 1),)}
NEEDS = ("prompt", "model_x", "model_y", "winner", "left", "right")


def read(item: Item) -> Iterator[Row]:
    """One prompt with two answers and a vote."""
    yield _row(
        item,
        cells.text(item, "prompt"),
        (Answer(cells.text(item, "left"), cells.name(item, "model_x")), _right(item)),
    )


def _right(item: Item) -> Answer:
    return Answer(cells.text(item, "right"), cells.name(item, "model_y"))


def _row(item: Item, prompt: str, answers: tuple[Answer, ...]) -> Row:
    said = str(item["winner"]).strip().lower()
    if said not in ORDERS:
        raise BadInput(f"`winner` is {item['winner']!r:.40}, not left, right or tie")
    verdict = Verdict(ORDERS[said], cells.name(item, "worker", "annotator"), cells.time(item, "time"))
    return Row([{"role": "user", "content": prompt}], answers, (verdict,))


def beside(folder: Path) -> Format:
    """The form in which the texts lie in two files of this folder, which are read at the first vote."""
    texts: list[tuple[dict[str, str], dict[tuple[str, str], str]]] = []

    def read_both(item: Item) -> Iterator[Row]:
        if not texts:
            texts.append((_prompts(folder / "prompts.jsonl"), _results(folder / "results.jsonl")))
        prompts, results = texts[0]
        number = str(item["prompt"])
        if number not in prompts:
            raise BadInput(f"prompt {number} is not in prompts.jsonl")
        answers = []
        for model, name in (("model_x", "left"), ("model_y", "right")):
            key = (number, str(item[model]))
            if key not in results:
                raise BadInput(f"results.jsonl has no answer of model {key[1]} to prompt {number}")
            answers.append(Answer(results[key], cells.name(item, name)))
        yield _row(item, prompts[number], tuple(answers))

    return Format("votes-by-number", (NEEDS,), read_both, USES, lambda item: str(item["prompt"]).isdigit())


def _prompts(path: Path) -> dict[str, str]:
    return {str(row.get("id")): cells.text(row, "text") for row in _rows(path)}


def _results(path: Path) -> dict[tuple[str, str], str]:
    return {(str(row.get("prompt")), str(row.get("model"))): cells.text(row, "result") for row in _rows(path)}


def _rows(path: Path) -> Iterator[Item]:
    for number, row in files.rows(files.known(path, "texts that the votes name by number")):
        if not isinstance(row, dict):
            raise BadInput(f"line {number} of {path.name} is no object")
        yield row


USES = ("worker", "annotator", "time")
FORMAT = Format("votes", (NEEDS,), read, USES)
