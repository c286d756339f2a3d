"""What ``train``, a chain and ``compare`` read and say alike: a spec in, the run's beginning and its end in words."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from runner.cli.output import say
from runner.cli.program_name import as_called
from runner.cli.streams import standard_input
from runner.errors import UsageError

if TYPE_CHECKING:
    from runner.execution.plan import Plan
    from runner.execution.train_and_resume import Finished
    from runner.runs.run_folder import Run
    from runner.spec.checking import LoadedSpec


def announce(run: Run, plan: Plan) -> None:
    """Say what is about to run, and where."""
    from runner.spec.envelope import ENGINES

    for note in plan.notes:
        say(note)
    where = f"in {plan.document.image}" if plan.document.image else "as a local process"
    if plan.executor.name in ENGINES:
        where = f"on {plan.executor.name}"
    say(f"run {run.id}: {plan.model_type}/{plan.spec.model.name}, {where}")


def ending(finished: Finished, command: str | None = None) -> str:
    """What ends a training that went well: the table, and the command to type next, ``command`` if it is given."""
    from runner.tracking.final_table import final_table, next_command

    reference = f"{finished.model.model_type}/{finished.model.name}"
    return final_table(
        finished.model.model_type,
        finished.metrics,
        finished.tables,
        reference,
        command or next_command(finished.model.model_type, reference, finished.tables, as_called()),
        terminal=sys.stdout.isatty(),
    )


def read_spec(file: Path | None) -> LoadedSpec:
    """The spec in ``file``, or on standard input when something is piped in."""
    from runner.spec.checking import load, load_file
    from runner.spec.reader import read_piped

    if file is not None and str(file) != "-":
        return load_file(file)
    if file is None and (sys.stdin is None or sys.stdin.isatty()):
        from runner.wizard.terminal import why_not

        raise UsageError(
            f"no spec, and nobody can be asked here: {why_not()}; missing: kind, /model/name, /data/dataset",
            hint="runner train --spec-file spec.json, or pipe one in: cat spec.json | runner train",
        )
    return load(read_piped(standard_input(), "<stdin>"), source="<stdin>")
