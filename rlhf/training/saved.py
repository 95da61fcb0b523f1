"""A role's files as they lie in a folder, looked through before any weight of them reaches a model."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from store.errors import BadInput, Damaged
from store.records import Json

WEIGHTS, HEAD = "adapter_model.safetensors", "head.safetensors"
"""The files with the weights of an adapter, as peft names it, and of the head of a role that has one."""
REMEDY = "put the model's folder back from a backup, or train the model again"

Tensors = dict[str, torch.Tensor]
Shapes = dict[str, tuple[int, ...]]


def adapter(folder: Path, expected: Shapes, device: torch.device) -> Tensors:
    """The weights of an adapter, finite and of the `expected` names and shapes.

    Raises BadInput for those of another base, Damaged where they cannot be read or are NaN or infinite.
    """
    found = _tensors(folder / WEIGHTS, device)
    missing, unknown = expected.keys() - found.keys(), found.keys() - expected.keys()
    others = [name for name in expected.keys() & found.keys() if expected[name] != tuple(found[name].shape)]
    if missing or unknown or others:
        raise BadInput(
            f"{folder} does not fit this base: {len(missing)} weights are missing, {len(unknown)} unknown and "
            f"{len(others)} of another shape; it was trained on another one."
        )
    return found


def head(folder: Path, width: int, device: torch.device) -> Tensors:
    """The weights of a head over so many hidden units; raises Damaged where they are none."""
    found, expected = _tensors(folder / HEAD, device), {"weight": (1, width), "bias": (1,)}
    shapes = {name: tuple(tensor.shape) for name, tensor in found.items()}
    if shapes != expected:
        raise Damaged(f"{folder / HEAD} holds {shapes} where {expected} belongs: {REMEDY}.")
    return found


def table(file: Path, keys: Mapping[str, Any]) -> Json:
    """A file of JSON with these keys, each of its type; raises Damaged where it is none."""
    try:
        held: Json = json.loads(file.read_text(encoding="utf-8"))
        for key, kind in keys.items():
            if not isinstance(held[key], kind):
                raise Damaged(f"{file} has {held[key]!r} for `{key}`, which is of another type: {REMEDY}.")
    except (OSError, ValueError, KeyError, TypeError) as error:
        said = f"no key {error}" if isinstance(error, KeyError) else str(error)
        raise Damaged(f"{file} cannot be read ({said}): {REMEDY}.") from error
    return held


def _tensors(file: Path, device: torch.device) -> Tensors:
    try:
        found = load_file(file, device=str(device))
    except (SafetensorError, OSError, ValueError) as error:
        raise Damaged(f"{file} cannot be read ({error}): {REMEDY}.") from error
    broken = [name for name, tensor in found.items() if not tensor.isfinite().all()]
    if broken:
        many = f"{len(broken)} of {len(found)} weights"
        raise Damaged(f"{file} holds numbers that are NaN or infinite in {many}: {REMEDY}.")
    return found
