"""Supervised fine-tuning and DPO on models with random weights: what is learned, what stays, what comes back."""

import copy
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from rlhf.settings import DPOConfig, SFTConfig
from rlhf.training import lending
from rlhf.training.dpo import Pair, pair_loss, train_dpo
from rlhf.training.metrics import nats
from rlhf.training.models import RoleModel
from rlhf.training.sft import Demonstration, train_sft
from store.errors import BadInput, WorkError

ASKED = [({"role": "user", "content": text},) for text in ("tea", "red green", "coffee", "yes", "no", "big blue")]
SHOW = SFTConfig(learning_rate=1e-2, batch_size=4, microbatch_size=2, epochs=6)
PREFER = DPOConfig(learning_rate=1e-2, batch_size=4, microbatch_size=4, epochs=4, beta=0.1)


def shown(model: RoleModel, text: str = "rice bread") -> list[Demonstration]:
    return [Demonstration(chat, tuple(model.chat.response(text))) for chat in ASKED]


def pairs(model: RoleModel) -> list[Pair]:
    good, bad = (tuple(model.chat.response(text)) for text in ("soup", "cake water"))
    return [Pair(chat, good, bad) for chat in ASKED]


def weights(model: RoleModel, role: str) -> list[torch.Tensor]:
    return [p.detach().clone() for p in model.parameters(role)]  # type: ignore[arg-type]


def same(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def of(model: RoleModel, rows: list[Demonstration]) -> object:
    return model.chat.sequences([model.chat.prompt(r.messages) for r in rows], [list(r.answer) for r in rows])


@pytest.fixture
def model(make_base: Callable[..., Path]) -> RoleModel:
    """Not quantised, which is of no matter to what is learned, and faster."""
    return RoleModel(str(make_base("llama")), quantization="none", rank=4)


@pytest.fixture
def packed(make_base: Callable[..., Path]) -> RoleModel:
    return RoleModel(str(make_base("llama")), quantization="nf4", rank=4)


def test_what_is_shown_becomes_likely_its_end_included(model: RoleModel) -> None:
    rows = shown(model)
    ids, answer = model.chat.prompt(ASKED[5]), list(rows[5].answer)
    assert answer[-1] == model.chat.end_id

    def by_hand() -> np.ndarray:
        """Nats of each token of the answer after the prompt, the end of turn the last of them."""
        with model.role("policy"), torch.no_grad():
            said = model.peft(input_ids=torch.tensor([[*ids, *answer]])).logits[0].log_softmax(-1)
        return -np.array([float(said[len(ids) + i - 1, token]) for i, token in enumerate(answer)])

    before = by_hand()
    result = train_sft(model, rows[:5], rows[5:], SHOW)
    after = by_hand()
    assert result.steps == 12  # of five examples four and one, six times
    assert result.loss_before == pytest.approx(before.mean(), rel=1e-4)
    assert result.loss_after == pytest.approx(after.mean(), rel=1e-4)
    assert all(after < before - 0.7)  # each token at least twice as likely, the end of turn too


def test_only_answers_are_learned_and_prompts_are_not(model: RoleModel) -> None:
    seen: list[torch.Tensor] = []

    def look(module: object, args: object, kwargs: dict[str, torch.Tensor]) -> None:
        seen.append(kwargs["labels"])

    handle = model.base.register_forward_pre_hook(look, with_kwargs=True)
    rows = shown(model)
    train_sft(model, rows, [], SFTConfig(batch_size=6, microbatch_size=6))
    handle.remove()
    told = [row[row != -100].tolist() for labels in seen for row in labels]
    assert told == [list(row.answer) for row in rows]


def test_the_preferred_answer_gains_on_the_other(model: RoleModel) -> None:
    told = pairs(model)
    result = train_dpo(model, told[:5], told[5:], PREFER)
    assert result.before is not None
    assert result.after is not None
    assert (result.before.loss, result.before.accuracy) == (pytest.approx(math.log(2)), 0.5)
    assert result.after.loss < 0.6
    assert result.after.accuracy == 1.0
    assert all(step["rewards/margins"] == 0 for step in result.history[:1])
    assert result.history[-1]["rewards/margins"] > 0.1


def test_the_loss_of_pairs_is_that_of_the_paper(model: RoleModel) -> None:
    torch.manual_seed(0)
    model.copy("policy", "reference")
    for parameter in model.parameters("policy"):
        parameter.data.add_(torch.randn_like(parameter) * 0.05)
    told = pairs(model)

    def logprob(role: str, pair: Pair, answer: tuple[int, ...]) -> float:
        ids = model.chat.prompt(pair.messages)
        with model.role(role), torch.no_grad():  # type: ignore[arg-type]
            said = model.peft(input_ids=torch.tensor([[*ids, *answer]])).logits[0].log_softmax(-1)
        return sum(float(said[len(ids) + i - 1, token]) for i, token in enumerate(answer))

    losses, hits = [], []
    for pair in told:
        gap = [logprob("policy", pair, a) - logprob("reference", pair, a) for a in (pair.chosen, pair.rejected)]
        margin = 0.3 * (gap[0] - gap[1])
        losses.append(math.log(1 + math.exp(-margin)))
        hits.append(margin > 0)
    found = pair_loss(model, told, beta=0.3)
    assert found.loss == pytest.approx(np.mean(losses), abs=1e-4)
    assert found.accuracy == np.mean(hits)


@pytest.mark.parametrize("way", ["sft", "dpo"])
def test_a_trainer_leaves_the_base_and_the_other_roles_as_they_were(packed: RoleModel, way: str) -> None:
    model = packed
    torch.manual_seed(0)
    model.fresh("reward")
    for role in ("policy", "reward"):
        for parameter in model.parameters(role):  # type: ignore[arg-type]
            parameter.data.add_(torch.randn_like(parameter) * 0.05)
    start, judge = weights(model, "policy"), weights(model, "reward")
    base = copy.deepcopy(dict(model.base.named_buffers())) | {
        name: p.detach().clone() for name, p in model.base.named_parameters() if ".lora_" not in name
    }
    forward, generation = model.base.forward, model.base.generation_config.to_dict()
    eos = model.chat.tokenizer.eos_token_id, model.chat.tokenizer.pad_token_id, model.base.config.pad_token_id
    if way == "sft":
        train_sft(model, shown(model), [], SHOW)
    else:
        train_dpo(model, pairs(model), [], PREFER)
    assert same(weights(model, "reference"), start)
    assert same(weights(model, "reward"), judge)
    assert not same(weights(model, "policy"), start)
    for name, value in {**dict(model.base.named_buffers()), **dict(model.base.named_parameters())}.items():
        if ".lora_" not in name:
            assert torch.equal(value, base[name]), name
    assert model.base.forward == forward
    assert model.base.generation_config.to_dict() == generation
    assert (
        model.chat.tokenizer.eos_token_id,
        model.chat.tokenizer.pad_token_id,
        model.base.config.pad_token_id,
    ) == eos
    assert set(model.peft.peft_config) == {"policy", "reference", "reward"}
    assert not model.peft.training
    assert not any(p.requires_grad for p in model.peft.parameters())
    assert all(p.dtype == torch.float32 for p in model.parameters("policy"))


def test_small_steps_are_not_lost_in_bf16(packed: RoleModel) -> None:
    model = packed
    before = weights(model, "policy")
    train_sft(model, shown(model), [], SFTConfig(learning_rate=1e-6, batch_size=6, microbatch_size=6))
    moved = [(a - b).abs().max() for a, b in zip(weights(model, "policy"), before, strict=True)]
    lora_a = [gap for gap, old in zip(moved, before, strict=True) if old.abs().max() > 0]
    # A step of 1e-6 is far below what bf16 tells apart at the size of these weights (about 1e-3).
    assert max(lora_a) < 1e-5


def test_a_loss_that_is_not_finite_ends_the_training_and_keeps_the_policy(model: RoleModel) -> None:
    model.base.get_output_embeddings().weight.data[0, 0] = math.nan
    start = weights(model, "policy")
    with pytest.raises(WorkError, match="stopped being finite"):
        train_sft(model, shown(model), [], SHOW)
    assert same(weights(model, "policy"), start)
    assert lending.LENT not in model.peft.peft_config
    assert not model.peft.training


def test_a_demonstration_beyond_the_context_is_refused(make_base: Callable[..., Path]) -> None:
    model = RoleModel(str(make_base("llama", context=16)), quantization="none", rank=4)
    with pytest.raises(BadInput, match="exceed the context of 16"):
        train_sft(model, shown(model, "rice " * 20), [], SHOW)


@pytest.mark.slow
def test_replay_keeps_a_text_of_the_base_likelier(make_base: Callable[..., Path]) -> None:
    forgot = {}
    for way in ("sft", "dpo"):
        for share in (0.0, 1.0):
            model = RoleModel(str(make_base("llama")), quantization="none", rank=4)
            own = of(model, shown(model, "big big blue blue"))
            told = copy.deepcopy(own) if share else None
            if way == "sft":
                train_sft(model, shown(model), [], SHOW, replay=told)  # type: ignore[arg-type]
            else:
                config = DPOConfig(**{**vars(PREFER), "replay": share})
                train_dpo(model, pairs(model), [], config, replay=told)  # type: ignore[arg-type]
            forgot[way, share] = nats(model, own, "policy")  # type: ignore[arg-type]
    assert forgot["sft", 1.0] < forgot["sft", 0.0] - 0.3
    assert forgot["dpo", 1.0] < forgot["dpo", 0.0] - 0.3


@pytest.mark.slow
def test_a_trainer_tells_nobody(make_base: Callable[..., Path]) -> None:
    script = """
import sys
asked = []
def hook(event, args):
    if event in ("socket.getaddrinfo", "socket.connect"):
        asked.append(args)
sys.addaudithook(hook)
from rlhf.settings import SFTConfig
from rlhf.training.models import RoleModel
from rlhf.training.sft import Demonstration, train_sft
model = RoleModel(sys.argv[1], quantization="none", rank=4)
train_sft(model, [Demonstration(({"role": "user", "content": "tea"},), (5, 6, 1))], [], SFTConfig())
import time
time.sleep(0.5)  # a thread of its own would send it
print(len(asked), asked[:1])
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(make_base("llama"))], capture_output=True, text=True, timeout=120
    )
    assert done.stdout.strip() == "0 []", done.stderr[-2000:]
