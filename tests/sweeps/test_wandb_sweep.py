"""A sweep that W&B drives: what ``wandb sweep`` is given, and what its agents train."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import Desk
from tests.holding import wait
from tests.sweeps.sweep_documents import sweep
from tests.sweeps.wandb_sweeps import SWEEP, SweepServer
from tests.tracking.wandb_cases import KEY

SPACE = {
    "model.spec.k_factor": {"min": 4, "max": 64, "log": True},
    "epochs": {"min": 2, "max": 6},
    "model.spec.min_model_occurrences": [10, 20],
    "data.validation_split": {"min": 0.1, "max": 0.3, "step": 0.1},
}


def on_wandb(**changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {"space": SPACE, "trials": 6}
    document = sweep(**(fields | changes))
    document["base"] |= {"wandb": {"project": "routing"}, "run": {"executor": "local", "gpus": 0}}
    return document


def test_a_sweep_is_written_as_wandb_reads_it(desk: Desk) -> None:
    document = on_wandb(method="tpe", prune={"kind": "halving", "min_step": 2}, parallel=2)
    desk.write("sweep.json", document)
    made = desk("sweep", "wandb", "sweep.json", "--out", "wandb.yaml").ok()
    assert yaml.safe_load((desk.home / "wandb.yaml").read_text()) == {
        "name": document["sweep"]["name"],
        "project": "routing",
        "method": "bayes",
        "metric": {"name": "accuracy", "goal": "maximize"},
        "parameters": {
            "model.spec.k_factor": {"distribution": "log_uniform_values", "min": 4, "max": 64},
            "epochs": {"distribution": "int_uniform", "min": 2, "max": 6},
            "model.spec.min_model_occurrences": {"values": [10, 20]},
            "data.validation_split": {"values": [0.1, 0.2, pytest.approx(0.3)]},
        },
        "run_cap": 6,
        "early_terminate": {"type": "hyperband", "min_iter": 2, "eta": 3},
        "command": ["${env}", "runner", "sweep", "trial", "sweep.json", "--values", "${args_json}"],
    }
    assert "in place of tpe" in made.err
    assert "start 2 of them" in made.err
    assert "wandb sweep wandb.yaml" in made.out
    whole = on_wandb(method="grid", space={"epochs": {"min": 2, "max": 4}})
    del whole["sweep"]["trials"]
    desk.write("grid.json", whole)
    config = desk("sweep", "wandb", "grid.json", "--json").ok().json["config"]
    assert config["method"] == "grid"
    assert config["parameters"] == {"epochs": {"values": [2, 3, 4]}}
    assert "run_cap" not in config


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"method": "cma-es", "space": {"model.spec.k_factor": {"min": 4, "max": 64}}}, "/sweep/method"),
        ({"metric": [{"name": "accuracy"}, {"name": "log_loss"}], "method": "random"}, "/sweep/metric"),
        ({"metric": {"at": "best"}}, "/sweep/metric/at"),
        ({"prune": {"kind": "median"}}, "/sweep/prune/kind"),
        ({"constraints": ["epochs < 6"]}, "/sweep/constraints"),
        ({"time_budget": 60}, "/sweep/time_budget"),
        ({"on_fail": "stop"}, "/sweep/on_fail"),
        ({"keep_models": "best"}, "/sweep/keep_models"),
        ({"space": SPACE | {"epochs": {"min": 2, "max": 6, "when": {"model.spec.min_model_occurrences": 10}}}},
         "/sweep/space/epochs/when"),
        ({"space": {"model.spec.k_factor": {"min": 4, "max": 64, "step": 0.01}}},
         "/sweep/space/model.spec.k_factor/step"),
    ],
)  # fmt: skip
def test_what_wandb_cannot_have_of_a_sweep_is_refused(desk: Desk, changes: dict[str, Any], where: str) -> None:
    desk.write("sweep.json", on_wandb(**changes))
    refused = desk("sweep", "wandb", "sweep.json", "--out", "wandb.yaml")
    assert refused.code == 3, refused.err
    assert f" {where}: " in refused.err
    assert not (desk.home / "wandb.yaml").exists()


def test_a_base_that_no_agent_can_follow_or_train_is_refused(desk: Desk) -> None:
    document = on_wandb()
    del document["base"]["wandb"]
    document["base"]["run"] = {"executor": "slurm", "gpus": 0, "engine": {"root": str(desk.home)}}
    desk.write("sweep.json", document)
    refused = desk("sweep", "wandb", "sweep.json")
    assert refused.code == 3
    assert " /base: is followed on no W&B" in refused.err
    assert " /base/run/executor: an agent trains on its own machine" in refused.err


def test_a_trial_is_trained_by_values_that_another_chose(desk: Desk) -> None:
    document = on_wandb()
    del document["base"]["wandb"]
    desk.write("sweep.json", document)
    # As W&B may give a whole number of a range that it draws by order of magnitude.
    values = {"model.spec.k_factor": 24.5, "epochs": 2.0, "model.spec.min_model_occurrences": 10}
    made = desk("sweep", "trial", "sweep.json", "--values", json.dumps(values), "--json").ok().json
    spec = json.loads((Path(desk.only_run()) / "source.json").read_text())
    assert made["model"].startswith(f"elo_scoring/{document['sweep']['name']}-")
    assert (spec["epochs"], spec["model"]["spec"]["k_factor"]) == (2, 24.5)
    assert spec["model"]["spec"]["min_model_occurrences"] == 10


@pytest.mark.parametrize(
    ("values", "code", "said"),
    [
        ("{", 2, "--values: no JSON"),
        ("[]", 2, "--values: no JSON object"),
        ('{"model.spec.k": 3}', 3, "/model/spec/k: the sweep varies no such place"),
        ('{"epochs": "many"}', 3, "/epochs"),
        ('{"epochs": NaN}', 2, "--values: no JSON: it has no NaN"),
        ('{"epochs": 2, "/epochs": 3}', 3, "/epochs: has two values"),
    ],
)
def test_values_that_make_no_trial_are_told(desk: Desk, values: str, code: int, said: str) -> None:
    desk.write("sweep.json", on_wandb())
    refused = desk("sweep", "trial", "sweep.json", "--values", values)
    assert refused.code == code
    assert said in refused.err
    assert not (desk.home / "runs").exists()


@pytest.mark.slow
def test_an_agent_of_wandb_trains_what_it_is_told_and_stops_what_it_is_told(desk: Desk) -> None:
    fixed = {"model.spec.min_model_occurrences": 20, "data.validation_split": 0.2}
    asked = [{"model.spec.k_factor": 24.0, "epochs": 2} | fixed, {"model.spec.k_factor": 8.5, "epochs": 6} | fixed]
    desk.write("sweep.json", on_wandb())
    desk("sweep", "wandb", "sweep.json", "--out", "wandb.yaml").ok()
    with SweepServer(KEY, asked) as server:
        held = desk.home / "held"
        programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        variables = desk.variables | {
            "WANDB_BASE_URL": server.url, "WANDB_API_KEY": KEY, "HOME": str(desk.home), "PATH": programs,
            # Only the second trial has a third epoch: it waits there.
            "RUNNER_HOLD_AT": "epoch:3", "RUNNER_HOLD_FILE": str(held),
        }  # fmt: skip
        words = [sys.executable, "-m", "wandb"]
        made = subprocess.run([*words, "sweep", "wandb.yaml"], cwd=desk.home, env=variables, capture_output=True)
        assert made.returncode == 0, made.stderr.decode()
        assert yaml.safe_load(server.config) == yaml.safe_load((desk.home / "wandb.yaml").read_text())
        assert f"wandb agent team/routing/{SWEEP}" in made.stderr.decode()
        log = desk.home / "agent.log"
        with log.open("wb") as out:
            agent = subprocess.Popen(
                [*words, "agent", f"team/routing/{SWEEP}"],
                cwd=desk.home, env=variables, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            )  # fmt: skip
            try:
                wait(lambda: held.exists() or agent.poll() is not None)
                server.stopping.add("trial1")
                assert agent.wait(120) == 0, log.read_text()
            finally:
                agent.kill()
        assert server.faults == []
        runs = server.runs
        told_of = {(sent.variables["name"], sent.variables.get("sweep")) for sent in server.operations("UpsertBucket")}
    assert set(runs) == {"trial0", "trial1"}, log.read_text()
    assert told_of >= {("trial0", SWEEP), ("trial1", SWEEP)}
    found = {run["state"]: run for run in desk("runs", "list", "--json").ok().json}
    assert set(found) == {"succeeded", "interrupted"}
    # What it is judged by there is what it was measured with here.
    result = json.loads((desk.home / "runs" / found["succeeded"]["run"] / "result.json").read_text())
    assert runs["trial0"]["summary"]["accuracy"] == result["metrics"]["accuracy"]
    assert len(runs["trial0"]["history"]) == 2
