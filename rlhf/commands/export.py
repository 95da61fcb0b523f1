"""The command `export`: what the workspace made, in a form that other tools take."""

from pathlib import Path
from typing import Literal, cast, get_args

from rlhf.commands.door_options import ExportOptions
from rlhf.commands.parse import Call
from rlhf.exports.dataset import Exported, dataset, rankings_to
from rlhf.exports.model import Asked, ExportedModel, model
from rlhf.exports.records import RecordForm
from rlhf.exports.rows import Form
from store.errors import BadInput


def export(call: Call[ExportOptions]) -> Exported | ExportedModel:
    """The command `export`: a data set, rankings or a model, whole or not at all."""
    asked = call.options
    _check(asked)
    to = Path(cast(Path, asked.to)).expanduser()
    if asked.what == "dataset":
        return dataset(call.workspace, to, cast(Form, asked.as_ or "preference"), asked.file)
    if asked.what == "model":
        return model(call.workspace, asked.versions, to, Asked(asked.merged, asked.gguf, asked.push_to_hub))
    return rankings_to(call.workspace, to, cast(RecordForm, asked.as_ or "raw"), pseudonyms=asked.pseudonyms)


def _check(asked: ExportOptions) -> None:
    """Raise BadInput for what does not belong together; a flag that is passed over would be a false promise."""
    if asked.to is None:
        place = "a new file" if asked.what == "rankings" else "a new folder"
        raise BadInput(f"`export {asked.what}` was told no place: name {place} with --to.")
    forms: dict[str, object] = {"dataset": Form, "rankings": RecordForm, "model": Literal[None]}
    known = get_args(forms[asked.what])
    if asked.as_ is not None and asked.as_ not in known:
        said = f"choose one of {', '.join(known)}" if known != (None,) else "leave it out"
        raise BadInput(f"--as is {asked.as_}, and `export {asked.what}` has no such form: {said}.")
    if asked.versions and asked.what != "model":
        raise BadInput(f"`export {asked.what}` takes no name, and {asked.versions[0]!r} is one: leave it out.")
    if asked.what != "model" and (asked.merged or asked.gguf or asked.push_to_hub):
        raise BadInput(f"--merged, --gguf and --push-to-hub are for a model, and `export {asked.what}` is none.")
    if asked.file != "jsonl" and asked.what != "dataset":
        raise BadInput(f"--file {asked.file} is for a data set: leave it out of `export {asked.what}`.")
    if asked.pseudonyms and asked.what != "rankings":
        raise BadInput(f"--pseudonyms is for rankings: `export {asked.what}` names no person, so leave it out.")
