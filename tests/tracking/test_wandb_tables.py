"""A training of a table on W&B: offline with the real SDK, then sent to a server that speaks the SDK's own calls."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runner import registry
from tests.conftest import Desk
from tests.tracking.wandb_cases import KEY, clean_environment
from tests.tracking.wandb_server import WandbServer

LEARNER = {"learner_type": "xgboost", "n_estimators": 5}


@pytest.fixture(autouse=True)
def environment(tmp_path: Path) -> Iterator[None]:
    with clean_environment(tmp_path / "home"):
        yield


def spec(kind: str, target: Any) -> dict[str, Any]:
    return {
        "model": {"name": "t", "spec": {"model_type": kind, "learner": LEARNER}},
        "data": {"dataset": "rows.csv", "target_columns": target},
        "wandb": {"project": "tables", "artifact_name": "table"},
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("tabular_classification", "y"),
        ("tabular_classification", ["y", "z"]),
        ("tabular_regression", "n"),
    ],
)
def test_a_table_trained_offline_is_sent_with_its_tasks_measures(tmp_path: Path, kind: str, target: Any) -> None:
    rows = "".join(f"{at % 12},{at % 7},{'ab'[at % 12 > 5]},{'pqr'[at % 3]}\n" for at in range(60))
    with WandbServer(KEY) as server:
        desk = Desk(tmp_path, {"WANDB_BASE_URL": server.url, "HOME": str(tmp_path / "home")})
        (tmp_path / "rows.csv").write_text("n,m,y,z\n" + rows)
        desk.write("spec.json", spec(kind, target))
        desk.environment["WANDB_MODE"] = "offline"
        trained = desk("train", "--spec-file", "spec.json", "--executor", "local", "--json").ok().json
        assert server.requests == []
        (offline,) = (desk.only_run() / "wandb").glob("offline-run-*/*.wandb")
        assert offline.stat().st_size > 0
        desk.environment.update(WANDB_MODE="online", WANDB_API_KEY=KEY)
        desk("artifacts", "push").ok()
        assert server.faults == []
    (run,) = server.runs.values()
    summary = run["summary"]
    measure = registry.task(kind).headline
    assert summary[measure.metric] == trained["metrics"][measure.metric] is not None
    assert summary[measure.low] <= summary[measure.metric] <= summary[measure.high]
    known = {name: value for name, value in trained["metrics"].items() if isinstance(value, (int, float))}
    assert {name: summary[name] for name in known} == known
    config = {name: entry["value"] for name, entry in json.loads(run["config"]).items()}
    assert config["data_record"]["rows_read"] == 60
    assert config["model"]["spec"]["model_type"] == kind
    (artifact,) = server.committed()
    assert artifact["metadata"]["metrics"] == trained["metrics"]
    assert {"manifest.json", "columns.json"} <= {Path(name).name for name in artifact["files"]}
