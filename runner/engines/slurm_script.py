"""The batch script of a job, or of an array of them: what a user would write by hand, every option on its own line."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from pathlib import PurePath, PurePosixPath

from runner.engines.engine import Order
from runner.engines.slurm_options import LINES

#: Taken along from where the job is submitted, so that a program is the same there and here. Nothing else is.
CARRIED = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL")

#: Where the first machine listens: a port of the job's own, so that two jobs on one machine do not meet.
_HEAD = 'RUNNER_HEAD=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1):$((20000 + SLURM_JOB_ID % 10000))'


def script(order: Order) -> str:
    """The script of an order, from ``#!/bin/bash`` to the line that starts the entry command."""
    # A lost machine's job begins again by itself, also when nobody waits for it. How often is counted in the run's
    # directory, by the entry command. And two jobs of one name never run at once, whoever submitted them.
    own = ["requeue", f"output={f'{order.folder}/slurm-%j.out' if order.folder else '%x-%j.out'}"]
    return _joined(order, own, ["singleton"], _entry(order))


def array_script(order: Order, specs: Sequence[str], at_once: int, cwd: PurePath) -> str:
    """The script of an array: the order's command, and after it one of the files, for every file, in the folder
    ``cwd``; at most ``at_once`` at a time. Outputs lie in the order's folder. What has ended well leaves a file
    ``.trained`` beside its spec, and is not done again.
    """
    own = [
        f"array=0-{len(specs) - 1}%{at_once}",
        # What was cut off goes on with the sweep, and would begin anew here.
        "no-requeue",
        f"output={order.folder}/slurm-%A_%a.out",
    ]
    chosen = [
        f"cd {shlex.quote(str(cwd))} || exit",
        "specs=(",
        *(f"  {shlex.quote(spec)}" for spec in specs),
        ")",
        "spec=${specs[$SLURM_ARRAY_TASK_ID]} trained=${specs[$SLURM_ARRAY_TASK_ID]%.json}.trained",
        '[ -e "$trained" ] && exit 0',
    ]
    *steps, last = _entry(order, '"$spec"')
    return _joined(order, own, [], [*chosen, *steps, f'{last} && touch "$trained"'])


def _joined(order: Order, own: list[str], waits: list[str], rest: list[str]) -> str:
    waits += [order.options["dependency"]] if "dependency" in order.options else []
    lines = [*_lines(order), *own, *([f"dependency={','.join(waits)}"] if waits else [])]
    parts = [
        "#!/bin/bash",
        *(f"#SBATCH --{line}" for line in lines),
        "",
        *(f"export {name}={shlex.quote(value)}" for name, value in order.environment.items()),
        *order.options.get("setup", ()),
        *rest,
    ]
    return "\n".join(parts) + "\n"


def duration(seconds: float) -> str:
    """Seconds as Slurm writes them: ``1-02:03:04``, days before hours."""
    whole = math.ceil(seconds)
    return f"{whole // 86400}-{whole // 3600 % 24:02}:{whole // 60 % 60:02}:{whole % 60:02}"


def _lines(order: Order) -> list[str]:
    """The lines that every job of the order has."""
    found = [f"job-name={order.name}"]
    if order.queue:
        found.append(f"partition={order.queue}")
    found += [f"nodes={order.nodes}", "ntasks-per-node=1"]
    if order.gpus:
        kind = order.options.get("gpu-type")
        found.append(f"gpus-per-node={f'{kind}:' if kind else ''}{order.gpus}")
    if order.cpus is not None:
        found.append(f"cpus-per-task={math.ceil(order.cpus)}")
    if order.memory is not None:
        found.append(f"mem={math.ceil(order.memory / 2**20)}M")
    if order.time_limit is not None:
        found.append(f"time={duration(order.time_limit)}")
    found += [
        f"signal=B:TERM@{math.ceil(order.stop_grace)}",
        "open-mode=append",
        # Names alone: the values come from the environment of the submission.
        f"export={','.join([*CARRIED, *order.secret_names])}",
    ]
    for name in LINES:
        value = order.options.get(name)
        if name == "dependency" or value is None or value is False:
            continue
        found.append(name if value is True else f"{name}={value}")
    return found


def _entry(order: Order, more: str = "") -> list[str]:
    """The lines that start the entry command on every machine, as a step: Slurm tells a step that it will be preempted
    or cancelled when that is decided, and a script only when its time is over. ``more`` is words of the shell.

    ``timeout`` limits nothing here (0): it hands SIGTERM on, and kills what is still there after the grace.
    """
    container = order.options.get("container")
    command = ["timeout", "--foreground", f"--kill-after={math.ceil(order.stop_grace)}", "0"]
    command += [*_contained(order, container), *order.command]
    step = ["srun", f"--nodes={order.nodes}", "--ntasks-per-node=1", "--kill-on-bad-exit=0"]
    # A step does not have the job's number of CPUs by itself, since Slurm 22.05.
    step += [f"--cpus-per-task={math.ceil(order.cpus)}"] if order.cpus is not None else []
    step += _pyxis(order) if container == "pyxis" else []
    several = []
    if order.nodes > 1:
        several = [_HEAD, "export RUNNER_HEAD RUNNER_NODES=$SLURM_NNODES"]
        command = ["bash", "-c", 'RUNNER_NODE_RANK=$SLURM_NODEID exec "$@"', "runner", *command]
    return [
        *several,
        "# A step has the environment of the script, and not that of the submission alone.",
        "export SLURM_EXPORT_ENV=ALL",
        "# srun kills its step when it is asked to stop itself: the step is asked.",
        """trap 'scancel --quiet --signal=TERM "$SLURM_JOB_ID"' TERM""",
        " ".join(filter(None, [shlex.join([*step, *command]), more, "&"])),
        "step=$!",
        "# A signal ends `wait`, and not what is waited for.",
        'while kill -0 "$step" 2>/dev/null; do wait "$step"; done',
        'wait "$step"',
    ]


def _bound(order: Order) -> list[str]:
    """What a container sees of the machine's folders: the root of all runs, and what the user asked for."""
    root = [str(PurePosixPath(order.folder).parent)] if order.folder else []
    return [*root, *order.options.get("mounts", ())]


def _contained(order: Order, container: str | None) -> list[str]:
    if container != "apptainer" or order.image is None:
        return []
    image = order.image if "://" in order.image or order.image.endswith(".sif") else f"docker://{order.image}"
    binds = [f"--bind={folder}" for folder in _bound(order)]
    return ["apptainer", "exec", *(["--nv"] if order.gpus else []), *binds, image]


def _pyxis(order: Order) -> list[str]:
    assert order.image is not None
    host, slash, rest = order.image.partition("/")
    # Pyxis sets a registry apart by #: https://github.com/NVIDIA/pyxis#usage
    registry = slash and not order.image.endswith(".sqsh") and ("." in host or ":" in host or host == "localhost")
    image = f"{host}#{rest}" if registry else order.image
    mounts = [folder if ":" in folder else f"{folder}:{folder}" for folder in _bound(order)]
    return [f"--container-image={image}", *([f"--container-mounts={','.join(mounts)}"] if mounts else [])]
