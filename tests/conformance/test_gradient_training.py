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
MIN_DELTA = 50.0
#: Rows of a training whose example takes all there are: when it ends does not hang on how many it has.
ROWS = 64
#: Kinds are ended in one way or the other: they share their loops, so that each of these meets both.
ENDS = {kind: (signal.SIGKILL, signal.SIGTERM)[at % 2] for at, kind in enumerate(TRAINED)}
#: What is asked to stop in its second epoch has to have a third before it.
PATIENCE = {signal.SIGKILL: 1, signal.SIGTERM: 2}


def document(kind: str, **fields: Any) -> dict[str, Any]:
    """The kind's example on few rows, with a cosine; no epoch is so good that it would go on past its patience."""
    made = example(kind, epochs=EPOCHS)
    made["data"].setdefault("max_samples", ROWS)
    spec = made["model"]["spec"]
    spec["optimizer"] = {"optimizer_type": "adamw"} | spec.get("optimizer", {}) | {"lr_decay_gamma": None}
    spec |= {
        "schedule": {"schedule_type": "cosine", "warmup_ratio": 0.1},
        "early_stopping": {"patience": PATIENCE[ENDS[kind]], "min_delta": MIN_DELTA},
    }
    spec |= fields
    return made


def epochs_of(run: Path) -> list[dict[str, Any]]:
    lines = (json.loads(line) for line in (run / "events.jsonl").read_text().splitlines())
    return [event for event in lines if event["event"] == "epoch"]


def test_these_kinds_are_there():
    assert len(TRAINED) >= 6


@pytest.mark.parametrize("kind", GROUPED)
def test_it_ends_early_by_its_schedule_and_to_the_same_bytes_when_it_was_ended_before(kind, tmp_path):
    whole = Desk(tmp_path / "whole")
    whole.home.mkdir()
    spec = whole.write("spec.json", document(kind))
    done = whole("train", "--spec-file", spec, "--executor", "local", "--json").ok()
    run = Path(done.json["run_directory"])
    patience, enough = PATIENCE[ENDS[kind]], "no improvement of more than 50.00"
    said = f"stopped early at epoch {patience + 1} of 6: {enough} for {patience} epoch{'s' * (patience > 1)}"
    assert said in done.err.splitlines()
    assert json.loads((run / "result.json").read_text())["stopped_early"] == [
        {"done": patience + 1, "total": EPOCHS, "unit": "epochs", "patience": patience, "min_delta": MIN_DELTA}
    ]
    rates = [event["metrics"]["learning_rate"] for event in epochs_of(run)]
    assert len(rates) == patience + 1
    # Past the warm-up the rate falls, and by no more than half of a cosine over all six epochs.
    assert rates == sorted(set(rates), reverse=True)
    assert rates[-1] > 0.4 * rates[0]

    desk = Desk(tmp_path / "ended")
    desk.home.mkdir()
    spec = desk.write("spec.json", document(kind))
    process, ended = held_copy(desk, "train", "--spec-file", spec, "--executor", "local")
    if ENDS[kind] == signal.SIGKILL:
        # The worker, not its supervisor: as the kernel does when memory runs out.
        os.kill(json.loads((ended / "state.json").read_text())["worker"]["pid"], signal.SIGKILL)
    else:
        process.send_signal(signal.SIGTERM)
    assert process.wait(300) == (137 if ENDS[kind] == signal.SIGKILL else 75)
    assert json.loads((ended / "state.json").read_text())["state"] == "interrupted"
    before = [event["epoch"] for event in epochs_of(ended)]

    longer = document(kind)
    longer["epochs"] += 1
    refused = desk("train", "--resume", "last", "--spec-file", desk.write("longer.json", longer))
    assert refused.code == 5
    assert "/epochs: 6 -> 7 (its schedule runs over all steps)" in refused.err

    resumed = desk("train", "--resume", "last", "--json").ok()
    assert said in resumed.err.splitlines()
    again = [event["epoch"] for event in epochs_of(ended)][len(before) :]
    assert min(again) > 1, "it began anew instead of going on"
    assert resumed.json["metrics"] == done.json["metrics"]
    assert files(desk, resumed.json) == files(whole, done.json)


@pytest.mark.parametrize("kind", TRAINED)
def test_two_decays_of_the_learning_rate_are_refused(kind, tmp_path):
    desk = Desk(tmp_path)
    optimizer = {"optimizer_type": "adamw", "lr_decay_gamma": 0.9}
    refused = desk("validate", desk.write("spec.json", document(kind, optimizer=optimizer)))
    assert refused.code == 3
    assert "/model/spec/optimizer/lr_decay_gamma: the schedule cosine lowers the learning rate already" in refused.err
