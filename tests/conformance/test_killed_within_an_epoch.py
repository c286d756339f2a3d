"""A training of a model of texts or pictures that is killed within an epoch ends with the model of one that was not."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from runner import registry
from runner.runs.liveness import is_held
from runner.runs.run_folder import WORKER_LOCK
from tests.examples import KINDS, example, files
from tests.holding import held_copy, wait

FAMILIES = ("text", "embeddings", "vision")
TUNED = [kind for kind in KINDS if registry.kinds()[kind].module.split(".")[-2] in FAMILIES]


def document(kind: str) -> dict[str, Any]:
    """The kind's example on few rows, with adapters, measured and saved within its epochs, and over within one."""
    made = example(kind, epochs=3, batch_size=8)
    made["data"]["max_samples"] = 40
    spec = made["model"]["spec"]
    spec |= {"max_steps": 7, "finetuning_spec": {"method": "lora"}}
    spec["evaluation"] = spec.get("evaluation", {}) | {"every": 3}
    if kind == "seq2seq":
        # Each measuring writes a text for every row.
        spec["evaluation"]["limit"] = 2
    return made


def test_these_kinds_are_there():
    assert {"text_classification", "seq2seq", "sentence_embedding", "object_detection", "vision_language"} <= set(TUNED)


@pytest.mark.slow
@pytest.mark.warm
@pytest.mark.parametrize("kind", TUNED)
def test_killed_with_its_supervisor_it_goes_on_from_a_step_within_an_epoch_to_the_same_model(kind, make_desk):
    whole, desk = make_desk(), make_desk()
    words = ("train", "--executor", "local", "--json", "--spec-file")
    done = whole(*words, whole.write("spec.json", document(kind))).ok()
    process, run = held_copy(desk, *words, desk.write("spec.json", document(kind)), at="checkpoint:1")
    # Neither has a moment to see the other's end, as in a machine that loses its power.
    worker = json.loads((run / "state.json").read_text())["worker"]["pid"]
    for pid in (process.pid, worker):
        os.kill(pid, signal.SIGSTOP)
    os.kill(worker, signal.SIGKILL)
    process.kill()
    wait(lambda: not is_held(run / WORKER_LOCK))
    (listed,) = desk("runs", "list", "--json").ok().json
    assert listed["state"] == "interrupted"
    assert desk("models", "--json").ok().json["models"] == []

    resumed = desk("train", "--resume", "last", "--json").ok()
    assert [event["step"] for event in events(run) if event["event"] == "resumed"] == [3]
    assert resumed.json["metrics"] == done.json["metrics"]
    assert resumed.json["tables"] == done.json["tables"]
    assert files(desk, resumed.json) == files(whole, done.json)


def events(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
