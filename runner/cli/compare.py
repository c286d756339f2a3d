"""``runner compare``"""

from __future__ import annotations

import gc
import os
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from runner.cli.output import say, show
from runner.cli.parameters import Dash, Json
from runner.errors import ExitCode, UsageError
from runner.workspace import Workspace

if TYPE_CHECKING:
    from runner.evaluation.compared_specs import Candidate
    from runner.tracking.terminal import TerminalListener


def compare(
    *specs: Annotated[Path, Dash, Parameter(help="Spec files, one a model.")],
    data: str | None = None,
    max_samples: int | None = None,
    validation_split: float | None = None,
    seed: int | None = None,
    epochs: int | None = None,
    min_model_rows: int | None = None,
    reuse: Annotated[bool, Parameter(negative="")] = False,
    output_dir: Annotated[Path | None, Dash] = None,
    executor: Literal["auto", "local", "docker"] | None = None,
    device: Literal["cpu", "cuda"] = "cpu",
    json: Json = False,
) -> int:
    """Train several specs on one split of one data set, and put them into one table with intervals.

    Example: runner compare specs/elo_scoring.json specs/least_squares_scoring.json --data sample

    Every model is measured on the same held-out comparisons: those whose two LLMs all of them know. Writes
    comparison.json, comparison.md and comparison.html. Exits 1 when a model failed; the others are in the table.

    Parameters
    ----------
    data
        A data set's name, or a file, in place of every spec's data section. Without it they must have the same.
    max_samples
        Downsample to this many rows.
    validation_split
        The share of the rows that is held out.
    seed
        The seed of the sample, of the split and of training.
    epochs
        Epochs of every model that has any.
    min_model_rows
        The filter on rare LLMs (min_model_occurrences, min_model_comparisons) of every spec that has one.
    reuse
        Take a stored model where an identical spec was trained on this data by this code, and train the others.
    output_dir
        Where the files go. Without it, comparisons/TIMESTAMP.
    executor
        Where to train; overrides every spec's run.executor.
    device
        Where to score.
    """
    from runner.cli.train_chain import read_specs, told_all
    from runner.cli.train_words import announce
    from runner.evaluation.compare_files import write
    from runner.evaluation.compare_tables import text
    from runner.evaluation.compared_specs import Changes, candidates
    from runner.evaluation.comparing import Watching
    from runner.evaluation.comparing import compare as run
    from runner.tracking.terminal import TerminalListener

    if not specs:
        raise UsageError("no specs to compare", hint="runner compare specs/elo_scoring.json specs/simple_scoring.json")
    if output_dir is not None and output_dir.exists() and not output_dir.is_dir():
        raise UsageError(
            "is not a folder", where=str(output_dir), hint="--output-dir names a folder: three files go there"
        )
    gc.enable()
    workspace = Workspace.current()
    loaded = read_specs(specs, as_json=json)
    changes = Changes(data, max_samples, validation_split, seed, epochs, min_model_rows)
    with told_all(json):
        wanted = candidates(loaded, changes, workspace)
    folder = output_dir or default_folder()
    listening: list[TerminalListener] = []

    def listen(candidate: Candidate) -> list[TerminalListener]:
        listening.append(TerminalListener(sys.stderr, print_every=candidate.loaded.spec.log.print_every))
        return listening[-1:]

    def ended() -> None:
        while listening:
            listening.pop().close()

    watching = Watching(say, listen, announce, ended)
    document = run(wanted, workspace, reuse=reuse, executor=executor, device=device, watching=watching)
    files = write(document, folder)

    def human() -> str:
        width = shutil.get_terminal_size((120, 24)).columns
        return "\n".join(["", text(document, width), "", *map(str, files)])

    show(
        document | {"files": [str(file) for file in files]}, human, as_json=json, kept=f"the comparison is in {folder}"
    )
    if document["interrupted"]:
        say("interrupted: the files hold what was done; the same command with --reuse goes on from there")
        return ExitCode.INTERRUPTED
    return ExitCode.RUN_FAILED if any(row["state"] == "failed" for row in document["models"]) else ExitCode.DONE


def default_folder() -> Path:
    """``comparisons/TIMESTAMP`` beside the runs and the models, whose folder ``RUNNER_HOME`` moves."""
    home = Path(os.environ.get("RUNNER_HOME") or ".")
    return home / "comparisons" / time.strftime("%Y%m%d-%H%M%S")
