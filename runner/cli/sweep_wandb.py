"""``runner sweep wandb | trial``: a sweep that W&B's agents drive."""

from __future__ import annotations

import json as jsonlib
import os
import shlex
import signal
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from runner.cli.output import fault_text, say, show
from runner.cli.parameters import Dash, Json
from runner.errors import NodeLost, Stopped, UsageError
from runner.workspace import Workspace


def wandb(
    file: Annotated[Path, Dash, Parameter(help="The sweep's file. The agents read it too, at this path.")],
    *,
    out: Annotated[Path | None, Parameter(help="Where it is written. One that is there is replaced.")] = None,
    json: Json = False,
) -> None:
    """Write a sweep as a configuration of W&B, whose agents then say what is tried next and train it.

    `wandb sweep OUT` makes it known there, and says which `wandb agent` to start, on as many machines as you like.

    Example: runner sweep wandb sweep.json --out wandb.yaml
    """
    import yaml

    from runner.cli.sweep import checked_sweep
    from runner.store.files import write_atomic
    from runner.sweeps.wandb_sweep import configuration

    if str(file) == "-":
        raise UsageError("agents read the sweep's file, and standard input is none", hint="runner sweep wandb FILE")
    made = configuration(checked_sweep(file), str(file))
    text = yaml.safe_dump(made.config, sort_keys=False, allow_unicode=True, width=120)
    if out is not None:
        write_atomic(out, [text.encode()])
    for note in made.notes:
        say(note)
    kept = f"{out} is written; make it known: wandb sweep {shlex.quote(str(out))}" if out else None
    document = {"config": made.config, "notes": made.notes, "out": str(out) if out else None}
    show(document, kept or text.rstrip("\n"), as_json=json, kept=kept)


def trial(
    file: Annotated[Path, Dash, Parameter(help="The sweep's file.")],
    *,
    values: Annotated[str, Parameter(help="What is tried, a JSON object: '{\"model.spec.k_factor\": 24}'.")],
    executor: Literal["auto", "local", "docker"] | None = None,
    json: Json = False,
) -> None:
    """Train one trial of a sweep by values that another program chose: what W&B's agents start.

    Example: runner sweep trial sweep.json --values '{"model.spec.k_factor": 24}'

    Parameters
    ----------
    executor
        Where it runs; overrides the base spec's run.executor.
    """
    from runner.cli.train import train_loaded
    from runner.sweeps import sweep_reading, wandb_sweep

    loaded = sweep_reading.load_sweep_file(file)
    for warning in (*loaded.warnings, *loaded.base.warnings):
        say(fault_text(warning, loaded.document.source, "warning: "))
    child = wandb_sweep.trial(loaded, _object(values))
    try:
        train_loaded(child.loaded, Workspace.current(), executor=executor, as_json=json)
    except Stopped as error:
        if isinstance(error, NodeLost) or not os.environ.get("WANDB_SWEEP_ID"):
            raise
        # An agent takes any exit code for a failure, and ends after a few: what it stopped itself ends as it asked.
        say(str(error))
        _end_by_sigterm()
        raise


def _object(text: str) -> dict[str, Any]:
    def no_number(word: str) -> None:
        raise ValueError(f"it has no {word}")

    try:
        found = jsonlib.loads(text, parse_constant=no_number)
    except ValueError as error:
        raise UsageError(f"no JSON: {error}", where="--values", hint="such as '{\"epochs\": 4}'") from None
    if not isinstance(found, dict):
        raise UsageError("no JSON object", where="--values", hint="such as '{\"epochs\": 4}'")
    return found


def _end_by_sigterm() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)
