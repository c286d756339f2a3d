"""What is rehearsed of a language model's training: its largest step, and measuring, with what lies beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from runner.builders._finetuning._memory_estimate.memory_trace import MemoryTrace
from runner.builders._finetuning._memory_estimate.simulated_step import Rehearsal
from runner.builders._finetuning._memory_estimate.simulated_step import rehearse as rehearse_model
from runner.builders.language._learning.frozen_models import Frozen
from runner.builders.language._learning.likelihood_loss import MEASURED, by_tokens
from runner.builders.language._learning.log_probs import Noise
from runner.builders.language._learning.machine import Machine
from runner.builders.language._memory_estimate import language_meta_models
from runner.builders.language._memory_estimate.exercise import Exercise
from runner.contract import Processes
from runner.training.auto_batch_size import RowsAtOnce
from runner.training.precision import Precision

#: What the memory of models beside the one that is trained is for.
BESIDE = "teacher and reference"


@dataclass(frozen=True)
class Scene:
    """What is rehearsed."""

    folder: Path
    device: str
    precision: Precision
    #: Examples of a forward pass.
    at_once: int
    learned: Exercise
    #: The examples of the largest step.
    step: np.ndarray
    held: Exercise | None
    #: Whether the best weights are there beside the present ones while a step is trained.
    keeps_best: bool
    #: Models that lie beside it and do not learn: the folder of each and the dtype that it is kept in.
    beside: Sequence[tuple[Path, torch.dtype]] = ()


def rehearse(spec: Any, scene: Scene, vocabulary: int, *, checkpointing: bool) -> Rehearsal:
    """Train a step and measure, without a number. Raises :class:`~runner.errors.DataError` as a training would."""
    made = language_meta_models.make(spec, scene.folder, scene.learned.head, scene.device, checkpointing=checkpointing)

    def steps(model: Any, trace: MemoryTrace) -> Callable[[], Iterable[torch.Tensor]]:
        if spec.neftune_noise_alpha is not None:
            Noise(model, spec.neftune_noise_alpha)
        trace.label = BESIDE
        frozen = [Frozen(language_meta_models.frozen(folder, scene.device, dtype)) for folder, dtype in scene.beside]
        machine = Machine(model, model, 0, scene.device, scene.precision, RowsAtOnce(scene.at_once), Processes())
        return lambda: scene.learned.parts(machine, frozen)(scene.step)

    held = scene.held if scene.held is not None and len(scene.held.rows) else None
    measures = None if held is None else lambda model: _measure(model, held, scene.device)
    return rehearse_model(spec, made, scene.device, vocabulary, steps, measures, keeps_best=scene.keeps_best)


def _measure(model: Any, held: Exercise, device: str) -> None:
    lengths = held.rows.lengths
    batches = by_tokens(lengths, MEASURED)
    largest = max(batches, key=lambda some: int(lengths[some].max()) * len(some))
    held.measure(model, held.rows.batch(largest, 0, device))
