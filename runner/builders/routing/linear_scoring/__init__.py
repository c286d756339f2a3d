"""A score per prompt and LLM: one linear map per LLM on the prompt's sentence embedding, a leaderboard for each prompt.

The score is `w_M . x + b_M`, where `x` is the embedding of any sentence encoder and, where they help, the prompt
features. The maps are those of the greatest Bradley-Terry likelihood, `P(A beats B) = sigmoid(score_A - score_B)`, with
a penalty of `l2 / 2 * |w|^2` on the mean loss. The problem is convex, and L-BFGS solves it in float64: the same data
gives the same maps. The terms `b` are not held back, so with a large `l2` what is left is the Bradley-Terry rating, the
same for every prompt. Scores are log odds.

Use it when a router is begun, beside `knn_scoring`: one that is trained for minutes and does not beat the better of
the two is not worth it. Where an answer hangs on how things in the prompt go together, a network can learn more,
from more data.

Source: Frick et al., "Prompt-to-Leaderboard", arXiv:2502.14855 (2025), of which this is the head on a frozen encoder;
Bradley and Terry (1952).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from runner.builders.routing._fields.importance_field import InputImportance
from runner.builders.routing._fields.router_fields import FixedEmbeddingSpec, encoder_option, least_comparisons_option
from runner.contract import option
from runner.tasks import ranking

TASK = ranking.TASK
REQUIRES = ("torch", "transformers", "safetensors", "numpy", "scipy")


class Spec(InputImportance, FixedEmbeddingSpec):
    """Linear map."""

    model_type: Literal["linear_scoring"] = option(
        description="One linear map per LLM on the prompt's embedding: a Bradley-Terry leaderboard for each prompt."
    )
    embedding_model_name: str = encoder_option()
    prompt_features: Literal["auto"] | bool = option(
        "auto",
        description="Whether the map reads the prompt features too; auto tries both, by cross-validation over prompts.",
    )
    l2: Literal["auto"] | Annotated[float, Field(gt=0, le=1e6)] = option(
        "auto",
        description="Weight of the penalty on the maps beside the mean loss; auto tries 0.1 down to 1e-5, by "
        "cross-validation over prompts.",
    )
    half_wins: Literal["none", "ties", "ties_and_both_bad"] = option(
        "ties",
        description="Which comparisons without a winner are half a win for each side; the others are left out.",
    )
    min_model_comparisons: int = least_comparisons_option()
