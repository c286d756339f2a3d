"""What is known of a training before it runs: its model's folder, and its rows as tokens or as long as they may be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from runner.builders._memory_estimate.base_configuration import configuration_alone, is_here
from runner.builders.language._memory_estimate.exercise import Exercise
from runner.builders.language._models import base_model, stored_model
from runner.builders.language._models.base_model import Base
from runner.builders.language._models.opening import configuration, open_tokenizer
from runner.builders.language._rows import row_report
from runner.contract import FootprintContext

WHERE = "/model/spec/base_model_name"


@dataclass(frozen=True)
class KnownRows:
    """What a kind makes of the rows of its data."""

    #: By a base, what makes tokens of one side's rows, given them and its name; and as many rows as long as may be.
    reader: Callable[[Base], Callable[[Any, str], Any]]
    full: Callable[[int, int], Any]
    #: What either is to a training.
    exercise: Callable[[Any], Exercise]
    #: By the base's folder, the models that lie beside it and do not learn: the folder of each, and its dtype.
    beside: Callable[[Path], Sequence[tuple[Path, torch.dtype]]] = lambda folder: ()

    def known(self, spec: Any, base: Base | None, context: FootprintContext, step: int) -> tuple[Exercise, Exercise]:
        """Of the rows that are learned, and of those that are held out. Without a tokenizer, of a step's at most.

        Tells of rows, and raises, what the training would before it begins.
        """
        if base is None or context.data is None:
            full = self.exercise(self.full(min(step, 2 * (context.at_once or context.batch_size)), spec.max_length))
            return full, full
        sides = ((context.data.train, "train"), (context.data.validation, "validation"))
        read = self.reader(base)
        found = [read(rows, side) for rows, side in sides]
        row_report.tell([_side(each).report for each in found], context.emit, context.data.most_lost)
        learned, held = map(self.exercise, found)
        return learned, held


def base_of(spec: Any, context: FootprintContext) -> tuple[Path, Base | None]:
    """The folder of the model's configuration, and the base where its tokenizer is here too. Reads no weights.

    Of a model of the Hub that is not on this machine the configuration alone is fetched. Raises what finding a base
    does.
    """
    stored = context.start_from or context.stored.get("base_model_name")
    if stored is not None and stored_model.read(stored)["form"] == "adapter":
        folder = stored_model.base_of(stored, context.cache)
        return folder, Base(
            folder, stored, spec.base_model_name, configuration(folder, WHERE), open_tokenizer(stored, WHERE)
        )
    name, revision = spec.base_model_name, spec.revision
    if stored is None and not is_here(name, revision):
        return configuration_alone(name, revision), None
    base = base_model.found(spec, *base_model.folders_of(spec, context))
    return base.folder, base


def _side(read: Any) -> Any:
    """The token rows of what a reader gives: themselves, or the first of what belongs to them."""
    return read[0] if isinstance(read, tuple) else getattr(read, "side", read)
