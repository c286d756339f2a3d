"""What every kind whose weights are trained by gradient steps promises: its schedule, and an early end."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from runner import registry
from runner.training.gradient_training import GradientTraining
from tests.conftest import Desk
from tests.examples import KINDS, example, files
from tests.holding import held_copy

#: Many trainings: what the libraries cost to load is paid once.
pytestmark = pytest.mark.warm
TRAINED = [kind for kind in KINDS if issubclass(registry.load(kind).Spec, GradientTraining)]
GROUPED = [pytest.param(kind, marks=[pytest.mark.xdist_group(kind), pytest.mark.slow]) for kind in TRAINED]
EPOCHS = 6
EARLY = {"done": 3, "total": EPOCHS, "unit": "epochs", "patience": 2, "min_delta": 50.0}


def document(kind: str, **fields: Any) -> dict[str, Any]:
    """The kind's example with a cosine; no epoch is so much better that it is not over after the third."""
    made = example(kind, epochs=EPOCHS)
    spec = made["model"]["spec"]
    spec["optimizer"] = {"optimizer_type": "adamw"} | spec.get("optimizer", {}) | {"lr_decay_gamma": None}
    spec |= {
        "schedule": {"schedule_type": "cosine", "warmup_ratio": 0.1},
        "early_stopping": {"patience": EARLY["patience"], "min_delta": EARLY["min_delta"]},
    }
    spec |= fields
    return made


def epochs_of(run: Path) -> list[dict[str, Any]]:
    lines = (json.loads(line) for line in (run / "events.jsonl").read_text().splitlines())
    return [event for event in lines if event["event"] == "epoch"]


def test_these_kinds_are_there():
    assert len(TRAINED) >= 6


@pytest.mark.parametrize("kind", GROUPED)
def test_it_ends_early_by_its_schedule_and_to_the_same_bytes_after_a_kill(kind, tmp_path):
    whole = Desk(tmp_path / "whole")
    whole.home.mkdir()
    spec = whole.write("spec.json", document(kind))
    done = whole("train", "--spec-file", spec, "--executor", "local", "--json").ok()
    run = Path(done.json["run_directory"])
    said = "stopped early at epoch 3 of 6: no improvement of more than 50.00 for 2 epochs"
    assert said in done.err.splitlines()
    assert json.loads((run / "result.json").read_text())["stopped_early"] == [EARLY]
    rates = [event["metrics"]["learning_rate"] for event in epochs_of(run)]
    assert len(rates) == 3
    # Past the warm-up the rate falls, and by half of a cosine over all six epochs.
    assert rates[0] > rates[1] > rates[2] > 0.4 * rates[0]

    desk = Desk(tmp_path / "killed")
    desk.home.mkdir()
    spec = desk.write("spec.json", document(kind))
    process, killed = held_copy(desk, "train", "--spec-file", spec, "--executor", "local")
    os.kill(json.loads((killed / "state.json").read_text())["worker"]["pid"], signal.SIGKILL)
    assert process.wait(60) == 137

    longer = document(kind)
    longer["epochs"] += 1
    refused = desk("train", "--resume", "last", "--spec-file", desk.write("longer.json", longer))
    assert refused.code == 5
    assert "/epochs: 6 -> 7 (its schedule runs over all steps)" in refused.err

    resumed = desk("train", "--resume", "last", "--json").ok()
    assert said in resumed.err.splitlines()
    assert resumed.json["metrics"] == done.json["metrics"]
    assert files(desk, resumed.json) == files(whole, done.json)


@pytest.mark.parametrize("kind", TRAINED)
def test_two_decays_of_the_learning_rate_are_refused(kind, tmp_path):
    desk = Desk(tmp_path)
    optimizer = {"optimizer_type": "adamw", "lr_decay_gamma": 0.9}
    refused = desk("validate", desk.write("spec.json", document(kind, optimizer=optimizer)))
    assert refused.code == 3
    assert "/model/spec/optimizer/lr_decay_gamma: the schedule cosine lowers the learning rate already" in refused.err
