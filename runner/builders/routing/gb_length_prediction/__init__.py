"""Tokens per prompt and LLM: gradient-boosted trees on the prompt's embedding and features and the LLM's embedding.

The length of a response is counted in tokens of the encoder's own tokenizer, without truncation. The trees learn `(log
tokens - mean) / deviation` by squared error, where the mean is the LLM's own in the training split and the deviation
one for all: only what a prompt adds to an LLM's usual length. A row is what `input_features` names: the prompt's
embedding and features, the embedding of the LLM, a column for each LLM that was in training and, if asked for, the
prompt's 12 category tags; every response is a row, whoever won. One epoch grows one tree, and the number of trees that
explains most of the held-out variance (`log_r2`) is kept. A prediction is `exp(mean + deviation * trees)`, the median
kind of estimate of what the length may be, times a factor for each LLM that makes it, on the held-out responses, what
`predict` asks for: the `median` (half of the responses are longer, and the absolute error is least), the `mean` (the
sums agree: for a total, such as a cost), or what has the least `relative` error, |predicted - actual| / actual, which
lies lower the less sure a length is (`exp(-s^2)` of the median where its logarithm is normal with deviation `s`).
Epochs are measured before it. How far a sum of predictions is from the sum of lengths is the metric `total_ratio`. An
LLM that was not in training is predicted from its own (prompt, response) pairs: their mean log length, and its
embedding.

Category tags are the annotations of the published comparisons (`category_tag`). `infer` and `route` take them from the
rows of a JSON Lines or Parquet file, `{"prompt": "...", "category_tags": {"math_v0.1": {"math": true}}}`; a warning
counts the prompts without any.

Use it when there are thousands of responses and no GPU, or to learn which group of inputs matters for lengths (the
table `importance`). With a few hundred, `simple_length_prediction` is as good and takes seconds;
`dn_embedding_length_prediction` follows smooth dependence on the prompt's meaning better.

Source: Chen and Guestrin, XGBoost (2016); Gneiting, "Making and evaluating point forecasts", Journal of the American
Statistical Association 106 (2011), for what is predicted.
"""

from __future__ import annotations

from typing import Literal

from runner.builders.routing._fields.boosting_fields import BoostingSpec, InputGroups, inputs_option
from runner.builders.routing._fields.length_fields import LengthFields
from runner.contract import option
from runner.tasks import length

TASK = length.TASK
REQUIRES = ("xgboost", "torch", "transformers", "tokenizers", "safetensors", "numpy")


class Spec(LengthFields, BoostingSpec):
    """Gradient boosting, for lengths."""

    model_type: Literal["gb_length_prediction"] = option(
        description="Response length in tokens by gradient-boosted trees on embeddings of the prompt and of the LLM."
    )
    input_features: InputGroups = inputs_option(
        ("prompt_features", "model_embedding", "prompt_embedding", "model_id"),
        "Without the last two the trees say what a prompt adds to any LLM's usual length.",
    )
