"""A score that is computed for all LLMs at once, and once a prompt."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


class TableScore:
    """``score(prompt indices, LLM indices)`` from a function of prompts, int ``[Q]``, to ``[Q, M]``."""

    def __init__(self, of_prompts: Callable[[np.ndarray], np.ndarray], n_prompts: int) -> None:
        self._of_prompts = of_prompts
        self._rows: list[np.ndarray] = []
        self._place = np.full(n_prompts, -1, np.int64)
        self._size = 0

    def __call__(self, which: np.ndarray, llms: np.ndarray) -> np.ndarray:
        """float64 ``[n]``, both int ``[n]``."""
        prompts, place = np.unique(which, return_inverse=True)
        return self.table(prompts)[place, llms]

    def table(self, prompts: np.ndarray) -> np.ndarray:
        """float64 ``[len(prompts), M]``; what was asked before is not computed again."""
        new = prompts[self._place[prompts] < 0]
        if len(new) or not self._rows:
            made = self._of_prompts(new)
            self._place[new] = self._size + np.arange(len(new))
            self._size += len(new)
            self._rows = [np.concatenate([*self._rows, made])]
        return self._rows[0][self._place[prompts]]
