"""Learning the odds of a teacher's likeliest tokens, which were computed before the student is there."""

from __future__ import annotations

import gc
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from runner.builders.language._distilling.logit_distillation import taught_composition
from runner.builders.language._distilling.taught_lines import TaughtLines
from runner.builders.language._distilling.teacher import Teacher, vocabulary_size
from runner.builders.language._distilling.top_k_cache import Given, KeptOdds, computed, vocabulary
from runner.builders.language._learning.composed_losses import composed_parts
from runner.builders.language._learning.compute_context import Machine
from runner.builders.language._learning.frozen_models import Frozen
from runner.builders.language._learning.language_trainee import Parts
from runner.builders.language._learning.training_objectives import reference_of
from runner.builders.language._models.base_model import Base, Trained
from runner.builders.language._rows.examples import Examples
from runner.builders.language._rows.rendering import Side
from runner.builders.language._rows.token_rows import TokenRows
from runner.contract import Table, TrainContext
from runner.errors import DataError, Stopped

LACKING = "left out, as the file has no odds of it"


class LikeliestDistillation:
    """The odds are those of the rows that are learned, in their order."""

    def __init__(self, spec: Any, context: TrainContext, student: Base, kept: KeptOdds, path: Path) -> None:
        self._spec, self._context, self._kept, self._path = spec, context, kept, path
        self._own = vocabulary_size(student.config)
        self._reference: Frozen | None = None

    def ready(self, trained: Trained) -> None:
        self._reference = reference_of(self._spec.losses, trained, self._context)

    def parts(self, machine: Machine, examples: Examples) -> Parts:
        count = int(self._kept.facts["odds"])
        made = taught_composition(self._spec, machine.model, self._reference, Given(count), min(self._own, count))
        return composed_parts(machine, TaughtLines(examples, len(made.models), kept=self._kept), made)

    def tables(self) -> list[Table]:
        """Where the odds are kept."""
        row = [self._kept.facts["teacher"], self._kept.tokens.shape[1], len(self._kept.tokens), str(self._path)]
        return [Table("teacher", "The teacher's odds", ["model", "top k", "places", "kept in"], [row])]

    def release(self) -> None:
        self._reference = None


def kept_for(
    context: TrainContext, teacher: Teacher, student: Base, top_k: int, side: Side, taught: TokenRows | None
) -> tuple[KeptOdds, Path]:
    """The teacher's odds of the rows of a side, out of the cache or computed now, and their file.

    Raises :class:`Stopped` where the run was asked to stop.
    """
    rows = side.rows if taught is None else taught
    read = [
        [some.tokens.ids.tolist(), some.lengths.tolist(), (some.weights > 0).tolist()] for some in (rows, side.rows)
    ]
    told = [teacher.identity(), top_k, read]
    key = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]
    path = context.cache / "odds" / f"{key}.safetensors"
    with context.processes.first_before():
        if not path.exists():
            facts = {
                "vocabulary": vocabulary(teacher.tokenizer),
                "odds": vocabulary_size(teacher.config),
                "teacher": teacher.name,
            }
            model, padding = teacher.opened(context.device, context.seed), int(student.tokenizer.pad_token_id)
            found = computed(model, side.rows, taught, padding, context.device, top_k, facts, context.stop_requested)
            del model
            gc.collect()
            if found is None:
                raise Stopped("stopped while the teacher's odds were computed")
            found.write(path)
    return KeptOdds.read(path, teacher.where), path


def given_for(path: str, where: str, student: Base, side: Side) -> tuple[Side, KeptOdds]:
    """The rows of a side that a file has the odds of, and these. The others are counted in the side's report.

    Raises :class:`DataError` for a file that holds no odds, and for those of another vocabulary.
    """
    known = KeptOdds.read(Path(path), where)
    known.check(student.tokenizer, where)
    kept, numbers = known.of(side.rows)
    if not len(numbers):
        raise DataError(
            "the file has the odds of none of the rows",
            where=f"{where}: {path}",
            hint="the same data, split, templates and max_length as when they were computed",
        )
    for number in sorted(set(range(len(side.rows))) - set(numbers.tolist())):
        side.report.count(LACKING, int(side.groups[number]))
    return side.only(np.asarray(numbers)), kept
