"""The entry of a run as other programs that rent machines take it: a task of SkyPilot, a Job of Hugging Face.

They are written and not started from here. What they start is what every engine starts: the run's entry, which takes
what an earlier machine left in the run's directory, and brings back what it makes while it makes it. So a machine may
be taken away at any time, and another goes on.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable
from typing import Any

from runner.engines import node_variables
from runner.engines.engine import Order
from runner.errors import ExitCode, Fault, SpecError

#: What a machine needs to reach a root on object storage, where it has no role of its own for that.
STORAGE_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL")
#: By GPUs: what Hugging Face calls such a machine.
FLAVORS = {0: "cpu-upgrade", 1: "a100-large", 4: "a100x4", 8: "a100x8"}
#: What Hugging Face gives a Job that names no limit, seconds.
HF_TIMEOUT = 1800
#: SkyPilot's own word for the GPU of a machine, where nobody says which.
SKY_GPU = "A100"


def skypilot(order: Order) -> str:
    """A task of SkyPilot (YAML), for ``sky jobs launch``. Raises :class:`SpecError` for what it cannot be."""
    import yaml

    if faults := _faults(order):
        raise SpecError(faults)
    resources: dict[str, Any] = {"use_spot": True, "image_id": f"docker:{order.image}"}
    if order.gpus:
        resources["accelerators"] = f"{SKY_GPU}:{order.gpus}"
    if order.cpus is not None:
        resources["cpus"] = f"{math.ceil(order.cpus)}+"
    if order.memory is not None:
        resources["memory"] = f"{math.ceil(order.memory / 2**30)}+"
    # A stop with a checkpoint is no error; an error is counted in the run's directory, and the entry then says so.
    resources["job_recovery"] = {"recover_on_exit_codes": [int(ExitCode.STOPPED)]}
    task: dict[str, Any] = {"name": order.name, "resources": resources}
    lines = []
    if order.nodes > 1:
        task["num_nodes"] = order.nodes
        lines = [
            f"export {node_variables.NODES}=$SKYPILOT_NUM_NODES {node_variables.NODE_RANK}=$SKYPILOT_NODE_RANK",
            f'export {node_variables.HEAD}="$(echo "$SKYPILOT_NODE_IPS" | head -n1):{node_variables.PORT}"',
        ]
    task["envs"] = dict(order.environment)
    # Null: it has to be given when the task is launched.
    task["secrets"] = dict.fromkeys(_secrets(order))
    task["run"] = "\n".join([*lines, _entry(order), ""])
    told = "".join(f" --secret {name}" for name in _secrets(order))
    return f"# sky jobs launch FILE{told}\n" + yaml.safe_dump(task, sort_keys=False, width=120)


def hf_jobs(order: Order) -> str:
    """A Job of Hugging Face, as the command of its program ``hf`` that starts it. Raises :class:`SpecError` for what
    it cannot be."""
    faults = _faults(order)
    if order.nodes > 1:
        faults.append(Fault("a Job of Hugging Face is one machine", "/run/engine/nodes", hint="leave it out"))
    if order.gpus not in FLAVORS:
        hint = f"ask for {', '.join(map(str, FLAVORS))}"
        faults.append(Fault(f"Hugging Face has no machine of {order.gpus} GPUs", "/run/gpus", hint=hint))
    limit = order.time_limit if order.time_limit is not None else HF_TIMEOUT
    if limit <= 2 * order.stop_grace:
        message = f"{limit:g} s leave no time to train, with {order.stop_grace:g} s to stop in"
        hint = "raise it, or lower /run/engine/stop_grace"
        faults.append(Fault(message, "/run/engine/lifetime", hint=hint))
    if faults:
        raise SpecError(faults)
    words = ["hf", "jobs", "run", "--detach", "--label", f"name={order.name}", "--flavor", FLAVORS[order.gpus]]
    # The entry is stopped before the machine is: what it has made is in the run's directory by then.
    words += ["--timeout", f"{math.ceil(limit)}s"]
    words += [word for name, value in order.environment.items() for word in ("--env", f"{name}={value}")]
    words += [word for name in _secrets(order) for word in ("--secrets", name)]
    stopped = math.floor(limit - order.stop_grace)
    entry = ["timeout", "--preserve-status", "--signal=TERM", f"{stopped}s", *order.command]
    return shlex.join([*words, str(order.image), *entry]) + "\n"


#: By the word after ``--to``.
TARGETS: dict[str, Callable[[Order], str]] = {"skypilot": skypilot, "hf-jobs": hf_jobs}


def _entry(order: Order) -> str:
    entry = shlex.join(order.command)
    if order.time_limit is None:
        return entry
    stopped = math.floor(max(1.0, order.time_limit - order.stop_grace))
    return f"timeout --preserve-status --signal=TERM {stopped}s {entry}"


def _secrets(order: Order) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*order.secret_names, *STORAGE_KEYS]))


def _faults(order: Order) -> list[Fault]:
    """What rented machines do not have of an order."""
    found = []
    if order.image is None:
        hint = "one that they can pull: registry/runner@sha256:..."
        found.append(Fault("rented machines start an image, and none is named", "/run/image", hint=hint))
    if order.folder is not None:
        hint = "a root on object storage: s3://BUCKET/FOLDER"
        found.append(Fault(f"rented machines do not have the folder {order.folder}", "/run/engine/root", hint=hint))
    if order.queue is not None:
        found.append(Fault("rented machines have no queue", "/run/engine/queue", hint="leave it out"))
    if order.options:
        hint = "leave them out, and edit what is written"
        found.append(Fault("these are settings of another engine", "/run/engine/options", hint=hint))
    return found
