"""A sweep as W&B's own: what is tried next is drawn there, and each of its agents trains one trial after another here.

What W&B cannot have of a sweep is refused by name. Its agent starts ``runner sweep trial`` with the values as JSON, so
that a trial is the spec that ``runner sweep run`` would have made of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from runner.errors import Fault, SpecError
from runner.spec import pointers
from runner.spec.envelope import ENGINES
from runner.sweeps.search_space import dotted, pointer_of, space_of
from runner.sweeps.sweep_checking import CheckedSweep
from runner.sweeps.sweep_fields import Parameter, Pruning, SweepSection
from runner.sweeps.sweep_reading import LoadedSweep
from runner.sweeps.trial_specs import Child, child_of

#: Our methods, and what W&B calls what does the same.
METHODS = {"grid": "grid", "random": "random", "tpe": "bayes", "gp": "bayes"}
#: What a parameter may be called there.
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
#: Values of a range with a step that are listed, at most: its own steps are counted from 0, and ours from ``min``.
MOST_LISTED = 1000
#: Fields of a sweep that W&B's agents have no word for, and what to do instead of them.
REFUSED = {
    "constraints": "W&B draws what does not fit too, and would take it for a failure: vary less instead",
    "time_budget": "stop the agents instead, or give `trials`",
    "max_failures": "an agent has its own: wandb agent --max-consecutive-failed-runs",
    "on_fail": "an agent has its own: wandb agent --max-consecutive-failed-runs 1",
    "keep_models": "take the models out when it is over: runner models remove",
}


@dataclass(frozen=True)
class WandbSweep:
    """What ``wandb sweep`` reads, and what is otherwise there than here: a sentence each."""

    config: dict[str, Any]
    notes: list[str]


def configuration(checked: CheckedSweep, file: str) -> WandbSweep:
    """The sweep's configuration for W&B, whose agents read the sweep in ``file``, as seen from where they are started.

    Raises :class:`SpecError` for what W&B cannot have.
    """
    loaded, sweep = checked.loaded, checked.loaded.sweep
    faults = list(_faults(checked))
    if faults:
        raise SpecError(faults, source=loaded.document.source)
    assert loaded.base.spec.wandb is not None
    grid = sweep.method == "grid"
    config: dict[str, Any] = {
        "name": sweep.name,
        "project": loaded.base.spec.wandb.project,
        "method": METHODS[sweep.method],
        "metric": {"name": checked.metric, "goal": checked.goal},
        "parameters": {
            dotted(pointer): _parameter(parameter, grid) for pointer, parameter in checked.space.parameters.items()
        },
    }
    if not grid or sweep.trials is not None:
        config["run_cap"] = checked.trials
    if sweep.prune is not None:
        config["early_terminate"] = {"type": "hyperband", "min_iter": sweep.prune.min_step, "eta": sweep.prune.eta}
    config["command"] = ["${env}", "runner", "sweep", "trial", file, "--values", "${args_json}"]
    return WandbSweep(config, list(_notes(sweep)))


def trial(loaded: LoadedSweep, given: Mapping[str, Any]) -> Child:
    """The trial of the values that an agent gives, by dotted path or pointer. Raises :class:`SpecError` for a place
    that the sweep does not vary, and for values that make no spec."""
    space = space_of(loaded.sweep)
    values: dict[str, Any] = {}

    def fault(pointer: str, message: str, hint: str | None = None) -> SpecError:
        return SpecError([Fault(message, pointer, hint=hint)], source=loaded.document.source)

    for place, value in given.items():
        pointer = pointer_of(place)
        parameter = space.parameters.get(pointer)
        if parameter is None:
            known = ", ".join(map(dotted, space.parameters))
            raise fault(pointer, "the sweep varies no such place", f"it varies {known}")
        if pointer in values:
            raise fault(pointer, "has two values", "give it once")
        values[pointer] = int(value) if _whole(parameter, value) else value
    try:
        return child_of(loaded.base_value, loaded.sweep.name, values)
    except KeyError as error:
        raise fault(str(error.args[0]), "lies inside something that is no object in the base spec") from None


def _whole(parameter: Parameter, value: Any) -> bool:
    """Whether a value is a whole number that was drawn as another: 16.0 of a range of whole numbers."""
    return parameter.values is None and parameter.whole and isinstance(value, float) and value.is_integer()


def _parameter(parameter: Parameter, grid: bool) -> dict[str, Any]:
    if parameter.values is not None:
        return {"values": parameter.values}
    assert parameter.min is not None and parameter.max is not None
    if grid or parameter.step is not None:
        return {"values": parameter.stepped()}
    ends = {"min": parameter.min, "max": parameter.max}
    if parameter.whole:
        return {"distribution": "q_log_uniform_values", "q": 1} | ends if parameter.log else \
            {"distribution": "int_uniform"} | ends  # fmt: skip
    return {"distribution": "log_uniform_values" if parameter.log else "uniform"} | ends


def _faults(checked: CheckedSweep) -> Iterator[Fault]:
    """What W&B cannot have of a sweep."""
    loaded, sweep = checked.loaded, checked.loaded.sweep
    written = loaded.document.value["sweep"]
    key = "space" if "space" in written else "parameters"

    def fault(at: tuple[str | int, ...], message: str, hint: str | None = None) -> Fault:
        pointer = pointers.join(at)
        return Fault(message, pointer, *loaded.document.position(pointer), hint=hint)

    if loaded.base.spec.wandb is None:
        hint = 'write {"wandb": {"project": "..."}} into the base spec'
        yield fault(("base",), "is followed on no W&B, which would hear of no trial", hint)
    if (executor := loaded.base.spec.run.executor) in ENGINES:
        message = f"an agent trains on its own machine, and not on {executor}: start agents on the machines there"
        yield fault(("base", "run", "executor"), message, "local, or docker")
    if sweep.method not in METHODS:
        yield fault(("sweep", "method"), f"W&B has no {sweep.method}", f"take {', '.join(METHODS)}")
    if isinstance(sweep.metric, list):
        yield fault(("sweep", "metric"), "W&B's agents go by one metric, and there are two", "name one")
    elif sweep.metric.at == "best":
        yield fault(("sweep", "metric", "at"), "W&B goes by what a run ended with", "leave it out")
    if sweep.prune is not None and sweep.prune.kind == "median":
        yield fault(("sweep", "prune", "kind"), "W&B has no median, only hyperband", "write hyperband, or leave it out")
    for name, hint in REFUSED.items():
        field = type(sweep).model_fields[name]
        if getattr(sweep, name) != field.get_default(call_default_factory=True):
            yield fault(("sweep", name), "W&B's agents have no such thing", hint)
    for place, given in sweep.space.items():
        pointer = pointer_of(place)
        parameter = checked.space.parameters[pointer]
        if pointer_of(dotted(pointer)) != pointer or not NAME.fullmatch(dotted(pointer)):
            message = "W&B takes no such name: letters, digits, _ and - between dots"
            yield fault(("sweep", key, place), message, "vary the object around it, by `values`")
        if getattr(given, "when", None):
            yield fault(("sweep", key, place, "when"), "W&B varies everything in every trial", "leave it out")
        if parameter.step is not None and parameter.stepped(MOST_LISTED) is None:
            message = f"has more than {MOST_LISTED:,} values, which W&B would be given as a list"
            yield fault(("sweep", key, place, "step"), message, "take a greater step, or leave it out")


def _notes(sweep: SweepSection) -> Iterator[str]:
    if sweep.method in ("tpe", "gp"):
        yield f"W&B draws by bayes, its own Gaussian process, in place of {sweep.method}"
    if isinstance(sweep.prune, Pruning):
        yield f"W&B stops runs by its own hyperband, in place of {sweep.prune.kind}"
    if "seed" in sweep.model_fields_set:
        yield "W&B takes no seed: another sweep of this file tries other values"
    if sweep.parallel > 1:
        yield f"each agent trains one trial at a time: start {sweep.parallel} of them"
