"""What `models` says of each model version."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelRow:
    """One model version; what is not known of it, or does not belong to its kind, is None."""

    name: str
    kind: str
    made_by: str
    """The command that made it."""
    parent: str | None
    """The version that it was trained on from."""
    judge: str | None
    """The reward model that a policy was trained against."""
    promoted: bool
    """Whether it writes the next responses."""
    rank: int | None
    """LoRA rank of its adapter; the base has none."""
    alpha: int | None
    """What its adapter adds is scaled by alpha / rank."""
    megabytes: float | None
    """Size of its files on disk."""
    accuracy: float | None
    """Share of the held-out pairs that a reward model puts in the order of the ratings."""
    passes: bool | None
    """Whether a reward model was good enough for PPO when it was trained."""
    win_rate: float | None
    """Share of held-out prompts on which the reward model scores its answer above the base's; equal is half."""
    kl: float | None
    """KL in nats a response, from the base for PPO and from its parent for the others."""
    loss: float | None
    """Loss on held-out data after training: nats a token for supervised fine-tuning, nats a pair for DPO."""
    forgetting: float | None
    """Nats a token by which its training made the base's own text dearer."""
    evaluated: float | None
    """Win rate in the newest evaluation that it was part of, by the judge and against the baseline of that one."""
    evaluated_low: float | None
    """Lower end of the 95% interval of that win rate."""
    evaluated_high: float | None
    """Its upper end."""
    created: str
    lineage: tuple[str, ...]
    """Its parent, the parent of that, and so on up to the base."""
    targets: tuple[str, ...]
    """The layers that its adapter sits on."""
