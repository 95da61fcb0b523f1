"""A merged model as GGUF, by llama.cpp's own converter where it is installed."""

import shlex
import shutil
import subprocess
from pathlib import Path

CONVERTERS = ("convert_hf_to_gguf.py", "convert-hf-to-gguf.py", "convert_hf_to_gguf", "convert-hf-to-gguf")
"""What the converter is called, in the order in which it is looked for on PATH."""


def convert(folder: Path, name: str) -> tuple[str, str]:
    """Write `name.gguf` into a folder with a merged model; returns the file, and what there is to say.

    Where no converter is found, or it fails, there is no file, and the command is told instead.
    """
    into = folder / f"{name}.gguf"
    order = [str(folder), "--outfile", str(into), "--outtype", "bf16"]
    by_hand = shlex.join(["python", CONVERTERS[0], *order])
    found = next(filter(None, map(shutil.which, CONVERTERS)), None)
    if found is None:
        return "", f"llama.cpp's converter is not on PATH: in a checkout of llama.cpp, run {by_hand}"
    done = subprocess.run([found, *order], capture_output=True, text=True)
    if done.returncode or not into.is_file():
        into.unlink(missing_ok=True)
        last = next(reversed(done.stderr.strip().splitlines()), f"exit status {done.returncode}")
        return "", f"llama.cpp's converter made no file ({last[:200]}): to try it again, run {by_hand}"
    return str(into), ""
