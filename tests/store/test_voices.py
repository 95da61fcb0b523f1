"""What people say beside their order: it is listed, a flag holds its prompt back until somebody decides, and can be
taken back."""

from collections.abc import Callable

import pytest
from sqlite_utils import Database

from store import checks, prompts, rankings, tasks, voices
from store.errors import BadInput, LeaseLost, NotFound
from store.records import Ranking, RankingKind

Make = Callable[..., list[int]]


def say(db: Database, task_id: int, person: str, kind: RankingKind = "ranked", comment: str = "") -> Ranking:
    """One answer to one task: responses in the order shown, or a skip or flag."""
    task = tasks.lease(db, task_id, person, tasks.get(db, task_id).response_ids)
    order = {response: level for level, response in enumerate(task.response_ids, start=1)}
    return rankings.submit(db, str(task.lease), person, order, kind=kind, comment=comment)


def takeable(db: Database, person: str) -> set[int]:
    """The prompts of which this person may be given a task."""
    return {tasks.get(db, task).prompt_id for task in tasks.free_for(db, person, 99)}


def test_a_flag_holds_back_the_prompt_and_its_twins_until_it_is_put_back(db: Database, make_tasks: Make) -> None:
    one, twin, third, other = make_tasks(db, count=2, twins=2)
    flagged, left = (tasks.get(db, task).prompt_id for task in (one, third))
    before = say(db, one, "ada")
    checks.mark_gold(db, before.id)
    held = tasks.lease(db, twin, "cy", tasks.get(db, twin).response_ids)  # on somebody's page when the flag comes
    extra = tasks.add(db, [tasks.get(db, one), tasks.get(db, one)])
    flag = say(db, extra[0], "bo", "flagged", "private")
    for person in ("cy", "dora"):
        assert flagged not in takeable(db, person)
    with pytest.raises(LeaseLost):
        tasks.lease(db, extra[1], "cy", held.shown_order)
    assert (tasks.held_by(db, "cy"), tasks.resume(db, "cy")) == (None, None)
    assert checks.gold(db) == []
    assert checks.gold_task(db, "cy") is None
    late = rankings.submit(db, str(held.lease), "cy", before.levels)  # it is kept, and counts nowhere
    assert rankings.current(db) == []
    assert [p.id for p in prompts.every(db)] == [p.id for p in prompts.one_by_one(db)] == [left]
    assert prompts.count(db) == 1
    assert [p.id for p in prompts.held(db)] == [flagged]
    assert voices.decide(db, [flag.id], "put back", "rosa") == 1
    assert rankings.current(db) == [before, late]
    assert takeable(db, "dora") == {flagged, left}
    assert [g.id for g in checks.gold(db)] == [before.id]
    assert prompts.held(db) == []
    assert takeable(db, "bo") == {left}, "who flagged it is not asked again"
    assert other


def test_a_flagged_prompt_can_be_taken_out_for_good(db: Database, make_tasks: Make) -> None:
    first, second = make_tasks(db, twins=2)
    prompt = tasks.get(db, first).prompt_id
    flag, again = say(db, first, "ada", "flagged"), None
    with db.conn:
        db.execute("UPDATE prompts SET held = NULL")  # so that a second person can flag it in this test
    again = say(db, second, "bo", "flagged", "indeed")
    assert voices.decide(db, [again.id], "taken out", "rosa") == 1
    assert [p.id for p in prompts.taken_out(db)] == [prompt]
    assert prompts.held(db) == []
    told = voices.every(db, decided=True)
    assert {(v.id, v.decision, v.by, v.removed) for v in told} == {
        (flag.id, "taken out", "rosa", True),
        (again.id, "taken out", "rosa", True),
    }
    prompts.restore(db, [prompt])
    assert prompts.count(db) == 1, "its flags are decided: `prompts restore` brings it back whole"


def test_a_flag_that_is_taken_back_holds_nothing(db: Database, make_tasks: Make) -> None:
    one, two = make_tasks(db, twins=2)
    flag = say(db, one, "ada", "flagged", "a slip")
    order = dict(zip(tasks.get(db, one).response_ids, (2, 1, 3), strict=True))
    changed = rankings.revise(db, flag.id, "ada", order)
    assert rankings.current(db) == [changed]
    assert takeable(db, "bo") == {changed.prompt_id}
    assert voices.every(db) == []
    with pytest.raises(BadInput, match="was taken back by ada"):
        voices.decide(db, [flag.id], "put back", "rosa")
    assert two


def test_of_two_flags_one_taken_back_leaves_the_other(db: Database, make_tasks: Make) -> None:
    one, two = make_tasks(db, twins=2)
    held = {person: tasks.lease(db, task, person, tasks.get(db, task).response_ids)
            for person, task in (("ada", one), ("bo", two))}  # fmt: skip
    flags = [rankings.submit(db, str(t.lease), person, {}, kind="flagged") for person, t in held.items()]
    order = dict.fromkeys(tasks.get(db, one).response_ids, 1)
    rankings.revise(db, flags[0].id, "ada", order)
    assert rankings.current(db) == []
    rankings.revise(db, flags[1].id, "bo", order)
    assert len(rankings.current(db)) == 2


def test_a_skip_is_taken_back_as_long_as_nobody_else_has_its_task(db: Database, make_tasks: Make) -> None:
    free, taken, late, done = make_tasks(db, count=4)
    skips = {task: say(db, task, "ada", "skipped", "tired") for task in (free, taken, late, done)}
    order = {task: dict.fromkeys(tasks.get(db, task).response_ids, 1) for task in skips}
    for task in (taken, late):
        tasks.lease(db, task, "bo", tasks.get(db, task).response_ids[::-1])
    say(db, done, "bo")
    with db.conn:
        db.execute("UPDATE tasks SET leased_until = 1 WHERE id = ?", [late])
    for task in (taken, done):
        assert not rankings.can_change(db, skips[task])
        with pytest.raises(LeaseLost, match="somebody else has it"):
            rankings.revise(db, skips[task].id, "ada", order[task])
    for task in (free, late):
        assert rankings.can_change(db, skips[task])
        changed = rankings.revise(db, skips[task].id, "ada", order[task])
        assert rankings.shown_order(db, changed.id) == tasks.get(db, task).response_ids, "as ada saw them"
        assert (tasks.get(db, task).state, tasks.get(db, task).annotator) == ("done", "ada")
    assert {r.task_id for r in rankings.current(db)} == {free, late, done}
    assert {v.id for v in voices.every(db)} == {skips[taken].id, skips[done].id}


def test_the_list_by_kind_by_person_and_by_whether_it_is_decided(db: Database, make_tasks: Make) -> None:
    a, b, c, d, e = make_tasks(db, count=5)
    say(db, a, "ada")
    comment = say(db, b, "ada", comment="close")
    skip = say(db, c, "bo", "skipped", "not my field")
    flag = say(db, d, "ada", "flagged")
    noted = say(db, e, "bo", comment="well")
    listed = {
        (): [flag, skip, noted, comment],
        ("flag",): [flag],
        ("comment",): [noted, comment],
        ("", "bo"): [skip, noted],
        ("skip", "ada"): [],
    }
    for (kind, person), expected in (((*key, "", "")[:2], found) for key, found in listed.items()):
        assert [v.id for v in voices.every(db, kind=kind, person=person)] == [r.id for r in expected]
    assert voices.open_ones(db) == {"flag": 1, "skip": 1, "comment": 2}
    assert voices.people(db) == ["ada", "bo"]
    assert voices.decide(db, [skip.id, comment.id], "read", "rosa") == 0
    assert [v.id for v in voices.every(db)] == [flag.id, noted.id]
    assert [(v.id, v.decision) for v in voices.every(db, decided=True)] == [(skip.id, "read"), (comment.id, "read")]
    assert len(voices.every(db, decided=None)) == 4
    assert voices.open_ones(db) == {"flag": 1, "skip": 0, "comment": 1}
    told = voices.every(db, kind="flag")[0]
    assert (told.annotator, told.prompt, told.held) == ("ada", prompts.get(db, flag.prompt_id).text, True)


def test_what_cannot_be_decided_so_is_refused_and_nothing_is_changed(db: Database, make_tasks: Make) -> None:
    a, b, c = make_tasks(db, count=3)
    mute, flag = say(db, a, "ada"), say(db, b, "ada", "flagged")
    comment = say(db, c, "ada", comment="close")
    refusals = {
        (mute.id, "read"): "says nothing",
        (flag.id, "read"): "put it back, or take it out",
        (comment.id, "put back"): "holds nothing back",
    }
    for (number, decision), why in refusals.items():
        with pytest.raises(BadInput, match=why):
            voices.decide(db, [flag.id, number] if decision == "put back" else [number], decision, "rosa")
    with pytest.raises(NotFound):
        voices.decide(db, [99], "read", "rosa")
    assert [p.id for p in prompts.held(db)] == [flag.prompt_id]
    voices.decide(db, [flag.id], "put back", "rosa")
    with pytest.raises(BadInput, match=r"decided already \(put back, by rosa\)"):
        voices.decide(db, [flag.id], "taken out", "eve")
    assert prompts.held(db) == prompts.taken_out(db) == []
