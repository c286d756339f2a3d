"""What a plan will do, before it does it: rows after filters, and time and memory judged by earlier runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.contract import LoadContext
from runner.errors import RunnerError
from runner.execution.plan import Plan
from runner.execution.plan_document import PlanDocument
from runner.runs.run import State, all_runs
from runner.runs.run_documents import Outcome
from runner.store.stored_models import versions
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


def forecast(plan: Plan, workspace: Workspace) -> Forecast:
    """Read the data as the run will, without torch or a network. Raises the data's own errors: the run would too."""
    warnings: list[str] = []
    record, unknown = None, None

    def emit(event: str, **fields: Any) -> None:
        if event == "warning":
            warnings.append(str(fields.get("message")))

    section = plan.spec.data
    if section.network_needed(workspace.cache):  # type: ignore[union-attr]
        unknown = "the data set is not on this machine yet"
    else:
        try:
            loaded = section.load(LoadContext(plan.spec.model.spec, workspace.cache, emit))  # type: ignore[union-attr, arg-type]
            record = loaded.record
        except ImportError as error:
            unknown = f"reading it needs {error.name}, not installed here"
    seconds, memory, judged_by = _judge(plan, workspace, record)
    return Forecast(record, warnings, unknown, seconds, memory, judged_by)


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
