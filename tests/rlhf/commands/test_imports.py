"""`import`, `imports` and `prompts` as they are typed: what they list, what they say, and what stays as it was."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import launch
from store import models, prompts, rankings, responses, tasks
from store.records import Model, Response, Task
from store.workspace import Workspace, create

Capture = pytest.CaptureFixture[str]


class Typed:
    """A workspace on `tiny`, and commands that are typed in it."""

    def __init__(self, folder: Path, capsys: Capture) -> None:
        self.workspace = create(folder, '[model]\nbase_model = "tiny"\n')
        self.capsys = capsys

    def __call__(self, *argv: object) -> dict[str, Any]:
        """The JSON that a command prints; for one that is refused, its one line under `refused`."""
        self.capsys.readouterr()
        status = launch.main([*map(str, argv), "--workspace", str(self.workspace.folder), "--json"])
        out, err = self.capsys.readouterr()
        if status == 0:
            found: dict[str, Any] = json.loads(out)
            return found
        assert (status, out, err.count("\n")) == (2, "", 1)
        return {"refused": err}

    def plain(self, *argv: object) -> str:
        """What a person reads."""
        self.capsys.readouterr()
        assert launch.main([*map(str, argv), "--workspace", str(self.workspace.folder)]) == 0
        return self.capsys.readouterr().out


@pytest.fixture
def typed(tmp_path: Path, capsys: Capture) -> Typed:
    return Typed(tmp_path / "workspace", capsys)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Two files that share one prompt."""
    folder = tmp_path / "private-folder"
    folder.mkdir()
    (folder / "first.txt").write_text("What can I cook tonight?\nA walk for two?\n")
    chats = ['{"prompt": "A walk for two?"}', '{"prompt": "Which film\\nwith subtitles?"}']
    (folder / "second.jsonl").write_text("\n".join([*chats, "{broken"]))
    return folder


def ranked(workspace: Workspace, prompt: int, by: str) -> None:
    with workspace.store() as db:
        model = models.add(db, Model(f"model-{prompt}-{by}", "policy", "tiny"))
        shown = tuple(responses.add(db, [Response(prompt, model, text, 0, {}, "stop") for text in ("yes", "no")]))
        (task,) = tasks.add(db, [Task(prompt, shown)])
        db.execute("INSERT OR IGNORE INTO annotators (name, role) VALUES (?, 'annotator')", [by])
        db.conn.commit()
        held = tasks.lease(db, task, by, shown)
        rankings.submit(db, str(held.lease), by, {shown[0]: 1, shown[1]: 2})


def test_an_import_is_on_record_and_goes_and_comes_whole(typed: Typed, files: Path) -> None:
    assert typed("import", files / "first.txt") == {
        "imported": 2,
        "already_there": 0,
        "skipped": 0,
        "ignored": [],
        "format": "prompts",
        "prompts": 2,
        "responses": 0,
        "rankings": 0,
        "import_id": 1,
        "damaged": "",
        "note": "",
    }
    second = typed("import", files / "second.jsonl", "--skip-damaged")
    assert (second["imported"], second["already_there"], second["skipped"], second["import_id"]) == (1, 1, 1, 2)
    listed = typed("imports", "list")
    assert "private-folder" not in json.dumps(listed), "no path of the machine"
    assert listed["count"] == 2
    first, *_, last = typed.plain("imports", "list").splitlines()[2].split()
    assert (first, last) == ("id", "sha256")
    for row, name, form, counts in zip(
        listed["imports"], ("first.txt", "second.jsonl"), ("prompts", "prompts"), ((2, 0, 0), (1, 1, 1)), strict=True
    ):
        assert (row["file"], row["format"], row["removed"]) == (name, form, None)
        assert row["sha256"] == hashlib.sha256((files / name).read_bytes()).hexdigest()
        assert (row["added"], row["already_there"], row["skipped"]) == counts
    for prompt, by in ((1, "ada"), (1, "bo"), (2, "ada"), (3, "ada")):
        ranked(typed.workspace, prompt, by)
    before = typed("prompts", "list")
    gone = typed("imports", "remove", 1)  # its second prompt is in the other file too
    assert gone == {
        "action": "remove",
        "prompts": 1,
        "rankings": 2,
        "next": "Rate again, so that the scores know of it: python launch.py rate",
    }
    assert [p["id"] for p in typed("prompts", "list")["prompts"]] == [2, 3]
    assert typed("status")["rankings"] == 2
    assert typed("imports", "list")["imports"][0]["removed"]
    again = typed("import", files / "first.txt")
    assert "first.txt is import 1, which was taken out on 20" in again["refused"]
    assert "imports restore 1" in again["refused"]
    back = typed("imports", "restore", 1)
    assert (back["action"], back["prompts"], back["rankings"]) == ("restore", 1, 2)
    assert typed("prompts", "list") == before


def test_the_same_file_again_adds_nothing_and_says_which_import_it_was(typed: Typed, files: Path) -> None:
    typed("import", files / "first.txt")
    (files / "first.txt").rename(files / "renamed.txt")
    again = typed("import", files / "renamed.txt")
    assert (again["imported"], again["already_there"], again["import_id"]) == (0, 2, 1)
    assert again["note"].startswith("The file is import 1 already, first.txt of 20")
    assert typed("imports", "list")["count"] == 1
    typed("prompts", "remove", 2)
    assert "1 of its prompts are taken out and stay so" in typed("import", files / "renamed.txt")["note"]
    assert typed("prompts", "list", "--removed")["count"] == 1
    typed("imports", "remove", 1)
    (files / "mended.txt").write_text("What can I cook tonight?\nA walk for three?\n")
    mended = typed("import", files / "mended.txt")
    assert "1 prompts that were taken out with another import are back" in mended["note"]
    assert [p["text"] for p in typed("prompts", "list")["prompts"]] == [
        "What can I cook tonight?",
        "A walk for three?",
    ]


def test_prompts_are_listed_found_taken_out_and_put_back(typed: Typed, files: Path) -> None:
    typed("import", files / "first.txt")
    typed("import", files / "second.jsonl", "--skip-damaged")
    ranked(typed.workspace, 1, "ada")
    row = typed("prompts", "list")["prompts"][0]
    with typed.workspace.store() as db:
        split = prompts.get(db, 1).split
    assert row == {
        "id": 1,
        "split": split,
        "import_id": 1,
        "rankings": 1,
        "removed": None,
        "text": "What can I cook tonight?",
        "messages": [{"role": "user", "content": "What can I cook tonight?"}],
    }
    assert [p["id"] for p in typed("prompts", "list", "--find", "FILM with")["prompts"]] == [3]
    assert [p["id"] for p in typed("prompts", "list", "--find", "a")["prompts"]] == [1, 2]
    assert typed("prompts", "list", "--find", "cook film")["count"] == 0
    assert "Which film with subtitles?" in typed.plain("prompts", "list")
    assert typed("prompts", "remove", 3, 1, 3)["prompts"] == 2
    removed = typed("prompts", "list", "--removed")["prompts"]
    assert [(p["id"], p["rankings"], bool(p["removed"])) for p in removed] == [(1, 1, True), (3, 0, True)]
    assert typed("prompts", "restore", 3) == {"action": "restore", "prompts": 1, "rankings": 0, "next": ""}
    with typed.workspace.store() as db:
        db.execute("UPDATE prompts SET held = created WHERE id = 1")
        db.conn.commit()
    assert typed("prompts", "restore", 1)["next"].startswith("A flag holds 1 of them back all the same")
    with typed.workspace.store() as db:
        db.execute("UPDATE prompts SET held = NULL, removed = created WHERE id = 1")
        db.conn.commit()
    assert [p["id"] for p in typed("prompts", "list")["prompts"]] == [2, 3]


@pytest.mark.parametrize("noun", ["prompts", "imports"])
def test_what_cannot_be_done_is_one_line(typed: Typed, files: Path, noun: str) -> None:
    typed("import", files / "first.txt")
    before = typed("prompts", "list")
    one = noun.removesuffix("s")
    assert f"There is no {one} 99" in typed(noun, "remove", 1, 99)["refused"]
    assert f"{one.title()} 1 is not taken out: nothing was changed" in typed(noun, "restore", 1)["refused"]
    assert "no list of whole numbers" in typed(noun, "remove", "one")["refused"]
    assert typed("prompts", "list") == before
    typed(noun, "remove", 1)
    assert f"{one.title()} 1 was taken out already" in typed(noun, "remove", 1)["refused"]


def test_a_prompt_moves_no_cursor(typed: Typed, tmp_path: Path) -> None:
    (tmp_path / "odd.jsonl").write_text(json.dumps({"prompt": "red \x1b[31m alert \x07" + "word " * 50}))
    typed("import", tmp_path / "odd.jsonl")
    shown = typed.plain("prompts", "list")
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert max(map(len, shown.splitlines())) < 118


def proposed(workspace: Workspace, *texts: str) -> list[int]:
    with workspace.store() as db:
        made = [prompts.make([{"role": "user", "content": text}], source="expanded:policy-2") for text in texts]
        return prompts.add(db, [replace(prompt, waiting=True) for prompt in made])


def test_what_a_model_proposed_is_listed_apart_accepted_or_refused(typed: Typed) -> None:
    one, two, three = proposed(typed.workspace, "A tea?", "A soup?", "A cake?")
    assert typed("prompts", "list")["count"] == 0
    listed = typed("prompts", "list", "--waiting")["prompts"]
    assert [(row["id"], row["text"], row["source"]) for row in listed] == [
        (one, "A tea?", "expanded:policy-2"),
        (two, "A soup?", "expanded:policy-2"),
        (three, "A cake?", "expanded:policy-2"),
    ]
    assert "A soup?" in typed.plain("prompts", "list", "--waiting", "--find", "soup")
    done = typed("prompts", "accept", one, three, one)
    assert (done["action"], done["prompts"], done["rankings"]) == ("accept", 2, 0)
    assert "generate" in done["next"]
    assert "does not wait" in typed("prompts", "accept", two, one)["refused"]
    assert typed("prompts", "remove", two)["prompts"] == 1
    assert "put it back first" in typed("prompts", "accept", two)["refused"]
    assert typed("prompts", "list", "--waiting")["count"] == 0
    assert [row["id"] for row in typed("prompts", "list", "--removed")["prompts"]] == [two]
    assert typed("prompts", "restore", two)["prompts"] == 1
    assert [row["id"] for row in typed("prompts", "list", "--waiting")["prompts"]] == [two]
    assert [row["id"] for row in typed("prompts", "list")["prompts"]] == [one, three]


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("list", "--waiting", "--removed"), "two lists"),
        (("accept", 1, "--waiting"), "prompts list"),
        (("accept",), "0 numbers"),
        (("accept", 99), "no prompt 99"),
        (("list", 1, "--waiting"), "takes no numbers"),
    ],
)
def test_a_wrong_call_about_proposed_prompts_is_one_line(typed: Typed, argv: tuple[object, ...], words: str) -> None:
    proposed(typed.workspace, "A tea?")
    assert words in typed("prompts", *argv)["refused"]
    assert typed("prompts", "list", "--waiting")["count"] == 1


VOTES = """prompt,model_x,model_y,worker,winner,left,right,note
Why no rise?,llama,falcon,w1,left,Old yeast.,No idea.,n
Why no rise?,llama,falcon,w2,left,Old yeast.,No idea.,n
Too wet?,llama,falcon,w1,tie,More flour.,Less water.,n
"""


def test_votes_of_a_file_rate_and_stand_on_the_board_and_go_as_they_came(typed: Typed, tmp_path: Path) -> None:
    (tmp_path / "votes.csv").write_text(VOTES + "Too wet?,llama,falcon,w1,up,a,b,n\n")
    refused = typed("import", tmp_path / "votes.csv")["refused"]
    assert "row 4: `winner` is 'up', not left, right or tie" in refused
    assert typed("imports", "list")["count"] == 0
    done = typed("import", tmp_path / "votes.csv", "--skip-damaged", "--licence", "CC0")
    assert (done["imported"], done["prompts"], done["responses"], done["rankings"]) == (3, 2, 4, 3)
    assert (done["skipped"], done["ignored"], done["format"]) == (1, ["note"], "votes")
    assert "row 4" in done["damaged"]
    (listed,) = typed("imports", "list")["imports"]
    assert (listed["licence"], listed["rankings"], listed["ignored"]) == ("CC0", 3, ["note"])
    with typed.workspace.store() as db:
        models.add(db, Model("base", "policy", "tiny"))
    rated = typed("rate")
    assert (rated["rankings"], rated["responses"], rated["annotators"]) == (3, 4, 2)
    board = {row["name"]: row["elo"] for row in typed("leaderboard")["versions"]}
    assert board["imported:llama"] > board["imported:falcon"]
    assert "is not in this workspace" in typed("chat", "--model", "imported:llama")["refused"]
    typed("imports", "remove", 1)
    assert "0 rankings" in typed("rate")["refused"]
    typed("imports", "restore", 1)
    assert typed("status")["rankings"] == 3


def test_an_import_says_that_no_prompt_is_held_out_where_some_should_be(typed: Typed, tmp_path: Path) -> None:
    """These eight are all drawn into the train split; a ninth that is marked mends it."""
    (tmp_path / "plants.txt").write_text("".join(f"Tell me about plant {n}.\n" for n in (1, 2, 4, 5, 6, 7, 8, 9)))
    assert "None of the 8 prompts is held out" in typed("import", tmp_path / "plants.txt")["note"]
    (tmp_path / "one.jsonl").write_text('{"prompt": "Tell me about ferns.", "split": "eval"}')
    assert typed("import", tmp_path / "one.jsonl")["note"] == ""
