"""Code of a user's that a spec names: a file that cannot be used is told before there is a run."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runner.errors import DataError
from runner.execution.dry_run import dry_run
from runner.execution.plan import make_plan
from runner.spec.checking import load_object
from runner.workspace import Workspace

SPEC: dict[str, Any] = {
    "model_type": "grpo",
    "base_model_name": "runner/tiny-llama",
    "max_length": 128,
    "max_new_tokens": 4,
    "rewards": {"own": {"reward_type": "length", "target": 3}},
}
TOOLS = {"environment": {"tools": {"file": "code.py", "functions": ["look_up"]}}}
PARTNER = {"environment": {"partner": {"file": "code.py"}}}
OWN = {"rewards": {"own": {"reward_type": "function", "file": "code.py"}}}


def loaded(data: str = "sample", **own: Any) -> Any:
    document = {"model": {"name": "m", "spec": SPEC | own}, "data": {"dataset": data}}
    return load_object(json.loads(json.dumps(document)), source="spec")


@pytest.mark.parametrize(
    ("own", "text", "place", "says"),
    [
        (OWN, "def rewards(): ...", "rewards/own/function", "has no function 'reward'"),
        (OWN, "\n\ndef reward(", "rewards/own/file", "code.py:3: SyntaxError"),
        (TOOLS, "def look(): ...", "environment/tools/functions", "has no function 'look_up'"),
        (PARTNER, "class Partner: ...", "environment/partner/class_name", "has no class 'Environment'"),
    ],
)
def test_a_file_without_what_is_needed_makes_no_plan(workspace, tmp_path, own, text, place, says):
    (tmp_path / "code.py").write_text(text)
    with pytest.raises(DataError, match=says) as refused:
        make_plan(loaded(**own), workspace, executor="local", cwd=tmp_path)
    assert refused.value.where == f"/model/spec/{place}"
    assert not workspace.runs.exists()


def test_a_file_is_read_and_not_run(workspace, tmp_path):
    (tmp_path / "code.py").write_text("open('ran', 'w')\ndef reward(): ...\n")
    make_plan(loaded(**OWN), workspace, executor="local", cwd=tmp_path)
    assert not (tmp_path / "ran").exists()


def test_a_dry_run_tells_of_a_column_that_no_row_has(tmp_path):
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps({"prompt": f"{number}+1?", "right": "2"}) + "\n" for number in range(6)))
    reward = {"own": {"reward_type": "exact_answer", "column": "wrong"}}
    with pytest.raises(DataError, match="no row has a column 'wrong'") as refused:
        dry_run(loaded(str(rows), rewards=reward), Workspace.below(tmp_path), executor="local")
    assert refused.value.where == "/model/spec/rewards/own/column"
