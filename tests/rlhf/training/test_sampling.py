"""Decoding against transformers' own generate, and what a seed promises."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from rlhf.settings import SamplingConfig
from rlhf.training.models import RoleModel
from rlhf.training.rollout import endless_batches
from rlhf.training.sampling import generate, sample, up_to_end
from store.errors import BadInput

CHATS = [[{"role": "user", "content": text}] for text in ("tea", "red green blue", "coffee or water", "yes")]


@pytest.fixture(scope="module")
def model(make_base: Callable[..., Path]) -> RoleModel:
    return RoleModel(str(make_base("qwen2")), rank=4)


@pytest.mark.parametrize("kind", ["qwen2", "opt"])
def test_greedy_decoding_is_that_of_transformers(make_base: Callable[..., Path], kind: str) -> None:
    """One unpadded row after the other; an OPT also shows a position that counts padding."""
    model = RoleModel(str(make_base(kind)), rank=4)
    prompts = [model.chat.prompt(chat) for chat in CHATS]
    ours = generate(model, prompts, SamplingConfig(temperature=0, max_new_tokens=20), role="policy", seed=0)
    for row, ids in enumerate(prompts):
        with torch.no_grad():
            theirs = model.peft.generate(
                input_ids=torch.tensor([ids]), do_sample=False, max_new_tokens=20, eos_token_id=1, pad_token_id=0
            )[0, len(ids) :].tolist()
        n = int(ours.lengths[row])
        assert ours.response_ids[row, :n].tolist() == theirs[:n]
        assert n == len(theirs)


def test_tokens_are_drawn_with_their_probabilities(make_base: Callable[..., Path]) -> None:
    model = RoleModel(str(make_base("llama")), rank=4)
    # Random weights speak almost uniformly at any temperature: louder, so that it is heard.
    model.base.get_output_embeddings().weight.data.mul_(20)
    prompt = model.chat.prompt(CHATS[0])
    config = SamplingConfig(temperature=0.6, max_new_tokens=1)
    seq = generate(model, [prompt] * 6000, config, role="policy", seed=3)
    with torch.no_grad(), model.role("policy"):
        logits = model.peft(input_ids=torch.tensor([prompt])).logits[0, -1]
    expected = (logits / 0.6).softmax(0)
    drawn = Counter(seq.response_ids[:, 0].tolist())
    for token in range(len(expected)):
        p = float(expected[token])
        assert abs(drawn[token] / 6000 - p) < 5 * (p * (1 - p) / 6000) ** 0.5 + 1e-3
    assert float((logits.softmax(0) - expected).abs().max()) > 0.03


def test_the_nucleus_leaves_the_tail_out(model: RoleModel) -> None:
    prompt = model.chat.prompt(CHATS[0])
    seq = generate(model, [prompt] * 500, SamplingConfig(top_p=0.3, max_new_tokens=1), role="policy", seed=3)
    with torch.no_grad(), model.role("policy"):
        probabilities = model.peft(input_ids=torch.tensor([prompt])).logits[0, -1].softmax(0)
    order = probabilities.argsort(descending=True)
    allowed = set(order[: int((probabilities[order].cumsum(0) < 0.3).sum()) + 1].tolist())
    assert set(seq.response_ids[:, 0].tolist()) <= allowed


def test_a_seed_gives_the_same_responses_in_the_order_of_the_chats(model: RoleModel) -> None:
    config = SamplingConfig(responses=3, max_new_tokens=12, batch_size=5, seed=4)
    first, again = sample(model, CHATS, config), sample(model, CHATS, config)
    assert first == again
    assert [len(group) for group in first] == [3, 3, 3, 3]
    assert sample(model, CHATS, SamplingConfig(responses=3, max_new_tokens=12, batch_size=5, seed=5)) != first
    ended = [s for group in first for s in group if s.finish_reason == "stop"]
    assert all(s.token_ids[-1] == 1 for s in ended)
    assert all(1 not in s.token_ids[:-1] for group in first for s in group)


def test_each_batch_has_its_own_luck(model: RoleModel) -> None:
    config = SamplingConfig(responses=2, max_new_tokens=8, batch_size=2)
    one, other = sample(model, [CHATS[0], CHATS[0]], config)
    assert {s.token_ids for s in one}.isdisjoint(s.token_ids for s in other)


def test_draws_leave_the_global_generator_alone(model: RoleModel) -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    sample(model, CHATS, SamplingConfig(responses=1, max_new_tokens=4))
    assert torch.equal(torch.get_rng_state(), before)


def test_the_mask_keeps_the_first_end_and_nothing_after_even_if_pad_is_end() -> None:
    response = torch.tensor([[5, 1, 1, 1], [5, 6, 7, 8], [1, 1, 5, 1], [5, 1, 6, 7]])
    assert up_to_end(response, [1]).tolist() == [
        [True, True, False, False],
        [True] * 4,
        [True, False, False, False],
        [True, True, False, False],
    ]


def test_a_prompt_beyond_the_context_is_named(model: RoleModel) -> None:
    chat = [{"role": "user", "content": "red " * 100}]
    with pytest.raises(BadInput, match=r"\d+ tokens and 64 of answer exceed the context of 128"):
        sample(model, [chat], SamplingConfig())


def test_batches_go_through_all_prompts_before_any_comes_again() -> None:
    prompts = [[i] for i in range(7)]
    batches = endless_batches(prompts, 3, seed=0)
    drawn = [row[0] for _ in range(7) for row in next(batches)]
    assert sorted(drawn[:7]) == sorted(drawn[7:14]) == list(range(7))
    assert drawn[:7] != drawn[7:14]
