"""Roles on one quantised base: what is shared, what is frozen, what is saved."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bitsandbytes as bnb
import pytest
import torch
from torch import nn

from rlhf.training.chat import Sequences
from rlhf.training.models import RoleModel
from store.errors import BadInput, WorkError


@pytest.fixture(scope="module")
def base(make_base: Callable[..., Path]) -> str:
    return str(make_base("llama"))


@pytest.fixture
def model(base: str) -> RoleModel:
    torch.manual_seed(0)
    return RoleModel(base, rank=4)


def batch(model: RoleModel) -> Sequences:
    return model.chat.sequences([[5, 6], [7, 8, 9, 10]], [[11, 12, 1], [13, 14, 15, 16]])


def perturb(model: RoleModel, role: str) -> None:
    with torch.no_grad():
        for parameter in model.parameters(role):  # type: ignore[arg-type]
            parameter.add_(torch.randn_like(parameter) * 0.1)


def test_every_linear_layer_of_the_base_is_four_bit(model: RoleModel) -> None:
    quantised = [m for m in model.base.modules() if isinstance(m, bnb.nn.Linear4bit)]
    assert len(quantised) == 2 * 7
    for layer in quantised:
        assert layer.weight.quant_state.quant_type == "nf4"
        assert layer.weight.quant_state.nested  # double quantisation
        assert layer.weight.dtype == torch.uint8
    plain = {name.rpartition(".")[2] for name, m in model.base.named_modules() if type(m) is nn.Linear}
    assert plain <= {"lm_head", "policy"}


def test_optimiser_is_eight_bit_and_paged_where_there_is_a_gpu(model: RoleModel) -> None:
    optimizer = model.optimizer([("policy", 1e-3)])
    assert optimizer.args.optim_bits == 8
    assert optimizer.is_paged == (model.device.type == "cuda")


def test_a_fresh_adapter_and_its_copy_are_the_bare_base(model: RoleModel) -> None:
    seq = batch(model)
    model.copy("policy", "reference")
    answers = []
    for role in ("policy", "reference", "base"):
        with torch.no_grad(), model.role(role):  # type: ignore[arg-type]
            answers.append(model.logprobs(seq)[0])
    assert torch.equal(answers[0], answers[1])
    assert torch.equal(answers[0], answers[2])
    perturb(model, "policy")
    with torch.no_grad(), model.role("policy"):
        assert not torch.equal(model.logprobs(seq)[0], answers[0])
    with torch.no_grad(), model.role("reference"):
        assert torch.equal(model.logprobs(seq)[0], answers[0])


def test_a_copy_takes_the_head_along(model: RoleModel) -> None:
    model.fresh("reward")
    perturb(model, "reward")
    model.copy("reward", "value")
    for mine, theirs in zip(model.parameters("value"), model.parameters("reward"), strict=True):
        assert torch.equal(mine, theirs)


def test_a_seed_gives_the_same_fresh_adapters_whatever_was_drawn_before(base: str) -> None:
    def drawn(seed: int) -> dict[str, torch.Tensor]:
        torch.rand(seed + 3)  # somebody else draws too
        made = RoleModel(base, rank=4, seed=seed)
        made.fresh("reward")
        layer = made._layers()[0]
        return {role: layer.lora_A[role].weight.detach().clone() for role in ("policy", "reward")}

    first, again, other = drawn(0), drawn(0), drawn(1)
    for role in first:
        assert torch.equal(first[role], again[role])
        assert not torch.equal(first[role], other[role])
    assert not torch.equal(first["policy"], first["reward"])


def test_gradients_reach_each_trained_role_and_no_other(model: RoleModel) -> None:
    """peft's set_adapter silently freezes the adapter that was active before."""
    seq = batch(model)
    model.fresh("reward")
    perturb(model, "reward")
    model.copy("reward", "value")
    model.copy("policy", "reference")
    model.train_roles("policy", "value")
    with model.role("policy"):
        model.logprobs(seq)[0].sum().backward()
    with model.role("value"):
        model.values(seq).sum().backward()
    for role, trained in (("policy", True), ("value", True), ("reward", False), ("reference", False)):
        grads = [p.grad for p in model.parameters(role)]  # type: ignore[arg-type]
        assert all(p.requires_grad == trained for p in model.parameters(role))  # type: ignore[arg-type]
        assert any(g is not None and g.abs().sum() > 0 for g in grads) == trained, role


def test_gradients_survive_a_forward_in_eval_mode(model: RoleModel) -> None:
    """On CPUs with AVX512-BF16 an eval forward may repack a weight for a kernel that has no gradient."""
    seq = batch(model)
    with torch.no_grad(), model.role("policy"):
        before = model.logprobs(seq)[0]
    model.train_roles("policy")
    with model.role("policy"):
        after = model.logprobs(seq)[0]
        after.sum().backward()
    assert torch.equal(before, after.detach())
    assert sum(float(p.grad.abs().sum()) for p in model.parameters("policy") if p.grad is not None) > 0


def test_log_probabilities_are_those_of_the_plain_model_at_a_temperature(base: str) -> None:
    """Against one unpadded transformers forward a row."""
    model = RoleModel(base, quantization="none", rank=4)
    seq = batch(model)
    with torch.no_grad(), model.role("policy"):
        logprobs, entropy = model.logprobs(seq, temperature=0.7)
    for row, (prompt, response) in enumerate((([5, 6], [11, 12, 1]), ([7, 8, 9, 10], [13, 14, 15, 16]))):
        with torch.no_grad(), model.role("base"):
            logits = model.peft(input_ids=torch.tensor([prompt + response])).logits[0]
        for t, token in enumerate(response):
            dist = torch.distributions.Categorical(logits=logits[len(prompt) + t - 1] / 0.7)
            assert float(logprobs[row, t]) == pytest.approx(float(dist.log_prob(torch.tensor(token))), abs=1e-5)
            assert float(entropy[row, t]) == pytest.approx(float(dist.entropy()), abs=1e-5)


def test_a_score_is_read_after_the_last_token(model: RoleModel) -> None:
    """Two responses of the same first token and another last one, and one whose padding is not its end."""
    model.fresh("reward")
    perturb(model, "reward")
    seq = model.chat.sequences([[5, 6]] * 3, [[11, 12, 13], [11, 12, 14], [11, 12]])
    with torch.no_grad(), model.role("reward"):
        scores = model.scores(seq)
        alone = model.scores(model.chat.sequences([[5, 6]], [[11, 12]]))
    assert abs(float(scores[0] - scores[1])) > 1e-3
    assert abs(float(scores[0] - scores[2])) > 1e-3
    assert float(scores[2]) == pytest.approx(float(alone[0]), abs=1e-5)


def test_a_value_knows_what_was_said_before_and_not_what_comes(model: RoleModel) -> None:
    model.fresh("value")
    perturb(model, "value")
    seq = model.chat.sequences([[5, 6]] * 2, [[11, 12, 13], [11, 14, 13]])
    with torch.no_grad(), model.role("value"):
        one, other = model.values(seq)
    torch.testing.assert_close(one[:2], other[:2], atol=1e-5, rtol=0)
    assert abs(float(one[2] - other[2])) > 1e-3


@pytest.mark.parametrize("role", ["policy", "base"])
def test_where_positions_are_embedded_padding_changes_nothing_either(
    make_base: Callable[..., Path], plain: Callable[..., Any], role: str
) -> None:
    model = RoleModel(str(make_base("opt")), rank=4)
    torch.manual_seed(0)
    perturb(model, "policy")
    asked, answered = [[5], [7, 8, 9, 10, 4]], [[11, 12], [13, 14, 15, 16]]
    with torch.no_grad(), model.role(role):  # type: ignore[arg-type]
        both = model.logprobs(model.chat.sequences(asked, answered))[0]
    for row, (prompt, response) in enumerate(zip(asked, answered, strict=True)):
        alone = torch.tensor(plain(model).logprobs(role, prompt, response))
        torch.testing.assert_close(both[row, : len(response)], alone, atol=1e-5, rtol=0)


def test_padding_changes_no_score_and_no_value(model: RoleModel) -> None:
    model.fresh("reward")
    perturb(model, "reward")
    model.copy("reward", "value")
    both = batch(model)
    for row in range(2):
        alone = both.rows(torch.tensor([row]))
        with torch.no_grad(), model.role("reward"):
            torch.testing.assert_close(model.scores(alone)[0], model.scores(both)[row], atol=1e-5, rtol=0)
        with torch.no_grad(), model.role("value"):
            n = int(alone.lengths[0])
            torch.testing.assert_close(model.values(alone)[0], model.values(both)[row, :n], atol=1e-5, rtol=0)


def test_what_is_saved_is_what_is_loaded(model: RoleModel, base: str, tmp_path: Path) -> None:
    seq = batch(model)
    model.fresh("reward")
    for role in ("policy", "reward"):
        perturb(model, role)
        model.save(role, tmp_path / role)  # type: ignore[arg-type]
    other = RoleModel(base, rank=4)
    other.load("policy", tmp_path / "policy")
    other.load("reward", tmp_path / "reward")
    for role in ("policy", "reward"):
        for mine, theirs in zip(model.parameters(role), other.parameters(role), strict=True):  # type: ignore[arg-type]
            assert torch.equal(mine, theirs)
    with torch.no_grad(), model.role("reward"), other.role("reward"):
        assert torch.equal(model.scores(seq), other.scores(seq))


def test_an_adapter_that_does_not_fit_is_refused(model: RoleModel, base: str, tmp_path: Path) -> None:
    model.save("policy", tmp_path / "p")
    with pytest.raises(BadInput, match="rank 4 and this workspace uses 8"):
        RoleModel(base, rank=8).load("policy", tmp_path / "p")
    with pytest.raises(BadInput, match="holds no adapter"):
        model.load("policy", tmp_path / "nothing")
    with pytest.raises(WorkError, match="value has no adapter"), model.role("value"):
        pass


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks by its old name
def test_the_adapter_loads_in_plain_peft(model: RoleModel, base: str, tmp_path: Path) -> None:
    """What is on disk is the field's format, not ours."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    perturb(model, "policy")
    model.save("policy", tmp_path / "p")
    plain = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), tmp_path / "p")
    weights = {n: p for n, p in plain.named_parameters() if "lora_B" in n}
    assert weights
    assert all(p.abs().sum() > 0 for p in weights.values())
