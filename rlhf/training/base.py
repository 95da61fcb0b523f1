"""Where a base model's files are. The standard library only: a name that leads nowhere is refused at once."""

from pathlib import Path

from rlhf.tiny import MODEL_DIR
from store.errors import BadInput


def resolve(base_model: str) -> str:
    """Where a base model's files are: `tiny` is the embedded one, else a folder or a hub name.

    Raises BadInput for a folder that is not there or holds no causal model of transformers.
    """
    if base_model == "tiny":
        return str(MODEL_DIR)
    folder = Path(base_model).expanduser()
    looks_local = folder.is_absolute() or base_model.startswith((".", "~")) or base_model.count("/") != 1
    if not folder.exists():
        if looks_local:
            raise BadInput(
                f"There is no folder {base_model}: name one saved by save_pretrained, a hub name, or `tiny`."
            )
        return base_model
    if not (folder / "config.json").exists():
        raise BadInput(f"{base_model} has no config.json: name a folder saved by a transformers save_pretrained.")
    return str(folder.resolve())
