"""How strongly a model is held back and for how long it is trained, chosen by cross-validation, as a spec says it.

The training rows are divided into folds by group, such as a prompt. For every candidate, which is the spec with some
values in place of its own, each fold is foretold by a training on the others, after every epoch. The candidate and the
epoch of the least loss over all folds are those of the training on all rows.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import Field, JsonValue, ValidationError, model_validator

from runner.contract import ModelSpec, Section, Table, TrainContext, invalid, option

if TYPE_CHECKING:
    import numpy as np

#: The stage's name, in events and checkpoints.
STAGE = "cross_validation"
#: Candidates at most: each is trained once a fold.
MOST = 64

Values = Annotated[list[JsonValue], Field(min_length=1, max_length=16)]
Path = Annotated[str, Field(min_length=1, max_length=128)]


class CrossValidation(Section):
    """Choose how the model is trained by what foretells prompts that it was not trained on."""

    folds: int = option(
        5,
        ge=2,
        le=20,
        description="Parts that the training prompts are divided into: each is foretold by a training on the others.",
    )
    grid: Annotated[dict[Path, Values], Field(max_length=8)] = option(
        factory=dict,
        description='What is tried beside the number of epochs: fields of the spec, such as "optimizer.weight_decay", '
        "each with its values, in every combination. {}: nothing.",
    )


def _absent(value: object) -> bool:
    return value is None


class CrossValidated(ModelSpec):
    """A base of specs whose training can be chosen so."""

    #: The fields that a grid may name. A field in a section has a dot: all of a section's are named by its own name.
    choosable: ClassVar[tuple[str, ...]] = ()

    cross_validation: CrossValidation | None = option(
        None,
        exclude_if=_absent,
        description="Choose values of other fields, and how many of the epochs are trained, by cross-validation over "
        "the training prompts; the last epoch is then kept. null takes the values as they are, and the best epoch.",
    )

    @model_validator(mode="after")
    def _can_be_tried(self) -> Self:
        if self.cross_validation is None:
            return self
        if getattr(self, "early_stopping", None) is not None:
            fault = "cross_validation chooses the number of epochs: leave early_stopping out"
            raise invalid(("early_stopping",), "two_ends", fault)
        grid = ("cross_validation", "grid")
        for path, values in self._grid().items():
            if not any(path == name or path.startswith(f"{name}.") for name in self.choosable):
                fault = f"cannot be chosen here: one of {', '.join(self.choosable)} can, or a field in it"
                raise invalid((*grid, path), "not_choosable", fault)
            for at, value in enumerate(values):
                try:
                    self._with({path: value})
                except ValidationError as error:
                    message = error.errors()[0]["msg"]
                    raise invalid((*grid, path, at), "candidate", message[:1].lower() + message[1:]) from error
        count = math.prod(len(values) for values in self._grid().values())
        if count > MOST:
            raise invalid(grid, "too_many", f"has {count} combinations, and {MOST} are the most")
        return self

    def fixed_length(self) -> str | None:
        if self.cross_validation is not None:
            return "its cross-validation chooses among all epochs"
        return super().fixed_length()

    def candidates(self) -> list[tuple[dict[str, Any], Self]]:
        """The values of each combination of the grid, and the spec with them."""
        return [(values, self._with(values)) for values in self._combinations()]

    def _grid(self) -> Mapping[str, Sequence[Any]]:
        assert self.cross_validation is not None
        return self.cross_validation.grid

    def _combinations(self) -> list[dict[str, Any]]:
        grid = self._grid()
        return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]

    def _with(self, values: Mapping[str, Any]) -> Self:
        document = self.model_dump(mode="json", exclude={"cross_validation"})
        for path, value in values.items():
            *sections, name = path.split(".")
            inner = document
            for section in sections:
                inner = inner.setdefault(section, {})
            inner[name] = value
        return type(self).model_validate_json(json.dumps(document))


@dataclass(frozen=True)
class Choice:
    """What foretold best: the spec, how many epochs of it, and what there was to choose from."""

    spec: Any
    values: dict[str, Any]
    epochs: int
    #: What ``judge`` said of it.
    measured: Mapping[str, float]
    table: Table

    @property
    def parameters(self) -> dict[str, Any]:
        return {STAGE: {"epochs": self.epochs} | self.values}


def fold_of(keys: Sequence[str], counted: Sequence[bool], folds: int, seed: int) -> np.ndarray:
    """The fold of every row, int64 ``[n]``: those of one key are together.

    Keys are dealt out in a seeded order, first those with a row that counts, so that each fold has as many of them as
    the others; where there are fewer of them than ``folds``, there are as many folds as those, and -1 for one alone.
    """
    import numpy as np

    with_counted = {key for key, counts in zip(keys, counted, strict=True) if counts}
    some = min(folds, len(with_counted))
    if some < 2:
        return np.full(len(keys), -1)

    def place(key: str) -> tuple[bool, bytes]:
        return key not in with_counted, hashlib.sha256(f"folds {seed} {key}".encode("utf-8", "surrogatepass")).digest()

    number = {key: at % some for at, key in enumerate(sorted(set(keys), key=place))}
    return np.array([number[key] for key in keys], np.int64)


def choose(
    spec: CrossValidated,
    context: TrainContext,
    fold: np.ndarray,
    foretell: Callable[[Any, np.ndarray], np.ndarray],
    judge: Callable[[np.ndarray], Mapping[str, float]],
    last_alone: bool = False,
) -> Choice:
    """Try all candidates on all folds.

    ``fold`` is the fold of every training row. ``foretell(candidate, held)`` trains on the rows that are not ``held``,
    bool ``[n]``, and gives what it foretells of those that are after every epoch, float ``[epochs, m]``; ``judge``
    measures a row of it over all folds, its first measure the one to be least. With ``last_alone`` there is no choice
    of the epochs. Every fold that is done is kept in a checkpoint of the stage; one that is stopped begins anew.
    """
    import numpy as np

    stage = context.stage(STAGE, epochs=context.epochs, batch_size=context.batch_size)
    candidates, folds = spec.candidates(), int(fold.max()) + 1
    measured: list[list[dict[str, float]]] = []
    parts: list[np.ndarray] = []
    saved = stage.checkpoints.latest()
    if saved is not None:
        measured = [list(row) for row in saved.state["measured"]]
        parts = [np.array(saved.tensors[f"part/{at}"]) for at in range(saved.state["parts"])]
        stage.emit("resumed", step=saved.step, epoch=1, batch=0)
    while len(measured) < len(candidates):
        while len(parts) < folds:
            parts.append(foretell(candidates[len(measured)][1], fold == len(parts)))
            done = len(measured) * folds + len(parts)
            if len(parts) == folds:
                whole = np.concatenate(parts, axis=1)
                measured.append([dict(judge(row)) for row in whole])
                parts = []
            stage.emit("progress", done=done, total=len(candidates) * folds, unit="trainings", metrics={})
            tensors = {f"part/{at}": part for at, part in enumerate(parts)}
            stage.checkpoints.save(done, tensors, {"measured": measured, "parts": len(parts)})
            if not parts:
                break
    return _chosen(candidates, measured, last_alone)


def _chosen(
    candidates: Sequence[tuple[dict[str, Any], Any]], measured: Sequence[Sequence[Mapping[str, float]]], last: bool
) -> Choice:
    names = list(measured[0][0])

    def best(of: Sequence[Mapping[str, float]]) -> int:
        return len(of) - 1 if last else min(range(len(of)), key=lambda at: of[at][names[0]])

    epochs = [best(of) for of in measured]
    order = sorted(range(len(candidates)), key=lambda at: measured[at][epochs[at]][names[0]])
    values, spec = candidates[order[0]]
    rows = [
        [*(_cell(value) for value in candidates[at][0].values()), epochs[at] + 1, *measured[at][epochs[at]].values()]
        for at in order
    ]
    note = "The first was trained on all prompts. Each has its best number of epochs."
    table = Table(STAGE, "Cross-validation", (*values, "epochs", *names), rows, note=note)
    return Choice(spec, values, epochs[order[0]] + 1, measured[order[0]][epochs[order[0]]], table)


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | dict) else value
