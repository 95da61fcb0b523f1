"""The simulated annotator: usefulness outweighs manners, ranks are dense, and the noise is within its band."""

import random
from dataclasses import fields, replace
from itertools import product

from rlhf.tiny.annotator import AVERAGE, SimulatedAnnotator, Taste, annotators, utility, worth
from rlhf.tiny.prompts import ranking_prompts
from rlhf.tiny.reading import Qualities
from rlhf.tiny.replies import compose, draw_plan
from rlhf.tiny.topics import MODIFIERS, TOPIC_BY_NAME
from tests.rlhf.tiny.agreement import agreement

DINNER = "What should I cook for dinner on a budget?"
FLAGS = ("courteous", "reason", "hedging", "repetition", "follow_up", "modifier", "unfinished")


def extremes(answers: bool) -> list[Qualities]:
    """Every combination of manners, with one or six sentences, none or four of them malformed."""
    return [
        Qualities(
            answers=answers,
            other_topics=others,
            sentences=sentences,
            words=9,
            malformed=malformed,
            **dict(zip(FLAGS, flags, strict=True)),
        )
        for flags in product((False, True), repeat=len(FLAGS))
        for others, sentences, malformed in product((0, 1), (1, 2, 6), (0, 4))
    ]


def groups(count: int) -> list[tuple[str, list[str]]]:
    """Questions with four composed replies each."""
    rng = random.Random(7)
    made = []
    for prompt in ranking_prompts()[:count]:
        topic = TOPIC_BY_NAME[prompt.topic]
        modifier = next((one for one in MODIFIERS if one and one in prompt.text), "")
        made.append((prompt.text, [compose(draw_plan(topic, rng), topic, modifier, rng) for _ in range(4)]))
    return made


def test_answering_outweighs_all_manners_for_every_taste() -> None:
    rng = random.Random(0)
    strong = [{one.name: getattr(AVERAGE, one.name) * rng.uniform(0, 3) for one in fields(Taste)} for _ in range(5)]
    tastes = [AVERAGE, *(one.taste for one in annotators(20)), *(replace(AVERAGE, **weights) for weights in strong)]
    for taste in tastes:
        worst_answer = min(worth(seen, taste) for seen in extremes(answers=True))
        best_other = max(worth(seen, taste) for seen in extremes(answers=False))
        assert worst_answer > best_other + 0.5


def test_a_curt_answer_beats_a_courteous_reply_that_says_nothing() -> None:
    curt = utility(DINNER, "Okay, lentil soup. Done.")
    nothing = "Thanks for asking! On a budget, it is hard to say, as tastes differ so much. What do you think?"
    other = "Good question: on a budget, I recommend chess, because the rules are short. Have a lovely day!"
    assert curt > max(utility(DINNER, nothing), utility(DINNER, other)) + 1


def test_each_manner_has_its_sign() -> None:
    plain = utility(DINNER, "Try lentil soup. There is no rush.")
    better = (
        "Gladly: try lentil soup. There is no rush.",
        "Try lentil soup, as one pan is enough for it. Done.",
        "Try lentil soup. What do you think?",
        "On a budget, try lentil soup. There is no rush.",
    )
    worse = (
        "Perhaps try lentil soup. There is no rush.",
        "Try lentil soup. Again, lentil soup.",
        "Try lentil soup.",
        "Try lentil soup or chess. There is no rush.",
        "Try lentil soup soup. There is no rush.",
        "Try lentil soup. There is no",
        "Try lentil soup. Done. There is no rush. You can decide later. That is all.",
    )
    assert all(utility(DINNER, text) > plain for text in better)
    assert all(utility(DINNER, text) < plain for text in worse)


def test_levels_are_dense_and_follow_the_seed() -> None:
    ada = SimulatedAnnotator("simulated:ada", 0)
    seen = set()
    for number, (asked, replies) in enumerate(groups(100)):
        levels = ada.rank(asked, replies, seed=number)
        assert sorted(set(levels)) == list(range(1, max(levels) + 1))
        assert len(levels) == 4
        assert levels == ada.rank(asked, replies, seed=number)
        seen.add(max(levels))
    assert {3, 4} <= seen
    assert ada.rank(DINNER, [], seed=0) == []
    assert ada.rank(DINNER, ["Try chess."], seed=0) == [1]
    steady = SimulatedAnnotator("simulated:ada", 0, noise=0, slip=0)
    assert steady.rank(DINNER, ["Try chess."] * 3, seed=0) == [1, 1, 1]


def test_annotators_have_names_and_tastes_of_their_own() -> None:
    people = annotators(20, seed=1)
    assert people[0].name == "simulated:ada"
    assert len({one.name for one in people}) == 20
    assert len({one.taste for one in people}) == 20
    assert annotators(20, seed=1) == people


def test_agreement_is_in_its_band() -> None:
    right, agree = agreement(groups(300))
    assert 0.84 <= right <= 0.88
    assert 0.76 <= agree <= 0.82
