"""Training of a network that ranks: scores of (prompt, LLM) pairs on top of a base model's, fitted and measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from runner.builders.routing._neural.rank_losses import epoch_rows, ranking_loss, winners
from runner.builders.routing._prompts.choosing_training import Leads, Training
from runner.builders.routing._prompts.prompted import score_rows
from runner.builders.routing._prompts.prompted_result import conclude
from runner.builders.routing._prompts.score_spread import score_spread
from runner.contract import TrainContext, TrainResult
from runner.tasks.ranking.calibration import winner_margins
from runner.tasks.ranking.measuring import pairwise_accuracy
from runner.training.gradient_training import GradientTraining
from runner.training.loop import fit
from runner.training.optimizer_state import OptimizerState, read_optimizer
from runner.training.optimizers import Optimizer
from runner.training.trainee import Trainee

#: Pairs scored at once while measuring.
ROWS = 8192

#: ``pairs(prompts, llms) -> scores``: int64 ``[B]`` twice, indices into the data's prompts and LLMs; float ``[B]``.
Pairs = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class Scorer:
    """A network's scores of the data's pairs, plus what a base model gives them (log odds ``[M, P]``)."""

    def __init__(self, module: torch.nn.Module, pairs: Pairs, device: str, base: np.ndarray | None = None) -> None:
        self.module, self._pairs, self._device = module, pairs, device
        self._base = None if base is None else torch.from_numpy(base).to(device)

    def __call__(self, prompts: torch.Tensor, llms: torch.Tensor) -> torch.Tensor:
        """Scores ``[B]`` with a gradient, in the module's present mode."""
        return self.upon_base(self._pairs(prompts, llms), prompts, llms)

    def upon_base(self, scores: torch.Tensor, prompts: torch.Tensor, llms: torch.Tensor) -> torch.Tensor:
        """The network's own scores ``[B]`` and the base model's."""
        return scores if self._base is None else scores + self._base[llms, prompts]

    def sides(self, prompts: torch.Tensor, one: torch.Tensor, other: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The scores of two LLMs on each prompt, ``[B]`` twice, in one pass."""
        scores = self(torch.cat([prompts, prompts]), torch.cat([one, other]))
        return scores[: len(prompts)], scores[len(prompts) :]

    def score(self, which: np.ndarray, models: np.ndarray) -> np.ndarray:
        """float64 ``[n]`` of (prompt, LLM) indices, in evaluation mode: what measures a router takes."""
        training = self.module.training
        self.module.eval()
        scores = [np.zeros(0)]
        with torch.no_grad():
            for start in range(0, len(which), ROWS):
                rows, ids = (
                    torch.from_numpy(column[start : start + ROWS].astype(np.int64)).to(self._device)
                    for column in (which, models)
                )
                scores.append(self(rows, ids).double().cpu().numpy())
        self.module.train(training)
        return np.concatenate(scores)


def ranking_task(
    context: TrainContext,
    scorer: Scorer,
    optimizer: Optimizer,
    decided: np.ndarray,
    *,
    loss: str,
    balanced: bool,
    section: GradientTraining,
    clip_gradient: float | None = None,
) -> Trainee:
    """Learn to rank the decided comparisons (row numbers, int64 ``[n]``) by the named ranking loss.

    ``section`` is the spec: schedule and early stopping are taken from it.
    """
    split = context.data.train
    prompt, winner, loser = winners(split, decided, context.device)
    return Trainee(
        module=scorer.module,
        optimizer=optimizer,
        order=epoch_rows(split, decided, balanced),
        loss=lambda rows: ranking_loss(loss, *scorer.sides(prompt[rows], winner[rows], loser[rows])),
        measure=lambda: accuracy(context, scorer),
        section=section,
        spread=lambda: score_spread(scorer.score, context),
        clip_gradient=clip_gradient,
        start_optimizer=read_optimizer(context.start_from) if context.start_from else None,
    )


def accuracy(context: TrainContext, scorer: Scorer) -> Mapping[str, float | None]:
    """The validation metrics of an epoch."""
    validation = context.data.validation
    return {"accuracy": pairwise_accuracy(*score_rows(scorer.score, validation), validation)}


#: A network to be trained as a spec says, on a context's data, and its scores.
Begin = Callable[[Any, TrainContext], tuple[Trainee, Scorer]]


def leads_of(begin: Begin) -> Leads:
    """What trains such a network on a fold's data, and looks after every epoch by how much winners lead."""

    def leads(spec: Any, context: TrainContext) -> np.ndarray:
        task, scorer = begin(spec, context)
        found: list[np.ndarray] = []

        def measure() -> Mapping[str, float | None]:
            held = context.data.validation
            found.append(winner_margins(*score_rows(scorer.score, held), held))
            return {}

        fit(replace(task, measure=measure, criterion=""), context)
        return np.stack(found)

    return leads


def fit_and_conclude(
    training: Training, task: Trainee, scorer: Scorer, embeddings: np.ndarray
) -> tuple[TrainResult, float]:
    """Train, keep the best epoch, and measure it as every router is. Returns its temperature too.

    The optimizer's state after that epoch goes into the artifact, for a training that starts from it. ``embeddings``
    are the prompts', float ``[P, E]``, for the baselines.
    """
    context = training.context
    done = fit(replace(task, criterion=training.criterion), context)
    # Without an epoch it is where it started from.
    optimizer = done.optimizer if done.epochs else OptimizerState.of(task.optimizer)
    optimizer.save(context.artifact)
    result, temperature = conclude(
        context, scorer.score, done.epochs, done.best_epoch, embeddings=embeddings, fitted=training.temperature
    )
    return training.told(result), temperature
