"""Asking a stored model: once a prompt, for all LLMs, through the same door as ``runner infer``."""

from __future__ import annotations

import inspect
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from runner import registry
from runner.contract import Predictor
from runner.data.comparisons import Comparisons
from runner.errors import RunFailed
from runner.evaluation.shared_holdout import prompt_tags

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


def load(kind: str, folder: Path, device: str) -> Predictor:
    """The stored model, ready to be asked. Raises :class:`EnvironmentProblem` where a package is missing."""
    registry.require(kind)
    builder = registry.load(kind)
    # A kind that computes without torch has no device to choose.
    return builder.Predictor.load(folder, device=device if "torch" in builder.REQUIRES else "cpu")


def ask(predictor: Predictor, rows: Comparisons, models: tuple[str, ...], batch_size: int = 128) -> Asked:
    """Every prompt of the comparisons and every one of these LLMs, which the model knows.

    Raises :class:`RunFailed` where it has no finite number to give.
    """
    prompts = np.unique(rows.prompt)
    given: dict[str, Any] = {
        "histories": [rows.histories[at] for at in prompts],
        "tags": prompt_tags(rows, prompts),
    }
    # A kind of somebody else's may take the prompts alone.
    taken = inspect.signature(predictor.predict).parameters
    anything = any(word.kind is word.VAR_KEYWORD for word in taken.values())
    given = {name: value for name, value in given.items() if anything or name in taken}
    texts = [rows.prompts[at] for at in prompts]
    early = {name: value[:WARM_UP] if value is not None else None for name, value in given.items()}
    predictor.predict(texts[:WARM_UP], models, batch_size, **early)
    started = time.perf_counter()
    table = np.asarray(predictor.predict(texts, models, batch_size, **given), np.float64)
    seconds = time.perf_counter() - started
    if table.shape != (len(models), len(texts)) or not np.isfinite(table).all():
        lost = [name for name, line in zip(models, table, strict=False) if not np.isfinite(line).all()]
        raise RunFailed(f"its scores are not all numbers: {', '.join(lost[:5]) or f'an array of shape {table.shape}'}")
    return Asked(table, prompts, models, seconds)
