"""A training step and a measurement with shapes alone: what each would hold at its peak, and what it would compute."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch

from runner.builders._memory_estimate.memory_trace import MemoryTrace
from runner.builders._memory_estimate.meta_model import ShapeModel, put_on
from runner.training import optimizers
from runner.training.quiet_libraries import quietly

#: The phases that are simulated.
STEP, MEASURING = "training a step", "measuring"
#: Gives the losses of a step's parts, or computes what is measured: with shapes, of a model.
Steps = Callable[[Any, MemoryTrace], Callable[[], Iterable[torch.Tensor]]]
Measures = Callable[[Any], None]


@dataclass(frozen=True)
class Simulation:
    """What was counted."""

    parameters: int
    trainable: int
    #: Bytes of all weights, and of those that train.
    weights: int
    trained: int
    #: The most that lives at once, by phase: bytes by what they are for.
    phases: dict[str, dict[str, int]]
    #: Floating-point operations of the simulated step's products, forward and backward.
    flops: int


def simulate(
    spec: Any,
    made: ShapeModel,
    device: str,
    vocabulary: int,
    steps: Steps,
    measures: Measures | None,
    *,
    keeps_best: bool,
    fused: bool = False,
) -> Simulation:
    """Train a step and measure, without a number. Raises :class:`~runner.errors.DataError` as a training would.

    ``steps`` makes ready what lies beside the model, and gives what computes a step. ``keeps_best``: the best weights
    are there beside the present ones. ``fused`` is how the optimizer is made.
    """
    from torch._subclasses.fake_tensor import FakeTensorMode

    trace = MemoryTrace(vocabulary)
    model = made.model
    # A library tells of what is tried with gradient_checkpointing, which nobody has asked for.
    with quietly(), FakeTensorMode(allow_non_fake_inputs=True), trace:
        put_on(model, device)
        step = steps(model, trace)
        trace.label = "optimizer"
        named = dict(model.named_parameters())
        training = [parameter for parameter in named.values() if parameter.requires_grad]
        optimizer = optimizers.make(spec.optimizer, named.items(), fused=fused)
        _first_step(trace, optimizer, training)
        trace.label = "best weights"
        best = [parameter.detach().clone() for parameter in training] if keeps_best else []
        with trace.phase(STEP):
            _step(trace, model, step, optimizer, training, spec.max_grad_norm)
        flops = trace.flops
        if measures is not None:
            trace.label = "activations"
            model.eval()
            with trace.phase(MEASURING), torch.no_grad():
                measures(model)
        del best
        weights = trace.now["weights"]
    trained = sum(parameter.nbytes for parameter in training)
    return Simulation(made.parameters, made.trainable, weights, trained, trace.peaks, flops)


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
    model: Any,
    step: Callable[[], Iterable[torch.Tensor]],
    optimizer: optimizers.Optimizer,
    training: list[torch.nn.Parameter],
    clipped: float | None,
) -> None:
    def is_gradient(parameter: torch.Tensor) -> None:
        if parameter.grad is not None:
            trace.take_for("gradients", parameter.grad)

    for parameter in training:
        parameter.register_post_accumulate_grad_hook(is_gradient)
    model.train()
    trace.label = "activations"
    for part in step():
        trace.label = "work of the backward pass"
        part.backward()
        trace.label = "activations"
        del part
    trace.label = "optimizer"
    if clipped is not None:
        torch.nn.utils.clip_grad_norm_(training, clipped)
    optimizer.step()
    optimizer.zero_grad()
