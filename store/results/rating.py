"""What a rating measured beside the scores: agreement, a line an annotator, disputed prompts, the leaderboard."""

from dataclasses import dataclass


@dataclass(frozen=True)
class VersionRow:
    """One model version on the leaderboard."""

    name: str
    elo: float
    """Elo points; the base is at 1000."""
    low: float
    """Lower end of the 95% interval, in Elo."""
    high: float
    """Upper end of the 95% interval, in Elo."""
    comparisons: int
    """Pairs of responses in which it was compared with another version."""
    prompts: int
    """Prompts on which it was."""


@dataclass(frozen=True)
class Challenge:
    """The newest version against another one, by people's rankings."""

    against: str
    """Name of the other version."""
    winner: str | None = None
    """Name of the version that is better; None while that is open."""
    share: float | None = None
    """Share of their comparisons that the newest wins, a tie being half; None where there is none."""
    low: float | None = None
    """Lower end of an interval that holds at every look together (95%)."""
    high: float | None = None
    """Its upper end."""
    prompts: int = 0
    """Prompts on which both were ranked together."""


@dataclass(frozen=True)
class Board:
    """The leaderboard, and what follows from it."""

    versions: tuple[VersionRow, ...]
    """Best first; a version that was never compared is left out, but for the base."""
    decision: str
    """The newest against the base in words: `newest beats base`, `base beats newest` or `open`."""
    newest: str
    """Name of the newest version that was compared."""
    base: str
    """Name of the base."""
    share: float | None = None
    """The newest's share of its comparisons with the base, a tie being half."""
    low: float | None = None
    """Lower end of an interval that holds at every look together (95%)."""
    high: float | None = None
    """Its upper end."""
    prompts: int = 0
    """Prompts on which the newest and the base were ranked together."""
    generator: str | None = None
    """The version that writes fresh responses by default, where one was promoted."""
    judges: str = ""
    """Who ranked: people, or simulated annotators where no person did."""
    rankings: int = 0
    """Rankings that it rests on."""
    challenge: Challenge | None = None
    """The newest against the generator, where that is a third version."""

    @property
    def against_base(self) -> Challenge:
        """The newest against the base."""
        winner = {"newest beats base": self.newest, "base beats newest": self.base}.get(self.decision)
        return Challenge(self.base, winner, self.share, self.low, self.high, self.prompts)


@dataclass(frozen=True)
class AnnotatorFigures:
    """One annotator's line."""

    name: str
    rankings: int = 0
    """Rankings of theirs that were rated."""
    tau: float | None = None
    """Mean Kendall tau-b with others on the same prompts, -1 to 1: 1 is the same order, 0 is chance."""
    log_loss: float | None = None
    """Nats a pair by which the others' rankings foretell theirs: 0 is perfectly, log 3 = 1.1 is a blind guess."""
    reliability: float | None = None
    """How much a ranking of theirs counts in the scores, above 0; 1 is usual."""
    consistency: float | None = None
    """Share of pairs that came out the same when they ranked a prompt again."""
    repeats: int = 0
    """How often they ranked a prompt again."""
    gold_accuracy: float | None = None
    """Share of pairs put right on prompts with a known answer."""
    gold: int = 0
    """Prompts with a known answer that they ranked."""
    flagged: bool = False
    """Whether their gold accuracy is almost surely below what is asked."""
    seconds: float | None = None
    """Median time of a ranking in seconds, as their page measured it."""
    lasted: float | None = None
    """Median time in seconds from when a task was handed to them until the server had their ranking."""


@dataclass(frozen=True)
class DisputedPrompt:
    """A prompt on which people disagree."""

    prompt_id: int
    disputed: float
    """Chance that two people differ on a pair of its responses; a tie against an order is half."""
    rankings: int


@dataclass(frozen=True)
class RatingFigures:
    """What one run of the converter measured beside the scores."""

    rankings: int = 0
    people: int = 0
    """Rankings by people."""
    simulated: int = 0
    """Rankings by simulated annotators."""
    prompts: int = 0
    responses: int = 0
    annotators: int = 0
    alpha: float | None = None
    """Krippendorff's alpha of pairs of responses: 1 is full agreement, 0 is chance."""
    alpha_low: float | None = None
    """Lower end of its 95% interval."""
    alpha_high: float | None = None
    """Its upper end."""
    log_loss: float | None = None
    """Nats a pair by which left-out rankings are foretold."""
    sigma: float | None = None
    """Spread of the scores of one prompt's responses, in logits."""
    seconds: float = 0.0
    vote_agreement: float | None = None
    """Share of the pairs ordered by two people that they ordered alike."""
    gold: tuple[int, ...] = ()
    """Ids of the rankings that counted as known answers."""
    by_annotator: tuple[AnnotatorFigures, ...] = ()
    """A line a person, the least like the others first."""
    disputed: tuple[DisputedPrompt, ...] = ()
    """The prompts most disputed, first the most."""
    leaderboard: Board | None = None
