"""What the shared loop is told of a language model's training, whatever its loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch

from runner.builders.language._learning.asked_tasks import AskedTasks
from runner.builders.language._learning.compute_context import Machine
from runner.builders.language._models.base_model import Trained
from runner.contract import TrainContext
from runner.training import optimizers, precision
from runner.training.tokens import grouped_by_length
from runner.training.trainee import Trainee

Parts = Callable[[np.ndarray], Iterator[torch.Tensor]]


def trainee(
    spec: Any,
    context: TrainContext,
    trained: Trained,
    machine: Machine,
    parts: Parts,
    measure: Callable[[], Mapping[str, float | None]],
    lengths: np.ndarray,
    trained_tokens: np.ndarray,
    asked: AskedTasks,
) -> Trainee:
    """``lengths`` are the tokens of every row, int64 ``[n]``: an epoch's steps have rows of similar length.

    ``trained_tokens`` are those of them that the loss is of. ``measure`` is of the held-out rows; ``asked`` are the
    tasks that are measured with beside them.
    """
    size = context.batch_size * spec.gradient_accumulation
    everything = np.arange(len(lengths))

    def shuffled(rng: np.random.Generator) -> np.ndarray:
        return everything[rng.permutation(len(everything))]

    resting = context.processes.at_rest(trained.model)
    return Trainee(
        module=trained.model,
        optimizer=optimizers.make(spec.optimizer, resting.named_parameters(), fused=True),
        order=grouped_by_length(shuffled, lengths, size),
        loss=None,
        parts=parts,
        accumulation=spec.gradient_accumulation,
        at_once=None if context.at_once is None else machine.at_once,
        measure=lambda: {**measure(), **asked.of(trained.model, trained.tokenizer).metrics()},
        criterion=asked.criterion,
        better=asked.better,
        measured_by=asked.fingerprint,
        section=spec,
        clip_gradient=spec.max_grad_norm,
        loss_scaling=precision.scales_loss(machine.precision),
        measure_every=spec.evaluation.every,
        max_steps=spec.max_steps,
        keeps_best=spec.keep == "best",
        keeps_optimizer=False,
        tokens=lambda rows: (int(lengths[rows].sum()), int(trained_tokens[rows].sum())),
    )
