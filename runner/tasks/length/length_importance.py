"""Held-out responses, and how a predicted length is judged, for what each input is worth."""

from __future__ import annotations

import numpy as np

from runner.data.comparisons import Comparisons
from runner.tasks.length import TASK
from runner.tasks.length.length_rows import LengthRows
from runner.tasks.ranking.input_importance import Judged


def of_lengths(comparisons: Comparisons, rows: LengthRows) -> Judged:
    """The responses of some comparisons, and their relative errors."""

    def losses(scores: np.ndarray, some: np.ndarray) -> np.ndarray:
        return np.asarray(np.abs(1 - scores[0] / rows.tokens[some]))

    return Judged(comparisons, rows.prompt, rows.model[None], losses, TASK.headline, TASK.held_out_noun)
