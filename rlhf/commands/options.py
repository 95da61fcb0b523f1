"""The options of the commands that are no jobs, and those that every command takes.

The options of jobs stand in rlhf/settings/kinds.py, since the pages ask for jobs too.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro
from annotated_types import Ge, Le

from rlhf.settings import Quantization
from rlhf.settings.bounds import Count, NotNegative, Port, Seed, Some
from store.records import Role, Scope

Accounts = Annotated[int, Ge(1), Le(1000)]
"""How many accounts one link makes."""
Days = Annotated[int, Ge(1), Le(90)]
"""For how many days a link is good."""


@dataclass(frozen=True)
class Common:
    """Options that every command takes."""

    workspace: Path = Path("workspace")
    """Folder of the workspace: database, settings, models and logs."""
    json: bool = False
    """Print one JSON object on stdout; everything else goes to stderr."""
    debug: bool = False
    """Print the Python traceback of an error as well."""


@dataclass(frozen=True)
class ConfigOptions:
    """Settings from a file of one's own."""

    config: Path | None = None
    """TOML file with tables as in workspace.toml, whose settings it overrides for this call; flags win over both."""


@dataclass(frozen=True)
class CompletionOptions:
    """Which shell is to know the commands."""

    shell: Literal["bash", "zsh"]
    """Shell that the script is for."""


@dataclass(frozen=True)
class InitOptions:
    """What the workspace starts from."""

    base_model: str = "tiny"
    """`tiny` (embedded), a folder of a causal chat model of transformers, a hub name, a GGUF file (which is converted
    into the workspace), or `smollm2` (SmolLM2-135M-Instruct, 98 MB, fetched from the package index)."""
    quantization: Quantization = "nf4"
    """How the base model's weights are held in memory: nf4 (4 bits each), or none (as they are stored)."""
    prompts: Path | None = None
    """File of prompts, or in any other format that `import` reads. Without it, `tiny` brings its own prompts, and any
    other model starts with none."""
    skip_damaged: bool = False
    """Leave out the damaged rows of the file, and name them; otherwise one damaged row refuses the file."""
    group: bool = False
    """Let the group of the folder read and write the workspace too, for a team with accounts on one machine; if not
    given, only its owner can."""


@dataclass(frozen=True)
class ImportOptions:
    """Which file is imported, as what, and what happens to damaged rows."""

    file: Path
    """File of prompts, chats, preferences, votes or rankings: text with one prompt a line, JSON Lines, a JSON array,
    CSV, TSV, Parquet or Arrow, also compressed by gzip. docs/formats.md shows every format."""
    format: str | None = None
    """Read every row in this format (`votes`, `preferences`, ...); if not given, it is found out by the columns."""
    licence: str = ""
    """Under which licence the file came, such as CC-BY-4.0; `imports list` shows it."""
    skip_damaged: bool = False
    """Leave out the damaged rows of the file, and name them; otherwise one damaged row refuses the file."""
    fold_system: bool = False
    """Put the system's words before the user's first ones, for a model whose chat template has no system role."""


@dataclass(frozen=True)
class ImportsOptions:
    """What becomes of which imports."""

    action: Literal["list", "remove", "restore"]
    """`list` shows every import, `remove` takes some out with their prompts, `restore` puts them back."""
    ids: tuple[Count, ...]
    """Numbers of the imports, as `imports list` shows them."""


@dataclass(frozen=True)
class PromptsOptions:
    """What becomes of which prompts."""

    action: Literal["list", "remove", "restore", "accept"]
    """`list` shows the prompts, `remove` takes some out, `restore` puts them back; `accept` lets some that a model
    proposed be answered and ranked, and `remove` refuses such prompts."""
    ids: tuple[Count, ...]
    """Numbers of the prompts, as `prompts list` shows them."""
    removed: bool = False
    """List the prompts that were taken out instead of the others."""
    waiting: bool = False
    """List the prompts that a model proposed and that wait for a yes instead of the others."""
    find: str = ""
    """List only prompts whose text has each of these words in it, in capitals or not."""


@dataclass(frozen=True)
class InboxOptions:
    """Which voices are listed, or what is decided of them."""

    action: Literal["list", "put-back", "take-out", "read"]
    """`list` shows flags, reasons of skips and comments; `put-back` ends what a flag holds back, `take-out` takes the
    prompt out, `read` puts skips and comments aside."""
    ids: tuple[Count, ...]
    """Numbers of the voices, as `inbox list` shows them."""
    kind: Literal["flag", "skip", "comment"] | None = None
    """List only voices of this kind."""
    person: str = ""
    """List only what the person of this name said."""
    decided: bool = False
    """List what was decided instead of what is open."""


@dataclass(frozen=True)
class CheckOptions:
    """Whether to mend what is found."""

    repair: bool = False
    """Mend what can be mended without losing anything: rights of files, indexes, half-written folders."""


@dataclass(frozen=True)
class BackupOptions:
    """Where backups go, and how many stay."""

    to: Path | None = None
    """Folder that the backup is made in; if not given, `backups` in the workspace."""
    keep: Some = 0
    """Backups of this workspace that stay there, the newest ones; 0 removes none."""


@dataclass(frozen=True)
class RestoreOptions:
    """Which backup to go back to; --workspace names the new workspace."""

    backup: Path
    """Folder that `backup` made."""


@dataclass(frozen=True)
class ExportOptions:
    """What goes out, and as what."""

    what: Literal["dataset", "rankings", "model"]
    """`dataset` writes rows for training with a card, `rankings` what each person said, one by one, `model` a version
    that transformers and peft load elsewhere."""
    versions: tuple[str, ...]
    """With `model`, the name of the version; if not given, the promoted one, or else the latest policy."""
    to: Path | None = None
    """Where it goes: a new folder, or for rankings a new file. Nothing is overwritten."""
    as_: Literal["preference", "ranking", "prompt", "sft", "raw", "argilla", "labelstudio"] | None = None
    """Form of a data set: preference (pairs of a chosen and a rejected response), ranking (all responses of a prompt,
    best first), prompt, or sft (the best ones, and what people wrote); preference if not given. Form of rankings: raw
    (loses nothing, and `import` reads it), argilla, or labelstudio; raw if not given."""
    file: Literal["jsonl", "parquet"] = "jsonl"
    """Kind of the files of a data set."""
    pseudonyms: bool = False
    """With rankings: put `person-...` in the place of each name, the same one throughout the file, and leave out
    comments. The key that the pseudonyms are drawn by is not kept."""
    merged: bool = False
    """With a model: add the adapter to the weights of the base, which is read anew in bf16, so that the folder is a
    model like any other; otherwise the adapter goes out, with its base where that lies in a folder."""
    gguf: bool = False
    """With a model: merge it, and make a GGUF file of it too, by llama.cpp's converter; where that is not on PATH,
    the command to run is told."""
    push_to_hub: str | None = None
    """With a model: upload the folder as a private repository of this name (OWNER/NAME)."""


@dataclass(frozen=True)
class ReportOptions:
    """Where the report goes."""

    to: Path = Path("report.html")
    """File of the page, which needs no network and no other file. Nothing is overwritten."""


@dataclass(frozen=True)
class WhyOptions:
    """What is asked about."""

    ids: tuple[Count, ...]
    """Number of the response, as data sets, the research page and `--json` name it."""
    ranking: Count | None = None
    """Number of a ranking instead: what was made of it, and what rests on that."""


@dataclass(frozen=True)
class CancelOptions:
    """Which job is to end."""

    job: Count
    """Number of the job, as `status` and the research page name it."""


@dataclass(frozen=True)
class ServeOptions:
    """Where the pages are served."""

    host: str = "127.0.0.1"
    """Address to listen on; the default is reached from this machine only."""
    port: Port = 7860
    """Port to listen on."""


@dataclass(frozen=True)
class UserOptions:
    """What is done to whose account."""

    action: Literal[
        "list",
        "add",
        "invite",
        "revoke",
        "disable",
        "enable",
        "reset",
        "role",
        "sign-out",
        "log",
        "token",
        "revoke-token",
    ]
    """`list` shows people and open invitations, `add` makes accounts with a generated password, `invite` makes a
    link, `revoke` voids one, `disable` closes accounts and `enable` opens them, `reset` generates a new password,
    `role` gives another role, `sign-out` ends all sessions, `log` shows who did what, `token` makes a token with
    which programs act as an account, `revoke-token` voids one."""
    whom: tuple[str, ...]
    """Names of people, or for `revoke` and `revoke-token` numbers, as `user list` shows them."""
    role: Role | None = None
    """Role that `add`, `invite` and `role` give; `add` and `invite` give annotator without it."""
    uses: Accounts = 1
    """How many accounts the link of `invite` makes."""
    days: Days = 7
    """Days for which the link of `invite` is good."""
    scopes: tuple[Scope, ...] = ()
    """What the token of `token` may do, within its owner's role: read what the research page shows, rank, write
    (add prompts), train (start and cancel jobs)."""


@dataclass(frozen=True)
class DemoOptions:
    """How large the demo is, and whether DPO is shown beside PPO."""

    with_: Literal["ppo", "dpo"] = "ppo"
    """With dpo, the rankings that the rounds collect also train a policy by DPO in the end, from the base and without
    a reward model; it stands beside those of PPO in the evaluation."""

    rounds: Count = 2
    """Rounds to run, each of rating, reward model, PPO and fresh responses."""
    prompts: Count = 1600
    """Prompts that the base answers and the annotators rank before the first round."""
    fresh: Count = 400
    """Prompts that each new policy answers for the next round."""
    annotators: Count = 8
    """How many simulated annotators rank."""
    seed: Seed = 0
    """Seed of everything that is drawn at random."""


@dataclass(frozen=True)
class LeaderboardOptions:
    """Whether the newest version is promoted if people prefer it."""

    auto_promote: bool = False
    """Let the newest version write the next responses, if people prefer it to the one that does."""


@dataclass(frozen=True)
class PromoteOptions:
    """Which version writes the next responses from now on."""

    model: str | None = None
    """Name of the policy to promote; if not given, the newest that people have compared."""
    force: bool = False
    """Promote it even if the rankings do not say that people prefer it."""


@dataclass(frozen=True)
class ChatOptions:
    """Which versions answer, and how they are sampled."""

    model: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """Version that answers; given twice, two answer each line side by side. If not given, the promoted one, or else
    the latest policy."""
    system: str = ""
    """Message that stands above the conversation and says how to answer; some chat templates have no place for it."""
    temperature: NotNegative | None = None
    """Divides the logits; 0 takes the likeliest token. That of [sampling] if not given."""
    max_new_tokens: Count | None = None
    """Longest answer in tokens; one that has not ended by then is cut and ends with dots. That of [sampling] if not
    given."""
    seed: Seed | None = None
    """Seed of every draw: the same seed, versions and lines give the same answers. That of [sampling] if not
    given."""
