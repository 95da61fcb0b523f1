"""`init` tries a model before it writes anything, takes the model's own way to sample, and converts what is GGUF."""

import json
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

import launch
from rlhf import training
from rlhf.commands.init import begin
from rlhf.commands.options import InitOptions
from rlhf.settings import settings_of
from store import workspace
from store.errors import BadInput
from store.workspace import Workspace

Make = Callable[..., Path]


def test_it_takes_what_the_generation_config_names_and_says_so(
    make_base: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = make_base("llama")
    (folder / "generation_config.json").write_text(json.dumps({"temperature": 0.7, "max_new_tokens": 40}))
    with caplog.at_level("INFO"):
        made = begin(tmp_path / "w", InitOptions(base_model=str(folder)))
    assert made.sampling == {"max_new_tokens": 40, "temperature": 0.7}
    assert "as the model's generation config says: max_new_tokens 40, temperature 0.7" in caplog.text
    sampling = settings_of(Workspace(tmp_path / "w")).sampling
    assert (sampling.max_new_tokens, sampling.temperature, sampling.top_p) == (40, 0.7, 1.0)
    told = tomllib.loads((tmp_path / "w" / "workspace.toml").read_text())
    assert set(told) == {"model", "sampling"}
    assert set(told["sampling"]) == {"max_new_tokens", "temperature"}


def test_a_model_that_says_nothing_of_sampling_gets_the_defaults(make_base: Make, tmp_path: Path) -> None:
    folder = make_base("llama")
    (folder / "generation_config.json").unlink()
    assert begin(tmp_path / "w", InitOptions(base_model=str(folder))).sampling == {}
    assert "sampling" not in tomllib.loads((tmp_path / "w" / "workspace.toml").read_text())


def test_it_says_how_much_is_in_four_bit(make_base: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = str(make_base("llama"))
    share = begin(tmp_path / "w", InitOptions(base_model=folder)).quantized_share
    assert share is not None
    assert 0 < share < 1
    assert (f"Only {100 * share:.0f} % of the weights" in caplog.text) == (share < 0.5)
    caplog.clear()
    whole = begin(tmp_path / "v", InitOptions(base_model=folder, quantization="none"))
    assert whole.quantized_share == 0
    assert "of the weights" not in caplog.text


@pytest.mark.parametrize("before", [True, False])
def test_a_model_that_fails_its_trial_leaves_nothing(
    make_base: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: bool
) -> None:
    folder = tmp_path / "w"
    if before:
        folder.mkdir()
        (folder / "mine.txt").write_text("here before")

    def fails(*_: object) -> float:
        raise BadInput("it cannot write an answer here.")

    monkeypatch.setattr(training.trial, "attempt", fails)
    with pytest.raises(BadInput, match="cannot write"):
        begin(folder, InitOptions(base_model=str(make_base("llama"))))
    assert [path.name for path in folder.iterdir()] == ["mine.txt"] if before else not folder.exists()


def test_what_is_gguf_becomes_the_workspace_s_own_base(
    make_base: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make_base("llama")
    (tmp_path / "small.gguf").touch()

    def convert(base_model: str, into: Path) -> None:
        assert base_model.endswith("small.gguf")
        shutil.copytree(source, into)

    monkeypatch.setattr(training.gguf, "convert", convert)
    made = begin(tmp_path / "w", InitOptions(base_model=str(tmp_path / "small.gguf")))
    assert made.base_model == str((tmp_path / "w" / "base").resolve())
    assert settings_of(Workspace(tmp_path / "w")).model.base_model == made.base_model
    assert Workspace(tmp_path / "w").settings()["model"]["base_model"] == "./base"
    (tmp_path / "w").rename(tmp_path / "moved")
    moved = settings_of(Workspace(tmp_path / "moved")).model.base_model
    assert training.base.resolve(moved) == str((tmp_path / "moved" / "base").resolve())


def test_a_base_that_is_gone_is_named_with_the_key_to_mend(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    here = workspace.create(tmp_path / "w", '[model]\nbase_model = "./base"\n')
    asked = ["check", "--workspace", str(here.folder)]
    assert launch.main(asked) == 1
    told = capfd.readouterr().out
    assert str(here.folder / "base") in told
    assert "`base_model` of [model] in workspace.toml" in told
    (here.folder / "base").mkdir()
    (here.folder / "base" / "config.json").write_text("{}")
    assert launch.main(asked) == 0
    capfd.readouterr()
    (here.folder / "workspace.toml").write_text('[model]\nbase_model = "/gone/with/base"\n')
    assert launch.main(asked) == 1
    assert 'write base_model = "./base" in the table [model]' in capfd.readouterr().out


@pytest.mark.parametrize(
    ("name", "located"),
    [
        ("./base", "{w}/base"),
        ("../base", "{up}/base"),
        ("base", "base"),
        ("a/b", "a/b"),
        ("/x/y", "/x/y"),
        ("tiny", "tiny"),
    ],
)
def test_only_a_path_that_says_so_begins_at_the_workspace(tmp_path: Path, name: str, located: str) -> None:
    here = Workspace(tmp_path / "w")
    places = {"w": here.folder.resolve(), "up": tmp_path.resolve()}
    assert here.located(name) == located.format(**places)
    inside = name.startswith("./")
    assert here.portable(here.located(name)) == (name if inside else located.format(**places))


def test_a_gguf_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"There is no file .*none\.gguf"):
        begin(tmp_path / "w", InitOptions(base_model=str(tmp_path / "none.gguf")))
    assert not (tmp_path / "w").exists()
    with pytest.raises(BadInput, match="smollm2 has to be made a folder first"):
        training.base.resolve("smollm2")
