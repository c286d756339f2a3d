"""The rows that a model is fine-tuned on, as batches of tensors, and what the shared loop is told of them.

A kind says how its rows become a batch (:class:`BatchedRows`); what is the same for all of them is here: a step's rows
are cut into parts that fit the memory, the parts' losses add up to the step's mean, rows of similar length are put
together, and several processes share them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from runner.contract import Processes, TrainContext
from runner.errors import Stopped
from runner.training import optimizers, precision
from runner.training.auto_batch_size import RowsAtOnce
from runner.training.evaluation_fields import check_measured
from runner.training.tokens import grouped_by_length
from runner.training.trainee import Trainee
from runner.training.without_dropout import without_dropout

#: Tokens, or pictures, that are measured at a time.
MEASURED_TOKENS, MEASURED_ROWS = 16_384, 64


@dataclass(frozen=True)
class BatchedRows:
    """Rows that are learned."""

    #: How many there are.
    count: int
    #: What a model's ``forward`` takes, of some rows (int64 ``[B]``): tensors on the CPU, by name. What is drawn at
    #: random in it is drawn from torch's generator, which checkpoints keep.
    batch: Callable[[np.ndarray], Mapping[str, Any]]
    #: The sum of some rows' losses, each times its mass: of what ``forward`` gave and the rows, float32 ``[]``.
    loss: Callable[[Any, np.ndarray], torch.Tensor]
    #: Tokens of every row, int64 ``[n]``; None where all are as long, such as pictures.
    lengths: np.ndarray | None = None
    #: What each row counts in a step's mean, float64 ``[n]``: its weight, or how many of its tokens are learned. None:
    #: 1 each.
    mass: np.ndarray | None = None


def trainee(
    spec: Any,
    context: TrainContext,
    model: Any,
    rows: BatchedRows,
    measure: Callable[[], Mapping[str, float | None]],
    *,
    parts: Callable[[np.ndarray], Iterator[torch.Tensor]] | None = None,
    factors: Mapping[str, float] | None = None,
) -> Trainee:
    """For :func:`runner.training.loop.fit`. ``measure`` gives the figures of the held-out rows, ``spec.measures``.

    ``parts`` is in place of ``rows.loss`` for a loss that no part of a step can be told of by itself, such as one whose
    negatives are the other rows of a batch. ``factors`` are on the learning
    rate, by the beginning of weights' names. Raises :class:`DataError` where early stopping waits for what nothing is
    measured of.
    """
    criterion = spec.criterion()
    if spec.early_stopping is not None and not len(context.data.validation):
        check_measured({}, criterion, "/model/spec/early_stopping")
    computed_in = precision.usable(spec.precision, context.device, "/model/spec/precision", context.emit)
    at_once = RowsAtOnce(context.batch_size if context.at_once is None else context.at_once)
    everything = np.arange(rows.count)
    own_parts = parts or step_parts(rows, context.processes, context.device, model, computed_in, at_once)

    def shuffled(rng: np.random.Generator) -> np.ndarray:
        return everything[rng.permutation(len(everything))]

    order: Callable[[np.random.Generator], np.ndarray] = shuffled
    if rows.lengths is not None:
        order = grouped_by_length(shuffled, rows.lengths, context.batch_size * spec.gradient_accumulation)
    lengths = rows.lengths
    return Trainee(
        module=model,
        optimizer=optimizers.make(
            spec.optimizer, context.processes.at_rest(model).named_parameters(), faster=factors, fused=True
        ),
        order=order,
        loss=None,
        parts=own_parts,
        accumulation=spec.gradient_accumulation,
        at_once=None if context.at_once is None else at_once,
        measure=measure,
        criterion=criterion,
        better=spec.measures[criterion],
        section=spec,
        clip_gradient=spec.max_grad_norm,
        loss_scaling=precision.scales_loss(computed_in),
        measure_every=spec.evaluation.every,
        max_steps=spec.max_steps,
        keeps_best=spec.keep == "best",
        keeps_optimizer=False,
        tokens=None if lengths is None else lambda chosen: (int(lengths[chosen].sum()),) * 2,
    )


def step_parts(
    rows: BatchedRows,
    processes: Processes,
    device: str,
    model: Any,
    computed_in: precision.Precision,
    at_once: RowsAtOnce,
) -> Callable[[np.ndarray], Iterator[torch.Tensor]]:
    """What gives a step's losses, part by part: they add up to the mean of its rows' losses by their mass."""
    learner = processes.learner(model)
    mass = np.ones(rows.count) if rows.mass is None else rows.mass

    def parts(chosen: np.ndarray) -> Iterator[torch.Tensor]:
        ordered = chosen if rows.lengths is None else chosen[np.argsort(-rows.lengths[chosen], kind="stable")]
        cut = [ordered[at : at + at_once.count] for at in range(0, len(ordered), at_once.count)]
        whole = max(float(mass[chosen].sum()), 1e-12)
        for some, share in processes.shared(cut):
            inputs = on_device(rows.batch(some), device)
            with precision.arithmetic(device, computed_in):
                outputs = learner(**inputs)
            yield share * rows.loss(outputs, some) / whole

    return parts


def on_device(value: Any, device: str) -> Any:
    """The same with its tensors on a device, however they lie in mappings and lists."""
    if isinstance(value, torch.Tensor):
        return value.to(device)
    if isinstance(value, Mapping):
        return {name: on_device(each, device) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(on_device(each, device) for each in value)
    return value


def measured_batches(lengths: np.ndarray | int, rows_at_most: int = MEASURED_ROWS) -> list[np.ndarray]:
    """Rows in batches that are measured, int64 each: the longest first, of at most so many rows and tokens.

    ``lengths`` are the rows' tokens (int64 ``[n]``), or how many rows there are where all are as long.
    """
    if isinstance(lengths, int):
        every = np.arange(lengths)
        return [every[at : at + rows_at_most] for at in range(0, lengths, rows_at_most)]
    order = np.argsort(-lengths, kind="stable")
    batches, at = [], 0
    while at < len(order):
        count = max(1, min(rows_at_most, MEASURED_TOKENS // max(1, int(lengths[order[at]]))))
        batches.append(order[at : at + count])
        at += count
    return batches


def forward_batches(
    model: Any,
    batches: list[np.ndarray],
    batch: Callable[[np.ndarray], Mapping[str, Any]],
    device: str,
    stop_requested: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[np.ndarray, Any]]:
    """What the model makes of rows in batches, without dropout or a gradient, in float32: the rows and its output.

    Raises :class:`Stopped` when asked to stop.
    """
    with without_dropout(model), torch.no_grad(), precision.arithmetic("cpu"):
        for chosen in batches:
            if stop_requested():
                raise Stopped("stopped while measuring")
            yield chosen, model(**on_device(batch(chosen), device))
