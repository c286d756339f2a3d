"""Tokens per prompt and LLM: gradient-boosted trees on the prompt's embedding and features and the LLM's embedding.

The length of a response is counted in tokens of the encoder's own tokenizer, without truncation. The trees learn
`(log tokens - mean) / deviation` by squared error, where the mean is the LLM's own in the training split and the
deviation one for all: only what a prompt adds to an LLM's usual length. A row is the prompt's embedding, its 45
features, the embedding of the LLM and, if asked for, the prompt's 12 category tags; every response is a row, whoever
won. One epoch grows one tree, and the number of trees that explains most of the held-out variance (`log_r2`) is kept.
A prediction is `exp(mean + deviation * trees)`, a median kind of estimate: half of the responses are longer, and the
sum of many predictions falls short of the sum of lengths by the metric `total_ratio`; divide by it where a total is
wanted, such as a cost. An LLM that was not in training is predicted from its own (prompt, response) pairs: their mean
log length, and its embedding.

Category tags are the annotations of the published comparisons (`category_tag`). `infer` and `route` take them from the
rows of a JSON Lines or Parquet file, `{"prompt": "...", "category_tags": {"math_v0.1": {"math": true}}}`; a warning
counts the prompts without any.

Use it when there are thousands of responses and no GPU, or to learn which group of inputs matters for lengths (the
table `importance`). With a few hundred, `simple_length_prediction` is as good and takes seconds;
`dn_embedding_length_prediction` follows smooth dependence on the prompt's meaning better.

Source: Chen and Guestrin, XGBoost (2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from runner.builders.routing._boosting.boosting_fields import BoostingSpec
from runner.contract import TrainContext, TrainResult, option
from runner.tasks import length
from runner.tasks.ranking.llm_predictor import LlmPredictor

if TYPE_CHECKING:
    import numpy as np

TASK = length.TASK
REQUIRES = ("xgboost", "torch", "transformers", "tokenizers", "safetensors", "numpy")


class Spec(BoostingSpec):
    """Gradient boosting, for lengths."""

    model_type: Literal["gb_length_prediction"] = option(
        description="Response length in tokens by gradient-boosted trees on embeddings of the prompt and of the LLM."
    )


def train(spec: Spec, context: TrainContext) -> TrainResult:
    """Squared error of standardised log lengths; the round of the best held-out ``log_r2`` is kept."""
    import numpy as np

    from runner.builders.routing._boosting.boosting_inputs import Pairs, importance
    from runner.builders.routing._boosting.boosting_model import Gathered, Stored
    from runner.builders.routing._boosting.rounds import Rows, fit, squared
    from runner.tasks.length.length_rows import LengthRows, TokenCounter, continued, split_rows
    from runner.tasks.length.measuring import conclude, point_metrics
    from runner.training.pretrained import resolve

    start = Stored.read(context.start_from) if context.start_from else None
    counter = TokenCounter.load(context.start_from or resolve(spec.embedding_model_name))
    rows, held, data_scale = split_rows(context.data.train, context.data.validation, counter)
    names, scale = context.data.train.models, data_scale
    if start is not None:
        names, scale = continued(data_scale, names, *_stored_scale(start, context.start_from))
    gathered = Gathered.of(spec, context, start)

    def inputs(some: LengthRows) -> Rows:
        table = Pairs(some.prompt, some.model).rows(gathered.prompts, gathered.llms)
        return Rows(table, np.zeros(len(some), np.float32))

    def measure(values: np.ndarray) -> dict[str, float | None]:
        found = point_metrics(scale.tokens(values, held.model), held, data_scale)
        return {name: found[name] for name in ("log_r2", "relative_accuracy", "mae_tokens")}

    done = fit(
        spec,
        context,
        inputs(rows),
        inputs(held),
        squared(scale.targets(rows)),
        len(rows),
        measure,
        "log_r2",
        start.booster if start else None,
    )
    predicted = scale.tokens(gathered.scorer(done.booster)(held.prompt, held.model), held.model)
    result = conclude(context, rows, held, data_scale, predicted, done.rounds, done.best_round)
    result.metrics["n_trees"] = done.booster.num_boosted_rounds()
    result.tables["importance"] = importance(gathered.inputs, done.booster)
    gathered.save(context.artifact, done.booster, {"models": list(names), "scale": scale.as_json()})
    counter.save(context.artifact)
    return result


class Predictor(LlmPredictor):
    """The stored trees and every LLM's usual length."""

    embeds_llms: ClassVar[bool] = True

    def __init__(self, directory: Path, device: str) -> None:
        from runner.builders.routing._boosting.boosting_model import BoostedPredictor

        self._directory = directory
        self._trees = BoostedPredictor(directory, device)
        self._scale, names = _stored_scale(self._trees.stored, directory)
        self._index = {name: at for at, name in enumerate(names)}

    @classmethod
    def load(cls, directory: Path, device: str = "cpu") -> Predictor:
        """Read what :func:`train` wrote. Raises :class:`IntegrityError` for anything else."""
        return cls(directory, device)

    @property
    def models(self) -> Sequence[str]:
        return list(self._index)

    @property
    def reads_tags(self) -> bool:
        return self._trees.reads_tags

    def use_cache(self, cache: Path) -> None:
        """Take prompts' embeddings from the cache folder where it has them."""
        self._trees.use_cache(cache)

    def add_llm(self, name: str, prompts: Sequence[str], responses: Sequence[str]) -> None:
        """Know one more LLM, by its (prompt, response) pairs, at least one. A known name is replaced."""
        from runner.tasks.length.length_rows import TokenCounter

        self._trees.llms.add(name, prompts, responses)
        self._scale = self._scale.with_llm(TokenCounter.load(self._directory).count(responses))
        self._index[name] = len(self._scale.mean) - 1

    def score_llms(
        self,
        prompts: Sequence[str],
        models: Sequence[str],
        batch_size: int = 128,
        *,
        histories: Sequence[Sequence[str]] | None = None,
        tags: Any = None,
    ) -> np.ndarray:
        """Tokens, float64 ``[len(models), len(prompts)]``, at least 1; a row of NaN for an LLM that is not known."""
        import numpy as np

        rows = [row for row, name in enumerate(models) if name in self._index]
        tokens = np.full((len(models), len(prompts)), np.nan)
        values = self._trees.table(prompts, [models[row] for row in rows], batch_size, histories, tags)
        at = np.array([self._index[models[row]] for row in rows], np.int64)
        tokens[rows] = self._scale.tokens(values, at[:, None])
        return tokens


def _stored_scale(stored: Any, directory: Path | None) -> Any:
    """The scale and its LLMs. Raises :class:`IntegrityError` for a document without them."""
    from runner.builders.routing._boosting.boosting_model import unreadable
    from runner.tasks.length.length_rows import LengthScale

    try:
        scale, names = LengthScale.from_json(stored.document["scale"]), tuple(stored.document["models"])
        if len(names) != len(scale.mean):
            raise ValueError(f"{len(names)} LLMs and {len(scale.mean)} means")
    except (KeyError, TypeError, ValueError) as error:
        raise unreadable(Path(directory or "."), error) from error
    return scale, names
