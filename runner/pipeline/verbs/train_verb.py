"""``train``: a spec down the road of every training, resumed where a run of the same step was cut off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner import registry
from runner.contract import DataSection
from runner.errors import ConflictError, RunnerError
from runner.execution.chain import references
from runner.execution.plan import Plan, check_requirements, make_plan
from runner.execution.spec_names import file_names
from runner.execution.train_and_resume import Finished, resume, train
from runner.pipeline.loaded_pipeline import LoadedStep
from runner.pipeline.step_store import begin, begun, fingerprint
from runner.pipeline.verbs import Result, Work, external
from runner.runs.run_folder import Run, State, find_run
from runner.runs.run_state import worth_resuming
from runner.spec import pointers
from runner.spec.canonical import canonical
from runner.spec.checking import load_object
from runner.store.model_lookup import find
from runner.tracking.headline_column import headline
from runner.workspace import Workspace, absolute, current_folder

GOES_ON = True
#: How a training is executed and followed makes no other model.
LEFT_OUT = ("run", "log", "wandb", "hub", "$schema")


def inputs(step: LoadedStep, told: Any, workspace: Workspace) -> Mapping[str, Any]:
    """The canonical spec, but for references, with its own files by their bytes and stored models by their version."""
    assert step.spec is not None
    spec = step.spec.spec
    resolved = {name: value for name, value in canonical(spec).items() if name not in LEFT_OUT}
    for reference in step.references:
        resolved = _without(resolved, [str(part) for part in reference.within])
    cwd = current_folder()
    made = {_stand_in(step, reference.within) for reference in step.references}
    paths = [str(path) for path in spec.data.local_files()] if isinstance(spec.data, DataSection) else []
    paths += [name for _, name in file_names(spec)]
    files = [absolute(path, cwd) for path in paths if path not in made and str(path) not in made]
    found: dict[str, Any] = {"spec": resolved, "files": fingerprint([file for file in files if file.is_file()])}
    for pointer, name in references(step.spec):
        if external(step, tuple(pointers.split(pointer))):
            found[pointer] = find(workspace.store, name).reference
    return found


def _stand_in(step: LoadedStep, within: tuple[Any, ...]) -> Any:
    assert step.spec is not None
    return pointers.get(step.spec.value, pointers.join(within))


def _without(value: Any, path: list[str]) -> Any:
    """The value without what stands at a place."""
    if not path:
        return None
    if isinstance(value, dict) and path[0] in value:
        return value | {path[0]: _without(value[path[0]], path[1:])}
    if isinstance(value, list) and path[0].isdigit() and int(path[0]) < len(value):
        at = int(path[0])
        return [*value[:at], _without(value[at], path[1:]), *value[at + 1 :]]
    return value


def check(step: LoadedStep, workspace: Workspace, executor: str | None) -> None:
    """Plan a training that waits for nothing whole; of another what can be told: its packages, its own files, and the
    tasks of the models that its fields name."""
    assert step.spec is not None
    if not step.references:
        check_requirements(make_plan(step.spec, workspace, executor=executor))
        return
    kind = step.makes["model"].kind
    if kind is not None:
        registry.require(kind)
    cwd = current_folder()
    for pointer, name in file_names(step.spec.spec):
        if external(step, tuple(pointers.split(pointer))) and not absolute(name, cwd).is_file():
            raise ConflictError("there is no such file", where=f"{pointer}: {name}")
    section = step.spec.spec.model.spec
    for pointer, name in references(step.spec):
        place = tuple(pointers.split(pointer))
        if external(step, place):
            found = find(workspace.store, name).model_type
        elif "/" in name:
            found = name.partition("/")[0]
        else:
            continue
        if section is None or not pointer.startswith("/model/spec/"):
            continue
        needed = section.needed(pointer.removeprefix("/model/spec/"))
        if needed.task and (task := registry.task(found).name) != needed.task:
            raise ConflictError(f"{name} is a model of {task}, and a model of {needed.task} is needed", where=pointer)


def carry_out(work: Work) -> Result:
    """Train, or go on with the run that this step has begun before. A run that succeeded is not trained again."""
    loaded = load_object(work.told, f"{work.source}, step {work.step.name}")
    before = _begun(work)
    if before is not None:
        state = before.state()
        if state.state == State.SUCCEEDED and state.model is not None:
            work.watching.say(f"run {before.id} has ended well: its model is {state.model}")
            return _result(work, find(work.workspace.store, state.model), before.id)
        if state.state == State.RUNNING or worth_resuming(state.state, state.failure):
            work.watching.say(f"going on with run {before.id}")
            return _of(work, _listened(work, loaded, before))
    return _of(work, _listened(work, loaded, None))


def _listened(work: Work, loaded: Any, before: Run | None) -> Finished:
    watching = work.watching
    listeners = watching.listeners(loaded.spec)

    def announce(run: Run, plan: Plan) -> None:
        begin(work.folder, {"run": str(run.path)})
        watching.announce(run, plan)

    if before is not None:
        return resume(str(before.path), work.workspace, executor=work.executor, listeners=listeners, announce=announce)
    return train(
        loaded,
        work.workspace,
        executor=work.executor,
        listeners=listeners,
        announce=announce,
        pipeline=work.lineage,
    )


def _begun(work: Work) -> Run | None:
    path = begun(work.folder).get("run")
    try:
        return find_run(work.workspace.runs, path) if path else None
    except RunnerError:
        return None  # somebody removed it


def _of(work: Work, finished: Finished) -> Result:
    for note in finished.notes:
        work.watching.say(note)
    return _result(work, finished.model, finished.run.id)


def _result(work: Work, model: Any, run: str) -> Result:
    from runner.tracking.run_page import write_report

    manifest = model.manifest()
    figure = headline(model.model_type, manifest.metrics)
    said = f"stored as {model.reference}"
    if figure is not None:
        said += f"; {figure['column']} {figure['value']:.4g}"
    page = None
    folder = work.workspace.runs / run
    if folder.is_dir():
        page = write_report(folder, work.folder / "run.html").name
    facts = {"metrics": dict(manifest.metrics), "headline": figure, "model_type": model.model_type}
    return Result(said, model=model.reference, run=run, facts=facts, page=page)
