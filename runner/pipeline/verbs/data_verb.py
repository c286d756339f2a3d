"""Data steps: rows in, rows out, by the functions of :mod:`runner.pipeline.steps`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from runner.contract.quantities import counted
from runner.data.hub_files import is_hub_name
from runner.pipeline.loaded_pipeline import LoadedStep
from runner.pipeline.step_store import fingerprint
from runner.pipeline.steps import STEPS
from runner.pipeline.steps.carrying_out import carry_out as carry_out_step
from runner.pipeline.steps.raw_rows import raw_files
from runner.pipeline.verbs import Result, Work, external
from runner.store.files import write_json
from runner.workspace import Workspace

GOES_ON = False
#: The folder of the rows, below the step's own.
ROWS = "rows"
#: What a step that gives no rows tells, as a file.
FIGURES = "figures.json"


def inputs(step: LoadedStep, told: Any, workspace: Workspace) -> Mapping[str, Any]:
    """The input's files by their bytes; a data set of the Hub by its name."""
    assert step.section is not None
    reads: Callable[[Any], list[Path]] = getattr(import_module(STEPS[step.verb].module), "reads", lambda options: [])
    beside = {"beside": fingerprint([path for path in reads(step.section) if path.is_file()])}
    if not external(step, ("input",)):
        return beside
    path = told["input"]
    return beside | {"input": [[path, "hub"]] if is_hub_name(path) else fingerprint(raw_files(path))}


def check(step: LoadedStep, workspace: Workspace, executor: str | None) -> None:
    """That its files are there is told where they are read for the key."""


def carry_out(work: Work) -> Result:
    """Run the step, and give its report."""
    step = STEPS[work.step.verb]
    own = {name: value for name, value in work.told.items() if name != "input"}
    options = step.options.model_validate_json(json.dumps(own))
    # With an account of its own, so that a training's lock tells of the rows wherever they lie.
    report = carry_out_step(step, work.inputs, options, work.folder / ROWS).report
    for warning in report.warnings:
        work.watching.say(f"warning: {warning}")
    facts = report.as_dict()
    parts: dict[str, dict[str, Any]] = {
        part: vars(report.files[name]) | {"file": f"{ROWS}/{name}"} for part, name in report.parts.items()
    }
    if not step.gives_rows:
        write_json(work.folder / FIGURES, facts)
    return Result(_summary(report), parts, facts=facts)


def _summary(report: Any) -> str:
    said = [f"{counted(report.rows_read, 'rows')} read"]
    rows = {part: report.files[name].rows for part, name in report.parts.items()}
    if len(rows) > 1:
        said.append(", ".join(f"{count:,} {part}" for part, count in rows.items()))
    elif rows:
        said.append(f"{report.rows_written:,} written")
    reasons = [f"{reason} {count:,}" for reason, count in report.dropped.most_common(4)]
    if reasons:
        said.append(f"left out: {', '.join(reasons)}")
    changed = [f"{reason} {count:,}" for reason, count in report.changed.most_common(3)]
    if changed:
        said.append(f"changed: {', '.join(changed)}")
    return "; ".join(said).replace("_", " ")
