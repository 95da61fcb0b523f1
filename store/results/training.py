"""What training measured: the reward model's judgement, the policy's comparison, a round in figures."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class RewardJudgement:
    """A reward model judged on held-out prompts, and whether PPO may use it."""

    accuracy: float
    """Share of the held-out pairs that it puts in the order of the ratings."""
    accuracy_low: float
    """Lower end of the accuracy's 95% interval."""
    accuracy_high: float
    """Its upper end."""
    nll: float
    """Negative log-likelihood of the odds that the ratings give a vote, nats a pair."""
    ece: float
    """Expected calibration error of those odds, 0 to 1."""
    pairs: int
    """Held-out pairs that the ratings put in an order."""
    train_prompts: int
    heldout_prompts: int
    mean: float
    """Mean of its raw scores over responses that it was trained on; scores are shifted by it."""
    std: float
    """Their standard deviation; scores are divided by it."""
    passes: bool
    """Whether it was good enough for PPO when it was trained."""
    vote_agreement: float | None = None
    """Share of the pairs ordered by two people that they ordered alike."""
    alpha: float | None = None
    """Krippendorff's alpha of the annotators: 1 is full agreement, 0 chance, below 0 they contradict each other."""
    alpha_high: float | None = None
    """Upper end of its 95% interval."""
    ceiling: float | None = None
    """Accuracy that a perfect model would have against rankings of people who agree so far."""
    foretold_correlation: float = 0.0
    """Correlation of people's scores with what the other prompts foretell of them, -1 to 1."""
    foretold_z: float = 0.0
    """How many standard deviations that is above shuffled rankings."""
    foretold_p: float = 1.0
    """Share of shuffled rankings that are foretold as well."""
    foretold_prompts: int = 0
    """Ranked prompts, train and held-out, that were foretold."""
    gain: float = 0.0
    """What the response foretold to be best is above its prompt's mean in people's scores, in logits."""
    gain_low: float = 0.0
    """Lower end of the gain's 95% interval."""
    gain_high: float = 0.0
    """Its upper end."""
    more_rankings: int | None = None
    """Rankings more that would tell, where it was refused; None where that cannot be said."""


@dataclass(frozen=True)
class Example:
    """One prompt with the answers of the base and of the policy."""

    prompt: str
    base: str
    policy: str


@dataclass(frozen=True)
class Forgetting:
    """What the base's own text costs a policy, nats a token: less is better, and what has been added is forgotten."""

    before: float
    """Under the version that training started from."""
    after: float
    """Under the policy that it made."""


@dataclass(frozen=True)
class TunedFigures:
    """A policy that supervised fine-tuning or DPO made."""

    steps: int
    """Updates done."""
    loss_before: float | None
    """Loss on held-out data before training: nats a token for supervised fine-tuning, nats a pair for DPO; None
    where nothing was held out."""
    loss_after: float | None
    """The same after it."""
    forgetting: Forgetting | None
    """What it costs on the base's own text."""
    seconds: float
    examples: int
    """Demonstrations or pairs that it was trained on."""
    heldout: int
    """Those that it was judged on."""
    left_out: str = ""
    """What of the data was not used, in words; empty where all was."""
    accuracy_before: float | None = None
    """Share of the held-out pairs that the implied reward orders as the scores do; only DPO has pairs."""
    accuracy_after: float | None = None
    kl: float | None = None
    """KL(policy || base), nats a response, on held-out prompts; None where there are none."""
    kl_reference: float | None = None
    """KL(policy || the policy it started from), nats a response."""
    unmeasured: str = ""
    """Why forgetting or KL could not be measured; empty where they were."""


@dataclass(frozen=True)
class PolicyComparison:
    """A policy that PPO trained, against where it started and against the base, on prompts that PPO never saw.

    Where that could not be measured, `unmeasured` says why, the figures are those of PPO's own look at the policy,
    and what no look tells is None.
    """

    steps: int
    """PPO iterations done."""
    stopped: str
    """Why training ended early; empty where it did not."""
    shift: float
    """Mean score of the starting policy, which PPO subtracts."""
    scale: float
    """Standard deviation of its scores, by which PPO divides."""
    forced: bool
    """Whether the reward model was refused and `--force` overruled that."""
    reward_before: float
    """Mean reward of the policy it started from, in standard deviations of the reward model's scores."""
    reward_after: float
    """Mean reward of the new policy."""
    reward_base: float | None
    """Mean reward of the base."""
    kl: float | None
    """KL(policy || base), nats a response; `kl_measured` says of what."""
    kl_reference: float
    """KL(policy || the policy it started from), nats a response."""
    win_rate: float | None
    """Share of prompts on which the judge scores the new policy's answer above the base's; equal is half."""
    judge: str
    """Who judges `win_rate`."""
    distinct: float
    """Distinct pairs of words over all of them in the new policy's answers."""
    length: float
    """Mean tokens of an answer."""
    examples: tuple[Example, ...] = ()
    last_step: dict[str, float] = field(default_factory=dict)
    """The metrics of the last iteration."""
    kept_step: int | None = None
    """The iteration whose policy was kept; 0 is the policy that it started from."""
    kept: str = ""
    """Why that one."""
    kl_measured: str = ""
    """How the answers were drawn whose log-ratios the KL is the mean of, and at what temperature it is taken."""
    unmeasured: str = ""
    """Why the policy could not be compared; empty where it was."""
    forgetting: Forgetting | None = None
    """What the base's own text costs, before and after."""


@dataclass(frozen=True)
class RoundFigures:
    """One turn of the loop in figures; the names are those of the launcher's JSON."""

    round: int
    policy: str
    rankings: int
    """Rankings that the scores rest on."""
    reward_accuracy: float | None
    """Share of the held-out pairs that the reward model orders as the scores do; with DPO, the reward it implies."""
    kl: float | None
    """KL(policy || base), nats a response."""
    win_rate: float | None
    """Share of prompts on which the judge scores the new policy's answer above the base's; equal is half."""
    judge: str
    """Who judges `win_rate`."""
    seconds: float
    reward_before: float | None = None
    """Mean reward of the policy that training started from, in deviations; None with DPO, as `reward_after`."""
    reward_after: float | None = None
    win_rate_new_topics: float | None = None
    """The same on topics that nobody ranked; only where simulated annotators judge."""
    utility_before: float | None = None
    """Mean true utility of the base, -2 to 7; only where simulated annotators judge."""
    utility_after: float | None = None
    """Mean true utility of the policy."""
    examples: tuple[Example, ...] = ()
