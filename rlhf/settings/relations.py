"""What settings must be to each other, which no bound beside a single field can say."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rlhf.settings.tables import Settings


def problems(settings: "Settings") -> Iterator[str]:
    """Each relation that does not hold, as one line: the settings, their numbers, the remedy."""
    ppo, generate, gate, responses = settings.ppo, settings.generate, settings.gate, settings.sampling.responses
    if ppo.minibatches > ppo.prompts_per_step:
        yield (
            f"ppo.minibatches is {ppo.minibatches} and ppo.prompts_per_step is {ppo.prompts_per_step}: a minibatch "
            "needs a response, so lower minibatches or raise prompts_per_step."
        )
    if ppo.kl_target >= ppo.max_kl:
        yield (
            f"ppo.kl_target is {ppo.kl_target:g} and ppo.max_kl is {ppo.max_kl:g}: training would end before it "
            "comes to its target, so lower kl_target or raise max_kl."
        )
    if ppo.max_drift < ppo.max_kl:
        yield (
            f"ppo.max_drift is {ppo.max_drift:g} and ppo.max_kl is {ppo.max_kl:g}: the first round starts at the "
            "base and would end before its own limit, so raise max_drift or lower max_kl."
        )
    if responses < 2:
        yield f"sampling.responses is {responses}: people compare at least 2, so raise it."
    elif generate.previous + generate.base >= responses:
        yield (
            f"generate.previous is {generate.previous}, generate.base is {generate.base} and sampling.responses is "
            f"{responses}: a task needs a response of the new version too, so raise responses or lower the others."
        )
    for name, tuned in (("sft", settings.sft), ("dpo", settings.dpo)):
        if tuned.batch_size % tuned.microbatch_size:
            yield (
                f"{name}.batch_size is {tuned.batch_size} and {name}.microbatch_size is {tuned.microbatch_size}: an "
                "update is made of whole microbatches, so let the one divide the other."
            )
    if (gate.permutations + 1) * gate.alpha < 1:
        yield (
            f"gate.alpha is {gate.alpha:g} and gate.permutations is {gate.permutations}: they cannot show a p "
            f"below {1 / (gate.permutations + 1):.2g}, so raise alpha or permutations."
        )
