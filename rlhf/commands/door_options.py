"""The options of the commands by which data comes in and results go out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rlhf.settings.bounds import Count


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
