"""What the routes take and give, as pydantic models: of them the description of the interface is made.

They stand apart from the records of the store, which may change; within a version of the interface nothing is taken
away from these. Times are UTC in ISO 8601.
"""

from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictInt

from annotate.queue import MOST_COMMENT
from store.records import FinishReason, JobState, ModelKind, RankingKind, Split
from store.tasks import MOST_RESPONSES

LARGEST_ID = 2**63 - 1
"""The largest number that the store can hold."""
MOST_ITEMS = 1000
"""Entries of a page at most, and prompts that are added at once."""


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("a text holds no NUL character")
    return text


Text = Annotated[str, AfterValidator(_without_nul)]
Level = Annotated[StrictInt, Field(ge=1, le=MOST_RESPONSES)]
Object = dict[str, Any]


class Sent(BaseModel):
    """What a request carries: an unknown name in it is refused and not passed over."""

    model_config = ConfigDict(extra="forbid")


class Given(BaseModel):
    """What an answer carries, made of a record of the store."""

    model_config = ConfigDict(from_attributes=True)


class Problem(Given):
    """Why a request was not done, in one sentence with a remedy."""

    error: str


class Turn(Given):
    """One turn of a chat; `role` is system, user or assistant."""

    role: Text
    content: Text


class Me(Given):
    """The account that the token acts as, and what the token may do."""

    name: str
    role: str
    scopes: list[str]


class Task(Given):
    """Responses to rank. `lease` is the secret with which the ranking is sent, good for half an hour; asking again
    gives the same task and renews it. Levels follow the order of `responses`."""

    lease: str
    prompt: list[Turn]
    responses: list[str]


class NextTask(Given):
    """The task that the owner of the token is to rank now; null where there is none."""

    task: Task | None


class NewRanking(Sent):
    """What somebody says of a task: the level of each response in the order of the task, 1 is best, equal is a tie,
    without gaps. A task that is `skipped` or `flagged` has no levels. With `next` the answer brings the next task."""

    lease: Annotated[str, Field(min_length=1, max_length=200)]
    kind: RankingKind = "ranked"
    levels: Annotated[list[Level], Field(max_length=MOST_RESPONSES)] = []
    seconds: Annotated[float, Field(ge=0, lt=86400, allow_inf_nan=False)] | None = None
    comment: Annotated[Text, Field(max_length=MOST_COMMENT)] = ""
    next: bool = False


class Stored(Given):
    """A ranking that is on disk. `note` is what there is to say of it, mostly nothing; `next` is the next task, where
    it was asked for and there is one."""

    ranking: int
    kind: RankingKind
    created: str
    note: str = ""
    next: Task | None = None


class Prompt(Given):
    """A chat that ends with the user's turn. Models are trained on those of the split train and judged on eval."""

    id: int
    messages: list[Turn]
    split: Split
    source: str


class NewPrompt(Sent):
    """A prompt to add; without a `split` it is drawn from the text."""

    messages: Annotated[list[Turn], Field(min_length=1, max_length=1000)]
    split: Split | None = None


class NewPrompts(Sent):
    """Prompts to add, all of them or none."""

    prompts: Annotated[list[NewPrompt], Field(min_length=1, max_length=MOST_ITEMS)]


class Added(Given):
    """The ids of the prompts in the order sent; of these, `added` were not there before."""

    ids: list[int]
    added: int


class Response(Given):
    """An answer to a prompt, by the model version `model_id` or by the person `annotator`."""

    id: int
    prompt_id: int
    model_id: int | None
    annotator: str | None
    text: str
    finish_reason: FinishReason


class Ranking(Given):
    """What one person said: `levels` maps the id of a response to its level, 1 is best, equal is a tie."""

    id: int
    prompt_id: int
    annotator: str
    levels: dict[int, int]
    seconds: float | None
    comment: str
    supersedes: int | None
    created: str


class Score(Given):
    """How good a response is by the rating `rating_id`, in Elo points: 1000 is the mean of its prompt. `stderr` is
    the standard error, null where the method has none."""

    response_id: int
    rating_id: int
    elo: float
    stderr: float | None
    comparisons: int


class Model(Given):
    """A model version: what it was trained on from (`parent_id`), by which work, and its figures."""

    id: int
    name: str
    kind: ModelKind
    base_model: str
    parent_id: int | None
    job_id: int | None
    rating_id: int | None
    reward_id: int | None
    made_by: str
    metrics: Object
    digest: str | None
    created: str


class NewJob(Sent):
    """Work to start. `values` are the entries of the kind's form on the research page by their names; what is not
    named is as the workspace has it."""

    kind: Annotated[str, Field(max_length=100)]
    values: Object = {}


class Job(Given):
    """Work that was asked for: `progress` runs from 0 to 1, `error` says why it failed, `result` what came of it."""

    id: int
    kind: str
    state: JobState
    progress: float
    note: str
    error: str
    params: Object
    result: Object
    created: str


Item = TypeVar("Item")


class Page(Given, Generic[Item]):
    """Some of many, by their ids; `next` is the `after` that asks for those that follow, null at the end."""

    # Pydantic gives the words of a class with a parameter to none of those that are made of it.
    model_config = ConfigDict(json_schema_extra={"description": __doc__})

    items: list[Item]
    next: int | None
