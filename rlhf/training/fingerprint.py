"""Which base an adapter belongs to: hashes of the model, the tokenizer and the chat template, kept beside it."""

import hashlib
import json
import struct
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from transformers.utils.hub import cached_file

from rlhf.training.base import resolve
from store.errors import BadInput

if TYPE_CHECKING:
    from rlhf.training.chat import Chat

FILE = "base.json"
SAMPLE = 1024
"""Bytes read of each tensor, from its middle: fine-tuned twins differ there, and a large model is read in no time."""
VOLATILE = {"_name_or_path", "transformers_version", "dtype", "torch_dtype", "use_cache", "architectures"}
"""What a configuration says of how it was saved and not of the model."""
TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "merges.txt", "vocab.txt")
WEIGHT_FILES = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)


@dataclass(frozen=True)
class Fingerprint:
    """SHA-256 of the model (configuration, shapes, a sample of each weight), of the tokenizer and of the template."""

    model: str
    tokenizer: str
    template: str


def fingerprint(chat: "Chat", base_model: str) -> Fingerprint:
    """The fingerprint of a base model's files; where they lie and how they are cut into shards changes nothing."""
    path = resolve(base_model)
    config = _file(path, "config.json")
    assert config is not None  # the chat was read by it
    known = {key: value for key, value in json.loads(config.read_text()).items() if key not in VOLATILE}
    model = hashlib.sha256(json.dumps(known, sort_keys=True).encode())
    for part in _weights(path):
        model.update(part)
    tokenizer = hashlib.sha256()
    for file in filter(None, (_file(path, name) for name in TOKENIZER_FILES)):
        tokenizer.update(file.read_bytes())
    template = hashlib.sha256(str(chat.tokenizer.chat_template).encode())
    return Fingerprint(model.hexdigest(), tokenizer.hexdigest(), template.hexdigest())


def write(folder: Path, own: Fingerprint, base_model: str) -> None:
    """Keep a fingerprint, and the name of its base for people, with an adapter."""
    (folder / FILE).write_text(json.dumps({"base_model": base_model, **asdict(own)}, indent=2) + "\n")


def check(folder: Path, own: Fingerprint, base_model: str) -> bool:
    """Raise BadInput if an adapter belongs to another base; False if it is so old that nobody can tell."""
    try:
        kept = json.loads((folder / FILE).read_text())
        if not isinstance(kept, dict):
            raise ValueError("no object")
    except FileNotFoundError:
        return False
    except ValueError as error:
        raise BadInput(
            f"{folder / FILE} is not valid JSON ({error}): put it back, or train the model again."
        ) from error
    differs = [name for name, mine in asdict(own).items() if kept.get(name) != mine]
    if differs:
        words = {"model": "the weights", "tokenizer": "the tokenizer", "template": "the chat template"}
        raise BadInput(
            f"{folder} was trained on another base than {base_model} ({', '.join(words[name] for name in differs)} "
            f"differ): set `base_model` of workspace.toml back to {kept.get('base_model')} as it was then."
        )
    return True


def _file(path: str, name: str) -> Path | None:
    """A file of a folder, or of a hub model that is in the cache by now."""
    found = cached_file(
        path,
        name,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
    )
    return Path(found) if found else None


def _weights(path: str) -> list[bytes]:
    """What each tensor is called, its type and shape, and a sample of it, by name."""
    listed = next(filter(None, (_file(path, name) for name in WEIGHT_FILES)), None)
    if listed is None:
        return []
    names = {listed.name}
    if listed.suffix == ".json":
        names = set(json.loads(listed.read_text())["weight_map"].values())
    files = [file for name in sorted(names) if (file := _file(path, name))]
    return sorted(part for file in files for part in _samples(file))


def _samples(file: Path) -> list[bytes]:
    if file.suffix != ".safetensors":
        size = file.stat().st_size
        return [_read(file, size * part // 16) for part in range(16)] + [str(size).encode()]
    with file.open("rb") as opened:
        (length,) = struct.unpack("<Q", opened.read(8))  # the format's head: its length, then JSON
        tensors = json.loads(opened.read(length))
        parts = []
        for name, tensor in tensors.items():
            if name == "__metadata__":
                continue
            start, end = tensor["data_offsets"]
            opened.seek(8 + length + start + max(0, (end - start - SAMPLE) // 2))
            sample = opened.read(min(SAMPLE, end - start))
            parts.append(f"{name} {tensor['dtype']} {tensor['shape']} ".encode() + sample)
    return parts


def _read(file: Path, at: int) -> bytes:
    with file.open("rb") as opened:
        opened.seek(at)
        return opened.read(SAMPLE)
