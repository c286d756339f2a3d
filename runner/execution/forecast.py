"""What a plan will do, before it does it: rows after filters, time and memory, by earlier runs and by its kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from runner import registry
from runner.contract import Footprint, FootprintContext, LoadContext, LoadedData
from runner.errors import EnvironmentProblem, RunnerError
from runner.execution.fit import needed_memory
from runner.execution.memory_limit import memory_held, memory_limit
from runner.execution.plan import Plan
from runner.execution.plan_document import PlanDocument
from runner.execution.seeding import seed_of
from runner.execution.starting_batch_size import starting_rows
from runner.runs.run_documents import Outcome
from runner.runs.run_folder import State, all_runs
from runner.store.model_lookup import versions
from runner.store.typed_documents import JsonObject
from runner.workspace import Workspace


@dataclass(frozen=True)
class Forecast:
    """Estimates are scaled from one earlier run, which is named; None where there is none to judge by."""

    record: JsonObject | None
    warnings: list[str]
    #: Why the rows are not known: a data set that is not on this machine yet, a package that is not installed.
    record_unknown: str | None
    seconds: float | None
    memory: int | None
    judged_by: str | None
    #: What the kind itself can tell; and why it can tell nothing now, where it could.
    footprint: Footprint | None = None
    footprint_unknown: str | None = None


def load(section: Any, context: LoadContext) -> LoadedData:
    """Read the data of a section, as a run does."""
    loaded: LoadedData = section.load(context)
    return loaded


def forecast(
    plan: Plan,
    workspace: Workspace,
    reading: Callable[[Any, LoadContext], LoadedData] = load,
    *,
    asks_kind: bool = True,
) -> Forecast:
    """Read the data as the run will. Raises the data's own errors, and the kind's: the run would too.

    ``reading`` is who reads it: one that asks again and again keeps what was read. Without ``asks_kind`` the kind is
    not asked what a training takes, for which most load torch. Without torch or a network, unless the kind tells what
    its training will take and needs them for it.
    """
    warnings: list[str] = []
    record, unknown, loaded = None, None, None

    def emit(event: str, **fields: Any) -> None:
        if event == "warning":
            warnings.append(str(fields.get("message")))

    section = plan.spec.data
    if section.network_needed(workspace.cache):  # type: ignore[union-attr]
        unknown = "the data set is not on this machine yet"
    else:
        try:
            loaded = reading(section, LoadContext(plan.spec.model.spec, workspace.cache, emit))  # type: ignore[arg-type]
            section.need_learnable(loaded)  # type: ignore[union-attr]
            record = loaded.record
        except ImportError as error:
            unknown = f"reading it needs {error.name}, not installed here"
    seconds, memory, judged_by = _judge(plan, workspace, record)
    found = Forecast(record, warnings, unknown, seconds, memory, judged_by)
    if not asks_kind:
        return found
    try:
        footprint = _footprint(plan, workspace, loaded, emit)
    except ImportError as error:
        return replace(found, footprint_unknown=f"telling it needs {error.name}, not installed here")
    except EnvironmentProblem as error:
        # What is missing here would be missing to the run as well.
        emit("warning", message=f"a run would end before its first step as things are: {error.message}")
        return replace(found, footprint_unknown=error.message)
    return replace(found, footprint=footprint)


def _footprint(
    plan: Plan, workspace: Workspace, data: LoadedData | None, emit: Callable[..., None]
) -> Footprint | None:
    estimate = registry.estimator(plan.model_type)
    if estimate is None:
        return None
    device = _device(plan.document.gpus)
    spec = plan.spec
    context = FootprintContext(
        data=data,
        epochs=spec.epochs,
        batch_size=spec.rows,
        seed=seed_of(spec),
        device=device,
        start_from=Path(plan.document.start_from) if plan.document.start_from else None,
        cache=workspace.cache,
        emit=emit,
        stored={name: Path(entry.path) for name, entry in plan.document.stored.items()},
        processes=spec.run.processes,
    )
    if spec.batch_size == "auto":
        context.at_once = starting_rows(plan.model_type, spec.model.spec, context, spec.run.memory_bytes)
    found = estimate(spec.model.spec, context)
    if found.memory is not None:
        limit, whose = memory_limit(device, spec.run.memory_bytes)
        needed = needed_memory(found.memory, device, spec.run.processes, memory_held())
        if needed > limit:
            emit(
                "warning",
                message=f"the training needs about {needed / 2**20:,.0f} MiB at once, libraries and all, "
                f"and {whose} has {limit / 2**20:,.0f} MiB: try {', '.join(found.savings)}",
            )
    return found


def _device(gpus: int | str | None) -> str:
    """What the run would train on here. One that asks for a GPU that is not here is told of the CPU."""
    if gpus == 0:
        return "cpu"
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def next_reference(plan: Plan, workspace: Workspace) -> str:
    """What the model will be stored as."""
    existing = versions(workspace.store, plan.model_type, plan.spec.model.name)
    return f"{plan.model_type}/{plan.spec.model.name}/v{existing[-1].version + 1 if existing else 1}"


def _judge(plan: Plan, workspace: Workspace, record: JsonObject | None) -> tuple[float | None, int | None, str | None]:
    """The newest run of this type that succeeded in one go: its time by rows and epochs, its memory as it was."""
    for run in all_runs(workspace.runs):
        try:
            planned = run.read("plan", PlanDocument)
            if planned is None or planned.model_type != plan.model_type:
                continue
            state, outcome = run.state(), run.read("outcome", Outcome)
            if state.state != State.SUCCEEDED or state.attempts != 1 or outcome is None or outcome.seconds is None:
                continue
            then = _work((run.document("spec") or {}).get("epochs"), _rows(run.path))
            now = _work(plan.spec.epochs, record)
        except RunnerError:
            continue
        share = now / then if now and then else 1.0
        return outcome.seconds * share, outcome.peak_memory, run.id
    return None, None, None


def _rows(path: Path) -> JsonObject | None:
    from runner.runs.event_kinds import DataEvent
    from runner.runs.events import EventReader

    for event in EventReader(path).new():
        if isinstance(event, DataEvent):
            return event.record
    return None


def _work(epochs: int | None, record: JsonObject | None) -> float | None:
    rows = (record or {}).get("train")
    return float(rows) * max(1, epochs or 1) if isinstance(rows, int) else None
