"""Read the qualities of a reply back from its text and the question's text, as the simulated annotators do."""

import re
from dataclasses import dataclass
from functools import cache

from rlhf.tiny import phrases
from rlhf.tiny.topics import MODIFIERS, TOPICS


@dataclass(frozen=True)
class Qualities:
    """What a reader sees in a reply."""

    answers: bool
    """Suggests something for the topic asked, and not for two or more other topics beside it."""
    other_topics: int
    """How many topics it suggests something for that were not asked about."""
    courteous: bool
    reason: bool
    """Gives a reason that fits what is suggested (where nothing is suggested: any reason)."""
    hedging: bool
    repetition: bool
    follow_up: bool
    modifier: bool
    """Takes up the modifier of the question."""
    sentences: int
    words: int
    malformed: int
    """Sentences that are not English as this world speaks it."""
    unfinished: bool
    """The text does not end with '.', '!' or '?', or there is none."""


def _any_of(texts: tuple[str, ...] | list[str]) -> re.Pattern[str]:
    """A pattern that finds any of the texts in a lower-case text, as whole words, the longest first."""
    longest_first = sorted((text.lower() for text in texts), key=len, reverse=True)
    return re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, longest_first)) + r")(?!\w)")


_SUGGESTION_TOPIC = {s.lower(): topic.name for topic in TOPICS for s in topic.suggestions}
_REASON_TOPIC = {r.lower(): topic.name for topic in TOPICS for r in topic.reasons}
_REASON_TOPIC.update({r.lower(): "" for r in phrases.NOTHING_REASONS})
_SUGGESTIONS = _any_of(list(_SUGGESTION_TOPIC))
_REASONS = _any_of(list(_REASON_TOPIC))
_NEEDS = _any_of([topic.need for topic in TOPICS])
_MODIFIERS = _any_of([modifier for modifier in MODIFIERS if modifier])
_ASKED = {text.lower(): topic.name for topic in TOPICS for text in (topic.need, topic.do)}
_ASKED_PATTERN = _any_of(list(_ASKED))

_COURTEOUS_SENTENCES = phrases.COURTEOUS_OPENERS + phrases.COURTEOUS_CLOSERS
_COURTEOUS = re.compile(
    r"(?:^|(?<=[.!?] ))(?:"
    + "|".join(re.escape(text.lower()) for text in _COURTEOUS_SENTENCES + phrases.COURTEOUS_PREFIXES)
    + r")"
)
_HEDGES = _any_of([hedge.rstrip(",") for hedge in phrases.HEDGES])
_FOLLOW_UP_SENTENCES = {text.lower() for text in phrases.FOLLOW_UPS} | {
    text.lower() for topic in TOPICS for text in topic.questions
}
_FOLLOW_UP_CLAUSES = tuple(text.lower() for text in phrases.FOLLOW_UP_CLAUSES)
_REPEAT_MARKS = _any_of(
    [
        "as i said",
        "so yes",
        "again,",
        "to repeat",
        "like i said",
        "once more",
        "i mean.",
        "that is what i say",
        "i repeat",
        "really,",
        ", yes,",
        ", that is,",
    ]
)
_PREFIXES = tuple(text.lower() + " " for text in phrases.COURTEOUS_PREFIXES + phrases.CURT_PREFIXES + phrases.HEDGES)
_TAILS = tuple(text.lower().rstrip("?") for text in phrases.FOLLOW_UP_CLAUSES) + tuple(
    text.lower() for text in phrases.REASON_CLAUSES + phrases.REPEAT_CLAUSES
)


def _bare(sentence: str) -> str:
    return sentence.lower().rstrip(".!?")


_SENTENCES = {
    _bare(text)
    for text in (
        *phrases.SUGGEST,
        *phrases.NOTHING,
        *_COURTEOUS_SENTENCES,
        *phrases.CURT_CLOSERS,
        *phrases.REASON_SENTENCES,
        *phrases.REPEAT_SENTENCES,
        *phrases.NOTHING_REPEATS,
        *phrases.FOLLOW_UPS,
        *phrases.FILLERS,
        *phrases.MODIFIER_SENTENCES,
        *phrases.NOTHING_MODIFIERS,
        *_FOLLOW_UP_SENTENCES,
    )
}


def asked_topic(prompt_text: str) -> str | None:
    """Name of the topic that a question is about, None where it is about none of this world."""
    found = _ASKED_PATTERN.findall(prompt_text.lower())
    return _ASKED[found[-1]] if found else None


@cache
def read(prompt_text: str, reply_text: str) -> Qualities:
    """The qualities of `reply_text` as a reply to `prompt_text`; any text can be read, garbled text too."""
    text = " ".join(reply_text.lower().split())
    sentences = [part for part in re.split(r"(?<=[.!?])\s+", text) if part]
    asked = asked_topic(prompt_text)
    suggested = _SUGGESTIONS.findall(text)
    topics = {_SUGGESTION_TOPIC[phrase] for phrase in suggested}
    others = len(topics - {asked})
    wanted = _MODIFIERS.findall(prompt_text.lower())
    return Qualities(
        answers=asked in topics and others < 2,
        other_topics=others,
        courteous=bool(_COURTEOUS.search(text)),
        reason=_gives_reason(text, topics),
        hedging=bool(_HEDGES.search(text)),
        repetition=_repeats(text, sentences, suggested),
        follow_up=any(s in _FOLLOW_UP_SENTENCES or s.endswith(_FOLLOW_UP_CLAUSES) for s in sentences),
        modifier=bool(wanted) and wanted[-1] in _MODIFIERS.findall(text),
        sentences=len(sentences),
        words=len(text.split()),
        malformed=sum(not _is_well_formed(sentence) for sentence in sentences),
        unfinished=not text.endswith((".", "!", "?")),
    )


def _gives_reason(text: str, topics: set[str]) -> bool:
    given = {_REASON_TOPIC[phrase] for phrase in _REASONS.findall(text)}
    return bool(given & topics) if topics else bool(given)


def _repeats(text: str, sentences: list[str], suggested: list[str]) -> bool:
    """The same suggestion or sentence twice, five words in a row twice, or a phrase that announces a repetition."""
    words = re.findall(r"\w+", text)
    runs = [tuple(words[i : i + 5]) for i in range(len(words) - 4)]
    twice = any(len(set(items)) < len(items) for items in (suggested, sentences, runs))
    return twice or bool(_REPEAT_MARKS.search(text))


def _is_well_formed(sentence: str) -> bool:
    """Whether a sentence in lower case is one that this world can say: its slots emptied, its clauses taken off."""
    text = sentence.rstrip(".!?")
    for pattern, slot in ((_REASONS, "{r}"), (_SUGGESTIONS, "{s}"), (_NEEDS, "{n}"), (_MODIFIERS, "{m}")):
        text = pattern.sub(slot, text)
    text = text.replace("{s} or {s}", "{s}")
    if text in _SENTENCES:
        return True
    for prefix in _PREFIXES * 2 + ("{m}, ",):  # a courtesy or a curt word, a hedge, the modifier
        text = text.removeprefix(prefix)
    for tail in _TAILS:  # in the order in which they follow one another, the last first
        text = text.removesuffix(tail)
    return text in _SENTENCES
