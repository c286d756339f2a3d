"""Training an embedding of the LLMs: the loop and the measurement, the same for the three types."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from runner.builders.routing._llms.llm_holdout import FEWEST_LLMS, HeldOut, found_again
from runner.builders.routing._llms.llm_pairs import Inputs, PairNetwork
from runner.contract import TrainContext
from runner.training.loop import fit
from runner.training.optimizers import OptimizerSpec, make
from runner.training.trainee import Fit, Trainee

#: The stage's name: of its checkpoints and of its events.
STAGE = "llm_embedding"


@dataclass(frozen=True)
class Objective:
    """What a type minimises: :class:`~runner.training.trainee.Trainee` has the same fields."""

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
    """Train in the stage's own checkpoints; the network ends with the epoch that finds the most LLMs again.

    Without an epoch it stays as it was made.
    """
    if not len(held.llms) and epochs:
        context.emit(
            "warning",
            message=f"fewer than {FEWEST_LLMS} LLMs: their embedding is validated on held-out prompts instead of LLMs",
            pointer="/model/spec/embedding_spec",
        )

    def measure() -> dict[str, float | None]:
        network.settle(inputs, held.candidates)
        queries, candidates = network.sets(inputs, held.queries), network.sets(inputs, held.candidates)
        return found_again(queries, candidates, held.owner)

    network.eval()
    network.settle(inputs, held.candidates)
    task = Trainee(
        module=network,
        optimizer=make(optimizer, network.named_parameters()),
        order=objective.order,
        loss=objective.loss,
        measure=measure,
        criterion="separation",
        clip_gradient=1.0,
    )
    return fit(task, context.stage(STAGE, epochs=epochs, batch_size=objective.batch_size))
