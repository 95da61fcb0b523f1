"""What versions answered to a prompt that a researcher tried."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """What a version said; `ended` is False where it was cut at the limit of tokens."""

    model: str
    text: str
    ended: bool


@dataclass(frozen=True)
class Answers:
    """What was asked, and what each version answered, drawn with one seed."""

    prompt: str
    answers: tuple[Answer, ...]
