"""A score per prompt and LLM: gradient-boosted trees on the prompt's embedding and features and the LLM's embedding.

Each (prompt, LLM) pair is a row of inputs: the prompt's embedding, its 45 features, the embedding of the LLM (made from
what it answered elsewhere) and, if asked for, the prompt's 12 category tags. A comparison binds two rows, the winner's
and the loser's, by a loss of the lead `d = s_winner - s_loser`: `max(0, 1 - d)` (`margin_ranking`) or `-log sigmoid(d)`
(`bradley_terry`). One epoch grows one tree on the gradients of that loss; the number of trees with the best validation
accuracy is kept. Balanced samples weigh a comparison by the inverse frequency of its rarer LLM. On a `base_model` the
trees start from its log odds and learn what it leaves over. An LLM that was not in training is scored from its
(prompt, response) pairs.

Category tags are the annotations of the published comparisons (`category_tag`). `infer` and `route` take them from the
rows of a JSON Lines or Parquet file, `{"prompt": "...", "category_tags": {"math_v0.1": {"math": true}}}`; a warning
counts the prompts without any.

Use it when there are thousands of comparisons, no GPU, and a wish to know which group of inputs matters (the table
`importance`). A neural router such as `dn_embedding` follows smooth preferences with fewer comparisons; a rating
(`bradley_terry_scoring`) is enough where the prompt does not matter, and makes a good `base_model` where it does.

Source: Chen and Guestrin, XGBoost (2016), with the pairwise losses of Bradley and Terry (1952) and of RankNet (Burges
et al., 2005).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from runner.builders.routing._fields.boosting_fields import BoostingSpec, InputGroups, inputs_option
from runner.contract import Needed, option
from runner.store.references import Reference
from runner.tasks import ranking
from runner.training.cross_validation import CrossValidated

TASK = ranking.TASK
REQUIRES = ("xgboost", "torch", "transformers", "safetensors", "numpy")


def _tells_llms_apart(groups: list[str]) -> list[str]:
    if "model_embedding" not in groups:
        raise PydanticCustomError(
            "input_model_embedding", "should name model_embedding: without it every LLM is the same to the trees"
        )
    return groups


class Spec(CrossValidated, BoostingSpec):
    """Gradient boosting."""

    references: ClassVar = {**BoostingSpec.references, "base_model": Needed(task="ranking")}
    choosable: ClassVar = (
        "max_depth", "learning_rate", "colsample_bytree", "colsample_bylevel", "reg_alpha", "reg_lambda",
        "ranking_loss_type", "balance_model_samples",
    )  # fmt: skip

    model_type: Literal["gradient_boosting"] = option(
        description="Gradient-boosted trees on the prompt's embedding and features and the LLM's embedding."
    )
    input_features: Annotated[InputGroups, AfterValidator(_tells_llms_apart)] = inputs_option(
        ("prompt_features", "prompt_embedding", "model_embedding"), "model_embedding has to be there."
    )
    ranking_loss_type: Literal["margin_ranking", "bradley_terry"] = option(
        "margin_ranking",
        description="margin_ranking: the winner should lead by 1. bradley_terry: the likelihood of the outcomes.",
    )
    balance_model_samples: bool = option(
        True, description="Weigh each comparison by the inverse frequency of its rarer LLM."
    )
    base_model: Reference | None = option(
        None,
        description='A stored ranking model, "type/name": the trees learn what its log odds leave over.',
    )
