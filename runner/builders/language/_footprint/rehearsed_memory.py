"""A training step and a measurement with shapes alone: what each would hold at its peak, and what it would compute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from runner.builders.language._footprint import shape_model
from runner.builders.language._footprint.exercise import Exercise
from runner.builders.language._footprint.memory_trace import MemoryTrace
from runner.builders.language._learning.frozen_models import Frozen
from runner.builders.language._learning.likelihood_loss import MEASURED, by_tokens
from runner.builders.language._learning.log_probs import Noise
from runner.builders.language._learning.machine import Machine
from runner.contract import Processes
from runner.training import optimizers
from runner.training.auto_batch_size import RowsAtOnce
from runner.training.precision import Precision

#: The phases that are rehearsed.
STEP, MEASURING = "training a step", "measuring"
#: What the memory of models beside the one that is trained is for.
BESIDE = "teacher and reference"


@dataclass(frozen=True)
class Rehearsal:
    """What was counted."""

    parameters: int
    trainable: int
    #: Bytes of all weights, and of those that train.
    weights: int
    trained: int
    #: The most that lives at once, by phase: bytes by what they are for.
    phases: dict[str, dict[str, int]]
    #: Floating-point operations of the rehearsed step's products, forward and backward.
    flops: int


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
    from torch._subclasses.fake_tensor import FakeTensorMode

    trace = MemoryTrace(vocabulary)
    made = shape_model.make(spec, scene.folder, scene.learned.head, scene.device, checkpointing=checkpointing)
    model = made.model
    with FakeTensorMode(allow_non_fake_inputs=True), trace:
        shape_model.put_on(model, scene.device)
        if spec.neftune_noise_alpha is not None:
            Noise(model, spec.neftune_noise_alpha)
        weights = trace.now["weights"]
        named = dict(model.named_parameters())
        training = [parameter for parameter in named.values() if parameter.requires_grad]
        optimizer = optimizers.make(spec.optimizer, named.items())
        _first_step(trace, optimizer, training)
        trace.label = "best weights"
        best = [parameter.detach().clone() for parameter in training] if scene.keeps_best else []
        trace.label = BESIDE
        frozen = [Frozen(shape_model.frozen(folder, scene.device, dtype)) for folder, dtype in scene.beside]
        machine = Machine(model, model, 0, scene.device, scene.precision, RowsAtOnce(scene.at_once), Processes())
        with trace.phase(STEP):
            _step(trace, machine, scene, frozen, optimizer, training, spec.max_grad_norm)
        flops = trace.flops
        if scene.held is not None and len(scene.held.rows):
            with trace.phase(MEASURING):
                _measure(trace, model, scene.held, scene.device)
        del best
    trained = sum(parameter.nbytes for parameter in training)
    return Rehearsal(made.parameters, made.trainable, weights, trained, trace.peaks, flops)


def _first_step(trace: MemoryTrace, optimizer: optimizers.Optimizer, training: list[torch.nn.Parameter]) -> None:
    """Leave what the optimizer holds from its first step on."""
    trace.label = "gradients"
    for parameter in training:
        parameter.grad = torch.empty_like(parameter)
    trace.label = "optimizer"
    optimizer.step()
    optimizer.zero_grad()


def _step(
    trace: MemoryTrace,
    machine: Machine,
    scene: Scene,
    frozen: Sequence[Frozen],
    optimizer: optimizers.Optimizer,
    training: list[torch.nn.Parameter],
    clipped: float | None,
) -> None:
    def is_gradient(parameter: torch.Tensor) -> None:
        if parameter.grad is not None:
            trace.take_for("gradients", parameter.grad)

    for parameter in training:
        parameter.register_post_accumulate_grad_hook(is_gradient)
    machine.model.train()
    trace.label = "activations"
    for part in scene.learned.parts(machine, frozen)(scene.step):
        trace.label = "work of the backward pass"
        part.backward()
        trace.label = "activations"
        del part
    trace.label = "optimizer"
    if clipped is not None:
        torch.nn.utils.clip_grad_norm_(training, clipped)
    optimizer.step()
    optimizer.zero_grad()


def _measure(trace: MemoryTrace, model: Any, held: Exercise, device: str) -> None:
    trace.label = "activations"
    model.eval()
    lengths = held.rows.lengths
    batches = by_tokens(lengths, MEASURED)
    largest = max(batches, key=lambda some: int(lengths[some].max()) * len(some))
    with torch.no_grad():
        held.measure(model, held.rows.batch(largest, 0, device))
