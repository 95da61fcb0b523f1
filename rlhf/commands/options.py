"""The options that are a command's own; those of the stages are in settings.py."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro


@dataclass(frozen=True)
class Common:
    """Options that every command takes."""

    workspace: Path = Path("workspace")
    """The folder that holds everything."""
    json: bool = False
    """Print one JSON object on stdout; everything else goes to stderr."""
    debug: bool = False
    """Show the traceback of an error."""


@dataclass(frozen=True)
class Nothing:
    """No options of its own."""


@dataclass(frozen=True)
class Init:
    """What the workspace is about."""

    base_model: str = "tiny"
    """`tiny` (embedded), a folder of a causal chat model of transformers, or a hub name."""
    quantization: str = "nf4"
    """nf4 or none."""
    prompt_file: Annotated[Path | None, tyro.conf.arg(name="prompts")] = None
    """JSONL or text file of prompts; without it, `tiny` brings its own."""
    skip_bad: bool = False
    """Leave broken lines of the prompts file out."""


@dataclass(frozen=True)
class Import:
    """What is imported."""

    file: tyro.conf.Positional[Path]
    """Prompts as JSONL (`prompt` or `messages`) or as text, one a line."""
    skip_bad: bool = False
    """Leave broken lines out."""


@dataclass(frozen=True)
class Serve:
    """Where the pages are."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = 7860
    """Port to listen on."""


@dataclass(frozen=True)
class Generate:
    """Whose responses."""

    model_name: Annotated[str | None, tyro.conf.arg(name="model")] = None
    """Version that answers; the promoted one if not given, or else the latest policy."""


@dataclass(frozen=True)
class Simulate:
    """Who ranks how much."""

    count: int = 8
    """Simulated annotators."""
    limit: int = 0
    """Tasks at most; 0 is all that are open."""
    seed: int = 0
    """Of their tastes and slips."""


@dataclass(frozen=True)
class Force:
    """What to overrule."""

    force: bool = False
    """Train against a reward model that is not good enough."""


@dataclass(frozen=True)
class Loop(Force):
    """When to end."""

    rounds: int = 0
    """Rounds to run; 0 is without end."""


@dataclass(frozen=True)
class Leaderboard:
    """What follows from it."""

    auto_promote: bool = False
    """Make the newest version the default generator if people prefer it."""


@dataclass(frozen=True)
class Promote:
    """Which version becomes the default generator."""

    model: str | None = None
    """Name of a policy; the newest that people have compared if not given."""
    force: bool = False
    """Promote it whatever people prefer."""
