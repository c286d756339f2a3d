"""A score per prompt and LLM as a product of two vectors, the prompt's projected embedding and a learned one per LLM.

The score of LLM M on prompt q is `w2 · (v_M * (W1 v_q + b))`: `v_q` is the prompt's sentence embedding, `v_M` a learned
vector of unit length, `*` the product by components. Training raises the likelihood of the decided comparisons under
Bradley-Terry, `P(A beats B) = sigmoid(score_A - score_B)`, with Gaussian noise on `v_q`. The paper has a strong and a
weak LLM; here there may be any number, and the scores of all of them on all prompts are one matrix product.

Use it when there are few comparisons, or when scoring must be as cheap as it gets. It is linear in the prompt: a router
with hidden layers, such as `dn_embedding`, can learn more from more data, and only that one scores LLMs it was not
trained on.

Source: Ong et al. (2024), RouteLLM: Learning to Route LLMs with Preference Data, and the code published with it.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from runner.builders.routing._fields.importance_field import InputImportance
from runner.builders.routing._fields.router_fields import PromptEncoderSpec, encoder_option, least_comparisons_option
from runner.contract import option
from runner.data.comparisons import ComparisonsData
from runner.tasks import ranking
from runner.training.cross_validation import CrossValidated
from runner.training.gradient_training import DiagnosedTraining
from runner.training.optimizers import Adam, OptimizerSpec

TASK = ranking.TASK
REQUIRES = ("torch", "transformers", "safetensors", "numpy")


class Spec(CrossValidated, DiagnosedTraining, InputImportance, PromptEncoderSpec):
    """Matrix factorization."""

    data = ComparisonsData
    reads: ClassVar = frozenset({"prompts"})
    row_filters: ClassVar = ("min_model_comparisons",)
    choosable: ClassVar = ("optimizer", "noise", "balance_model_samples")

    model_type: Literal["matrix_factorization"] = option(
        description="The product of a prompt's projected embedding and a learned vector per LLM (RouteLLM)."
    )
    embedding_model_name: str = encoder_option()
    embedding_dim: int = option(128, ge=1, le=65536, description="Length of the learned vector per LLM.")
    text_projection: bool = option(
        True,
        description="Whether a prompt's embedding is projected to embedding_dim; if not, the two must be equally long.",
    )
    noise: float = option(
        0.1,
        ge=0,
        description="Deviation of the Gaussian noise on each component of a prompt's embedding while training.",
    )
    optimizer: OptimizerSpec = option(
        factory=lambda: Adam(optimizer_type="adam"), description="How the weights are trained."
    )
    balance_model_samples: bool = option(True, description="Whether comparisons of rare LLMs are drawn more often.")
    min_model_comparisons: int = least_comparisons_option()
