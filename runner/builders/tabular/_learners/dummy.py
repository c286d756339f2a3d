"""What looks at no input: the share of every class, or the mean."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from runner.builders.tabular._learners.course import Course
from runner.builders.tabular._learners.learner import Learner
from runner.builders.tabular._learners.table import TrainingTable
from runner.store.tensors import read_tensors, write_tensors

ARRAYS = "dummy.safetensors"


class Dummy(Learner):
    """Answers every row alike, with the (weighted) shares or mean of the training rows."""

    _answer: np.ndarray  # float64 [classes], or [1]

    def _fit(self, table: TrainingTable, course: Course) -> None:
        weights = np.ones(len(table)) if table.weights is None else table.weights
        if self.n_classes is None:
            self._answer = np.array([weights @ table.targets / weights.sum()])
        else:
            self._answer = np.bincount(table.targets, weights, self.n_classes) / weights.sum()
        course.on_progress(1, 1, "steps", {})

    def _predict(self, inputs: np.ndarray) -> np.ndarray:
        if self.n_classes is None:
            return np.full(len(inputs), self._answer[0])
        return np.tile(self._answer, (len(inputs), 1))

    def _save(self, folder: Path) -> None:
        write_tensors(folder / ARRAYS, {"answer": self._answer})

    def _load(self, folder: Path) -> None:
        self._answer = read_tensors(folder / ARRAYS)["answer"]
        if self._answer.shape != (self.n_classes or 1,):
            raise ValueError(f"an answer of shape {self._answer.shape}")
