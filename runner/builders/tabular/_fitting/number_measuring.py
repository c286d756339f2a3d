"""What is particular to numbers: their measures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from runner.builders.tabular._learners.parameters import TabularTask
from runner.contract import Table, TrainContext
from runner.data.table_rows.table_side import TableSplit
from runner.tasks._supervised.measured_baselines import Baselines, Measured
from runner.tasks.regression import TASK
from runner.tasks.regression.measuring import judge, measure_regression, score

Outputs = Mapping[str, np.ndarray]


class NumberMeasuring:
    """Targets that are numbers."""

    task: TabularTask = "regression"
    definition = TASK
    share = False
    needs_folds = False

    def __init__(self, spec: Any, context: TrainContext) -> None:
        self._seed = context.seed
        train: TableSplit = context.data.train
        self._train = train.targets

    def n_classes(self, target: str) -> int | None:
        """None: a number has no classes."""
        return None

    def weights(self, target: str, values: np.ndarray) -> np.ndarray | None:
        """None: all rows count alike."""
        return None

    def choose(self, target: str, outputs: np.ndarray, values: np.ndarray) -> None:
        """Nothing is chosen."""

    def measure(
        self,
        outputs: Outputs,
        actual: Outputs,
        groups: np.ndarray | None = None,
        baselines: Baselines | None = None,
    ) -> tuple[dict[str, Any], list[Table]]:
        """Metrics and tables of numbers for rows that were not learnt from."""
        return measure_regression(outputs, actual, seed=self._seed, groups=groups, baselines=baselines)

    def measured(self, outputs: Outputs, actual: Outputs, groups: np.ndarray | None) -> Measured:
        """The same without tables, and what is redrawn."""
        _, metrics, redrawn = score(judge(outputs, actual), groups, self._seed)
        return metrics, redrawn

    def target_documents(self) -> dict[str, dict[str, Any]]:
        """What is stored of each target: the least and the greatest of training."""
        return {name: {"min": float(values.min()), "max": float(values.max())} for name, values in self._train.items()}

    def parameters(self) -> dict[str, float]:
        """None are calibrated."""
        return {}

    def strata(self, target: str, values: np.ndarray) -> np.ndarray | None:
        """None: rows are divided by their content alone."""
        return None
