"""Training of the transformer router: prompts as tokens, batches of similar length, scores of the data's pairs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from runner.builders.routing._neural.interaction import Interaction
from runner.builders.routing._neural.rank_losses import epoch_rows, ranking_loss, winners
from runner.builders.routing._prompts.prompted import score_rows
from runner.builders.routing._prompts.score_spread import score_spread
from runner.contract import TrainContext
from runner.errors import Stopped
from runner.tasks.ranking.measuring import pairwise_accuracy
from runner.training.gradient_training import GradientTraining
from runner.training.network_parts import Parts, by_prefix
from runner.training.optimizer_state import OptimizerState
from runner.training.optimizers import Optimizer
from runner.training.precision import scales_loss
from runner.training.text_encoder import TrainableEncoder
from runner.training.tokens import Tokens, grouped_by_length
from runner.training.trainee import Trainee

#: Prompts encoded at once, and pairs scored at once, while measuring.
PROMPTS, PAIRS = 64, 8192


class TransformerScorer(nn.Module):
    """The encoder and the interaction, as one module to train."""

    def __init__(self, encoder: TrainableEncoder, interaction: Interaction) -> None:
        super().__init__()
        self.encoder, self.interaction = encoder, interaction

    def parts(self) -> Parts:
        """See :mod:`runner.training.network_parts`."""
        prompt = ("encoder.", "interaction.norm.", "interaction.project_prompt.")
        return by_prefix(self, {"prompt": prompt, "llm": ("interaction.project_llm.",)})


class PromptPairs:
    """Scores of (prompt, LLM) pairs of a data set, by their indices.

    ``tokens`` and ``features`` (float32 ``[P, 45]``) are by prompt, ``vectors`` (float32 ``[M, V]``) by LLM, ``base``
    (log odds ``[M, P]``) is what a base model says of each pair.
    """

    def __init__(
        self,
        module: TransformerScorer,
        tokens: Tokens,
        features: np.ndarray,
        vectors: np.ndarray,
        device: str,
        base: np.ndarray | None = None,
        stop_requested: Callable[[], bool] = lambda: False,
    ) -> None:
        self.module, self.tokens = module, tokens
        self._features, self._vectors = torch.from_numpy(features).to(device), torch.from_numpy(vectors).to(device)
        self._base = None if base is None else torch.from_numpy(base).to(device)
        self._device, self._stop_requested = device, stop_requested
        self.forget()

    def sides(self, prompts: np.ndarray, one: torch.Tensor, other: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Scores of two LLMs on each prompt, ``[B]`` twice, with a gradient: a prompt is encoded once a batch.

        ``prompts`` is int64 ``[B]`` on the host, where batches of tokens are made.
        """
        encoder, network = self.module.encoder, self.module.interaction
        distinct, place = np.unique(prompts, return_inverse=True)
        vectors = encoder(*encoder.batch(self.tokens, distinct))
        asked = network.prompt_side(vectors, self._features[self._there(distinct)])[self._there(place)]
        llms = network.llm_side(self._vectors[torch.cat([one, other])])
        scores = network.pairs(torch.cat([asked, asked]), llms)
        if self._base is not None:
            rows = self._there(prompts)
            scores = scores + self._base[torch.cat([one, other]), torch.cat([rows, rows])]
        return scores[: len(prompts)], scores[len(prompts) :]

    def forget(self) -> None:
        """The weights have changed: what was encoded before is void."""
        self._encoded: torch.Tensor | None = None
        self._known = np.zeros(len(self.tokens), bool)

    def score(self, which: np.ndarray, models: np.ndarray) -> np.ndarray:
        """float64 ``[n]`` of (prompt, LLM) indices, in evaluation mode. A prompt is encoded once until :meth:`forget`.

        Raises :class:`Stopped` when the run was asked to stop.
        """
        was = self.module.training
        self.module.eval()
        scores = [np.zeros(0)]
        with torch.no_grad():
            asked = self._prompt_sides(np.unique(which))
            llms = self.module.interaction.llm_side(self._vectors)
            for at in range(0, len(which), PAIRS):
                rows, ids = self._there(which[at : at + PAIRS]), self._there(models[at : at + PAIRS])
                part = self.module.interaction.pairs(asked[rows], llms[ids])
                scores.append((part if self._base is None else part + self._base[ids, rows]).double().cpu().numpy())
        self.module.train(was)
        return np.concatenate(scores)

    def _prompt_sides(self, wanted: np.ndarray) -> torch.Tensor:
        """The prompts' part of the interaction, by prompt; only ``wanted`` rows are sure to be filled."""
        encoder, network = self.module.encoder, self.module.interaction
        if self._encoded is None:
            width = network.project_prompt.out_features
            self._encoded = torch.zeros(len(self.tokens), width, device=self._device)
        missing = wanted[~self._known[wanted]]
        missing = missing[np.argsort(-self.tokens.lengths[missing], kind="stable")]
        for at in range(0, len(missing), PROMPTS):
            if self._stop_requested():
                raise Stopped("stopped while measuring")
            rows = missing[at : at + PROMPTS]
            there = self._there(rows)
            vectors = encoder(*encoder.batch(self.tokens, rows))
            self._encoded[there] = network.prompt_side(vectors, self._features[there])
            self._known[rows] = True
        return self._encoded

    def _there(self, numbers: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(numbers.astype(np.int64)).to(self._device, non_blocking=True)


def ranking_task(
    context: TrainContext,
    pairs: PromptPairs,
    optimizer: Optimizer,
    decided: np.ndarray,
    *,
    loss: str,
    balanced: bool,
    section: GradientTraining,
    start: OptimizerState | None = None,
) -> Trainee:
    """Learn to rank the decided comparisons (row numbers, int64 ``[n]``), in batches of prompts of similar length.

    ``section`` is the spec: schedule and early stopping are taken from it.
    """
    split, validation = context.data.train, context.data.validation
    _, winner, loser = winners(split, decided, context.device)
    prompt = split.prompt[decided].astype(np.int64)
    lengths = pairs.tokens.lengths[prompt]

    def batch_loss(rows: torch.Tensor) -> torch.Tensor:
        there = rows.to(context.device, non_blocking=True)
        return ranking_loss(loss, *pairs.sides(prompt[rows.numpy()], winner[there], loser[there]))

    def measure() -> dict[str, float | None]:
        pairs.forget()
        return {"accuracy": pairwise_accuracy(*score_rows(pairs.score, validation), validation)}

    return Trainee(
        module=pairs.module,
        optimizer=optimizer,
        order=grouped_by_length(epoch_rows(split, decided, balanced), lengths, context.batch_size),
        loss=batch_loss,
        measure=measure,
        section=section,
        spread=lambda: score_spread(pairs.score, context),
        clip_gradient=1.0,
        loss_scaling=scales_loss(pairs.module.encoder.precision),
        rows_on_host=True,
        start_optimizer=start,
    )
