"""The beginning of a workspace: its base model checked, its settings written, its first prompts imported."""

import json
import logging
from pathlib import Path
from typing import Any

from jinja2 import TemplateError
from transformers import AutoConfig
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_MASKED_LM_MAPPING_NAMES,
)

from rlhf.settings import Settings, overlay
from rlhf.tiny import MODEL_DIR
from rlhf.tiny.prompts import ranking_prompts
from rlhf.training.chat import Chat, resolve
from store import models, prompts, workspace
from store.errors import BadInput
from store.formats import prompt_files
from store.records import Model, Prompt
from store.workspace import Workspace

log = logging.getLogger(__name__)


def begin(
    folder: Path, *, base_model: str, quantization: str, prompt_file: Path | None = None, skip_bad: bool = False
) -> dict[str, Any]:
    """Make a workspace; nothing is left behind when something is wrong with the base model or the prompts.

    Raises BadInput for a base model that is no causal chat model, for a folder in use, for a broken prompts file.
    """
    path = resolve(base_model)
    named = path if Path(path).is_dir() and base_model != "tiny" else base_model
    chat = Chat(base_model)
    _check_causal(base_model, path)
    head = (
        f"[model]\nbase_model = {json.dumps(named, ensure_ascii=False)}\nquantization = {json.dumps(quantization)}\n"
    )
    tuned = (MODEL_DIR.parent / "settings.toml").read_text() if base_model == "tiny" else ""
    overlay(Settings(), {"model": {"base_model": named, "quantization": quantization}})
    with workspace.whole_or_gone(folder):
        made = workspace.create(folder, f"{head}\n{tuned}".rstrip() + "\n")
        with made.store() as db:
            models.add(db, Model("base", "policy", named))
        if prompt_file is not None:
            import_prompts(made, prompt_file, skip_bad=skip_bad)
        elif base_model == "tiny":
            fill(made)
    with made.store() as db:
        stored = prompts.count(db)
    return {"workspace": str(folder), "base_model": named, "prompts": stored, "plain_template": chat.plain}


def fill(workspace: Workspace) -> None:
    """Put the embedded prompts into a workspace; a tenth is of the eval split."""
    with workspace.store() as db:
        prompts.add(
            db,
            [
                prompts.make([{"role": "user", "content": p.text}], source="tiny", split=p.split)
                for p in ranking_prompts()
            ],
        )


def import_prompts(into: Workspace, file: Path, *, skip_bad: bool) -> dict[str, Any]:
    """Store the prompts of a file: all of them, or none if a line is broken and not `skip_bad`.

    Raises BadInput with the numbers of the broken lines.
    """
    settings = overlay(Settings(), into.settings())
    chat = Chat(settings.model.base_model)

    def fits(prompt: Prompt) -> None:
        try:
            short = -chat.room(prompt.messages, settings.sampling.max_new_tokens)
        except TemplateError as error:
            raise BadInput(f"the model's chat template refuses it ({error})") from error
        if short > 0:
            raise BadInput(
                f"{short} tokens too long for the context of {chat.context} "
                f"with {settings.sampling.max_new_tokens} of answer"
            )

    found = prompt_files.read(file, fits)
    if found.broken and not skip_bad:
        raise BadInput(
            f"Nothing was imported, for {file} has broken lines ({len(found.broken)}): {found.describe_broken()}. "
            "Mend them, or pass --skip-bad."
        )
    with into.store() as db:
        before = prompts.count(db)
        prompts.add(db, found.prompts)
        new = prompts.count(db) - before
    return {"imported": new, "already_there": len(found.prompts) - new, "skipped": len(found.broken)}


def _check_causal(base_model: str, path: str) -> None:
    config = AutoConfig.from_pretrained(path)
    kind, made_for = config.model_type, set(config.architectures or ())
    # BERT and its kin come as encoders and, rarely, as decoders: the file says which one was saved.
    encoder = (
        kind in MODEL_FOR_MASKED_LM_MAPPING_NAMES and MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.get(kind) not in made_for
    )
    if kind not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES or encoder:
        raise BadInput(f"{base_model} is of type {kind}, which writes no text: name a causal language model.")
