"""The README.md of an exported model, of what the store knows of it: what it was made of, how it was judged."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlite_utils import Database

from rlhf.exports import cards
from store import evaluations, models, rounds, scores
from store.records import Json, Model
from store.results import Evaluation, comparison, judgement, tuned

MADE_BY = {
    "ppo": "PPO against a reward model",
    "dpo": "DPO, straight from the scores of ranked responses",
    "sft": "supervised fine-tuning",
}


def card(db: Database, model: Model, *, base: str, merged: bool, usage: str) -> str:
    """The card of one policy; `base` is the name of its base model and `usage` the code that loads it."""
    head: Json = {
        "base_model": base,
        "library_name": "transformers" if merged else "peft",
        "pipeline_tag": "text-generation",
        "tags": ["rlhf", model.made_by, *([] if merged else ["lora"])],
    }
    rating = scores.get(db, made_from) if (made_from := _rating(db, model)) else None
    kind = "its weights merged with those of the base, in bf16" if merged else "a LoRA adapter"
    parts = [
        f"# {model.name}",
        f"A chat model that people's rankings trained, exported from a workspace of Rankloop: {kind}.",
        "## Use",
        usage,
        "## Lineage",
        cards.bullets(_lineage(db, model, base)),
        "## Data",
        cards.judged_by(rating),
        *filter(None, [_reward_model(db, model)]),
        "## Training",
        cards.bullets(_training(model)),
        "## Evaluation",
        *_evaluation(db, model),
        "## Rounds",
        *_rounds(db, model),
        "## Limits",
        cards.bullets(_limits(model, judged=[e for e in evaluations.every(db) if _has(e, model)])),
        "## Settings",
        cards.table(["table", "setting", "value"], _settings(model)),
    ]
    return cards.front(head) + "\n" + "\n\n".join(parts) + "\n"


def usage(repo: str, *, merged: bool, base: str, stop_ids: Sequence[int]) -> str:
    """The code that loads it and asks it something; `base` is how the adapter's file names its base."""
    local = base == "base"
    if merged:
        load = [
            "from transformers import AutoModelForCausalLM, AutoTokenizer",
            "",
            f'folder = "{repo}"',
            "model = AutoModelForCausalLM.from_pretrained(folder)",
        ]
    elif local:
        load = [
            "from peft import PeftModel",
            "from transformers import AutoModelForCausalLM, AutoTokenizer",
            "",
            f'folder = "{repo}"',
            'base = AutoModelForCausalLM.from_pretrained(f"{folder}/base")',
            "model = PeftModel.from_pretrained(base, folder)",
        ]
    else:
        load = [
            "from peft import AutoPeftModelForCausalLM",
            "from transformers import AutoTokenizer",
            "",
            f'folder = "{repo}"',
            "model = AutoPeftModelForCausalLM.from_pretrained(folder)",
        ]
    ask = [
        "tokenizer = AutoTokenizer.from_pretrained(folder)",
        'chat = [{"role": "user", "content": "What can I cook tonight?"}]',
        "told = tokenizer.apply_chat_template(",
        '    chat, add_generation_prompt=True, return_tensors="pt", return_dict=True',
        ")",
        f"said = model.generate(**told, max_new_tokens=100, eos_token_id={list(stop_ids)})",
        'print(tokenizer.decode(said[0, told["input_ids"].shape[1] :], skip_special_tokens=True))',
    ]
    code = "\n".join(["```python", *load, *ask, "```"])
    if not merged and local:
        code += (
            "\n\nThe base lies in `base/`. `AutoPeftModelForCausalLM.from_pretrained` looks for it from where the "
            'program runs: it finds it inside this folder, as `AutoPeftModelForCausalLM.from_pretrained(".")`.'
        )
    return code


def _rating(db: Database, model: Model) -> int | None:
    """The scores that it learned from: its own, or those of its reward model."""
    if model.rating_id or not model.reward_id:
        return model.rating_id
    return models.get(db, model.reward_id).rating_id


def _lineage(db: Database, model: Model, base: str) -> Iterator[str]:
    for version in models.lineage(db, model.id):
        how = MADE_BY.get(version.made_by, version.made_by)
        if version.parent_id is None and not version.path:
            yield f"{version.name}: the base model, {base}"
            continue
        against = f", {models.get(db, version.reward_id).name}" if version.reward_id else ""
        yield f"{version.name}: {how}{against}, {version.created[:10]}"


def _training(model: Model) -> Iterator[str]:
    compared, tune = comparison(model), tuned(model)
    if compared:
        yield f"{compared.steps} iterations of PPO" + (
            f", ended early: {compared.stopped}" if compared.stopped else ""
        )
        if compared.kept_step is not None:
            yield f"kept is the policy of iteration {compared.kept_step}: {compared.kept}"
    if tune:
        yield f"{tune.steps} updates on {tune.examples} examples; {tune.heldout} were held out"
        if tune.loss_before is not None and tune.loss_after is not None:
            yield f"held-out loss {tune.loss_before:.3f} before, {tune.loss_after:.3f} after"
    measured = compared or tune
    if measured and measured.kl is not None:
        yield f"KL from the base: {measured.kl:.2f} nats a response"
    if measured and (forgot := measured.forgetting):
        yield f"the base's own text costs {forgot.after:.3f} nats a token, {forgot.before:.3f} before training"
    if not measured:
        yield "nothing was noted of it"


def _has(evaluation: Evaluation, model: Model) -> bool:
    return any(policy.name == model.name for policy in evaluation.policies)


def _evaluation(db: Database, model: Model) -> Iterator[str]:
    found = [evaluation for evaluation in evaluations.every(db) if _has(evaluation, model)]
    compared = comparison(model)
    if compared and compared.win_rate is not None:
        yield (
            f"Where it was made, {compared.judge} preferred its answer to the base's on {compared.win_rate:.0%} of "
            f"the held-out prompts; reward {compared.reward_after:.2f}, of the base {compared.reward_base:.2f}."
            if compared.reward_base is not None
            else f"Where it was made, {compared.judge} preferred its answer to the base's on {compared.win_rate:.0%}."
        )
    if not found:
        yield "It was not evaluated by `evaluate`."
        return
    last = found[-1]
    yield (
        f"{last.prompts} held-out prompts, {last.samples} answers to each at temperature {last.temperature:g}; win "
        f"rates are against {last.baseline}, by {last.judge}."
    )
    names = ("version", "win rate", "95%", "reward", "KL", "tokens", "ended", "forgetting")
    yield cards.table(
        names,
        [
            (p.name, p.win_rate, _interval(p.low, p.high), p.reward, p.kl, p.length, p.ended, p.forgetting)
            for p in last.policies
        ],
    )
    if last.notes:
        yield cards.bullets(last.notes)


def _interval(low: float | None, high: float | None) -> str | None:
    return None if low is None or high is None else f"{low:.3f} to {high:.3f}"


def _rounds(db: Database, model: Model) -> Iterator[str]:
    line = {version.id for version in models.lineage(db, model.id)}
    made = [turn for turn in rounds.every(db) if turn.policy_id in line]
    if not made:
        yield "It was made by itself, in no round."
        return
    keys = ("policy", "rankings", "reward_accuracy", "kl", "win_rate", "judge")
    yield cards.table(
        ("round", *(key.replace("_", " ") for key in keys)),
        [(turn.number, *(turn.metrics.get(key) for key in keys)) for turn in made],
    )


def _limits(model: Model, judged: Sequence[Evaluation]) -> Iterator[str]:
    yield "It follows what the annotators above preferred, on prompts like those above; of others nothing is known."
    yield "It was not tested for safety: nothing here keeps it from false, harmful or private words."
    compared = comparison(model)
    if compared and compared.forced:
        yield "Its reward model was refused as not good enough, and PPO was told to train against it all the same."
    measured = compared or tuned(model)
    if measured and measured.unmeasured:
        yield f"What could not be measured: {measured.unmeasured}"
    if not judged:
        yield "Its win rate is not known from an evaluation."
    elif judged[-1].judge != "people":
        yield f"Its win rate is by {judged[-1].judge}, not by people who were asked."


def _settings(model: Model) -> Iterator[tuple[str, str, object]]:
    for name, table in model.settings.items():
        for key, value in table.items() if isinstance(table, dict) else ():
            yield name, key, _harmless(value)


def _harmless(value: object) -> object:
    """A setting as it may be told: of a path only the name, for the way to it is this machine's."""
    if isinstance(value, str) and value.startswith(("/", "~", "./", "../")):
        return Path(value).name
    return value


def _reward_model(db: Database, model: Model) -> str:
    """How good the reward model of a policy is, in a sentence; empty where it has none."""
    if not model.reward_id:
        return ""
    judge = models.get(db, model.reward_id)
    told = judgement(judge)
    return (
        f"{judge.name} puts {told.accuracy:.0%} of the held-out pairs in the order of the scores (95% "
        f"{told.accuracy_low:.0%} to {told.accuracy_high:.0%}); {told.heldout_prompts} prompts were held out."
    )
