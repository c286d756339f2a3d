"""``runner evaluate``"""

from __future__ import annotations

import gc
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from runner.cli.infer import progress_shown, sigterm_raises
from runner.cli.output import error_text, say, show
from runner.cli.parameters import Dash, Json
from runner.errors import DataError, ExitCode, UsageError
from runner.workspace import Workspace

if TYPE_CHECKING:
    from runner.evaluation.evaluating import Prepared

Words = Parameter(consume_multiple=True, negative="")


def evaluate(
    *,
    models: Annotated[list[str], Words],
    tasks: Annotated[list[Path] | None, Words] = None,
    suite: Annotated[list[str] | None, Words] = None,
    suite_path: Path | None = None,
    limit: int | None = None,
    seed: int = 0,
    batch_size: int = 16,
    check_batches: int = 0,
    fresh: Annotated[bool, Parameter(negative="")] = False,
    offline: Annotated[bool, Parameter(negative="")] = False,
    show_: Annotated[int, Parameter(name="--show")] = 0,
    output_dir: Annotated[Path | None, Dash] = None,
    device: Literal["cpu", "cuda"] = "cpu",
    json: Json = False,
) -> int:
    """Ask stored language models the tasks of some files, and put them into one table with intervals.

    Example: runner evaluate --models sft/tutor causal_lm/base --tasks specs/evaluation/opposites.json

    Writes evaluation.json, evaluation.md and evaluation.html, and a record of every sample. What is answered is kept:
    a command that was stopped goes on where it was, and one that is typed again answers nothing anew.

    Parameters
    ----------
    models
        Stored language models, TYPE/NAME or TYPE/NAME/vN, or base models that are on this machine. The later ones are
        compared with the first.
    tasks
        Task files: JSON, as `runner schema evaluation-task` says.
    suite
        Public suites, lm_eval:TASK, asked by lm-evaluation-harness where it is installed.
    suite_path
        A folder of task files of lm-evaluation-harness.
    limit
        Ask so many rows of each task, drawn by --seed. A task with fewer is refused.
    seed
        The seed of the rows that --limit draws, and of the bootstrap.
    batch_size
        Rows that a model reads at a time, at most.
    check_batches
        Answer so many samples of each task again, each alone, and tell how far the answers differ.
    fresh
        Ask again what is known from before.
    offline
        Refuse any access to a network, by the name of who asks for it.
    show_
        Print the first rows as each model would be asked them (text, token ids, template, rows shown), and ask nothing.
    output_dir
        Where the files go. Without it, evaluations/TIMESTAMP.
    device
        Where to compute.
    """
    from runner.evaluation.evaluating import Plan, evaluate, prepare
    from runner.evaluation.evaluation_files import default_folder, write
    from runner.evaluation.evaluation_tables import text, without_figures
    from runner.evaluation.network_guard import unguarded, without_network
    from runner.inference.inferring import Terminated

    for flag, value, least in (
        ("--batch-size", batch_size, 1),
        ("--limit", limit, 1),
        ("--seed", seed, 0),
        ("--check-batches", check_batches, 0),
        ("--show", show_, 0),
    ):
        if value is not None and value < least:
            raise UsageError(f"is {value}: it is {least} or more", where=flag)
    if output_dir is not None and output_dir.exists() and not output_dir.is_dir():
        raise UsageError("is not a folder", where=str(output_dir), hint="--output-dir names a folder")
    gc.enable()
    workspace = Workspace.current()
    plan = Plan(
        models, tasks or [], limit, seed, batch_size, device, check_batches, fresh, suite or [], suite_path
    )  # fmt: skip
    with without_network() if offline else unguarded(), sigterm_raises(Terminated):
        prepared = prepare(plan, workspace)
        for model in prepared.models:
            for warning in model.opened.warnings:
                say(f"warning: {warning}")
        if show_:
            _show(prepared, show_, json)
            return ExitCode.DONE
        folder = output_dir or default_folder(workspace)
        with progress_shown() as emit:
            document = evaluate(prepared, folder, emit)
    document["offline"] = offline
    files = write(document, folder)

    def human() -> str:
        width = shutil.get_terminal_size((120, 24)).columns
        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        return "\n".join([text(document, width, colour), "", *map(str, files)])

    show(
        document | {"files": [str(file) for file in files]}, human, as_json=json, kept=f"the evaluation is in {folder}"
    )
    # The tables have them too, for people.
    for task in document["tasks"] if json else ():
        for sentence in without_figures(task):
            say(f"warning: {task['name']}: {sentence}")
    if empty := [task["name"] for task in document["tasks"] if not any(row["n"] for row in task["results"])]:
        error = DataError(
            "nothing was measured: no metric has a figure",
            where=", ".join(empty),
            hint="the records of the samples say what was answered",
        )
        say(error_text(error))
        return error.code
    return ExitCode.DONE


def _show(prepared: Prepared, count: int, as_json: bool) -> None:
    """Print the first rows of each task as each model is asked them."""
    from runner.evaluation.shown_questions import as_text, shown

    documents: list[dict[str, Any]] = shown(prepared, count)
    show({"asked": documents}, lambda: as_text(documents), as_json=as_json)
