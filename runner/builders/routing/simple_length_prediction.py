"""Tokens per prompt and LLM: a linear regression per LLM of the log length on the prompt's features.

The length of a response is counted in tokens of the tokenizer that `embedding_model_name` comes with, without
truncation. For every LLM, `log tokens = mean + deviation * (intercept + weights . features)`: the mean is that LLM's
own in the training split, the deviation one for all, and the features are the 45 of a prompt (kind of task, length,
domain, style, conversation, format). The weights are the least squares solution with a ridge penalty `l2` on all but
the intercept, in closed form. A prediction is the `exp` of that, a median kind of estimate: half of the responses are
longer, and the sum of many predictions falls short of the sum of lengths by the metric `total_ratio`; divide by it
where a total is wanted, such as a cost. An LLM that was not in training is predicted from its own (prompt, response)
pairs.

Use it when lengths are wanted in no time: it trains in a second, predicts without an encoder, and its weights can be
read. Where what a prompt says matters more than what kind of prompt it is, `dn_embedding_length_prediction` and
`gb_length_prediction` predict better.

Source: ridge regression, Hoerl and Kennard, "Ridge Regression: Biased Estimation for Nonorthogonal Problems",
Technometrics 12 (1970); least squares per LLM with `l2` 0.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from runner.contract import ModelSpec, TrainContext, TrainResult, option
from runner.data.comparisons import ComparisonsData
from runner.errors import IntegrityError
from runner.store.tensors import read_tensors, write_tensors
from runner.tasks import length
from runner.tasks.ranking.llm_predictor import LlmPredictor

if TYPE_CHECKING:
    import numpy as np

    from runner.builders.routing._prompts.prompted import Standardizer
    from runner.tasks.length.length_rows import LengthScale

TASK = length.TASK
REQUIRES = ("tokenizers", "transformers", "safetensors", "numpy")


class Spec(ModelSpec):
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
        description="The model whose tokenizer counts the tokens: a name or a folder. Its weights are not used.",
    )
    l2: float = option(
        10.0, ge=0, description="Ridge penalty on the weights, in rows of data; 0 is ordinary least squares."
    )
    min_model_comparisons: int = option(
        20, ge=0, description="LLMs with fewer comparisons than this are left out, with their comparisons."
    )


def train(spec: Spec, context: TrainContext) -> TrainResult:
    """Count tokens, solve, measure, store."""
    import numpy as np

    from runner.builders.routing._lengths.length_regression import fit
    from runner.builders.routing._prompts.prompted import Standardizer, prompt_features
    from runner.builders.routing._ratings.agnostic import warn_start_ignored
    from runner.tasks.length.length_rows import TokenCounter, split_rows
    from runner.tasks.length.measuring import conclude
    from runner.training.pretrained import resolve

    warn_start_ignored(context, "simple_length_prediction")
    context.stop_here(0, {}, {})
    names = context.data.train.models
    counter = TokenCounter.load(resolve(spec.embedding_model_name))
    rows, held, scale = split_rows(context.data.train, context.data.validation, counter, context)
    raw = prompt_features(context.data.train)
    standardize = Standardizer.fit(raw[np.unique(context.data.train.prompt)])
    inputs = standardize(raw).astype(np.float64)
    weights = fit(inputs, rows.prompt, rows.model, scale.targets(rows), len(names), spec.l2)
    predicted = scale.tokens(
        np.einsum("nf,nf->n", inputs[held.prompt], weights[held.model, 1:]) + weights[held.model, 0], held.model
    )

    document = {
        "format": 1,
        "models": list(names),
        "l2": spec.l2,
        "scale": scale.as_json(),
        "feature_mean": standardize.mean.tolist(),
        "feature_std": standardize.std.tolist(),
    }
    (context.artifact / "model.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
    write_tensors(context.artifact / "weights.safetensors", {"weights": weights})
    counter.save(context.artifact)
    return conclude(context, rows, held, scale, predicted)


class Predictor(LlmPredictor):
    """The stored weights."""

    embeds_llms: ClassVar[bool] = True

    def __init__(
        self,
        directory: Path,
        names: Sequence[str],
        weights: np.ndarray,
        scale: LengthScale,
        standardize: Standardizer,
        l2: float,
    ) -> None:
        self._directory, self._names = directory, list(names)
        self._weights, self._scale, self._standardize, self._l2 = weights, scale, standardize, l2

    @classmethod
    def load(cls, directory: Path, device: str = "cpu") -> Predictor:
        """Read what :func:`train` wrote. Raises :class:`IntegrityError` for anything else."""
        from runner.builders.routing._prompts.prompted import Standardizer
        from runner.tasks.length.length_rows import LengthScale

        try:
            document = json.loads((directory / "model.json").read_text("utf-8"))
            weights = read_tensors(directory / "weights.safetensors")["weights"]
            scale = LengthScale.from_json(document["scale"])
            standardize = Standardizer(document["feature_mean"], document["feature_std"])
            return cls(directory, document["models"], weights, scale, standardize, float(document["l2"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IntegrityError(
                f"the stored model cannot be read: {error}", where=str(directory), hint="train it again"
            ) from error

    @property
    def models(self) -> Sequence[str]:
        return self._names

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

        from runner.builders.routing._prompts.prompted import distinct_prompts

        index = {name: at for at, name in enumerate(self._names)}
        first, place = distinct_prompts(prompts, histories)
        inputs = self._inputs(
            [prompts[at] for at in first], [() if histories is None else histories[at] for at in first]
        )
        tokens = np.full((len(models), len(first)), np.nan)
        rows = [row for row, name in enumerate(models) if name in index]
        at = np.array([index[models[row]] for row in rows], np.int64)
        values = self._weights[at, 1:] @ inputs.T + self._weights[at, :1]
        tokens[rows] = self._scale.tokens(values, at[:, None])
        return tokens[:, place]

    def add_llm(self, name: str, prompts: Sequence[str], responses: Sequence[str]) -> None:
        """Know one more LLM, by its (prompt, response) pairs, at least one. A known name is replaced."""
        import numpy as np

        from runner.builders.routing._lengths.length_regression import fit
        from runner.tasks.length.length_rows import TokenCounter

        tokens = TokenCounter.load(self._directory).count(responses)
        scale = self._scale.with_llm(tokens)
        last = np.full(len(tokens), len(self._names))
        rows = np.arange(len(tokens))
        inputs = self._inputs(prompts, [()] * len(prompts))
        weights = fit(inputs, rows, np.zeros_like(rows), scale.standardise(tokens, last), 1, max(self._l2, 1.0))
        everyone = [*self._names, name]
        kept = [at for at, known in enumerate(everyone) if known != name or at == len(self._names)]
        self._names = [everyone[at] for at in kept]
        self._weights = np.concatenate([self._weights, weights])[kept]
        self._scale = scale.of(np.array(kept))

    def _inputs(self, prompts: Sequence[str], histories: Sequence[Sequence[str]]) -> np.ndarray:
        import numpy as np

        from runner.builders.routing._prompts.features import features

        return self._standardize(features(prompts, histories)).astype(np.float64)
