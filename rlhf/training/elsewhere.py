"""A policy as files that transformers and peft load on another machine, without this project.

An adapter needs its base, which peft looks for by the name in `adapter_config.json`: a hub name is found anywhere,
and a folder relative to where a program runs and not to the adapter. So a base that lies in a folder goes along, in
`base/`: peft finds it there for a program that runs inside the exported folder, and everybody else reads `base/`
first and lays the adapter over it, as the card says. Merged, the policy is one model like any other.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, GenerationConfig
from transformers.utils.logging import disable_progress_bar

from rlhf.training import adapters, fingerprint, saved
from rlhf.training.base import is_hub_name, resolve
from rlhf.training.chat import Chat
from rlhf.training.pretrained import first_line
from store.errors import BadInput

BASE = "base"
"""The folder of a base that goes along with its adapter."""
OWN_PATHS = ("_name_or_path", "name_or_path")
"""Keys under which a saved configuration tells where it was read from."""


@dataclass(frozen=True)
class Written:
    """What whoever loads it has to know: the base as the adapter's file names it, its own name, and the tokens that
    end an answer."""

    base: str
    base_name: str
    stop_ids: tuple[int, ...]


def adapter(folder: Path, base_model: str, into: Path) -> Written:
    """Write an adapter with its tokenizer and chat template, and its base where that is no hub name.

    Raises BadInput where the adapter belongs to another base.
    """
    chat = _checked(folder, base_model)
    hub = is_hub_name(base_model)
    shutil.copyfile(folder / saved.WEIGHTS, into / saved.WEIGHTS)
    shutil.copyfile(folder / adapters.CONFIG, into / adapters.CONFIG)
    adapters.name_base(into, base_model if hub else BASE)
    chat.tokenizer.save_pretrained(into)
    if not hub:
        _copy(Path(resolve(base_model)), into / BASE)
        _ends(GenerationConfig.from_pretrained, into / BASE, chat.stop_ids)
    _without_paths(into)
    return Written(base_model if hub else BASE, name_of(base_model), tuple(chat.stop_ids))


def merged(folder: Path, base_model: str, into: Path) -> Written:
    """Write the base with the adapter added to its weights, in bf16, with its tokenizer and chat template.

    The base is read anew as it is stored: in 4 bits, the sum would be rounded once more. Raises BadInput where the
    adapter belongs to another base.
    """
    chat = _checked(folder, base_model)
    disable_progress_bar()
    try:
        base: Any = AutoModelForCausalLM.from_pretrained(
            resolve(base_model), dtype=torch.bfloat16, trust_remote_code=False
        )
    except Exception as error:  # whatever class: each family of models has its own ways to fail
        raise BadInput(f"{base_model} cannot be loaded as a causal language model ({first_line(error)}).") from error
    whole = adapters.merged(base, folder)
    # Written by itself: a habit of sampling that transformers finds odd would stop it from saving.
    whole.generation_config = GenerationConfig()
    whole.save_pretrained(into)
    chat.tokenizer.save_pretrained(into)
    _ends(lambda _: GenerationConfig.from_pretrained(resolve(base_model)), into, chat.stop_ids)
    _without_paths(into)
    return Written("", name_of(base_model), tuple(chat.stop_ids))


def name_of(base_model: str) -> str:
    """A base model's name without the way to it on this machine."""
    return base_model if is_hub_name(base_model) else Path(base_model).name


def _checked(folder: Path, base_model: str) -> Chat:
    adapters.lora_in(folder)
    chat = Chat(base_model)
    fingerprint.check(folder, fingerprint.fingerprint(chat, base_model), base_model)
    return chat


def _copy(base: Path, into: Path) -> None:
    """The files of a base model, without what is hidden or lies in folders beside them."""
    into.mkdir()
    for file in sorted(base.iterdir()):
        if file.is_file() and not file.name.startswith("."):
            shutil.copyfile(file, into / file.name)


def _ends(read: Any, folder: Path, stop_ids: Sequence[int]) -> None:
    """Let the generation config end an answer where a policy was taught to end it; else it might never stop."""
    try:
        found = read(folder)
    except (OSError, ValueError):
        found = GenerationConfig()
    told = found.to_dict() | {"eos_token_id": list(stop_ids)}
    kept = {key: value for key, value in told.items() if value is not None}
    (folder / "generation_config.json").write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n")


def _without_paths(folder: Path) -> None:
    """Take out of the configurations where they were read from."""
    for file in folder.rglob("*config.json"):
        told = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(told, dict) and any(key in told for key in OWN_PATHS):
            kept = {key: value for key, value in told.items() if key not in OWN_PATHS}
            file.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
