"""A role's weights as they lie in a folder, looked through before any of them reaches a model."""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from store.errors import BadInput, Damaged

ADAPTER, CONFIG, HEAD = "adapter_model.safetensors", "adapter_config.json", "head.safetensors"
"""The files of a role: two in peft's form, and the weights of its head where it has one."""
REMEDY = "put the model's folder back from a backup, or train the model again"

Tensors = dict[str, torch.Tensor]
Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Saved:
    """The weights of an adapter by name, and those of its head, none where the role has no head."""

    adapter: Tensors
    head: Tensors


def shapes(tensors: Tensors) -> Shapes:
    """The shape of each tensor by its name."""
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def read(folder: Path, rank: int, base_model: str, adapter: Shapes, head: Shapes, device: torch.device) -> Saved:
    """The weights in a folder, each of them finite and of the shape that `adapter` and `head` ask for.

    Raises BadInput where there is no adapter, or one of another rank or another base; Damaged where a file cannot be
    read as it was written, lacks what belongs to it, or holds numbers that are NaN or infinite.
    """
    if not (folder / ADAPTER).exists():
        raise BadInput(f"{folder} holds no adapter: the model was moved or deleted; train it again.")
    kept = _rank(folder / CONFIG)
    if kept != rank:
        raise BadInput(f"{folder} has rank {kept} and this workspace uses {rank}: set `rank` to match.")
    found = _tensors(folder / ADAPTER, device)
    missing, unknown = adapter.keys() - found.keys(), found.keys() - adapter.keys()
    others = [name for name in adapter.keys() & found.keys() if adapter[name] != tuple(found[name].shape)]
    if missing or unknown or others:
        raise BadInput(
            f"{folder} does not fit {base_model}: {len(missing)} weights are missing, {len(unknown)} unknown and "
            f"{len(others)} of another shape; it was trained on another base."
        )
    if not head:
        return Saved(found, {})
    top = _tensors(folder / HEAD, device)
    if shapes(top) != head:
        raise Damaged(f"{folder / HEAD} holds {shapes(top)} where {head} belongs: {REMEDY}.")
    return Saved(found, top)


def _rank(config: Path) -> int:
    try:
        rank = json.loads(config.read_text(encoding="utf-8"))["r"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        said = f"no key {error}" if isinstance(error, KeyError) else str(error)
        raise Damaged(f"{config} cannot be read ({said}): {REMEDY}.") from error
    if type(rank) is not int:
        raise Damaged(f"{config} names the rank {rank!r}, which is no number: {REMEDY}.")
    return rank


def _tensors(file: Path, device: torch.device) -> Tensors:
    try:
        found = load_file(file, device=str(device))
    except (SafetensorError, OSError, ValueError) as error:
        raise Damaged(f"{file} cannot be read ({error}): {REMEDY}.") from error
    broken = [name for name, tensor in found.items() if not tensor.isfinite().all()]
    if broken:
        raise Damaged(
            f"{file} holds numbers that are NaN or infinite in {len(broken)} of {len(found)} weights: {REMEDY}."
        )
    return found
