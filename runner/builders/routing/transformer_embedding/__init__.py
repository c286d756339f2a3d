"""A score per prompt and LLM from a transformer that is fine-tuned to read the prompt, and a learned vector per LLM.

The transformer (`transformer_model_name`, trained as `finetuning_spec` says: by adapters, its last layers, its
biases, or whole) turns the prompt into a vector, pooled as the model's own configuration says. An LLM is known by
what it answers: an embedding of its (prompt, response) pairs (`embedding_spec`) is trained first. The two meet
element by element, `score = head((W [prompt; features] + b) * (V llm + c))`, so that an LLM's vector has no path of
its own to the score; the head has a hidden layer for each of `hidden_dims`. With the ranking loss `margin_ranking`
scores are in [-1, 1] and a winner should lead by 0.1; with `bradley_terry` they are log odds. With a `base_model` the
network learns what that model's log odds leave over. Every prompt is tokenized once, batches hold prompts of similar
length, and a model that is trained on with `start_state` goes on with its optimizer's moments and learning rate.

Use it when there are tens of thousands of comparisons, and time to train or a GPU: reading the prompt is then learned
for the task, where `dn_embedding` takes a sentence embedding as it is, trains in a fraction of the time, and is the
better choice with less data.

Source: fine-tuning as in Hu et al. (2021, LoRA), Dettmers et al. (2023, QLoRA) and Ben Zaken et al. (2021, BitFit);
Reimers and Gurevych (2019) for the pooled transformer; Bradley and Terry (1952) and Burges et al. (2005) for the
losses.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from runner.builders.routing._fields.embedding_kind import Size
from runner.builders.routing._fields.embedding_specs import EmbeddingSpec, Frozen
from runner.builders.routing._fields.importance_field import InputImportance
from runner.builders.routing._fields.prompt_features import FeatureChoice, feature_option
from runner.builders.routing._fields.router_fields import least_comparisons_option
from runner.contract import ModelSpec, Needed, option
from runner.data.comparisons import ComparisonsData
from runner.store.references import Reference
from runner.tasks import ranking
from runner.training.finetuning_specs import FinetuningSpec, Lora
from runner.training.gradient_training import DiagnosedTraining
from runner.training.optimizers import AdamW, OptimizerSpec
from runner.training.precision import TransformerPrecision

TASK = ranking.TASK
REQUIRES = ("torch", "transformers", "peft", "accelerate", "safetensors", "numpy")


class Spec(TransformerPrecision, DiagnosedTraining, InputImportance, ModelSpec):
    """Fine-tuned transformer on an embedding of the LLMs."""

    data = ComparisonsData
    row_filters: ClassVar = ("min_model_comparisons",)
    references: ClassVar = {
        "base_model": Needed(task="ranking"),
        "load_embedding_model_from": Needed(folder="llm_embedding"),
    }

    model_type: Literal["transformer_embedding"] = option(
        description="A fine-tuned transformer reads the prompt; it interacts with a learned embedding of the LLM."
    )
    transformer_model_name: str = option(
        "sentence-transformers/all-MiniLM-L12-v2",
        min_length=1,
        pretrained=True,
        description="The transformer that reads prompts and is fine-tuned: a name or a folder.",
    )
    finetuning_spec: FinetuningSpec = option(
        factory=lambda: Lora(method="lora"), description="Which of the transformer's weights are trained, and how."
    )
    hidden_dims: list[Size] = option(
        factory=lambda: [256, 128],
        min_length=1,
        max_length=32,
        description="Width of every hidden layer behind the interaction, first to last.",
    )
    proj_dim: Size = option(64, description="Width of the projections, of the prompt and of the LLM, that meet.")
    dropout: float = option(0.2, ge=0, lt=1, description="Share of the hidden units that a training step leaves out.")
    max_length: int = option(256, ge=2, le=1_000_000, description="Tokens of a prompt that are read; the rest is cut.")
    prompt_features: FeatureChoice = feature_option("What is read of a prompt beside its embedding")
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
        factory=lambda: AdamW(optimizer_type="adamw", learning_rate=1e-4),
        description="How the weights are trained, the transformer's and the others alike.",
    )
    scoring_head_lr_multiplier: float = option(
        1.0, gt=0, description="The learning rate of what is not the transformer, over the transformer's."
    )
    balance_model_samples: bool = option(True, description="Whether comparisons of rare LLMs are drawn more often.")
    min_model_comparisons: int = least_comparisons_option()
    seed: int = option(42, ge=0, le=2**32 - 1, description="Seed of the training.")
