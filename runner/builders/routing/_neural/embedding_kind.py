"""What the neural kinds on an embedding of the LLMs have in common and is cheap to import: fields, and a predictor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field

from runner.builders.routing._llms.embedding_specs import EmbeddingSpec, Frozen
from runner.contract import ModelSpec, Needed, option
from runner.data.comparisons import ComparisonsData
from runner.store.references import Reference
from runner.tasks.ranking.llm_predictor import LlmPredictor
from runner.training.optimizers import AdamW, OptimizerSpec

if TYPE_CHECKING:
    import numpy as np

    from runner.builders.routing._neural.embedding_router import EmbeddingPredictor

Size = Annotated[int, Field(ge=1, le=65536)]


class EmbeddingKindSpec(ModelSpec):
    """The fields of a network on [prompt embedding; prompt features; LLM vector]."""

    data = ComparisonsData
    row_filters: ClassVar = ("min_model_comparisons",)
    references: ClassVar = {
        "base_model": Needed(task="ranking"),
        "load_embedding_model_from": Needed(folder="llm_embedding"),
    }

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


class EmbeddingKindPredictor(LlmPredictor):
    """The stored network with its own copies of all that it stands on. A kind says what its network is."""

    embeds_llms: ClassVar[bool] = True

    def __init__(self, stored: EmbeddingPredictor) -> None:
        self._stored = stored

    @staticmethod
    def network(shape: Mapping[str, Any], sizes: tuple[int, int, int]) -> Any:
        """A network with ``prompt_side``, ``llm_side`` and ``scores``, its weights still to come."""
        raise NotImplementedError

    @classmethod
    def load(cls, directory: Path, device: str = "cpu") -> Self:
        """Read what the kind wrote. Raises :class:`~runner.errors.IntegrityError` for anything else."""
        from runner.builders.routing._neural.embedding_router import EmbeddingPredictor

        return cls(EmbeddingPredictor(directory, device, cls.network))

    @property
    def models(self) -> Sequence[str]:
        """The LLMs that it knows."""
        return self._stored.models

    @property
    def reads_tags(self) -> bool:
        return self._stored.reads_tags

    def use_cache(self, cache: Path) -> None:
        """Take prompts' embeddings from the cache folder where it has them."""
        self._stored.use_cache(cache)

    def add_llm(self, name: str, prompts: Sequence[str], responses: Sequence[str]) -> None:
        """Know one more LLM, by its (prompt, response) pairs, at least one. A known name is replaced."""
        self._stored.add_llm(name, prompts, responses)

    def score_llms(
        self,
        prompts: Sequence[str],
        models: Sequence[str],
        batch_size: int = 128,
        *,
        histories: Sequence[Sequence[str]] | None = None,
        tags: Any = None,
    ) -> np.ndarray:
        """float64 ``[len(models), len(prompts)]``; a row of NaN for an LLM that is not known.

        On a base model they are log odds: the base model's and the residual.
        """
        return self._stored.score_llms(prompts, models, batch_size, histories=histories, tags=tags)
