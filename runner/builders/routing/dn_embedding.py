"""A score per prompt and LLM from the prompt's embedding and features and a vector that is learned of an LLM's answers.

An LLM is known by what it answers: an embedding of its (prompt, response) pairs (`embedding_spec`) is trained first.
Then prompt embedding, 45 prompt features and LLM vector are each projected to `input_proj_dim` numbers, joined, and sent
through blocks of Linear, LayerNorm, LeakyReLU(0.1) and dropout, with skip connections if wanted. With the ranking loss
`margin_ranking` scores are in [-1, 1] and a winner should lead by 0.1, `max(0, 0.1 - (s_winner - s_loser))`; with
`bradley_terry` they are log odds, `-log sigmoid(s_winner - s_loser)`. With a `base_model` the network learns what that
model's log odds leave over: `score = base + residual`, and a new residual is 0 everywhere.

Use it when which LLM answers better depends on the prompt, or when LLMs come that were not there in training: `runner
infer --responses-of` scores them by their answers. With a few hundred comparisons `matrix_factorization` or a
prompt-agnostic rating is the safer choice, or this one with such a rating as its `base_model`.

Source: dense layers on sentence embeddings; Bradley and Terry (1952) and Burges et al. (2005) for the losses; He et al.
(2015) for the initialisation; the frozen LLM embedding by triplets after Schroff et al. (2015).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from runner.builders.routing._embedding_specs import EmbeddingSpec, Frozen
from runner.contract import ModelSpec, Needed, TrainContext, TrainResult, option
from runner.data.comparisons import ComparisonsData
from runner.store.references import Reference
from runner.training.optimizers import AdamW, OptimizerSpec, make

if TYPE_CHECKING:
    import numpy as np

    from runner.builders.routing._embedding_networks import EmbeddingScorer
    from runner.builders.routing._embedding_router import EmbeddingPredictor

REQUIRES = ("torch", "transformers", "safetensors", "numpy")
Size = Annotated[int, Field(ge=1, le=65536)]


class Spec(ModelSpec):
    """Dense network on an embedding of the LLMs."""

    data = ComparisonsData
    references: ClassVar = {
        "base_model": Needed(task="ranking"),
        "load_embedding_model_from": Needed(folder="llm_embedding"),
    }

    model_type: Literal["dn_embedding"] = option(
        description="A dense network on the prompt's embedding and features and a learned embedding of the LLM."
    )
    embedding_model_name: str = option(
        "all-MiniLM-L6-v2",
        min_length=1,
        description="The sentence transformer that embeds prompts: a name or a folder.",
    )
    hidden_dims: list[Size] = option(
        factory=lambda: [256, 128, 64],
        min_length=1,
        max_length=32,
        description="Width of every hidden layer, first to last.",
    )
    input_proj_dim: Size = option(64, description="Length that each of the three inputs is projected to.")
    dropout: float = option(0.2, ge=0, lt=1, description="Share of the hidden units that a training step leaves out.")
    use_skip_connections: bool = option(
        True, description="Whether a layer's input is added to its output, projected where their widths differ."
    )
    ranking_loss_type: Literal["margin_ranking", "bradley_terry"] = option(
        "margin_ranking", description="margin_ranking (scores in [-1, 1], margin 0.1) or bradley_terry (log odds)."
    )
    base_model: Reference | None = option(
        None, description='A stored ranking model, "type/name": what it leaves over is learned on top of its scores.'
    )
    embedding_spec: EmbeddingSpec = option(
        factory=lambda: Frozen(embedding_type="frozen"), description="How an LLM's answers become its vector."
    )
    load_embedding_model_from: Reference | None = option(
        None, description='A stored model, "type/name", whose embedding of the LLMs is used instead of training one.'
    )
    embedding_model_epochs: int = option(10, ge=0, description="Epochs that the embedding of the LLMs is trained for.")
    optimizer: OptimizerSpec = option(
        factory=lambda: AdamW(optimizer_type="adamw"), description="How the weights are trained."
    )
    balance_model_samples: bool = option(True, description="Whether comparisons of rare LLMs are drawn more often.")
    min_model_comparisons: int = option(
        20, ge=1, description="LLMs in fewer comparisons than this are dropped, with their comparisons."
    )
    seed: int = option(42, ge=0, le=2**32 - 1, description="Seed of the training.")


def train(spec: Spec, context: TrainContext) -> TrainResult:
    """Rank the decided comparisons; gradients are clipped at norm 1; the epoch of the best accuracy is kept."""
    import torch

    from runner.builders.routing._embedding_router import Inputs, Stored
    from runner.builders.routing._rank_training import Scorer, fit_and_conclude, ranking_task
    from runner.builders.routing._ranking import decided_rows

    decided = decided_rows(context.data.train)
    start = Stored(context.start_from) if context.start_from else None
    inputs = Inputs.gather(context, spec.embedding_model_name, spec.embedding_spec, spec.embedding_model_epochs, start)
    shape = {
        "projection": spec.input_proj_dim,
        "hidden": spec.hidden_dims,
        "dropout": spec.dropout,
        "skip": spec.use_skip_connections,
        "bounded": spec.ranking_loss_type == "margin_ranking",
    }
    torch.manual_seed(context.seed)
    network = _network(shape, inputs.sizes, residual=inputs.base is not None)
    if start is not None:
        start.load_into(network)
    network.to(context.device)

    scorer = Scorer(network, lambda which, llms: network(*inputs.pair(which, llms)), context.device, inputs.base_scores)
    task = ranking_task(
        context,
        scorer,
        make(spec.optimizer, network.named_parameters()),
        decided,
        loss=spec.ranking_loss_type,
        balanced=spec.balance_model_samples,
        clip_gradient=1.0,
    )
    _, result, temperature = fit_and_conclude(context, task, scorer)
    inputs.save(context.artifact, network, shape, temperature)
    return result


def _network(shape: Mapping[str, Any], sizes: tuple[int, int, int], residual: bool = False) -> EmbeddingScorer:
    from runner.builders.routing._embedding_networks import EmbeddingScorer

    return EmbeddingScorer(sizes, **shape, residual=residual)


class Predictor:
    """The stored network with its own copies of all that it stands on."""

    def __init__(self, stored: EmbeddingPredictor) -> None:
        self._stored = stored

    @classmethod
    def load(cls, directory: Path, device: str = "cpu") -> Predictor:
        """Read what :func:`train` wrote. Raises :class:`~runner.errors.IntegrityError` for anything else."""
        from runner.builders.routing._embedding_router import EmbeddingPredictor

        return cls(EmbeddingPredictor(directory, device, _network))

    @property
    def models(self) -> Sequence[str]:
        return self._stored.models

    def use_cache(self, cache: Path) -> None:
        """Take prompts' embeddings from the cache folder where it has them."""
        self._stored.use_cache(cache)

    def add_llm(self, name: str, prompts: Sequence[str], responses: Sequence[str]) -> None:
        """Know one more LLM, by its (prompt, response) pairs, at least one. A known name is replaced."""
        self._stored.add_llm(name, prompts, responses)

    def predict(
        self,
        prompts: Sequence[str],
        models: Sequence[str],
        batch_size: int = 128,
        *,
        histories: Sequence[Sequence[str]] | None = None,
        tags: Any = None,
    ) -> np.ndarray:
        """float64 ``[len(models), len(prompts)]``; a row of NaN for an LLM that is not known."""
        return self._stored.predict(prompts, models, batch_size, histories=histories, tags=tags)
