"""Rankings as people made them, one by one -> the records of other tools, and a form of our own that loses nothing.

The raw form has a row for each ranking: `prompt` (the turns of the chat), `responses` in order of arrival, each
with `text`, the `model` or `person` that wrote it and whether it `ended`; `ranking`, groups of places among the
responses, the best group first, those in one group tied; `annotator`, `time` (UTC), `seconds`, `comment` and `split`.
`own` says that the best response is the person's own, and that nothing is said of how the others compare.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from rlhf.exports.names import Names
from rlhf.exports.rows import Counts
from store.records import Json, Ranking, Response
from store.streams import Judged

RecordForm = Literal["raw", "argilla", "labelstudio"]


@dataclass(frozen=True)
class RecordMaker:
    """Makes the records of one form; `models` are the names of the versions by their ids."""

    form: RecordForm
    models: Mapping[int, str]
    names: Names
    counts: Counts
    numbers: dict[str, int] = field(default_factory=dict)

    def rows(self, judged: Judged) -> Iterator[Json]:
        """The records of one prompt."""
        yield from {"raw": self._raw, "argilla": self._argilla, "labelstudio": self._label_studio}[self.form](judged)

    def _raw(self, judged: Judged) -> Iterator[Json]:
        for ranking in judged.rankings:
            shown = list(ranking.levels)
            yield {
                "prompt": list(judged.prompt.messages),
                "responses": [self._response(judged.responses[response_id]) for response_id in shown],
                "ranking": [[shown.index(response_id) for response_id in group] for group in groups(ranking)],
                "annotator": self.names.of(ranking.annotator),
                "time": ranking.created,
                "seconds": ranking.seconds,
                # What a person wrote in their own words may say who they are.
                "comment": "" if self.names.pseudonyms else ranking.comment,
                "split": judged.prompt.split,
                **({"own": True} if ranking.task_id in judged.own else {}),
            }

    def _response(self, response: Response) -> Json:
        if response.annotator is not None:
            return {"text": response.text, "person": self.names.of(response.annotator), "ended": response.finished}
        return {"text": response.text, "model": self.models[response.model_id or 0], "ended": response.finished}

    def _argilla(self, judged: Judged) -> Iterator[Json]:
        """One record for all rankings of the same responses, with a ranking question named `rank`."""
        for shown, rankings in self._alike(judged):
            keys = {response_id: f"response_{k}" for k, response_id in enumerate(shown, 1)}
            yield {
                "fields": {
                    "prompt": _text(judged),
                    **{keys[response_id]: judged.responses[response_id].text for response_id in shown},
                },
                "responses": [
                    {
                        "user_id": self.names.of(ranking.annotator),
                        "status": "submitted",
                        "values": {
                            "rank": {
                                "value": [
                                    {"rank": place, "value": keys[response_id]}
                                    for place, group in enumerate(groups(ranking), 1)
                                    for response_id in group
                                ]
                            }
                        },
                    }
                    for ranking in rankings
                ],
                "suggestions": [],
                "metadata": {
                    "split": judged.prompt.split,
                    **{f"model_{k}": self._author(judged.responses[r]) for k, r in enumerate(shown, 1)},
                },
            }

    def _label_studio(self, judged: Judged) -> Iterator[Json]:
        """One task for all rankings of the same responses; its ranker knows no ties, so those that have any are left
        out and counted."""
        for shown, rankings in self._alike(judged):
            whole = [ranking for ranking in rankings if len(groups(ranking)) == len(shown)]
            for _ in range(len(rankings) - len(whole)):
                self.counts.leave("rankings with ties, which the ranker of Label Studio does not know")
            if not whole:
                continue
            keys = {response_id: f"response_{k}" for k, response_id in enumerate(shown, 1)}
            yield {
                "data": {
                    "prompt": _text(judged),
                    "items": [{"id": keys[r], "body": judged.responses[r].text} for r in shown],
                    "models": {keys[r]: self._author(judged.responses[r]) for r in shown},
                },
                "meta": {"annotators": {str(self._number(r)): self.names.of(r.annotator) for r in whole}},
                "annotations": [
                    {
                        "completed_by": self._number(ranking),
                        "result": [
                            {
                                "from_name": "rank",
                                "to_name": "results",
                                "type": "ranker",
                                "value": {"ranker": [keys[group[0]] for group in groups(ranking)]},
                            }
                        ],
                    }
                    for ranking in whole
                ],
            }

    def _alike(self, judged: Judged) -> list[tuple[list[int], list[Ranking]]]:
        """The rankings of a prompt by the responses that they rank; those with an answer of one's own are left out
        and counted, since these tools would take what stands below it for tied."""
        found: dict[frozenset[int], list[Ranking]] = {}
        for ranking in judged.rankings:
            if ranking.task_id in judged.own:
                self.counts.leave("rankings of an answer of one's own, below which nothing is told apart")
            else:
                found.setdefault(frozenset(ranking.levels), []).append(ranking)
        return [(sorted(shown), rankings) for shown, rankings in found.items()]

    def _author(self, response: Response) -> str:
        return self.models[response.model_id] if response.model_id else "a person"

    def _number(self, ranking: Ranking) -> int:
        """Label Studio knows people by numbers: here by the order in which they appear."""
        return self.numbers.setdefault(ranking.annotator, len(self.numbers) + 1)


def groups(ranking: Ranking) -> list[list[int]]:
    """The responses of a ranking, the best ones first, those of one level together."""
    return [
        [response_id for response_id, held in ranking.levels.items() if held == level]
        for level in sorted(set(ranking.levels.values()))
    ]


def _text(judged: Judged) -> str:
    """A chat as one text: its only turn, or each turn after who says it."""
    turns: Sequence[Mapping[str, str]] = judged.prompt.messages
    if len(turns) == 1:
        return turns[0]["content"]
    return "\n\n".join(f"{turn['role'].capitalize()}: {turn['content']}" for turn in turns)
