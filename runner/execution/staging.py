"""A run's directory, made ready for whatever starts its entry: without an engine that is asked to."""

from __future__ import annotations

from dataclasses import dataclass

from runner.engines.engine import Order
from runner.engines.run_root import RunRoot
from runner.engines.storage import need_exclusive
from runner.engines.verdict import Standing, judge
from runner.errors import Fault, SpecError
from runner.execution.engine_executor import EngineExecutor
from runner.execution.plan import Plan, make_plan
from runner.execution.remote_entry import budget_of
from runner.execution.run_inputs import inputs_of
from runner.spec.canonical import canonical
from runner.spec.checking import LoadedSpec, at_their_places
from runner.workspace import Workspace


@dataclass(frozen=True)
class Staged:
    """A spec as a run on other machines: where its directory is, or will be, and the order that starts it."""

    plan: Plan
    order: Order
    run: str

    @property
    def address(self) -> str:
        return self.order.command[-1]


def ordered(loaded: LoadedSpec, workspace: Workspace) -> Staged:
    """The order of a spec; nothing is written. Raises :class:`SpecError` for one without ``run.engine``."""
    plan = make_plan(loaded, workspace)
    with at_their_places(loaded):
        if not isinstance(plan.executor, EngineExecutor):
            hint = 'name an executor that is an engine, and "engine": {"root": "s3://BUCKET/FOLDER"}'
            raise SpecError([Fault("the run has no directory that other machines reach", "/run/engine", hint=hint)])
        found = plan.executor.id_of(plan.spec, plan.document)
        return Staged(plan, plan.executor.order(plan.job(workspace.runs), found), found)


def stage(loaded: LoadedSpec, workspace: Workspace) -> Staged:
    """The same, and the run's directory is there afterwards, with all that the run reads. Nothing is started."""
    staged = ordered(loaded, workspace)
    executor, plan = staged.plan.executor, staged.plan
    assert isinstance(executor, EngineExecutor)
    storage = executor.storage()
    need_exclusive(storage)
    root = RunRoot(storage, staged.run)
    verdict = judge(root, budget_of(canonical(plan.spec)))
    if verdict.standing is not Standing.DONE and not verdict.live:
        inputs = inputs_of(plan.spec, plan.document)
        executor.put(root, plan.job(workspace.runs), canonical(plan.spec), plan.document, inputs)
    return staged
