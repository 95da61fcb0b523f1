"""Tasks are handed out once, shown without names, and answered once."""

import json
import threading
from collections import Counter
from collections.abc import Callable

import pytest
from sqlite_utils import Database

from annotate import queue
from store import annotators, prompts, rankings, responses, tasks
from store.errors import BadInput, LeaseLost, NotFound
from store.records import Ranking
from store.workspace import Workspace


def test_the_same_task_until_it_is_answered(db: Database) -> None:
    first = queue.next_task(db, "ada")
    assert first is not None
    assert queue.next_task(db, "ada") == tasks.get(db, first.id)
    assert sorted(first.shown_order) == sorted(first.response_ids)
    other = queue.next_task(db, "bo")
    assert other is not None
    assert other.id != first.id


def test_a_late_lease_stays_with_its_holder_until_somebody_takes_it(db: Database) -> None:
    first = queue.next_task(db, "ada")
    assert first is not None
    with db.conn:
        db.execute("UPDATE tasks SET leased_until = 1 WHERE id = ?", [first.id])
    again = queue.next_task(db, "ada")
    assert again is not None
    assert (again.id, again.lease) == (first.id, first.lease)
    with db.conn:
        db.execute("UPDATE tasks SET leased_until = 1 WHERE id = ?", [first.id])
    taken = queue.next_task(db, "bo")
    assert taken is not None
    assert taken.id == first.id
    with pytest.raises(LeaseLost, match="no longer yours"):
        queue.submit(db, "ada", str(first.lease), [1, 2, 3, 4])


def test_levels_follow_the_order_shown(db: Database) -> None:
    task = queue.next_task(db, "ada")
    assert task is not None
    stored = queue.submit(db, "ada", str(task.lease), [2, 1, 2, 3], seconds=12.0, comment="  close  ")
    first, second, third, fourth = task.shown_order
    assert stored.levels == {first: 2, second: 1, third: 2, fourth: 3}
    assert (stored.seconds, stored.comment, stored.kind) == (12.0, "close", "ranked")
    assert tasks.get(db, task.id).state == "done"


def test_a_second_submission_changes_nothing(db: Database) -> None:
    task = queue.next_task(db, "ada")
    assert task is not None
    first = queue.submit(db, "ada", str(task.lease), [1, 2, 3, 4])
    again = queue.submit(db, "ada", str(task.lease), [4, 3, 2, 1])
    assert again == first
    assert rankings.count(db) == 1


def test_another_persons_lease_is_refused(db: Database) -> None:
    task = queue.next_task(db, "ada")
    assert task is not None
    for act in (queue.skip, queue.flag):
        with pytest.raises(LeaseLost):
            act(db, "bo", str(task.lease))
    with pytest.raises(LeaseLost):
        queue.submit(db, "bo", str(task.lease), [1, 2, 3, 4])
    queue.submit(db, "ada", str(task.lease), [1, 2, 3, 4])
    with pytest.raises(LeaseLost, match="somebody else"):
        queue.submit(db, "bo", str(task.lease), [1, 2, 3, 4])
    assert rankings.count(db) == 1


@pytest.mark.parametrize("levels", [[], [1, 2, 3], [1, 2, 3, 5], [0, 1, 2, 3], [1, 2, 3, 4, 5]])
def test_incomplete_ranks_are_refused_and_the_task_stays(db: Database, levels: list[int]) -> None:
    task = queue.next_task(db, "ada")
    assert task is not None
    with pytest.raises(BadInput):
        queue.submit(db, "ada", str(task.lease), levels)
    assert queue.next_task(db, "ada") == tasks.get(db, task.id)


def test_a_changed_mind_supersedes(db: Database) -> None:
    task = queue.next_task(db, "ada")
    assert task is not None
    assert queue.view_previous(db, "ada") is None
    first = queue.submit(db, "ada", str(task.lease), [1, 2, 2, 3], comment="hm")
    shown = queue.view_previous(db, "ada")
    assert shown is not None
    assert (shown["task"]["revises"], shown["task"]["slots"]) == (first.id, [0, 1, 1, 2])
    assert shown["task"]["comment"] == "hm"
    second = queue.revise(db, "ada", first.id, [4, 3, 2, 1])
    assert queue.revise(db, "ada", first.id, [4, 3, 2, 1]) == second
    assert second.supersedes == first.id
    assert rankings.current(db) == [second]
    assert queue.progress(db, "ada").total == 1
    with pytest.raises(LeaseLost, match="revised already"):
        queue.revise(db, "ada", first.id, [1, 1, 1, 1])
    with pytest.raises(LeaseLost, match="not yours"):
        queue.revise(db, "bo", second.id, [1, 1, 1, 1])
    with pytest.raises(NotFound):
        queue.revise(db, "ada", 99, [1, 1, 1, 1])
    with pytest.raises(BadInput):
        queue.revise(db, "ada", second.id, [1, 2])
    assert queue.view_previous(db, "ada", second.id) is None


def test_a_skipped_task_goes_to_the_others_only(db: Database) -> None:
    task = queue.next_task(db, "ada")
    assert task is not None
    assert queue.skip(db, "ada", str(task.lease), comment="not my topic").kind == "skipped"
    assert queue.skip(db, "ada", str(task.lease)).comment == "not my topic"
    assert queue.submit(db, "ada", str(task.lease), [1, 2, 3, 4]).kind == "skipped"
    following = queue.next_task(db, "ada")
    assert following is not None
    assert following.id != task.id
    for_bo = queue.next_task(db, "bo")
    assert for_bo is not None
    assert for_bo.id == task.id


def test_a_flag_closes_the_task(db: Database) -> None:
    task = queue.next_task(db, "ada")
    assert task is not None
    flagged = queue.flag(db, "ada", str(task.lease), comment="All responses are bad")
    assert (flagged.kind, flagged.levels, flagged.comment) == ("flagged", {}, "All responses are bad")
    assert tasks.get(db, task.id).state == "done"


def test_progress_counts_what_is_done_and_left(db: Database) -> None:
    assert queue.progress(db, "ada") == queue.Progress(0, 0, 3, False)
    for act in (queue.flag, queue.skip):
        task = queue.next_task(db, "ada")
        assert task is not None
        act(db, "ada", str(task.lease))
    assert queue.progress(db, "ada") == queue.Progress(1, 1, 1, False)


def test_a_long_queue_is_counted_now_and_then_and_a_short_one_each_time(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "REMAINING_COUNTED", 2)
    now = [100.0]
    monkeypatch.setattr(queue.time, "monotonic", lambda: now[0])
    assert queue.progress(db, "ada") == queue.Progress(0, 0, 2, True)
    for _ in range(3):
        task = queue.next_task(db, "ada")
        assert task is not None
        queue.flag(db, "ada", str(task.lease))
        told = queue.progress(db, "ada")
        assert (told.remaining, told.more) == (2, True)
    assert queue.progress(db, "bo") == queue.Progress(0, 0, 0, False), "it is believed of nobody else"
    now[0] += queue.RECOUNTED_AFTER
    assert queue.progress(db, "ada") == queue.Progress(3, 3, 0, False)


def test_the_view_names_no_model_and_no_response(db: Database) -> None:
    shown = queue.view(db, "ada")
    text = json.dumps(shown)
    assert "hidden-model" not in text
    assert not {"id", "response_ids", "shown_order", "model_id", "task_id"} & keys_of(shown)
    assert len(shown["task"]["responses"]) == 4
    assert all(isinstance(html, str) for html in shown["task"]["responses"])


def test_the_view_is_in_the_order_shown(db: Database) -> None:
    task = queue.next_task(db, "ada")
    assert task is not None
    view = queue.view(db, "ada")["task"]
    texts = dict(db.execute("SELECT id, text FROM responses").fetchall())
    assert view["responses"] == [f'<p dir="auto">{texts[i]}</p>\n' for i in task.shown_order]
    assert view["written"] == [texts[i] for i in task.shown_order]


def test_orders_differ_from_task_to_task(db: Database, more_tasks: Callable[..., list[int]]) -> None:
    more_tasks(db, count=40, overlap=1)
    first_places = Counter()
    while task := queue.next_task(db, "ada"):
        first_places[task.response_ids.index(task.shown_order[0])] += 1
        queue.flag(db, "ada", str(task.lease))
    assert set(first_places) == {0, 1, 2, 3}


def test_nothing_left(db: Database) -> None:
    while task := queue.next_task(db, "ada"):
        queue.flag(db, "ada", str(task.lease))
    assert queue.view(db, "ada")["task"] is None


def test_thirty_people_at_once_with_overlap_three(workspace: Workspace, more_tasks: Callable[..., list[int]]) -> None:
    people = [f"person {i}" for i in range(30)]
    with workspace.store() as db:
        for name in people:
            annotators.ensure(db, name)
        more_tasks(db, count=40, overlap=3)
    errors: list[BaseException] = []

    def work(name: str) -> None:
        try:
            with workspace.store() as mine:
                while task := queue.next_task(mine, name):
                    queue.submit(mine, name, str(task.lease), [1, 1, 2, 3])
                    queue.submit(mine, name, str(task.lease), [1, 1, 2, 3])
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    with workspace.store() as db:
        done = rankings.current(db)
        assert tasks.count_open(db) == 0
    assert set(Counter(r.prompt_id for r in done).values()) == {1, 3}
    assert sum(n == 3 for n in Counter(r.prompt_id for r in done).values()) == 40
    assert max(Counter((r.prompt_id, r.annotator) for r in done).values()) == 1
    assert len({r.task_id for r in done}) == len(done) == 123


def keys_of(value: object) -> set[str]:
    """Every key in nested dicts and lists."""
    if isinstance(value, dict):
        return set(value) | {key for inner in value.values() for key in keys_of(inner)}
    if isinstance(value, list):
        return {key for inner in value for key in keys_of(inner)}
    return set()


def test_half_a_character_in_a_comment_keeps_no_ranking_back(db: Database) -> None:
    lease = queue.view(db, "ada")["task"]["lease"]
    assert queue.submit(db, "ada", lease, [1, 2, 3, 4], comment="good \ud83d").comment == "good ?"


def test_what_is_open_when_its_prompt_goes_is_stored_and_counts_when_it_returns(db: Database) -> None:
    task = queue.next_task(db, "ada")
    assert task is not None
    prompts.remove(db, [task.prompt_id])
    other = queue.next_task(db, "ada")
    assert other is not None
    assert other.prompt_id != task.prompt_id
    stored = queue.submit(db, "ada", str(task.lease), [1, 2, 3, 4], comment="a long thought")
    assert rankings.get(db, stored.id).comment == "a long thought"
    assert queue.counts_later(db, stored).startswith("Saved. This prompt was taken out meanwhile")
    assert queue.submit(db, "ada", str(task.lease), [1, 2, 3, 4]) == stored
    assert rankings.current(db) == []
    kept = queue.submit(db, "ada", str(other.lease), [1, 1, 1, 1])
    assert queue.counts_later(db, kept) == ""
    prompts.restore(db, [task.prompt_id])
    assert queue.counts_later(db, stored) == ""
    assert rankings.current(db) == [stored, kept]


def test_nobody_goes_back_to_a_prompt_that_was_taken_out_and_a_change_of_it_is_kept(db: Database) -> None:
    first, second = (rank_next(db, [1, 2, 3, 4]) for _ in range(2))
    prompts.remove(db, [second.prompt_id])
    earlier = queue.view_previous(db, "ada")
    assert earlier is not None
    assert earlier["task"]["revises"] == first.id
    changed = queue.revise(db, "ada", second.id, [4, 3, 2, 1])  # it was on the page before that
    assert queue.revise(db, "ada", second.id, [4, 3, 2, 1]) == changed, "sent twice"
    assert queue.counts_later(db, changed)
    assert rankings.current(db) == [first]
    prompts.restore(db, [second.prompt_id])
    assert rankings.current(db) == [first, changed]


def rank_next(db: Database, levels: list[int]) -> Ranking:
    task = queue.next_task(db, "ada")
    assert task is not None
    return queue.submit(db, "ada", str(task.lease), levels)


def test_a_mistaken_skip_or_flag_is_reached_by_previous_and_taken_back(db: Database) -> None:
    task = queue.next_task(db, "ada")
    assert task
    skip = queue.skip(db, "ada", str(task.lease), comment="tired")
    again = queue.view_previous(db, "ada")
    assert again
    shown = again["task"]
    assert (shown["revises"], shown["was"], shown["slots"], shown["comment"]) == (skip.id, "skipped", [None] * 4, "")
    texts = {r.id: r.text for r in responses.of_task(db, task.id)}
    assert shown["written"] == [texts[r] for r in task.shown_order]
    tasks.lease(db, task.id, "bo", task.shown_order[::-1])  # somebody else takes it, in another order, and leaves
    assert queue.view_previous(db, "ada") is None
    with db.conn:
        db.execute("UPDATE tasks SET leased_until = 1 WHERE id = ?", [task.id])
    assert (queue.view_previous(db, "ada") or {})["task"] == shown
    ranked = queue.revise(db, "ada", skip.id, [2, 1, 3, 4])
    assert ranked.levels == dict(zip(task.shown_order, (2, 1, 3, 4), strict=True))
    second = queue.next_task(db, "ada")
    assert second
    flag = queue.flag(db, "ada", str(second.lease))
    assert (queue.view_previous(db, "ada") or {})["task"]["was"] == "flagged"
    assert (queue.view_previous(db, "ada", flag.id + 1) or {})["task"]["revises"] == flag.id
    assert (queue.view_previous(db, "ada", flag.id) or {})["task"]["revises"] == ranked.id
    queue.revise(db, "ada", flag.id, [1, 1, 1, 1])
    assert prompts.held(db) == []
    assert len(rankings.current(db)) == 2


def test_a_skip_that_is_taken_back_is_a_task_done(db: Database) -> None:
    task = queue.next_task(db, "ada")
    assert task
    skip = queue.skip(db, "ada", str(task.lease))
    assert rankings.done_by(db, "ada") == 0
    first = queue.revise(db, "ada", skip.id, [2, 1, 3, 4])
    assert rankings.done_by(db, "ada") == 1
    queue.revise(db, "ada", first.id, [1, 2, 3, 4])
    assert rankings.done_by(db, "ada") == 1
