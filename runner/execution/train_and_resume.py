"""The road: a checked spec in, a stored model out. ``train``, ``resume`` and ``replay`` all go down it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from runner.errors import ConflictError, EnvironmentProblem, ExitCode, RunnerError, UsageError
from runner.execution.base_models import bases_of, keep_ready
from runner.execution.earlier_worker import waited_for
from runner.execution.failure_classes import RESUMABLE
from runner.execution.plan import Plan, check_requirements, make_plan
from runner.execution.plan_document import PROGRAM, PlanDocument
from runner.execution.resolved_paths import check_folder, resolve_paths
from runner.execution.secret_files import sweep
from runner.execution.supervisor import Signals, attempt, caught_signals, may_retry, resumable, wait_unless_told
from runner.runs.checkpoints import clear_checkpoints
from runner.runs.event_kinds import EpochEvent
from runner.runs.events import EventReader
from runner.runs.run_documents import Failure, Outcome, RunResult
from runner.runs.run_folder import Run, State, being_executed, find_run
from runner.spec.canonical import canonical
from runner.spec.checking import LoadedSpec, at_their_places, load_file
from runner.spec.envelope import ENGINES
from runner.spec.resume_contract import compare, refuse
from runner.store.manifest import ModelFacts
from runner.store.model_lookup import StoredModel, in_folder
from runner.store.model_storing import check_store, made_by, promote
from runner.store.replay_lock import ReplayLock
from runner.store.typed_documents import JsonObject
from runner.tracking.followed_run import followed
from runner.tracking.run_listeners import Listener
from runner.workspace import Workspace


@dataclass(frozen=True)
class Finished:
    """A run that succeeded."""

    run: Run
    model: StoredModel
    metrics: Mapping[str, object]
    tables: JsonObject
    #: What is odd about how it ran, and what became of the upload, for the person who trained.
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The ``--json`` document."""
        return {
            "run": self.run.id,
            "run_directory": str(self.run.path),
            "state": State.SUCCEEDED,
            "model": self.model.reference,
            "path": str(self.model.path),
            "metrics": self.metrics,
            "tables": self.tables,
            "notes": self.notes,
        }


def train(
    loaded: LoadedSpec,
    workspace: Workspace,
    *,
    executor: str | None = None,
    anyway: bool = False,
    listeners: Sequence[Listener] = (),
    announce: Callable[[Run, Plan], None] = lambda run, plan: None,
    pipeline: JsonObject | None = None,
    devices: tuple[str, ...] = (),
) -> Finished:
    """Plan, create the run, execute it, store the model. Raises the :class:`RunnerError` that the run ended with.

    ``devices`` are the GPUs that it has, as ``CUDA_VISIBLE_DEVICES`` names them; empty: whichever there are.
    ``pipeline`` is for the model's lock: whose step the training is (:class:`~runner.store.replay_lock.ReplayLock`).
    ``anyway``: begin although the training will not fit the machine, which is otherwise refused.
    """
    run, plan = _begun(loaded, workspace, executor, anyway, pipeline)
    announce(run, plan)
    return _carry_out(run, replace(plan, devices=devices), workspace, listeners)


def leave(
    loaded: LoadedSpec,
    workspace: Workspace,
    *,
    executor: str | None = None,
    anyway: bool = False,
    announce: Callable[[Run, Plan], None] = lambda run, plan: None,
) -> Run:
    """Plan, create the run, have an engine start it, and leave it there. :func:`resume` follows it again.

    Raises :class:`UsageError` where the executor is no engine: what is a process here ends with us.
    """
    if (executor or loaded.spec.run.executor) not in ENGINES:
        raise UsageError(
            "--detach is for a run on an engine: a run of this machine ends with the command that watches over it",
            where="/run/executor",
            hint=f"an executor that is one: {', '.join(ENGINES)}",
        )
    run, plan = _begun(loaded, workspace, executor, anyway, None)
    announce(run, plan)
    with run.lock():
        run.transition(State.RUNNING, executor=plan.executor.name)
        try:
            handle = plan.executor.start(plan.job(run.path))
        except RunnerError as error:
            run.transition(State.FAILED, exit_code=int(error.code), failure=Failure.of(error))
            raise
        run.executed_by(handle.facts())
        handle.close()
        run.transition(State.INTERRUPTED, note=f"it was left on {plan.executor.name}, and goes on there")
    return run


def _begun(
    loaded: LoadedSpec, workspace: Workspace, executor: str | None, anyway: bool, pipeline: JsonObject | None
) -> tuple[Run, Plan]:
    """A new run, all checked that can be before it begins."""
    plan = _begun_anyway(make_plan(loaded, workspace, executor=executor), anyway)
    plan = replace(plan, document=replace(plan.document, pipeline=pipeline))
    check_requirements(plan)
    check_store(workspace.store, plan.model_type, plan.spec.model.name)
    with at_their_places(loaded):
        plan.executor.check(plan.job(workspace.runs))
    _keep_ready(plan)
    run = Run.create(
        workspace.runs,
        plan.spec.model.name,
        {"spec": canonical(plan.spec), "plan": plan.document, "source": loaded.document.value},
    )
    return run, plan


def resume(
    reference: str,
    workspace: Workspace,
    *,
    changed: LoadedSpec | None = None,
    executor: str | None = None,
    allow_changed_data: bool = False,
    anyway: bool = False,
    listeners: Sequence[Listener] = (),
    announce: Callable[[Run, Plan], None] = lambda run, plan: None,
    devices: tuple[str, ...] = (),
) -> Finished:
    """Go on with a run from its last checkpoint. ``changed`` may differ from the run's spec in fields marked free.
    ``devices`` are as :func:`train` takes them.

    Data of another fingerprint than the run began with ends it with :class:`ConflictError`, unless
    ``allow_changed_data``: then both fingerprints are in its lock.
    """
    run = find_run(workspace.runs, reference)
    state = run.state().state
    if state == State.SUCCEEDED:
        raise ConflictError("the run has succeeded: there is nothing to resume", where=run.id)
    if state == State.CANCELLED:
        raise ConflictError(
            "the run was cancelled", where=run.id, hint="train its spec anew: " + str(run.path / "spec.json")
        )
    if state == State.RUNNING:
        raise being_executed(run)
    before = run.needed("plan", PlanDocument)
    if before.executor == PROGRAM:
        raise ConflictError(
            "the run's steps were taken by a program",
            where=run.id,
            hint="have the program go on from what it saved: create_training_client_from_state_with_optimizer(PATH)",
        )
    if before.executor in ENGINES and executor is not None and executor not in ENGINES:
        raise ConflictError(
            f"the run is on {before.executor}, and so are its checkpoints: it may still be going on there",
            where=run.id,
            hint=f"go on with it there, without --executor; or stop it (runner runs stop {run.id}) and train its spec "
            f"anew here: {run.path / 'spec.json'}",
        )
    loaded = load_file(run.path / "spec.json")
    cwd = Path(before.cwd)
    check_folder(cwd, run.id)
    warnings = []
    if changed is not None:
        # A run of an earlier version has its paths as they were written.
        changes = compare(
            resolve_paths(loaded.spec, cwd), make_plan(changed, workspace, executor=executor, cwd=cwd).spec
        )
        refuse(changes)
        refuse_fewer_epochs(run, changed)
        _refuse_stored(run, before, workspace)
        warnings = [f"warning: {change}" for change in changes if change.policy == "warn"]
        loaded = changed
    plan = make_plan(loaded, workspace, executor=executor or (None if changed else before.executor), cwd=cwd)
    plan.notes.extend(warnings)
    plan = _as_it_began(plan, replace(before, allow_changed_data=allow_changed_data), workspace)
    plan = _begun_anyway(plan, anyway)
    check_requirements(plan)
    check_store(workspace.store, plan.model_type, plan.spec.model.name)
    with at_their_places(loaded):
        plan.executor.check(plan.job(run.path))
    _keep_ready(plan)
    if changed is not None:
        # What an earlier attempt finished is not what this spec asks for, though this one may end before it begins.
        (run.path / "outcome.json").unlink(missing_ok=True)
        run.write("spec", canonical(plan.spec))
    run.write("plan", plan.document)
    announce(run, plan)
    return _carry_out(run, replace(plan, devices=devices), workspace, listeners, changed=changed is not None)


def _as_it_began(plan: Plan, before: PlanDocument, workspace: Workspace) -> Plan:
    """What a name meant when the run began, it means to the end, whatever was stored since."""
    kept = ("start_from", "parent", "stored", "allow_changed_data", "pipeline")
    document = replace(plan.document, **{name: getattr(before, name) for name in kept})
    folders = [*(entry.path for entry in before.stored.values()), *([before.start_from] if before.start_from else [])]
    models = [in_folder(Path(folder)) for folder in folders if Path(folder).is_dir()]
    needed = [*(model.path for model in models), *bases_of(models, workspace).folders]
    return replace(plan, document=document, read_only=tuple(dict.fromkeys([*plan.read_only, *needed])))


def _begun_anyway(plan: Plan, anyway: bool) -> Plan:
    return replace(plan, document=replace(plan.document, anyway=anyway))


def _keep_ready(plan: Plan) -> None:
    """A container does not have the packages that are installed here."""
    if plan.executor.name == "docker":
        keep_ready(plan.packaged, Path(plan.document.cache))


def refuse_fewer_epochs(run: Run, changed: LoadedSpec) -> None:
    """A run cannot unlearn: refuse to end it before the epoch that it has reached."""
    told = (event for event in EventReader(run.path).new() if isinstance(event, EpochEvent))
    reached = max((event.epoch for event in told if event.epoch is not None), default=0)
    if changed.spec.epochs < reached:
        raise ConflictError(
            f"the run has trained {reached} epochs, and the spec asks for {changed.spec.epochs}",
            where="/epochs",
            hint="ask for as many or more, or train anew without --resume",
        )


def _refuse_stored(run: Run, before: PlanDocument, workspace: Workspace) -> None:
    """A run has one model: refuse to change one that was killed after its model was stored, and before it said so."""
    model = made_by(run.id, workspace.store, before.model_type, before.name)
    if model is not None:
        raise ConflictError(
            f"the run's model is stored: {model.reference}",
            where=run.id,
            hint=f"end the run as it began: runner train --resume {run.id}; what begins with the model is another run: "
            f'"start_state": "{model.reference}"',
        )


def _carry_out(
    run: Run, plan: Plan, workspace: Workspace, listeners: Sequence[Listener], *, changed: bool = False
) -> Finished:
    """``changed``: what an earlier attempt finished is not what the spec asks for."""
    sweep()
    with run.lock(), caught_signals() as signals:
        run.transition(State.RUNNING, executor=plan.executor.name)
        with followed(run, plan.spec, listeners) as all_listeners:
            error = waited_for(run, all_listeners, signals)
            if error is None and (changed or not _trained(run)):
                error = _attempts(run, plan, all_listeners, signals)
        notes: list[str] = []
        if error is None:
            try:
                model = store_model(run, plan.document, workspace, notes)
            except RunnerError as refused:
                error = _not_stored(run, refused)
        if error is not None:
            error.where = error.where or f"run {run.id}"
            state = State.INTERRUPTED if isinstance(error, RESUMABLE) else State.FAILED
            run.transition(state, exit_code=int(error.code), failure=Failure.of(error))
            if error.code in (ExitCode.STOPPED, ExitCode.INTERRUPTED, ExitCode.TIME_LIMIT, ExitCode.KILLED):
                error.hint = "\n  ".join(part for part in (error.hint, resumable(run)) if part)
            error.hint = "\n  ".join(part for part in (error.hint, *plan.reminders) if part) or None
            raise error
        clear_checkpoints(run.path / "checkpoints")
        run.transition(State.SUCCEEDED, exit_code=0, model=model.reference, stored_at=str(model.path.absolute()))
    result = run.needed("result", RunResult)
    notes = [*plan.reminders, *notes, *_upload(run, plan, workspace, model)]
    return Finished(run, model, result.metrics, run.document("tables") or {}, notes)


def _trained(run: Run) -> bool:
    """Whether a worker has finished whose supervisor died before the model was stored: that alone is left to do."""
    outcome = run.read("outcome", Outcome)
    return outcome is not None and outcome.ok and run.read("result", RunResult) is not None


def _attempts(run: Run, plan: Plan, listeners: Sequence[Listener], signals: Signals) -> RunnerError | None:
    from tenacity import Retrying, retry_if_result, stop_after_attempt, wait_exponential_jitter

    retrying = Retrying(
        retry=retry_if_result(lambda error: may_retry(error, signals)),
        stop=stop_after_attempt(plan.spec.run.retries + 1),
        wait=wait_exponential_jitter(max=60),
        sleep=lambda seconds: wait_unless_told(seconds, signals),
        retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
    )
    return retrying(
        attempt, run, plan.executor, plan.job(run.path), listeners, signals, time_limit=plan.spec.run.time_limit
    )


def store_model(run: Run, plan: PlanDocument, workspace: Workspace, notes: list[str]) -> StoredModel:
    """Make the artifact of a run that has trained a stored model. Raises what
    :func:`~runner.store.model_storing.promote` raises."""
    result = run.needed("result", RunResult)
    return promote(
        workspace.store,
        plan.model_type,
        plan.name,
        run.path / "artifact",
        ModelFacts(
            run=run.id,
            created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            spec=run.document("spec"),
            parent=plan.parent,
            caveats=plan.caveats,
            references=plan.references,
            metrics=result.metrics,
            parameters=result.parameters,
            epochs=result.epochs,
            best_epoch=result.best_epoch,
            tables=run.document("tables") or {},
            lock=run.needed("lock", ReplayLock),
        ),
        move=True,
        say=notes.append,
    )


def _not_stored(run: Run, error: RunnerError) -> RunnerError:
    """What to type when the model is trained and only the store is in the way: it is not trained again."""
    if isinstance(error, EnvironmentProblem):
        error.message = f"the model is trained, and could not be stored: {error.message}"
        again = f"runner train --resume {run.id}"
        elsewhere = f"store it from what is there: {again}, or elsewhere: RUNNER_STORE_DIR=FOLDER {again}"
        error.hint = "\n  ".join(part for part in (error.hint, elsewhere) if part)
    return error


def _upload(run: Run, plan: Plan, workspace: Workspace, model: StoredModel) -> list[str]:
    """Queue the model for W&B and the Hub, and try once. The training's result does not depend on it."""
    notes: list[str] = []
    for section in (plan.spec.wandb, plan.spec.hub):
        if section is None:
            continue
        from runner.tracking.model_upload import queue_and_push, queue_for_hub

        try:
            if section is plan.spec.hub:
                notes += queue_for_hub(workspace, model, section)
            else:
                notes += queue_and_push(workspace, run, model, section)
        except RunnerError as error:
            notes.append(f"the model is stored but not uploaded: {error.message}; `runner artifacts push` tries again")
    return notes
