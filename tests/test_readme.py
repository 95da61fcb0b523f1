"""What the README tells a newcomer to type is understood, and does what it says."""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import pytest

import launch
from rlhf.commands.parse import parse
from rlhf.settings import Settings, overlay
from rlhf.tiny import MODEL_DIR
from rlhf.tiny.prompts import ranking_prompts

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
COMMANDS = re.findall(r"^python launch\.py (.+)$", README, re.MULTILINE)


@pytest.mark.parametrize("line", COMMANDS)
def test_each_launcher_line_parses(line: str) -> None:
    name, *rest = shlex.split(line)
    call = parse(name, launch.COMMANDS[name], rest)
    assert call.workspace.folder == Path("work")
    assert call.common.workspace == Path("work")


def test_there_are_launcher_lines() -> None:
    assert len(COMMANDS) >= 4


def test_each_make_target_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^make ([\w-]+)", README, re.MULTILINE)
    assert {"demo", "test", "serve"} <= set(targets)
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_settings_shown_are_settings() -> None:
    (shown,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    assert overlay(Settings(), tomllib.loads(shown)).ppo.steps == 100


def test_every_path_it_names_is_there() -> None:
    for path in re.findall(r"\]\(([\w./-]+)\)", README):
        assert (ROOT / path).exists(), path
    folders: list[str] = []
    for line in re.search(r"```\nlaunch.py.*?```", README, re.DOTALL).group().splitlines()[1:-1]:  # type: ignore[union-attr]
        depth, name = (len(line) - len(line.lstrip())) // 2, line.split()[0]
        assert depth <= len(folders), line
        folders[depth:] = [name]
        assert (ROOT / "".join(folders)).exists(), line
        assert name.endswith("/") == (ROOT / "".join(folders)).is_dir(), line


SOON_DONE = """
[sampling]
max_new_tokens = 24
[ppo]
steps = 2
prompts_per_step = 16
calibration = 16
max_new_tokens = 24
compare_prompts = 8
"""
"""Settings under which a model of two layers is through the loop in seconds; everything else is as it comes."""
PROMPTS = 36


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to type in, with `prompts.jsonl`, that is the home too, with a chat model in `models`."""
    shutil.copytree(MODEL_DIR, tmp_path / "models" / "my-chat-model")
    rows = [json.dumps({"prompt": prompt.text}) for prompt in ranking_prompts()[:PROMPTS]]
    (tmp_path / "prompts.jsonl").write_text("\n".join(rows))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_the_launcher_lines_work_one_after_the_other(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    said: dict[str, str] = {}
    for line in COMMANDS:
        words = [os.path.expanduser(word) for word in shlex.split(line)]
        if words[0] == "serve":
            serves(words, home)
            continue
        if words[0] == "round":  # somebody has ranked meanwhile
            assert answer(["simulate", "--workspace", "work"], capfd)[0] == 0
        status, out, err = answer(words, capfd)
        assert "Traceback" not in err, line
        if status == 0:
            assert out.strip(), line
        elif words[0] == "evaluate":  # since the round was refused there is nothing to evaluate
            assert (status, said["round"]) == (2, ""), (line, err)
            assert "There is no policy to compare with base: train one" in err.splitlines()[-1], line
        elif "policy-1" in words and not said.get("round"):  # which the refused round has not made
            assert status == 2, line
            assert "There is no model 'policy-1'" in err.splitlines()[-1], line
        else:  # refused for what was ranked so far: one line, with the remedy
            assert (status, words[0] in ("round", "promote")) == (2, True), (line, err)
            assert "or pass --force." in err.splitlines()[-1], line
        said[words[0]] = out
        if words[0] == "init":
            toml = home / "work" / "workspace.toml"
            # In place of what the model's own generation config says of sampling, if it says anything.
            toml.write_text(toml.read_text().split("[sampling]")[0] + SOON_DONE)
    assert f"prompts: {PROMPTS}" in said["init"]
    assert f"responses: {4 * PROMPTS}" in said["generate"]
    assert "alpha: " in said["rate"]
    assert "decision: " in said["leaderboard"]
    assert f"prompts: {PROMPTS}" in said["status"]
    assert "next: " in said["status"]


def answer(words: Sequence[str], capfd: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Exit status, stdout and stderr of one call."""
    capfd.readouterr()
    return (launch.main(list(words)), *capfd.readouterr())


def serves(words: Sequence[str], home: Path) -> None:
    """Start the pages, ask whether they are well, and stop them as a service manager would."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = home / "serve.log"
    with log.open("w") as output:
        # From another folder than the checkout, so the worker has to be told where the code is.
        command = [sys.executable, str(ROOT / "launch.py"), *words, "--port", str(port)]
        pages = subprocess.Popen(command, stdout=output, stderr=output, env={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        assert asked(f"http://127.0.0.1:{port}/healthz", pages)["ok"] is True, log.read_text()
    finally:
        pages.send_signal(signal.SIGTERM)
        status = pages.wait(30)
    assert status == 0
    links = re.findall(r"http://127\.0\.0\.1:\d+/join\?token=\S+", log.read_text())
    assert len(links) == 2, "one for the first admin, one for annotators"


def asked(address: str, pages: subprocess.Popen[bytes]) -> dict[str, object]:
    """What the address answers, as soon as it does."""
    deadline = time.monotonic() + 120
    while pages.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(address, timeout=10) as answered:
                return dict(json.load(answered))
        except urllib.error.URLError:
            time.sleep(0.2)
    return {"ok": False}
