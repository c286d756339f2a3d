"""``infer``: a model answers the rows of a file, as ``runner infer`` does, a line of JSON each."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from runner import registry
from runner.contract.quantities import counted
from runner.inference import inferring
from runner.inference.opening import find_model
from runner.inference.row_reading import reading_of
from runner.inference.task_options import read_options
from runner.pipeline.loaded_pipeline import LoadedStep
from runner.pipeline.step_store import fingerprint
from runner.pipeline.steps.raw_rows import raw_files
from runner.pipeline.verbs import Result, Work, external
from runner.store.files import sha256_file
from runner.workspace import Workspace, absolute, current_folder

GOES_ON = True
ANSWERS = "answers.jsonl"


def inputs(step: LoadedStep, told: Any, workspace: Workspace) -> Mapping[str, Any]:
    """The model by its version, the rows by their bytes."""
    found: dict[str, Any] = {}
    if external(step, ("model",)):
        found["model"] = find_model(workspace, told["model"], or_base=True).reference
    if external(step, ("input",)):
        path = absolute(told["input"], current_folder())
        found["input"] = fingerprint([path] if path.is_file() else raw_files(told["input"]))
    return found


def check(step: LoadedStep, workspace: Workspace, executor: str | None) -> None:
    """That the model's task has the options."""
    kind = step.kinds.get(("model",))
    if external(step, ("model",)):
        kind = find_model(workspace, step.body["model"], or_base=True).model_type
    if kind is not None:
        read_options(registry.task(kind), step.body.get("options", {}))


def carry_out(work: Work) -> Result:
    """Answer every row. What an attempt before has answered is gone on with."""
    told = work.told
    question = inferring.ask(
        work.workspace,
        told["model"],
        told.get("options"),
        batch_size=told.get("batch_size", 128),
        device=told.get("device", "cpu"),
    )
    path = work.folder / ANSWERS
    reading = reading_of(question.model)
    source = Path(next(iter(work.inputs.values()), told["input"]))
    with closing(reading.reader.from_file(source, None, **reading.told)) as asked:
        provenance = inferring.infer(
            work.workspace, question, asked, inferring.Output(path, "jsonl"), work.watching.say, work.watching.emit
        )
        count = asked.count
    parts = {"answers": {"file": ANSWERS, "sha256": sha256_file(path), "rows": count}}
    return Result(f"{counted(count, 'rows')} answered by {question.model.reference}", parts, facts=provenance)
