"""Asking a stored model: once a prompt, for all LLMs, through the same door as ``runner infer``."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runner import registry
from runner.data.comparisons import Comparisons
from runner.errors import RunFailed
from runner.evaluation.shared_holdout import prompt_tags
from runner.tasks.ranking.llm_predictor import LlmPredictor, llm_predictor

#: Prompts that the model is asked about before the clock runs, so that what loads late has loaded.
WARM_UP = 2


@dataclass(frozen=True)
class Asked:
    """What a model says about the held-out prompts."""

    #: float64 ``[len(models), len(prompts)]``
    table: np.ndarray
    #: The prompts, indices into the comparisons' own: int64, sorted.
    prompts: np.ndarray
    models: tuple[str, ...]
    #: Seconds for the whole table, every prompt read anew.
    seconds: float

    @property
    def per_thousand(self) -> float:
        """Milliseconds for a thousand (prompt, LLM) pairs, with this many LLMs a prompt."""
        return 1e6 * self.seconds / self.table.size

    @property
    def reads_prompts(self) -> bool:
        """Whether an LLM's score differs from prompt to prompt."""
        return bool((np.ptp(self.table, axis=1) > 1e-9 * np.abs(self.table).max(initial=1e-300)).any())

    def of(self, rows: Comparisons, llm: np.ndarray) -> np.ndarray:
        """What it says of one side of each comparison, float64 ``[n]``; ``llm`` is int ``[n]``, as in ``rows``."""
        place = {name: at for at, name in enumerate(self.models)}
        line = np.array([place.get(name, -1) for name in rows.models])
        return self.table[line[llm], np.searchsorted(self.prompts, rows.prompt)]


def load(kind: str, folder: Path, device: str) -> LlmPredictor:
    """The stored model, ready to be asked. Raises :class:`EnvironmentProblem` where a package is missing."""
    registry.require(kind)
    builder = registry.load(kind)
    # A kind that computes without torch has no device to choose.
    return llm_predictor(builder.Predictor.load(folder, device=device if "torch" in builder.REQUIRES else "cpu"))


def ask(predictor: LlmPredictor, rows: Comparisons, models: tuple[str, ...], batch_size: int = 128) -> Asked:
    """Every prompt of the comparisons and every one of these LLMs, which the model knows.

    Raises :class:`RunFailed` where it has no finite number to give.
    """
    prompts = np.unique(rows.prompt)
    histories, tags = [rows.histories[at] for at in prompts], prompt_tags(rows, prompts)
    texts = [rows.prompts[at] for at in prompts]
    early = None if tags is None else tags[:WARM_UP]
    predictor.score_llms(texts[:WARM_UP], models, batch_size, histories=histories[:WARM_UP], tags=early)
    started = time.perf_counter()
    table = np.asarray(predictor.score_llms(texts, models, batch_size, histories=histories, tags=tags), np.float64)
    seconds = time.perf_counter() - started
    if table.shape != (len(models), len(texts)) or not np.isfinite(table).all():
        lost = [name for name, line in zip(models, table, strict=False) if not np.isfinite(line).all()]
        raise RunFailed(f"its scores are not all numbers: {', '.join(lost[:5]) or f'an array of shape {table.shape}'}")
    return Asked(table, prompts, models, seconds)
