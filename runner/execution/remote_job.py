"""A run's documents from its directory into a folder of this machine, and the job that they make of it here."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from runner.engines import staged_inputs
from runner.engines.run_root import RunRoot
from runner.errors import IntegrityError
from runner.execution.executor import Job
from runner.execution.nodes import Nodes
from runner.execution.plan_document import PlanDocument
from runner.runs.liveness import this_process
from runner.runs.run_folder import Run
from runner.runs.run_state import RunState, State
from runner.spec.byte_sizes import parse_memory
from runner.workspace import Workspace


def document(root: RunRoot, key: str) -> dict[str, Any]:
    """A document of the run's directory that has to be there. Raises :class:`IntegrityError`."""
    found = root.document(key)
    if found is None:
        raise IntegrityError("this file is missing", where=f"{root.address}/{key}")
    return found


def put_documents(root: RunRoot, run: Run, nodes: Nodes) -> tuple[Job, float | None]:
    """Write the spec and the plan into ``run``, with its inputs where this machine has them.

    Returns this machine's job, and the seconds that the run may take.
    """
    spec, plan = document(root, "spec.json"), document(root, "plan.json")
    cache = Workspace.current().cache.absolute()
    here = staged_inputs.places(root.above, [spec, plan], cache / "inputs")
    spec, plan = staged_inputs.replaced(spec, here), staged_inputs.replaced(plan, here)
    planned = PlanDocument.from_document(plan)
    cwd = Path(planned.cwd) if Path(planned.cwd).is_dir() else run.path
    planned = replace(planned, executor="local", cwd=str(cwd), cache=str(cache))
    for folder in ("checkpoints", "artifact"):
        (run.path / folder).mkdir()
    run.write("spec", spec)
    run.write("plan", planned)
    born = RunState(state=State.PENDING, created=time.time(), attempts=0, creator=this_process())
    run.write("state", born)
    section = spec["run"]
    gpus = section["gpus"]
    job = Job(
        run=run.path,
        cwd=cwd,
        cache=cache,
        gpus=gpus // nodes.count if isinstance(gpus, int) else gpus,
        processes=len(nodes.own(section["processes"])),
        cpus=section["cpus"],
        memory=None if section["memory"] is None else parse_memory(section["memory"]),
        network=True,
        grace=(section.get("engine") or {}).get("stop_grace", 60.0),
    )
    return job, section["time_limit"]


def scratch() -> str | None:
    """Where an attempt's own folder is made: beside the cache, where one is named, else with temporary files."""
    named = os.environ.get("RUNNER_CACHE_DIR")
    if not named:
        return None
    folder = Path(named) / "attempts"
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder)
