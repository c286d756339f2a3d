"""A sweep as a job array of Slurm: the specs, the script, and what an array cannot be of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runner.errors import ConflictError, EnvironmentProblem, SpecError
from runner.sweeps import sweep_checking, sweep_reading
from runner.sweeps.job_array import JobArray, write_array
from runner.sweeps.sweep_folder import sweep_folder
from runner.workspace import Workspace
from tests.sweeps.sweep_documents import sweep


def written(home: Path, document: dict[str, Any]) -> JobArray:
    checked = sweep_checking.check(sweep_reading.load_sweep(json.dumps(document), "sweep.json"))
    return write_array(checked, Workspace.below(home), home)


def on_slurm(document: dict[str, Any], **engine: Any) -> dict[str, Any]:
    run = {"executor": "slurm", "gpus": 1, "image": "runner", "env": ["HF_TOKEN"], "engine": {"root": "/r"} | engine}
    return document | {"base": document["base"] | {"run": run}}


def test_every_trial_is_a_spec_that_a_machine_trains_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNNER_STORE_DIR", "/shared/models")
    document = on_slurm(
        sweep(method="random", trials=3, parallel=2, space={"model.spec.k_factor": {"min": 4, "max": 64}}),
        queue="gpu", lifetime=3600, options={"container": "apptainer", "account": "lab"},
    )  # fmt: skip
    found = written(tmp_path, document)
    assert len(set(found.specs)) == 3
    for path in found.specs:
        spec = json.loads(path.read_text())
        assert spec["run"] == {"executor": "local", "gpus": 1, "env": ["HF_TOKEN"]}
        assert spec["model"]["name"] == path.stem
    text = found.script.read_text()
    for line in ("array=0-2%2", "partition=gpu", "time=0-01:00:00", "gpus-per-node=1", "account=lab", "no-requeue"):
        assert f"#SBATCH --{line}\n" in text
    assert "HF_TOKEN" in text and "singleton" not in text
    assert all(str(path) in text for path in found.specs)
    assert "export RUNNER_STORE_DIR=/shared/models\n" in text
    assert f"export RUNNER_HOME={tmp_path}\n" in text and f"cd {tmp_path} " in text
    assert 'docker://runner runner train --spec-file "$spec" &' in text
    assert written(tmp_path, document).specs == found.specs


def test_a_grid_is_whole_but_for_what_does_not_fit(tmp_path: Path) -> None:
    space = {"model.spec.k_factor": [8, 16, 32], "epochs": [2, 4]}
    document = sweep(method="grid", space=space, constraints=["model.spec.k_factor * epochs <= 64"])
    document["sweep"].pop("trials", None)
    found = [json.loads(path.read_text()) for path in written(tmp_path, document).specs]
    assert [(spec["model"]["spec"]["k_factor"], spec["epochs"]) for spec in found] == [
        (8, 2), (8, 4), (16, 2), (16, 4), (32, 2),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "run", "pointer"),
    [
        ({"method": "tpe"}, {}, "/sweep/method"),
        ({"method": "random", "prune": {"kind": "median"}}, {}, "/sweep/prune"),
        ({"method": "random"}, {"gpus": "all"}, "/base/run/gpus"),
        ({"method": "random"}, {"executor": "slurm", "engine": {"root": "/r", "options": {"qoss": "x"}}},
         "/base/run/engine/options/qoss"),
    ],
)  # fmt: skip
def test_what_no_array_can_be_of_is_refused(
    fields: dict[str, Any], run: dict[str, Any], pointer: str, tmp_path: Path
) -> None:
    document = sweep(**fields)
    document["base"] = document["base"] | {"run": run}
    with pytest.raises(SpecError) as caught:
        written(tmp_path, document)
    assert [fault.pointer for fault in caught.value.faults] == [pointer]
    assert not (tmp_path / "sweeps").exists()


def test_a_sweep_that_was_begun_goes_on_as_it_is(tmp_path: Path) -> None:
    document = sweep(method="random")
    folder = sweep_folder(Workspace.below(tmp_path), document["sweep"]["name"])
    folder.path.mkdir(parents=True)
    folder.journal.add("space", hash="0", metric="accuracy", goal="maximize")
    folder.journal.add("asked", trial=0, values={}, name="x", identity="0")
    with pytest.raises(ConflictError, match="has been begun"):
        written(tmp_path, document)


def test_a_folder_that_sbatch_does_not_take_is_told(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match="no folder with blanks"):
        written(tmp_path / "my runs", sweep(method="random"))
