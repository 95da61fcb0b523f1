"""The tables of workspace.toml."""

import dataclasses
import logging
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge, Le

from rlhf.settings.bounds import Count, NotNegative, Seed, Share, Some
from rlhf.settings.overlay import overlay
from rlhf.settings.relations import problems
from rlhf.settings.training import (
    DPOConfig,
    ForgettingConfig,
    GateConfig,
    ModelConfig,
    PPOConfig,
    PPOTable,
    RewardConfig,
    SamplingConfig,
    SFTConfig,
)
from store.errors import BadInput
from store.records import Event, Json
from store.workspace import Workspace

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RatingConfig:
    """How rankings become scores."""

    method: Literal["davidson", "elo", "plackett_luce"] = "davidson"
    """Model behind the scores: davidson (Bradley-Terry with ties, fitted to all rankings at once), elo (one ranking
    after the other), or plackett_luce. docs/ratings.md compares them."""
    reliability: bool = True
    """Let an annotator's rankings count more, the better the other annotators' rankings predict them."""


@dataclass(frozen=True)
class GenerateConfig:
    """Which prompts get fresh responses, and how many people rank them."""

    prompts: Some = 0
    """At most this many prompts are answered, those with the fewest tasks first; 0 answers all that the version has
    not answered yet."""
    overlap_share: Share = 0.15
    """Share of the prompts that several people rank. Held-out prompts always are, since what measures the reward
    model must be surer than what teaches it; others are drawn until the share is reached."""
    overlap_annotators: Count = 3
    """People who rank each of those prompts."""
    repeat_share: Share = 0.1
    """Prompts to rank once more, as a share of those that have scores: four in five are those whose order is least
    sure, the others are drawn at random."""
    previous: Some = 1
    """How many responses of each task are by the version before (the promoted one, or else the parent), so that
    ordinary ranking compares versions."""
    base: Some = 1
    """How many responses of each task are by the base model."""


@dataclass(frozen=True)
class RoundConfig:
    """When a round starts and who judges it."""

    min_rankings: Count = 32
    """New rankings that a round waits for."""
    auto_promote: bool = False
    """Make the newest policy the default generator at the start of a round, if people prefer it by then."""
    judge: Literal["reward", "simulated"] = "reward"
    """Who judges the round's `win_rate`: the reward model on held-out prompts, or (on `tiny`) the simulated
    annotators."""


@dataclass(frozen=True)
class EvaluateConfig:
    """On what versions are evaluated, and how closely."""

    prompts: Count = 150
    """Held-out prompts at most that every version answers; 150 tell a win rate to about .05."""
    samples: Count = 4
    """Answers of each version to each prompt. More make each prompt surer; the interval is over prompts."""
    temperature: NotNegative | None = None
    """Divides the logits, for every version alike; that of [sampling] if not given."""
    best_of: Annotated[int, Ge(0), Le(1024)] = 16
    """Answers of the baseline to each prompt from which the reward model takes the best, for n = 1, 2, 4, ... up to
    this; 0 leaves best-of-n out."""
    seed: Seed = 0
    """Seed of every draw."""


@dataclass(frozen=True)
class AnnotateConfig:
    """What annotators read on their page."""

    guideline: str = ""
    """Sentence that annotators read above each task, as long as no guidelines were written on the page “Guidelines”;
    empty shows the built-in one."""
    better_answers: bool = True
    """Offer annotators to write an answer of their own, which counts as better than all that they were shown;
    `sft --from rankings` then teaches it."""
    practice: Annotated[int, Ge(0), Le(20)] = 0
    """Known answers (gold) that a newcomer practises on before the first real task, with the known order shown beside
    theirs; 3 is a good number, 0 has no practice."""
    break_after: Annotated[int, Ge(0), Le(480)] = 50
    """Minutes of work without a pause after which the page proposes one; 0 never does."""


@dataclass(frozen=True)
class BackupConfig:
    """Backups that the worker makes in the folder `backups` of the workspace while it has no job."""

    every_hours: Annotated[float, Ge(0.0), Le(8784.0)] = 0.0
    """Hours from one backup to the next; 0 makes none by itself."""
    keep: Some = 7
    """Backups of this workspace that stay there, the newest ones; 0 removes none."""


@dataclass(frozen=True)
class WebhooksConfig:
    """Who is told what happens, by a signed request that the worker sends; docs/api.md says what is in it."""

    url: str = ""
    """Address that is told, with `http://` or `https://`; if not given, nobody is."""
    secret_file: str = "webhooks.secret"
    """File whose content signs what is sent, in the workspace or with a whole path; it is made if it is not there."""
    events: tuple[Event, ...] = ("enough_rankings", "round_done", "job_failed")
    """What is told: `enough_rankings` have come for a round, a `round_done`, a `job_failed`."""


@dataclass(frozen=True)
class ServeConfig:
    """Under which address people reach the pages, and what is believed of a proxy in front of them."""

    url: str = ""
    """Address at which people open the pages, say `https://rank.example.org/team`; the links that invite begin with
    it. If not given, host and port are put together."""
    root_path: str = ""
    """What a proxy puts before every address and takes away again, say `/team`; empty where the pages have a host of
    their own."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses or networks of proxies, say `10.0.0.0/8`, whose X-Forwarded-For and X-Forwarded-Proto are believed;
    those of anybody else are thrown away."""
    allowed_hosts: tuple[str, ...] = ()
    """Host names that a request may ask for, without the port; if none is given, any."""


@dataclass(frozen=True)
class Settings:
    """All tables of workspace.toml; raises BadInput for settings that cannot go together, whoever put them so."""

    model: ModelConfig = field(default_factory=ModelConfig)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    generate: GenerateConfig = field(default_factory=GenerateConfig)
    rating: RatingConfig = field(default_factory=RatingConfig)
    sft: SFTConfig = field(default_factory=SFTConfig)
    dpo: DPOConfig = field(default_factory=DPOConfig)
    reward: RewardConfig = field(default_factory=RewardConfig)
    gate: GateConfig = field(default_factory=GateConfig)
    ppo: PPOTable = field(default_factory=PPOTable)
    forgetting: ForgettingConfig = field(default_factory=ForgettingConfig)
    round: RoundConfig = field(default_factory=RoundConfig)
    evaluate: EvaluateConfig = field(default_factory=EvaluateConfig)
    annotate: AnnotateConfig = field(default_factory=AnnotateConfig)
    backup: BackupConfig = field(default_factory=BackupConfig)
    serve: ServeConfig = field(default_factory=ServeConfig)
    webhooks: WebhooksConfig = field(default_factory=WebhooksConfig)

    def __post_init__(self) -> None:
        for problem in problems(self):
            raise BadInput(problem)


def settings_of(workspace: Workspace, config: Path | None = None) -> Settings:
    """The defaults under workspace.toml, and this under a file of the caller's, where there is one.

    A base model that is named relative to the workspace is given with its whole path. Raises BadInput for a key or a
    value that is none, by its name, and for a file that cannot be read.
    """
    settings = overlay(Settings(), workspace.settings())
    if config is not None:
        try:
            settings = overlay(settings, tables_of(config))
        except BadInput as error:
            raise BadInput(f"{config}: {error}") from error
    base_model = workspace.located(settings.model.base_model)
    return dataclasses.replace(settings, model=dataclasses.replace(settings.model, base_model=base_model))


def tables_of(config: Path) -> Json:
    """What stands in a TOML file; raises BadInput where it is none."""
    if not config.is_file():
        raise BadInput("there is no such file.")
    try:
        return tomllib.loads(config.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"it cannot be read ({error.strerror}).") from error
    except ValueError as error:  # TOMLDecodeError or UnicodeDecodeError
        raise BadInput(f"it is not valid TOML ({error}): mend it.") from error


def ppo_config(settings: Settings) -> PPOConfig:
    """[ppo] with what it leaves open taken from [sampling]; a line of the log says where the two are not the same."""
    table, sampling = settings.ppo, settings.sampling
    own = {f.name: getattr(table, f.name) for f in dataclasses.fields(PPOConfig)}
    shared = {"max_new_tokens": sampling.max_new_tokens, "temperature": sampling.temperature or 1.0}
    differ = [name for name in shared if own[name] not in (None, getattr(sampling, name))]
    if differ:
        here, there = (", ".join(f"{n} {getattr(t, n):g}" for n in differ) for t in (table, sampling))
        log.warning("PPO trains with %s and [sampling] has %s: people rank other answers than these.", here, there)
    if table.temperature is None and not sampling.temperature:
        log.warning("PPO samples at temperature 1: that of [sampling], 0, always says the same and teaches nothing.")
    return PPOConfig(**own | {name: value for name, value in shared.items() if own[name] is None})
