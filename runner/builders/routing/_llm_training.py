"""Training an embedding of the LLMs: the split, the loop, the measurement, the same for the three types."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch  # noqa: TID253 - only the worker and a predictor load this module

from runner.builders.routing._llm_pairs import FEWEST_LLMS, HeldOut, Inputs, PairNetwork, found_again
from runner.contract import TrainContext
from runner.training.loop import Fit, Task, fit
from runner.training.optimizers import OptimizerSpec, make

#: The stage's name: of its checkpoints and of its events.
STAGE = "llm_embedding"


@dataclass(frozen=True)
class Objective:
    """What a type minimises: :class:`~runner.training.loop.Task` has the same fields."""

    batch_size: int
    order: Callable[[np.random.Generator], np.ndarray]
    loss: Callable[[torch.Tensor], torch.Tensor]


def fit_network(
    network: PairNetwork,
    optimizer: OptimizerSpec,
    objective: Objective,
    inputs: Inputs,
    held: HeldOut,
    context: TrainContext,
    epochs: int,
) -> Fit:
    """Train in the stage's own checkpoints; the network ends with the epoch of the best retrieval.

    Without an epoch it stays as it was made.
    """
    if not len(held.llms) and epochs:
        context.emit(
            "warning",
            message=f"fewer than {FEWEST_LLMS} LLMs: their embedding is validated on held-out prompts, not on held-out LLMs",
            pointer="/model/spec/embedding_spec",
        )

    def measure() -> dict[str, float | None]:
        queries, candidates = network.sets(inputs, held.queries), network.sets(inputs, held.candidates)
        return found_again(queries, candidates, held.owner)

    task = Task(
        module=network,
        optimizer=make(optimizer, network.named_parameters()),
        order=objective.order,
        loss=objective.loss,
        measure=measure,
        criterion="retrieval",
        clip_gradient=1.0,
    )
    return fit(task, context.stage(STAGE, epochs=epochs, batch_size=objective.batch_size))
