"""Which pairs DPO is taught, and which responses fine-tuning is shown, by what people's scores say."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from sqlite_utils import Database

from rlhf.settings import DPOConfig
from rlhf.stages.demonstrations import Data, FromFile, FromRankings
from rlhf.stages.pairs import ordered_pairs
from rlhf.stages.rated import Rated, rated_prompts
from store import prompts, rankings, responses, scores
from store.errors import BadInput
from store.records import Prompt, Rating, Response, Score

TURN = ({"role": "user", "content": "tea?"},)


def rated(
    elo: list[float], *, number: int = 1, error: float | None = None, answers: list[str] | None = None
) -> Rated:
    texts = answers or [f"{number}.{k}" for k in range(len(elo))]
    return Rated(
        Prompt(TURN, "train", "test", id=number),
        [Score(k, value, error, 1, 1) for k, value in enumerate(elo)],
        [Response(number, 1, text, 0, {}, "stop", id=k) for k, text in enumerate(texts)],
        [tuple(text.encode()) for text in texts],
    )


def told(found: Any) -> set[tuple[str, str]]:
    return {(bytes(p.chosen).decode(), bytes(p.rejected).decode()) for p in found.used}


def test_every_pair_stands_in_the_order_of_its_scores() -> None:
    elo = [10.0, -5.0, 30.0, 10.0]
    found = ordered_pairs([rated(elo)], DPOConfig())
    expected = {
        (f"1.{i}", f"1.{j}") for i, j in itertools.permutations(range(4), 2) if elo[i] > elo[j]
    }  # the definition
    assert told(found) == expected
    assert found.left_out() == "1 pairs with equal scores"


def test_extremes_are_the_best_against_the_worst() -> None:
    assert told(ordered_pairs([rated([3.0, -5.0, 30.0])], DPOConfig(pairs="extremes"))) == {("1.2", "1.1")}
    alike = ordered_pairs([rated([1.0, 1.0])], DPOConfig(pairs="extremes"))
    assert (alike.used, alike.ties) == ([], 1)


def test_a_margin_is_asked_for_in_standard_errors_of_the_difference() -> None:
    # sqrt(30^2 + 40^2) = 50: the pair is 100 apart, so two of them and no more.
    close = rated([0.0, 100.0])
    scored = [Score(0, 0.0, 30.0, 1, 1), Score(1, 100.0, 40.0, 1, 1)]
    close = Rated(close.prompt, scored, close.responses, close.answers)
    assert len(ordered_pairs([close], DPOConfig(min_margin=1.99)).used) == 1
    unsure = ordered_pairs([close], DPOConfig(min_margin=2.01))
    assert (unsure.used, unsure.left_out()) == ([], "1 pairs with too small a margin")


def test_the_same_answer_twice_is_no_pair() -> None:
    found = ordered_pairs([rated([1.0, 2.0], answers=["yes", "yes"])], DPOConfig())
    assert (found.used, found.alike) == ([], 1)


def test_a_limit_takes_evenly_from_all_prompts() -> None:
    many = [rated([float(k) for k in range(4)], number=n) for n in range(5)]  # six pairs each
    found = ordered_pairs(many, DPOConfig(), limit=10)
    of_prompt = [bytes(p.chosen).decode().split(".")[0] for p in found.used]
    assert sorted(of_prompt) == sorted([str(n) for n in range(5)] * 2)
    assert found.beyond == 20
    again = ordered_pairs(many, DPOConfig(), limit=10)
    assert found.used == again.used
    assert ordered_pairs(many, DPOConfig(seed=1), limit=10).used != found.used


@pytest.fixture
def scored(db: Database, world: Callable[..., Any]) -> Callable[[dict[int, float]], Rating]:
    """A rating that gives the responses of a world these scores."""

    def make(elo: dict[int, float]) -> Rating:
        last = rankings.current(db)[-1].id
        number = scores.save(db, Rating("davidson", {}, {}, last), [(r, e, 20.0, 3) for r, e in elo.items()])
        return scores.get(db, number)

    return make


def test_fine_tuning_is_shown_the_best_finished_responses(
    db: Database, world: Callable[..., Any], scored: Callable[..., Rating], letters: Callable[..., Any]
) -> None:
    made = world()
    train, heldout = made.prompts(1, each=3)[0], made.prompts(1, each=3, split="eval")[0]
    for prompt in (train, heldout):
        made.rank(prompt, "ada")
    cut = responses.add(db, [Response(train, 1, "cut off", 0, {}, "length")])[0]
    a, b, c = made.shown[train]
    d, e, f = made.shown[heldout]
    rating = scored({a: 5.0, b: 50.0, c: -5.0, cut: 90.0, d: 1.0, e: 2.0, f: 3.0})
    text = {r.id: r.text for r in responses.every(db)}

    def spelled(data: Data) -> tuple[list[str], list[str]]:
        return tuple(["".join(map(chr, s.answer[:-1])) for s in side] for side in (data.train, data.heldout))  # type: ignore[return-value]

    one = FromRankings(db, 1).read(db, letters())
    assert spelled(one) == ([text[b]], [text[f]])
    two = FromRankings(db, 2).read(db, letters())
    assert spelled(two) == ([text[b], text[a]], [text[f], text[e]])
    assert all(s.answer[-1] == 0 for s in two.train)  # each is closed
    assert FromRankings(db, 2).told == {"rating": rating.id, "top": 2}
    assert len(rated_prompts(db, rating, letters())) == 2


def test_a_demonstration_of_a_held_out_prompt_is_held_out(
    db: Database, letters: Callable[..., Any], tmp_path: Any
) -> None:
    for text, split in (("tea?", "eval"), ("rice?", "train")):
        prompts.add(db, [prompts.make([{"role": "user", "content": text}], source="test", split=split)])
    file = tmp_path / "shown.jsonl"
    file.write_text('{"prompt": "tea?", "completion": "Yes."}\n{"prompt": "rice?", "completion": "No."}\n')
    found = FromFile(str(file)).read(db, letters())
    assert [s.messages[0]["content"] for s in found.heldout] == ["tea?"]
    assert [s.messages[0]["content"] for s in found.train] == ["rice?"]


def test_long_demonstrations_are_counted_and_named_and_left_out_by_choice(
    db: Database, letters: Callable[..., Any], tmp_path: Any
) -> None:
    prompts.add(db, [prompts.make([{"role": "user", "content": "a?"}], source="test", split="train")])
    file = tmp_path / "shown.jsonl"
    file.write_text('{"prompt": "a?", "completion": "Yes."}\n{"prompt": "a?", "completion": "%s"}\n' % ("long " * 9))
    chat = letters(context=20)
    data = FromFile(str(file)).read(db, chat)
    with pytest.raises(BadInput, match=r"1 demonstrations exceed the context of 20 tokens \(line 2\)"):
        data.check(chat, skip_long=False)
    data.check(chat, skip_long=True)
    assert len(data.train) == 1


def test_the_same_data_is_known_in_another_form(tmp_path: Any) -> None:
    plain, chat = tmp_path / "a.jsonl", tmp_path / "b.json"
    plain.write_text('{"prompt": "tea?", "completion": "Yes."}\n')
    chat.write_text('[{"messages": [{"role": "user", "content": "tea?"}, {"role": "assistant", "content": "Yes."}]}]')
    assert FromFile(str(plain)).told == FromFile(str(chat)).told
    plain.write_text('{"prompt": "tea?", "completion": "Yes!"}\n')
    assert FromFile(str(plain)).told != FromFile(str(chat)).told
