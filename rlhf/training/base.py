"""Where a base model's files are. The standard library only: a name that leads nowhere is refused at once."""

from pathlib import Path

from rlhf.tiny import MODEL_DIR
from store.errors import BadInput

SMOLLM2 = "smollm2"
"""SmolLM2-135M-Instruct, a real chat model that comes from the package index."""


def resolve(base_model: str) -> str:
    """Where a base model's files are: `tiny` is the embedded one, else a folder or a hub name.

    Raises BadInput for a folder that is not there or holds no causal model of transformers, and for what only `init`
    takes, since it has to be converted first.
    """
    if base_model == "tiny":
        return str(MODEL_DIR)
    if to_convert(base_model):
        raise BadInput(f"{base_model} has to be made a folder first: `init --base-model {base_model}` does that.")
    folder = Path(base_model).expanduser()
    looks_local = folder.is_absolute() or base_model.startswith((".", "~")) or base_model.count("/") != 1
    if not folder.exists():
        if looks_local:
            raise BadInput(
                f"There is no folder {base_model}: set `base_model` of [model] in workspace.toml (`--base-model` of "
                "`init`) to one saved by save_pretrained, to a hub name, or to `tiny`."
            )
        return base_model
    if not (folder / "config.json").exists():
        raise BadInput(f"{base_model} has no config.json: name a folder saved by a transformers save_pretrained.")
    return str(folder.resolve())


def is_hub_name(base_model: str) -> bool:
    """Whether a base model is known by a name that means the same on every machine, and is no folder of this one."""
    return base_model != "tiny" and not to_convert(base_model) and not Path(resolve(base_model)).exists()


def to_convert(base_model: str) -> bool:
    """Whether a base model comes as GGUF, which `init` makes a folder of: `smollm2`, or a file of that format.

    Raises BadInput for a file that is not there.
    """
    if base_model == SMOLLM2:
        return True
    if not base_model.lower().endswith(".gguf") or Path(base_model).expanduser().is_dir():
        return False
    if not Path(base_model).expanduser().is_file():
        raise BadInput(f"There is no file {base_model}: name a GGUF file that is there.")
    return True
