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

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from runner.builders.routing._boosting.boosting_fields import BoostingSpec
from runner.contract import Needed, TrainContext, TrainResult, option
from runner.store.references import Reference
from runner.tasks import ranking
from runner.tasks.ranking.llm_predictor import LlmPredictor

if TYPE_CHECKING:
    import numpy as np

TASK = ranking.TASK
REQUIRES = ("xgboost", "torch", "transformers", "safetensors", "numpy")


class Spec(BoostingSpec):
    """Gradient boosting."""

    references: ClassVar = {**BoostingSpec.references, "base_model": Needed(task="ranking")}

    model_type: Literal["gradient_boosting"] = option(
        description="Gradient-boosted trees on the prompt's embedding and features and the LLM's embedding."
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


def train(spec: Spec, context: TrainContext) -> TrainResult:
    """Boost on the decided comparisons; the round of the best validation accuracy is kept."""
    import numpy as np

    from runner.builders.routing._boosting.boosting_inputs import importance
    from runner.builders.routing._boosting.boosting_model import Gathered, Stored
    from runner.builders.routing._boosting.rounds import Rows, balance, fit, pairwise
    from runner.builders.routing._neural.rank_losses import decided_rows, winners
    from runner.builders.routing._neural.residual import BaseModel
    from runner.builders.routing._prompts.prompted import conclude
    from runner.tasks.ranking.measuring import pairwise_accuracy

    split, validation = context.data.train, context.data.validation
    decided = decided_rows(split)
    start = Stored.read(context.start_from) if context.start_from else None
    gathered = Gathered.of(spec, context, start)
    base = BaseModel.of(context)
    odds = (
        base.table(context.data, context.emit)
        if base
        else np.zeros((len(split.models), len(split.prompts)), np.float32)
    )

    prompt, winner, loser = (column.numpy() for column in winners(split, decided, "cpu"))
    pairs, row = gathered.pairs(np.concatenate([prompt, prompt]), np.concatenate([winner, loser]))
    held, side = gathered.pairs(
        np.concatenate([validation.prompt, validation.prompt]),
        np.concatenate([validation.model_a, validation.model_b]),
    )
    weights = balance(winner, loser, spec.balance_model_samples)

    def measure(scores: np.ndarray) -> dict[str, float | None]:
        a, b = scores[side].reshape(2, -1)
        return {"accuracy": pairwise_accuracy(a, b, validation)}

    done = fit(
        spec,
        context,
        Rows(pairs.rows(gathered.prompts, gathered.llms), odds[pairs.llm, pairs.prompt]),
        Rows(held.rows(gathered.prompts, gathered.llms), odds[held.llm, held.prompt]),
        pairwise(spec.ranking_loss_type, row[: len(decided)], row[len(decided) :], len(pairs), weights),
        len(decided),
        measure,
        "accuracy",
        start.booster if start else None,
    )
    trees = gathered.scorer(done.booster)

    def score(prompt: np.ndarray, llm: np.ndarray) -> np.ndarray:
        return trees(prompt, llm) + odds[llm, prompt]

    result, temperature = conclude(context, score, done.rounds, done.best_round)
    result.metrics["n_trees"] = done.booster.num_boosted_rounds()
    result.tables["importance"] = importance(gathered.inputs, done.booster)
    gathered.save(context.artifact, done.booster, {"temperature": temperature})
    if base is not None:
        base.save(context.artifact)
    return result


class Predictor(LlmPredictor):
    """The stored trees, on their base model if they have one."""

    embeds_llms: ClassVar[bool] = True

    def __init__(self, directory: Path, device: str) -> None:
        from runner.builders.routing._boosting.boosting_model import BoostedPredictor
        from runner.builders.routing._neural.residual import BaseModel

        self._trees = BoostedPredictor(directory, device)
        self._base = BaseModel.inside(directory, device)

    @classmethod
    def load(cls, directory: Path, device: str = "cpu") -> Predictor:
        """Read what :func:`train` wrote. Raises :class:`IntegrityError` for anything else."""
        return cls(directory, device)

    @property
    def models(self) -> Sequence[str]:
        return self._trees.llms.names

    @property
    def reads_tags(self) -> bool:
        return self._trees.reads_tags or (self._base is not None and self._base.reads_tags)

    def use_cache(self, cache: Path) -> None:
        """Take prompts' embeddings from the cache folder where it has them."""
        self._trees.use_cache(cache)
        if self._base is not None:
            self._base.use_cache(cache)

    def add_llm(self, name: str, prompts: Sequence[str], responses: Sequence[str]) -> None:
        """Know one more LLM, by its (prompt, response) pairs, at least one. A known name is replaced."""
        self._trees.llms.add(name, prompts, responses)
        if self._base is not None:
            self._base.add_llm(name, prompts, responses)

    def score_llms(
        self,
        prompts: Sequence[str],
        models: Sequence[str],
        batch_size: int = 128,
        *,
        histories: Sequence[Sequence[str]] | None = None,
        tags: Any = None,
    ) -> np.ndarray:
        """float64 ``[len(models), len(prompts)]``; a row of NaN for an LLM that is not known."""
        scores = self._trees.table(prompts, models, batch_size, histories, tags)
        if self._base is not None:
            scores += self._base.scores(prompts, models, batch_size, histories=histories, tags=tags)
        return scores
