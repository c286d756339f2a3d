"""The fields of the boosted kinds' specs. Light: checking a spec loads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from runner.builders.routing._fields.embedding_specs import EmbeddingSpec, Frozen
from runner.builders.routing._fields.importance_field import InputImportance
from runner.builders.routing._fields.prompt_features import FeatureChoice, feature_option
from runner.builders.routing._fields.router_fields import PromptEncoderSpec, encoder_option, least_comparisons_option
from runner.contract import Needed, option
from runner.data.comparisons import ComparisonsData
from runner.store.references import Reference

#: Words that specs have for a group of inputs beside its present one.
OLDER_GROUPS = {"categories": "prompt_categories", "llm_embedding": "model_embedding"}


def _once_each(groups: list[str]) -> list[str]:
    if len(set(groups)) < len(groups):
        raise PydanticCustomError("input_twice", "should name each group of inputs once")
    return groups


InputGroups = Annotated[
    list[Literal["prompt_features", "prompt_embedding", "prompt_categories", "model_embedding", "model_id"]],
    AfterValidator(_once_each),
]


def inputs_option(default: Sequence[str], description: str) -> Any:
    """The field ``input_features``: what the trees see."""
    return option(
        factory=lambda: list(default),
        min_length=1,
        older_words=OLDER_GROUPS,
        description="What the trees see: prompt_features, prompt_embedding, prompt_categories (the data's 12 category "
        "tags of a prompt, unknown where it has none), model_embedding (the LLM's), model_id (which LLM it is: a "
        f"column for each in training). {description}",
    )


class BoostingSpec(InputImportance, PromptEncoderSpec):
    """Trees on what is known of a prompt and of an LLM; a kind adds ``input_features``."""

    #: A round sees every row: there are no batches.
    uses_batch_size: ClassVar[bool] = False
    data = ComparisonsData
    row_filters: ClassVar = ("min_model_comparisons",)
    references: ClassVar = {"load_embedding_model_from": Needed(folder="llm_embedding")}

    max_depth: int = option(6, ge=1, le=24, description="The most splits between a tree's root and a leaf.")
    learning_rate: float = option(0.1, gt=0, le=1, description="Share of a tree's step that is taken.")
    colsample_bytree: float = option(
        1.0, gt=0, le=1, description="Share of the input columns that a tree may split on, drawn anew for each tree."
    )
    colsample_bylevel: float = option(
        1.0,
        gt=0,
        le=1,
        description="Share of those columns that a level of the tree may split on, drawn anew for each.",
    )
    reg_alpha: float = option(0.0, ge=0, description="L1 regularisation of the leaves.")
    reg_lambda: float = option(1.0, ge=0, description="L2 regularisation of the leaves.")
    embedding_model_name: str = encoder_option()
    prompt_features: FeatureChoice = feature_option("What prompt_features are")
    embedding_spec: EmbeddingSpec = option(
        factory=lambda: Frozen(embedding_type="frozen"),
        description="How an LLM's answers become its vector.",
    )
    load_embedding_model_from: Reference | None = option(
        None,
        description='A stored model, "type/name", whose embedding of the LLMs is used instead of training one.',
    )
    embedding_model_epochs: int = option(10, ge=0, description="Epochs that the embedding of the LLMs is trained for.")
    min_model_comparisons: int = least_comparisons_option()
    #: A kind narrows it, and says what it is by default.
    input_features: InputGroups
    seed: int = option(42, ge=0, le=2**32 - 1, description="Seed of the training.")
