"""`chat`: lines in, answers out, each version with what was said to it, and everything else in words."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import launch
from rlhf.commands.console import harmless
from rlhf.settings import settings_of
from rlhf.stages.context import Context, keep
from store import jobs, models
from store.records import Model
from store.workspace import Workspace, create

REFUSING = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}{% endfor %}"
)
PLAIN = (
    "{% for m in messages %}<{{ m.role }}> {{ m.content }}<end>{% endfor %}"
    "{% if add_generation_prompt %}<bot>{% endif %}"
)
Talk = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def workspace(make_base: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A base that speaks loudly, two policies that speak otherwise, and a reward model."""
    folder = make_base("llama", template=PLAIN, special=["<system>"])
    toml = f'[model]\nbase_model = "{folder}"\nrank = 4\n[sampling]\nmax_new_tokens = 6\ntemperature = 0.0\n'
    made = create(tmp_path_factory.mktemp("chat") / "w", toml)
    with made.store() as db:
        models.add(db, Model("base", "policy", str(folder)))
        job = jobs.enqueue(db, "ppo")
    ctx = Context(made, settings_of(made), job, lambda *_: None, lambda *_: None)
    for seed, kind in enumerate(("policy", "policy", "reward")):
        model = ctx.load_model()
        model.fresh("reward")
        torch.manual_seed(seed)
        for parameter in model.parameters("policy"):
            parameter.data.add_(torch.randn_like(parameter) * 0.5)
        keep(ctx, model, Model("", kind, ""))  # type: ignore[arg-type]
    return made


@pytest.fixture
def talk(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Talk:
    """Exit status, stdout and stderr of a chat in which these lines are piped in."""

    def call(lines: str | bytes, *argv: str) -> tuple[int, str, str]:
        raw = lines if isinstance(lines, bytes) else lines.encode()
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(raw), "utf-8"))
        capfd.readouterr()
        status = launch.main(["chat", "--workspace", str(workspace.folder), *argv])
        return (status, *capfd.readouterr())

    return call


def answers(out: str) -> dict[str, list[str]]:
    """What each version said; its name stands before each answer, which may have lines of its own."""
    said: dict[str, list[str]] = {}
    name = ""
    for line in out.removesuffix("\n").split("\n"):
        before, found, text = line.partition(": ")
        if found and before in ("base", "policy-1", "policy-2"):
            name = before
            said.setdefault(name, []).append(text)
        else:
            said[name][-1] += f"\n{line}"
    return said


def test_two_side_by_side_say_what_each_says_alone(talk: Talk) -> None:
    lines = "tea\n\nred cake\n/reset\ntea\n"
    options = ("--temperature", "1", "--seed", "3")
    names = ("policy-2", "policy-1")
    alone = {name: answers(talk(lines, "--model", name, *options)[1])[name] for name in names}
    assert [len(said) for said in alone.values()] == [3, 3]
    assert alone["policy-1"] != alone["policy-2"]
    assert alone["policy-1"][0] != alone["policy-1"][2]
    status, out, err = talk(lines, "--model", names[0], "--model", names[1], *options)
    assert (status, answers(out)) == (0, alone)
    assert "policy-2 and policy-1 will answer" in err
    assert answers(talk("tea\n", "--model", "policy-1", *options[:2])[1])["policy-1"] != alone["policy-1"][:1]


def test_each_remembers_what_was_said_to_it_until_it_is_reset(talk: Talk) -> None:
    """At temperature 0 an answer depends on the conversation alone."""

    def said(lines: str) -> list[str]:
        return answers(talk(lines, "--model", "policy-1")[1])["policy-1"]

    together = said("tea\ncake\n/reset\ncake\n /quit \nbread\n")
    assert len(together) == 3
    assert together[2] == said("cake\n")[0]
    assert together[1] != together[2]
    assert said("tea\ncake\n") == together[:2]


def test_what_fills_the_context_is_said_in_words_and_not_remembered(talk: Talk) -> None:
    long = "tea " * 130
    status, out, err = talk(f"soup\n{long}\ncake\n", "--model", "policy-1")
    assert status == 0
    assert answers(out) == answers(talk("soup\ncake\n", "--model", "policy-1")[1])
    (line,) = [line for line in err.splitlines() if "context" in line]
    assert line.startswith("policy-1 has a context of 128 tokens: the conversation takes ")
    assert line.endswith("and the answer up to 6. Begin anew, say it shorter, or lower max_new_tokens.")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["reward-1"], "reward-1 is a reward model and writes no text: name one of base, policy-1, policy-2."),
        (["policy-9"], "There is no model 'policy-9': the workspace has base, policy-1, policy-2, reward-1."),
        (["base", "policy-1", "policy-2"], "3 versions are named and at most 2 answer side by side: name fewer."),
    ],
)
def test_who_cannot_speak_is_refused_in_one_line(talk: Talk, names: list[str], said: str) -> None:
    assert talk("tea\n", *(word for name in names for word in ("--model", name))) == (2, "", f"{said}\n")


def test_whoever_writes_the_next_responses_answers_where_nobody_is_named(talk: Talk, workspace: Workspace) -> None:
    assert list(answers(talk("tea\n")[1])) == ["policy-2"]
    with workspace.store() as db:
        models.promote(db, models.named(db, "policy-1").id, "ada")
    assert list(answers(talk("tea\n")[1])) == ["policy-1"]


def test_json_is_the_whole_conversation_and_nothing_else(talk: Talk) -> None:
    status, out, err = talk("tea\n/fly\nred\n", "--model", "base", "--json", "--max-new-tokens", "3")
    assert status == 0
    told: dict[str, Any] = json.loads(out)
    assert [turn["said"] for turn in told["turns"]] == ["tea", "red"]
    assert [a["model"] for turn in told["turns"] for a in turn["answers"]] == ["base", "base"]
    assert err.count("base: ") == 2
    assert "There is no /fly: /reset begins anew, /quit ends." in err


def test_a_prompt_tried_as_a_job_is_answered_as_in_a_chat(
    talk: Talk, workspace: Workspace, capfd: pytest.CaptureFixture[str]
) -> None:
    pair, options = ("policy-2", "base"), ("--temperature", "1", "--seed", "5")
    said = answers(talk("red tea\n", "--model", pair[0], "--model", pair[1], *options)[1])
    argv = ["answer", "red tea", "--versions", *pair, *options, "--json", "--workspace", str(workspace.folder)]
    assert launch.main(argv) == 0
    told = json.loads(capfd.readouterr().out)
    assert told["prompt"] == "red tea"
    assert [a["model"] for a in told["answers"]] == list(pair)
    for answer in told["answers"]:
        cut = "" if answer["ended"] else " ..."
        assert [f"{harmless(answer['text'])}{cut}"] == said[answer["model"]]
    with workspace.store() as db:
        assert jobs.recent(db)[0].result == told
    assert launch.main(["answer", " ", "--workspace", str(workspace.folder)]) == 2
    assert "The prompt is empty" in capfd.readouterr().err


def test_a_system_message_stands_above_the_conversation(talk: Talk) -> None:
    plainly = answers(talk("tea\ncake\n", "--model", "policy-1")[1])
    assert answers(talk("tea\ncake\n", "--model", "policy-1", "--system", "say red")[1]) != plainly


def test_a_template_without_a_place_for_it_refuses_it_at_once(
    talk: Talk, workspace: Workspace, make_base: Callable[..., Path]
) -> None:
    settings = workspace.folder / "workspace.toml"
    before = settings.read_text()
    settings.write_text(f'[model]\nbase_model = "{make_base("llama", template=REFUSING)}"\n')
    status, out, err = talk("tea\n", "--model", "base", "--system", "say red")
    settings.write_text(before)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "chat template refuses it (no system)" in err


def test_bytes_that_are_no_text_end_nothing(talk: Talk) -> None:
    status, out, _ = talk(b"caf\xe9\ntea\n", "--model", "base")
    assert (status, len(answers(out)["base"])) == (0, 2)
