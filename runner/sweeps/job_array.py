"""A sweep as a job array of Slurm: every trial's spec as a file, and one script that trains them all.

Only what is drawn without knowing what came of the others can be written down before: a grid, or draws at random. The
trials have the names that ``runner sweep run`` gives them, so that it finds them trained and takes them over.
"""

from __future__ import annotations

import os
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from runner.engines.engine import Order
from runner.engines.slurm import unfit, writes_into
from runner.engines.slurm_script import array_script
from runner.errors import ConflictError, EnvironmentProblem, Fault, RunFailed, SpecError
from runner.store.files import cannot_write, write_atomic, write_json
from runner.sweeps.constraint_checking import feasible
from runner.sweeps.optuna_study import Chooser
from runner.sweeps.running import MOST_VAIN
from runner.sweeps.sweep_checking import CheckedSweep
from runner.sweeps.sweep_folder import SweepFolder, sweep_folder
from runner.sweeps.trial_specs import Child, child_of
from runner.workspace import Workspace

#: Variables that say where parts of a workspace are.
PLACES = ("RUNNER_RUNS_DIR", "RUNNER_STORE_DIR", "RUNNER_OUTPUT_DIR", "RUNNER_OUTBOX_DIR", "RUNNER_CACHE_DIR")


@dataclass(frozen=True)
class JobArray:
    """What was written."""

    script: Path
    specs: list[Path]


def write_array(checked: CheckedSweep, workspace: Workspace, cwd: Path) -> JobArray:
    """Write ``sweeps/NAME/array.sbatch`` and ``sweeps/NAME/trials/*.json``.

    ``cwd`` is the folder that the specs' relative paths begin in. Raises :class:`SpecError` for a sweep whose trials
    depend on each other and for what Slurm does not take, :class:`ConflictError` for one that has been begun, and
    :class:`RunFailed` where nothing fits.
    """
    _need_independent(checked)
    folder = sweep_folder(workspace, checked.loaded.sweep.name)
    if folder.record().trials:
        raise ConflictError(
            "the sweep has been begun, and an array would draw its trials anew",
            where=str(folder.path),
            hint="go on with it: runner sweep run",
        )
    children = _drawn(checked)
    if not children:
        raise RunFailed("no trial is a spec that fits", where=str(folder.path))
    order = _order(checked, workspace, folder)
    if not writes_into(order.folder or ""):
        raise EnvironmentProblem(
            "sbatch takes no folder with blanks, quotes, #, % or \\",
            where=str(folder.path),
            hint="name another folder in RUNNER_HOME",
        )
    if faults := unfit(order):
        raise SpecError([_in_base(fault, checked) for fault in faults], source=checked.loaded.document.source)
    specs = [folder.spec(child.name) for child in children]
    script = folder.path / "array.sbatch"
    try:
        specs[0].parent.mkdir(parents=True, exist_ok=True)
        for path, child in zip(specs, children, strict=True):
            write_json(path, _on_a_machine(child.loaded.document.value))
        text = array_script(order, [str(spec) for spec in specs], checked.loaded.sweep.parallel, cwd)
        write_atomic(script, text.encode())
    except OSError as error:
        raise cannot_write(folder.path, error) from error
    return JobArray(script, specs)


def _need_independent(checked: CheckedSweep) -> None:
    sweep, document = checked.loaded.sweep, checked.loaded.document
    faults = []
    if sweep.method not in ("grid", "random"):
        message = f"what {sweep.method} tries next depends on what came of the others: an array is of grid or random"
        faults.append(Fault(message, "/sweep/method", *document.position("/sweep/method")))
    if sweep.pruning is not None:
        message = "trials of an array know nothing of each other: leave it out, or use `runner sweep run`"
        faults.append(Fault(message, "/sweep/prune", *document.position("/sweep/prune")))
    if checked.loaded.base.spec.run.gpus == "all":
        message = '"all" is for this machine: a job is given a number'
        faults.append(Fault(message, "/base/run/gpus", *document.position("/base/run/gpus")))
    if faults:
        raise SpecError(faults, source=document.source)


def _drawn(checked: CheckedSweep) -> list[Child]:
    """The trials that ``sweep run`` would train, in its order: each training once, none that does not fit."""
    sweep, base = checked.loaded.sweep, checked.loaded.base_value
    chooser = Chooser(sweep, checked.space, base, [aim.goal for aim in checked.aims])
    found: dict[str, Child] = {}
    vain = number = 0
    while len(found) < checked.trials and (vain < MOST_VAIN or sweep.method == "grid"):
        values = chooser.next(number)
        if values is None:
            break
        number += 1
        try:
            child = child_of(base, sweep.name, values)
        except SpecError:
            # `sweep run` lists it as infeasible.
            child = None
        if child is None or child.identity in found or feasible(checked.loaded, child):
            vain += 1
        else:
            found[child.identity], vain = child, 0
    return list(found.values())


def _order(checked: CheckedSweep, workspace: Workspace, folder: SweepFolder) -> Order:
    """What each job is given: the base spec's ``run``, as a run of its own would be."""
    spec = checked.tried[0].loaded.spec
    section, engine = spec.run, spec.run.engine
    names = [*section.env, *(spec.model.spec.secrets() if spec.model.spec else ()), "HF_TOKEN"]
    if spec.wandb is not None:
        names += ["WANDB_API_KEY", "WANDB_BASE_URL", "WANDB_MODE", "WANDB_ENTITY"]
    return Order(
        name=folder.name,
        command=("runner", "train", "--spec-file"),
        folder=str(folder.path / "trials"),
        environment={"RUNNER_HOME": str(workspace.home.absolute())}
        | {name: os.environ[name] for name in PLACES if name in os.environ},
        secret_names=tuple(dict.fromkeys(names)),
        image=section.image,
        gpus=section.gpus if isinstance(section.gpus, int) else 0,
        cpus=section.cpus,
        memory=section.memory_bytes,
        time_limit=engine.lifetime if engine else None,
        stop_grace=engine.stop_grace if engine else 60.0,
        queue=engine.queue if engine else None,
        options=engine.options if engine else {},
    )


def _on_a_machine(document: dict[str, Any]) -> dict[str, Any]:
    """A trial's spec as the job trains it: by a process, and not by another job."""
    found = deepcopy(document)
    section = found.setdefault("run", {})
    section["executor"] = "local"
    section.pop("engine", None)
    # The job has the image.
    section.pop("image", None)
    return found


def _in_base(fault: Fault, checked: CheckedSweep) -> Fault:
    """A fault of the base spec, by its place in the sweep's document."""
    pointer = f"/base{fault.pointer}"
    line, column = checked.loaded.document.position(pointer)
    return replace(fault, pointer=pointer, line=line, column=column)
