"""Code of a user's that a spec names: a file that cannot be used is told before there is a run."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runner.errors import DataError
from runner.execution.plan import make_plan
from runner.spec.checking import load_object

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


def loaded(**own: Any) -> Any:
    document = {"model": {"name": "m", "spec": SPEC | own}, "data": {"dataset": "sample"}}
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
