"""The prompt sets keep apart, are the same on every call, and name their topic."""

from collections import Counter

from rlhf.tiny import phrases
from rlhf.tiny.prompts import evaluation_prompts, new_topic_prompts, ranking_prompts
from rlhf.tiny.reading import asked_topic
from rlhf.tiny.topics import ASKS, MODIFIERS, NEW_TOPICS, TOPICS


def test_the_world_is_large_enough() -> None:
    assert len(TOPICS) - len(NEW_TOPICS) >= 27
    assert all(len(topic.suggestions) >= 6 for topic in TOPICS)
    assert len(ASKS) >= 12
    assert len(MODIFIERS) >= 8
    assert MODIFIERS.count("") == 1
    for form in (
        "SUGGEST",
        "NOTHING",
        "HEDGES",
        "COURTEOUS_OPENERS",
        "COURTEOUS_CLOSERS",
        "COURTEOUS_PREFIXES",
        "CURT_PREFIXES",
        "CURT_CLOSERS",
        "REASON_SENTENCES",
        "REPEAT_SENTENCES",
        "FOLLOW_UPS",
        "FILLERS",
    ):
        assert len(set(getattr(phrases, form))) >= 8


def test_a_suggestion_belongs_to_one_topic_and_hides_in_no_other_text() -> None:
    suggestions = [text.lower() for topic in TOPICS for text in topic.suggestions]
    others = [text.lower() for topic in TOPICS for text in (topic.need, topic.do, *topic.reasons, *topic.questions)]
    assert len(set(suggestions)) == len(suggestions)
    for one in suggestions:
        assert not any(f" {one} " in f" {other} " for other in others)
        assert not any(one != other and f" {one} " in f" {other} " for other in suggestions)


def test_sets_are_disjoint_and_of_the_promised_size() -> None:
    ranked, evaluation, new = ranking_prompts(), evaluation_prompts(), new_topic_prompts()
    assert Counter(prompt.split for prompt in ranked) == {"train": 1800, "eval": 200}
    assert (len(evaluation), len(new)) == (150, 90)
    texts = [prompt.text for prompt in ranked + evaluation + new]
    assert len(set(texts)) == len(texts)
    assert {prompt.topic for prompt in new} == set(NEW_TOPICS)
    assert not {prompt.topic for prompt in ranked + evaluation} & set(NEW_TOPICS)
    assert {prompt.topic for prompt in evaluation} <= {prompt.topic for prompt in ranked}


def test_sets_are_the_same_on_every_call() -> None:
    assert ranking_prompts() == ranking_prompts()
    assert new_topic_prompts() == new_topic_prompts()


def test_any_prefix_is_varied_over_topics() -> None:
    first = [prompt.topic for prompt in ranking_prompts()[:30]]
    assert len(set(first)) == 30
    both = [prompt for prompt in ranking_prompts()[:400] if prompt.split == "eval"]
    assert 20 <= len(both) <= 60


def test_the_topic_can_be_read_from_the_text() -> None:
    for prompt in ranking_prompts() + evaluation_prompts() + new_topic_prompts():
        assert asked_topic(prompt.text) == prompt.topic
    assert asked_topic("Who wrote Hamlet?") is None
