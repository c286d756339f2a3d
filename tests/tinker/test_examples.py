"""The loops of ``examples/`` run as they stand, learn, and leave runs and models."""

from __future__ import annotations

import runpy
from pathlib import Path

from runner.runs.events import EventReader
from runner.runs.run_folder import State, all_runs
from tests.conftest import ROOT


def test_the_supervised_loop_learns_and_goes_on_from_its_checkpoint(tmp_path: Path, capsys):
    runpy.run_path(str(ROOT / "examples" / "sl_loop.py"))["main"](tmp_path)
    said = capsys.readouterr().out
    first, last = map(float, said[said.index("\nnll ") + 5 :].splitlines()[0].split(" -> "))
    assert last < first - 1.5
    assert "stored: sft/sums/v1 sft/sums/v2" in said
    assert {run.state().state for run in all_runs(tmp_path / "runs")} == {State.SUCCEEDED}


def test_the_reinforcement_loop_raises_its_reward(tmp_path: Path):
    means = runpy.run_path(str(ROOT / "examples" / "rl_loop.py"))["main"](tmp_path)
    assert sum(means[-3:]) / 3 > sum(means[:3]) / 3 + 0.1
    assert (tmp_path / "models" / "sft" / "digits" / "v1" / "adapter_model.safetensors").exists()
    (run,) = all_runs(tmp_path / "runs")
    steps = [event for event in EventReader(run.path).new() if event.event == "step"]
    # What was drawn is as likely where it is learned from: the weights are the same.
    assert steps and max(step.metrics["logprob_gap"] for step in steps) < 1e-4
