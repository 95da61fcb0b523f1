"""LoRA adapters as they lie in folders: their shape, the layers they may sit on, how they are written and read.

Beside rlhf/training/models.py the only file that knows peft.
"""

import json
import warnings
from pathlib import Path
from typing import Any

from peft import LoraConfig, PeftModel, get_peft_model_state_dict, set_peft_model_state_dict
from torch import nn
from transformers.pytorch_utils import Conv1D

from rlhf.training import saved
from rlhf.training.base import is_hub_name
from store.errors import BadInput

EVERYWHERE = "all-linear"
"""peft's word for every linear layer but the one that makes the logits."""
CONFIG, CARD = "adapter_config.json", "README.md"


def lora(base: Any, *, rank: int, alpha: int | None, targets: str) -> LoraConfig:
    """What the settings ask for: alpha is twice the rank if not given, `targets` are names with commas between them.

    Raises BadInput for a name that is none of the base's linear layers, with those there are.
    """
    named = {name.strip() for name in targets.split(",")} - {""}
    if named != {EVERYWHERE}:
        known = linear_layers(base)
        if not named or named - known:
            wrong = ", ".join(sorted(named - known)) or "no layer"
            raise BadInput(
                f"model.targets names {wrong}: the linear layers of this base are {', '.join(sorted(known))}; "
                f"name some of them, or write {EVERYWHERE}."
            )
    return _config(rank, alpha or 2 * rank, EVERYWHERE if named == {EVERYWHERE} else named)


def linear_layers(base: Any) -> set[str]:
    """The names of the linear layers of a transformers model, without the one that makes the logits."""
    head = base.get_output_embeddings()
    return {
        name.rpartition(".")[2]
        for name, module in base.named_modules()
        if isinstance(module, nn.Linear | Conv1D) and module is not head
    }


def lora_in(folder: Path) -> LoraConfig:
    """What an adapter was made with; raises BadInput where there is none, Damaged where its file cannot be read."""
    if not (folder / saved.WEIGHTS).exists():
        raise BadInput(f"{folder} holds no adapter: the model was moved or deleted; train it again.")
    told = saved.table(folder / CONFIG, {"r": int, "lora_alpha": int, "target_modules": (list, str)})
    return _config(told["r"], told["lora_alpha"], told["target_modules"])


def _config(rank: int, alpha: int, targets: Any) -> LoraConfig:
    return LoraConfig(r=rank, lora_alpha=alpha, target_modules=targets, task_type="CAUSAL_LM")


def check_alike(folder: Path, found: LoraConfig, own: LoraConfig) -> None:
    """Raise BadInput, which names the setting, where an adapter is of another shape than those of the workspace.

    What is trained on would else be something that its record does not tell of.
    """
    for setting, theirs, ours in (
        ("rank", str(found.r), str(own.r)),
        ("alpha", str(found.lora_alpha), str(own.lora_alpha)),
        ("targets", _layers(found), _layers(own)),
    ):
        if theirs != ours:
            said = f"has {setting} {theirs} and this workspace uses {ours}"
            raise BadInput(f"{folder} {said}: set `{setting}` to match.")


def _layers(config: LoraConfig) -> str:
    """The layers by their last names: peft writes some adapters with the way to each layer, and others without."""
    return ",".join(sorted({name.rpartition(".")[2] for name in config.target_modules or ()}))


def save(peft: Any, adapter: str, folder: Path, base_model: str) -> None:
    """Write one adapter of a peft model into a folder, with the name of its base and no way to it on this machine."""
    peft.save_pretrained(str(folder), selected_adapters=[adapter], save_embedding_layers=False)
    for made in (folder / adapter).iterdir():
        made.replace(folder / made.name)
    (folder / adapter).rmdir()
    (folder / CARD).unlink(missing_ok=True)  # peft's own is blank: `export model` writes one of what is known
    name_base(folder, base_model if is_hub_name(base_model) else Path(base_model).name)


def name_base(folder: Path, name: str) -> None:
    """Let an adapter's file name its base so, whatever it called it before."""
    told = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    (folder / CONFIG).write_text(
        json.dumps(told | {"base_model_name_or_path": name}, indent=2, sort_keys=True) + "\n", encoding="utf-8"
    )


def merged(base: Any, folder: Path) -> Any:
    """A transformers model with the adapter of a folder added to its weights."""
    with warnings.catch_warnings():
        # peft 0.21 asks transformers 5.23 for a property by its old name.
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
        held: Any = PeftModel.from_pretrained(base, str(folder))
        return held.merge_and_unload()


def shapes(peft: Any, adapter: str) -> saved.Shapes:
    """The weights of one adapter of a peft model as they are named in a file, and the shape of each."""
    held = get_peft_model_state_dict(peft, adapter_name=adapter, save_embedding_layers=False)
    return {name: tuple(tensor.shape) for name, tensor in held.items()}


def fill(peft: Any, adapter: str, weights: saved.Tensors) -> None:
    """Put weights, which are all those that `shapes` lists, into an adapter of a peft model."""
    set_peft_model_state_dict(peft, weights, adapter_name=adapter)
