"""Everything about a sweep that can be told before its first trial."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from runner import near_names, registry
from runner.errors import Fault, SpecError
from runner.spec import pointers
from runner.spec.checking import LoadedSpec
from runner.spec.envelope import TrainingSpec
from runner.spec.reader import Document
from runner.sweeps import constraint_checking, held_out
from runner.sweeps.journal import Aim
from runner.sweeps.search_space import Space, dotted, pointer_of, space_of, wrong_list
from runner.sweeps.sweep_fields import Goal, Metric
from runner.sweeps.sweep_reading import LoadedSweep
from runner.sweeps.trial_specs import VARIED, Child, child_of

#: Specs of a sweep that are checked before it begins, at most: of a larger grid, and of a range, as many are drawn.
MOST_CHECKED = 200
#: Combinations of a grid, at most.
LARGEST_GRID = 100_000


@dataclass(frozen=True)
class CheckedSweep:
    """A sweep that can begin."""

    loaded: LoadedSweep
    space: Space
    kind: str
    #: What is made better: one metric, or two.
    aims: tuple[Aim, ...]
    #: Runs in all.
    trials: int
    #: Children that were made to see whether they are right.
    tried: list[Child] = field(default_factory=list)
    #: What is odd about it without being wrong.
    warnings: list[Fault] = field(default_factory=list)

    @property
    def metric(self) -> str:
        """The first."""
        return self.aims[0].metric

    @property
    def goal(self) -> Goal:
        """Which way is better in the first."""
        return self.aims[0].goal


def check(loaded: LoadedSweep) -> CheckedSweep:
    """Raise :class:`SpecError` with every fault: places that are not there, values that make no valid spec, and what
    would have no effect."""
    sweep, document, base = loaded.sweep, loaded.document, loaded.base_value
    faults: list[Fault] = []

    def fault(at: Sequence[str | int], message: str, hint: str | None = None, *, on_key: bool = False) -> None:
        pointer = pointers.join(at)
        place = document.key_position(pointer) if on_key else document.position(pointer)
        faults.append(Fault(message, pointer, *place, hint=hint))

    if loaded.base.kind is None:
        raise _at(document, ("base",), "a sweep varies a spec that has a model_type", "write model.spec into the base")
    if loaded.base.spec.hub is not None:
        fault(
            ("base",),
            "every trial would push its model to the Hub",
            "take `hub` out, and push the best when it is over",
        )
    if sweep.parallel > 1 and loaded.base.spec.run.gpus == "all":
        message = f'"all" is for one training at a time, and {sweep.parallel} trials are: say how many each has'
        fault(("base", "run", "gpus"), message, "a number, or parallel: 1")
    key = "space" if "space" in document.value["sweep"] else "parameters"
    written: dict[str, str] = {}
    for place, parameter in sweep.space.items():
        pointer = pointer_of(place)
        if (wrong := wrong_list(parameter)) is not None:
            fault(("sweep", key, place), wrong)
        if (first := written.setdefault(pointer, place)) != place:
            fault(("sweep", key, place), f"is the same place as {first}", "take one of them out", on_key=True)
        if not pointer.startswith(tuple(f"{each}/" for each in VARIED)) and pointer not in VARIED:
            fault(("sweep", key, place), *_no_place(pointer, loaded.base), on_key=True)
    if any(wrong_list(parameter) for parameter in sweep.space.values()):
        raise SpecError(faults, source=document.source)
    try:
        space = _typed(loaded, space_of(sweep))
    except ValueError as error:
        raise _at(document, ("sweep", key), f"parameters {error}", "take one of their `when` out") from None
    for place, parameter in sweep.space.items():
        for other, wanted in (getattr(parameter, "when", None) or {}).items():
            if pointer_of(other) in space.parameters:
                wishes = wanted if isinstance(wanted, list) else [wanted]
                if not any(space.takes(pointer_of(other), each) for each in wishes):
                    fault(
                        ("sweep", key, place, "when", other),
                        f"{other} never has such a value, so that {place} is not varied",
                        f"take a value that {other} is varied over",
                    )
            elif pointers.get(base, pointer_of(other), _NOTHING) is _NOTHING:
                fault(
                    ("sweep", key, place, "when", other),
                    "neither varied nor in the base spec, so that it never has that value",
                    on_key=True,
                )
    trials = _trials(loaded, space, fault)
    aims = _aims(loaded, fault)
    faults += constraint_checking.faults(loaded, space)
    faults += held_out.faults(loaded, space, aims[0].metric)
    if sweep.prune is not None or sweep.method == "halving":
        _measured_while_trained(loaded.base.spec, fault)
    if faults:
        raise SpecError(faults, source=document.source)
    tried = _children(loaded, space, key, aims[0].metric)
    warnings = held_out.warnings(loaded, key)
    return CheckedSweep(loaded, space, loaded.base.kind, aims, trials, tried, warnings)


_NOTHING = object()


def _at(document: Document, at: Sequence[str | int], message: str, hint: str | None = None) -> SpecError:
    pointer = pointers.join(at)
    return SpecError([Fault(message, pointer, *document.position(pointer), hint=hint)], source=document.source)


def _no_place(pointer: str, base: LoadedSpec) -> tuple[str, str]:
    own = getattr(type(base.spec.model.spec), "model_fields", {})
    names = [f"/model/spec/{name}" for name in own] + ["/epochs", "/batch_size"]
    names += [f"/data/{name}" for name in getattr(type(base.spec.data), "model_fields", {})]
    last = pointer.rpartition("/")[2]
    near = near_names.nearest(pointer, names) or next((each for each in names if each.endswith(f"/{last}")), None)
    hint = f"did you mean {near}?" if near else f"such as {names[1] if len(names) > 1 else names[0]}"
    if pointer.startswith(("/run", "/log", "/wandb", "/hub", "/model/name")):
        return "decides nothing of what is learned: every trial would train the same", hint
    return "no place of the base spec", hint


def _trials(loaded: LoadedSweep, space: Space, fault: Any) -> int:
    """How many runs there are in all."""
    sweep = loaded.sweep
    if sweep.method != "grid":
        return sweep.trials or 20
    try:
        found = space.combinations(loaded.base_value)
        count = sum(1 for _ in itertools.islice(found, LARGEST_GRID + 1))
    except ValueError as error:
        key = "space" if "space" in loaded.document.value["sweep"] else "parameters"
        place = next((each for each in sweep.space if pointer_of(each) == str(error)), "")
        fault(("sweep", key, place), "a grid needs values: this range has no step", "give it `step`, or list `values`")
        return 1
    if count > LARGEST_GRID:
        fault(("sweep", "method"), f"the grid has more than {LARGEST_GRID:,} combinations", "draw from it: random, tpe")
    return min(sweep.trials or count, count)


def _aims(loaded: LoadedSweep, fault: Any) -> tuple[Aim, ...]:
    """What is made better, and which way."""
    listed = loaded.sweep.metrics
    at: Sequence[str | int] = ("sweep", "metric")
    found = [_aim(loaded, each, (*at, place) if len(listed) > 1 else at, fault) for place, each in enumerate(listed)]
    if len(found) > 1 and found[0].metric == found[1].metric:
        fault((*at, 1), f"is {found[0].metric} as the first one is", "name another, or give one metric alone")
    return tuple(found)


def _aim(loaded: LoadedSweep, asked: Metric, at: Sequence[str | int], fault: Any) -> Aim:
    assert loaded.base.kind is not None
    task = registry.task(loaded.base.kind)
    measure = next((each for each in task.measures if each.metric == asked.name), task.measures[0])
    if asked.name is None or asked.name == measure.metric:
        own: Goal = "maximize" if measure.better == "higher" else "minimize"
        if asked.goal not in (None, own):
            fault((*at, "goal"), f"of {measure.metric}, {measure.better} is better", f'"{own}", or leave it out')
        return Aim(measure.metric, asked.goal or own)
    if asked.goal is None:
        known = ", ".join(each.metric for each in task.measures)
        near = near_names.nearest(asked.name, [each.metric for each in task.measures])
        fault(
            (*at, "name"),
            "none of the figures that this kind is judged by, so `goal` has to say which way is better",
            f"did you mean {near}?" if near else f"they are {known}; or give `goal`",
        )
    return Aim(asked.name, asked.goal or "maximize")


def _measured_while_trained(spec: TrainingSpec, fault: Any) -> None:
    """A pruner that hears nothing is a fault, not a silence."""
    own = spec.model.spec
    at = ("sweep", "prune") if own is None else ("sweep",)
    if own is None or not own.uses_epochs:
        fault(at, f"{getattr(own, 'model_type', 'this kind')} tells no measurement while it trains: nothing can be "
              "stopped by one", "take the pruning out")  # fmt: skip


def _typed(loaded: LoadedSweep, space: Space) -> Space:
    """Ranges whose ends are written as whole numbers are of whole numbers only where the field takes no other: 0 and
    1 are the ends of a share, too."""
    found = dict(space.parameters)
    for pointer, parameter in space.parameters.items():
        if (
            parameter.values is not None
            or parameter.type is not None
            or not parameter.whole
            or parameter.step is not None
        ):
            continue
        assert parameter.min is not None and parameter.max is not None
        between = next(each for each in space.corners() if pointer in each) | {
            pointer: (parameter.min + parameter.max) / 2 + 0.25
        }
        try:
            child_of(loaded.base_value, loaded.sweep.name, between)
            kind: Literal["int", "float"] = "float"
        except (SpecError, KeyError):
            kind = "int"
        found[pointer] = parameter.model_copy(update={"type": kind})
    return Space(found)


def _children(loaded: LoadedSweep, space: Space, key: str, metric: str) -> list[Child]:
    """Make children of every end and choice, and of some that are drawn. Raises SpecError for those that are no specs.

    What several have wrong alike is told once.
    """
    base, name = loaded.base_value, loaded.sweep.name
    tried = [*space.corners()]
    if loaded.sweep.method == "grid":
        tried += itertools.islice(space.combinations(base), MOST_CHECKED)
    else:
        tried += [space.at_random(random.Random(seed), base) for seed in range(16)]  # noqa: S311 - not for a secret
    found: list[Child] = []
    faults: dict[tuple[str, str], Fault] = {}
    for values in tried[:MOST_CHECKED]:
        try:
            found.append(child_of(base, name, values))
            if (measured := held_out.nothing_left(found[-1], metric)) is not None:
                raise SpecError([measured])
        except SpecError as error:
            for each in error.faults:
                faults.setdefault((each.pointer, each.message), _of_value(loaded, space, key, values, each))
        except KeyError as error:
            pointer = str(error.args[0])
            place = next(each for each in loaded.sweep.space if pointer_of(each) == pointer)
            where = pointers.join(("sweep", key, place))
            faults.setdefault(
                (where, "inside"),
                Fault(
                    "lies inside something that is no object in the base spec",
                    where,
                    *loaded.document.key_position(where),
                    hint="write the object into the base spec first",
                ),
            )
    if faults:
        raise SpecError(list(faults.values()), source=loaded.document.source)
    _differ(loaded, space, key, found)
    return found


def _of_value(loaded: LoadedSweep, space: Space, key: str, values: Mapping[str, Any], fault: Fault) -> Fault:
    """A child's fault, at the parameter whose value it is of where there is one."""
    place = next(
        (
            each
            for each in loaded.sweep.space
            if fault.pointer == pointer_of(each) or fault.pointer.startswith(pointer_of(each) + "/")
        ),
        next((each for each in loaded.sweep.space if pointer_of(each) in values), None),
    )
    said = ", ".join(f"{dotted(pointer)} = {value!r}" for pointer, value in values.items())
    where = pointers.join(("sweep", key, place) if place else ("sweep", key))
    line, column = loaded.document.key_position(where)
    message = f"{fault.message}: of {said}, at {fault.pointer or 'the top'}"
    return Fault(message, where, line, column, fault.expected, fault.found, fault.hint)


def _differ(loaded: LoadedSweep, space: Space, key: str, tried: Sequence[Child]) -> None:
    """Raise SpecError for a parameter whose values all train the same."""
    for place in loaded.sweep.space:
        pointer = pointer_of(place)
        parameter = space.parameters[pointer]
        if parameter.when is not None or (parameter.values is not None and len(parameter.values) == 1):
            continue
        own = [values for values in space.corners() if set(values) == {pointer}]
        kinds = {child_of(loaded.base_value, loaded.sweep.name, values).identity for values in own}
        if len(kinds) == 1 and len(own) > 1:
            raise _at(
                loaded.document,
                ("sweep", key, place),
                "has no effect: its values train the same",
                "take it out, or vary what it depends on too",
            )
