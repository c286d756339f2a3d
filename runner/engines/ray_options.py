"""The settings of Ray itself: ``run.engine.options`` of a run on a Ray cluster, and what Ray cannot give at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from runner import near_names
from runner.engines.engine import Order
from runner.errors import EnvironmentProblem, Fault

#: Where the options are in a spec.
POINTER = "/run/engine/options"
#: The address that asks for a head on this machine, for this run alone.
LOCAL = "local"
#: Where Ray's own commands look for a cluster, in their order, and what they take where nothing is said.
ADDRESS_VARIABLES = ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS")
DEFAULT_ADDRESS = "http://127.0.0.1:8265"

#: What other programs of Ray call it, and where it is asked for here.
_ELSEWHERE = {
    "num_cpus": "ask for it by /run/cpus",
    "num_gpus": "ask for it by /run/gpus",
    "memory": "ask for it by /run/memory",
    "entrypoint_num_cpus": "ask for it by /run/cpus",
    "entrypoint_num_gpus": "ask for it by /run/gpus",
    "entrypoint_memory": "ask for it by /run/memory",
    "env_vars": "name variables in /run/env",
    "submission_id": "Runner names the job itself",
    "max_failures": "ask for it by /run/engine/interruptions",
    "storage_path": "ask for it by /run/engine/root",
    "working_dir": "the nodes have Runner installed: no folder is sent there",
    "pip": "the nodes have Runner installed: nothing is installed for one run",
    "runtime_env": "the nodes have Runner installed, and variables are named in /run/env",
    "image_uri": "the nodes' own image is used",
}


def _address(value: Any) -> str | None:
    if isinstance(value, str) and (value == LOCAL or _is_dashboard(value)):
        return None
    return 'the address of the cluster\'s dashboard, as in "http://head:8265", or "local"'


def _is_dashboard(value: str) -> bool:
    """Whether it is an address over HTTP, without a password: it is written down with the run."""
    try:
        parts = urlsplit(value)
        return (
            parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc and not parts.query
        )
    except ValueError:
        return False


def _resources(value: Any) -> str | None:
    if isinstance(value, dict) and all(
        isinstance(amount, int | float) and not isinstance(amount, bool) and amount > 0 for amount in value.values()
    ):
        return None
    return 'amounts of the cluster\'s own resources, as in {"trainer": 1}'


def _labels(value: Any) -> str | None:
    if isinstance(value, dict) and all(isinstance(text, str) and text for text in value.values()):
        return None
    return 'labels that the node has, as in {"ray.io/accelerator-type": "H100"}'


def _secrets(value: Any) -> str | None:
    return None if value == "on_nodes" else '"on_nodes"'


def _program(value: Any) -> str | None:
    return None if isinstance(value, str) and value.startswith("/") else "the absolute path of the program ray"


#: The options that there are, each with what says what it takes where a value does not fit.
OPTIONS: dict[str, Callable[[Any], str | None]] = {
    "address": _address,
    "resources": _resources,
    "labels": _labels,
    "secrets": _secrets,
    "program": _program,
}


def faults(order: Order) -> list[Fault]:
    """What of an order Ray cannot do, and what is wrong with its options, each by its pointer. No value is repeated."""
    found = [*_options_faults(order.options)]
    local = order.options.get("address") == LOCAL
    if order.nodes > 1:
        why = (
            "Ray Jobs starts a run on one node, and starts several jobs one by one: some of a run's nodes would wait "
            "for the others and hold their GPUs"
        )
        hint = "leave it out and ask for more run.processes on one node, or use slurm or kubernetes"
        found.append(Fault(why, "/run/engine/nodes", hint=hint))
    if order.image is not None:
        hint = "leave it out: the run is started in the image that the cluster's nodes have"
        found.append(Fault("Ray Jobs starts no container of its own on a node", "/run/image", hint=hint))
    if order.queue is not None:
        hint = "leave it out; options.labels and options.resources say which nodes are meant"
        found.append(Fault("Ray has no queues", "/run/engine/queue", hint=hint))
    if order.time_limit is not None:
        hint = "leave it out: run.time_limit ends the run itself, with a checkpoint"
        found.append(Fault("Ray Jobs ends no job by the clock", "/run/engine/lifetime", hint=hint))
    if order.secret_names and not local and order.options.get("secrets") != "on_nodes":
        why = (
            "everybody who can open Ray's dashboard reads a job's environment: the value of a secret is not sent there"
        )
        hint = (
            'set these variables where the nodes are started, and say so: run.engine.options.secrets: "on_nodes"; '
            f"they are {', '.join(order.secret_names)}"
        )
        found.append(Fault(why, "/run/env", hint=hint))
    return found


def _options_faults(options: Mapping[str, Any]) -> list[Fault]:
    found = []
    for name, value in options.items():
        pointer = f"{POINTER}/{name.replace('~', '~0').replace('/', '~1')}"
        if (check := OPTIONS.get(name)) is not None:
            if (expected := check(value)) is not None:
                found.append(Fault(f"{name} takes {expected}", pointer, expected=expected))
        elif (elsewhere := _ELSEWHERE.get(name)) is not None:
            found.append(Fault(f"{name} is no option here: {elsewhere}", pointer, hint=elsewhere))
        else:
            hint = near_names.hint(name, OPTIONS, "there are: " + ", ".join(OPTIONS))
            found.append(Fault(f"Ray's section has no option {name!r}: {hint}", pointer, hint=hint))
    local = options.get("address") == LOCAL
    for name, here in (("program", not local), ("secrets", local)):
        if name in options and here:
            why = (
                f"{name} is for a head on this machine, and the address is a cluster's"
                if name == "program"
                else "a head on this machine has this machine's environment, and the secrets in it"
            )
            found.append(Fault(why, f"{POINTER}/{name}", hint="leave it out"))
    return found


def address_of(options: Mapping[str, Any]) -> str:
    """The cluster's address, or ``local``: of the options, else of the variables that Ray's own commands read, else
    Ray's own default. Raises :class:`EnvironmentProblem` for a variable that holds an address of another sort."""
    if "address" in options:
        return str(options["address"]).rstrip("/")
    for name in ADDRESS_VARIABLES:
        if found := os.environ.get(name):
            if not _is_dashboard(found):
                raise EnvironmentProblem(
                    f"{name} is no address of a dashboard, over which jobs are submitted",
                    where=f"{POINTER}/address",
                    hint='name the dashboard in the spec, as in "http://head:8265"',
                )
            return found.rstrip("/")
    return DEFAULT_ADDRESS
