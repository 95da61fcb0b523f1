"""A model that goes out: loaded by transformers and peft alone, in another folder, it is the policy that stayed."""

import io
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import launch
from rlhf.exports import hub
from rlhf.tiny.prompts import ranking_prompts
from rlhf.training import metrics
from rlhf.training.models import RoleModel
from store import models
from store.digests import digest
from store.records import Model
from store.results import TunedFigures, as_json
from store.workspace import Workspace, create

Run = Callable[..., tuple[int, str, str]]
ALONE = """
import json, sys, warnings
warnings.simplefilter("ignore")
import torch
from peft import AutoPeftModelForCausalLM, PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

out, chats, half = sys.argv[1], json.loads(sys.argv[2]), torch.bfloat16
base = AutoModelForCausalLM.from_pretrained(f"{out}/adapter/base", dtype=half)
held = {"over": PeftModel.from_pretrained(base, f"{out}/adapter").merge_and_unload()}
held["merged"] = AutoModelForCausalLM.from_pretrained(f"{out}/merged", dtype=half)
held["auto"] = AutoPeftModelForCausalLM.from_pretrained(".", dtype=half).merge_and_unload()
held["base"] = AutoModelForCausalLM.from_pretrained(f"{out}/adapter/base", dtype=half)
said = {}
for name, model in held.items():
    tokenizer = AutoTokenizer.from_pretrained(out + ("/merged" if name == "merged" else "/adapter"))
    tokenizer.padding_side = "left"
    told = tokenizer.apply_chat_template(
        [[{"role": "user", "content": chat}] for chat in chats],
        add_generation_prompt=True, padding=True, return_tensors="pt", return_dict=True,
    )
    said[name] = model.generate(**told, do_sample=False, max_new_tokens=int(sys.argv[3])).tolist()
assert not [name for name in sys.modules if name.split(".")[0] in ("rlhf", "store", "annotate")]
print(json.dumps(said))
"""


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    def call(*argv: object) -> tuple[int, str, str]:
        capfd.readouterr()
        status = launch.main([str(word) for word in argv])
        return (status, *capfd.readouterr())

    return call


def with_policy(folder: Path, base_model: str) -> tuple[Workspace, RoleModel]:
    """A workspace on a base, with a policy that is a little off it, and that policy in memory."""
    workspace = create(folder, f"[model]\nbase_model = {json.dumps(base_model)}\nrank = 4\n")
    model = RoleModel(base_model, rank=4)
    torch.manual_seed(0)
    for parameter in model.parameters("policy"):
        parameter.data.add_(torch.randn_like(parameter) * 0.08)
    model.save("policy", workspace.models / "policy-job1")
    files = digest(workspace.models / "policy-job1")
    settings = {"sft": {"epochs": 2}, "model": {"base_model": base_model}}
    measured = as_json(TunedFigures(9, 2.0, 1.5, None, 1.0, 80, 8, kl=0.25))
    with workspace.store() as db:
        base = models.add(db, Model("base", "policy", base_model))
        told = Model("policy-1", "policy", base_model, base, None, "models/policy-job1", digest=files, made_by="sft")
        models.add(db, Model(**{**vars(told), "settings": settings, "metrics": measured}))
    return workspace, model


def alone(out: Path, chats: list[str], tokens: int) -> dict[str, list[list[int]]]:
    """What each export says to some chats, by a process that knows nothing of this project, inside the adapter."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", ALONE, str(out), json.dumps(chats), str(tokens)],
        cwd=out / "adapter",
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[list[int]]] = json.loads(done.stdout.splitlines()[-1])
    return found


def no_path_in(folder: Path, *paths: object) -> None:
    for file in folder.rglob("*"):
        if file.is_file():
            held = file.read_bytes()
            assert not [path for path in paths if str(path).encode() in held], file


@pytest.mark.slow
def test_merged_and_over_its_base_it_says_the_same_and_is_the_policy(run: Run, tmp_path: Path) -> None:
    workspace, model = with_policy(tmp_path / "w", "tiny")
    for name, flags in (("adapter", ()), ("merged", ("--merged",))):
        status, _, err = run("export", "model", *flags, "--to", tmp_path / name, "--workspace", workspace.folder)
        assert status == 0, err
    out = tmp_path / "elsewhere"
    out.mkdir()
    for name in ("adapter", "merged"):
        shutil.move(tmp_path / name, out / name)
    workspace.folder.rename(tmp_path / "gone")
    chats = [prompt.text for prompt in ranking_prompts()[:40]]
    said = alone(out, chats, 40)
    assert said["over"] == said["merged"] == said["auto"]
    assert said["merged"] != said["base"]
    assert len({tuple(ids[-2:]) for ids in said["merged"]}) > 1  # answers end by themselves
    text = model.chat.sequences(*zip(*(model.chat.passage(chat) for chat in chats), strict=True))
    whole = RoleModel(str(out / "merged"), quantization="none")
    assert abs(metrics.nats(model, text, "policy") - metrics.nats(whole, text, "base")) < 0.01
    assert abs(metrics.nats(model, text, "policy") - metrics.nats(model, text, "base")) > 0.02


def test_a_folder_goes_out_whole_with_card_template_and_no_path(
    make_base: Callable[..., Path], run: Run, tmp_path: Path
) -> None:
    """On a base in a folder, whose configuration tells where it once lay, with a plain chat template."""
    base = make_base("llama", template=False)
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps(config | {"_name_or_path": str(base)}))
    workspace, model = with_policy(tmp_path / "w", str(base))
    kept = workspace.models / "policy-job1"
    assert not (kept / "README.md").exists()  # peft's blank one
    assert str(base) not in (kept / "adapter_config.json").read_text()

    out = tmp_path / "out"
    status, told, err = run("export", "model", "policy-1", "--to", out, "--workspace", workspace.folder, "--json")
    assert status == 0, err
    assert json.loads(told)["base"] == base.name
    config = json.loads((out / "adapter_config.json").read_text())
    assert (config["base_model_name_or_path"], config["r"]) == ("base", 4)
    assert json.loads((out / "base" / "generation_config.json").read_text())["eos_token_id"] == [*model.chat.stop_ids]
    assert (out / "chat_template.jinja").read_text() == model.chat.tokenizer.chat_template
    no_path_in(out, base, tmp_path, Path.home() / ".cache", Path(sys.prefix))
    card = (out / "README.md").read_text()
    assert "More Information Needed" not in card
    for said in (
        "# policy-1",
        "supervised fine-tuning",
        f"base: the base model, {base.name}",
        "| sft | epochs | 2 |",
    ):
        assert said in card

    status, told, err = run("export", "model", "--gguf", "--to", tmp_path / "m", "--workspace", workspace.folder)
    assert status == 0, err
    assert f"python convert_hf_to_gguf.py {tmp_path / 'm'} --outfile {tmp_path / 'm' / 'policy-1.gguf'}" in told
    assert not (tmp_path / "m" / "adapter_config.json").exists()
    no_path_in(tmp_path / "m", base, tmp_path)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["base"], "base is the base model itself"),
        (["reward-1"], "is a reward model and writes no text"),
        (["policy-9"], "There is no model 'policy-9'"),
        (["policy-1", "base"], "one goes out at a time"),
        (["policy-1", "--as", "sft"], "has no such form: leave it out"),
        (["policy-1", "--file", "parquet"], "--file parquet is for a data set"),
        (["policy-1", "--push-to-hub", "me/mine"], "cannot be reached"),
        (["policy-1"], "no longer holds the files that were written for policy-1"),
    ],
)
def test_what_cannot_go_out_is_one_line_within_two_seconds(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argv: list[str], said: str
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")  # nobody listens there
    workspace = create(tmp_path / "w", "")
    (workspace.models / "p").mkdir()
    with workspace.store() as db:
        models.add(db, Model("base", "policy", "tiny"))
        models.add(db, Model("policy-1", "policy", "tiny", path="models/p", digest="0" * 64))
        models.add(db, Model("reward-1", "reward", "tiny", path="models/r"))
    began = time.monotonic()
    status, out, err = run("export", "model", *argv, "--to", tmp_path / "o", "--workspace", workspace.folder)
    assert time.monotonic() - began < 3
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert said in err
    assert not list(tmp_path.glob("*o"))


def test_a_hub_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "SECONDS", 0.1)
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: [time.sleep(1.5), io.BytesIO()][1])
    began = time.monotonic()
    with pytest.raises(hub.BadInput, match="no answer within"):
        hub.check_reachable()
    assert time.monotonic() - began < 1


def test_a_folder_is_pushed_to_a_private_repository(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[tuple[str, dict[str, object]]] = []

    class Api:
        def create_repo(self, repo: str, **told: object) -> object:
            asked.append((repo, told))
            return type("Url", (str,), {"repo_id": repo})(f"https://hub/{repo}")

        def upload_folder(self, **told: object) -> None:
            asked.append(("", told))

    monkeypatch.setattr("huggingface_hub.HfApi", Api)
    assert hub.push(tmp_path, "me/mine") == "https://hub/me/mine"
    (repo, made), (_, sent) = asked
    assert (repo, made["private"], sent["repo_id"], sent["folder_path"]) == (
        "me/mine",
        True,
        "me/mine",
        str(tmp_path),
    )
    monkeypatch.setattr(Api, "upload_folder", lambda *_, **__: 1 / 0)
    with pytest.raises(hub.WorkError, match=r"hf auth login"):
        hub.push(tmp_path, "me/mine")
