"""``evaluate``: language models asked the tasks of files, as ``runner evaluate`` asks them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner import registry
from runner.contract.quantities import counted
from runner.data.hub_files import is_hub_name
from runner.errors import ConflictError, RunnerError
from runner.evaluation import evaluating, evaluation_files
from runner.inference.opening import find_model
from runner.pipeline.loaded_pipeline import LoadedStep, task_of
from runner.pipeline.step_references import found_in, is_reference
from runner.pipeline.step_store import fingerprint
from runner.pipeline.steps.raw_rows import raw_files
from runner.pipeline.verbs import Result, Work
from runner.tasks.generation.questions.question_rows import read_task
from runner.workspace import Workspace

#: What was answered is kept by the models' own contents, wherever the files go.
GOES_ON = False


def inputs(step: LoadedStep, told: Any, workspace: Workspace) -> Mapping[str, Any]:
    """Stored models by their version, tasks by what they say, and their rows by their bytes."""
    models = [find_model(workspace, name, or_base=True).reference for name in told["models"] if isinstance(name, str)]
    tasks = []
    for at, task in enumerate(step.body["tasks"]):
        said = task
        if isinstance(task, str):
            said = task_of(task, step.name).task.model_dump(mode="json", by_alias=True, exclude_none=True)
        data = [said.get("data"), said.get("few_shot")]
        paths = [each["dataset"] for each in data if isinstance(each, dict) and isinstance(each.get("dataset"), str)]
        files = {path: fingerprint(raw_files(path)) for path in paths if not is_hub_name(path)}
        tasks.append({"task": told["tasks"][at] if isinstance(task, dict) else said, "files": files})
    return {"models": models, "tasks": tasks}


def check(step: LoadedStep, workspace: Workspace, executor: str | None) -> None:
    """That every model is a language model, and that the rows of tasks can be asked which no step makes."""
    for at, given in enumerate(step.body["models"]):
        where = f"/models/{at}"
        if is_reference(given):
            reference = next(each for each in step.references if each.within == ("models", at))
            kind, name = step.kinds.get(("models", at)), str(reference)
        else:
            kind, name = find_model(workspace, given, or_base=True).model_type, given
        if kind is not None and not registry.task(kind).has_room("questions"):
            task = registry.task(kind).name
            raise ConflictError(
                f"{name} is a {kind}, which answers {task}: language models are evaluated",
                where=where,
                hint="its step's own figures are of its held-out rows; `runner compare` puts several side by side",
            )
    for at, task in enumerate(step.body["tasks"]):
        if isinstance(task, str) or not list(found_in(task)):
            try:
                read_task(task_of(task, step.name), step.body.get("limit"), step.body.get("seed", 0))
            except RunnerError as error:
                error.where = f"/tasks/{at} ({error.where})" if error.where else f"/tasks/{at}"
                raise


def carry_out(work: Work) -> Result:
    """Ask, and write the same files as ``runner evaluate``."""
    told = work.told
    tasks = [task_of(task, f"{work.source}, step {work.step.name}") for task in told["tasks"]]
    plan = evaluating.Plan(
        told["models"],
        tasks,
        told.get("limit"),
        told.get("seed", 0),
        told.get("batch_size", 16),
        told.get("device", "cpu"),
        told.get("check_batches", 0),
    )
    prepared = evaluating.prepare(plan, work.workspace)
    for model in prepared.models:
        for warning in model.opened.warnings:
            work.watching.say(f"warning: {warning}")
    document = evaluating.evaluate(prepared, work.folder, work.watching.emit)
    evaluation_files.write(document, work.folder)
    figures = [row | {"task": task["name"]} for task in document["tasks"] for row in task["results"]]
    said = f"{counted(len(document['models']), 'models')} on {counted(len(document['tasks']), 'tasks')}"
    first = next((row for row in figures if row.get("value") is not None), None)
    if first is not None:
        said += f"; {first['task']} {first['metric']} {first['value']:.4g}"
    return Result(said, facts={"results": figures}, page="evaluation.html")
