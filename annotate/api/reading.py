"""Routes that read what the workspace holds, page by page, and all rankings as one stream."""

import json
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Path, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from annotate.api.caller import Caller, Reader
from annotate.api.shapes import LARGEST_ID, MOST_ITEMS, Job, Model, Page, Prompt, Ranking, Response, Score
from rlhf.exports.names import Names
from rlhf.exports.records import RecordMaker
from rlhf.exports.rows import Counts
from store import jobs, models, prompts, rankings, responses, scores
from store.streams import one_moment, prompt_by_prompt

AT_ONCE = 200
"""Prompts whose rankings are read in one go: some hundred kilobytes of text."""

routes = APIRouter()
Id = Annotated[int, Path(ge=0, le=LARGEST_ID)]
After = Annotated[int, Query(ge=0, le=LARGEST_ID, description="Only entries whose id is larger.")]
Limit = Annotated[int, Query(ge=1, le=MOST_ITEMS, description="Entries of the page at most.")]
Shape = TypeVar("Shape", bound=BaseModel)


@routes.get("/prompts")
def list_prompts(caller: Reader, after: After = 0, limit: Limit = 100) -> Page[Prompt]:
    """The prompts, without those that were taken out or that wait for a yes."""
    with caller.store() as db:
        return _page(Prompt, list(prompts.one_by_one(db, after=after, limit=limit)), limit)


@routes.get("/prompts/{prompt_id}")
def get_prompt(caller: Reader, prompt_id: Id) -> Prompt:
    """One prompt, whether it counts or not."""
    with caller.store() as db:
        return Prompt.model_validate(prompts.get(db, prompt_id))


@routes.get("/responses")
def list_responses(
    caller: Reader,
    after: After = 0,
    limit: Limit = 100,
    prompt: Annotated[int | None, Query(ge=0, le=LARGEST_ID, description="Only those to this prompt.")] = None,
) -> Page[Response]:
    """The responses, without those that were taken out."""
    with caller.store() as db:
        return _page(Response, responses.page(db, after, limit, prompt), limit)


@routes.get("/rankings")
def list_rankings(caller: Reader, after: After = 0, limit: Limit = 100) -> Page[Ranking]:
    """The rankings that count: the newest of each person's on a task, without skips and flags."""
    with caller.store() as db:
        return _page(Ranking, rankings.page(db, after, limit), limit)


@routes.get("/scores")
def list_scores(
    caller: Reader,
    after: After = 0,
    limit: Limit = 100,
    rating: Annotated[int | None, Query(ge=0, le=LARGEST_ID, description="The newest if not given.")] = None,
) -> Page[Score]:
    """The scores of one rating; the cursor is the id of the response."""
    with caller.store() as db:
        wanted = scores.require_latest(db) if rating is None else scores.get(db, rating)
        return _page(Score, scores.page(db, wanted.id, after, limit), limit, "response_id")


@routes.get("/models")
def list_models(caller: Reader, after: After = 0, limit: Limit = 100) -> Page[Model]:
    """The model versions."""
    with caller.store() as db:
        return _page(Model, models.page(db, after, limit), limit)


@routes.get("/models/{name:path}")
def get_model(caller: Reader, name: str) -> Model:
    """One model version by its name, in which there may be a slash."""
    with caller.store() as db:
        return Model.model_validate(models.named(db, name))


@routes.get("/jobs")
def list_jobs(caller: Reader, after: After = 0, limit: Limit = 100) -> Page[Job]:
    """The jobs, the oldest first."""
    with caller.store() as db:
        return _page(Job, jobs.page(db, after, limit), limit)


@routes.get("/jobs/{job_id}")
def get_job(caller: Reader, job_id: Id) -> Job:
    """One job: how far it is, and what came of it."""
    with caller.store() as db:
        return Job.model_validate(jobs.get(db, job_id))


@routes.get(
    "/export/rankings",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/jsonl": {"schema": {"type": "string"}}}}},
)
def export_rankings(
    caller: Reader,
    pseudonyms: Annotated[bool, Query(description="People under names that are drawn for this export.")] = False,
) -> StreamingResponse:
    """All rankings that count with their texts, as JSON Lines in the form of `export rankings`.

    Each prompt is as it stands when its turn comes; an answer that breaks off is not whole.
    """
    return StreamingResponse(_lines(caller, Names(pseudonyms=pseudonyms)), media_type="application/jsonl")


def _lines(caller: Caller, names: Names) -> Iterator[str]:
    """The lines, some prompts at a time: the store is held open for none of the waiting, which is the reader's."""
    last = 0
    while True:
        # In one step of the iterator, since the next one may run in another thread.
        with caller.store() as db, one_moment(db):
            make = RecordMaker("raw", {model.id: model.name for model in models.every(db)}, names, Counts())
            made: list[str] = []
            before = last
            for judged in prompt_by_prompt(db, after=last, limit=AT_ONCE):
                made += [json.dumps(row, ensure_ascii=False) + "\n" for row in make.rows(judged)]
                last = judged.prompt.id
        if last == before:
            return
        if made:
            yield "".join(made)


def _page(shape: type[Shape], records: Sequence[Any], limit: int, cursor: str = "id") -> Page[Shape]:
    """A page of records in their shape; another follows where this one is full."""
    following = getattr(records[-1], cursor) if len(records) == limit else None
    return Page[shape](items=[shape.model_validate(record) for record in records], next=following)  # type: ignore[valid-type]
