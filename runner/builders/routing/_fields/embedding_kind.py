"""The fields that the dense networks on an embedding of the LLMs have in common. Light: checking a spec loads it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from runner.builders.routing._fields.embedding_specs import EmbeddingSpec, Frozen
from runner.builders.routing._fields.importance_field import InputImportance
from runner.builders.routing._fields.prompt_features import FeatureChoice, feature_option
from runner.builders.routing._fields.router_fields import PromptEncoderSpec, encoder_option, least_comparisons_option
from runner.contract import Needed, option
from runner.data.comparisons import ComparisonsData
from runner.store.references import Reference
from runner.training.cross_validation import CrossValidated
from runner.training.gradient_training import DiagnosedTraining

Size = Annotated[int, Field(ge=1, le=65536)]


class EmbeddingKindSpec(CrossValidated, DiagnosedTraining, InputImportance, PromptEncoderSpec):
    """The fields of networks on [prompt embedding; prompt features; LLM vector]."""

    data = ComparisonsData
    row_filters: ClassVar = ("min_model_comparisons",)
    choosable: ClassVar[tuple[str, ...]] = (
        "optimizer", "dropout", "use_skip_connections", "ranking_loss_type", "balance_model_samples",
    )  # fmt: skip
    references: ClassVar = {
        "base_model": Needed(task="ranking"),
        "load_embedding_model_from": Needed(folder="llm_embedding"),
    }

    embedding_model_name: str = encoder_option()
    prompt_features: FeatureChoice = feature_option("What is read of a prompt beside its embedding")
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
    balance_model_samples: bool = option(True, description="Whether comparisons of rare LLMs are drawn more often.")
    min_model_comparisons: int = least_comparisons_option()
    seed: int = option(42, ge=0, le=2**32 - 1, description="Seed of the training.")


class DenseEmbeddingSpec(EmbeddingKindSpec):
    """The same of one dense network."""

    hidden_dims: list[Size] = option(
        factory=lambda: [256, 128, 64],
        min_length=1,
        max_length=32,
        description="Width of every hidden layer, first to last.",
    )
    input_proj_dim: Size = option(64, description="Length that each of the three inputs is projected to.")
