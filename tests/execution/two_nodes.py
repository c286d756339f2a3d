"""A run of two processes that two nodes train together, and what its directory says of it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from runner.execution.plan import make_plan
from runner.spec.canonical import canonical
from runner.spec.checking import load
from runner.workspace import Workspace
from tests.conftest import Desk
from tests.examples import example

RUN = "one-run"


def planned(desk: Desk, name: str) -> Path:
    """A run's directory in a root of this name, of two processes on the CPU."""
    root = desk.home / name
    engine = {"root": str(root), "nodes": 2}
    made = example("sft", run={"processes": 2, "gpus": 0, "executor": "slurm", "engine": engine}, batch_size=4)
    made["model"]["spec"] |= {"max_steps": 3, "evaluation": {"every": 1}}
    loaded = load(json.dumps(made).encode(), "spec.json")
    plan = make_plan(loaded, Workspace.below(desk.home), cwd=desk.home)
    run = root / RUN
    run.mkdir(parents=True)
    (run / "spec.json").write_text(json.dumps(canonical(plan.spec)))
    (run / "plan.json").write_text(json.dumps(plan.document.to_document()))
    return run


def attempt(run: Path, number: int, name: str) -> Any:
    return json.loads((run / f"attempts/{number:04d}/{name}.json").read_text())


def weights(run: Path, number: int) -> str:
    path = run / f"attempts/{number:04d}/artifact/model.safetensors"
    return hashlib.sha256(path.read_bytes()).hexdigest()


def steps(run: Path, number: int) -> list[int]:
    """The steps that an attempt trained, as its events tell."""
    pieces = sorted((run / f"attempts/{number:04d}/events").iterdir())
    events = [json.loads(line) for line in b"".join(each.read_bytes() for each in pieces).splitlines()]
    return sorted({event["step"] for event in events if event["event"] == "step"})
