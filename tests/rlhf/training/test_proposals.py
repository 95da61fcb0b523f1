"""What a model is given to propose prompts from, what is left of what it writes, and how like two texts are."""

import itertools
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from rlhf.settings import SamplingConfig
from rlhf.training.chat import Chat
from rlhf.training.likeness import Known, common, rouge_l, words
from rlhf.training.models import RoleModel
from rlhf.training.proposals import FEWEST_WORDS, MOST_TOKENS, cut, opening, propose, shown

Make = Callable[..., Path]


def longest_by_definition(one: Sequence[str], other: Sequence[str]) -> int:
    """The longest of all subsequences of `one` that is one of `other` too."""
    held = {kept for n in range(len(other) + 1) for kept in itertools.combinations(other, n)}
    return max(n for n in range(len(one) + 1) for kept in itertools.combinations(one, n) if kept in held)


def test_the_common_subsequence_is_the_longest_of_all() -> None:
    rng = random.Random(0)
    for _ in range(200):
        one, other = (rng.choices("abc", k=rng.randrange(8)) for _ in range(2))
        assert common(one, other) == longest_by_definition(one, other)


def test_rouge_l_of_the_published_example() -> None:
    """The example in the README of the package rouge-score: 5 words of 9 and 8, F = .588."""
    told = "The quick brown fox jumps over the lazy dog", "The quick brown dog jumps on the log."
    assert rouge_l(*map(words, told)) == pytest.approx(2 * (5 / 9) * (5 / 8) / (5 / 9 + 5 / 8))
    assert rouge_l([], ["a"]) == rouge_l([], []) == 0.0


def test_words_are_told_without_capitals_and_punctuation_and_by_characters_where_no_space_parts_them() -> None:
    assert words("What's *new*, in Köln 2024?") == ["what", "s", "new", "in", "köln", "2024"]
    assert words("今日は tea") == ["今", "日", "は", "tea"]


def test_the_nearest_of_many_is_the_greatest_of_all_likenesses() -> None:
    rng = random.Random(1)
    texts = [" ".join(rng.choices("abcdefgh", k=rng.randrange(1, 9))) for _ in range(150)]
    known: list[str] = []
    held = Known()
    for text in texts:
        best = max((rouge_l(words(text), words(other)) for other in known), default=0.0)
        assert held.nearest(text) == pytest.approx(best)
        held.add(text)
        known.append(text)


@pytest.mark.parametrize(
    ("drawn", "ended", "left"),
    [
        ("What could I cook today? I like rice.", False, "What could I cook today?"),
        ("Is version 3.5 of it good. Yes", False, "Is version 3.5 of it good."),
        ("  3. Plan a trip to Rome\n4. Another", False, "Plan a trip to Rome"),
        ('Task 9: "Name five quiet hobbies."', False, "Name five quiet hobbies."),
        ("Plan a trip to Rome", True, "Plan a trip to Rome"),
        ("Plan a trip to Rome and", False, ""),  # cut at the limit of tokens
        ("Here are four ideas for you:\nA walk", True, ""),
        ("What now? Tell me all of it.", False, ""),  # two words
        (", what could I cook today?", False, ""),
        ("What could I do today???", False, "What could I do today?"),
        (" ".join(["word"] * 151) + ".", False, ""),
        (" ".join(["word"] * 150) + ".", False, " ".join(["word"] * 150) + "."),
        ("", True, ""),
        ("\n \n", True, ""),
    ],
)
def test_what_is_left_is_one_whole_sentence_or_nothing(drawn: str, ended: bool, left: str) -> None:
    assert cut(drawn, ended=ended) == left


@pytest.mark.parametrize(
    "template", [True, False, "{% for m in messages %}[{{ m.role }}] {{ m.content }}{% endfor %}"]
)
def test_the_opening_leads_to_the_users_words(make_base: Make, template: bool | str) -> None:
    chat = Chat(str(make_base("qwen2", template=template)))
    start = opening(chat)
    asked = chat.prompt([{"role": "user", "content": "tea"}])
    assert asked[: len(start)] == start != []
    assert chat.tokenizer.decode(asked[len(start) :]).startswith(" tea")


@pytest.mark.parametrize(
    "template",
    [
        "{% for m in messages %}{{ m.content }}<end>{% endfor %}",  # nothing before the words
        "<user> asks something",  # no words at all
        "{{ raise_exception('not now') }}",
    ],
)
def test_a_template_without_a_place_before_the_words_has_no_opening(make_base: Make, template: str) -> None:
    assert opening(Chat(str(make_base("qwen2", template=template)))) == []


def test_as_many_prompts_are_shown_as_fit_and_never_one_alone(make_base: Make) -> None:
    chat = Chat(str(make_base("qwen2", context=512)))
    seeds = [f"{n} tea or\ncoffee" for n in range(40)]
    ids = shown(chat, seeds)
    told = chat.tokenizer.decode(ids)
    count = told.count("tea or coffee")
    assert 2 <= count < 40
    assert f"{count}. {count - 1} tea or coffee\n\n" in told
    assert len(ids) <= 512 - MOST_TOKENS < len(ids) + len(chat.tokenizer.encode(f"\n{count}. {count} tea or coffee"))
    assert shown(chat, seeds[:1]) == shown(chat, []) == []
    assert shown(Chat(str(make_base("qwen2", context=128))), seeds) == []


def test_each_start_gives_one_proposal_and_the_same_seed_the_same(make_base: Make) -> None:
    model = RoleModel(str(make_base("qwen2", vocabulary=600)), quantization="none", rank=2)
    starts = [opening(model.chat), *[[7, 8, 9 + n] for n in range(30)]]
    config = SamplingConfig(max_new_tokens=1)
    one, again, other = (list(propose(model, starts, config, voice="policy", seed=seed)) for seed in (3, 3, 4))
    assert len(one) == len(starts)
    assert one == again != other
    assert all(len(words(text)) >= FEWEST_WORDS for text in one if text)
