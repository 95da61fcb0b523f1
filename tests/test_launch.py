"""What every command promises: one JSON object, or one line that says what was wrong, and nothing half-made."""

import dataclasses
import errno
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from transformers import AutoTokenizer, BertConfig, BertModel, LlamaConfig, LlamaForCausalLM

import launch
from rlhf.commands import importing
from rlhf.settings import Settings
from rlhf.settings.dials import dials
from rlhf.tiny import MODEL_DIR
from store import jobs, prompts, rankings, tasks
from store.errors import NoDisk, WorkError
from store.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]
Run = Callable[..., tuple[int, str, str]]
POSITIONAL = ("whom", "file", "job", "backup", "action", "ids", "prompt", "what", "versions", "shell")


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """Exit status, stdout and stderr of one call."""

    def call(*argv: object) -> tuple[int, str, str]:
        capfd.readouterr()
        try:
            status = launch.main([str(word) for word in argv])
        except SystemExit as end:
            status = int(end.code or 0)
        return (status, *capfd.readouterr())

    return call


@pytest.fixture
def refused(run: Run) -> Callable[..., str]:
    """The one line of a request that was wrong."""

    def call(*argv: object) -> str:
        status, out, err = run(*argv)
        assert (status, out) == (2, ""), (status, out, err)
        assert err.endswith("\n")
        assert err.count("\n") == 1, err
        assert "\r" not in err
        return err

    return call


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of a small Llama without a chat template (context 96), and of an encoder."""
    root = tmp_path_factory.mktemp("models")
    tokenizer = AutoTokenizer.from_pretrained(MODEL_DIR)
    tokenizer.chat_template = None
    size = {"vocab_size": len(tokenizer), "hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1}
    llama = LlamaConfig(**size, num_attention_heads=2, max_position_embeddings=96)
    LlamaForCausalLM(llama).save_pretrained(root / "llama")
    BertModel(BertConfig(**size, num_attention_heads=2)).save_pretrained(root / "bert")
    for name in ("llama", "bert"):
        tokenizer.save_pretrained(root / name)
    (root / "photos").mkdir()
    (root / "photos" / "cat.jpg").write_bytes(b"\xff\xd8")
    return root


@pytest.fixture
def made(tmp_path: Path, run: Run) -> Path:
    """A workspace on `tiny` with three prompts."""
    (tmp_path / "three.txt").write_text("What can I cook tonight?\nA walk for two?\nWhich film?\n")
    assert run("init", "--workspace", tmp_path / "w", "--prompts", tmp_path / "three.txt")[0] == 0
    return tmp_path / "w"


def stored(folder: Path) -> list[str]:
    with Workspace(folder).store() as db:
        return [p.text for p in prompts.every(db)]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["fly"], "no command 'fly': known are demo, init"),
        (["status", "--bogus"], "--bogus"),
        (["simulate", "surplus"], "surplus"),
        (["simulate", "--count", "many"], "--count: invalid literal for int() with base 10: 'many'"),
        (["simulate", "--count"], "Missing value for --count"),
        (["simulate", "--cuont", "3"], "no option --cuont, did you mean --count?"),
        (["round", "--ppo.stpes", "3"], "no option --ppo.stpes, did you mean --ppo.steps?"),
        (["rate", "--method", "glicko"], "--method is 'glicko', choose one of davidson, elo, plackett_luce"),
        (["ppo", "--steps", "0"], "--steps is 0: it must be at least 1"),
        (["round", "--ppo.clip", "2"], "--ppo.clip is 2.0: it must be above 0, at most 1"),
        (["simulate", "--count", "-1"], "--count is -1: it must be at least 1"),
        (["serve", "--port", "70000"], "--port is 70000"),
        (["generate", "--temperature", "nan"], "--temperature is nan: it must be a finite number"),
        (["statsu"], "did you mean status?"),
        (["generate", "--temperature", "warm"], "'warm'"),
        (["import"], "Missing: FILE"),
        (["cancel", "0"], "JOB is 0: it must be at least 1"),
        (["prompts"], "Missing: ACTION"),
        (["prompts", "lst"], "ACTION is 'lst', choose one of list, remove, restore"),
        (["prompts", "remove", "1", "five"], "IDS: ['1', 'five'] is no list of whole numbers"),
        (["prompts", "remove", "0"], "IDS is 0: it must be at least 1"),
        (["prompts", "remove", "9" * 30], "it must have less than 19 digits"),
        (["prompts", "remove"], "`prompts remove` was given 0 numbers"),
        (["imports", "list", "3"], "`imports list` takes no numbers, and 3 is one"),
        (["prompts", "remove", "3", "--removed"], "give them to `prompts list`"),
        (["imports", "remove", "3", "--removed"], "no option --removed"),
    ],
)
def test_a_wrong_command_line(
    refused: Callable[..., str], argv: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for columns in ("40", "200"):  # the sentence is whole on a narrow terminal too
        monkeypatch.setenv("COLUMNS", columns)
        assert said in refused(*argv)


@pytest.mark.parametrize("name", sorted(set(launch.COMMANDS) - {"demo", "init", "completion"}))
def test_no_workspace(refused: Callable[..., str], tmp_path: Path, name: str) -> None:
    given = {
        "import": "prompts.txt",
        "imports": "list",
        "prompts": "list",
        "user": "list",
        "why": "1",
        "export": f"rankings --to {tmp_path / 'out.jsonl'}",
        "cancel": "1",
        "answer": "tea",
        "restore": tmp_path / "nothing",
    }
    line = refused(name, *str(given.get(name, "")).split(), "--workspace", tmp_path / "none")
    assert any(words in line for words in ("no workspace", "cannot be read", "is no backup"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", launch.COMMANDS)
def test_help_names_every_option(run: Run, tmp_path: Path, name: str) -> None:
    status, out, err = run(name, "--help", "--workspace", tmp_path)
    assert (status, err) == (0, "")
    command = launch.COMMANDS[name]
    flags = [dial.name for dial in dials(command.options) if dial.name not in POSITIONAL]
    for table in (*command.tables, *command.parts):
        dotted = f"{table}." if table in command.parts else ""
        for field in dataclasses.fields(config := getattr(Settings(), table)):
            off = "no-" if getattr(config, field.name) is True else ""  # the flag of what is on switches it off
            flags.append(f"{dotted}{off}{field.name}")
    for flag in [*flags, "workspace", "json", "debug"]:
        assert f"--{flag.rstrip('_').replace('_', '-')}" in out, flag
    assert command.summary.split()[0].capitalize() in out


def test_help_says_nothing_that_only_a_programmer_reads(run: Run, tmp_path: Path) -> None:
    for name in ("init", "generate", "rate", "promote", "evaluate"):
        out = run(name, "--help", "--workspace", tmp_path)[1]
        assert not re.search(r"None|False|True|e\+\d\d", out), name
    shown = " ".join(run("rate", "--help", "--workspace", tmp_path)[1].replace("│", " ").split())
    assert "--no-reliability Switch off: let an annotator's rankings count more" in shown
    shown = " ".join(run("prompts", "--help", "--workspace", tmp_path)[1].replace("│", " ").split())
    assert "ACTION `list` shows the prompts, `remove` takes some out, `restore` puts them back" in shown
    assert "[IDS] Numbers of the prompts, as `prompts list` shows them. At least 1." in shown


def test_the_overview_names_every_command(run: Run) -> None:
    for argv in ([], ["--help"]):
        status, out, err = run(*argv)
        assert (status, err) == (0, "")
        assert all(f"  {name} " in out for name in launch.COMMANDS)


@pytest.mark.parametrize(
    ("base", "said"),
    [("none", "no folder"), ("photos", "config.json"), ("bert", "bert, which writes no text")],
)
def test_a_base_model_that_will_not_do(
    refused: Callable[..., str], models: Path, tmp_path: Path, base: str, said: str
) -> None:
    assert said in refused("init", "--workspace", tmp_path / "w", "--base-model", models / base)
    assert list(tmp_path.iterdir()) == []


def test_a_model_without_a_template_gets_a_plain_one_and_says_so(run: Run, models: Path, tmp_path: Path) -> None:
    folder = tmp_path / "Grüße 🎉"
    status, out, _ = run("init", "--json", "--workspace", folder, "--base-model", models / "llama")
    assert status == 0
    assert json.loads(out)["plain_template"] is True
    assert Workspace(folder).settings()["model"]["base_model"] == str(models / "llama")


def test_init_leaves_nothing_half_made(refused: Callable[..., str], made: Path, tmp_path: Path) -> None:
    assert "already" in refused("init", "--workspace", made)
    assert len(stored(made)) == 3
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"prompt": "fine"}\n{"prompt": ""}\n{\n')
    before = sorted(tmp_path.iterdir())
    line = refused("init", "--workspace", tmp_path / "new", "--prompts", bad)
    assert "line 2: The prompt is empty" in line
    assert "line 3: not JSON" in line
    assert "quantization" in refused("init", "--workspace", tmp_path / "new", "--quantization", "int3")
    assert sorted(tmp_path.iterdir()) == before


def test_import_is_whole_or_nothing(refused: Callable[..., str], run: Run, made: Path, tmp_path: Path) -> None:
    file = tmp_path / "more.txt"
    file.write_text("A new one\n\n" + "word " * 2000 + "\nWhich film?\n")
    line = refused("import", file, "--workspace", made)
    assert "line 3:" in line
    assert "too long for the context of 256" in line
    assert "--skip-damaged" in line
    assert len(stored(made)) == 3
    status, out, err = run("import", file, "--workspace", made, "--skip-damaged", "--json")
    assert (status, err) == (0, "")
    assert json.loads(out) == {
        "imported": 1,
        "already_there": 1,
        "skipped": 1,
        "ignored": [],
        "format": "prompts",
        "prompts": 1,
        "responses": 0,
        "rankings": 0,
        "import_id": 2,
        "damaged": line.partition("): ")[2].partition(". Mend")[0],
        "note": "",
    }
    assert stored(made)[3:] == ["A new one"]


def test_a_stage_whose_turn_has_not_come(refused: Callable[..., str], made: Path) -> None:
    assert "needs 9 new rankings and 0 are stored" in refused("round", "--workspace", made, "--min-rankings", 9)
    assert "0 rankings" in refused("rate", "--workspace", made)
    assert "rate" in refused("reward", "--workspace", made)
    assert "reward" in refused("ppo", "--workspace", made)
    assert "the workspace has base" in refused("generate", "--model", "policy-7", "--workspace", made)
    with Workspace(made).store() as db:
        assert {job.state for job in jobs.recent(db)} == {"failed"}
        assert all(job.error and "\n" not in job.error for job in jobs.recent(db))


def test_a_workspace_that_cannot_be_read(refused: Callable[..., str], made: Path) -> None:
    toml = made / "workspace.toml"
    toml.write_text("[round]\nmin_rankngs = 3\n")
    assert "round.min_rankngs: did you mean min_rankings?" in refused("round", "--workspace", made)
    toml.write_text("[round\n")
    assert "not valid TOML" in refused("round", "--workspace", made)
    assert "not valid TOML" in refused("status", "--workspace", made)
    toml.unlink()
    with Workspace(made).store() as db:
        db["_sqlite_migrations"].insert({"migration_set": "store", "name": "m999", "applied_at": "2999-01-01"})
    for name in ("status", "rate", "work"):
        assert "newer version" in refused(name, "--workspace", made)


def test_the_commands_up_to_scores_print_one_json_object(run: Run, made: Path) -> None:
    wanted = {
        "generate": {"model": "base", "prompts": 3},
        "simulate": {"annotators": 8},
        "rate": {"prompts": 3},
        "status": {"open_tasks": 0, "prompts": 3},
    }
    for name, part in wanted.items():
        options = ["--max-new-tokens", "12"] if name == "generate" else []
        status, out, err = run(name, "--json", "--workspace", made, *options)
        assert status == 0, err
        assert out.count("\n") == 1
        assert part.items() <= json.loads(out).items()
    with Workspace(made).store() as db:
        assert tasks.count_open(db) == 0
        done = [(r.annotator, r.prompt_id) for r in rankings.current(db)]
    assert len(set(done)) == len(done)  # nobody ranked the twins of one prompt


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (NoDisk("full"), 2),
        (WorkError("diverged"), 1),
        (OSError(errno.ENOSPC, "No space left on device", "model"), 2),
        (KeyboardInterrupt(), 1),
    ],
)
def test_every_ending_has_its_status(
    run: Run, made: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, expected: int
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise error

    monkeypatch.setattr(importing, "import_into", fail)
    status, out, err = run("import", "x", "--workspace", made)
    assert (status, out, err.count("\n")) == (expected, "", 1)
    if not isinstance(error, KeyboardInterrupt):
        assert "Traceback" in run("import", "x", "--workspace", made, "--debug")[2]


def test_help_and_version_are_known(run: Run) -> None:
    assert run("help") == run("--help") == run()
    assert run("help", "rate") == run("rate", "--help")
    status, out, err = run("--version")
    assert (status, err) == (0, "")
    assert re.fullmatch(r"rankloop \d+\.\d+\.\d+\n", out)


@pytest.mark.slow
def test_a_reader_that_has_seen_enough_is_met_in_silence(made: Path) -> None:
    """`launch.py | head`, where the pipe is closed before the first word is written."""
    for argv in ([], ["status", "--workspace", str(made)]):
        reader, writer = os.pipe()
        os.close(reader)
        code = f"import launch, sys; sys.exit(launch.main({argv!r}))"
        done = subprocess.run([sys.executable, "-c", code], stdout=writer, stderr=subprocess.PIPE, cwd=ROOT)
        os.close(writer)
        assert (done.returncode, done.stderr) == (0, b"")


ANSWERED_AT_ONCE = (
    ["help"],
    ["rate", "--help"],
    ["ppo", "--steps", "0"],
    ["ppo", "--stpes", "3"],
    ["init"],
    ["init", "--workspace", "{new}", "--base-model", "/no/such/folder"],
    ["init", "--workspace", "{new}", "--prompts", "/no/such/file"],
    ["import", "/no/such/file"],
    ["imports", "list"],
    ["prompts", "remove", "1"],
    ["generate", "--model", "policy-9"],
    ["rate"],
    ["reward"],
    ["ppo"],
    ["ppo", "--report-to", "wandb"],
    ["round"],
    ["leaderboard"],
    ["promote"],
    ["status"],
)


def test_what_needs_no_model_is_answered_without_torch(made: Path, tmp_path: Path) -> None:
    lines = [[word.format(new=tmp_path / "new") for word in line] for line in ANSWERED_AT_ONCE]
    calls = [
        [*line, *([] if "--workspace" in line or line == ["help"] else ["--workspace", str(made)])] for line in lines
    ]
    code = f"""
import contextlib, io, json, sys
import launch
loaded = []
for argv in {calls!r}:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            launch.main(argv)
        except SystemExit:
            pass
    loaded.append([m for m in ("torch", "transformers", "peft", "trl", "gradio") if m in sys.modules])
print(json.dumps(loaded))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert dict(zip(map(tuple, lines), json.loads(done.stdout), strict=True)) == {tuple(line): [] for line in lines}


def test_a_round_takes_the_dials_of_its_stages(run: Run, made: Path) -> None:
    assert (
        run("round", "--workspace", made, "--ppo.steps", "7", "--rating.method", "elo", "--min-rankings", "2")[0] == 2
    )
    with Workspace(made).store() as db:
        asked = jobs.recent(db)[0].params["settings"]
    assert (asked["ppo"]["steps"], asked["rating"]["method"], asked["round"]["min_rankings"]) == (7, "elo", 2)
