"""Tokens per prompt and LLM: a linear regression per LLM of the log length on the prompt's features.

The length of a response is counted in tokens of the tokenizer that `embedding_model_name` comes with, without
truncation. For every LLM, `log tokens = mean + deviation * (intercept + weights . features)`: the mean is that LLM's
own in the training split, the deviation one for all, and the features are a prompt's, those that `input_features` names
(kind of task, length, domain, style, conversation, format); without any a prediction is the LLM's mean. The weights are
the least squares solution with a ridge penalty `l2` on all but the intercept, in closed form. A prediction is the `exp`
of that, the median kind of estimate of what the length may be, times a factor for each LLM that makes it, on the
held-out responses, what `predict` asks for: the `median` (half of the responses are longer, and the absolute error is
least), the `mean` (the sums agree: for a total, such as a cost), or what has the least `relative` error, |predicted -
actual| / actual, which lies lower the less sure a length is (`exp(-s^2)` of the median where its logarithm is normal
with deviation `s`). How far a sum of predictions is from the sum of lengths is the metric `total_ratio`. An LLM that
was not in training is predicted from its own (prompt, response) pairs, or with `--unknown mean` by one regression on
the responses of all LLMs.

Use it when lengths are wanted in no time: it trains in a second, predicts without an encoder, and its weights can be
read. Where what a prompt says matters more than what kind of prompt it is, `dn_embedding_length_prediction` and
`gb_length_prediction` predict better.

Source: ridge regression, Hoerl and Kennard, "Ridge Regression: Biased Estimation for Nonorthogonal Problems",
Technometrics 12 (1970); least squares per LLM with `l2` 0; Gneiting, "Making and evaluating point forecasts", Journal
of the American Statistical Association 106 (2011), for what is predicted.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from runner.builders.routing._fields.length_fields import LengthFields
from runner.builders.routing._fields.prompt_features import AnyFeatures, feature_option
from runner.contract import option
from runner.data.comparisons import ComparisonsData
from runner.tasks import length

TASK = length.TASK
REQUIRES = ("tokenizers", "transformers", "safetensors", "numpy")


class Spec(LengthFields):
    """Least squares on log lengths."""

    uses_epochs: ClassVar[bool] = False
    uses_batch_size: ClassVar[bool] = False
    data = ComparisonsData
    row_filters: ClassVar = ("min_model_comparisons",)

    model_type: Literal["simple_length_prediction"] = option(
        description="Response length in tokens by a linear regression per LLM on the prompt's features."
    )
    embedding_model_name: str = option(
        "all-MiniLM-L6-v2",
        min_length=1,
        pretrained=True,
        description="The model whose tokenizer counts the tokens: a name or a folder. Its weights are not used.",
    )
    input_features: AnyFeatures = feature_option(
        "The features that lengths are regressed on; with an empty list, an LLM's prediction is its mean"
    )
    use_scaled_features: bool = option(
        True, description="Whether numeric features are standardised, so that `l2` weighs them alike."
    )
    l2: float = option(
        10.0, ge=0, description="Ridge penalty on the weights, in rows of data; 0 is ordinary least squares."
    )
    min_model_comparisons: int = option(
        20, ge=0, description="LLMs with fewer comparisons than this are left out, with their comparisons."
    )
