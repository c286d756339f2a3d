"""A score per prompt and LLM: the prompt's embedding and features and a learned vector per LLM, through a dense net.

The sentence embedding of the prompt, its 45 features (numeric ones standardised on the training split) and a vector
that is learned for each LLM are joined, and go through Linear, LeakyReLU(0.1) and dropout 0.2 for each entry of
`hidden_dims`. A last layer and tanh make a score in [-1, 1]. The loss is the margin ranking loss of the decided
comparisons, `max(0, 0.1 - (s_winner - s_loser))`; the epoch of the best validation accuracy is kept.

Use it when the LLMs are few and fixed and each has many comparisons. It knows an LLM by its wins alone: `dn_embedding`
knows it by its answers, and so can score one that it was not trained on.

Without an `optimizer` its weight decay is 0.1, ten times that of a spec that names `adamw` and no decay. On twelve
splits of the packaged sample that had no say in the choice it ranks with an accuracy of 0.942 in place of 0.938 (the
difference has a standard error of 0.0025), and on sixteen of PandaLM's comparisons the two are as good: 0.632 and
0.635, with one of 0.007.

Source: dense layers on sentence embeddings (Reimers and Gurevych, 2019) with a ranking loss.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from runner.builders.routing._fields.importance_field import InputImportance
from runner.builders.routing._fields.prompt_features import FeatureChoice, feature_option
from runner.builders.routing._fields.router_fields import PromptEncoderSpec, encoder_option
from runner.contract import option
from runner.data.comparisons import ComparisonsData
from runner.tasks import ranking
from runner.training.cross_validation import CrossValidated
from runner.training.gradient_training import DiagnosedTraining
from runner.training.optimizers import AdamW, OptimizerSpec

TASK = ranking.TASK
REQUIRES = ("torch", "transformers", "safetensors", "numpy")
Size = Annotated[int, Field(ge=1, le=65536)]


class Spec(CrossValidated, DiagnosedTraining, InputImportance, PromptEncoderSpec):
    """Dense network."""

    data = ComparisonsData
    reads: ClassVar = frozenset({"prompts"})
    choosable: ClassVar = ("optimizer", "hidden_dims", "model_id_embedding_dim")

    model_type: Literal["dense_network"] = option(
        description="A dense network on the prompt's embedding and features and a learned vector per LLM."
    )
    embedding_model_name: str = encoder_option()
    prompt_features: FeatureChoice = feature_option("What is read of a prompt beside its embedding")
    hidden_dims: list[Size] = option(
        factory=lambda: [256, 128, 64], max_length=32, description="Width of every hidden layer, first to last."
    )
    model_id_embedding_dim: int = option(32, ge=1, le=4096, description="Length of the learned vector per LLM.")
    optimizer: OptimizerSpec = option(
        factory=lambda: AdamW(optimizer_type="adamw", weight_decay=0.1),
        description="How the weights are trained. Without it, AdamW with a weight decay of 0.1.",
    )
