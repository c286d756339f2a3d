"""What a training would do, as one document, with nothing started."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runner.contract import LoadContext, LoadedData
from runner.engines.storage import FolderStorage
from runner.execution.engine_executor import EngineExecutor
from runner.execution.fit import Fit, judge, this_machine
from runner.execution.forecast import forecast, load, next_reference
from runner.execution.plan import make_plan
from runner.spec.canonical import canonical
from runner.spec.checking import LoadedSpec, at_their_places
from runner.spec.origins import origins
from runner.workspace import Workspace


def dry_run(
    loaded: LoadedSpec,
    workspace: Workspace,
    executor: str | None = None,
    reading: Callable[[Any, LoadContext], LoadedData] = load,
    *,
    asks_kind: bool = True,
) -> dict[str, Any]:
    """Plan without starting anything: values with origins, command, mounts, names, rows, estimates.

    The estimate's ``seconds`` and ``memory`` (bytes) are scaled from an earlier run, and None without one; the
    ``footprint`` is what the kind tells of itself, where ``asks_kind``, and ``fit`` how that fits this machine;
    ``reading`` is who reads the data. Raises what the data and the kind would raise in the run.
    """
    plan = make_plan(loaded, workspace, executor=executor)
    flags = {"/run/executor": executor} if executor else {}
    values = origins(loaded, flags)
    with at_their_places(loaded):
        job = plan.job(workspace.runs.absolute() / "RUN")
        network, submission = job.network, None
        if isinstance(plan.executor, EngineExecutor):
            # What an engine cannot have is told before the data is read, of which the run's name there is made.
            plan.executor.submission(job)
            there = plan.executor.id_of(plan.spec, plan.document)
            command, submission = plan.executor.command(job, there), plan.executor.submission(job, there)
            network = network or not isinstance(plan.executor.storage(), FolderStorage)
        else:
            command = plan.executor.command(job)
    seen = forecast(plan, workspace, reading, asks_kind=asks_kind)
    wandb = plan.spec.wandb
    document = {
        "spec": canonical(plan.spec),
        "origins": [vars(value) for value in values],
        "executor": plan.executor.name,
        "image": plan.document.image,
        "command": command,
        "mounts": {
            "read_write": [str(job.run), str(job.cache)],
            "read_only": [str(path) for path in job.read_only],
        },
        "network": network,
        "secrets": sorted(job.secrets),
        "stored_as": next_reference(plan, workspace),
        "wandb_artifact": (wandb.artifact_name or plan.spec.model.name) if wandb else None,
        **({"hub": plan.spec.hub.model_dump()} if plan.spec.hub else {}),
        "data": seen.record,
        "data_unknown": seen.record_unknown,
        "warnings": [fault.message for fault in loaded.warnings] + seen.warnings,
        "estimate": {"seconds": seen.seconds, "memory": seen.memory, "judged_by": seen.judged_by},
        "footprint": seen.footprint.as_dict() if seen.footprint else None,
        "footprint_unknown": seen.footprint_unknown,
        "notes": plan.notes,
    }
    if submission is not None:
        document["submission"] = submission
    device = str(seen.footprint.figures.get("device", "cpu")) if seen.footprint else "cpu"
    if isinstance(plan.executor, EngineExecutor):
        judged = Fit(
            "unknown", f"the machine is one of {plan.executor.name}'s: it is judged there, before the training"
        )
        return document | {"fit": judged.as_dict()}
    machine = this_machine(workspace.runs, device, plan.spec.run.memory_bytes)
    return document | {"fit": judge(document, machine).as_dict()}
