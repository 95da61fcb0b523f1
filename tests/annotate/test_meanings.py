"""Every metric that a training logs is told in words, on the page and in the docs."""

import ast
import re
from pathlib import Path

import pytest
from sqlite_utils import Database

from annotate.meanings import MEANINGS
from annotate.panels.jobs import curves
from store import jobs
from tests.annotate.test_hostile import ATTACK

ROOT = Path(__file__).resolve().parents[2]
GROUPS = "reward|kl|policy|losses|value|advantages|responses"
TRL = """loss grad_norm learning_rate entropy num_tokens mean_token_accuracy rewards/chosen rewards/rejected
rewards/margins rewards/accuracies logps/chosen logps/rejected logits/chosen logits/rejected"""
"""What SFT and DPO were seen to log in a workspace, by trl."""


def logged() -> set[str]:
    """The names in the sources of the training: texts such as "kl/k1", and what is put together there."""
    found = set(TRL.split())
    for path in (ROOT / "rlhf/training").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= set(re.findall(rf"^(?:{GROUPS})/\w+$", node.value))
    losses, looks = ((ROOT / f"rlhf/training/{name}.py").read_text() for name in ("losses", "looks"))
    stats = re.search(r"def policy_loss.*?return", losses, re.DOTALL)
    assert stats is not None
    found |= {f"policy/{name}" for name in re.findall(r'"(\w+)":', losses[stats.start() :].split("\ndef ")[0])}
    names = re.search(r"names = \(([^)]*)\)", looks)
    assert names is not None
    return found | {f"heldout/{name}" for name in re.findall(r'"(\w+)"', names[1])}


def test_every_metric_has_a_meaning_and_no_other() -> None:
    assert {"kl/k1", "policy/clipfrac", "heldout/drift", "losses/ptx", "losses/reward"} <= logged()
    assert logged() == set(MEANINGS)
    assert all(m.told.endswith(".") and m.healthy.endswith(".") for m in MEANINGS.values())


def test_the_docs_have_the_same_table() -> None:
    text = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([^`]+)` \| (.+) \| (.+) \|$", text, re.MULTILINE)
    assert rows == [(name, m.told, m.healthy) for name, m in MEANINGS.items()]


def test_a_curve_says_what_it_means_and_stands_over_those_of_the_last_jobs(db: Database) -> None:
    for scale in (4.0, 3.0, 2.0, 1.0):
        job = jobs.enqueue(db, "ppo")
        for step in range(3):
            jobs.log(db, job, step, {"kl/k1": scale * step, "not/named": 1.0})
    other = jobs.enqueue(db, "dpo")
    jobs.log(db, other, 0, {"kl/k1": 99.0})
    jobs.log(db, 4, 3, {"only/now": 1.0, ATTACK: 1.0})
    db.execute("DELETE FROM metrics WHERE job_id = ?", [other])
    html = curves(db)
    assert MEANINGS["kl/k1"].told in html
    assert MEANINGS["kl/k1"].healthy in html
    (chart,) = re.findall(r'<figure class="chart"><figcaption><span title="kl/k1.*?</figure>', html, re.DOTALL)
    paths = re.findall(r'<path[^>]* d="([^"]*)"', chart)
    heights = [float(path.split()[-1]) for path in paths]
    # Up to 6, the highest of the three: the last two jobs behind, then the newest, whose last value is 2.
    assert heights == pytest.approx([100 * (1 - 4 / 6), 0.0, 100 * (1 - 2 / 6)], abs=0.1)
    assert "faint: jobs 3, 2" in html
    assert "99" not in chart
