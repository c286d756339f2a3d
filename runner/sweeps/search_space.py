"""What is varied: places of a spec, what each takes, and when."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runner.spec import pointers
from runner.sweeps.sweep_fields import Parameter, SweepSection

if TYPE_CHECKING:
    from optuna.trial import Trial

#: A pointer -> the value that is tried there.
Values = dict[str, Any]


def pointer_of(place: str) -> str:
    """A place as a pointer: it is one already, or a dotted path."""
    return place if place.startswith("/") else "/" + place.replace(".", "/")


def dotted(pointer: str) -> str:
    """A pointer as constraints write it."""
    return ".".join(pointers.split(pointer))


@dataclass(frozen=True)
class Space:
    """Parameters by pointer, in the order in which they are drawn: one after those that it waits for."""

    parameters: Mapping[str, Parameter]

    def active(self, pointer: str, values: Mapping[str, Any], base: Mapping[str, Any]) -> bool:
        """Whether a parameter is varied, given what was drawn for others and what the base spec says."""
        when = self.parameters[pointer].when or {}
        for place, wanted in when.items():
            other = pointer_of(place)
            there = values.get(other, pointers.get(base, other))
            if not any(same(there, each) for each in (wanted if isinstance(wanted, list) else [wanted])):
                return False
        return True

    def suggested(self, trial: Trial, base: Mapping[str, Any]) -> Values:
        """Draw every parameter that is varied. Choices are drawn by their place in the list, so that they may be
        anything."""
        drawn: Values = {}
        for pointer, parameter in self.parameters.items():
            if not self.active(pointer, drawn, base):
                continue
            if parameter.values is not None:
                choice = trial.suggest_categorical(pointer, list(range(len(parameter.values))))
                drawn[pointer] = parameter.values[choice]
            else:
                drawn[pointer] = _number(trial, pointer, parameter)
        return drawn

    def at_random(self, draw: random.Random, base: Mapping[str, Any]) -> Values:
        """Values at random, for a look, as the method ``random`` draws them."""
        values: Values = {}
        for pointer, parameter in self.parameters.items():
            if not self.active(pointer, values, base):
                continue
            if (counted := parameter.stepped(10_000)) is not None:
                values[pointer] = draw.choice(counted)
                continue
            assert parameter.min is not None and parameter.max is not None
            if parameter.log:
                drawn = math.exp(draw.uniform(math.log(parameter.min), math.log(parameter.max)))
            else:
                drawn = draw.uniform(parameter.min, parameter.max)
            values[pointer] = round(drawn) if parameter.whole else min(max(drawn, parameter.min), parameter.max)
        return values

    def count(self, most: int) -> int | None:
        """How many combinations there are at most, conditions not counted; None for more than ``most``, and for a range
        without a step."""
        count = 1
        for parameter in self.parameters.values():
            values = parameter.stepped(most)
            count *= len(values) if values is not None else most + 1
            if count > most:
                return None
        return count

    def fixed(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values as Optuna's ``enqueue_trial`` takes them. Raises ValueError for one that is no choice."""
        found = {}
        for pointer, value in values.items():
            parameter = self.parameters[pointer]
            if parameter.values is None:
                found[pointer] = value
            else:
                found[pointer] = next(at for at, each in enumerate(parameter.values) if same(each, value))
        return found

    def combinations(self, base: Mapping[str, Any]) -> Iterator[Values]:
        """A grid: every combination once, the last parameter first to change. Raises ValueError for a range without
        a step."""
        lists = [_counted(pointer, parameter) for pointer, parameter in self.parameters.items()]
        seen: set[str] = set()
        for chosen in itertools.product(*lists):
            everything = dict(zip(self.parameters, chosen, strict=True))
            drawn: Values = {}
            for pointer, value in everything.items():
                if self.active(pointer, drawn, base):
                    drawn[pointer] = value
            if (key := repr(drawn)) not in seen:
                seen.add(key)
                yield drawn

    def corners(self) -> Iterator[Values]:
        """Each parameter's ends and choices alone: what has to be possible."""
        for pointer, parameter in self.parameters.items():
            for value in parameter.values if parameter.values is not None else (parameter.min, parameter.max):
                needed = {
                    pointer_of(place): wanted[0] if isinstance(wanted, list) else wanted
                    for place, wanted in (parameter.when or {}).items()
                }
                yield {place: each for place, each in needed.items() if place in self.parameters} | {pointer: value}

    def takes(self, pointer: str, value: Any) -> bool:
        """Whether a value is one that the parameter may have."""
        parameter = self.parameters[pointer]
        if parameter.values is not None:
            return any(same(value, each) for each in parameter.values)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        assert parameter.min is not None and parameter.max is not None
        if parameter.whole and not float(value).is_integer():
            return False
        return parameter.min <= value <= parameter.max and parameter.at_a_step(value)


def space_of(sweep: SweepSection) -> Space:
    """The space of a sweep, its lists as parameters, which :func:`wrong_list` has found right. Raises ValueError for
    parameters that wait for each other, with the places."""
    given = {
        pointer_of(place): Parameter(values=each) if isinstance(each, list) else each
        for place, each in sweep.space.items()
    }
    placed: dict[str, Parameter] = {}
    while len(placed) < len(given):
        ready = next(
            (
                pointer
                for pointer, parameter in given.items()
                if pointer not in placed
                and all(pointer_of(place) in placed or pointer_of(place) not in given for place in parameter.when or {})
            ),
            None,
        )
        if ready is None:
            raise ValueError("wait for one another: " + ", ".join(each for each in given if each not in placed))
        placed[ready] = given[ready]
    return Space(placed)


def wrong_list(parameter: Parameter | list[Any]) -> str | None:
    """What is wrong with a parameter that is written as a bare list; None where nothing is, or it is none."""
    if not isinstance(parameter, list):
        return None
    if not parameter:
        return "has no values: at least one"
    return "the same value stands there twice" if len({repr(each) for each in parameter}) < len(parameter) else None


def same(one: Any, other: Any) -> bool:
    """Equal as JSON: true is not 1, and 1 is 1.0."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _number(trial: Trial, pointer: str, parameter: Parameter) -> int | float:
    assert parameter.min is not None and parameter.max is not None
    if parameter.whole:
        step = int(parameter.step or 1)
        return trial.suggest_int(pointer, int(parameter.min), int(parameter.max), step=step, log=parameter.log)
    return trial.suggest_float(pointer, parameter.min, parameter.max, step=parameter.step, log=parameter.log)


def _counted(pointer: str, parameter: Parameter) -> list[Any]:
    found = parameter.stepped()
    if found is None:
        raise ValueError(pointer)
    return found
