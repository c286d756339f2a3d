"""Logistic regression and ridge regression (scikit-learn), stored as arrays and answered without it."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from runner.builders.tabular._learners.column_encoding import Encoding
from runner.builders.tabular._learners.course import Course
from runner.builders.tabular._learners.imputation_and_scaling import Scaling
from runner.builders.tabular._learners.learner import Learner
from runner.builders.tabular._learners.losses import softmax
from runner.builders.tabular._learners.one_hot import OneHot
from runner.builders.tabular._learners.parameters import LinearClassifierParameters, LinearRegressorParameters
from runner.builders.tabular._learners.table import TrainingTable
from runner.store.tensors import read_tensors, write_tensors

ARRAYS = "linear.safetensors"
#: The logit of a class that no training row has: its probability is 0 to 40 digits.
ABSENT = -100.0


class Linear(Learner):
    """``inputs -> encoding @ coefficients + intercept``. Solved in one piece, on one thread of the linear algebra."""

    parameters: LinearClassifierParameters | LinearRegressorParameters
    _encoding: Encoding
    _coefficients: np.ndarray  # float64 [columns, outputs]
    _intercept: np.ndarray  # float64 [outputs]

    def _fit(self, table: TrainingTable, course: Course) -> None:
        from threadpoolctl import threadpool_limits

        course.stop_here(0, lambda: ({}, {}))
        self._encoding = Encoding(
            Scaling.of(table, impute=self.parameters.impute, scale=self.parameters.scale),
            OneHot.of(table.inputs, table.categorical, self.parameters.max_categories),
        )
        columns = self._encoding.transform(table.inputs)
        # The order of a sum depends on the number of threads.
        with threadpool_limits(1):
            if self.n_classes is None:
                self._regress(columns, table)
            else:
                self._classify(columns, table, self.n_classes)
        course.on_progress(1, 1, "steps", {})

    def _regress(self, columns: Any, table: TrainingTable) -> None:
        from sklearn.linear_model import Ridge

        model = Ridge(
            alpha=self.parameters.penalty, fit_intercept=self.parameters.fit_intercept, random_state=self.seed
        )
        model.fit(columns, table.targets, sample_weight=table.weights)
        self._coefficients = np.asarray(model.coef_, np.float64).reshape(-1, 1)
        self._intercept = np.full(1, float(model.intercept_))

    def _classify(self, columns: Any, table: TrainingTable, n_classes: int) -> None:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        self._coefficients = np.zeros((len(self._encoding), n_classes))
        self._intercept = np.full(n_classes, ABSENT)
        present = np.unique(table.targets if table.weights is None else table.targets[table.weights > 0])
        if len(present) == 1:
            self._intercept[present] = 0.0
            return
        assert isinstance(self.parameters, LinearClassifierParameters)
        model = LogisticRegression(
            C=1 / self.parameters.penalty,
            fit_intercept=self.parameters.fit_intercept,
            max_iter=self.parameters.max_iter,
            random_state=self.seed,
        )
        with warnings.catch_warnings():
            # A solver that was told its number of steps and takes them has done as it was told.
            warnings.simplefilter("ignore", ConvergenceWarning)
            warnings.filterwarnings("ignore", message="The number of unique classes")
            model.fit(columns, table.targets, sample_weight=table.weights)
        if len(present) == 2:
            # One row of coefficients, of the second class against the first.
            self._intercept[present] = 0.0, float(model.intercept_[0])
            self._coefficients[:, present[1]] = model.coef_[0]
        else:
            self._intercept[model.classes_] = model.intercept_
            self._coefficients[:, model.classes_] = model.coef_.T

    def _predict(self, inputs: np.ndarray) -> np.ndarray:
        outputs = np.asarray(self._encoding.transform(inputs) @ self._coefficients) + self._intercept
        return outputs[:, 0] if self.n_classes is None else softmax(outputs)

    def _save(self, folder: Path) -> None:
        arrays = {"coefficients": self._coefficients, "intercept": self._intercept}
        write_tensors(folder / ARRAYS, arrays | self._encoding.tensors())

    def _load(self, folder: Path) -> None:
        arrays = read_tensors(folder / ARRAYS)
        self._encoding = Encoding.read(arrays, self.n_features)
        self._coefficients, self._intercept = arrays["coefficients"], arrays["intercept"]
        if self._coefficients.shape != (len(self._encoding), self.n_classes or 1):
            raise ValueError(f"coefficients of shape {self._coefficients.shape}")
