"""``runner pipeline run | show | list``"""

from __future__ import annotations

import gc
import shlex
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from runner.cli import streams
from runner.cli.infer import progress_shown, sigterm_raises
from runner.cli.output import error_text, fault_text, say, show, table
from runner.cli.parameters import Dash, Json
from runner.cli.pipeline_watching import watching
from runner.cli.program_name import as_called
from runner.errors import ExitCode, Stopped, UsageError
from runner.workspace import Workspace


def run(
    file: Annotated[Path, Dash],
    *,
    from_: Annotated[str | None, Parameter(name="--from")] = None,
    executor: Literal["auto", "local", "docker"] | None = None,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    json: Json = False,
) -> int:
    """Do the steps of a pipeline, or of each pipeline of a batch; what is done already is not done again.

    Example: runner pipeline run pipeline.json

    Everything that can be told before is checked first. After a failure or a crash the same command goes on.

    Parameters
    ----------
    file
        The pipeline, or the batch: JSON, as `runner schema pipeline` and `runner schema batch` say; - is standard
        input.
    from_
        Do this step and all after it anew, though they are done.
    executor
        Where trainings run; overrides their specs' run.executor.
    dry_run
        Check, and print what would be done, what is done already, and, of a batch, its pipelines. Starts nothing.
    """
    from runner.spec.document_sort import is_batch
    from runner.spec.reader import read_file, read_piped

    source = "<stdin>" if str(file) == "-" else str(file)
    data = read_piped(streams.standard_input(), source) if str(file) == "-" else read_file(file)
    if is_batch(data):
        from runner.cli.pipeline_batch import run_batch

        if from_ is not None:
            raise UsageError("a batch has no steps of its own", where="--from", hint="run one of its pipelines so")
        return run_batch(data, source, executor, dry_run=dry_run, as_json=json)
    from runner.inference.inferring import Terminated
    from runner.pipeline.loading import load
    from runner.pipeline.planning import StepsError, from_step, plan

    workspace = Workspace.current()
    loaded = load(data, source)
    for warning in loaded.warnings:
        say(fault_text(warning, source, "warning: "))
    try:
        if dry_run:
            planned = plan(loaded, workspace, executor)
            planned = planned if from_ is None else from_step(planned, from_)
            document = {"pipeline": loaded.name, "steps": [_planned(each) for each in planned]}
            show(document, lambda: _plan_text(planned), as_json=json)
            return ExitCode.DONE
        gc.enable()
        from runner.pipeline import running

        command = f"{as_called()} pipeline run {shlex.quote(source)}"
        with sigterm_raises(Terminated), progress_shown() as emit:
            ended = running.run(
                loaded,
                workspace,
                executor=executor,
                again_from=from_,
                watching=watching(emit),
                command=command,
            )
    except Terminated:
        raise Stopped("stopped: what is done is kept", hint="the same command goes on from there") from None
    except StepsError as error:
        for name, each in error.errors if not json else ():
            say(f"step {name!r}: {error_text(each)}")
        raise
    show(ended.as_dict(), lambda: ended_text(ended), as_json=json, kept=f"the pipeline is in {ended.folder}")
    if ended.error is not None:
        if not json:
            say(error_text(ended.error))
        return int(ended.error.code)
    return ExitCode.DONE


def _planned(planned: Any) -> dict[str, Any]:
    return {
        "step": planned.name,
        "verb": planned.step.verb,
        "state": "done before" if planned.done is not None else "to do",
        "after": list(planned.needs),
        "makes": {part: made.model or made.sort for part, made in planned.step.makes.items()},
        "key": planned.key,
        "folder": str(planned.folder),
    }


def _plan_text(planned: Any) -> str:
    rows = [
        (at, each.name, each.step.verb, "done before" if each.done else "to do", ", ".join(each.needs), _makes(each))
        for at, each in enumerate(planned, 1)
    ]
    return table(("", "STEP", "VERB", "STATE", "AFTER", "MAKES"), rows, right=(0,))


def _makes(planned: Any) -> str:
    return ", ".join(made.model or f"{planned.name}.{part}" for part, made in planned.step.makes.items())


def ended_text(ended: Any) -> str:
    """The steps of a pipeline that ran, and where what it made lies."""
    rows = [
        (at, step.name, step.state, step.record.summary if step.record is not None else "")
        for at, step in enumerate(ended.steps, 1)
    ]
    lines = [table(("", "STEP", "STATE", "WHAT IT CAME TO"), rows, right=(0,)), "", str(ended.folder)]
    if ended.page is not None:
        lines.append(str(ended.page))
    if ended.error is None:
        models = [step.record.model for step in ended.steps if step.record is not None and step.record.model]
        if models:
            lines += ["", *_next(models[-1])]
    return "\n".join(lines)


def _next(reference: str) -> list[str]:
    """What to type with the last model."""
    from runner.store.model_lookup import find
    from runner.tracking.final_table import next_command

    stored = find(Workspace.current().store, reference)
    named = f"{stored.model_type}/{stored.name}"
    return [next_command(stored.model_type, named, stored.manifest().tables, as_called())]


def show_pipeline(name: str, *, json: Json = False) -> None:
    """One pipeline: its steps as its journal has them, with what each came to.

    Example: runner pipeline show tutor

    Parameters
    ----------
    name
        The pipeline's name, as `runner pipeline list` has it.
    """
    from runner.pipeline.listing import find_pipeline

    found = find_pipeline(Workspace.current(), name)

    def human() -> str:
        rows = [
            (step["step"], step["state"], step.get("summary") or step.get("error") or "") for step in found["steps"]
        ]
        lines = [table(("STEP", "STATE", "WHAT IT CAME TO"), rows), "", str(found["folder"])]
        if found["page"]:
            lines.append(found["page"])
        return "\n".join(lines)

    show(found, human, as_json=json)


def list_pipelines(*, json: Json = False) -> None:
    """List the pipelines that were run here, the newest first.

    Example: runner pipeline list
    """
    from runner.pipeline.listing import listing

    found = listing(Workspace.current())

    def human() -> str:
        if not found:
            return "no pipelines here yet: `runner pipeline run pipeline.json` runs one"
        rows = [
            (each["pipeline"], each["state"], f"{each['done']} of {each['steps']}", each["changed"]) for each in found
        ]
        return table(("PIPELINE", "STATE", "STEPS DONE", "CHANGED"), rows, right=(2,))

    show(found, human, as_json=json)
