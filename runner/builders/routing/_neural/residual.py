"""A stored model underneath another: the upper one learns what the lower one leaves over (``base_model``).

The artifact carries a whole copy of the lower model, so it is loaded from its own folder alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from runner import registry
from runner.builders.routing._prompts.prompted import distinct_prompts
from runner.contract import LoadedData, TrainContext
from runner.data.category_tags import prompt_tags
from runner.data.comparisons import Comparisons
from runner.store.file_copies import copy_tree
from runner.store.manifest import Manifest
from runner.tasks.ranking.llm_predictor import LlmPredictor, llm_predictor
from runner.tasks.ranking.pair_inputs import Part

#: The copy's folder in the artifact of the model above.
FOLDER = "base_model"
FIELD = "base_model"


class BaseModel:
    """The lower model's scores as log odds: divided by the temperature that its own training fitted.

    Whatever its scale is (rating points, a tanh), ``sigmoid(score_a - score_b)`` is then its probability that a wins.
    An LLM that it does not know gets 0, its scale's middle: the upper model learns all of that LLM.
    """

    def __init__(self, folder: Path, predictor: LlmPredictor, temperature: float) -> None:
        self._folder, self._predictor, self._temperature = folder, predictor, temperature

    @classmethod
    def load(cls, folder: Path, device: str = "cpu") -> BaseModel:
        """From a stored model's folder, manifest included."""
        temperature = Manifest.read(folder).parameter("temperature") or 1.0
        return cls(folder, llm_predictor(registry.predictor(folder, device)), temperature)

    @classmethod
    def of(cls, context: TrainContext) -> BaseModel | None:
        """The one that the spec names, or that the model to start from stands on; None without."""
        start = context.start_from / FOLDER if context.start_from else None
        folder = start if start is not None and start.is_dir() else context.stored.get(FIELD)
        base = cls.load(folder, context.device) if folder else None
        if base is not None:
            base.use_cache(context.cache)
        return base

    @classmethod
    def inside(cls, artifact: Path, device: str = "cpu") -> BaseModel | None:
        """The copy that an artifact carries, or None."""
        return cls.load(artifact / FOLDER, device) if (artifact / FOLDER).is_dir() else None

    def save(self, artifact: Path) -> None:
        """Copy the lower model, manifest and all, into the upper one's artifact."""
        copy_tree(self._folder, artifact / FOLDER)

    def use_cache(self, cache: Path) -> None:
        """Let the lower model take prompts' embeddings from the cache folder, if it embeds any."""
        self._predictor.use_cache(cache)

    def add_llm(self, name: str, prompts: Sequence[str], responses: Sequence[str]) -> None:
        """Let the lower model know one more LLM, if it can: else it starts from 0 there, unless it is known already."""
        if self._predictor.embeds_llms:
            self._predictor.add_llm(name, prompts, responses)

    def add_average(self, name: str) -> None:
        """Let the lower model know one more LLM as the mean of its own, if it has such a mean and not that LLM."""
        if self._predictor.has_average and name not in set(self._predictor.models):
            self._predictor.add_average(name)

    def scores(
        self,
        prompts: Sequence[str],
        models: Sequence[str],
        batch_size: int = 128,
        *,
        histories: Sequence[Sequence[str]] | None = None,
        tags: Any = None,
    ) -> np.ndarray:
        """Log odds, float64 ``[len(models), len(prompts)]``; 0 for an LLM that the lower model does not know."""
        table = self._predictor.score_llms(prompts, models, batch_size, histories=histories, tags=tags)
        return np.nan_to_num(table, nan=0.0) / self._temperature

    def part(
        self,
        prompts: Sequence[str],
        llms: Sequence[str],
        batch_size: int,
        histories: Sequence[Sequence[str]] | None,
        tags: Any,
    ) -> Part:
        """The log odds of pairs, ``[n]`` each, as an input of the model above, float64 ``[n, 1]``."""
        first, place = distinct_prompts(prompts, histories)
        names = {name: row for row, name in enumerate(dict.fromkeys(llms))}
        table = self.scores(
            [prompts[at] for at in first],
            list(names),
            batch_size,
            histories=None if histories is None else [histories[at] for at in first],
            tags=None if tags is None else np.asarray(tags)[first],
        )
        rows = np.array([names[name] for name in llms], np.int64)
        return Part(FIELD, table[rows, place][:, None], "pair")

    @property
    def reads_tags(self) -> bool:
        """Whether the lower model's scores depend on a prompt's category tags."""
        return self._predictor.reads_tags

    def table(self, data: LoadedData, emit: Callable[..., None]) -> np.ndarray:
        """The log odds of every LLM on every distinct prompt of a data set: float32 ``[len(models), len(prompts)]``.

        An LLM that the lower model does not know is told of.
        """
        comparisons: Comparisons = data.train
        strangers = [name for name in comparisons.models if name not in set(self._predictor.models)]
        if strangers:
            emit(
                "warning",
                message=f"the base model does not know {', '.join(strangers)}: they start from 0",
                pointer=f"/model/spec/{FIELD}",
            )
        prompts, models, histories = comparisons.prompts, comparisons.models, comparisons.histories
        tags = prompt_tags((data.train, data.validation))
        return self.scores(prompts, models, histories=histories, tags=tags).astype(np.float32)
