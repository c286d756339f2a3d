"""Whether constraints can be read, whether any trial can meet them, and which of them a trial does not."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from typing import Any

from runner.contract.quantities import counted
from runner.errors import Fault
from runner.spec import fault_messages, pointers
from runner.sweeps import constraints
from runner.sweeps.search_space import Space, Values, pointer_of
from runner.sweeps.sweep_reading import LoadedSweep
from runner.sweeps.trial_specs import Child

#: Draws among which one has to meet a constraint. A sweep itself gives up after fewer in a row.
DRAWS = 2000

_NOTHING = object()


def faults(loaded: LoadedSweep, space: Space) -> list[Fault]:
    """Every constraint that cannot be read or told, and those that nothing of the space meets."""
    document = loaded.base.spec.model_dump(mode="json")
    found: list[Fault] = []
    for at, text in enumerate(loaded.sweep.constraints):
        try:
            for place in constraints.places(text):
                if pointer_of(place) not in space.parameters and pointers.get(
                    document, pointer_of(place), _NOTHING
                ) in (_NOTHING, None):
                    raise constraints.Unfit(f"there is no {place} in the base spec")
            _told(document, space, text)
        except constraints.Unfit as error:
            found.append(_fault(loaded, at, str(error)))
    return found or _never(loaded, space, document)


def feasible(loaded: LoadedSweep, child: Child) -> str | None:
    """The constraint that a child does not fit, as it is written; None where it fits all."""
    for text in loaded.sweep.constraints:
        document = child.loaded.spec.model_dump(mode="json")
        values = {place: pointers.get(document, pointer_of(place)) for place in constraints.places(text)}
        try:
            if not constraints.holds(text, values):
                return text
        except constraints.Unfit as error:
            return f"{text}: {error}"
    return None


def _fault(loaded: LoadedSweep, at: int | None, message: str, hint: str | None = None) -> Fault:
    """A fault of one constraint, with its text, or of all of them together."""
    pointer = pointers.join(("sweep", "constraints") if at is None else ("sweep", "constraints", at))
    text = None if at is None else fault_messages.as_json(loaded.sweep.constraints[at])
    return Fault(message, pointer, *loaded.document.position(pointer), found=text, hint=hint)


def _told(document: dict[str, Any], space: Space, text: str) -> None:
    """Raise :class:`constraints.Unfit` for a constraint that compares nothing, or that can be told neither of the first
    nor of the last of what is varied."""
    if not constraints.compares(text):
        raise constraints.Unfit("compares nothing: write < <= > >= == or !=")
    named = constraints.places(text)
    base = {place: pointers.get(document, pointer_of(place), None) for place in named}
    unfit: list[constraints.Unfit] = []
    for end in (0, -1):
        values = dict(base)
        for place in named:
            if (parameter := space.parameters.get(pointer_of(place))) is not None:
                values[place] = (parameter.values or (parameter.min, parameter.max))[end]
        try:
            constraints.holds(text, values)
        except constraints.Unfit as error:
            unfit.append(error)
    if len(unfit) == 2:
        raise unfit[0]


def _never(loaded: LoadedSweep, space: Space, document: dict[str, Any]) -> list[Fault]:
    """The constraints that nothing of the space meets, or that nothing meets all of: nothing would be trained."""
    texts = loaded.sweep.constraints
    if not texts:
        return []
    every = loaded.sweep.method == "grid" or space.count(DRAWS) is not None
    tried: Iterable[Values] = (
        space.combinations(loaded.base_value)
        if every
        else (space.at_random(random.Random(seed), loaded.base_value) for seed in range(DRAWS))  # noqa: S311
    )
    met, number = set[int](), 0
    try:
        for values in tried:
            number += 1
            own = {at for at, text in enumerate(texts) if _met(text, values, document)}
            if len(own) == len(texts):
                return []
            met |= own
    except ValueError:  # a grid over a range without a step, which is told
        return []
    # As many draws in a row as this would end the sweep.
    among = f"of {counted(number, 'combinations')}" if every else f"of {number:,} draws"
    hint = "widen what is varied, or change the constraint"
    never = [at for at in range(len(texts)) if at not in met]
    if not never:
        return [_fault(loaded, None, f"never hold together: none {among} meets all {len(texts)}", hint)]
    return [_fault(loaded, at, f"never holds: none {among} meets it", hint) for at in never]


def _met(text: str, values: Mapping[str, Any], document: dict[str, Any]) -> bool:
    """Whether a constraint holds for values; also where that cannot be told without the spec that they make."""
    named: dict[str, Any] = {}
    for place in constraints.places(text):
        pointer = pointer_of(place)
        value = values.get(pointer, _NOTHING)
        if value is _NOTHING:
            if any(pointer.startswith(f"{other}/") for other in values):
                return True  # inside an object that is varied as a whole
            value = pointers.get(document, pointer, None)
        if value is None:
            return True
        named[place] = value
    try:
        return constraints.holds(text, named)
    except constraints.Unfit:
        return False
