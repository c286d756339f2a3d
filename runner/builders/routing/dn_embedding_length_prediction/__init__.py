"""Tokens per prompt and LLM: a dense network on the prompt's embedding and features and the LLM's embedding.

The length of a response is counted in tokens of the encoder's own tokenizer, without truncation. The network learns
`(log tokens - mean) / deviation`, where the mean is the LLM's own in the training split and the deviation one for all:
only what a prompt adds to an LLM's usual length. Its inputs are the prompt's sentence embedding, the 45 prompt features
and the LLM's embedding (`embedding_spec`), each projected to `input_proj_dim`, and a learned vector per LLM of
`model_id_embedding_dim`. They are joined and go through residual blocks, `x + dropout(leaky(norm(linear(x))))`. The
loss is the mean squared error; the epoch kept is the one that explains most of the held-out variance (`log_r2`). A
prediction is `exp(mean + deviation * output)`, the median kind of estimate of what the length may be, times a factor
for each LLM that makes it, on the held-out responses, what `predict` asks for: the `median` (half of the responses are
longer, and the absolute error is least), the `mean` (the sums agree: for a total, such as a cost), or what has the
least `relative` error, |predicted - actual| / actual, which lies lower the less sure a length is (`exp(-s^2)` of the
median where its logarithm is normal with deviation `s`). Epochs are measured before it. How far a sum of predictions is
from the sum of lengths is the metric `total_ratio`. An LLM that was not in training is predicted from its own (prompt,
response) pairs: their mean log length, its embedding, and a learned vector of zeros.

Use it when lengths depend on what is asked, for the expected cost of a route or a limit on tokens: from several
hundred responses on it explains more than `simple_length_prediction`, which takes a second and needs no encoder.
Whether the prompt helps at all is in the table `baselines`: the mean of each LLM has a `log_r2` of 0.

Source: residual blocks, He et al., "Deep Residual Learning for Image Recognition" (CVPR 2016); layer normalisation, Ba
et al. (2016); Gneiting, "Making and evaluating point forecasts", Journal of the American Statistical Association 106
(2011), for what is predicted.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from runner.builders.routing._fields.embedding_specs import EmbeddingSpec, Frozen
from runner.builders.routing._fields.importance_field import InputImportance
from runner.builders.routing._fields.length_fields import LengthFields
from runner.builders.routing._fields.prompt_features import FeatureChoice, feature_option
from runner.contract import Needed, option
from runner.data.comparisons import ComparisonsData
from runner.store.references import Reference
from runner.tasks import length
from runner.training.gradient_training import DiagnosedTraining

TASK = length.TASK
REQUIRES = ("torch", "transformers", "tokenizers", "safetensors", "numpy")
Size = Annotated[int, Field(ge=1, le=65536)]


class Spec(DiagnosedTraining, InputImportance, LengthFields):
    """Dense network on embeddings, for lengths."""

    references: ClassVar = {"load_embedding_model_from": Needed(folder="llm_embedding")}
    data = ComparisonsData
    row_filters: ClassVar = ("min_model_comparisons",)

    model_type: Literal["dn_embedding_length_prediction"] = option(
        description="Response length in tokens by a dense network on embeddings of the prompt and of the LLM."
    )
    hidden_dims: list[Size] = option(
        factory=lambda: [256, 128, 64],
        min_length=1,
        max_length=32,
        description="Width of every residual block, first to last.",
    )
    dropout: float = option(0.2, ge=0, lt=1, description="Dropout after every block.")
    embedding_model_name: str = option(
        "all-MiniLM-L6-v2",
        min_length=1,
        pretrained=True,
        description="The sentence transformer that embeds prompts and counts tokens: a name or a folder.",
    )
    prompt_features: FeatureChoice = feature_option("What is read of a prompt beside its embedding")
    input_proj_dim: Size = option(64, description="Width that each of the three inputs is projected to.")
    model_id_embedding_dim: int = option(64, ge=1, le=4096, description="Length of the learned vector per LLM.")
    embedding_spec: EmbeddingSpec = option(
        factory=lambda: Frozen(embedding_type="frozen"), description="How the LLMs are embedded."
    )
    load_embedding_model_from: Reference | None = option(
        None, description="A stored model (type/name) whose LLM embedding is taken, instead of training one."
    )
    min_model_comparisons: int = option(
        20, ge=0, description="LLMs with fewer comparisons than this are left out, with their comparisons."
    )
    embedding_model_epochs: int = option(10, ge=0, description="Epochs of the LLM embedding's own training.")
    seed: int = option(42, ge=0, le=2**32 - 1, description="Seed of the training.")
